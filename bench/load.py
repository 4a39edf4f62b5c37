"""How much load a server takes: calls a second, how long each waits, errors, memory, descriptors.

Usage: ``python -m bench.load [--quick] [--calls 4000] [--growth 30000] [--era 2025-11-25]``

Three servers take turns in one run, so that whatever else the machine does hits all of them alike:

``ours``
    ``sms-tools serve`` before a sandbox in another process. The same read within a second is sent
    once, so most calls are answered from the last reading.
``bare``
    a bare ``MCPServer`` of one tool that answers the same from its memory.
``bare+SDK``
    the same with the official SDK: what somebody would write in five minutes. It reads at every
    call.

Over stdio the clients are so many calls in flight on one connection; over HTTP each client has a
connection of its own, and with ``--era`` of the older era a session too. One operation is then
read in this process through our ``Api`` and through the official SDK, by turns, each time from the
service. Last, memory and descriptors of our server over many calls.

The exit status is 1 if a call failed, if a call costs more than the SDK's, or if memory grew by
5 MB or descriptors by 5. The ratios are printed for a person to judge.
"""

import argparse
import asyncio
import contextlib
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from sms_tools.api import Api
from sms_tools.operations import CATALOGUE
from sms_tools.settings import read_settings

TOOL: Final = "get_source_server_overview"
TOKEN: Final = "example-token-of-the-owner"  # noqa: S105 (of a server on loopback, for this run)
VERSION: Final = "2026-07-28"
OLDER: Final = "2025-11-25"
"""The era of sessions: over stdio always, over HTTP where it is asked for."""
CLIENTS: Final = (1, 20, 200)
MOST_GROWTH_MB: Final = 5.0
MOST_DESCRIPTORS: Final = 5

_BARE = f"""
import json, os, sys
from typing import Any
from mcp.server.mcpserver import MCPServer

server = MCPServer("bare", log_level="WARNING")
ANSWER = json.loads(os.environ["ANSWER"])


@server.tool()
def {TOOL}() -> dict[str, Any]:
    return ANSWER


if sys.argv[1] == "stdio":
    server.run("stdio")
else:
    server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[2]))
"""
_SDK_CLIENT = """
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdksms.v3 import SmsClient, ShowOverviewRequest

credentials = BasicCredentials("EXAMPLE-ACCESS-KEY", "example-secret-key", "example-project")
client = SmsClient.new_builder().with_endpoint(os.environ["SMS_TOOLS_ENDPOINT"])
client = client.with_credentials(credentials).build()
"""
_BARE_SDK = _BARE.replace("server = MCPServer", _SDK_CLIENT + "\nserver = MCPServer").replace(
    "return ANSWER", "return client.show_overview(ShowOverviewRequest()).to_dict()"
)


@dataclass(frozen=True, slots=True)
class Measured:
    """What one run of calls gave; times in seconds."""

    took: Sequence[float]
    errors: int
    wall: float

    @property
    def per_second(self) -> float:
        """Calls a second."""
        return len(self.took) / self.wall

    def quantile(self, part: float) -> float:
        """The time within which *part* of the calls were answered."""
        ordered = sorted(self.took)
        return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


Ask = Callable[[], Awaitable[bool]]
"""One call; whether it was answered without an error."""


async def measured(asks: Sequence[Ask], calls: int) -> Measured:
    """Let each of *asks* be a client that calls again as soon as it was answered."""
    took: list[float] = []
    errors = 0
    left = calls

    async def client(ask: Ask) -> None:
        nonlocal left, errors
        while left > 0:
            left -= 1
            began = time.perf_counter()
            try:
                good = await asyncio.wait_for(ask(), 120)
            except (OSError, ValueError, EOFError, TimeoutError) as error:
                print(f"  {type(error).__name__}: {error}")
                good = False
            took.append(time.perf_counter() - began)
            errors += not good

    began = time.perf_counter()
    await asyncio.gather(*(client(ask) for ask in asks))
    return Measured(took, errors, time.perf_counter() - began)


def call_body(number: int, *, modern: bool) -> bytes:
    """One ``tools/call``, in the form of the newest era or of those before it."""
    params: dict[str, Any] = {"name": TOOL, "arguments": {}}
    if modern:
        params["_meta"] = {
            "io.modelcontextprotocol/protocolVersion": VERSION,
            "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "1"},
            "io.modelcontextprotocol/clientCapabilities": {},
        }
    message = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}
    return json.dumps(message, separators=(",", ":")).encode()


def is_good(message: Mapping[str, Any]) -> bool:
    """Whether the tool answered, and not with an error."""
    return "result" in message and not message["result"].get("isError")


_HELLO: Final = json.dumps(
    {
        "jsonrpc": "2.0",
        "id": 0,
        "method": "initialize",
        "params": {
            "protocolVersion": OLDER,
            "capabilities": {},
            "clientInfo": {"name": "bench", "version": "1"},
        },
    }
).encode()
_GREETED: Final = b'{"jsonrpc":"2.0","method":"notifications/initialized"}'


class Connection:
    """One client's connection over HTTP/1.1, kept open; in the older era with its session."""

    def __init__(self, url: str, era: str = VERSION, token: str = TOKEN) -> None:
        """Speak to the server at *url*; connected, and its session opened, at the first call."""
        self._address = urlsplit(url)
        self._token = token
        self._modern = era == VERSION
        self._headers = {"MCP-Protocol-Version": era}
        if self._modern:
            self._headers |= {"Mcp-Method": "tools/call", "Mcp-Name": TOOL}
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self) -> bool:
        """Make one call."""
        return is_good(await self.call())

    async def call(self) -> dict[str, Any]:
        """Make one call, and give the message that answers it."""
        if not self._modern and "Mcp-Session-Id" not in self._headers:
            await self._begin()
        _, text = await self._exchange("POST", call_body(7, modern=self._modern))
        if text.startswith(("event:", "data:", ":", "id:")):
            text = [line[5:] for line in text.splitlines() if line.startswith("data:")][-1]
        message: dict[str, Any] = json.loads(text)
        return message

    async def _begin(self) -> None:
        head, _ = await self._exchange("POST", _HELLO)
        found = re.search(rb"(?i)mcp-session-id: *(\S+)", head)
        if found is None:
            raise EOFError(f"no session: {head[:200]!r}")
        self._headers["Mcp-Session-Id"] = found[1].decode()
        await self._exchange("POST", _GREETED)

    async def _exchange(self, method: str, body: bytes) -> tuple[bytes, str]:
        """The head and the text of the answer to one request."""
        host, port = self._address.hostname, self._address.port
        if self._streams is None:
            self._streams = await asyncio.open_connection(host, port, limit=2**20)
        reader, writer = self._streams
        headers = {
            "Host": f"{host}:{port}",
            "Authorization": f"Bearer {self._token}",
            "Accept": "application/json, text/event-stream",
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            **self._headers,
        }
        lines = [f"{name}: {value}\r\n" for name, value in headers.items()]
        writer.write(f"{method} /mcp HTTP/1.1\r\n{''.join(lines)}\r\n".encode() + body)
        head = await reader.readuntil(b"\r\n\r\n")
        return head, (await self._body(reader, head)).decode()

    async def _body(self, reader: asyncio.StreamReader, head: bytes) -> bytes:
        if found := re.search(rb"(?i)content-length: *(\d+)", head):
            return await reader.readexactly(int(found[1]))
        body = b""
        while size := int(await reader.readuntil(b"\r\n"), 16):
            body += await reader.readexactly(size)
            await reader.readexactly(2)
        await reader.readexactly(2)
        return body

    async def end(self) -> None:
        """End the session, where there is one, and hang up."""
        if "Mcp-Session-Id" in self._headers:
            await self._exchange("DELETE", b"")
        self.close()

    def close(self) -> None:
        """Hang up."""
        if self._streams:
            self._streams[1].close()


class Pipe:
    """A server's standard input and output, shared by any number of calls in flight."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        """Speak to *process*."""
        assert process.stdin
        assert process.stdout
        self._into, self._out = process.stdin, process.stdout
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._number = 0

    async def listen(self) -> None:
        """Read answers until the server ends."""
        async for line in self._out:
            message = json.loads(line)
            if (waiting := self._waiting.pop(message.get("id"), None)) and not waiting.done():
                waiting.set_result(message)
        for waiting in self._waiting.values():
            waiting.set_exception(EOFError("the server ended"))

    async def begin(self) -> None:
        """Shake hands."""
        await self._send(0, _HELLO)
        self._into.write(_GREETED + b"\n")

    async def ask(self) -> bool:
        """Make one call."""
        self._number += 1
        return is_good(await self._send(self._number, call_body(self._number, modern=False)))

    async def _send(self, number: int, body: bytes) -> dict[str, Any]:
        waiting = self._waiting[number] = asyncio.get_running_loop().create_future()
        self._into.write(body + b"\n")
        await self._into.drain()
        message: dict[str, Any] = await waiting
        return message


@contextlib.asynccontextmanager
async def started(
    command: Sequence[str],
    environment: Mapping[str, str],
    *,
    reads: bool = False,
    writes: bool = False,
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run *command* meanwhile; it *reads* what we send, and *writes* what we want to see."""
    process = await asyncio.create_subprocess_exec(
        *command,
        env=environment,
        limit=2**20,
        stdin=subprocess.PIPE if reads else subprocess.DEVNULL,
        stdout=subprocess.PIPE if writes else subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), 10)
            except TimeoutError:
                process.kill()
                await process.wait()


async def said(stream: asyncio.StreamReader | None, pattern: str) -> str:
    """What *pattern* finds in the lines of *stream*, within a minute."""
    assert stream
    async with asyncio.timeout(60):
        async for line in stream:
            if found := re.search(pattern, line.decode()):
                return found[1]
    raise SystemExit(f"a server ended before it said {pattern}")


@contextlib.asynccontextmanager
async def sandbox() -> AsyncIterator[str]:
    """The address of a sandbox in a process of its own."""
    command = [sys.executable, "-m", "sms_tools", "sandbox"]
    async with started(command, dict(os.environ), writes=True) as process:
        yield await said(process.stdout, r"ready at (\S+)")


def command_of(name: str, transport: str, port: int = 0) -> list[str]:
    """How the server *name* is started."""
    if name == "ours":
        over_http = ["--http", "--port", str(port)] if transport == "HTTP" else []
        return [sys.executable, "-m", "sms_tools", "serve", *over_http]
    source = _BARE if name == "bare" else _BARE_SDK
    return [sys.executable, "-c", source, transport.lower(), str(port)]


@contextlib.asynccontextmanager
async def over_stdio(name: str, environment: Mapping[str, str]) -> AsyncIterator[Pipe]:
    """A server on stdio, and its only connection."""
    command = command_of(name, "stdio")
    async with started(command, environment, reads=True, writes=True) as process:
        pipe = Pipe(process)
        listening = asyncio.create_task(pipe.listen())
        await asyncio.wait_for(pipe.begin(), 60)
        yield pipe
        listening.cancel()


@contextlib.asynccontextmanager
async def over_http(name: str, environment: Mapping[str, str]) -> AsyncIterator[tuple[str, int]]:
    """A server over HTTP: its address and process."""
    port = free_port()
    async with started(command_of(name, "HTTP", port), environment) as process:
        async with asyncio.timeout(60):
            while True:
                with contextlib.suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.close()
                    break
                await asyncio.sleep(0.1)
        yield f"http://127.0.0.1:{port}", process.pid


def free_port() -> int:
    """A port of loopback that nobody uses now."""
    import socket

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


async def compare(environment: Mapping[str, str], calls: int, era: str) -> int:
    """Print the table of all servers, over both transports, by number of clients; the errors.

    *era* is that of the clients over HTTP.
    """
    names = ("bare", "bare+SDK", "ours")
    errors = 0
    print(f"{'':6}{'clients':>8} {'server':9}{'calls/s':>9}{'p50 ms':>9}{'p99 ms':>9}{'errors':>8}")
    async with contextlib.AsyncExitStack() as stack:
        pipes = {n: await stack.enter_async_context(over_stdio(n, environment)) for n in names}
        sites = {n: await stack.enter_async_context(over_http(n, environment)) for n in names}
        for transport in ("stdio", "HTTP"):
            for clients in CLIENTS:
                medians: dict[str, float] = {}
                for name in names:
                    connections = [Connection(sites[name][0], era) for _ in range(clients)]
                    asks: list[Ask] = (
                        [pipes[name].ask] * clients
                        if transport == "stdio"
                        else [connection.ask for connection in connections]
                    )
                    await measured(asks, clients * 2)  # connections, caches
                    found = await measured(asks, max(calls if clients > 1 else calls // 4, clients))
                    for connection in connections:
                        await connection.end()
                    errors += found.errors
                    medians[name] = found.quantile(0.5)
                    print(
                        f"{transport:6}{clients:8} {name:9}{found.per_second:9.0f}"
                        f"{medians[name] * 1000:9.2f}{found.quantile(0.99) * 1000:9.2f}"
                        f"{found.errors:8}",
                        flush=True,
                    )
                ratios = ", ".join(
                    f"{medians['ours'] / medians[other]:.2f} x {other}" for other in names[:-1]
                )
                print(f"{'':15}ours, p50: {ratios}", flush=True)
    return errors


def cpu() -> float:
    """The CPU seconds of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def against_sdk(endpoint: str, calls: int) -> float:
    """Print what one operation costs through us and through the SDK; the ratio of the CPU."""
    from huaweicloudsdkcore.auth.credentials import BasicCredentials
    from huaweicloudsdksms.v3 import ShowOverviewRequest, SmsClient

    credentials = BasicCredentials("EXAMPLE-ACCESS-KEY", "example-secret-key", "example-project")
    builder = SmsClient.new_builder().with_endpoint(endpoint).with_credentials(credentials)
    sdk = builder.build()
    settings, _ = read_settings(environment_of(endpoint, Path(), {}))
    operation = CATALOGUE[TOOL]()
    rounds: dict[str, list[tuple[float, float]]] = {"SDK": [], "ours": []}
    async with Api(settings) as api:
        for number in range(9):  # the first is for connections and caches
            for name in rounds:
                began, used = time.perf_counter(), cpu()
                for _ in range(calls // 8):
                    if name == "ours":
                        await api(operation)
                    else:
                        sdk.show_overview(ShowOverviewRequest())
                spent = (time.perf_counter() - began, cpu() - used)
                if number:
                    rounds[name].append(spent)
    sdk.get_http_client().close()
    each = calls // 8 / 1000
    print("\none operation in process, median of 8 rounds")
    medians: dict[str, tuple[float, float]] = {}
    for name, spent_rounds in rounds.items():
        wall, used = (statistics.median(values) / each for values in zip(*spent_rounds))  # noqa: B905
        medians[name] = (wall, used)
        print(f"  {name:5} {wall:6.2f} ms, CPU {used:6.2f} ms a call")
    ratio = medians["ours"][1] / medians["SDK"][1]
    print(f"  ours: {medians['ours'][0] / medians['SDK'][0]:.2f} x the time, {ratio:.2f} x the CPU")
    return ratio


async def growth(environment: Mapping[str, str], calls: int, era: str) -> tuple[float, int, int]:
    """Print memory and descriptors of our server over *calls*; the growth (MB) and errors."""
    async with over_http("ours", environment) as (url, pid):
        connections = [Connection(url, era) for _ in range(20)]
        asks: list[Ask] = [connection.ask for connection in connections]
        await measured(asks, max(200, calls // 6))
        before = footprint(pid)
        print(f"\nours over HTTP, 20 clients: {before[0]:.1f} MB, {before[1]} descriptors")
        errors, done = 0, 0
        for _ in range(5):
            errors += (await measured(asks, calls // 5)).errors
            done += calls // 5
            now = footprint(pid)
            print(f"  after {done:6}: {now[0]:.1f} MB, {now[1]} descriptors", flush=True)
        for connection in connections:
            connection.close()
    return now[0] - before[0], now[1] - before[1], errors


def footprint(pid: int) -> tuple[float, int]:
    """Resident memory in MB, and how many descriptors are open (Linux)."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    found = re.search(r"VmRSS:\s*(\d+) kB", status)
    assert found
    return int(found[1]) / 1024, len(list(Path(f"/proc/{pid}/fd").iterdir()))


def environment_of(endpoint: str, state: Path, answer: Mapping[str, Any]) -> dict[str, str]:
    """What the servers are started with."""
    ours = ("SMS_", "HUAWEI", "CLOUD_SDK", "OTEL_")
    return {
        **{key: value for key, value in os.environ.items() if not key.startswith(ours)},
        "SMS_TOOLS_ENDPOINT": endpoint,
        "SMS_TOOLS_IAM_ENDPOINT": endpoint,
        "SMS_TOOLS_STATE_DIR": str(state),
        "SMS_TOOLS_HTTP_TOKEN": TOKEN,
        "HUAWEICLOUD_SDK_AK": "EXAMPLE-ACCESS-KEY",
        "HUAWEICLOUD_SDK_SK": "example-secret-key",
        "HUAWEICLOUD_SDK_PROJECT_ID": "example-project",
        "ANSWER": json.dumps(answer),
    }


async def run(options: argparse.Namespace) -> int:
    """Measure everything; the exit status."""
    print(f"load of this machine at the start: {os.getloadavg()[0]:.1f}, {os.cpu_count()} CPUs\n")
    with tempfile.TemporaryDirectory(prefix="sms-tools-bench-") as folder:
        state = Path(folder) / "state"
        async with sandbox() as endpoint:
            async with over_http("ours", environment_of(endpoint, state, {})) as (url, _):
                connection = Connection(url)
                message = await connection.call()
                connection.close()
            assert is_good(message), message
            answer = message["result"]["structuredContent"]
            environment = environment_of(endpoint, state, answer)
            errors = await compare(environment, options.calls, options.era)
            ratio = await against_sdk(endpoint, options.calls)
            grown, descriptors, more = await growth(environment, options.growth, options.era)
    errors += more
    print(f"\n{errors} errors; memory {grown:+.1f} MB, descriptors {descriptors:+}")
    return int(
        errors > 0 or ratio > 1 or grown >= MOST_GROWTH_MB or descriptors >= MOST_DESCRIPTORS
    )


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=4_000, help="a line of the table")
    parser.add_argument("--growth", type=int, default=30_000, help="calls over which memory counts")
    parser.add_argument(
        "--era", choices=(VERSION, OLDER), default=VERSION, help="of the clients over HTTP"
    )
    parser.add_argument("--quick", action="store_true", help="a tenth of it")
    options = parser.parse_args()
    if options.quick:
        options.calls, options.growth = options.calls // 10, options.growth // 10
    return asyncio.run(run(options))


if __name__ == "__main__":
    sys.exit(main())
