"""The sandbox over HTTP on loopback, for clients in another process.

The application is plain ASGI; uvicorn serves it. Nothing is printed here: whoever starts the
server is told the address when it accepts connections.
"""

import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

import anyio

from sms_tools.loopback import address_of, is_loopback, listen
from sms_tools.sandbox.service import Service
from sms_tools.sandbox.wire import ConnectionCutError, RawRequest, RawResponse, UnreachableError

if TYPE_CHECKING:
    import uvicorn

    from sms_tools.sandbox.opening import Sandbox

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

LARGEST_BODY = 64 * 1024 * 1024
"""Bytes that the server reads; the gateway's own limit for signed requests is lower."""
_ABORT = "sms_tools.abort"
"""The ASGI extension under which our server offers to break the connection."""


def app(service: Service) -> App:
    """*service* as an ASGI application."""

    async def application(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        try:
            response = await service.handle(await _request(scope, receive))
        except (UnreachableError, ConnectionCutError):
            await _break(scope)
            return
        await _reply(scope, send, response)

    return application


@asynccontextmanager
async def serving(sandbox: "Sandbox", host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serve while the block runs; yields the address, such as ``http://127.0.0.1:8080``.

    Raises:
        ValueError: *host* is not this machine alone.
        OSError: *port* is taken.
    """
    if not is_loopback(host):
        raise ValueError(f"the sandbox listens on loopback only, not on {host}")
    with listen(host, port) as listener:
        server, ready = _server(sandbox.service)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_run, server, listener)
            await ready.wait()
            try:
                yield address_of(listener)
            finally:
                server.should_exit = True


async def serve(
    sandbox: "Sandbox",
    host: str = "127.0.0.1",
    port: int = 0,
    ready: Callable[[str], object] = lambda _address: None,
) -> None:
    """Serve until cancelled or interrupted; *ready* gets the address. Raises as `serving`."""
    async with serving(sandbox, host, port) as address:
        ready(address)
        await anyio.sleep_forever()


async def _run(server: "uvicorn.Server", listener: socket.socket) -> None:
    with anyio.CancelScope(shield=True):  # told to stop, it answers what it has begun
        await server.serve([listener])


def _server(service: Service) -> tuple["uvicorn.Server", anyio.Event]:
    """The server, and the event of its being ready. uvicorn is imported only here."""
    import uvicorn
    from uvicorn.protocols.http.h11_impl import H11Protocol

    ready = anyio.Event()

    class Protocol(H11Protocol):
        """Offers the application to break the connection, which ASGI has no word for."""

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            inner = self.app

            async def with_abort(scope: Message, receive: Receive, send: Send) -> None:
                extensions = {**scope.get("extensions", {}), _ABORT: transport.abort}
                await inner({**scope, "extensions": extensions}, receive, send)

            self.app = with_abort

    class Server(uvicorn.Server):
        """Says when it is ready, and leaves the signals to whoever runs it."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            ready.set()

        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

    config = uvicorn.Config(
        app(service),
        http=Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="error",
        access_log=False,
        date_header=False,
        server_header=False,
        timeout_graceful_shutdown=2,
    )
    return Server(config), ready


async def _request(scope: Message, receive: Receive) -> RawRequest:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body") or len(body) > LARGEST_BODY:
            break
    return RawRequest(
        scope["method"],
        scope["raw_path"].decode("ascii"),
        scope["query_string"].decode("ascii"),
        {name.decode("latin-1").lower(): _text(value) for name, value in scope["headers"]},
        bytes(body),
    )


def _text(value: bytes) -> str:
    """A header's text: UTF-8, as both signers have it, else byte by byte."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


async def _reply(scope: Message, send: Send, response: RawResponse) -> None:
    headers = [(name.encode(), value.encode()) for name, value in response.headers.items()]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    if response.truncated_at is None:
        await send({"type": "http.response.body", "body": response.body})
        return
    part = response.body[: response.truncated_at]
    await send({"type": "http.response.body", "body": part, "more_body": True})
    await _break(scope)


async def _break(scope: Message) -> None:
    """Break the connection; without our own server the application can only give up."""
    abort = scope.get("extensions", {}).get(_ABORT)
    if abort is None:
        raise ConnectionError("the sandbox cuts this connection")
    abort()
    await anyio.lowlevel.checkpoint()
