"""``sms-tools approvals``: the same preview and the same typing as on the page, at a terminal.

What reads and writes is handed in, so that nothing here prints. Answers are taken at a terminal
only: a program that can run commands must not be able to pipe a yes into this one.
"""

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from sms_tools.account import is_of
from sms_tools.guard.answers import Answers
from sms_tools.guard.approvals import Approval, Delivery, Status, Verdict
from sms_tools.guard.audit import Audit, AuditError
from sms_tools.guard.page import COMMAND_HEADER
from sms_tools.guard.pairing import PATH, Pairings
from sms_tools.guard.people import Person
from sms_tools.loopback import LOOPBACK
from sms_tools.operation import JSON
from sms_tools.text import clean, one_line
from sms_tools.wording import count_of

_SECONDS: Final = 10.0

Fetch = Callable[[Delivery], Mapping[str, JSON] | None]


@dataclass(frozen=True, slots=True)
class Terminal:
    """What the command may do with the outside."""

    write: Callable[[str], None]
    """Print one line."""
    ask: Callable[[str], str]
    """Print a question and read one line."""
    is_terminal: bool
    """Whether a person can be sitting there: input and output are both a terminal."""


async def list_waiting(
    answers: Answers,
    terminal: Terminal,
    pairings: Pairings | None = None,
    *,
    account: str | None = None,
) -> int:
    """Print what waits for a person, on one *account* by name or on all; gives the exit status."""
    alarm = await pairings.alarm() if pairings else None
    if alarm is not None:
        terminal.write(
            f"At {alarm:%Y-%m-%d %H:%M} UTC a used-up proof of a paired browser came back: "
            "somebody may have copied it. All pairings were ended; `sms-tools approvals pair` "
            "pairs a browser again."
        )
    waiting = [
        approval
        for approval in await answers.approvals.waiting()
        if account is None or is_of(account, approval.preview.account)
    ]
    if not waiting:
        terminal.write("Nothing waits for approval.")
    for approval in waiting:
        left = int((approval.expires_at - answers.approvals.now()).total_seconds() // 60)
        terminal.write(f"{approval.id}  {approval.tool}  ({left} min left)")
        terminal.write(f"    {one_line(approval.preview.headline, 200)}")
        terminal.write(f"    on {approval.preview.account}")
        terminal.write(f"    asked for by {one_line(approval.caller, 120)}")
    return 0


async def approve(
    answers: Answers, approval_id: str, terminal: Terminal, by: Person | None = None
) -> int:
    """Show the preview, have the text typed, approve; returns the exit status.

    *by* is who it is, where they proved it.
    """
    approval = await _open(answers, approval_id, terminal)
    if approval is None:
        return 1
    if not terminal.is_terminal:
        terminal.write(
            "Approving needs a person at a terminal; this is not a terminal. Nothing was done."
        )
        return 2
    if fault := approval.terms.fault(by):
        terminal.write(f"Nothing was approved. {fault}")
        if by is None:
            terminal.write(
                "Run this command with the server's --auth, and have your token at hand: it is "
                "asked for, or read from SMS_TOOLS_APPROVER_TOKEN."
            )
        return 1
    _describe(approval, terminal)
    typed = terminal.ask(f"To approve, type {one_line(approval.preview.typed)}: ")
    try:
        verdict = await answers.approve(approval, typed, "command", by)
    except AuditError as error:
        terminal.write(f"Nothing was approved: {error}")
        return 1
    said = {
        Verdict.APPROVED: "Approved. The same call now goes through once, if nothing has changed.",
        Verdict.WRONG_TEXT: "The text does not match. Nothing was approved.",
    }
    terminal.write(said.get(verdict, "The request was over already. Nothing was approved."))
    return 0 if verdict is Verdict.APPROVED else 1


async def deny(
    answers: Answers, approval_id: str, terminal: Terminal, by: Person | None = None
) -> int:
    """Say no; returns the exit status. Saying no needs no terminal."""
    approval = await _open(answers, approval_id, terminal)
    if approval is None:
        return 1
    try:
        verdict = await answers.deny(approval, "command", by)
    except AuditError as error:
        terminal.write(f"Refused, but that could not be written into the audit: {error}")
        return 1
    done = verdict is Verdict.DENIED
    terminal.write("Refused." if done else "The request was over already.")
    return 0 if done else 1


async def show(
    answers: Answers, approval_id: str, terminal: Terminal, fetch: Fetch | None = None
) -> int:
    """Print a secret that waits, once, or else what the request is about."""
    approval_id = approval_id.strip().upper()
    delivery = await answers.approvals.delivery(delivery_id=approval_id)
    if delivery is None:
        approval = await answers.approvals.get(approval_id)
        if approval is None:
            terminal.write(f"There is no request {one_line(approval_id, 40)}.")
            return 1
        _describe(approval, terminal)
        terminal.write(f"Status: {_standing(answers, approval)}")
        return 0
    if urlsplit(delivery.origin).hostname != LOOPBACK:
        terminal.write(f"It waits on the page {delivery.origin}{PATH}/secret/{delivery.token},")
        terminal.write("for an approver who logs in there.")
        return 1
    if not terminal.is_terminal:
        terminal.write("A secret is only shown to a person at a terminal; this is not a terminal.")
        return 2
    secret = (fetch or fetch_secret)(delivery)
    if secret is None:
        terminal.write(
            "It was shown already, or the server that held it has stopped, or runs on another "
            "machine: there this command shows it."
        )
        return 1
    for name, value in secret.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        terminal.write(f"{one_line(str(name), 80)}: {clean(text)}")
    return 0


async def unpair(pairings: Pairings, audit: Audit, terminal: Terminal) -> int:
    """End all pairings; returns the exit status. Taking a permission back needs no terminal."""
    ended = await pairings.end()
    terminal.write(f"{count_of(ended, 'browser')} unpaired." if ended else "No browser was paired.")
    if ended:
        await audit.record("pairing", outcome="unpaired", how="command")
    return 0


def fetch_secret(delivery: Delivery) -> Mapping[str, JSON] | None:
    """Ask the running server's page, on loopback, for a secret; None if it has none."""
    if urlsplit(delivery.origin).hostname != LOOPBACK:
        return None
    request = urllib.request.Request(  # noqa: S310 (loopback, checked above)
        f"{delivery.origin}{PATH}/secret/{delivery.token}",
        method="POST",
        data=b"",
        headers={COMMAND_HEADER: delivery.proof},
    )
    # Without a proxy: the secret goes from this machine to this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=_SECONDS) as reply:
            fields = json.load(reply)
    except (urllib.error.URLError, OSError, ValueError):
        return None
    return fields if isinstance(fields, dict) else None


async def _open(answers: Answers, approval_id: str, terminal: Terminal) -> Approval | None:
    approval = await answers.approvals.get(approval_id)
    if approval is None:
        terminal.write(f"There is no request {one_line(approval_id, 40)}.")
        return None
    open_ = (Status.PENDING, Status.DENIED)  # a person's own no does not bind them
    if approval.status not in open_ or answers.approvals.is_over(approval):
        terminal.write(f"This request is closed: {_standing(answers, approval)}")
        return None
    return approval


def _standing(answers: Answers, approval: Approval) -> str:
    over = approval.status in (Status.PENDING, Status.APPROVED) and answers.approvals.is_over(
        approval
    )
    return "over, without having been used" if over else str(approval.status)


def _describe(approval: Approval, terminal: Terminal) -> None:
    for line in approval.preview.text().splitlines():
        terminal.write(line)
    arguments = json.dumps(approval.arguments, ensure_ascii=False)
    terminal.write("")
    terminal.write(f"The exact call: {approval.tool} {clean(arguments, 4_000)}")
    terminal.write(
        f"Asked for by {one_line(approval.caller, 120)}, until {approval.expires_at:%H:%M} UTC."
    )
