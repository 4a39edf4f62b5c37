"""``sms-tools audit``: what was changed or refused, by whom and how; and whether it is whole."""

import argparse
import json
import os
from contextlib import closing

import anyio

from sms_tools.account import is_of
from sms_tools.guard import Audit
from sms_tools.moment import utc_now
from sms_tools.settings import state_dir_of
from sms_tools.state import State


def configure(command: argparse.ArgumentParser) -> None:
    """Declare the options of this command."""
    command.add_argument("--sandbox", action="store_true", help="those of the embedded service")
    command.add_argument(
        "--head",
        action="store_true",
        help="the number of lines and the last hash, to be kept elsewhere",
    )
    command.add_argument("--verify", action="store_true", help="check every line's hash")
    command.add_argument(
        "--account", metavar="NAME", help="only the lines of this one of several accounts"
    )
    command.add_argument("--last", type=int, default=50, metavar="N", help="default 50; 0 for all")


def run(options: argparse.Namespace) -> int:
    """Print the latest lines, or the result of the check: 1 if the chain is broken."""
    return anyio.run(_printed, options)


async def _printed(options: argparse.Namespace) -> int:
    with closing(State(state_dir_of(os.environ, sandbox=options.sandbox))) as state:
        audit = Audit(state, utc_now)
        if options.verify:
            found = await audit.verify()
            print(f"{found.lines} lines, {'intact' if not found.problems else 'NOT intact'}")
            for said in (*found.problems, *found.notes):
                print(f"  {said}")
            return int(bool(found.problems))
        if options.head:
            head = await audit.head()
            print(f"{head.lines} {head.hash}")
            return 0
        entries = await audit.read(last=None if options.account else options.last or None)
        if options.account:
            own = [e for e in entries if is_of(options.account, str(e.get("account")))]
            entries = own[-options.last :] if options.last else own
        for entry in entries:
            print(json.dumps(entry, ensure_ascii=False))
    return 0
