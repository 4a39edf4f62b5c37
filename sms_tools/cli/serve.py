"""``sms-tools serve``: the MCP server on stdio, or over HTTP on loopback.

On stdio, standard output carries the protocol and nothing else.
"""

import argparse
import functools
import signal
import sys

import anyio

from sms_tools.cli.opening import runtime_of
from sms_tools.cli.options import add_server_options, port
from sms_tools.errors import SettingsError
from sms_tools.server import build_server

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def configure(command: argparse.ArgumentParser) -> None:
    """Declare the options of this command."""
    add_server_options(command)
    command.add_argument("--http", action="store_true", help="streamable HTTP at /mcp")
    command.add_argument("--host", default="127.0.0.1", help="loopback only (default 127.0.0.1)")
    command.add_argument("--port", type=port, default=8000, help="default 8000; 0 takes a free one")


def run(options: argparse.Namespace) -> int:
    """Serve until the client goes away or the process is stopped."""
    if options.http and options.host not in LOOPBACK:
        raise SettingsError(
            f"--host {options.host} is not a loopback address: the server holds your cloud"
            " credentials and has no login of its own.",
            advice="Serve on 127.0.0.1, with a proxy that authenticates its callers in front.",
        )
    if not options.http:
        # Python's own handler waits for the thread that reads standard input, that is, for the
        # client. What must not be lost is on the disk before a call is made: we may just end.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    anyio.run(functools.partial(_serve, options))
    return 0


async def _serve(options: argparse.Namespace) -> None:
    # An approval given to a client on stdio must not serve one on HTTP that goes by its name.
    async with runtime_of(options, reached_by="http" if options.http else "stdio") as runtime:
        if fault := await runtime.state.fault():
            print(f"sms-tools: {fault} {fault.advice}", file=sys.stderr, flush=True)
        server = build_server(runtime, options.tools)
        if options.http:
            from sms_tools.server.http import serve_http

            await serve_http(server, options.host, options.port, ready=_say_address)
        else:
            await server.run_stdio_async()


def _say_address(address: str) -> None:
    print(f"sms-tools: MCP server at {address}/mcp", file=sys.stderr, flush=True)
