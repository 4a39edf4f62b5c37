"""``summarize_progress``: how far, and when will it be done?"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from pydantic import Field

from sms_tools.diagnosis.answer import Action, Draft
from sms_tools.diagnosis.eta import (
    EXCLUDES,
    Eta,
    Fit,
    MeasuredRate,
    NoEta,
    estimate,
    measure,
    service_mbit_s,
    speed_unit,
    to_mbit_s,
)
from sms_tools.diagnosis.limits import Limits, read_limits, steady
from sms_tools.diagnosis.movement import RUNNING, movement
from sms_tools.diagnosis.naming import names_of
from sms_tools.diagnosis.overview import bytes_of
from sms_tools.diagnosis.question import FleetQuestion, scope
from sms_tools.diagnosis.spoken import Deadline
from sms_tools.errors import SmsToolsError
from sms_tools.fleet.desk import Desk
from sms_tools.fleet.finding import Finding
from sms_tools.fleet.reading import Fleet, Server, read_fleet
from sms_tools.fleet.samples import Sample, Samples
from sms_tools.knowledge import PHASES
from sms_tools.operations.tasks import GetMigrationRateLimits
from sms_tools.wording import count_of, iso, percent, size

_LOOK_BACK: Final = timedelta(hours=6)
_LIMITS_READ: Final = 16
"""Of how many copies the limits by the hour are read without being asked for each."""
_LIMITS_READ_NAMED: Final = 200
_COPY_DONE_PHASES: Final = frozenset({"syncing", "cloning", "cutting_over", "finished"})
_COPY_DONE_STAGES: Final = frozenset({"syncing", "cutovering", "cutovered"})
_RATE_NOTE: Final = (
    "rate_mbit_s comes from copied bytes. The service's migrate_speed is not used for it: its "
    "reference says MB/s, the SDK Mbit/s, a factor of 8; speed_unit is what fits the bytes."
)
_REASONS: Final[Mapping[str, str]] = {
    "unavailable": "not started: the environment check failed",
    "waiting": "not started",
    "initializing": "the copy has not begun: the target is being prepared",
    "paused": "paused",
    "failed": "failed",
    "deleting": "being deleted",
    "unknown": "its phase is unknown",
    "syncing": "idle: the full copy is done, continuous sync goes on until a person launches",
    "cloning": "the full copy is done",
    "cutting_over": "the full copy is done, the target is being launched",
    "finished": "finished",
}
_BY_URGENCY: Final = ("stuck", "suspect", "not_converging", "throttled", "offline")


class SummarizeProgress(FleetQuestion):
    """How far is the copying, and when will it be done? Per server and in all: bytes, rate, an
    estimated time of arrival as a range (or why there is none), whether a deadline is met, what is
    really stuck and what only seems so. Ask again after some minutes for a better estimate. To
    wait for an event use wait_for_progress, for the reason of a slow server diagnose_server.
    """

    deadline: Annotated[
        Deadline | None,
        Field(
            description="Is the full copy done by then? ISO 8601 with offset, 12h, or "
            "tonight 22:00+08:00."
        ),
    ] = None

    async def answer(self, desk: Desk) -> dict[str, Any]:
        """Progress, estimates and standstill of the servers that are asked for."""
        fleet = await read_fleet(desk, project=self.project, servers=self.servers)
        samples = await _series(desk, fleet)
        limits, notes = await self._limits(desk, fleet, samples)
        # Only a reading of everything tells that no other copy may share the line.
        everything = self.servers is None and self.project is None and not fleet.incomplete
        alone = everything and sum(_may_have_eta(server) for server in fleet.servers) == 1
        courses = [
            course_of(
                server,
                samples.get(server.id, ()),
                limits.get(server.id) or _listed_limit(server),
                fleet.observed_at,
                alone=alone,
            )
            for server in fleet.servers
        ]
        return self._told(fleet, sorted(courses, key=_urgency), notes)

    async def _limits(
        self, desk: Desk, fleet: Fleet, samples: Mapping[str, Sequence[Sample]]
    ) -> tuple[Mapping[str, Limits], Sequence[str]]:
        """The limits by the hour of copies, one request each, and what was not read.

        A large fleet's are read only where something stands still, or of servers that were named.
        """
        copying = [s for s in fleet.servers if _may_have_eta(s) and s.task_id]
        named = self.servers is not None or self.detail == "full"
        chosen = copying[: _LIMITS_READ_NAMED if named else _LIMITS_READ]
        if len(copying) > len(chosen) and not named:
            still = [s for s in copying if movement(samples.get(s.id, ())).verdict != "moving"]
            chosen = [s for s in still if len(samples.get(s.id, ())) > 1][:_LIMITS_READ]
        replies = await desk.api.each([GetMigrationRateLimits(task_id=s.task_id) for s in chosen])
        pairs = list(zip(chosen, replies, strict=True))
        found = {s.id: read_limits(r) for s, r in pairs if not isinstance(r, SmsToolsError)}
        notes = []
        if failed := len(chosen) - len(found):
            notes.append(f"rate limits by hour of {count_of(failed, 'task')} could not be read")
        if unread := len(copying) - len(chosen):
            notes.append(
                f"rate limits by hour of {count_of(unread, 'task')} were not read: name them in"
                " servers"
            )
        return found, notes

    def _told(
        self, fleet: Fleet, courses: Sequence["Course"], notes: Sequence[str]
    ) -> dict[str, Any]:
        whole = whole_eta(courses)
        full = self.detail == "full"
        phases = Counter(course.server.phase for course in courses)
        draft = Draft(
            summary=_summary(courses, whole, self.deadline),
            observed_at=fleet.observed_at,
            data={},
            actions=_actions(self, courses),
            notes=notes,
            incomplete=fleet.incomplete,
        )
        if fleet.project:
            draft.data["project"] = {"name": fleet.project.name, "id": fleet.project.id}
        draft.data |= {
            "server_count": len(courses),
            "phases": {phase: phases[phase] for phase in PHASES if phases[phase]},  # type: ignore[index]
            "bytes": bytes_of(fleet.servers).as_data(),
            "rate_mbit_s": _sum_of_rates(courses),
            **_eta_data(whole),
            "without_an_estimate": dict(_without_estimate(courses).most_common(8)),
        }
        if self.deadline:
            draft.data["deadline"] = {
                "at": iso(self.deadline),
                "verdict": whole_fit(courses, self.deadline),
                "servers": dict(Counter(course.fit(self.deadline) for course in courses)),
            }
        stuck = [course.server.as_data() for course in courses if course.moves.verdict == "stuck"]
        draft.data["stuck"] = draft.part("stuck", stuck, 50 if full else 10, "detail=full")
        rows = [course.as_data(self.deadline, full=full) for course in courses]
        draft.data["servers"] = draft.page(
            "servers", rows, limit=self.limit, offset=self.offset, full=full
        )
        draft.data["not_included"] = EXCLUDES
        draft.data["rate_note"] = _RATE_NOTE
        return draft.fit(offset=self.offset, full=full)


@dataclass(frozen=True)
class Course:
    """One server's way: how far it is, whether it moves, when it arrives."""

    server: Server
    moves: Finding
    eta: Eta | NoEta
    rate: MeasuredRate | None = None
    rate_mbit_s: float | None = None
    limits: Limits | None = None

    @property
    def left(self) -> int | None:
        """Bytes still to copy; None without a total."""
        total, done = self.server.total_bytes, self.server.done_bytes
        return None if total is None or done is None else total - done

    @property
    def copied(self) -> bool:
        """Whether the full copy is known to be done, whatever became of the server since."""
        server = self.server
        if server.phase in _COPY_DONE_PHASES:
            return True
        return (server.stage or "").lower() in _COPY_DONE_STAGES and server.phase != "unknown"

    def fit(self, deadline: datetime) -> Fit:
        """Whether the full copy is done by *deadline*."""
        if self.copied:
            return "fits"
        return self.eta.fit(deadline) if isinstance(self.eta, Eta) else "cannot tell"

    def as_data(self, deadline: datetime | None, *, full: bool) -> dict[str, Any]:
        """The row of this server; what is not known is left out, but the estimate never is."""
        server = self.server
        done, total = server.done_bytes, server.total_bytes
        row: dict[str, Any] = {
            **server.as_data(),
            "phase": server.phase,
            "offline": server.offline or None,
            "sub_task": server.step_name if server.phase in RUNNING else None,
            "done_bytes": server.reported_bytes,
            "total_bytes": total,
            "copied_percent": (
                None if total is None or server.above_total else percent(done or 0, total)
            ),
            "rate_mbit_s": self.rate_mbit_s,
            "pace": self.moves.verdict if server.phase in RUNNING else None,
        }
        if self.moves.verdict in _BY_URGENCY or full:
            row["why"] = self.moves.says
        row = {key: value for key, value in row.items() if value is not None}
        if full:
            row |= self._details()
        row |= _eta_data(self.eta)
        return row if deadline is None else {**row, "deadline": self.fit(deadline)}

    def _details(self) -> dict[str, Any]:
        speed = self.server.migrate_speed
        details: dict[str, Any] = {"evidence": [each.as_data() for each in self.moves.evidence]}
        if speed:
            details["migrate_speed"] = speed
            details["speed_unit"] = speed_unit(speed, self.rate_mbit_s)
        if self.limits is not None:
            details["limit_mbit_s"] = self.limits.steady_mbit_s
            details["limit_by_hour"] = self.limits.by_the_hour
        return details


def course_of(
    server: Server,
    samples: Sequence[Sample],
    limits: Limits | None,
    now: datetime,
    *,
    alone: bool = False,
) -> Course:
    """What *samples* (oldest first) and the latest reading say of *server*."""
    moves = movement(samples, limit_mbit_s=limits.steady_mbit_s if limits else None)
    total, done = server.total_bytes, server.done_bytes
    if not _may_have_eta(server):
        reason = "offline: the Agent is disconnected" if server.offline else ""
        known = "" if server.phase in _COPY_DONE_PHASES else reason
        return Course(server, moves, NoEta(known or _REASONS[server.phase]), limits=limits)
    if total is None or done is None:
        return Course(server, moves, NoEta("the service gives no total"), limits=limits)
    measured = measure(samples)
    left, seconds = total - done, server.remain_seconds
    if server.above_total and moves.verdict != "stuck":
        reason = "more is copied than the announced total, so what is left is not known"
        rate = to_mbit_s(measured.mean) if measured else None
        return Course(server, moves, NoEta(reason), measured, rate, limits)
    if moves.verdict == "stuck":
        return Course(server, moves, NoEta("stuck"), measured, 0.0, limits)
    found = estimate(
        left, now, measured=measured, service_seconds=seconds, limits=limits, alone=alone
    )
    if isinstance(found, NoEta) and measured is None and server.migrate_speed == 0:
        found = NoEta("rate 0, as the service reports it; too few samples yet")
    rate = to_mbit_s(measured.mean) if measured else service_mbit_s(left, seconds)
    return Course(server, moves, found, measured, rate, limits)


def _may_have_eta(server: Server) -> bool:
    return server.phase == "replicating" and not server.offline


def _listed_limit(server: Server) -> Limits | None:
    """The one limit that lists carry; None where it says nothing, for there may be others."""
    limit = server.task.speed_limit if server.task else None
    return steady(limit) if limit else None


async def _series(desk: Desk, fleet: Fleet) -> Mapping[str, Sequence[Sample]]:
    """The samples of the servers in which something may move, up to this reading."""
    moving = [each.id for each in fleet.servers if each.phase in RUNNING and each.id]
    return await Samples(desk).series_of(moving, fleet.observed_at - _LOOK_BACK)


def whole_eta(courses: Sequence[Course]) -> Eta | NoEta:
    """When the last of the copies that have an estimate is done: the slowest counts."""
    known = [course.eta for course in courses if isinstance(course.eta, Eta)]
    if not known:
        return NoEta(_why_none(courses))
    rank = ("low", "medium", "high")
    open_ones = sum(not course.copied for course in courses)
    basis = f"the slowest of {count_of(len(known), 'copy', 'copies')} with an estimate"
    if open_ones > len(known):
        basis += f"; {open_ones - len(known)} more to copy have none"
    return Eta(
        max(each.earliest for each in known),
        max(each.latest for each in known),
        min((each.confidence for each in known), key=rank.index),
        basis,
    )


def _why_none(courses: Sequence[Course]) -> str:
    if not courses:
        return "there are no servers"
    if all(course.copied for course in courses):
        return "all full copies are done"
    reasons = _without_estimate(courses).most_common(3)
    return "; ".join(f"{reason}: {count}" for reason, count in reasons)


def _without_estimate(courses: Sequence[Course]) -> Counter[str]:
    """Why servers whose copy is not done have no estimate, and how many."""
    return Counter(
        course.eta.reason.split(":")[0]
        for course in courses
        if isinstance(course.eta, NoEta) and not course.copied
    )


def whole_fit(courses: Sequence[Course], deadline: datetime) -> Fit:
    """Whether all copies are done by *deadline*: the worst that is known, else what is not."""
    fits = {course.fit(deadline) for course in courses}
    order: Sequence[Fit] = ("misses", "cannot tell", "tight", "fits")
    return next((fit for fit in order if fit in fits), "cannot tell")


def _eta_data(eta: Eta | NoEta) -> dict[str, Any]:
    if isinstance(eta, Eta):
        return {"eta": eta.as_data()}
    return {"eta": None, "eta_reason": eta.reason}


def _sum_of_rates(courses: Sequence[Course]) -> float | None:
    known = [course.rate_mbit_s for course in courses if course.rate_mbit_s is not None]
    return round(sum(known), 1) if known else None


def _urgency(course: Course) -> tuple[int, float, str]:
    """Trouble first, then what takes longest, then what is not copied; what is done comes last."""
    verdict = course.moves.verdict
    if verdict in _BY_URGENCY:
        return (_BY_URGENCY.index(verdict), 0, course.server.name)
    if isinstance(course.eta, Eta):
        return (10, -course.eta.latest.timestamp(), course.server.name)
    return (12 if course.copied else 11, 0, course.server.name)


def _summary(courses: Sequence[Course], whole: Eta | NoEta, deadline: datetime | None) -> str:
    if not courses:
        return "There are no source servers here."
    copying = [course for course in courses if course.server.phase == "replicating"]
    done = sum(course.copied for course in courses)
    says = f"{len(copying)} of {count_of(len(courses), 'server')} in the full copy, {done} past it."
    known = bytes_of([course.server for course in copying])
    if known.counted:
        says += f" {size(known.done)} of {size(known.total)} of these copied"
        says += f" ({percent(known.done, known.total)} %)."
    if isinstance(whole, Eta):
        says += (
            f" Estimated end of the copies between {iso(whole.earliest)} and {iso(whole.latest)}"
            f" ({whole.confidence} confidence)."
        )
        if none := sum(_without_estimate(courses).values()):
            says += f" {count_of(none, 'server')} still to copy have no estimate."
    elif done < len(courses):
        says += " No estimate of the end."
    if stuck := [course.server for course in courses if course.moves.verdict == "stuck"]:
        says += f" Stuck: {names_of(stuck)}."
    if deadline:
        says += f" Deadline {iso(deadline)}: {_deadline_words(courses, deadline)}."
    return says


def _deadline_words(courses: Sequence[Course], deadline: datetime) -> str:
    """The verdict of the full copies, and who is failed or offline though it may be a good one."""
    says = f"full copies: {whole_fit(courses, deadline)}"
    failed = [course.server for course in courses if course.server.phase == "failed"]
    offline = [course.server for course in courses if _awaits_its_agent(course.server)]
    if failed:
        says += f"; failed all the same: {names_of(failed)}"
    if offline:
        says += f"; Agent offline: {names_of(offline)}"
    return says


def _awaits_its_agent(server: Server) -> bool:
    return server.offline and server.phase not in ("finished", "failed")


def _actions(question: SummarizeProgress, courses: Sequence[Course]) -> Sequence[Action]:
    actions = [
        Action("diagnose_server", {"server": course.server.id}, f"its pace is {verdict}: why")
        for course in courses
        if (verdict := course.moves.verdict) in ("stuck", "suspect", "not_converging")
    ][:1]
    where = dict(scope(question))
    if any(course.server.phase == "failed" for course in courses):
        actions.append(Action("summarize_failed_servers", where, "failed servers do not move"))
    if any(course.server.phase in RUNNING - {"syncing"} for course in courses):
        actions.append(
            Action(
                "wait_for_progress",
                {**where, "timeout_seconds": 300},
                "tells when something happens; estimates grow better with time",
            )
        )
    if courses and all(course.copied for course in courses):
        actions.append(
            Action("check_cutover_readiness", where, "all full copies are done: what may launch")
        )
    return actions
