"""The gate that every call passes: begin, perhaps ask, then perform exactly once.

:meth:`Guard.begin` gives one of three answers. :class:`Go`: hand it to :meth:`Guard.perform`.
:class:`Held`: nothing is done, its `result` says why. :class:`Ask`: a person has to decide; show
`question` in a dialog and bring the answer to :meth:`Guard.answer`, or, without a dialog, return
:meth:`Guard.hold`. Beginning again while the approval waits gives the same words again.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Final, Literal, TypeVar

from sms_tools.guard.approvals import DISMISSED, Approval, Approvals, Status, Verdict
from sms_tools.guard.audit import Audit, AuditError
from sms_tools.guard.barring import barred, frozen, launches
from sms_tools.guard.caller import Caller
from sms_tools.guard.cleaning import cleaned
from sms_tools.guard.command import Command
from sms_tools.guard.delivering import deliver
from sms_tools.guard.drift import changes
from sms_tools.guard.freezing import Freeze, Freezes
from sms_tools.guard.holding import Holder
from sms_tools.guard.passage import Ask, Go, Held
from sms_tools.guard.people import Terms
from sms_tools.guard.policy import Decision, Policy, Ruling, decide, needs_names
from sms_tools.guard.subject import Preview, Subject
from sms_tools.guard.trail import Trail
from sms_tools.guard.ways import PersonDesk, Ways
from sms_tools.operation import JSON, Kind

log = logging.getLogger(__name__)

Answer = TypeVar("Answer")

MOST_WAITING: Final = 50
"""Requests of one caller that may wait at a time: whoever is asked without end stops reading."""
MOST_WAITING_IN_ALL: Final = 200
"""The same for all callers together: a caller that renames itself gains nothing."""


class Guard:
    """Policy, approvals and audit, put together for one server."""

    def __init__(
        self,
        policy: Policy,
        approvals: Approvals,
        audit: Audit,
        desk: PersonDesk | None = None,
        command: Command | None = None,
        *,
        links: bool = True,
        freezes: Freezes | None = None,
    ) -> None:
        """Without a *desk* there is no page; the *command* remains.

        Without *links* no result leads to the page: whoever can ask over a network could follow
        it. The page is then only where the command fetches a secret.
        """
        self.policy = policy
        self.approvals = approvals
        self.audit = audit
        self._freezes = freezes
        self._ways = Ways(desk, command or Command(), links)
        self._trail = Trail(audit)
        self._holder = Holder(self._trail, self._ways)

    async def begin(self, subject: Subject, caller: Caller) -> Go | Held | Ask:
        """Decide about a call.

        Raises:
            Exception: whatever reading the preview raises, such as a target that is not there;
                nobody is asked then and nothing is done.
        """
        # Rules for targets need names, which the preview reads. They never lift a block.
        ruling = decide(subject, self.policy.without_targets)
        if ruling.decision is Decision.BLOCK:
            return await self._holder.blocked(subject, caller, ruling)
        if (bar := barred(subject, caller)) is not None:
            return await self._holder.blocked(subject, caller, bar, by="role")
        # A read needs nothing of the state.
        freeze = None if subject.kind is Kind.READ else await self.freeze()
        unasked = ruling.decision is Decision.ALLOW and not needs_names(subject, self.policy)
        if unasked and freeze is None:
            return Go(subject, caller, ruling.reason)
        current = await self.approvals.current(subject, caller)
        if current is not None:
            if freeze is not None and launches(subject, current.preview):
                return await self._holder.blocked(subject, caller, frozen(freeze), by="freeze")
            return await self._resume(subject, caller, current)
        preview = await self._preview(subject, caller)
        ruling = decide(subject, self.policy, preview.targets, preview.places)
        if ruling.decision is Decision.BLOCK:
            return await self._holder.blocked(subject, caller, ruling)
        if freeze is not None and launches(subject, preview):
            return await self._holder.blocked(subject, caller, frozen(freeze), by="freeze")
        if ruling.decision is Decision.ALLOW:
            return Go(subject, caller, ruling.reason)
        if preview.impossible:
            return await self._holder.impossible(subject, caller, preview)
        if (full := await self._full(caller)) is not None:
            return await self._holder.blocked(subject, caller, full, by="waiting")
        asked = await self.approvals.ask(subject, caller, preview, self._terms(caller))
        return await self._resume(subject, caller, asked)

    async def answer(
        self,
        ask: Ask,
        *,
        action: Literal["accept", "decline", "cancel"],
        typed: str | None = None,
        how: str = "dialog",
    ) -> Go | Held:
        """Take a person's answer. Only the right text is consent; all else ends the request."""
        now = await self._reread(ask)
        if now.status is Status.DENIED and not self.approvals.is_over(now):
            return await self._holder.declined(ask.subject, ask.caller, now)
        if action == "accept":
            by = ask.caller.person  # a dialog is the caller's own
            verdict = await self.approvals.approve(ask.approval.id, typed, how, by)
            if verdict is Verdict.APPROVED:
                return Go(
                    ask.subject, ask.caller, f"a person agreed ({how})", await self._reread(ask)
                )
            if verdict is Verdict.TOO_LATE:
                return await self._ask_anew(
                    ask.subject, ask.caller, "The request was over before the answer came."
                )
            why = "What was typed is not what the request asks for."
            if verdict is Verdict.NOT_ALLOWED:
                why = now.terms.fault(by) or why
        elif action == "decline":
            await self.approvals.deny(ask.approval.id, how)
            return await self._holder.declined(ask.subject, ask.caller, await self._reread(ask))
        else:
            why = "The dialog was closed without an answer; the same call again gives the command."
            how = DISMISSED
        await self.approvals.close(ask.approval.id, how)
        return await self._holder.undecided(ask.subject, ask.caller, ask.approval, why, how)

    async def hold(self, ask: Ask, why: str = "") -> Held:
        """Leave the request to the approval page and the command; nobody has answered yet.

        *why*, if given, is a sentence that says so first.
        """
        return await self._holder.waiting(
            ask.subject, ask.caller, ask.approval, "approval_required", why
        )

    async def perform(
        self,
        go: Go,
        act: Callable[[], Awaitable[Answer]],
        unrecorded: Callable[[str], None] = log.error,
    ) -> Answer | Held:
        """Make the call, once, if what was approved still holds; say in the audit how it went.

        A call that was made and whose outcome cannot be written down is told to *unrecorded*.

        Raises:
            Exception: whatever *act* raises.
        """
        if go.subject.kind is Kind.READ and go.approval is None:
            return await act()
        if go.approval is not None:
            held = await self._claim(go, go.approval)
            if held is not None:
                return held
        try:
            await self._trail.begins(go)
        except AuditError as error:
            log.error("%s", error)
            return self._holder.without_audit(error)
        try:
            answer = await act()
        except BaseException as error:
            await self._trail.ended(go, type(error).__name__, error, unrecorded)
            raise
        await self._trail.ended(go, "done", answer, unrecorded)
        return answer

    async def deliver(self, go: Go, secret: Mapping[str, JSON]) -> dict[str, JSON] | None:
        """Bring a secret to the person; the result says where it waits, never what it is.

        None if the policy allows secrets in results: then the caller returns it itself.
        """
        if self.policy.secrets_inline:
            return None
        return await deliver(go, secret, self.approvals, self._ways)

    async def _resume(
        self, subject: Subject, caller: Caller, approval: Approval
    ) -> Go | Held | Ask:
        if approval.status is Status.APPROVED:
            return Go(subject, caller, f"a person agreed ({approval.how})", approval)
        if approval.status is Status.DENIED:
            return await self._holder.declined(subject, caller, approval)
        counts = approval.terms.fault(caller.person) is None
        dialog = counts and not await self.approvals.dialog_was_dismissed(subject, caller)
        return Ask(subject, caller, approval, dialog)

    async def freeze(self) -> Freeze | None:
        """The freeze that holds now.

        Raises:
            StateError: nobody can tell.
        """
        if self._freezes is None:
            return None
        return await self._freezes.now(self.policy.freezes)

    def _terms(self, caller: Caller) -> Terms:
        """Whose yes a call of *caller* needs: where callers log in, an approver's."""
        four_eyes = self.policy.four_eyes
        return Terms(caller.roles is not None or four_eyes, four_eyes, caller.subject)

    async def _claim(self, go: Go, approval: Approval) -> Held | None:
        """Read the state once more and use the approval; Held if it cannot be used."""
        preview = await self._preview(go.subject, go.caller)
        ruling = decide(go.subject, self.policy, preview.targets, preview.places)
        if ruling.decision is Decision.BLOCK:
            await self.approvals.close(approval.id)
            return await self._holder.blocked(go.subject, go.caller, ruling)
        if (freeze := await self.freeze()) is not None and launches(go.subject, preview):
            return await self._holder.blocked(go.subject, go.caller, frozen(freeze), by="freeze")
        if preview.fingerprint != approval.preview.fingerprint:
            await self.approvals.close(approval.id)
            changed = changes(approval.preview.state, preview.state)
            if preview.impossible:
                return await self._holder.gone_stale(go.subject, go.caller, preview, changed)
            terms = self._terms(go.caller)
            anew = await self.approvals.ask(go.subject, go.caller, preview, terms)
            why = f"What was approved has changed since: {'; '.join(changed)}. "
            return await self._holder.waiting(go.subject, go.caller, anew, "stale", why)
        if not await self.approvals.claim(approval.id):
            return await self._ask_anew(
                go.subject, go.caller, "This approval is over or has been used already."
            )
        return None

    async def _preview(self, subject: Subject, caller: Caller) -> Preview:
        """Read what is there; if that fails, nothing is done, and the audit says so."""
        try:
            seen = replace(await subject.preview(), account=str(subject.account))
            return cleaned(seen, subject.secrets)
        except Exception as error:
            code = getattr(error, "code", None)
            await self._trail.held(
                subject, caller, status="unreadable", reason=type(error).__name__, code=code
            )
            raise

    async def _ask_anew(self, subject: Subject, caller: Caller, why: str) -> Held:
        again = await self.begin(subject, caller)
        if isinstance(again, Held):
            return again
        if again.approval is None:  # the policy has no question any more, only this call is over
            summary = f"{why} Nothing has been done; the call may be repeated."
            return Held({"status": "stale", "summary": summary, "tool": subject.tool})
        return await self._holder.waiting(
            subject, caller, again.approval, "approval_required", why + " "
        )

    async def _full(self, caller: Caller) -> Ruling | None:
        """Why no more requests may wait; None while they may."""
        own, in_all = await self.approvals.waiting_for(caller)
        if own >= MOST_WAITING:
            return Ruling(
                Decision.BLOCK, f"the limit of {MOST_WAITING} requests that wait for a person"
            )
        if in_all >= MOST_WAITING_IN_ALL:
            return Ruling(
                Decision.BLOCK,
                f"the limit of {MOST_WAITING_IN_ALL} requests, of all callers, that wait for a"
                " person",
            )
        return None

    async def _reread(self, ask: Ask) -> Approval:
        return await self.approvals.get(ask.approval.id) or ask.approval
