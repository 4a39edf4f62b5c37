"""What became of a plan: what is different now first, then every step with its evidence."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sms_tools.diagnosis.answer import Action, Draft
from sms_tools.fleet.desk import Desk
from sms_tools.operation import JSON, Kind
from sms_tools.remediation.consent import MIGRATE
from sms_tools.remediation.plan import Plan, Result, Step
from sms_tools.remediation.remaining import covered, goes_on, left
from sms_tools.remediation.store import Entry
from sms_tools.wording import count_of, listed

TOOL: Final = "apply_plan"
_FEW: Final = 10
"""So many steps are told in the plan's order and with all evidence."""
_ORDER: Final = (
    Result.SEEN,
    Result.NOT_SEEN,
    Result.FAILED,
    Result.SKIPPED,
    Result.NOT_NEEDED,
    Result.NOT_REACHED,
)
_MADE: Final = (Result.SEEN, Result.NOT_SEEN)


def told(plan: Plan, entries: Mapping[int, Entry], desk: Desk) -> dict[str, JSON]:
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
    changed = _different(plan, entries)
    draft = Draft(
        summary=" ".join((*changed, _counted(plan, counts, remaining, entries))),
        observed_at=desk.now(),
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


def _counted(
    plan: Plan,
    counts: Mapping[str, int],
    remaining: Sequence[Step],
    entries: Mapping[int, Entry],
) -> str:
    parts = [f"{count} {result}" for result, count in counts.items() if count]
    said = f"Plan {plan.id} ({plan.goal}): {listed(parts)}."
    if not remaining:
        return f"{said} Nothing is left."
    said += f" {count_of(len(remaining), 'step')} left."
    if goes_on(plan, entries):
        said += " Call apply_plan again with the same plan_id: it goes on, and nobody is asked."
    return said


def _different(plan: Plan, entries: Mapping[int, Entry]) -> Sequence[str]:
    """What a plan that is not at its end has left in another state than before, by server."""
    by_server: dict[str, list[Step]] = {}
    for step in plan.calls:
        by_server.setdefault(step.source_id, []).append(step)
    paused = set(_paused(plan, entries))
    said = []
    for source_id, steps in by_server.items():
        made = [s for s in steps if (e := entries.get(s.number)) and e.tried and e.result in _MADE]
        if not made or all(_is_over(step, entries) for step in steps):
            continue
        wanted = "paused" if source_id in paused else made[-1].wanted
        if state := _LEFT_AS.get(wanted):
            said.append(f"{made[-1].server} {state}.")
    return said


def _is_over(step: Step, entries: Mapping[int, Entry]) -> bool:
    entry = entries.get(step.number)
    return entry is not None and entry.is_over


_LEFT_AS: Final[Mapping[str, str]] = {
    "paused": "is now PAUSED by this plan",
    "limits": "has its new limits, and the plan is not at its end",
    "options": "has a new task that is NOT STARTED: nothing is copied yet",
    "created": "has a new task that is NOT STARTED: nothing is copied yet",
    "task_gone": "has NO MIGRATION TASK now: this plan has deleted it",
}


def _paused(plan: Plan, entries: Mapping[int, Entry]) -> Sequence[str]:
    """The servers that this plan has paused and not started again."""
    found: dict[str, bool] = {}
    for step in plan.calls:
        entry = entries.get(step.number)
        if entry is None or entry.result not in _MADE or not entry.tried:
            continue
        if step.wanted in ("paused", "running"):
            found[step.source_id] = step.wanted == "paused"
    return [each for each, is_paused in found.items() if is_paused]


def _next(plan: Plan, entries: Mapping[int, Entry], remaining: Sequence[Step]) -> Sequence[Action]:
    """Where to go from here: undo a pause, go on, look, or plan again."""
    ids = list(dict.fromkeys(step.source_id for step in plan.calls))
    if not remaining:
        return [Action("summarize_progress", {"servers": ids}, "how the servers go on from here")]
    actions = []
    carried = {step.number for step in covered(plan, entries)}
    undo = {s.source_id for s in remaining if s.wanted == "running" and s.number not in carried}
    paused = [each for each in _paused(plan, entries) if each in undo]
    if paused:
        why = "starts again what this plan has paused"
        again: dict[str, JSON] = {"goal": "resume_paused", "servers": paused}
        actions.append(Action("plan_remediation", again, why))
    if goes_on(plan, entries):
        why = "goes on where it stopped, under the approval already given; does nothing twice"
        actions.append(Action(TOOL, {"plan_id": plan.id}, why, Kind.DESTRUCTIVE))
    worst = [
        step
        for step in remaining
        if (entry := entries.get(step.number))
        and entry.result in (Result.FAILED, Result.SKIPPED)
        and step.source_id not in paused
    ]
    if worst:
        why = f"why step {worst[0].number} did not work"
        actions.append(Action("diagnose_server", {"server": worst[0].source_id}, why))
        servers = list(dict.fromkeys(step.source_id for step in worst))
        why = "a plan from the current state"
        again = {"goal": plan.goal, **plan.asked, "servers": servers}
        if plan.goal != MIGRATE:  # its rows are in nobody's keeping but the person's
            actions.append(Action("plan_remediation", again, why))
    return actions
