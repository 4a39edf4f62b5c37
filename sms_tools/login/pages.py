"""The approval page of a team's server: whoever says yes has logged in with the provider.

Authorization code with PKCE (RFC 7636). A session is a random value in a cookie, of which the state
keeps a digest, so that every replica knows it; it says who it is and with which roles, for eight
hours. Forms are sealed and come from this origin alone, so no other page can answer for somebody.
"""

import hashlib
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

import httpx
import jwt
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from sms_tools.canonical import text_digest
from sms_tools.guard import html
from sms_tools.guard.answers import Answers
from sms_tools.guard.approvals import Approval
from sms_tools.guard.audit import Audit
from sms_tools.guard.page import Admitted, Page
from sms_tools.guard.pairing import PATH
from sms_tools.guard.people import Person, Role, roles_in
from sms_tools.guard.sealed import HEADERS, Seals, nothing_here, page, refused
from sms_tools.guard.timekeeping import TimedState
from sms_tools.guard.vault import Vault
from sms_tools.login.oidc import OidcVerifier, ProviderFailed
from sms_tools.moment import Clock
from sms_tools.state import Database, State

SESSION_SECONDS: Final = 8 * 3600
_ATTEMPT_SECONDS: Final = 600
_STEPS: Final = (
    "CREATE TABLE logins (digest TEXT PRIMARY KEY, subject TEXT NOT NULL, shown TEXT NOT NULL,"
    " roles TEXT NOT NULL, expires BIGINT NOT NULL)",
    "CREATE TABLE login_attempts (digest TEXT PRIMARY KEY, verifier TEXT NOT NULL,"
    " nonce TEXT NOT NULL, there TEXT NOT NULL, expires BIGINT NOT NULL)",
)

_NOT_TOLD_APART: Final = (
    "The provider gives a person another subject for each client (pairwise), so nobody can tell "
    "whether you asked for this yourself (four eyes). Whoever runs this server sets subject_claim "
    "to a claim that is the same in all tokens."
)


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is logged in."""

    person: Person
    shown: str
    """What the provider calls them."""


@dataclass(frozen=True, slots=True)
class _Attempt:
    verifier: str
    nonce: str
    there: str


class Logins:
    """The sessions and the logins under way, in the state's database."""

    def __init__(self, state: State, clock: Clock, audit: Audit | None = None) -> None:
        """Use *state*; *clock* gives the time with its zone; *audit* is told if it goes back."""
        self._state = TimedState(state, clock, _end_all, audit, component="logins")
        state.prepare("logins", _STEPS)

    async def begin(self, value: str, attempt: _Attempt) -> None:
        """Remember that the browser with *value* went to log in."""
        row = (text_digest(value), attempt.verifier, attempt.nonce, attempt.there)
        now = self._now()

        def begin(database: Database) -> None:
            database.execute("DELETE FROM login_attempts WHERE expires <= ?", (now,))
            database.execute(
                "INSERT INTO login_attempts VALUES (?, ?, ?, ?, ?)", (*row, now + _ATTEMPT_SECONDS)
            )

        await self._state.write(begin)

    async def take(self, value: str) -> _Attempt | None:
        """What was remembered of *value*, once."""

        def take(database: Database) -> _Attempt | None:
            row = database.execute(
                "SELECT * FROM login_attempts WHERE digest = ? AND expires > ?",
                (text_digest(value), self._now()),
            ).first
            gone = database.execute(
                "DELETE FROM login_attempts WHERE digest = ?", (text_digest(value),)
            )
            if row is None or gone.changed != 1:
                return None
            return _Attempt(row["verifier"], row["nonce"], row["there"])

        return await self._state.write(take)

    async def open(self, session: Session) -> str:
        """A session for somebody who logged in; gives the value of its cookie."""
        value, now = secrets.token_urlsafe(32), self._now()
        roles = " ".join(sorted(session.person.roles))
        row = (text_digest(value), session.person.name, session.shown, roles, now + SESSION_SECONDS)

        def open_(database: Database) -> None:
            database.execute("DELETE FROM logins WHERE expires <= ?", (now,))
            database.execute("INSERT INTO logins VALUES (?, ?, ?, ?, ?)", row)

        await self._state.write(open_)
        return value

    async def session(self, value: str | None) -> Session | None:
        """Whose session *value* is, while it lasts."""
        if not value:
            return None
        query = "SELECT * FROM logins WHERE digest = ? AND expires > ?"
        values = (text_digest(value), self._now())
        row = (await self._state.read(lambda database: database.execute(query, values))).first
        if row is None:
            return None
        return Session(Person(row["subject"], roles_in(row["roles"].split())), row["shown"])

    async def close(self, value: str) -> None:
        """End the session *value*."""
        statement = "DELETE FROM logins WHERE digest = ?"
        await self._state.write(lambda database: database.execute(statement, (text_digest(value),)))

    def _now(self) -> int:
        return round(self._state.now().timestamp())


class LoginPage(Page):
    """The approval page, and the login before it."""

    def __init__(
        self,
        answers: Answers,
        vault: Vault,
        logins: Logins,
        verifier: OidcVerifier,
        public_url: str,
        seals: Seals,
    ) -> None:
        """*public_url* is where browsers reach this server."""
        super().__init__(answers, vault, seals)
        self._logins = logins
        self._verifier = verifier
        self._url = public_url
        secure = urlsplit(public_url).scheme == "https"
        self._cookie = "__Host-sms-tools" if secure else "sms-tools-login"
        self._attempt_cookie = f"{self._cookie}-attempt"
        self._secure = secure

    def routes(self) -> Sequence[Route]:
        """Where the page and the login are."""
        return [
            *super().routes(),
            Route(f"{PATH}/login", self._login, methods=["GET"]),
            Route(f"{PATH}/callback", self._back, methods=["GET"]),
            Route(f"{PATH}/logout", self._logout, methods=["POST"]),
        ]

    async def _session(self, request: Request) -> Session | None:
        return await self._logins.session(request.cookies.get(self._cookie))

    async def _barrier(self, request: Request) -> Response | None:
        """The login, for whoever is not logged in; a request is seen by those with a role alone."""
        session = await self._session(request)
        if session is None and request.method == "GET":
            there = f"{PATH}/login?next={quote(request.url.path, safe='')}"
            return RedirectResponse(there, status_code=303, headers=HEADERS)
        if session is None:
            return refused("You are no longer logged in. Load the page again.", 401)
        if not session.person.roles:
            told = f"{session.shown} has no role on this server: ask whoever runs it."
            return page(html.notice("Nothing to see", told, kind="No role"), 403)
        return None

    async def _admit(self, request: Request, approval: Approval | None) -> Admitted | Response:
        session = await self._session(request)
        if session is None:
            return refused("You are no longer logged in. Load the page again.", 401)
        fault = approval.terms.fault(session.person) if approval else None
        if approval is not None and approval.terms.four_eyes and not await self._tells_apart():
            fault = fault or _NOT_TOLD_APART
        if approval is None and Role.APPROVER not in session.person.roles:
            fault = f"{session.shown} does not have the role approver."
        if fault and approval is not None:
            return await self._render(request, approval, f"{fault} Nothing was approved.", 403)
        if fault:
            return refused(fault)
        return Admitted(by=session.person)

    async def _tells_apart(self) -> bool:
        """Whether a person here goes by the name under which they call the tools."""
        provider = self._verifier.provider
        if provider.subject_claim != "sub" or provider.client_id == provider.audience:
            return True
        return await self._verifier.keys.names_alike()

    async def _naysayer(self, request: Request) -> Person | None:
        session = await self._session(request)
        return session.person if session else None

    def _parting(self) -> html.Part:
        told = "Logged in for eight hours at most. On a computer that others use, log out."
        return html.button_form(f"{PATH}/logout", self._seals.seal("logout"), told, "Log out")

    async def _entrance(self, request: Request) -> html.Part:
        session = await self._session(request)
        if session is None:
            return None
        approval = await self._approvals.by_token(request.path_params.get("token", ""))
        fault = approval.terms.fault(session.person) if approval else None
        return html.login_note(session.shown, fault)

    async def _login(self, request: Request) -> Response:
        there = request.query_params.get("next", "")
        if not there.startswith(f"{PATH}/") or "//" in there or "\\" in there:
            return await nothing_here(request, None)
        try:
            endpoint = await self._verifier.keys.endpoint("authorization_endpoint")
        except ProviderFailed as error:
            return refused(f"Nobody can log in at the moment: {error} {error.advice}", 502)
        value, verifier, nonce = (secrets.token_urlsafe(32) for _ in range(3))
        await self._logins.begin(value, _Attempt(verifier, nonce, there))
        challenge = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
        query = urlencode(
            {
                "response_type": "code",
                "client_id": self._verifier.provider.client_id,
                "redirect_uri": self._redirect_uri,
                "scope": "openid profile",
                "state": text_digest(value),
                "nonce": nonce,
                "code_challenge": challenge.decode(),
                "code_challenge_method": "S256",
            }
        )
        joint = "&" if urlsplit(endpoint).query else "?"
        answer = RedirectResponse(f"{endpoint}{joint}{query}", status_code=303, headers=HEADERS)
        self._keep(answer, self._attempt_cookie, value, _ATTEMPT_SECONDS)
        return answer

    async def _back(self, request: Request) -> Response:
        """The browser comes back from the provider with a code."""
        value = request.cookies.get(self._attempt_cookie, "")
        state = request.query_params.get("state", "")
        if not value or not secrets.compare_digest(text_digest(value).encode(), state.encode()):
            return refused(
                "This login was not started in this browser, or has expired. Start again."
            )
        attempt = await self._logins.take(value)
        if attempt is None:
            return refused("This login is over. Load the page of the request again.")
        if "code" not in request.query_params:
            said = request.query_params.get("error", "no code")
            return refused(f"The provider did not log you in: {said[:100]}.")
        try:
            session = await self._exchange(request.query_params["code"], attempt)
        except (jwt.PyJWTError, ProviderFailed) as error:
            return refused(f"The login does not count: {error}", 502)
        answer = RedirectResponse(attempt.there, status_code=303, headers=HEADERS)
        self._keep(answer, self._cookie, await self._logins.open(session), SESSION_SECONDS)
        answer.delete_cookie(self._attempt_cookie, path="/")
        await self._answers.audit.record(
            "login", outcome="logged in on the approval page", by=session.person.name, how="page"
        )
        return answer

    async def _logout(self, request: Request) -> Response:
        _, problem = await self._seals.form(request, "logout")
        if problem:
            return refused(problem)
        await self._logins.close(request.cookies.get(self._cookie, ""))
        answer = page(html.notice("Logged out", "This browser is no longer logged in."))
        answer.delete_cookie(self._cookie, path="/")
        return answer

    async def _exchange(self, code: str, attempt: _Attempt) -> Session:
        """The session that *code* is good for.

        Raises:
            ProviderFailed: the provider gives no tokens for it.
            jwt.PyJWTError: what it gives does not count.
        """
        provider = self._verifier.provider
        tokens = await self._tokens(code, attempt)
        client_id = provider.client_id or ""
        claims = await self._verifier.claims(str(tokens.get("id_token", "")), client_id)
        if not secrets.compare_digest(str(claims.get("nonce", "")), attempt.nonce):
            raise jwt.InvalidTokenError("it belongs to another login")
        roles = provider.roles_of(claims)
        if not roles and tokens.get("access_token"):
            found = await self._verifier.person(str(tokens["access_token"]))
            roles = found.roles if found and found.name == provider.name_of(claims) else roles
        name = provider.name_of(claims)
        shown = claims.get("preferred_username") or claims.get("name") or name
        return Session(Person(name, roles), str(shown))

    async def _tokens(self, code: str, attempt: _Attempt) -> Mapping[str, Any]:
        keys, provider = self._verifier.keys, self._verifier.provider
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "code_verifier": attempt.verifier,
            "client_id": provider.client_id or "",
        }
        secret = provider.client_secret
        auth = None
        if secret:  # RFC 6749, 2.3.1: both are encoded as in a form
            auth = httpx.BasicAuth(quote(form["client_id"], safe=""), quote(secret, safe=""))
        return await keys.ask(await keys.endpoint("token_endpoint"), form, auth)

    @property
    def _redirect_uri(self) -> str:
        return f"{self._url}{PATH}/callback"

    def _keep(self, answer: Response, name: str, value: str, seconds: int) -> None:
        # Lax: the browser comes back from the provider's pages. Answers need the seal as well.
        answer.set_cookie(
            name,
            value,
            max_age=seconds,
            path="/",
            httponly=True,
            secure=self._secure,
            samesite="lax",
        )


def _end_all(database: Database, now: float) -> None:
    """End every session: the clock was set back to *now*."""
    del now
    database.execute("DELETE FROM logins")
    database.execute("DELETE FROM login_attempts")
