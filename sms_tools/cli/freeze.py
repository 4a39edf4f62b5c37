"""``sms-tools freeze``: for a time nothing is launched, whoever asks."""

import argparse
import getpass
import os
from contextlib import closing

import anyio

from sms_tools.cli.opening import state_of
from sms_tools.cli.options import moment
from sms_tools.errors import SettingsError
from sms_tools.guard import Audit
from sms_tools.guard.freezing import Freeze, Freezes
from sms_tools.moment import utc_now

_LONGEST = 200


def configure(command: argparse.ArgumentParser) -> None:
    """Declare the options of this command."""
    command.add_argument("--sandbox", action="store_true", help="that of the embedded service")
    command.add_argument(
        "--until",
        type=moment,
        metavar="TIME",
        help="such as 06:00+08:00, or ISO 8601 with zone; left out: until --end",
    )
    command.add_argument("--end", action="store_true", help="end the current freeze")
    command.add_argument("--reason", default="", help="the reason given to whoever is held back")


def run(options: argparse.Namespace) -> int:
    """Begin a freeze, or end it: 1 if there is none to end.

    Raises:
        SettingsError: it would be over already.
    """
    if options.until is not None and options.until <= utc_now():
        raise SettingsError(
            "--until is over already.", advice="Give a time in the future, or leave it out."
        )
    return anyio.run(_unfreeze if options.end else _freeze, options)


async def _freeze(options: argparse.Namespace) -> int:
    with closing(state_of(os.environ, sandbox=options.sandbox)) as state:
        reason = options.reason[:_LONGEST]
        freeze = Freeze(utc_now(), options.until, reason, who_at_the_terminal())
        await Audit(state, utc_now).record("freeze", outcome=str(freeze), how="command")
        await Freezes(state, utc_now).begin(freeze)
    print(f"Nothing is launched now: {freeze}.")
    return 0


async def _unfreeze(options: argparse.Namespace) -> int:
    with closing(state_of(os.environ, sandbox=options.sandbox)) as state:
        if not await Freezes(state, utc_now).end():
            print("There is no freeze to end; windows in a policy end by themselves.")
            return 1
        who = who_at_the_terminal()
        await Audit(state, utc_now).record("freeze", outcome=f"ended by {who}", how="command")
    print("The freeze is over: launches go the usual way again.")
    return 0


def who_at_the_terminal() -> str:
    """The user of this machine; "somebody" where it cannot tell."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "somebody"
