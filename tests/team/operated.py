"""A team's server as a process, on an account that the test watches and can hold up."""

import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import anyio
import httpx
from anyio.abc import Process
from anyio.streams.text import TextReceiveStream

from sms_tools.sandbox import serving
from sms_tools.sandbox.service import Service
from sms_tools.sandbox.wire import RawRequest, RawResponse
from tests import modern
from tests.server.world import Watched, open_account

TOKEN = "example-token-of-the-owner"
SECRET = "example-secret-key"


@dataclass
class Held(Watched):
    """A service that answers some operations when the test lets it."""

    holds: set[str] = field(default_factory=set)
    reached: anyio.Event = field(default_factory=anyio.Event)
    go_on: anyio.Event = field(default_factory=anyio.Event)

    async def handle(self, request: RawRequest) -> RawResponse:
        answer = await Watched.handle(self, request)
        if self.arrived[-1] in self.holds:
            self.reached.set()
            await self.go_on.wait()
        return answer


@dataclass
class Operated:
    """The process, how to speak to it, and what it says."""

    url: str
    service: Held
    http: httpx.AsyncClient
    process: Process
    said: "Said"

    async def call(self, tool: str, **arguments: Any) -> httpx.Response:
        """One tool call in the era of 2026-07-28."""
        return await self.post("tools/call", name=tool, arguments=arguments)

    async def post(self, method: str, **params: Any) -> httpx.Response:
        """One request in the era of 2026-07-28."""
        return await self.http.post(f"{self.url}/mcp", **modern.request(method, TOKEN, **params))

    async def metrics(self) -> dict[str, float]:
        """What Prometheus would read: values by name and labels."""
        text = (await self.http.get(f"{self.url}/metrics")).text
        rows = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
        return {name: float(value) for name, _, value in rows}

    async def lines_about(self, request_id: str, *events: str) -> dict[str, dict[str, Any]]:
        """The lines of its log about one request by event, once *events* are among them."""
        with anyio.fail_after(30):
            while True:
                about = {
                    line["event"]: line
                    for line in map(json.loads, self.said.lines)
                    if line["request_id"] == request_id
                }
                if about.keys() >= set(events):
                    return about
                await self.said.more.wait()

    async def ended(self) -> int:
        """Its exit status, once it has ended."""
        with anyio.fail_after(60):
            return await self.process.wait()


class Said:
    """The lines of standard error so far."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.more = anyio.Event()

    async def listen(self, process: Process) -> None:
        """Read until the process ends."""
        assert process.stderr
        text = ""
        async for part in TextReceiveStream(process.stderr):
            *lines, text = (text + part).split("\n")
            self.lines += lines
            self.more.set()
            self.more = anyio.Event()

    async def address(self) -> str:
        """Where the server says that it is."""
        with anyio.fail_after(60):
            while True:
                if found := re.search(r"MCP server at (\S+?)/mcp", "\n".join(self.lines)):
                    return found[1]
                await self.more.wait()


def held() -> tuple[Any, Held]:
    """A sandbox that stands still, and its service, which can be held up."""
    sandbox, service = open_account()
    given = {each.name: getattr(service, each.name) for each in fields(Service)}
    holding = Held(**given)
    return replace(sandbox, service=holding), holding


@asynccontextmanager
async def operated(
    folder: Path, *options: str, endpoint: str | None = None, **environment: str
) -> AsyncIterator[Operated]:
    """A server over HTTP that logs JSON, with one token."""
    sandbox, service = held()
    headers = {
        "Accept": "application/json, text/event-stream",
        "Authorization": f"Bearer {TOKEN}",
    }
    said = Said()
    async with (
        serving(sandbox) as address,
        httpx.AsyncClient(timeout=60, trust_env=False, headers=headers) as http,
        await anyio.open_process(
            [sys.executable, "-m", "sms_tools", "serve", "--http", "--port", "0", *options],
            env=_environment(folder, endpoint or address, environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        ) as process,
        anyio.create_task_group() as group,
    ):
        group.start_soon(said.listen, process)
        try:
            yield Operated(await said.address(), service, http, process, said)
        finally:
            service.go_on.set()
            if process.returncode is None:
                process.kill()


def _environment(folder: Path, endpoint: str, more: Mapping[str, str]) -> dict[str, str]:
    ours = ("SMS_", "HUAWEI", "CLOUD_SDK", "OTEL_")
    return {
        **{key: value for key, value in os.environ.items() if not key.startswith(ours)},
        "SMS_TOOLS_ENDPOINT": endpoint,
        "SMS_TOOLS_IAM_ENDPOINT": endpoint,
        "SMS_TOOLS_STATE_DIR": str(folder / "state"),
        "HUAWEICLOUD_SDK_AK": "EXAMPLE-ACCESS-KEY",
        "HUAWEICLOUD_SDK_SK": SECRET,
        "SMS_TOOLS_HTTP_TOKEN": TOKEN,
        **more,
    }
