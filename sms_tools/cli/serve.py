"""``sms-tools serve``: the MCP server on stdio, or over HTTP on loopback.

On stdio, standard output carries the protocol and nothing else.
"""

import argparse
import functools
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio

from sms_tools.cli.opening import server_of
from sms_tools.cli.options import add_server_options, port, span
from sms_tools.errors import SettingsError
from sms_tools.server import Runtime, Server
from sms_tools.watching.forms import FORMS

if TYPE_CHECKING:
    from mcp.server.auth.provider import TokenVerifier

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def configure(command: argparse.ArgumentParser) -> None:
    """Declare the options of this command."""
    add_server_options(command)
    command.add_argument("--http", action="store_true", help="streamable HTTP at /mcp")
    command.add_argument(
        "--no-auth",
        action="store_true",
        help="with --http: no bearer token; every user and program of this machine may call",
    )
    command.add_argument("--host", default="127.0.0.1", help="loopback only (default 127.0.0.1)")
    command.add_argument("--port", type=port, default=8000, help="default 8000; 0 takes a free one")
    command.add_argument(
        "--log-json", action="store_true", help="with --http: logs and audit as lines of JSON"
    )
    command.add_argument(
        "--watch",
        nargs="?",
        type=span,
        const="5m",
        metavar="SPAN",
        help="look again every SPAN (default 5m) and tell what changed, as `sms-tools watch` does",
    )
    command.add_argument(
        "--watch-format", choices=FORMS, default="json", help="the form of the webhook's messages"
    )


def run(options: argparse.Namespace) -> int:
    """Serve until the client goes away or the process is stopped."""
    if options.http and options.host not in LOOPBACK:
        raise SettingsError(
            f"--host {options.host} is not a loopback address: the server holds your cloud"
            " credentials and has no login of its own.",
            advice="Serve on 127.0.0.1, with a proxy that authenticates its callers in front.",
        )
    if options.log_json and not options.http:
        raise SettingsError(
            "--log-json is for a server over HTTP.",
            advice="Give --http too, or leave it out.",
        )
    if not options.http:
        # Python's own handler waits for the thread that reads standard input, that is, for the
        # client. What must not be lost is on the disk before a call is made: we may just end.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    anyio.run(functools.partial(_serve, options))
    return 0


async def _serve(options: argparse.Namespace) -> None:
    lines = None
    if options.log_json:
        from sms_tools.server.logs import log_as_json

        lines = log_as_json()
    # An approval given to a client on stdio must not serve one on HTTP that goes by its name. Over
    # HTTP no result leads to the page: a caller could follow the link, and nobody logs in there.
    reached_by = "http" if options.http else "stdio"
    how = {"reached_by": reached_by, "links": not options.http}
    async with server_of(options, **how) as (server, runtimes):
        if lines is not None:
            lines.secrets = next(iter(runtimes.values())).secrets
        state = next(iter(runtimes.values())).state
        if fault := await state.fault():
            _say(f"{fault} {fault.advice}")
        async with _watching(options, server, runtimes):
            await _serve_clients(options, server, runtimes)


async def _serve_clients(
    options: argparse.Namespace, server: Server, runtimes: Mapping[str | None, Runtime]
) -> None:
    if not options.http:
        await server.run_stdio_async()
        return
    from sms_tools.server.front import Front
    from sms_tools.server.http import serve_http

    verifier, told = _admission(options, next(iter(runtimes.values())).state.folder)

    def ready(address: str) -> None:
        _say(f"MCP server at {address}/mcp")
        _say(told)

    front = Front(server, runtimes, log_json=options.log_json)
    await serve_http(server, options.host, options.port, ready, verifier, front)


@asynccontextmanager
async def _watching(
    options: argparse.Namespace, server: Server, runtimes: Mapping[str | None, Runtime]
) -> AsyncIterator[None]:
    """Meanwhile, with --watch, look again and again and tell what changed."""
    if options.watch is None:
        yield
        return
    from sms_tools.cli.watch import send, webhook_of
    from sms_tools.server.watch import address_of, keep_watching

    webhook = webhook_of(None)

    async def told(account: str | None, message: Mapping[str, Any]) -> None:
        _say(f"{account}: {message['summary']}" if account else message["summary"])
        await server.changed(address_of(account))
        await send(message, webhook, options.watch_format)

    async with anyio.create_task_group() as group:
        for account, runtime in runtimes.items():
            tell = functools.partial(told, account)
            group.start_soon(keep_watching, runtime, options.watch, tell)
        yield
        group.cancel_scope.cancel()


def _admission(options: argparse.Namespace, folder: Path) -> "tuple[TokenVerifier | None, str]":
    """Who may call over HTTP, and what a person is told of it.

    Raises:
        SettingsError: the token is none, or is both wanted and not.
    """
    from sms_tools.server.http import TOKEN_VARIABLE, OneToken, kept_token

    given = os.environ.get(TOKEN_VARIABLE)
    if options.no_auth:
        if given:
            raise SettingsError(
                f"--no-auth and {TOKEN_VARIABLE} contradict each other.",
                advice="Leave one of them out.",
            )
        return None, (
            "WARNING: --no-auth asks for no token. Every user and every program of this machine "
            "can read your account through this port and ask for changes in it."
        )
    if given:
        return OneToken(given), f"its bearer token is the one in {TOKEN_VARIABLE}"
    kept = kept_token(folder)
    return OneToken(kept.token), kept.told


def _say(what: str) -> None:
    log = logging.getLogger("sms_tools.serve")
    if log.isEnabledFor(logging.INFO):  # where logs are lines of JSON, all that we say is one
        log.info(what)
        return
    print(f"sms-tools: {what}", file=sys.stderr, flush=True)
