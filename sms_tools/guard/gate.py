"""The gate that every call passes: begin, perhaps ask, then perform exactly once.

:meth:`Guard.begin` gives one of three answers. :class:`Go`: hand it to :meth:`Guard.perform`.
:class:`Held`: nothing is done, its `result` says why. :class:`Ask`: a person has to decide; show
`question` in a dialog and bring the answer to :meth:`Guard.answer`, or, without a dialog, return
:meth:`Guard.hold`. Beginning again while the approval waits gives the same words again.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from textwrap import indent
from typing import Any, Final, Literal, Protocol, TypeVar

import anyio

from sms_tools.canonical import short_id
from sms_tools.guard.approvals import DISMISSED, Approval, Approvals, Status, Verdict
from sms_tools.guard.audit import Audit, AuditError
from sms_tools.guard.barring import barred, frozen, launches
from sms_tools.guard.caller import Caller
from sms_tools.guard.cleaning import cleaned
from sms_tools.guard.command import Command
from sms_tools.guard.drift import changes
from sms_tools.guard.freezing import Freeze, Freezes
from sms_tools.guard.pairing import PATH
from sms_tools.guard.people import Terms
from sms_tools.guard.policy import Decision, Policy, Ruling, decide, needs_names
from sms_tools.guard.subject import Preview, Subject
from sms_tools.operation import JSON, Kind
from sms_tools.text import one_line

log = logging.getLogger(__name__)


Answer = TypeVar("Answer")

MOST_WAITING: Final = 50
"""Requests of one caller that may wait at a time: whoever is asked without end stops reading."""
MOST_WAITING_IN_ALL: Final = 200
"""The same for all callers together: a caller that renames itself gains nothing."""

_WHO: Final = {
    "dialog": "A person said no in the client's dialog",
    "page": "A person said no on the approval page",
    "command": "A person said no at a terminal",
}


@dataclass(frozen=True, slots=True)
class Go:
    """The call may be made: by policy, or because a person agreed."""

    subject: Subject
    caller: Caller
    reason: str
    approval: Approval | None = None
    plan_id: str | None = None
    """The plan that the call is a step of."""


@dataclass(frozen=True, slots=True)
class Held:
    """The call was held back; nothing was changed and nothing revealed."""

    result: Mapping[str, JSON]
    """What the caller gets: `status`, `summary` and what belongs to that status."""

    @property
    def status(self) -> str:
        """``approval_required``, ``declined``, ``blocked`` or ``stale``."""
        return str(self.result["status"])


@dataclass(frozen=True, slots=True)
class Ask:
    """A person has to decide."""

    subject: Subject
    caller: Caller
    approval: Approval
    dialog: bool = True
    """Whether a dialog is worth trying: some clients close every dialog before anybody saw it."""

    @property
    def preview(self) -> Preview:
        """What the person is shown; the same on every round while the approval waits."""
        return self.approval.preview

    @property
    def typed(self) -> str:
        """What the person must type to agree."""
        return self.preview.typed

    @property
    def question(self) -> str:
        """The text of the dialog. The request's id makes the words of every request unique.

        What this server asks comes first. All that others wrote stands behind bars, on lines of
        its own, so that no name can pass for a line of the question.
        """
        preview = self.preview.bounded()
        names = dict.fromkeys(one_line(each.name or each.id, 100) for each in preview.targets)
        acts_on = ["It acts on:", *names, ""] if names else []
        said = "\n".join([*acts_on, preview.body()])
        return (
            f"May this call be made? {self.approval.tool}\n"
            f"Account: {one_line(preview.account, 200)}\n"
            f"Request {self.approval.id}, open until {self.approval.expires_at:%H:%M} UTC\n\n"
            "Behind the bars: what the service says. Names in it were given by others.\n"
            f"{indent(said, '| ', lambda _: True)}\n\n"
            f"To agree, type: {one_line(self.typed)}"
        )


class PersonDesk(Protocol):
    """Where a person finds the approval page, and where secrets wait for one."""

    login: str | None
    """How a person logs in there, in words that follow an address; None where a browser is paired
    instead."""

    async def origin(self) -> str | None:
        """The address of the running page (``http://127.0.0.1:PORT``); None if it cannot run."""

    def keep(self, delivery_id: str, secret: Mapping[str, JSON]) -> None:
        """Hold *secret* in memory until a person takes it, or its time is over."""


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
        self._desk = desk
        self._command = command or Command()
        self._links = links
        self._freezes = freezes

    async def begin(self, subject: Subject, caller: Caller) -> Go | Held | Ask:
        """Decide about a call.

        Raises:
            Exception: whatever reading the preview raises, such as a target that is not there;
                nobody is asked then and nothing is done.
        """
        # Rules for targets need names, which the preview reads. They never lift a block.
        ruling = decide(subject, self.policy.without_targets)
        if ruling.decision is Decision.BLOCK:
            return await self._blocked(subject, caller, ruling)
        if (bar := barred(subject, caller)) is not None:
            return await self._blocked(subject, caller, bar, by="role")
        # A read needs nothing of the state.
        freeze = None if subject.kind is Kind.READ else await self.freeze()
        unasked = ruling.decision is Decision.ALLOW and not needs_names(subject, self.policy)
        if unasked and freeze is None:
            return Go(subject, caller, ruling.reason)
        current = await self.approvals.current(subject, caller)
        if current is not None:
            if freeze is not None and launches(subject, current.preview):
                return await self._blocked(subject, caller, frozen(freeze), by="freeze")
            return await self._resume(subject, caller, current)
        preview = await self._preview(subject, caller)
        ruling = decide(subject, self.policy, preview.targets, preview.places)
        if ruling.decision is Decision.BLOCK:
            return await self._blocked(subject, caller, ruling)
        if freeze is not None and launches(subject, preview):
            return await self._blocked(subject, caller, frozen(freeze), by="freeze")
        if ruling.decision is Decision.ALLOW:
            return Go(subject, caller, ruling.reason)
        if preview.impossible:
            return await self._impossible(subject, caller, preview)
        if (full := await self._full(caller)) is not None:
            return await self._blocked(subject, caller, full, by="waiting")
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
            return await self._declined(ask.subject, ask.caller, now)
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
            return await self._declined(ask.subject, ask.caller, await self._reread(ask))
        else:
            why = "The dialog was closed without an answer; the same call again gives the command."
            how = DISMISSED
        await self.approvals.close(ask.approval.id, how)
        return await self._undecided(ask.subject, ask.caller, ask.approval, why, how)

    async def hold(self, ask: Ask, why: str = "") -> Held:
        """Leave the request to the approval page and the command; nobody has answered yet.

        *why*, if given, is a sentence that says so first.
        """
        return await self._hold(ask.subject, ask.caller, ask.approval, "approval_required", why)

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
            await self.audit.record("call", **_facts(go), reason=go.reason)
        except AuditError as error:
            log.error("%s", error)
            return self._no_audit(error)
        try:
            answer = await act()
        except BaseException as error:
            await self._record_outcome(go, type(error).__name__, error, unrecorded)
            raise
        await self._record_outcome(go, "done", answer, unrecorded)
        return answer

    async def deliver(self, go: Go, secret: Mapping[str, JSON]) -> dict[str, JSON] | None:
        """Bring a secret to the person; the result says where it waits, never what it is.

        None if the policy allows secrets in results: then the caller returns it itself.
        """
        if self.policy.secrets_inline:
            return None
        origin = await self._desk.origin() if self._desk else None
        if self._desk is None or origin is None:
            return {
                "status": "not_delivered",
                "summary": "The secret was read, but there is no page to show it on; it was "
                "dropped. Nothing of it is in this result.",
            }
        delivery_id = go.approval.id if go.approval else short_id()
        self._desk.keep(delivery_id, secret)
        delivery = await self.approvals.announce_delivery(delivery_id, go.subject.tool, origin)
        command = self._run("show", delivery_id, go.subject)
        url = f"{origin}{PATH}/secret/{delivery.token}" if self._links else None
        page = f" or on the page {url}, {self._entrance}" if url else ""
        return {
            "status": "delivered",
            "summary": "The secret waits for a person, outside this conversation: with "
            f"`{command}` in a terminal{page}. It is shown once, and only while this server runs.",
            "fields": sorted(secret),
            "delivery_id": delivery_id,
            "delivery_command": command,
            "delivery_url": url,
            "expires_at": _iso(delivery.expires_at),
        }

    async def _resume(
        self, subject: Subject, caller: Caller, approval: Approval
    ) -> Go | Held | Ask:
        if approval.status is Status.APPROVED:
            return Go(subject, caller, f"a person agreed ({approval.how})", approval)
        if approval.status is Status.DENIED:
            return await self._declined(subject, caller, approval)
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
            return await self._blocked(go.subject, go.caller, ruling)
        if (freeze := await self.freeze()) is not None and launches(go.subject, preview):
            return await self._blocked(go.subject, go.caller, frozen(freeze), by="freeze")
        if preview.fingerprint != approval.preview.fingerprint:
            await self.approvals.close(approval.id)
            changed = changes(approval.preview.state, preview.state)
            if preview.impossible:
                return await self._gone_stale(go.subject, go.caller, preview, changed)
            terms = self._terms(go.caller)
            anew = await self.approvals.ask(go.subject, go.caller, preview, terms)
            why = f"What was approved has changed since: {'; '.join(changed)}. "
            return await self._hold(go.subject, go.caller, anew, "stale", why)
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
            await self._record(
                "held", subject, caller, status="unreadable", reason=type(error).__name__, code=code
            )
            raise

    async def _ask_anew(self, subject: Subject, caller: Caller, why: str) -> Held:
        again = await self.begin(subject, caller)
        if isinstance(again, Held):
            return again
        if again.approval is None:  # the policy has no question any more, only this call is over
            summary = f"{why} Nothing has been done; the call may be repeated."
            return Held({"status": "stale", "summary": summary, "tool": subject.tool})
        return await self._hold(subject, caller, again.approval, "approval_required", why + " ")

    async def _hold(
        self, subject: Subject, caller: Caller, approval: Approval, status: str, why: str
    ) -> Held:
        url = await self._link(approval)
        command = self._run("approve", approval.id, subject)
        page = (
            f", or opens {url} (a link that lives as long as this server runs) {self._entrance}"
            if url
            else ""
        )
        await self._record("held", subject, caller, status=status, approval_id=approval.id)
        return Held(
            {
                "status": status,
                "summary": f"{why}Nothing has been done. A person runs `{command}` in a "
                f"terminal{page}; after that, the same call with the same arguments goes through, "
                "once.",
                "tool": subject.tool,
                "preview": approval.preview.shown(),
                "approval_id": approval.id,
                "approval_command": command,
                "approval_url": url,
                "expires_at": _iso(approval.expires_at),
            }
        )

    def _run(self, action: str, request_id: str, subject: Subject) -> str:
        """What a person runs in a terminal about a request."""
        return self._command(action, request_id, sandbox=bool(subject.account.sandbox))

    async def _link(self, approval: Approval) -> str | None:
        """Where the page shows *approval*; None where no result may lead there."""
        origin = await self._desk.origin() if self._desk and self._links else None
        return f"{origin}{PATH}/approve/{approval.token}" if origin else None

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

    async def _declined(self, subject: Subject, caller: Caller, approval: Approval) -> Held:
        """A person said no: they are left in peace, and can still say yes of their own accord."""
        how = approval.how or "page"
        who_said = _WHO.get(how, "A person said no")
        since = approval.decided_at or approval.created_at
        url = await self._link(approval)
        command = self._run("approve", approval.id, subject)
        page = f" or opens {url} {self._entrance}" if url else ""
        await self._record(
            "held", subject, caller, status="declined", approval_id=approval.id, how=how
        )
        return Held(
            {
                "status": "declined",
                "summary": f"{who_said}, at {since:%H:%M} UTC. Nothing has been done. Nobody "
                f"is asked about the same call again before {approval.expires_at:%H:%M} UTC; "
                f"do not repeat it. A person who changes their mind runs `{command}`{page}.",
                "tool": subject.tool,
                "how": how,
                "declined_at": _iso(since),
                "approval_id": approval.id,
                "approval_command": command,
                "approval_url": url,
                "expires_at": _iso(approval.expires_at),
            }
        )

    async def _undecided(
        self, subject: Subject, caller: Caller, approval: Approval, why: str, how: str
    ) -> Held:
        await self._record(
            "held", subject, caller, status="declined", approval_id=approval.id, how=how
        )
        summary = f"{why} Nothing has been done."
        return Held({"status": "declined", "summary": summary, "tool": subject.tool, "how": how})

    async def _blocked(
        self, subject: Subject, caller: Caller, ruling: Ruling, by: str = "policy"
    ) -> Held:
        await self._record("held", subject, caller, status="blocked", reason=ruling.reason, how=by)
        remedy = {
            "policy": "only whoever starts the server can change this.",
            "waiting": "they have to be answered or expire first.",
            "role": "somebody with that role has to ask.",
            "freeze": "it has to be over first, or ended by whoever runs the server.",
        }
        return Held(
            {
                "status": "blocked",
                "summary": f"Blocked by {ruling.reason}. Nothing has been done; {remedy[by]}",
                "tool": subject.tool,
                "blocked_by": by,
                "reason": ruling.reason,
            }
        )

    async def _impossible(self, subject: Subject, caller: Caller, preview: Preview) -> Held:
        reason = preview.impossible or ""
        await self._record("held", subject, caller, status="blocked", reason=reason, how="state")
        return Held(
            {
                "status": "blocked",
                "summary": f"The service would refuse this now: {reason} Nothing has been done "
                "and no approval was asked for.",
                "tool": subject.tool,
                "blocked_by": "state",
                "reason": reason,
                "error_code": preview.code,
                "preview": preview.shown(),
            }
        )

    async def _gone_stale(
        self, subject: Subject, caller: Caller, preview: Preview, changed: Sequence[str]
    ) -> Held:
        """A person has agreed, and what is there now makes the call impossible."""
        reason = preview.impossible or ""
        await self._record("held", subject, caller, status="stale", reason=reason, how="state")
        return Held(
            {
                "status": "stale",
                "summary": f"What was approved has changed since: {'; '.join(changed)}. The "
                f"service would refuse the call now: {reason} Nothing has been done.",
                "tool": subject.tool,
                "reason": reason,
                "error_code": preview.code,
                "preview": preview.shown(),
            }
        )

    @property
    def _entrance(self) -> str:
        """How a person comes to be one who may say yes on the page."""
        login = self._desk.login if self._desk else None
        return login or f"in a browser paired once with `{self._command('pair')}`"

    def _no_audit(self, error: AuditError) -> Held:
        return Held(
            {
                "status": "blocked",
                "summary": f"Nothing has been done: {str(error).rstrip('.')}, and nothing is "
                "changed without it. `sms-tools check` says what is wrong.",
                "what_to_do": error.advice,
                "blocked_by": "audit",
            }
        )

    async def _reread(self, ask: Ask) -> Approval:
        return await self.approvals.get(ask.approval.id) or ask.approval

    async def _record(self, event: str, subject: Subject, caller: Caller, **more: JSON) -> None:
        """Write down a refusal. A refusal stands even if it cannot be written down."""
        try:
            await self.audit.record(event, **_about(subject, caller), **more)
        except AuditError as error:
            log.warning("%s", error)

    async def _record_outcome(
        self, go: Go, outcome: str, answer: Any, unrecorded: Callable[[str], None]
    ) -> None:
        """Write down how a call went. The call is made: failing here must not hide its answer."""
        request_id = getattr(answer, "request_id", None)
        code = getattr(answer, "code", None)
        with anyio.CancelScope(shield=True):  # nor must a client that has gone away
            try:
                await self.audit.record(
                    "outcome",
                    tool=go.subject.tool,
                    account=str(go.subject.account),
                    caller=str(go.caller),
                    caller_id=go.caller.key,
                    plan_id=go.plan_id or go.subject.arguments.get("plan_id"),
                    approval_id=go.approval.id if go.approval else None,
                    outcome=outcome,
                    request_id=request_id,
                    error_code=code,
                )
            except AuditError as error:
                unrecorded(
                    "The call was made and its beginning is in the audit; its outcome could not "
                    f"be written there: {error}"
                )


def _about(subject: Subject, caller: Caller) -> dict[str, JSON]:
    return {
        "account": str(subject.account),
        "tool": subject.tool,
        "kind": str(subject.kind),
        "caller": str(caller),
        "caller_id": caller.key,
        **({"subject": caller.subject} if caller.subject else {}),
        "plan_id": subject.arguments.get("plan_id"),
        "arguments": subject.shown_arguments,
    }


def _facts(go: Go) -> dict[str, JSON]:
    how = go.approval.how if go.approval else "policy"
    approval_id = go.approval.id if go.approval else None
    about = _about(go.subject, go.caller)
    plan_id = go.plan_id or about["plan_id"]
    by = {"approved_by": go.approval.decided_by} if go.approval and go.approval.decided_by else {}
    return {**about, "plan_id": plan_id, "how": how, "approval_id": approval_id, **by}


def _iso(moment: Any) -> str:
    return str(moment.isoformat(timespec="seconds").replace("+00:00", "Z"))
