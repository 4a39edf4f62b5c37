"""``sms-tools approvals``: calls that wait for a person, and the person's answer."""

import argparse
import getpass
import os
import sys
import webbrowser
from contextlib import closing
from pathlib import Path

import anyio

from sms_tools.cli.opening import state_of
from sms_tools.cli.options import add_auth_options
from sms_tools.errors import SettingsError
from sms_tools.guard import Approvals, Audit, terminal
from sms_tools.guard.answers import Answers
from sms_tools.guard.pairing import Pairings
from sms_tools.guard.people import Person
from sms_tools.moment import utc_now
from sms_tools.server.runtime import person_of
from sms_tools.state import private_folder

_ANSWERS = {"approve": terminal.approve, "deny": terminal.deny}
_OF_ONE = (*_ANSWERS, "show")
_ACTIONS = ("list", *_OF_ONE, "pair", "unpair")
TOKEN = "SMS_TOOLS_APPROVER_TOKEN"  # noqa: S105 (the name of a variable)


def configure(command: argparse.ArgumentParser) -> None:
    """Declare the options of this command."""
    command.add_argument("--sandbox", action="store_true", help="those of the embedded service")
    command.add_argument(
        "--open", action="store_true", help="pair: open the address in your browser"
    )
    command.add_argument(
        "--account", metavar="NAME", help="list: only those of this one of several accounts"
    )
    add_auth_options(command)
    command.add_argument(
        "action",
        nargs="?",
        default="list",
        choices=_ACTIONS,
        help="list (default), show, approve or deny a request; pair makes a browser of yours one "
        "that may say yes on the approval page, unpair ends that for all",
    )
    command.add_argument("id", nargs="?", metavar="ID", help="as the waiting call names it")


def run(options: argparse.Namespace) -> int:
    """List what waits, take an answer, or pair a browser; a yes needs a terminal."""
    if options.action in _OF_ONE and not options.id:
        print(f"sms-tools approvals {options.action}: which? Give its ID.", file=sys.stderr)
        return 2
    return anyio.run(_run, options)


async def _run(options: argparse.Namespace) -> int:
    here = terminal.Terminal(
        write=print, ask=input, is_terminal=sys.stdin.isatty() and sys.stdout.isatty()
    )
    # Browsers are paired once, for the account and the sandbox: what is noted of it is there.
    browsers = options.action in ("pair", "unpair")
    with closing(state_of(os.environ, sandbox=options.sandbox and not browsers)) as state:
        audit = Audit(state, utc_now)
        answers = Answers(Approvals(state, utc_now, audit), audit)
        if options.action == "show":
            return await terminal.show(answers, options.id, here)
        if options.action in _ANSWERS:
            by = await _whoever_answers(options, here)
            return await _ANSWERS[options.action](answers, options.id, here, by)
        with closing(state_of(os.environ)) as shared:
            pairings = Pairings(shared, utc_now, audit)
            if options.action == "list":
                return await terminal.list_waiting(answers, here, pairings, account=options.account)
            if options.action == "unpair":
                return await terminal.unpair(pairings, audit, here)
            return await _pair(pairings, audit, here, state.folder if options.open else None)


async def _whoever_answers(options: argparse.Namespace, here: terminal.Terminal) -> Person | None:
    """Who answers, where --auth says how that is proved.

    Raises:
        SettingsError: the token is nobody's.
    """
    if not options.auth:
        return None
    from sms_tools.login.entry import entry_of

    verifier = entry_of(options).verifier
    token = os.environ.get(TOKEN) or (getpass.getpass("Your token: ") if here.is_terminal else "")
    person = person_of(await verifier.verify_token(token)) if token else None
    if person is None:
        raise SettingsError(
            "nobody here has this token, so nothing was answered.",
            advice=f"Type it when you are asked, or set {TOKEN}.",
        )
    return person


async def _pair(
    pairings: Pairings, audit: Audit, here: terminal.Terminal, folder: Path | None
) -> int:
    """Serve the one-time address; with *folder*, open the browser by a file in it."""
    if not here.is_terminal:
        here.write(
            "Pairing needs a person at a terminal; this is not a terminal. Nothing was done."
        )
        return 2
    from sms_tools.guard.inviting import Invitation, invite, leading_file

    opened: list[Path] = []

    def tell(address: str) -> None:
        if folder is not None:
            opened.append(leading_file(private_folder(folder), address))
            if webbrowser.open(opened[0].as_uri()):
                here.write("Opened in your browser: press the button there, within five minutes.")
                return
        here.write("Open this address in your browser and press the button, within five minutes:")
        here.write(address)

    try:
        paired = await invite(Invitation(pairings, audit), tell)
    finally:
        for file in opened:
            file.unlink(missing_ok=True)
    here.write(
        "The browser is paired." if paired else "Nobody pressed it in time; nothing is paired."
    )
    return 0 if paired else 1
