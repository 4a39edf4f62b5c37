"""The MCP server over HTTP: who may come in, from where, and how much at a time.

Every local user and every program can reach a port of loopback, so a caller shows a token. Whose
token it is comes from a verifier (the SDK's protocol for it), so that another way to know callers
is another verifier; whoever it names is part of the caller's identity.
"""

import contextlib
import hashlib
import hmac
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mcp.server.auth.middleware.bearer_auth import BearerAuthBackend
from mcp.server.auth.provider import AccessToken, TokenVerifier
from mcp.server.mcpserver import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from sse_starlette.sse import AppStatus
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from sms_tools.errors import SettingsError
from sms_tools.listening import BoundedBody, more_descriptors, server_of
from sms_tools.loopback import LOOPBACK, address_of, listen
from sms_tools.server.front import Front
from sms_tools.server.traffic import SESSION_IDLE_SECONDS, Bounds
from sms_tools.state import StateError, private_file, private_folder

TOKEN_FILE: Final = "http-token"  # noqa: S105 (a name of a file)
TOKEN_VARIABLE: Final = "SMS_TOOLS_HTTP_TOKEN"  # noqa: S105 (a name of a variable)
OWNER: Final = "owner"
"""Whose the one token is that opens a server on a person's own machine."""

_SHORTEST_TOKEN: Final = 16
_MOST_BYTES: Final = 4 * 1024 * 1024
_CONNECTIONS: Final = 2_000
_LAST_SECONDS: Final = 3
_WANTS_A_TOKEN: Final = (
    "This server wants its bearer token, in the header `Authorization: Bearer TOKEN`. It is in the "
    f"file {TOKEN_FILE} of the server's state folder, which the server names when it starts, or it "
    f"is what {TOKEN_VARIABLE} was set to then."
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
        self._digest = hashlib.sha256(token.encode()).digest()

    async def verify_token(self, token: str) -> AccessToken | None:
        """The owner, for the right token."""
        given = hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
        if not hmac.compare_digest(given, self._digest):
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
            advice=f"Mend the file or remove it, or set {TOKEN_VARIABLE}.",
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
    verifier: TokenVerifier | None,
    front: Front,
) -> None:
    """Serve streamable HTTP at ``/mcp`` until cancelled; call *ready* with the address.

    Port 0 takes a free one. *verifier* knows the callers; None lets everybody in. *front* stands
    around all of it, and says when the server has done its work after it was told to stop.

    Raises:
        SettingsError: the port is none, or is taken.
    """
    try:
        listener = listen(host, port)
    except OverflowError as error:
        raise SettingsError(
            f"--port {port} is no port: ports go from 0 to 65535.",
            advice="Choose another with --port, or --port 0 for a free one.",
        ) from error
    except OSError as error:
        raise SettingsError(
            f"port {port} on {host} cannot be used: {error.strerror}.",
            advice="Choose another with --port, or --port 0 for a free one.",
        ) from error
    with listener:
        address = address_of(listener)
        app = server.streamable_http_app(
            transport_security=_from_here(address, host),
            max_sessions=Bounds().sessions,
            session_idle_timeout=SESSION_IDLE_SECONDS,
        )
        # Its streams would be cut at the first signal; ours are ended when their work is done.
        AppStatus.disable_automatic_graceful_drain()
        bounded = front.inside(BoundedBody(app, _MOST_BYTES, _refused))
        served = front.outside(Admission(bounded, verifier) if verifier else bounded)
        ready(address)
        more_descriptors()
        await server_of(
            served,
            connections=_CONNECTIONS,
            at_end=front.stop,
            log_level="warning",
            **({"log_config": None} if front.logs_json else {}),
            timeout_graceful_shutdown=_LAST_SECONDS,
        ).serve([listener])


def _from_here(address: str, host: str) -> TransportSecuritySettings:
    """Own names as hosts, against rebinding; as origin this server's own address and no other.

    Another port of this machine is another program, whose pages have no business here.
    """
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

    Nothing of a stranger's request but its headers is read.
    """

    def __init__(self, app: ASGIApp, verifier: TokenVerifier) -> None:
        self._app = app
        self._backend = BearerAuthBackend(verifier)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http":
            known = await self._backend.authenticate(HTTPConnection(scope))
            if known is None:
                await _unknown()(scope, receive, send)
                return
            scope["auth"], scope["user"] = known
        await self._app(scope, receive, send)


def _unknown() -> Response:
    return JSONResponse(
        {"error": "invalid_token", "error_description": _WANTS_A_TOKEN},
        status_code=401,
        headers={"WWW-Authenticate": 'Bearer realm="sms-tools"', "Connection": "close"},
    )


def _refused(status: int, words: str) -> Response:
    return JSONResponse({"error": "refused", "error_description": words}, status_code=status)
