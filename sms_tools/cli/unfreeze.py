"""``sms-tools unfreeze``: ends what ``sms-tools freeze`` began."""

import argparse
import os
from contextlib import closing

import anyio

from sms_tools.cli.freeze import who_at_the_terminal
from sms_tools.guard import Audit
from sms_tools.guard.freezing import Freezes
from sms_tools.moment import utc_now
from sms_tools.settings import state_dir_of
from sms_tools.state import State


def configure(command: argparse.ArgumentParser) -> None:
    """Declare the options of this command."""
    command.add_argument("--sandbox", action="store_true", help="that of the embedded service")


def run(options: argparse.Namespace) -> int:
    """End the freeze; 1 if there is none."""
    return anyio.run(_unfreeze, options)


async def _unfreeze(options: argparse.Namespace) -> int:
    with closing(State(state_dir_of(os.environ, sandbox=options.sandbox))) as state:
        freezes = Freezes(state, utc_now)
        if not await freezes.end():
            print("There is no freeze to end; windows in a policy end by themselves.")
            return 1
        who = who_at_the_terminal()
        await Audit(state, utc_now).record("freeze", outcome=f"ended by {who}", how="command")
    print("The freeze is over: launches go the usual way again.")
    return 0
