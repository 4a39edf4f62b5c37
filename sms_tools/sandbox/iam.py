"""The one call of the identity service (IAM) that a client needs: a password for a token.

``POST /v3/auth/tokens`` answers 201 with the token in ``X-Subject-Token``; it holds for 24 hours.
"""

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from secrets import compare_digest, token_urlsafe

from sms_tools.operation import JSON

TOKEN_PATH = "/v3/auth/tokens"  # noqa: S105 (a path)
TOKEN_SECONDS = 24 * 3600


@dataclass(frozen=True, slots=True)
class User:
    """The one IAM user that a sandbox knows, if it is to know one."""

    name: str
    password: str = field(repr=False)
    domain: str


class Iam:
    """Issues tokens and knows those that it issued.

    *now* gives epoch seconds, of the same clock as the client's: a token's life is the client's
    to watch. With no *user* any name and password is right. *ready_tokens* never expire.
    """

    def __init__(
        self,
        now: Callable[[], float],
        user: User | None = None,
        ready_tokens: Collection[str] = (),
    ) -> None:
        """Know *user* and *ready_tokens*."""
        self._now = now
        self._user = user
        self._ready = frozenset(ready_tokens)
        self._ends: dict[str, float] = {}

    def ends(self, token: str) -> float | None:
        """When *token* ends, in epoch seconds (infinity: never); None if it is no token of ours."""
        return float("inf") if token in self._ready else self._ends.get(token)

    def revoke(self) -> None:
        """Make every token that was issued end now, as when a password is changed."""
        self._ends = dict.fromkeys(self._ends, self._now())

    def issue(self, content: bytes) -> tuple[HTTPStatus, JSON, dict[str, str]]:
        """Answer a request for a token: status, body and headers."""
        try:
            body = json.loads(content)
            auth = body["auth"]
            user = auth["identity"]["password"]["user"]
            name, password, domain = user["name"], user["password"], user["domain"]["name"]
        except (ValueError, KeyError, TypeError):
            return _problem(HTTPStatus.BAD_REQUEST, "The request body is invalid.")
        if not self._right(str(name), str(password), str(domain)):
            return _problem(HTTPStatus.UNAUTHORIZED, "The username or password is wrong.")
        # The reference's sample has the scope beside `auth`; IAM's own place for it is inside.
        scope = auth.get("scope") or body.get("scope") or {"domain": {"name": domain}}
        token = token_urlsafe(48)
        self._ends[token] = self._now() + TOKEN_SECONDS
        description = self._description(str(name), str(domain), scope)
        return HTTPStatus.CREATED, {"token": description}, {"x-subject-token": token}

    def _right(self, name: str, password: str, domain: str) -> bool:
        known = self._user
        if known is None:
            return True
        given = (name, password, domain)
        return all(
            compare_digest(a.encode(), b.encode())
            for a, b in zip(given, (known.name, known.password, known.domain), strict=True)
        )

    def _description(self, name: str, domain: str, scope: JSON) -> JSON:
        its_domain = {"id": "sandbox-domain", "name": domain}
        description = {
            "methods": ["password"],
            "issued_at": _written(self._now()),
            "expires_at": _written(self._now() + TOKEN_SECONDS),
            "user": {"id": "sandbox-user", "name": name, "domain": its_domain},
            "roles": [{"id": "0", "name": "sms_administrator"}],
            "catalog": [],
        }
        project = scope.get("project") if isinstance(scope, dict) else None
        if isinstance(project, dict):
            description["project"] = {
                "id": project.get("id", "sandbox-project"),
                "name": project.get("name", "sandbox"),
                "domain": its_domain,
            }
        else:
            description["domain"] = its_domain
        return description


def _written(moment: float) -> str:
    text = datetime.fromtimestamp(moment, UTC).isoformat(timespec="microseconds")
    return text.replace("+00:00", "Z")


def _problem(status: HTTPStatus, message: str) -> tuple[HTTPStatus, JSON, dict[str, str]]:
    return status, {"error": {"code": status.value, "message": message, "title": status.phrase}}, {}
