"""An HTTP server that others cannot hold up: slow, many, large and endless requests are refused.

The approval page, the pairing of a browser and the tools over HTTP are served alike. uvicorn waits
without end for a request's first lines, so that a few hundred half-open connections would take a
process all its descriptors; here they have ten seconds, and only so many may be open at a time.
"""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, Final

import anyio
import h11
import uvicorn
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

HEADER_SECONDS: Final = 10.0
"""How long a connection may take to send a request's headers."""
BODY_SECONDS: Final = 20.0
"""The same for a request's body."""
_HEADER_BYTES: Final = 64 * 1024

Refusal = Callable[[int, str], Response]
"""Makes the answer to a request that is refused, out of a status and a sentence."""


LastWork = Callable[[Callable[[], bool]], Awaitable[None]]
"""What is to be done before a server ends; asks the function that it is given whether to hurry."""


def server_of(
    app: ASGIApp,
    *,
    connections: int,
    header_seconds: float = HEADER_SECONDS,
    at_end: LastWork | None = None,
    **more: Any,
) -> uvicorn.Server:
    """A server for *app* that holds at most *connections* open at a time.

    Fewer where the process may open few files: a quarter of them at most, so that whoever floods
    the server takes no descriptor that the work itself needs. *at_end* is done before the server
    closes its port, once it is told to stop.
    """

    class Protocol(_Bounded):
        most = min(connections, max(_descriptors() // 4, 4))
        seconds = header_seconds
        waiting: ClassVar[dict[_Bounded, None]] = {}

    return _Server(
        uvicorn.Config(
            app,
            http=Protocol,
            ws="none",
            # As many are accepted in one go, and in two more before any is counted and closed.
            backlog=min(32, max(_descriptors() // 8, 4)),
            server_header=False,
            access_log=False,  # links are secrets
            **more,
        ),
        at_end,
    )


class _Server(uvicorn.Server):
    """uvicorn's server, which goes on answering until the last work is done."""

    def __init__(self, config: uvicorn.Config, at_end: LastWork | None) -> None:
        super().__init__(config)
        self._at_end = at_end

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._at_end is not None:
            await self._at_end(lambda: self.force_exit)
        await super().shutdown(sockets)


class _Bounded(H11Protocol):
    """uvicorn's HTTP/1.1 with a time limit for headers and a limit of connections.

    Where all are taken, one that has not said yet what it wants gives way, the oldest first:
    whoever comes with a request is served while others only hold connections open.
    """

    most: int
    seconds: float
    waiting: ClassVar[dict["_Bounded", None]]
    """Connections whose headers are not there yet, the oldest first."""
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.most:
            loser = next(iter(self.waiting), self)
            loser.refuse("503 Service Unavailable", "Too many connections are open. Try again.")
        self._watch()

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        if self.conn.their_state is h11.IDLE:  # h11 itself bounds only what has no end yet
            head = (self.conn.trailing_data[0] + data).partition(b"\r\n\r\n")[0]
            if len(head) > _HEADER_BYTES:
                said = f"The request's headers are too large: at most {_HEADER_BYTES} bytes are"
                self.refuse("431 Request Header Fields Too Large", f"{said} read.")
                return
        super().data_received(data)
        self._watch_while_idle()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.conn.trailing_data[0]:  # the next request has begun
            self._watch_while_idle()

    def connection_lost(self, exc: Exception | None) -> None:
        self._unwatch()
        super().connection_lost(exc)

    def refuse(self, status: str, words: str) -> None:
        """Say why, and close the connection."""
        self._unwatch()
        if self.transport.is_closing():
            return
        body = f"{words}\n".encode()
        self.transport.write(
            f"HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
            + body
        )
        self.transport.close()

    def _watch_while_idle(self) -> None:
        if self.conn.their_state is h11.IDLE and self.conn.our_state is h11.IDLE:
            self._watch()
        else:
            self._unwatch()

    def _watch(self) -> None:
        if self._deadline is None and not self.transport.is_closing():
            self._deadline = self.loop.call_later(self.seconds, self._too_slow)
            self.waiting[self] = None

    def _unwatch(self) -> None:
        self.waiting.pop(self, None)
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None

    def _too_slow(self) -> None:
        self.refuse("408 Request Timeout", "The request took too long to arrive.")


class BoundedBody:
    """Reads a request's body before the application sees it: bounded in bytes and in time."""

    def __init__(
        self, app: ASGIApp, most_bytes: int, refusal: Refusal, seconds: float = BODY_SECONDS
    ) -> None:
        """Answer what is too large or too slow with what *refusal* makes."""
        self._app = app
        self._most_bytes = most_bytes
        self._refusal = refusal
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            with anyio.fail_after(self._seconds):
                body = await self._read(receive)
        except TimeoutError:
            await self._refuse(408, "The request took too long to arrive.", scope, send)
            return
        if body is None:
            return  # the client has gone
        if len(body) > self._most_bytes:
            said = f"The request is too large: at most {self._most_bytes} bytes are read."
            await self._refuse(413, said, scope, send)
            return
        await self._app(scope, _replayed(body, receive), send)

    async def _read(self, receive: Receive) -> bytes | None:
        """The body, or its beginning where it is too large; None where the client has gone."""
        body = b""
        while len(body) <= self._most_bytes:
            message = await receive()
            if message["type"] != "http.request":
                return None
            body += message.get("body", b"")
            if not message.get("more_body", False):
                break
        return body

    async def _refuse(self, status: int, words: str, scope: Scope, send: Send) -> None:
        refused = self._refusal(status, words)
        refused.headers["Connection"] = "close"
        await refused(scope, _nothing_more, send)


async def _nothing_more() -> Message:
    return {"type": "http.disconnect"}


def _replayed(body: bytes, receive: Receive) -> Receive:
    """A way to receive *body* once more, and then whatever comes after it."""
    first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return first.pop() if first else await receive()

    return replay


def _descriptors() -> int:
    """How many files this process may open."""
    try:
        import resource
    except ImportError:  # a system without such a limit
        return 1_024
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return 65_536 if soft == resource.RLIM_INFINITY else soft


def more_descriptors() -> None:
    """Let this process open as many files as the system allows it; a login's default is few."""
    try:
        import resource
    except ImportError:  # a system without such a limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(ValueError, OSError):  # then it stays as it is
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
