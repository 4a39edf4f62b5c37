"""Making a plan: reading the fleet, choosing servers, writing the steps, keeping the plan."""

from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from sms_tools.canonical import short_id
from sms_tools.diagnosis.answer import Action, Draft, iso
from sms_tools.fleet.billing import Bill, Planned, billed_by
from sms_tools.fleet.desk import Desk
from sms_tools.fleet.membership import with_waves
from sms_tools.fleet.reading import Fleet, read_fleet
from sms_tools.fleet.server import SOAK, Server
from sms_tools.guard.previews.building import MAY_BE_REFUSED
from sms_tools.guard.subject import HANGS, UNREAD
from sms_tools.knowledge import normalize_code
from sms_tools.operation import JSON, Kind
from sms_tools.operations.tasks.progress import RateLimitSetting
from sms_tools.redaction import holding_secrets
from sms_tools.remediation import cutover, goals, going_back, measuring, rates, rebuilding
from sms_tools.remediation.consent import beginnings
from sms_tools.remediation.plan import Plan, Step
from sms_tools.remediation.request import Goal, Request
from sms_tools.remediation.showing import Shown, show, written
from sms_tools.remediation.store import Store
from sms_tools.remediation.writing import Writer
from sms_tools.text import one_line
from sms_tools.wording import count_of, listed

LIFETIME: Final = timedelta(hours=24)
_MOST: Final = 10
_MOST_LAUNCHES: Final = 50
_MOST_CLONES: Final = 5
_LATER: Final = 10
_WAVES: Final = 8

_GOALS: Final[Mapping[Goal, Callable[[Request, Writer], Awaitable[None]]]] = {
    "retry_failed": goals.retry_failed,
    "resume_paused": goals.resume_paused,
    "fix_rate_window": rates.fix_rate_window,
    "rebuild": rebuilding.rebuild,
    "rehearse_cutover": cutover.rehearse,
    "cut_over": cutover.cut_over,
    "back_out": going_back.back_out,
    "clean_up": goals.clean_up,
    "measure_network": measuring.measure_network,
}
_MOST_OF: Final[Mapping[Goal, int]] = {
    "cut_over": _MOST_LAUNCHES,
    "rehearse_cutover": _MOST_CLONES,
}
_STOPS: Final = frozenset({"rehearse_cutover", "cut_over"})
"""Goals at which one step that does not work says something about those that follow."""
_PLANNED_AGAIN: Final = frozenset({"retry_failed", "resume_paused", "fix_rate_window", "rebuild"})


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person wants planned, as the tool took it."""

    goal: Goal
    servers: Sequence[str] | None = None
    project: str | None = None
    group: str | None = None
    batch: int | None = None
    limits: Sequence[RateLimitSetting] | None = None
    template_id: str | None = None
    soak_hours: int | None = None
    deadline: datetime | None = None
    given: Mapping[str, JSON] = field(default_factory=dict)
    """The arguments besides goal and servers, as they were sent."""


async def plan(asked: Asked, desk: Desk) -> dict[str, Any]:
    """The plan that is *asked* for, kept for a day if there is anything to call.

    Raises:
        SmsToolsError: a name fits nothing or several, or nothing could be read.
    """
    fleet = await read_fleet(desk, project=asked.project, servers=asked.servers, fresh=True)
    fleet = await with_waves(desk, fleet, everything=False)
    servers = _with_codes(fleet.servers, asked.group)
    write = Writer(fleet.observed_at, most=asked.batch or _MOST_OF.get(asked.goal, _MOST))
    request = Request(
        desk,
        servers,
        by_name=bool(asked.servers),
        narrowed=bool(asked.servers or asked.project or asked.group),
        chosen=bool(asked.servers or asked.project),
        limits=asked.limits,
        template_id=asked.template_id,
        soak=SOAK if asked.soak_hours is None else timedelta(hours=asked.soak_hours),
        deadline=asked.deadline,
    )
    await _GOALS[asked.goal](request, write)
    await show_calls(desk, write, by_name=request.by_name)
    given = {k: v for k, v in asked.given.items() if k not in ("project", "group", "batch")}
    made = Plan(
        id=f"P{short_id()}",
        goal=asked.goal,
        made_at=desk.now(),
        expires_at=desk.now() + LIFETIME,
        steps=tuple(write.steps),
        stops_at_failure=asked.goal in _STOPS,
        first=tuple(write.first),
        account=desk.api.settings.account.key,
        asked=given,
        last_safe_start=iso(write.last_safe_start) if write.last_safe_start else "",
    )
    made = made.without(desk.api.secret_values())
    if made.calls:
        await Store(desk.state).keep(made)
    return _answer(fleet, made, write, asked, servers)


async def show_calls(desk: Desk, write: Writer, *, by_name: bool) -> None:
    """Give every call what its preview says; who cannot be shown is not in the plan."""
    _leave_secrets_out(desk, write)
    calls = [step for step in write.steps if step.is_call]
    shown = await show(desk, calls)
    write.steps[:] = [
        _told(step, shown[step.number], by_name=by_name) if step.number in shown else step
        for step in write.steps
    ]
    refused: dict[str, str] = {}
    for step in beginnings([step for step in write.steps if step.is_call]):
        if step.number in shown and (why := _refused(step, shown[step.number])):
            refused.setdefault(step.source_id, why)
    for source_id, why in refused.items():
        write.drop(source_id, one_line(why, 300))
    kept = [shown[step.number] for step in write.steps if step.number in shown]
    missing = Counter(line.partition(": ")[0] for each in kept for line in each.lines(UNREAD))
    write.gaps += [
        f"previews: {one_line(what, 80)} could not be read for {count_of(count, 'call')}."
        for what, count in missing.items()
        if what != MAY_BE_REFUSED
    ]


def _leave_secrets_out(desk: Desk, write: Writer) -> None:
    """A plan is kept, shown and written down as it is sent, so no call in it carries a secret."""
    refused: dict[str, str] = {}
    for step in write.steps:
        if found := holding_secrets(step.arguments, desk.api.secret_values()):
            refused.setdefault(
                step.source_id,
                f"{step.tool} would carry what looks like a secret ({listed(found)}), and a plan is"
                " kept. Take it out of the name or the row and plan again, or make that call"
                " alone.",
            )
    for source_id, why in refused.items():
        write.drop(source_id, why)


def _told(step: Step, shown: Shown, *, by_name: bool) -> Step:
    """*step* in the words of its preview; a person who names a server decides what is open."""
    if by_name and shown.launch == "now":
        gates = cutover.gates_in(step, shown)
        step = replace(step, open_gates=tuple(n for n, v in gates.items() if v == "unknown"))
    return written(step, shown)


def _refused(step: Step, shown: Shown) -> str | None:
    """Why a step that comes first for its server cannot be in the plan."""
    if shown.preview is None:
        return f"It could not be read: {shown.why}"
    if step.launch == "now" and cutover.closed(step, shown):
        return "; ".join(shown.lines(HANGS))
    return shown.preview.impossible


def _with_codes(servers: Sequence[Server], group: str | None) -> Sequence[Server]:
    if group is None:
        return servers
    codes = {normalize_code(part) for part in group.split(",") if part.strip()}
    return [
        server
        for server in servers
        if server.error and server.error.code and normalize_code(server.error.code) in codes
    ]


def _answer(
    fleet: Fleet, made: Plan, write: Writer, asked: Asked, servers: Sequence[Server]
) -> dict[str, Any]:
    draft = Draft(
        summary=_summary(made, write, asked, servers), observed_at=fleet.observed_at, data={}
    )
    draft.data["goal"] = made.goal
    draft.data["plan_id"] = made.id if made.calls else None
    if made.calls:
        draft.data["digest"] = made.digest
        draft.data["expires_at"] = iso(made.expires_at)
    draft.actions = _actions(made, write)
    if made.first:
        draft.data["say_first"] = list(made.first)
    draft.data["preconditions"] = [
        *write.preconditions,
        *(["Steps of people are done before the calls that come after them."] * bool(made.people)),
    ]
    draft.data |= _told_besides(draft, write)
    if billed := bill_of(made).as_data():
        draft.data["billed"] = billed
    how = "apply_plan shows every step to the person; fewer servers make a shorter plan"
    touched = [fleet.by_id[key] for key in {s.source_id for s in made.steps} if key in fleet.by_id]
    if waves := Counter(server.wave for server in touched if server.wave):
        draft.data["projects"] = {one_line(name, 60): n for name, n in waves.most_common(_WAVES)}
    draft.data["steps"] = draft.part("steps", _rows(made), 200, how)
    draft.data["left_out"] = draft.part(
        "servers that are not in the plan", write.left_out, 20, "name them in servers"
    )
    if write.waiting:
        later = [server.as_data() for server in write.waiting]
        draft.data["next_plan"] = draft.part(
            "servers for a later plan", later, _LATER, "plan again when this plan is applied"
        )
    draft.data["stops_at_first_failure"] = made.stops_at_failure
    draft.incomplete = [*fleet.incomplete, *write.gaps]
    return draft.fit()


def bill_of(made: Plan, with_address: Collection[str] = ()) -> Bill:
    """What the plan's calls have billed; *with_address* are the templates with an elastic IP."""
    return billed_by(
        Planned(
            step.tool,
            str(step.arguments.get("operation") or ""),
            bool(step.arguments.get("vm_template_id")),
            step.arguments.get("vm_template_id") in with_address,
        )
        for step in made.calls
    )


def _told_besides(draft: Draft, write: Writer) -> dict[str, Any]:
    """What is said of the whole plan; how long each server takes, without those left out."""
    told = dict(write.told)
    if "launch" in told:
        rows = [row for row in told["launch"]["by_server"] if row["id"] in write.taken]
        how = "check_cutover_readiness has a range for each server"
        shown = draft.part("launch times", rows, _LATER, how)
        told["launch"] = {**told["launch"], "by_server": shown}
    return told


def _actions(made: Plan, write: Writer) -> Sequence[Action]:
    """Applying it; for servers that are not in it, the goal that fits them."""
    actions = []
    if made.calls:
        why = "Once the person has seen the plan: it asks once for approval, then runs the steps."
        actions.append(Action("apply_plan", {"plan_id": made.id}, why, Kind.DESTRUCTIVE))
    actions += write.choices
    by_goal: dict[str, list[str]] = {}
    for row in write.left_out:
        if row.get("goal"):
            by_goal.setdefault(row["goal"], []).append(row["server"]["id"])
    for goal, ids in by_goal.items():
        arguments = {"servers": ids[:_MOST]}
        if goal in _PLANNED_AGAIN:
            why = "the goal that fits servers which are not in this plan"
            actions.append(Action("plan_remediation", {"goal": goal, **arguments}, why))
        elif goal == "cut_over":
            why = "whether servers that are not in this plan may be launched"
            actions.append(Action("check_cutover_readiness", arguments, why))
        else:
            why = "what may be deleted of servers that are not in this plan"
            actions.append(Action("find_cleanup_candidates", arguments, why))
    return actions


def _rows(made: Plan) -> list[dict[str, Any]]:
    """The steps; what is said of several alike is said once, and the others point there."""
    first: dict[tuple[str, ...], int] = {}
    rows = []
    for step in made.steps:
        row = step.shown()
        words = (step.tool, step.does, step.undo, step.loses, step.costs, step.verified_by)
        same = first.setdefault(words, step.number)
        if same != step.number:
            for name in ("undo", "loses", "costs", "verified_by"):
                row.pop(name, None)
            row["does"] = f"As step {same}."
        rows.append(row)
    return rows


def _summary(made: Plan, write: Writer, asked: Asked, servers: Sequence[Server]) -> str:
    touched = len({step.source_id for step in made.calls})
    if not made.calls:
        return _without_calls(made, write, asked, servers)
    parts = [*made.first]
    calls = f"{count_of(len(made.calls), 'call')} on {count_of(touched, 'server')}"
    if made.people:
        calls = f"{count_of(len(made.people), 'step')} for people, and {calls}"
    parts.append(f"Plan {made.id} for {made.goal}: {calls}. Nothing has been changed yet.")
    if launches := _launches(made.calls):
        parts.append(f"It LAUNCHES {count_of(launches, 'target')}.")
    if write.waiting:
        parts.append(f"{count_of(len(write.waiting), 'more server')} for a later plan.")
    return " ".join(parts)


def _launches(steps: Sequence[Step]) -> int:
    return len({step.source_id for step in steps if step.launches})


def _without_calls(made: Plan, write: Writer, asked: Asked, servers: Sequence[Server]) -> str:
    if asked.group and not servers:
        return f"No server has failed with {one_line(asked.group, 80)}; nothing is planned."
    parts = [*made.first]
    if made.people:
        parts.append(
            f"For {made.goal} only people can act now: {count_of(len(made.people), 'step')}, "
            "in order."
        )
        if write.again:
            parts.append("Plan again when they are done.")
    else:
        parts.append(f"Nothing can be done by a call for {made.goal}.")
    if write.left_out:
        parts.append(f"{count_of(len(write.left_out), 'server')} left out: see left_out.")
    return " ".join(parts)
