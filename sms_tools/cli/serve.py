"""``sms-tools serve``: the MCP server on stdio, or over HTTP on loopback.

On stdio, standard output carries the protocol and nothing else.
"""

import argparse
import functools
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio

from sms_tools.cli.opening import server_of
from sms_tools.cli.options import add_auth_options, add_server_options, port, span
from sms_tools.errors import SettingsError
from sms_tools.server import Runtime, ToolServer
from sms_tools.settings import state_dir_of
from sms_tools.watching.forms import FORMS

if TYPE_CHECKING:
    from mcp.server.auth.provider import TokenVerifier

    from sms_tools.login.entry import Entry

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
    command.add_argument(
        "--host", default="127.0.0.1", help="default 127.0.0.1; beyond loopback it takes --auth"
    )
    command.add_argument("--port", type=port, default=8000, help="default 8000; 0 takes a free one")
    add_auth_options(command)
    command.add_argument(
        "--public-url", metavar="URL", help="under which clients and browsers reach a team's server"
    )
    command.add_argument(
        "--proxy",
        action="append",
        default=[],
        metavar="ADDRESS",
        help="a proxy in front that is trusted for clients' addresses; may be given again",
    )
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
    _check(options)
    if not options.http:
        # Python's own handler waits for the thread that reads standard input, that is, for the
        # client. What must not be lost is on the disk before a call is made: we may just end.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    anyio.run(functools.partial(_serve, options))
    return 0


def _check(options: argparse.Namespace) -> None:
    """Refuse what would let strangers in.

    Raises:
        SettingsError: it would, or the options contradict each other.
    """
    if not options.http:
        of_http = ("auth", "public_url", "no_auth", "log_json")
        given = [name for name in of_http if getattr(options, name)]
        if given:
            raise SettingsError(
                f"--{given[0].replace('_', '-')} is for --http.",
                advice="On stdio whoever starts the server is its only caller.",
            )
        return
    if options.auth and options.no_auth:
        raise SettingsError(
            "--auth and --no-auth contradict each other.", advice="Leave one of them out."
        )
    if options.host not in LOOPBACK and not options.auth:
        raise SettingsError(
            f"--host {options.host} is not a loopback address: the server holds your cloud"
            " credentials, and nobody would have to say who they are.",
            advice="Give --auth oidc:ISSUER or --auth tokens:FILE, and --public-url; or serve on"
            " 127.0.0.1.",
        )
    beyond = options.host not in LOOPBACK or (options.auth or "").startswith("oidc:")
    if options.auth and not options.public_url and beyond:
        raise SettingsError(
            "--public-url is missing: clients, logins and the approval page need the address"
            " under which this server is reached.",
            advice="Give the one that the proxy serves, such as https://sms-tools.example.com.",
        )


async def _serve(options: argparse.Namespace) -> None:
    lines = None
    if options.log_json:
        from sms_tools.server.logs import log_as_json

        lines = log_as_json()
    # An approval given to a client on stdio must not serve one on HTTP that goes by its name. Over
    # HTTP no result leads to the page: a caller could follow the link, and nobody logs in there.
    reached_by = "http" if options.http else "stdio"
    how: dict[str, Any] = {"reached_by": reached_by, "links": not options.http}
    admission = _admission(options, state_dir_of(os.environ, sandbox=options.sandbox))
    how["secrets"] = admission.secrets
    if admission.entry and admission.entry.has_page:
        how |= {"links": True, "public_url": options.public_url}
    async with server_of(options, **how) as (server, runtimes):
        first = next(iter(runtimes.values()))
        state = first.state
        if lines is not None:
            lines.secrets = first.secrets
        if fault := await state.fault():
            _say(f"{fault} {fault.advice}")
        async with _watching(options, server, runtimes):
            await _serve_clients(options, server, runtimes, admission)


async def _serve_clients(
    options: argparse.Namespace,
    server: ToolServer,
    runtimes: Mapping[str | None, Runtime],
    admission: "_Admission",
) -> None:
    if not options.http:
        await server.run_stdio_async()
        return
    from sms_tools.server.front import Front
    from sms_tools.server.http import Door, serve_http

    runtime = next(iter(runtimes.values()))

    if admission.entry is None:
        door = Door(admission.verifier, public_url=options.public_url, proxies=options.proxy)
    else:
        from sms_tools.login.team import door_of

        door = await door_of(admission.entry, runtime, options.public_url, options.proxy)

    def ready(address: str) -> None:
        _say(f"MCP server at {address}/mcp")
        _say(admission.told)

    front = Front(server, runtimes, log_json=options.log_json, open_metrics=not options.public_url)
    await serve_http(server, options.host, options.port, ready, door, front)


@dataclass(frozen=True, slots=True)
class _Admission:
    """Who may call over HTTP."""

    verifier: "TokenVerifier | None" = None
    told: str = ""
    """What a person is told of it at the start."""
    secrets: Sequence[str] = ()
    """Its token: it leaves in no answer."""
    entry: "Entry | None" = None
    """A team's."""


@asynccontextmanager
async def _watching(
    options: argparse.Namespace, server: ToolServer, runtimes: Mapping[str | None, Runtime]
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


def _admission(options: argparse.Namespace, folder: Path) -> _Admission:
    """Who may call over HTTP; on stdio the client alone does.

    Raises:
        SettingsError: the token is none, or is both wanted and not.
    """
    if not options.http:
        return _Admission()
    if options.auth:
        return _team(options)
    from sms_tools.server.http import TOKEN_VARIABLE, OneToken, kept_token

    given = os.environ.get(TOKEN_VARIABLE)
    if options.no_auth:
        if given:
            raise SettingsError(
                f"--no-auth and {TOKEN_VARIABLE} contradict each other.",
                advice="Leave one of them out.",
            )
        return _Admission(
            told="WARNING: --no-auth asks for no token. Every user and every program of this "
            "machine can read your account through this port and ask for changes in it."
        )
    if given:
        told = f"its bearer token is the one in {TOKEN_VARIABLE}"
        return _Admission(OneToken(given), told, [given])
    kept = kept_token(folder)
    return _Admission(OneToken(kept.token), kept.told, [kept.token])


def _team(options: argparse.Namespace) -> _Admission:
    """Who may call a team's server.

    Raises:
        SettingsError: an option is not understood, or lacks something.
    """
    from sms_tools.login.entry import checked_public_url, entry_of

    entry = entry_of(options)
    told = f"callers say who they are: --auth {options.auth}"
    if options.public_url:
        options.public_url = checked_public_url(options.public_url)
        told += f"; they reach it at {options.public_url}/mcp"
    return _Admission(entry.verifier, told, entry=entry)


def _say(what: str) -> None:
    log = logging.getLogger("sms_tools.serve")
    if log.isEnabledFor(logging.INFO):  # where logs are lines of JSON, all that we say is one
        log.info(what)
        return
    print(f"sms-tools: {what}", file=sys.stderr, flush=True)
