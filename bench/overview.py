"""What one overview costs the product's own process: seconds of CPU and peak memory.

Usage: ``python -m bench.overview [--servers 10000]``

The sandbox serves from another process over loopback, so nothing of it is counted; what the client
imports to judge an answer is loaded before. The first overview pays for what the product imports
then; the second one is read anew, without that. Then the same
pages are only fetched and decoded, by the same transport and :mod:`json`: the ratio says what the
overview costs beyond that.
"""

import argparse
import importlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import anyio
import httpx
from mcp import Client

from sms_tools.api import MAX_REPLY
from sms_tools.auth import authenticator
from sms_tools.guard import Policy
from sms_tools.knowledge.facts import SOURCES_PAGE, TASKS_PAGE
from sms_tools.moment import utc_now
from sms_tools.server import build_server, open_runtime
from sms_tools.settings import Settings
from sms_tools.wire import Bounded, Network


@contextmanager
def sandbox(servers: int) -> Iterator[str]:
    """A sandbox of so many servers in a process of its own; its address."""
    command = [sys.executable, "-m", "sms_tools", "sandbox", "--scenario", "large"]
    with subprocess.Popen(
        [*command, "--servers", str(servers)], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout
            yield process.stdout.readline().rsplit(maxsplit=1)[-1]
        finally:
            process.terminate()


async def measure(address: str) -> None:
    """Ask twice and print what each answer cost."""
    folder = Path(tempfile.mkdtemp(prefix="sms-tools-bench-"))
    settings = replace(Settings.for_sandbox(state_dir=folder), endpoint=address)
    async with (
        open_runtime(settings, Policy(), page=False) as runtime,
        Client(build_server(runtime)) as client,
    ):
        importlib.import_module("jsonschema.validators")  # the client's
        print(f"  {'':12} {'CPU s':>7} {'peak MB':>8}")
        print(f"  {'at start':12} {time.process_time():7.2f} {_peak():8.0f}")
        for which in ("first", "read anew"):
            began = time.process_time()
            answer = await client.call_tool("migration_overview", {}, read_timeout_seconds=300)
            assert not answer.is_error, answer.content
            took = time.process_time() - began
            print(f"  {which:12} {took:7.2f} {_peak():8.0f}")
            runtime.desk.forget()
    began = time.process_time()
    await _fetch_and_decode(settings)
    alone = time.process_time() - began
    print(f"  {'pages alone':12} {alone:7.2f}    read anew: {took / alone:.1f} x that")


async def _fetch_and_decode(settings: Settings) -> None:
    """Read all pages of both lists, one after another, and decode them: nothing else."""
    inner = Bounded(Network(1, {}), MAX_REPLY)
    async with httpx.AsyncClient(transport=inner, trust_env=False, timeout=60) as client:
        auth, _ = authenticator(settings, client, utc_now)
        for path, key, size in (
            ("/v3/sources", "source_servers", SOURCES_PAGE),
            ("/v3/tasks", "tasks", TASKS_PAGE),
        ):
            offset, count = 0, 1
            while offset < count:
                url = f"{settings.endpoint}{path}?limit={size}&offset={offset}"
                page = json.loads((await client.get(url, auth=auth)).content)
                assert page[key], url
                offset, count = offset + len(page[key]), page["count"]


def _peak() -> float:
    """The most memory that this process has had, in MB (Linux counts in kB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--servers", type=int, default=10_000)
    options = parser.parse_args()
    print(f"migration_overview over {options.servers:,} servers")
    with sandbox(options.servers) as address:
        anyio.run(measure, address)


if __name__ == "__main__":
    main()
