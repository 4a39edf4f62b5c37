"""What an answer costs: requests, bytes and seconds of every fleet tool on sandbox fleets.

Usage: ``python -m bench.fleet [--servers 100 1000 10000] [--latency-ms 50]``

For each fleet the bare reading is timed first: its pages, read concurrently; and for the two tools
that need the result of every verification, the pages and those results. With a latency, an answer
may take at most twice its bare reading. Requests are counted at the client.
"""

import argparse
import json
import tempfile
import time
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

import anyio
from mcp import Client

from sms_tools.guard import Policy
from sms_tools.moment import utc_now
from sms_tools.operations.source_servers import ListSourceServers
from sms_tools.operations.tasks import GetConsistencyResults, ListMigrationTasks
from sms_tools.sandbox import ManualClock, Sandbox, open_sandbox
from sms_tools.sandbox.faults import Effect, Fault
from sms_tools.server import build_server, open_runtime
from sms_tools.settings import Settings

TOOLS = (
    "migration_overview",
    "summarize_failed_servers",
    "summarize_consistency_results",
    "summarize_progress",
    "check_cutover_readiness",
    "what_changed",
    "find_cleanup_candidates",
)


@dataclass(frozen=True)
class Row:
    """One measured line."""

    what: str
    requests: int
    size: int
    seconds: float

    def __str__(self) -> str:
        return f"  {self.what:32} {self.requests:8,} {self.size:10,} {self.seconds:9.2f}"


async def measure(servers: int, latency: float) -> list[Row]:
    """The fleet read and every tool on a fleet of *servers*, each with *latency* per request."""
    clock = ManualClock(time.time())
    sandbox = open_sandbox("large", servers=servers, speed=1, clock=clock)
    if latency:
        sandbox.faults.add(Fault(Effect.LATENCY, seconds=latency))
    rows = [await _pages(sandbox), await _pages(sandbox, results=True)]
    for tool in TOOLS:
        rows.append(await _tool(sandbox, tool))  # noqa: PERF401 (one after the other, on purpose)
    return rows


async def _pages(sandbox: Sandbox, *, results: bool = False) -> Row:
    """The pages of both lists, read concurrently and not looked at; then each verification."""
    async with _runtime(sandbox) as runtime:
        began = time.perf_counter()
        found: dict[str, Any] = {}

        async def read(operation: ListSourceServers | ListMigrationTasks) -> None:
            found[operation.__spec__.name] = await runtime.api.listing(operation)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(read, ListSourceServers())
            tasks.start_soon(read, ListMigrationTasks())
        if results:
            verified = [
                source.current_task.id
                for source in found["list_source_servers"].items
                if source.is_consistency_result_exist and source.current_task
            ]
            await runtime.api.each([GetConsistencyResults(task_id=each) for each in verified])
        seconds = time.perf_counter() - began
        what = "(reading pages and results)" if results else "(reading the pages)"
        return Row(what, runtime.api.requests_made, 0, seconds)


async def _tool(sandbox: Sandbox, tool: str) -> Row:
    """One tool on a server that has seen nothing yet, through a client."""
    async with _runtime(sandbox) as runtime, Client(build_server(runtime)) as client:
        began = time.perf_counter()
        result = await client.call_tool(tool, {}, read_timeout_seconds=300)
        seconds = time.perf_counter() - began
        assert not result.is_error, result.content
        return Row(tool, runtime.api.requests_made, _size(result.structured_content), seconds)


def _runtime(sandbox: Sandbox) -> Any:
    settings = Settings.for_sandbox(state_dir=Path(tempfile.mkdtemp(prefix="sms-tools-bench-")))
    return open_runtime(
        settings, Policy(), transport=sandbox.transport(), clock=utc_now, page=False
    )


def _size(document: Any) -> int:
    return len(json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode())


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--servers", type=int, nargs="+", default=[100, 1_000, 10_000])
    parser.add_argument("--latency-ms", type=float, default=0.0)
    options = parser.parse_args()
    for servers in options.servers:
        rows = anyio.run(measure, servers, options.latency_ms / 1000)
        pages = ceil(servers / 200)
        at = f"{options.latency_ms:g} ms per request"
        print(f"{servers:,} servers ({pages} pages of sources), {at}")
        print(f"  {'':32} {'requests':>8} {'bytes':>10} {'seconds':>9}")
        for row in rows:
            print(row)


if __name__ == "__main__":
    main()
