"""``sms-tools audit``: what was changed or refused, by whom and how; and whether it is whole."""

import argparse
import json
import os
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Final, NoReturn

import anyio

from sms_tools.account import is_of
from sms_tools.cli.opening import state_of
from sms_tools.guard import Audit
from sms_tools.moment import utc_now
from sms_tools.operation import JSON

Entry = Mapping[str, JSON]

_LOOK_AGAIN_SECONDS: Final = 1.0
_OVERLAP: Final = 32


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
    command.add_argument(
        "--follow", action="store_true", help="go on with every new line, for a SIEM"
    )
    command.add_argument("--last", type=int, default=50, metavar="N", help="default 50; 0 for all")


def run(options: argparse.Namespace) -> int:
    """Print the latest lines, or the result of the check: 1 if the chain is broken."""
    return anyio.run(_printed, options)


async def _printed(options: argparse.Namespace) -> int:
    with closing(state_of(os.environ, sandbox=options.sandbox)) as state:
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
        head = await audit.head()
        entries = await audit.read(last=None if options.account else options.last or None)
        own = _own(entries, options.account)
        _print(own[-options.last :] if options.last else own)
        if options.follow:
            await _follow(audit, head.lines, entries, options.account)
    return 0


async def _follow(
    audit: Audit, known: int, shown: Sequence[Entry], account: str | None
) -> NoReturn:
    """Print every line that comes after *shown*, whichever process writes it."""
    latest = deque(shown, maxlen=_OVERLAP)
    while True:
        lines = (await audit.head()).lines
        if lines > known:
            # A few more than are new: a line that its writer died over is in no count.
            read = await audit.read(last=lines - known + _OVERLAP // 2)
            new = [entry for entry in read if entry not in latest]
            _print(_own(new, account))
            latest.extend(new)
            known = lines
        await anyio.sleep(_LOOK_AGAIN_SECONDS)


def _own(entries: Sequence[Entry], account: str | None) -> Sequence[Entry]:
    """Those of *account*, where one is meant."""
    if account is None:
        return entries
    return [entry for entry in entries if is_of(account, str(entry.get("account")))]


def _print(entries: Sequence[Entry]) -> None:
    for entry in entries:
        print(json.dumps(entry, ensure_ascii=False), flush=True)
