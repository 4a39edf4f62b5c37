"""Making a plan: reading the fleet, choosing servers, writing the steps, keeping the plan."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from sms_tools.canonical import short_id
from sms_tools.diagnosis.answer import Action, Draft, iso
from sms_tools.fleet.desk import Desk
from sms_tools.fleet.reading import Fleet, read_fleet
from sms_tools.fleet.server import Server
from sms_tools.knowledge import normalize_code
from sms_tools.operation import Kind
from sms_tools.remediation import cutover, goals, rebuilding
from sms_tools.remediation.asking import PlanRemediation
from sms_tools.remediation.goals import Request
from sms_tools.remediation.plan import Plan
from sms_tools.remediation.store import Store
from sms_tools.remediation.writing import Writer
from sms_tools.wording import count_of

LIFETIME: Final = timedelta(hours=24)
_MOST: Final = 10
_MOST_LAUNCHES: Final = 5
_LATER: Final = 10

_GOALS: Final[Mapping[str, Callable[[Request, Writer], Awaitable[None]]]] = {
    "retry_failed": goals.retry_failed,
    "resume_paused": goals.resume_paused,
    "fix_rate_window": goals.fix_rate_window,
    "rebuild": rebuilding.rebuild,
    "rehearse_cutover": cutover.rehearse,
    "cut_over": cutover.cut_over,
    "clean_up": goals.clean_up,
}
_STOPS: Final = frozenset({"rehearse_cutover", "cut_over"})
"""Goals at which one step that does not work says something about those that follow."""


async def plan(question: PlanRemediation, desk: Desk) -> dict[str, Any]:
    """The plan that *question* asks for, kept for a day if there is anything to call.

    Raises:
        SmsToolsError: a name fits nothing or several, or nothing could be read.
    """
    fleet = await read_fleet(desk, project=question.project, servers=question.servers, fresh=True)
    servers = _with_codes(fleet.servers, question.group)
    usual = _MOST_LAUNCHES if question.goal in cutover.GOALS else _MOST
    write = Writer(fleet.observed_at, most=question.batch or usual)
    named = bool(question.servers or question.project or question.group)
    await _GOALS[question.goal](Request(question, desk, servers, named), write)
    made = Plan(
        id=f"P{short_id()}",
        goal=question.goal,
        made_at=desk.now(),
        expires_at=desk.now() + LIFETIME,
        steps=tuple(write.steps),
        stops_at_failure=question.goal in _STOPS,
        first=tuple(write.first),
    )
    if made.calls:
        await Store(desk.state).keep(made)
    return _answer(fleet, made, write)


def _with_codes(servers: Sequence[Server], group: str | None) -> Sequence[Server]:
    if group is None:
        return servers
    codes = {normalize_code(part) for part in group.split(",") if part.strip()}
    return [
        server
        for server in servers
        if server.error and server.error.code and normalize_code(server.error.code) in codes
    ]


def _answer(fleet: Fleet, made: Plan, write: Writer) -> dict[str, Any]:
    draft = Draft(summary=_summary(made, write), observed_at=fleet.observed_at, data={})
    draft.data["goal"] = made.goal
    draft.data["plan_id"] = made.id if made.calls else None
    if made.calls:
        draft.data["digest"] = made.digest
        draft.data["expires_at"] = iso(made.expires_at)
        why = "Once the person has seen the plan: it asks them once, then does step by step."
        draft.actions = [Action("apply_plan", {"plan_id": made.id}, why, Kind.DESTRUCTIVE)]
    if made.first:
        draft.data["say_first"] = list(made.first)
    draft.data["preconditions"] = [
        *write.preconditions,
        *(["Steps of people are done before the calls that come after them."] * bool(made.people)),
    ]
    rows = _rows(made)
    how = "apply_plan shows every step to the person; fewer servers make a shorter plan"
    draft.data["steps"] = draft.part("steps", rows, 200, how)
    draft.data["left_out"] = draft.part(
        "servers that are not in the plan", write.left_out, 20, "name them in servers"
    )
    if write.waiting:
        later = [server.as_data() for server in write.waiting]
        draft.data["next_plan"] = draft.part(
            "servers for a later plan", later, _LATER, "plan again when this plan is applied"
        )
    draft.data["stops_at_first_failure"] = made.stops_at_failure
    draft.incomplete = list(fleet.incomplete)
    return draft.fit()


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


def _summary(made: Plan, write: Writer) -> str:
    touched = len({step.source_id for step in made.calls})
    if not made.calls:
        text = f"Nothing can be done by a call for {made.goal}."
        if write.left_out:
            text += f" {count_of(len(write.left_out), 'server')} left out: see left_out."
        return text
    parts = [*made.first]
    calls = f"{count_of(len(made.calls), 'call')} on {count_of(touched, 'server')}"
    if made.people:
        calls = f"{count_of(len(made.people), 'step')} for people, then {calls}"
    parts.append(f"Plan {made.id} for {made.goal}: {calls}. Nothing has been changed yet.")
    if write.waiting:
        parts.append(f"{count_of(len(write.waiting), 'more server')} for a later plan.")
    return " ".join(parts)
