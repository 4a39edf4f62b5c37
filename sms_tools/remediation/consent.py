"""What a person sees of a plan before agreeing, and what their approval is bound to.

Every line about a call comes from the same preview as the single call's dialog. What all servers
have in common is said once; what some have is said with their names.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from sms_tools.canonical import digest
from sms_tools.errors import RequestRefused
from sms_tools.fleet.desk import Desk
from sms_tools.fleet.reading import read_fleet
from sms_tools.guard.previews.recalling import RENAMED
from sms_tools.guard.subject import (
    COSTS,
    HANGS,
    LOSSES,
    NOW,
    SENT,
    UNREAD,
    WILL,
    Preview,
    Section,
    Target,
)
from sms_tools.remediation.looking import Look, drift
from sms_tools.remediation.plan import Plan, Step
from sms_tools.remediation.showing import Shown, bound_of, moved, show
from sms_tools.remediation.store import Entry
from sms_tools.wording import count_of, iso, named

_FEW: Final = 5
"""Of so many servers everything that is there now is shown; of more, one line each."""
_NAMES: Final = 12
MIGRATE: Final = "migrate"
"""The goal of plans that set up new tasks."""


def digest_of(plan: Plan, steps: Sequence[Step]) -> str:
    """A digest of the plan and of which steps are left."""
    return digest([plan.digest, [step.number for step in steps]])


async def preview_of_plan(
    plan: Plan, entries: Mapping[int, Entry], steps: Sequence[Step], desk: Desk
) -> Preview:
    """Every step of *steps*, what it loses and costs, and what has changed since the plan.

    Raises:
        RequestRefused: not all servers could be read.
        SmsToolsError: nothing could be read.
    """
    fleet = await read_fleet(desk, fresh=True)
    if not fleet.sources_read or not fleet.tasks_read:
        raise RequestRefused(
            "Not all servers of the plan could be read, so no approval was asked for.",
            advice="Call apply_plan again in a moment; sms-tools check tests the connection.",
        )
    shown = await show(desk, steps)
    now = {server.id: Look(fleet.observed_at, server) for server in fleet.servers}
    names = {key: found.server.raw_name for key, found in now.items()}
    gone = _moved(steps, entries, now, shown)
    able = [step for step in beginnings(steps) if step.number not in gone]
    servers = {step.source_id for step in steps}
    return Preview(
        headline=f"Apply plan {plan.id} ({plan.goal}): {count_of(len(steps), 'call')} on "
        f"{count_of(len(servers), 'server')}, one after the other.",
        typed=typed(steps, plan.goal),
        sections=[
            section
            for section in _sections(plan, entries, steps, gone, shown, names, desk.now())
            if section.lines
        ],
        state={"digest": digest_of(plan, steps), "steps": _state(steps, shown)},
        targets=targets_of(steps, names, shown),
        impossible=None if able else _impossible(gone, entries, steps),
    )


def _state(steps: Sequence[Step], shown: Mapping[int, Shown]) -> dict[str, object]:
    """All that was shown, by step; of steps that others go before, what these do not move."""
    first = {step.number for step in beginnings(steps)}
    return {
        f"{step.number} {step.server}": (
            shown[step.number].state if step.number in first else bound_of(step, shown[step.number])
        )
        for step in steps
        if step.number in shown
    }


def _impossible(
    gone: Mapping[int, str], entries: Mapping[int, Entry], steps: Sequence[Step]
) -> str | None:
    """Why nothing of the plan can be done; None where a step still has to be looked after."""
    if any(entries[s.number].tried for s in steps if s.number in entries):
        return None
    first = next(iter(gone.values()), "")
    return f"Every step has been overtaken, such as: {first} Plan again with plan_remediation."


def beginnings(steps: Sequence[Step]) -> Sequence[Step]:
    """The first step that is left for each server: the others begin where it ends."""
    first: dict[str, Step] = {}
    for step in steps:
        first.setdefault(step.source_id, step)
    return list(first.values())


def _moved(
    steps: Sequence[Step],
    entries: Mapping[int, Entry],
    now: Mapping[str, Look],
    shown: Mapping[int, Shown],
) -> dict[int, str]:
    """What is not as it was planned, by the step's number."""
    found = {}
    for step in beginnings(steps):
        entry = entries.get(step.number)
        if entry is not None and entry.tried:
            continue
        look = now.get(step.source_id)
        why = drift(step.before, look) if look else "The source server's record is gone."
        if why is None and step.number in shown:
            preview = shown[step.number].preview
            why = moved(step, shown[step.number]) or (preview.impossible if preview else None)
        if why:
            found[step.number] = f"Step {step.number}, {step.server}: {why}"
    return found


def typed(steps: Sequence[Step], goal: str = "") -> str:
    """A plan that launches names how many targets, a migration that starts how many tasks; every
    other how many calls it makes.
    """
    launches = {step.source_id for step in steps if step.launches}
    if launches:
        return f"launch {len(launches)}"
    starts = {step.source_id for step in steps if step.wanted == "running"}
    return f"start {len(starts)}" if starts and goal == MIGRATE else f"apply {len(steps)}"


def _sections(
    plan: Plan,
    entries: Mapping[int, Entry],
    steps: Sequence[Step],
    gone: Mapping[int, str],
    shown: Mapping[int, Shown],
    names: Mapping[str, str | None],
    now: datetime,
) -> Sequence[Section]:
    earlier = [
        f"Step {number} of this plan: {entry.result or 'interrupted; it is looked at first'}."
        for number, entry in sorted(entries.items())
    ]
    last = max((step.number for step in plan.calls), default=0)

    def told(title: str, own: Mapping[int, Sequence[str]] | None = None) -> Sequence[str]:
        rows = {s.number: [*shown[s.number].lines(title)] for s in steps if s.number in shown}
        for number, lines in (own or {}).items():
            rows.setdefault(number, []).extend(lines)
        return _merged(steps, rows, names)

    without_preview = [step for step in steps if step.number not in shown]
    losses = {s.number: [f"{s.loses} Undo: {s.undo}".strip()] for s in without_preview if s.loses}
    costs = {s.number: [s.costs] for s in without_preview if s.costs}
    unread = {
        step.number: [f"What the call would do: {shown[step.number].why}"]
        for step in steps
        if step.number in shown and shown[step.number].preview is None
    }
    return [
        Section("To know first", [*_too_late(plan, now), *plan.first]),
        Section(
            "What people must have done: to agree is to say that it is done",
            [_work(step) for step in plan.people if step.number < last],
        ),
        Section(NOW, _now(steps, shown)),
        Section(
            "What will happen, step by step",
            [_line(step, shown.get(step.number), names) for step in steps],
        ),
        Section(WILL, told(WILL)),
        Section(LOSSES, told(LOSSES, losses)),
        Section(COSTS, told(COSTS, costs)),
        Section(HANGS, told(HANGS)),
        Section(SENT, told(SENT)),
        Section(UNREAD, told(UNREAD, unread)),
        Section(
            "What people do afterwards",
            [_work(step) for step in plan.people if step.number > last],
        ),
        Section(
            "What has changed since the plan was made: these steps are skipped", [*gone.values()]
        ),
        Section("What was done before", earlier),
        Section("How it ends", _ending(plan)),
    ]


def _too_late(plan: Plan, now: datetime) -> Sequence[str]:
    """That the last safe start is past, where there is one and it is."""
    if not plan.last_safe_start or now <= datetime.fromisoformat(plan.last_safe_start):
        return []
    return [
        f"TOO LATE for the window: the last safe start was {plan.last_safe_start}, and it is "
        f"{iso(now)}. What begins now may end after it."
    ]


def _ending(plan: Plan) -> Sequence[str]:
    failing = (
        "the first that fails ends the plan."
        if plan.stops_at_failure
        else "if one fails, the others go on."
    )
    return [
        "Each step reads the state first and is skipped if what is shown here has changed; "
        + failing,
        "To agree is to agree to the whole plan until it ends "
        f"({plan.expires_at:%Y-%m-%d %H:%M} UTC): an interruption does not ask again, a step that "
        "failed does.",
        f"Digest of the whole plan: {plan.digest[:16]}",
    ]


def _now(steps: Sequence[Step], shown: Mapping[int, Shown]) -> Sequence[str]:
    first = [step for step in beginnings(steps) if step.number in shown]
    few = len(first) <= _FEW
    rows = [shown[step.number].lines(NOW) for step in first]
    return [
        line
        for lines in rows
        for number, line in enumerate(lines)
        if few or not number or line.startswith(RENAMED)
    ]


def _merged(
    steps: Sequence[Step], rows: Mapping[int, Sequence[str]], names: Mapping[str, str | None]
) -> list[str]:
    """Each line once, with the servers it is true of where that is not all of them."""
    servers = dict.fromkeys(step.source_id for step in steps)
    true_of: dict[str, dict[str, None]] = {}
    for step in steps:
        for line in rows.get(step.number, ()):
            true_of.setdefault(line, {})[step.source_id] = None
    found = []
    for line, ids in true_of.items():
        if len(ids) == len(servers):
            found.append(line)
            continue
        who = [named(names.get(each), each) for each in list(ids)[:_NAMES]]
        more = f" and {len(ids) - _NAMES} more" if len(ids) > _NAMES else ""
        found.append(f"{', '.join(who)}{more}: {line}")
    return found


def _work(step: Step) -> str:
    """People's work, and the servers it is about."""
    names = ", ".join(f"“{name}”" for name, _ in step.servers)
    return f"{step.number}. {step.does}" + (f" Servers: {names}." if names else "")


def _line(step: Step, shown: Shown | None, names: Mapping[str, str | None]) -> str:
    """One step as the person sees it: the call itself, to what, and what it does."""
    known = {k: v for k, v in step.arguments.items() if isinstance(v, str | int) and k != "name"}
    call = ", ".join(f"{key}={value}" for key, value in known.items())
    who = named(names.get(step.source_id) or step.server, step.source_id)
    does = " ".join(_once((shown.preview.headline if shown and shown.preview else "", step.does)))
    only = f" Only if the service refuses step {step.unless}." if step.unless else ""
    return f"{step.number}. {who} ({step.source_id}): {step.tool}({call}). {does}{only}"


def _once(lines: Iterable[str]) -> list[str]:
    return [line for line in dict.fromkeys(lines) if line]


def targets_of(
    steps: Sequence[Step],
    names: Mapping[str, str | None],
    shown: Mapping[int, Shown] | None = None,
) -> list[Target]:
    """What *steps* act on, with the names of now, for the policy's rules."""
    found: dict[str, Target] = {}
    for step in steps:
        for each in (step.source_id, str(step.arguments.get("task_id") or "")):
            if each:
                found[each] = Target(each, names.get(step.source_id))
        preview = shown[step.number].preview if shown and step.number in shown else None
        for target in preview.targets if preview else ():
            found.setdefault(target.id, target)
    return list(found.values())
