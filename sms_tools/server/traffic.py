"""How much is done at a time over HTTP, what is said at each bound, and how the server stops.

What runs is counted, in all and by caller, so that one caller cannot take every place. Calls are
work and are finished before the server ends; streams only listen and are ended at once. Bounds are
generous: whoever meets one reads what it is and what to do, in the protocol's own form.
"""

import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import anyio
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import principal_components
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

Principal = tuple[str, str | None, str | None]
"""Client, issuer and subject of a token: kept apart, so that no two callers are one."""

FINISHING_SECONDS: Final = 30.0
"""How long what runs may take to end, once the server is told to stop."""
SESSION_IDLE_SECONDS: Final = 30 * 60.0
"""When a session of the older era ends that nobody uses."""

_LAST_WORDS_SECONDS: Final = 2.0
_LOOK_AGAIN_SECONDS: Final = 0.05
_RETRY_AFTER: Final = "5"
_SERVER_ERROR: Final = -32000
_STOPPING: Final = (
    "This server is being stopped and takes no new calls. Nothing was done. Call again in a few "
    "seconds: another server takes over, or this one is back."
)
_CUT_OFF: Final = (
    "The server was stopped before this call had ended. What it asked of the service may have been "
    "done: read the current state before you repeat it. A plan goes on where it stopped when "
    "apply_plan is called again; `sms-tools audit` has every change that was begun."
)


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many of each there may be at a time: in all, and of one caller."""

    calls: int = 512
    calls_of_one: int = 256
    streams: int = 1_024
    streams_of_one: int = 256
    sessions: int = 1_024
    sessions_of_one: int = 256


class Traffic:
    """Lets in as many requests as the bounds allow, and ends them in good order."""

    def __init__(
        self,
        app: ASGIApp,
        bounds: Bounds | None = None,
        refused: Callable[[str], None] = lambda _why: None,
    ) -> None:
        """Serve with *app*; *refused* is told which bound a refused request met."""
        bounds = bounds or Bounds()
        self._app = app
        self._refused = refused
        self._open: set[_Request] = set()
        self.calls = _Pool("calls", "running at a time", bounds.calls, bounds.calls_of_one)
        self.streams = _Pool("streams", "open", bounds.streams, bounds.streams_of_one)
        self.sessions = _Sessions(bounds.sessions_of_one)
        self.is_stopping = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or say why it is not served."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers, caller = Headers(scope=scope), caller_in(scope)
        listens = scope["method"] == "GET" or headers.get("mcp-method") == "subscriptions/listen"
        pool = self.streams if listens else self.calls
        if (refusal := self._refusal(scope, headers, caller, pool)) is not None:
            await refusal(scope, receive, send)
            return
        session = headers.get("mcp-session-id")
        self.sessions.used(session)
        request = _Request(listens=listens, told=self.sessions.watching(scope, session, caller))
        self._open.add(request)
        pool.enter(caller)
        try:
            await request.serve(self._app, scope, receive, send)
        finally:
            pool.leave(caller)
            self._open.discard(request)
            self.sessions.used(session)

    async def finish(
        self, hurry: Callable[[], bool] = lambda: False, seconds: float = FINISHING_SECONDS
    ) -> None:
        """Take nothing new, let what runs end within *seconds*, and tell whoever is cut off.

        *hurry* says that nobody wants to wait any longer.
        """
        self.is_stopping = True
        for request in list(self._open):
            if request.listens:
                request.end()
        until = time.monotonic() + seconds
        while self.calls.total and time.monotonic() < until and not hurry():  # noqa: ASYNC110
            await anyio.sleep(_LOOK_AGAIN_SECONDS)  # and ask again whether to hurry
        for request in list(self._open):
            request.end()
        with anyio.move_on_after(_LAST_WORDS_SECONDS):
            while self._open:  # noqa: ASYNC110 (once in a life)
                await anyio.sleep(_LOOK_AGAIN_SECONDS)

    def _refusal(
        self, scope: Scope, headers: Headers, caller: Principal | None, pool: "_Pool"
    ) -> Response | None:
        if self.is_stopping and scope["method"] != "DELETE":  # who ends a session may
            self._refused("stopping")
            return _error(503, _STOPPING)
        if (full := pool.full(caller)) is not None:
            self._refused(pool.name)
            return _error(*full)
        if _opens_a_session(scope, headers) and (full := self.sessions.full(caller)) is not None:
            self._refused("sessions")
            return _error(*full)
        return None


class _Pool:
    """So many at a time, of one caller and in all."""

    def __init__(self, name: str, how: str, most: int, most_of_one: int) -> None:
        self.name, self._how = name, how
        self._most, self._most_of_one = most, most_of_one
        self._by_caller: Counter[Principal | None] = Counter()

    @property
    def total(self) -> int:
        """How many there are now."""
        return self._by_caller.total()

    def full(self, caller: Principal | None) -> tuple[int, str] | None:
        """The status and the words for one more of *caller*; None where there is room."""
        if self._by_caller[caller] >= self._most_of_one:
            return 429, (
                f"This caller has {self._most_of_one} {self.name} {self._how}, as many as one "
                "caller may have. Nothing was done. Wait until some have ended, then call again."
            )
        if self.total >= self._most:
            return 503, (
                f"This server has {self._most} {self.name} {self._how}, as many as it takes. "
                "Nothing was done. Call again in a few seconds."
            )
        return None

    def enter(self, caller: Principal | None) -> None:
        self._by_caller[caller] += 1

    def leave(self, caller: Principal | None) -> None:
        self._by_caller[caller] -= 1
        if not self._by_caller[caller]:
            del self._by_caller[caller]


class _Sessions:
    """The sessions of the older era by caller, as far as their requests tell.

    The SDK bounds them in all and ends idle ones; what one caller holds open is counted here.
    """

    def __init__(self, most_of_one: int) -> None:
        self._most_of_one = most_of_one
        self._owners: dict[str, Principal | None] = {}
        self._last_used: dict[str, float] = {}

    def __len__(self) -> int:
        self._forget_the_idle()
        return len(self._owners)

    def full(self, caller: Principal | None) -> tuple[int, str] | None:
        """The status and the words for one more session; None where there is room."""
        self._forget_the_idle()
        if sum(owner == caller for owner in self._owners.values()) < self._most_of_one:
            return None
        return 429, (
            f"This caller has {self._most_of_one} sessions open, as many as one caller may have. "
            "A session ends when the client closes it (DELETE), or after "
            f"{SESSION_IDLE_SECONDS / 60:.0f} minutes without a request."
        )

    def used(self, session: str | None) -> None:
        """A request of *session* begins or ends."""
        if session in self._owners:
            self._last_used[session] = time.monotonic()

    def watching(
        self, scope: Scope, session: str | None, caller: Principal | None
    ) -> Callable[[int, Headers], None]:
        """What is to be told of the answer to the request of *scope*: it may open or end one."""

        def told(status: int, headers: Headers) -> None:
            opened = headers.get("mcp-session-id")
            if session is None and opened and status < 400:
                self._owners[opened] = caller
                self._last_used[opened] = time.monotonic()
            elif session and (status == 404 or (scope["method"] == "DELETE" and status < 400)):
                self._owners.pop(session, None)
                self._last_used.pop(session, None)

        return told

    def _forget_the_idle(self) -> None:
        oldest = time.monotonic() - SESSION_IDLE_SECONDS
        for session in [s for s, used in self._last_used.items() if used < oldest]:
            del self._owners[session], self._last_used[session]


class _Request:
    """One request on its way, which can be ended with an answer."""

    def __init__(self, *, listens: bool, told: Callable[[int, Headers], None]) -> None:
        self.listens = listens
        self._told = told
        self._scope = anyio.CancelScope()
        self._body: list[bytes] = []
        self._started: Headers | None = None
        self._complete = False

    def end(self) -> None:
        """Let it end now; whoever waits for its answer is told."""
        self._scope.cancel()

    async def serve(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        async def received() -> Message:
            message = await receive()
            if message["type"] == "http.request":
                self._body.append(message.get("body", b""))
            return message

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._started = Headers(raw=message.get("headers", []))
                self._told(message["status"], self._started)
            elif message["type"] == "http.response.body":
                self._complete = not message.get("more_body", False)
            await send(message)

        with self._scope:
            await app(scope, received, sent)
        if self._scope.cancelled_caught and not self._complete:
            await self._say_last_words(scope, receive, send)

    async def _say_last_words(self, scope: Scope, receive: Receive, send: Send) -> None:
        words = _STOPPING if self.listens else _CUT_OFF
        if self._started is None:
            await _error(503, words, self._id())(scope, receive, send)
        elif self._started.get("content-type", "").startswith("text/event-stream"):
            event = b""
            if not self.listens:
                told = json.dumps(_as_error(words, self._id()))
                event = f"event: message\r\ndata: {told}\r\n\r\n".encode()
            await send({"type": "http.response.body", "body": event, "more_body": False})

    def _id(self) -> Any:
        """The JSON-RPC id of the request, where one can be read."""
        try:
            found = json.loads(b"".join(self._body))["id"]
        except (ValueError, KeyError, TypeError, RecursionError):
            return None
        return found if isinstance(found, str | int) else None


def caller_in(scope: Scope) -> Principal | None:
    """Whose request it is, as its token says; None where nobody is asked for one."""
    user = scope.get("user")
    return principal_components(user.access_token) if isinstance(user, AuthenticatedUser) else None


def _opens_a_session(scope: Scope, headers: Headers) -> bool:
    """Whether the older era would open a session for this request."""
    version = headers.get("mcp-protocol-version")
    is_older = version is None or version in HANDSHAKE_PROTOCOL_VERSIONS
    return scope["method"] == "POST" and is_older and "mcp-session-id" not in headers


def _as_error(words: str, id_: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": id_, "error": {"code": _SERVER_ERROR, "message": words}}


def _error(status: int, words: str, id_: Any = None) -> Response:
    return JSONResponse(
        _as_error(words, id_),
        status_code=status,
        headers={"Retry-After": _RETRY_AFTER, "Connection": "close"},
    )
