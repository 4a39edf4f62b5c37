"""From inside a company: a service behind its own authority, reached through a SOCKS proxy."""

import json
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import pytest
import trustme
from anyio.abc import ByteReceiveStream, ByteSendStream, ByteStream, SocketAttribute
from anyio.streams.tls import TLSListener

from sms_tools.sandbox import open_sandbox
from sms_tools.sandbox.http import serving

from .conftest import environment_of

pytestmark = pytest.mark.anyio

HOST = "sms.company.example"
"""A name that resolves nowhere: only the proxy knows the way."""


@dataclass
class Company:
    """A service with a certificate of the company's own, and the proxy before it."""

    proxy: str
    port: int
    authority: trustme.CA
    asked: list[str] = field(default_factory=list)
    """The names that the proxy was asked to lead to."""

    async def run(self, state: Path, *arguments: str, **more: str) -> "Any":
        """``sms-tools`` with the endpoint in the company's network."""
        environment = environment_of(
            state,
            SMS_TOOLS_ENDPOINT=f"https://{HOST}:{self.port}",
            HUAWEICLOUD_SDK_AK="EXAMPLE-ACCESS-KEY",
            HUAWEICLOUD_SDK_SK="example-secret-key",
            HUAWEICLOUD_SDK_PROJECT_ID="example-project",
            **more,
        )
        command = [sys.executable, "-m", "sms_tools", *arguments]
        with anyio.fail_after(120):
            return await anyio.run_process(command, env=environment, check=False)


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


@pytest.fixture
async def company() -> AsyncIterator[Company]:
    async with _opened() as company:
        yield company


@asynccontextmanager
async def _opened() -> AsyncIterator[Company]:
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(HOST).configure_cert(context)
    async with serving(open_sandbox()) as address:
        plain = int(address.rpartition(":")[2])

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
        found = Company(f"socks5h://127.0.0.1:{ports[1]}", ports[0], authority)
        async with inner, outer, anyio.create_task_group() as group:
            group.start_soon(service.serve, secured)
            group.start_soon(outer.serve, led)
            yield found
            group.cancel_scope.cancel()


@pytest.fixture
def certificate(company: Company, tmp_path: Path) -> Path:
    path = tmp_path / "company.pem"
    company.authority.cert_pem.write_to_path(path)
    return path


async def test_an_authority_of_ones_own_and_a_socks_proxy_lead_to_the_service(
    company: Company, certificate: Path, state: Path
) -> None:
    done = await company.run(
        state,
        *("call", "migration_overview"),
        ALL_PROXY=company.proxy,
        SSL_CERT_FILE=str(certificate),
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["server_count"] > 0
    assert set(company.asked) == {HOST}


async def test_without_the_authority_it_is_said_which_certificate_is_not_trusted(
    company: Company, state: Path
) -> None:
    done = await company.run(state, "call", "migration_overview", ALL_PROXY=company.proxy)
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 1
    assert "certificate" in said
    assert "SSL_CERT_FILE" in said
    assert "Traceback" not in said


async def test_without_the_proxy_it_is_said_that_the_service_is_not_reached(
    company: Company, certificate: Path, state: Path
) -> None:
    done = await company.run(state, "call", "migration_overview", SSL_CERT_FILE=str(certificate))
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 1
    assert HOST in said
    assert "Traceback" not in said
    assert company.asked == []
