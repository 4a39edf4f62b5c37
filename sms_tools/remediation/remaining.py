"""What is left of a plan, and what of that the consent already given still carries."""

from collections.abc import Mapping, Sequence

from sms_tools.remediation.plan import Plan, Result, Step
from sms_tools.remediation.store import Entry


def left(plan: Plan, entries: Mapping[int, Entry]) -> Sequence[Step]:
    """The calls of *plan* that are not seen to be done."""
    return [
        step
        for step in plan.calls
        if step.number not in entries or not entries[step.number].is_over
    ]


def covered(plan: Plan, entries: Mapping[int, Entry]) -> Sequence[Step]:
    """The steps that a consent already given still carries: none that failed or waits for it."""
    if any(row.get("stops") for entry in entries.values() for row in entry.evidence):
        return []
    ended = (Result.FAILED, Result.SKIPPED)
    out = {number for number, entry in entries.items() if entry.result in ended}
    found = []
    for step in left(plan, entries):
        if step.number in out:
            continue
        if out.intersection(step.after) or step.unless in out:
            out.add(step.number)
        else:
            found.append(step)
    return found


def goes_on(plan: Plan, entries: Mapping[int, Entry]) -> bool:
    """Whether the plan has begun, and the same call goes on with it without a question."""
    return bool(entries) and bool(covered(plan, entries))
