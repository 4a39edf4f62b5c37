"""``sms-tools call``: one tool call, through the same path and the same guard as a client's.

At a terminal the person who types is asked right here. Without one, a call that needs a person
comes back as ``approval_required`` and waits for ``sms-tools approvals``.
"""

import argparse
import functools
import json
import os
import sys
from pathlib import Path
from typing import Any

import anyio
from mcp import Client
from mcp_types import CallToolResult, Implementation

from sms_tools import __version__
from sms_tools.cli.opening import server_of
from sms_tools.cli.options import add_server_options
from sms_tools.cli.person import Person
from sms_tools.cli.screen import Screen
from sms_tools.moment import utc_now
from sms_tools.server import Runtime


def configure(command: argparse.ArgumentParser) -> None:
    """Declare the options of this command."""
    command.add_argument("tool", metavar="TOOL", help="a name from `sms-tools tools`")
    command.add_argument(
        "arguments",
        metavar="JSON",
        nargs="?",
        default="{}",
        help="an object; - reads it from input",
    )
    add_server_options(command)
    command.add_argument("--account", metavar="NAME", help="one of those in the file of accounts")


def run(options: argparse.Namespace) -> int:
    """Print the result as JSON; 0 if it was done, 1 if not, 2 if the call itself is malformed."""
    try:
        arguments = json.loads(_text(options.arguments))
    except (ValueError, OSError) as error:
        print(
            f"sms-tools call: the arguments are not JSON: {error}. Give one object in quotes, such "
            """as '{"server": "web-01"}', or - to read it from standard input.""",
            file=sys.stderr,
        )
        return 2
    if not isinstance(arguments, dict):
        print("sms-tools call: the arguments must be a JSON object", file=sys.stderr)
        return 2
    return anyio.run(functools.partial(_call, options, arguments))


def _text(argument: str) -> str:
    if argument == "-":
        return sys.stdin.read()
    if argument.startswith("@"):
        return Path(argument[1:]).read_text(encoding="utf-8")
    return argument


async def _call(options: argparse.Namespace, arguments: dict[str, Any]) -> int:
    at_terminal = sys.stdin.isatty() and sys.stderr.isatty()
    person = Person(Screen.of(sys.stderr, os.environ), at_terminal=True)
    # A link would die with this process, before anybody could follow it.
    how = {"reached_by": "command", "page": at_terminal, "links": False}
    if options.account:
        arguments = {"account": options.account, **arguments}
    async with server_of(options, **how) as (server, runtimes):
        async with Client(
            server,
            client_info=Implementation(name="sms-tools call", version=__version__),
            elicitation_callback=person.answer if at_terminal else None,
            read_timeout_seconds=3600,
        ) as client:
            result = await client.call_tool(options.tool, arguments)
        await _show(result, next(iter(runtimes.values())) if at_terminal else None)
    status = (result.structured_content or {}).get("status")
    held = status in ("approval_required", "declined", "blocked", "stale")
    return 1 if result.is_error or held else 0


async def _show(result: CallToolResult, runtime: Runtime | None) -> None:
    shown = result.structured_content
    if shown is None:
        print("\n".join(getattr(part, "text", "") for part in result.content))
        return
    print(json.dumps(shown, ensure_ascii=False, indent=2))
    if runtime and shown.get("status") == "delivered":
        # The page dies with this process, so the person at the terminal gets it here.
        secret = runtime.page and await runtime.page.vault.take(shown["delivery_id"], utc_now())
        print(json.dumps(secret, ensure_ascii=False, indent=2), file=sys.stderr)
