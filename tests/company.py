"""A company's network: a server behind its own authority, reached through a SOCKS proxy alone."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
import trustme
from anyio.abc import ByteReceiveStream, ByteSendStream, ByteStream, SocketAttribute
from anyio.streams.tls import TLSListener


@dataclass
class Network:
    """A name that resolves nowhere, and the proxy that alone knows the way to it."""

    host: str
    port: int
    proxy: str
    authority: trustme.CA
    asked: list[str] = field(default_factory=list)
    """The names that the proxy was asked to lead to."""

    @property
    def address(self) -> str:
        """Where the server is, for those inside."""
        return f"https://{self.host}:{self.port}"


@asynccontextmanager
async def network(host: str, plain: int) -> AsyncIterator[Network]:
    """*host*, with a certificate of the company's own, in front of the local port *plain*."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(host).configure_cert(context)

    async def secured(stream: ByteStream) -> None:
        await _joined(stream, await anyio.connect_tcp("127.0.0.1", plain))

    async def led(stream: ByteStream) -> None:
        """SOCKS 5 as far as a client without a login goes: greeting, CONNECT by name."""
        version, methods = await _exactly(stream, 2)
        await _exactly(stream, methods)
        await stream.send(bytes([version, 0]))
        *_, kind, length = await _exactly(stream, 5)
        assert kind == 3  # by name: nothing was resolved here
        found.asked.append((await _exactly(stream, length)).decode())
        await _exactly(stream, 2)
        await stream.send(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00")
        await _joined(stream, await anyio.connect_tcp("127.0.0.1", found.port))

    inner = await anyio.create_tcp_listener(local_host="127.0.0.1")
    outer = await anyio.create_tcp_listener(local_host="127.0.0.1")
    service = TLSListener(inner, context, standard_compatible=False)
    ports = [each.extra(SocketAttribute.local_port) for each in (inner, outer)]  # noqa: S610
    found = Network(host, ports[0], f"socks5h://127.0.0.1:{ports[1]}", authority)
    async with inner, outer, anyio.create_task_group() as group:
        group.start_soon(service.serve, secured)
        group.start_soon(outer.serve, led)
        yield found
        group.cancel_scope.cancel()


async def _pumped(source: ByteReceiveStream, sink: ByteSendStream) -> None:
    try:
        while True:
            await sink.send(await source.receive())
    except (anyio.EndOfStream, anyio.ClosedResourceError, anyio.BrokenResourceError):
        await sink.aclose()


async def _joined(one: ByteStream, other: ByteStream) -> None:
    async with one, other, anyio.create_task_group() as group:
        group.start_soon(_pumped, one, other)
        group.start_soon(_pumped, other, one)


async def _exactly(stream: ByteStream, count: int) -> bytes:
    found = b""
    while len(found) < count:
        found += await stream.receive(count - len(found))
    return found
