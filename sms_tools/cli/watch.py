"""``sms-tools watch``: reads again and again, and tells what changed."""

import argparse
import functools
import json
import os
import sys
from collections.abc import Mapping
from typing import Any, Final

import anyio

from sms_tools.cli.opening import runtime_of
from sms_tools.cli.options import add_account_options, add_sandbox_options, moment, span
from sms_tools.moment import utc_now
from sms_tools.watching.forms import FORMS, Form, body_of
from sms_tools.watching.telling import NotTold, checked_address, tell
from sms_tools.watching.watcher import Watcher

ADDRESS: Final = "SMS_TOOLS_WEBHOOK"
SECRET: Final = "SMS_TOOLS_WEBHOOK_SECRET"  # noqa: S105 (the name of a variable)


def configure(command: argparse.ArgumentParser) -> None:
    """Declare the options of this command."""
    command.add_argument(
        "--every", type=span, default="5m", metavar="SPAN", help="1s to 24h (default 5m)"
    )
    command.add_argument(
        "--until", type=moment, metavar="TIME", help="such as 06:00+08:00, or ISO 8601 with zone"
    )
    command.add_argument(
        "--webhook", metavar="URL", help=f"where messages go; better in {ADDRESS}: it is a secret"
    )
    command.add_argument("--format", choices=FORMS, default="json", help="the receiver's form")
    command.add_argument("--project", metavar="P", help="one migration project, by name or id")
    command.add_argument(
        "--deadline", type=moment, metavar="TIME", help="warns of copies that will miss it"
    )
    command.add_argument("--sandbox", action="store_true", help="on the embedded service")
    add_sandbox_options(command)
    add_account_options(command)
    command.set_defaults(read_only=True, no_destructive=False, policy=None, tools="all")


def run(options: argparse.Namespace) -> int:
    """Watch until the time given, or Ctrl-C; 0 then."""
    options.webhook = webhook_of(options.webhook)
    return anyio.run(functools.partial(_watch, options))


def webhook_of(given: str | None) -> str:
    """The address that messages go to, as an option or the environment gives it; "" for none.

    Raises:
        SettingsError: it is no address, or is plain HTTP beyond this machine.
    """
    address = given or os.environ.get(ADDRESS, "")
    if not address:
        return ""
    checked = checked_address(address)
    if not os.environ.get(SECRET):
        print(f"sms-tools: {SECRET} is not set, so messages are not signed.", file=sys.stderr)
    return checked


async def _watch(options: argparse.Namespace) -> int:
    async with runtime_of(options, reached_by="command", page=False) as runtime:
        watcher = Watcher(
            runtime.desk,
            str(runtime.settings.account),
            options.every,
            runtime.exit.cleaned,
            project=options.project,
            deadline=options.deadline,
        )
        said = False
        while options.until is None or utc_now() < options.until:
            message = await watcher.look()
            if not said and watcher.watched is not None:
                print(f"Watching {watcher.watched} servers on {watcher.account}.", flush=True)
                said = True
            if message:
                print(json.dumps(message, ensure_ascii=False), flush=True)
                await send(message, options.webhook, options.format)
            await anyio.sleep(options.every)
    return 0


async def send(message: Mapping[str, Any], address: str, form: Form) -> None:
    """Send *message* to the webhook, if there is one; a failure is said and ends nothing."""
    if not address:
        return
    try:
        secret = os.environ.get(SECRET, "")
        await tell(address, body_of(message, form), secret, sleep=anyio.sleep)
    except NotTold as error:
        print(f"sms-tools: {error} {error.advice}", file=sys.stderr)
