"""The plan that changes something, as MCP serves it: one consent, then every call by itself.

What a person sees of a plan, how it is carried out and what became of it stand in
:mod:`sms_tools.remediation`; here it meets the guard, the audit and the client.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sms_tools.guard import (
    Approval,
    AuditError,
    Caller,
    Decision,
    Go,
    Held,
    Preview,
    Subject,
    Target,
    decide,
)
from sms_tools.guard.barring import barred
from sms_tools.operation import JSON, Kind, Operation
from sms_tools.server.dialog import AnyContext
from sms_tools.server.runtime import Runtime, caller_of
from sms_tools.server.tools import ServedTool, ToolResult

if TYPE_CHECKING:
    from sms_tools.remediation.plan import Plan, Step
    from sms_tools.remediation.store import Entry

TOOL = "apply_plan"
_BY_POLICY = "policy"


class PlanTool(ServedTool[Any]):
    """Applies a plan after one approval of the whole."""

    async def _answer(self, call: Any, context: AnyContext) -> ToolResult:
        return await apply(str(call.plan_id), self._runtime, context)


async def apply(plan_id: str, runtime: Runtime, context: AnyContext) -> ToolResult:
    """Carry out what is left of the plan, if policy and a person allow it.

    A plan that has begun goes on under the approval that began it, until it ends; a step that
    failed takes a new one.

    Raises:
        RequestRefused: there is no such plan here, its time is over, or one is being applied.
        SmsToolsError: what the plan is about could not be read; nothing was done then.
    """
    from sms_tools.remediation.applying import Application  # at the first plan
    from sms_tools.remediation.outcome import told
    from sms_tools.remediation.remaining import covered, left
    from sms_tools.remediation.store import Store

    store = Store(runtime.desk.state)
    account = runtime.settings.account
    plan = await store.get(plan_id, runtime.desk.now(), account)
    entries = await store.journal(plan)
    steps = left(plan, entries)
    if not steps:
        return runtime.exit.result(told(plan, entries, runtime.desk))
    caller = caller_of(context, runtime.transport)
    consent = await store.consent(plan, caller.key)
    # What only the policy allowed is asked of the policy again: it may have become stricter.
    going_on = covered(plan, entries) if consent and consent != _BY_POLICY else []
    if going_on:
        subject = _subject(plan, entries, going_on, runtime)
        go: Any = _under(consent or "", subject, caller, runtime)
    else:
        subject = _subject(plan, entries, steps, runtime)
        go = await runtime.decide(subject, context)
    if not isinstance(go, Go):
        return go  # type: ignore[no-any-return]
    run = Run(plan, runtime, caller, go.approval.id if go.approval else consent or _BY_POLICY)

    async def report(done: float, total: float | None, message: str) -> None:
        await context.report_progress(done, total, runtime.exit.words(message))

    application = Application(
        plan,
        store,
        runtime.desk.reporting_to(report),
        act=run.act,
        note=run.note,
        only={step.number for step in going_on} if going_on else None,
        began=runtime.desk.elapsed(),
    )

    async def begin() -> Mapping[int, "Entry"]:
        if not going_on:
            await store.begin(plan, run.approved, caller.key)
            if go.approval is not None:
                await _vouch(plan, steps, go.approval, caller, runtime)
        return await application.run()

    async def finish(results: Mapping[int, "Entry"]) -> Mapping[str, JSON]:
        return told(plan, results, runtime.desk)

    return await runtime.perform(go, begin, finish)


async def _vouch(
    plan: "Plan", steps: Sequence["Step"], approval: Approval, caller: Caller, runtime: Runtime
) -> None:
    """Keep that whoever agreed to a clean-up has vouched for its targets: its dialog says so."""
    from sms_tools.fleet.vouching import Voucher, Vouchers

    if plan.goal != "clean_up":
        return
    name = approval.decided_by or f"whoever answered approval {approval.id}"
    who = f"{name} ({approval.how or 'dialog'}; {caller})"
    now = runtime.desk.now()
    targets = {step.source_id: _target_of(step) for step in steps}
    servers = {step.source_id: step.server for step in steps}
    await Vouchers(runtime.desk.state, runtime.settings).keep(
        [Voucher(key, targets.get(key), now, who, plan.id) for key in servers]
    )
    for key, name in servers.items():
        await runtime.guard.audit.record(
            "vouched",
            account=str(runtime.settings.account),
            caller=str(caller),
            caller_id=caller.key,
            plan_id=plan.id,
            approval_id=approval.id,
            server={"name": name, "id": key},
            target_id=targets.get(key),
            outcome="vouched that the target boots and serves",
        )


def _target_of(step: "Step") -> str | None:
    """The target that the person was shown beside *step*."""
    target = (step.bound or {}).get("target")
    found = target.get("vm_id") if isinstance(target, Mapping) else None
    return str(found) if found else None


def _under(consent: str, subject: Subject, caller: Caller, runtime: Runtime) -> Go | ToolResult:
    """To go on under *consent*, if the policy still allows it."""
    ruling = decide(subject, runtime.guard.policy, [Target(each) for each in subject.ids])
    by = "policy"
    if ruling.decision is not Decision.BLOCK and (bar := barred(subject, caller)) is not None:
        ruling, by = bar, "role"
    if ruling.decision is not Decision.BLOCK:
        return Go(subject, caller, f"a plan that has begun, approved as {consent}")
    return runtime.exit.result(
        {
            "status": "blocked",
            "summary": f"Blocked: {ruling.reason}. Nothing more has been done; only whoever "
            "starts the server can change this.",
            "tool": TOOL,
            "blocked_by": by,
            "reason": ruling.reason,
        }
    )


def _subject(
    plan: "Plan", entries: Mapping[int, "Entry"], steps: Sequence["Step"], runtime: Runtime
) -> Subject:
    from sms_tools.remediation.consent import digest_of, preview_of_plan, targets_of

    async def preview() -> Preview:
        return await preview_of_plan(plan, entries, steps, runtime.desk)

    return Subject(
        tool=TOOL,
        kind=Kind.DESTRUCTIVE,
        arguments={"plan_id": plan.id, "digest": digest_of(plan, steps)},
        preview=preview,
        account=runtime.settings.account,
        ids=tuple(target.id for target in targets_of(steps, {})),
        steps=tuple(step.operation for step in steps),
        launches=any(step.launches for step in steps),
        secrets=runtime.api.secret_values(),
    )


class Run:
    """How a plan that was approved makes its calls: each under the policy, each in the audit."""

    def __init__(self, plan: "Plan", runtime: Runtime, caller: Caller, approved: str) -> None:
        self._plan = plan
        self._runtime = runtime
        self._caller = caller
        self.approved = approved
        """The approval's id, or ``policy``."""

    async def act(
        self, step: "Step", operation: Operation[Any], targets: Sequence[Target]
    ) -> str | None:
        """Make the call of *step*; gives why the guard held it back, or None."""
        api, guard = self._runtime.api, self._runtime.guard
        from sms_tools.guard.calls import subject_of  # with the previews, not at start

        subject = subject_of(operation, api)
        ruling = decide(subject, guard.policy, targets)
        if ruling.decision is Decision.BLOCK:
            return f"blocked by {ruling.reason}"
        if step.launches and (freeze := await guard.freeze()) is not None:
            return f"blocked by {freeze}"
        reason = f"step {step.number} of plan {self._plan.id}, approved as {self.approved}"
        go = Go(subject, self._caller, reason, plan_id=self._plan.id)
        done = await guard.perform(go, lambda: api.send(operation))
        return str(done.result["summary"]) if isinstance(done, Held) else None

    async def note(self, step: "Step", result: str) -> None:
        """Write into the audit what became of *step*. The step is over: a failure hides nothing."""
        try:
            await self._runtime.guard.audit.record(
                "plan_step",
                account=str(self._runtime.settings.account),
                tool=step.tool,
                caller=str(self._caller),
                caller_id=self._caller.key,
                plan_id=self._plan.id,
                step=step.number,
                server={"name": step.server, "id": step.source_id},
                outcome=result,
            )
        except AuditError:
            return
