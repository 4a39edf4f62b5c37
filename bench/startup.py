"""How long a client waits: from starting the server to its first answered ``tools/list``.

Usage: ``python -m bench.startup [--runs 20] [--limit 1.25]``

Our server with all tools, over stdio and on the sandbox, against a bare ``MCPServer`` with one
tool. The two take turns, so that whatever else the machine does hits both alike. The exit status
is 1 if ours takes more than *limit* times as long, by the medians.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

_ASK = (
    b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25",'
    b'"capabilities":{},"clientInfo":{"name":"bench","version":"1"}}}\n'
    b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n'
    b'{"jsonrpc":"2.0","id":2,"method":"tools/list"}\n'
)
_BARE = """
from mcp.server.mcpserver import MCPServer

server = MCPServer("bare")


@server.tool()
def hello(name: str) -> str:
    return name


server.run("stdio")
"""
COMMANDS = {
    "bare": [sys.executable, "-c", _BARE],
    "ours": [sys.executable, "-m", "sms_tools", "serve", "--sandbox"],
}


def seconds(command: list[str], state: str) -> float:
    """From starting *command* to the answer to ``tools/list``."""
    environment = {**os.environ, "SMS_TOOLS_STATE_DIR": state}
    began = time.perf_counter()
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    ) as server:
        assert server.stdin
        assert server.stdout
        server.stdin.write(_ASK)
        server.stdin.flush()
        for line in server.stdout:
            if b'"id":2' in line:
                taken = time.perf_counter() - began
                assert b'"tools"' in line, line
                server.stdin.close()
                server.stdout.read()
                return taken
    raise SystemExit(f"{command[1:3]} ended without an answer")


def main() -> int:
    """Print the medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--limit", type=float, default=1.25)
    options = parser.parse_args()
    taken: dict[str, list[float]] = {name: [] for name in COMMANDS}
    with tempfile.TemporaryDirectory(prefix="sms-tools-bench-") as state:
        for command in COMMANDS.values():
            seconds(command, state)  # the first run fills the caches of bytecode and files
        for _ in range(options.runs):
            for name, command in COMMANDS.items():
                taken[name].append(seconds(command, state))
    medians = {name: statistics.median(values) for name, values in taken.items()}
    for name, values in taken.items():
        print(
            f"{name}: median {medians[name] * 1000:.0f} ms, {min(values) * 1000:.0f} to"
            f" {max(values) * 1000:.0f} ms, {len(values)} runs"
        )
    ratio = medians["ours"] / medians["bare"]
    print(f"ratio {ratio:.2f} (limit {options.limit:.2f})")
    return int(ratio > options.limit)


if __name__ == "__main__":
    sys.exit(main())
