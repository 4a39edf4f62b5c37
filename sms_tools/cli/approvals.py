"""``sms-tools approvals``: calls that wait for a person, and the person's answer."""

import argparse
import os
import sys
from contextlib import closing

import anyio

from sms_tools.guard import Approvals, Audit, terminal
from sms_tools.guard.answers import Answers
from sms_tools.moment import utc_now
from sms_tools.settings import state_dir_of
from sms_tools.state import State

_ACTIONS = {"approve": terminal.approve, "deny": terminal.deny, "show": terminal.show}


def configure(command: argparse.ArgumentParser) -> None:
    """Declare the options of this command."""
    command.add_argument("--sandbox", action="store_true", help="those of the embedded service")
    command.add_argument("action", nargs="?", default="list", choices=("list", *_ACTIONS))
    command.add_argument("id", nargs="?", metavar="ID", help="as the waiting call names it")


def run(options: argparse.Namespace) -> int:
    """List what waits, or take an answer; approving needs a terminal."""
    if options.action != "list" and not options.id:
        print(f"sms-tools approvals {options.action}: which? Give its ID.", file=sys.stderr)
        return 2
    return anyio.run(_answered, options)


async def _answered(options: argparse.Namespace) -> int:
    with closing(State(state_dir_of(os.environ, sandbox=options.sandbox))) as state:
        audit = Audit(state, utc_now)
        answers = Answers(Approvals(state, utc_now, audit), audit)
        here = terminal.Terminal(
            write=print,
            ask=input,
            is_terminal=sys.stdin.isatty() and sys.stdout.isatty(),
        )
        if options.action == "list":
            return await terminal.list_waiting(answers, here)
        return await _ACTIONS[options.action](answers, options.id, here)
