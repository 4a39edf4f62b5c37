"""Applying a plan under the guard: one approval for what is left, then every call by itself.

The person sees every step. What they approve is the digest of the steps that are left, together
with the state of the servers. The policy is asked about every step before the person is, and once
more before each call; the audit has a line for the plan and lines for every call.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sms_tools.canonical import digest
from sms_tools.diagnosis.answer import Action, Draft
from sms_tools.errors import RequestRefused
from sms_tools.fleet.reading import read_fleet
from sms_tools.guard import (
    AuditError,
    Caller,
    Decision,
    Go,
    Held,
    Preview,
    Section,
    Subject,
    Target,
    decide,
)
from sms_tools.guard.subject import LOSSES
from sms_tools.operation import JSON, Kind, Operation
from sms_tools.remediation.applying import Application, left
from sms_tools.remediation.looking import Facts, drift
from sms_tools.remediation.plan import Plan, Result, Step
from sms_tools.remediation.store import Entry, Store
from sms_tools.server.asking import AnyContext
from sms_tools.server.runtime import Runtime, caller_of
from sms_tools.server.tools import ToolResult
from sms_tools.wording import count_of, listed

TOOL = "apply_plan"


async def apply(plan_id: str, runtime: Runtime, context: AnyContext) -> ToolResult:
    """Carry out what is left of the plan, if policy and a person allow it.

    Raises:
        RequestRefused: there is no such plan, its time is over, or one is being applied.
        SmsToolsError: what the plan is about could not be read; nothing was done then.
    """
    store = Store(runtime.desk.state)
    plan = await store.get(plan_id, runtime.desk.now())
    entries = await store.journal(plan)
    steps = left(plan, entries)
    if not steps:
        return runtime.exit.result(_told(plan, entries, runtime))
    go = await runtime.decide(_subject(plan, entries, steps, runtime), context)
    if not isinstance(go, Go):
        return go

    async def report(done: float, total: float | None, message: str) -> None:
        await context.report_progress(done, total, runtime.exit.words(message))

    run = Run(plan, runtime, caller_of(context, runtime.transport), go)
    application = Application(
        plan, store, runtime.desk.reporting_to(report), act=run.act, note=run.note
    )

    async def finish(results: Mapping[int, Entry]) -> Mapping[str, JSON]:
        return _told(plan, results, runtime)

    return await runtime.perform(go, application.run, finish)


class Run:
    """How a plan that was approved makes its calls: each under the policy, each in the audit."""

    def __init__(self, plan: Plan, runtime: Runtime, caller: Caller, go: Go) -> None:
        self._plan = plan
        self._runtime = runtime
        self._caller = caller
        self._approved = go.approval.id if go.approval else "policy"

    async def act(self, step: Step, operation: Operation[Any]) -> str | None:
        """Make the call of *step*; gives why the guard held it back, or None."""
        api, guard = self._runtime.api, self._runtime.guard
        subject = Subject.of(operation, api)
        ruling = decide(subject, guard.policy, _targets([step], {step.source_id: step.server}))
        if ruling.decision is Decision.BLOCK:
            return f"blocked by {ruling.reason}"
        reason = f"step {step.number} of plan {self._plan.id}, approved as {self._approved}"
        go = Go(subject, self._caller, reason, plan_id=self._plan.id)
        done = await guard.perform(go, lambda: api.send(operation))
        return str(done.result["summary"]) if isinstance(done, Held) else None

    async def note(self, step: Step, result: str) -> None:
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
                outcome=result,
            )
        except AuditError:
            return


def _subject(
    plan: Plan, entries: Mapping[int, Entry], steps: Sequence[Step], runtime: Runtime
) -> Subject:
    remaining = digest([plan.digest, [step.number for step in steps]])

    async def preview() -> Preview:
        return await _preview(plan, entries, steps, remaining, runtime)

    return Subject(
        tool=TOOL,
        kind=Kind.DESTRUCTIVE,
        arguments={"plan_id": plan.id, "digest": remaining},
        preview=preview,
        account=runtime.settings.account,
        ids=tuple(target.id for target in _targets(steps, {})),
        steps=tuple(step.operation for step in steps),
        secrets=runtime.api.secret_values(),
    )


async def _preview(
    plan: Plan,
    entries: Mapping[int, Entry],
    steps: Sequence[Step],
    remaining: str,
    runtime: Runtime,
) -> Preview:
    """Every step that is left, what it loses and costs, and what has changed since it was planned.

    Raises:
        SmsToolsError: the servers could not be read.
    """
    fleet = await read_fleet(runtime.desk, fresh=True)
    if not fleet.sources_read or not fleet.tasks_read:
        raise RequestRefused(
            "The servers of the plan could not be read whole; nobody was asked.",
            advice="Call apply_plan again in a moment; sms-tools check tests the connection.",
        )
    now = {server.id: Facts.of(server, fleet.observed_at) for server in fleet.servers}
    names = {step.source_id: step.server for step in steps}
    moved = _moved(steps, entries, now)
    whole = {step.source_id for step in steps}
    ready = [step for step in _beginnings(steps) if step.number not in moved]
    return Preview(
        headline=f"Apply plan {plan.id} ({plan.goal}): {count_of(len(steps), 'call')} on "
        f"{count_of(len(whole), 'server')}, one after the other.",
        typed=_typed(steps),
        sections=[section for section in _sections(plan, entries, steps, moved) if section.lines],
        state={
            "digest": remaining,
            "servers": {each: now[each].bound() if each in now else None for each in sorted(whole)},
        },
        targets=_targets(steps, names),
        impossible=None if ready else _impossible(moved, entries, steps),
    )


def _impossible(
    moved: Mapping[int, str], entries: Mapping[int, Entry], steps: Sequence[Step]
) -> str | None:
    """Why nothing of the plan can be done; None where a step still has to be looked after."""
    if any(entries[s.number].tried for s in steps if s.number in entries):
        return None
    first = next(iter(moved.values()), "")
    return f"Every step has been overtaken, such as: {first} Plan again with plan_remediation."


def _beginnings(steps: Sequence[Step]) -> Sequence[Step]:
    """The first step that is left for each server: the others begin where it ends."""
    first: dict[str, Step] = {}
    for step in steps:
        first.setdefault(step.source_id, step)
    return list(first.values())


def _moved(
    steps: Sequence[Step], entries: Mapping[int, Entry], now: Mapping[str, Facts]
) -> dict[int, str]:
    """What is not as it was planned, by the step's number."""
    found = {}
    for step in _beginnings(steps):
        entry = entries.get(step.number)
        if entry is not None and entry.tried:
            continue
        facts = now.get(step.source_id)
        why = drift(step.before, facts) if facts else "The source server's record is gone."
        if why:
            found[step.number] = f"Step {step.number}, {step.server}: {why}"
    return found


def _typed(steps: Sequence[Step]) -> str:
    """A launch names how many targets it launches; every other plan how many calls it makes."""
    launches = sum(step.wanted == "launched" for step in steps)
    return f"launch {launches}" if launches else f"apply {len(steps)}"


def _sections(
    plan: Plan, entries: Mapping[int, Entry], steps: Sequence[Step], moved: Mapping[int, str]
) -> Sequence[Section]:
    earlier = [
        f"Step {number} of this plan: {entry.result or 'interrupted; it is looked at first'}."
        for number, entry in sorted(entries.items())
    ]
    last = max((step.number for step in plan.calls), default=0)
    before = [_work(s) for s in plan.people if s.number < last]
    later = [_work(s) for s in plan.people if s.number > last]
    return [
        Section("To know first", plan.first),
        Section("What people must have done: to agree is to say that it is done", before),
        Section("What will happen, step by step", [_line(step) for step in steps]),
        Section(LOSSES, _once(f"{s.loses} Undo: {s.undo}" for s in steps if s.loses)),
        Section("What will be billed", _once(step.costs for step in steps if step.costs)),
        Section("What people do afterwards", later),
        Section(
            "What has changed since the plan was made: these steps are skipped", [*moved.values()]
        ),
        Section("What was done before", earlier),
        Section(
            "How it ends",
            [
                "Each step reads the state first and is skipped if that has moved; "
                + (
                    "the first that fails ends the plan."
                    if plan.stops_at_failure
                    else "one that fails does not keep the others."
                ),
                f"Digest of the whole plan: {plan.digest[:16]}",
            ],
        ),
    ]


def _work(step: Step) -> str:
    """People's work, and the servers it is about."""
    names = ", ".join(f"“{name}”" for name, _ in step.servers)
    return f"{step.number}. {step.does}" + (f" Servers: {names}." if names else "")


def _line(step: Step) -> str:
    """One step as the person sees it: the call itself, to what, and what it does."""
    named = {k: v for k, v in step.arguments.items() if isinstance(v, str | int) and k != "name"}
    call = ", ".join(f"{key}={value}" for key, value in named.items())
    return f"{step.number}. “{step.server}” ({step.source_id}): {step.tool}({call}). {step.does}"


def _once(lines: Any) -> list[str]:
    return list(dict.fromkeys(lines))


def _targets(steps: Sequence[Step], names: Mapping[str, str]) -> list[Target]:
    """The servers and tasks that *steps* act on, with the server's name where it is known."""
    found: dict[str, Target] = {}
    for step in steps:
        for each in (step.source_id, str(step.arguments.get("task_id") or "")):
            if each:
                found[each] = Target(each, names.get(step.source_id))
    return list(found.values())


_FEW = 10
"""So many steps are told in the plan's order and with all evidence."""
_ORDER = (Result.SEEN, Result.NOT_SEEN, Result.FAILED, Result.SKIPPED, Result.NOT_REACHED)


def _told(plan: Plan, entries: Mapping[int, Entry], runtime: Runtime) -> dict[str, JSON]:
    """What became of every step, in the order of the plan, with the words it rests on."""
    rows: list[dict[str, Any]] = []
    counts = dict.fromkeys(_ORDER, 0)
    for step in plan.calls:
        entry = entries.get(step.number)
        result = (entry.result if entry else None) or Result.NOT_REACHED
        counts[result] += 1
        rows.append(
            {
                "step": step.number,
                "tool": step.tool,
                "server": {"name": step.server, "id": step.source_id},
                "result": result,
                "evidence": list(entry.evidence) if entry else [],
            }
        )
    if len(rows) > _FEW:  # what did not work must not be what an answer has no room for
        rows.sort(key=lambda row: row["result"] == Result.SEEN)
        for row in rows:
            if row["result"] == Result.SEEN:
                row["evidence"] = row["evidence"][:1]
    remaining = left(plan, entries)
    parts = [f"{count} {result}" for result, count in counts.items() if count]
    draft = Draft(
        summary=f"Plan {plan.id} ({plan.goal}): {listed(parts)}."
        + (f" {count_of(len(remaining), 'step')} left." if remaining else " Nothing is left."),
        observed_at=runtime.desk.now(),
        data={
            "status": "partly_done" if remaining else "done",
            "plan_id": plan.id,
            "digest": plan.digest,
            "results": counts,
        },
        actions=_next(plan, entries, remaining),
    )
    draft.data["steps"] = draft.part("steps", rows, 100, "the audit has every step")
    after = [s.does for s in plan.people if s.number > max(c.number for c in plan.calls)]
    if after:
        draft.data["people_next"] = after
    return draft.fit()


def _next(plan: Plan, entries: Mapping[int, Entry], remaining: Sequence[Step]) -> Sequence[Action]:
    """Where to go from here: look, go on, or plan again."""
    ids = list(dict.fromkeys(step.source_id for step in plan.calls))
    if not remaining:
        return [Action("summarize_progress", {"servers": ids}, "how the servers go on from here")]
    results = {entries[s.number].result for s in remaining if s.number in entries}
    actions = []
    worst = [
        s
        for s in remaining
        if s.number in entries and entries[s.number].result in (Result.FAILED, Result.SKIPPED)
    ]
    if worst:
        why = f"why step {worst[0].number} did not work"
        actions.append(Action("diagnose_server", {"server": worst[0].source_id}, why))
        why = "a plan from what is there now"
        again = [step.source_id for step in worst]
        actions.append(
            Action("plan_remediation", {"goal": plan.goal, "servers": _once(again)}, why)
        )
    if results - {Result.FAILED, Result.SKIPPED}:
        why = "goes on where it stopped: looks first, does nothing twice, asks for what is left"
        actions.append(Action(TOOL, {"plan_id": plan.id}, why, Kind.DESTRUCTIVE))
    return actions
