"""The MCP server over HTTP: who may come in, from where, and how much at a time.

Every local user and every program can reach a port of loopback, so a caller shows a token. Whose
token it is comes from a verifier (the SDK's protocol for it), so that another way to know callers
is another verifier; whoever it names is part of the caller's identity.
"""

import contextlib
import hmac
import os
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from mcp.server.auth.middleware.bearer_auth import BearerAuthBackend
from mcp.server.auth.provider import AccessToken, TokenVerifier
from mcp.server.mcpserver import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from sse_starlette.sse import AppStatus
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from sms_tools.canonical import text_digest
from sms_tools.errors import SettingsError
from sms_tools.listening import BoundedBody, more_descriptors, server_of
from sms_tools.loopback import LOOPBACK, address_of, listen
from sms_tools.server.front import Front
from sms_tools.server.runtime import roles_of
from sms_tools.server.traffic import SESSION_IDLE_SECONDS, Bounds
from sms_tools.settings import TOKEN_FILE
from sms_tools.state import StateError, private_file, private_folder

TOKEN_VARIABLE: Final = "SMS_TOOLS_HTTP_TOKEN"  # noqa: S105 (a name of a variable)
OWNER: Final = "owner"
"""Whose the one token is that opens a server on a person's own machine."""

_SHORTEST_TOKEN: Final = 16
_MOST_BYTES: Final = 4 * 1024 * 1024
_CONNECTIONS: Final = 2_000
_LAST_SECONDS: Final = 3
_KEPT_OPEN_SECONDS: Final = 75
"""How long a caller's connection waits for the next request: longer than proxies and clients keep
one, or a request meets a connection that is just being closed."""
_WANTS_A_TOKEN: Final = (
    "This server wants its bearer token, in the header `Authorization: Bearer TOKEN`. It is in the "
    f"file {TOKEN_FILE} of the server's state folder, which the server names when it starts, or it "
    f"is what {TOKEN_VARIABLE} was set to then."
)


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a caller reads who is not let in."""

    wants: str = _WANTS_A_TOKEN
    """Which token, and where it is to be had."""
    metadata: str | None = None
    """Where clients read how to get one (RFC 9728)."""

    def unknown(self) -> Response:
        """To whoever brings no token, or one that does not count."""
        return self._answer(401, "invalid_token", self.wants)

    def no_role(self) -> Response:
        """To whoever is known and may do nothing here."""
        said = "You are known, but have none of the roles viewer, operator and approver here."
        return self._answer(403, "insufficient_scope", said)

    def _answer(self, status: int, error: str, words: str) -> Response:
        header = f'Bearer realm="sms-tools", error="{error}"'
        if self.metadata:
            header += f', resource_metadata="{self.metadata}"'
        return JSONResponse(
            {"error": error, "error_description": words},
            status_code=status,
            headers={"WWW-Authenticate": header, "Connection": "close"},
        )


class OneToken(TokenVerifier):
    """Knows one token, and compares in a time that tells nothing of it."""

    def __init__(self, token: str) -> None:
        """Accept *token* alone.

        Raises:
            SettingsError: it is too short to be a secret, or cannot stand in a header.
        """
        if len(token) < _SHORTEST_TOKEN or not token.isascii() or not token.isprintable():
            raise SettingsError(
                f"the HTTP token has fewer than {_SHORTEST_TOKEN} characters, or some that cannot"
                " stand in a header.",
                advice=f"Set {TOKEN_VARIABLE} to a long random text, or leave it out: then a token"
                " is generated.",
            )
        self._digest = text_digest(token)

    async def verify_token(self, token: str) -> AccessToken | None:
        """The owner, for the right token."""
        if not hmac.compare_digest(text_digest(token), self._digest):
            return None
        return AccessToken(token=token, client_id=OWNER, scopes=[], subject=OWNER)


@dataclass(frozen=True, slots=True)
class Kept:
    """The generated token of a state folder, and what a person is to read of it."""

    token: str
    told: str


def kept_token(folder: Path) -> Kept:
    """The token in *folder*, generated at the first start: configured clients go on working.

    Where it cannot be kept there is one for this start alone.

    Raises:
        SettingsError: there is a file and it cannot be read.
    """
    path = folder / TOKEN_FILE
    new = secrets.token_urlsafe(32)
    try:
        if not os.path.lexists(path):
            private_folder(folder)
            if _wrote(path, new):
                return Kept(new, f"its bearer token, shown this once and kept in {path}: {new}")
    except (OSError, StateError) as error:
        return Kept(new, f"its bearer token until it ends, as it cannot be kept ({error}): {new}")
    try:
        private_file(path)  # not through a link, and for this user alone
        token = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"the HTTP token in {path} cannot be read: {error}",
            advice=f"Correct the file or remove it, or set {TOKEN_VARIABLE}.",
        ) from error
    return Kept(token, f"its bearer token is in the file {path}")


def _wrote(path: Path, token: str) -> bool:
    """Write *token* as a whole file, for this user alone; False if there is one by now."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(6)}")
    descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{token}\n")
        with contextlib.suppress(FileExistsError):  # two first starts at once: one token
            os.link(draft, path)
            return True
        return False
    finally:
        draft.unlink(missing_ok=True)


async def serve_http(
    server: MCPServer[Any],
    host: str,
    port: int,
    ready: Callable[[str], None],
    door: "Door",
    front: Front | None = None,
) -> None:
    """Serve streamable HTTP at ``/mcp`` until cancelled; call *ready* with the address.

    Port 0 takes a free one. *front* stands around all of it; the server ends when it has done its
    last work.

    Raises:
        SettingsError: the port is none, or is taken.
    """
    try:
        listener = listen(host, port)
    except OverflowError as error:
        raise SettingsError(
            f"--port {port} is not a port: ports go from 0 to 65535.",
            advice="Choose another with --port, or --port 0 for a free one.",
        ) from error
    except OSError as error:
        raise SettingsError(
            f"port {port} on {host} cannot be used: {error.strerror}.",
            advice="Choose another with --port, or --port 0 for a free one.",
        ) from error
    with listener:
        address = address_of(listener)
        if front is None:
            app = door.over(server, address, host)
        else:
            app = front.outside(door.over(server, address, host, front.inside))
        # Its streams would be cut at the first signal; ours are ended when their work is done.
        AppStatus.enable_automatic_graceful_drain = False
        more_descriptors()
        ready(address)
        logs: dict[str, Any] = {"log_config": None} if front and front.logs_json else {}
        await server_of(
            app,
            connections=_CONNECTIONS,
            at_end=front.stop if front else None,
            log_level="warning",
            timeout_graceful_shutdown=_LAST_SECONDS,
            timeout_keep_alive=_KEPT_OPEN_SECONDS,
            # What a proxy says of the client counts only from a proxy that was named.
            proxy_headers=bool(door.proxies),
            forwarded_allow_ips=list(door.proxies),
            **logs,
        ).serve([listener])


@dataclass(frozen=True, slots=True)
class Door:
    """Who comes in, and where."""

    verifier: TokenVerifier | None = None
    """Knows the callers; None lets everybody in."""
    challenge: "Challenge | None" = None
    """What is said to those who are not let in."""
    public_url: str | None = None
    """Under which clients and browsers reach a team's server."""
    beside: Sequence[BaseRoute] = ()
    """What is served beside the tools, and asks for no token: metadata, the page."""
    proxies: Sequence[str] = ()
    """The addresses of proxies whose word on a client's address counts."""

    def over(
        self,
        server: MCPServer[Any],
        address: str,
        host: str,
        within: Callable[[ASGIApp], ASGIApp] = lambda app: app,
    ) -> ASGIApp:
        """The whole application, with *server*'s tools behind the door, and *within* bounds."""
        app = server.streamable_http_app(
            transport_security=_from_here(address, host, self.public_url),
            max_sessions=Bounds().sessions,
            session_idle_timeout=SESSION_IDLE_SECONDS,
        )
        tools = within(BoundedBody(app, _MOST_BYTES, _refused))
        if self.verifier:
            tools = Admission(tools, self.verifier, self.challenge or Challenge())
        if not self.beside:
            return tools
        return _Lifespan(app, Router([*self.beside, Mount("/", tools)]))


class _Lifespan:
    """Starts and ends with *app*, whose sessions need it; requests go to *router*."""

    def __init__(self, app: ASGIApp, router: ASGIApp) -> None:
        self._app, self._router = app, router

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the server's start and end."""
        chosen = self._app if scope["type"] == "lifespan" else self._router
        await chosen(scope, receive, send)


def _from_here(address: str, host: str, public_url: str | None) -> TransportSecuritySettings:
    """Own names as hosts, against rebinding; as origin this server's own address and no other.

    Another port of this machine is another program, whose pages have no business here. A team's
    server is called by its public name alone.
    """
    if public_url:
        name = urlsplit(public_url).netloc
        usual = {"https": ":443", "http": ":80"}[urlsplit(public_url).scheme]
        return TransportSecuritySettings(
            enable_dns_rebinding_protection=True,
            allowed_hosts=[name, f"{name}{usual}"],
            allowed_origins=[public_url],
        )
    port = address.rpartition(":")[2]
    names = dict.fromkeys((LOOPBACK, "localhost", "[::1]", f"[{host}]" if ":" in host else host))
    origins = [address]
    if host == "localhost":
        origins.append(f"http://localhost:{port}")
    return TransportSecuritySettings(
        enable_dns_rebinding_protection=True,
        allowed_hosts=[f"{name}:{port}" for name in names],
        allowed_origins=origins,
    )


class Admission:
    """Lets in whom *verifier* knows, and says who it is; all others read what is missing.

    Nothing of a stranger's request but its headers is read. Who is known and has no role where
    there are roles may do nothing, and reads that.
    """

    def __init__(self, app: ASGIApp, verifier: TokenVerifier, challenge: "Challenge") -> None:
        self._app = app
        self._backend = BearerAuthBackend(verifier)
        self._challenge = challenge

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http":
            known = await self._backend.authenticate(HTTPConnection(scope))
            if known is None:
                await self._challenge.unknown()(scope, receive, send)
                return
            scope["auth"], scope["user"] = known
            if roles_of(known[1].access_token) == frozenset():
                await self._challenge.no_role()(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _refused(status: int, words: str) -> Response:
    return JSONResponse({"error": "refused", "error_description": words}, status_code=status)
