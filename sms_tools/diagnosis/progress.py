"""``summarize_progress``: how far, and when will it be done?"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from pydantic import Field

from sms_tools.diagnosis.answer import Action, Draft
from sms_tools.diagnosis.company import MOST_COMPARED, UNTOLD, Company, company_of
from sms_tools.diagnosis.course import (
    BY_URGENCY,
    Course,
    course_of,
    eta_data,
    may_have_eta,
    whole_eta,
    whole_fit,
    without_estimate,
)
from sms_tools.diagnosis.eta import EXCLUDES, Eta, NoEta
from sms_tools.diagnosis.limit_history import LimitHistory
from sms_tools.diagnosis.limits import Limits, read_limits, steady
from sms_tools.diagnosis.movement import RUNNING, movement
from sms_tools.diagnosis.naming import names_of
from sms_tools.diagnosis.overview import bytes_of
from sms_tools.diagnosis.question import FleetQuestion, scope
from sms_tools.diagnosis.rates import LOOK_BACK
from sms_tools.diagnosis.spoken import Deadline
from sms_tools.diagnosis.track_record import Scores, TrackRecord
from sms_tools.errors import SmsToolsError
from sms_tools.fleet.desk import Desk
from sms_tools.fleet.keeping import read_each
from sms_tools.fleet.membership import with_waves
from sms_tools.fleet.reading import Fleet, Problem, Server, read_fleet
from sms_tools.fleet.samples import Sample, Samples
from sms_tools.knowledge import PHASES
from sms_tools.operations.tasks import GetMigrationRateLimits
from sms_tools.wording import count_of, iso, percent, size

_MAY_BEGIN: Final = frozenset({"unavailable", "waiting", "initializing", "paused", "failed"})
"""Phases from which a server may yet come to copy."""
_MANY: Final = 300
"""With more copies than this, less is read of each: no estimate of them is of high confidence."""
_LOOK_BACK_MANY: Final = timedelta(hours=3)
_LIMITS_READ: Final = 16
"""Of how many copies the limits by the hour are read without being asked for each."""
_LIMITS_READ_NAMED: Final = 200
_RATE_NOTE: Final = (
    "rate_mbit_s comes from copied bytes. The service's migrate_speed is not used for it: its "
    "reference says MB/s, the SDK Mbit/s, a factor of 8; speed_unit is what fits the bytes."
)


class SummarizeProgress(FleetQuestion):
    """When will the copy (replication, transfer, sync) be finished, how much is left and how fast
    is it (进度, 速度, 还要多久)? Will we make it in time, before a deadline (来得及吗)? Bytes, rate
    and hours left as a range (or why there is no estimate), per server and in all; which servers
    are stuck (hung) and which only look stuck. For why one is slow use diagnose_server.
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
        return self.told(await self.read(desk))

    async def read(self, desk: Desk) -> "Progress":
        """What the answer is made of: the courses, what takes longest first."""
        fleet = await read_fleet(desk, project=self.project, servers=self.servers)
        samples = await _series(desk, fleet)
        limits, notes, gaps = await self._limits(desk, fleet, samples)
        # Only a reading of everything tells that no other copy may share the line.
        everything = self.servers is None and self.project is None and not fleet.incomplete
        changed = await LimitHistory(desk).changed(
            {s.task_id: limits[s.id] for s in fleet.servers if s.id in limits and s.task_id},
            fleet.observed_at,
        )
        fleet = await with_waves(desk, fleet, everything=self.detail == "full")
        beside = await _company(desk, fleet, samples, everything=everything)
        courses = [
            course_of(
                server,
                samples.get(server.id, ()),
                limits.get(server.id) or _listed_limit(server),
                fleet.observed_at,
                company=beside.get(server.id, UNTOLD),
                limits_since=changed.get(server.task_id or ""),
            )
            for server in fleet.servers
        ]
        record = await TrackRecord(desk).keep(courses, fleet.observed_at)
        fleet = replace(fleet, problems=[*fleet.problems, *gaps])
        return Progress(fleet, sorted(courses, key=_urgency), samples, record, notes)

    async def _limits(
        self, desk: Desk, fleet: Fleet, samples: Mapping[str, Sequence[Sample]]
    ) -> tuple[Mapping[str, Limits], Sequence[str], Sequence[Problem]]:
        """The limits by the hour of copies, one request each, what was left out, what failed.

        A large fleet's are read only where something stands still, or of servers that were named.
        """
        copying = [s for s in fleet.servers if may_have_eta(s) and s.task_id]
        named = self.servers is not None or self.detail == "full"
        chosen = copying[: _LIMITS_READ_NAMED if named else _LIMITS_READ]
        if len(copying) > len(chosen) and not named:
            still = [s for s in copying if movement(samples.get(s.id, ())).verdict != "moving"]
            chosen = [s for s in still if len(samples.get(s.id, ())) > 1][:_LIMITS_READ]
        wanted = [(s, GetMigrationRateLimits(task_id=s.task_id)) for s in chosen]
        readings = await read_each(desk, wanted, since=None, beside=fleet.observed_at)
        pairs = [(s, each.reply) for s, each in zip(chosen, readings, strict=True)]
        found = {s.id: read_limits(r) for s, r in pairs if not isinstance(r, SmsToolsError)}
        notes = []
        if unread := len(copying) - len(chosen):
            notes.append(
                f"rate limits by hour of {count_of(unread, 'task')} were not read: name them in"
                " servers"
            )
        if failed := len(chosen) - len(found):
            says = f"the limits by hour of {count_of(failed, 'task')} could not be read"
            return found, notes, [Problem("get_migration_rate_limits", says)]
        return found, notes, ()

    def told(self, read: "Progress", *, whole: bool = False) -> dict[str, Any]:
        """The answer that *read* gives; all of it, if it is *whole*."""
        fleet, courses, record = read.fleet, read.courses, read.record
        last = whole_eta(courses)
        full = self.detail == "full"
        phases = Counter(course.server.phase for course in courses)
        draft = Draft(
            summary=_summary(courses, last, self.deadline, fleet.observed_at) + record.says,
            observed_at=fleet.observed_at,
            data={},
            actions=_actions(self, courses),
            notes=read.notes,
            incomplete=fleet.incomplete,
            whole=whole,
        )
        if fleet.project:
            draft.data["project"] = {"name": fleet.project.name, "id": fleet.project.id}
        draft.data |= {
            "server_count": len(courses),
            "phases": {phase: phases[phase] for phase in PHASES if phases[phase]},  # type: ignore[index]
            "bytes": bytes_of(fleet.servers).as_data(),
            "rate_mbit_s": _sum_of_rates(courses),
            **eta_data(last),
            "without_an_estimate": dict(without_estimate(courses).most_common(8)),
            "estimates_so_far": record.as_data(),
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


@dataclass(frozen=True, slots=True)
class Progress:
    """How far each server is, from this reading and the samples before it."""

    fleet: Fleet
    courses: Sequence[Course]
    samples: Mapping[str, Sequence[Sample]]
    """By server id, oldest first; of those in which something may move."""
    record: Scores
    notes: Sequence[str] = ()


def _sum_of_rates(courses: Sequence[Course]) -> float | None:
    known = [course.rate_mbit_s for course in courses if course.rate_mbit_s is not None]
    return round(sum(known), 1) if known else None


def _urgency(course: Course) -> tuple[int, float, str]:
    """Trouble first, then what takes longest, then what is not copied; what is done comes last."""
    verdict = course.moves.verdict
    if verdict in BY_URGENCY:
        return (BY_URGENCY.index(verdict), 0, course.server.name)
    if isinstance(course.eta, Eta):
        return (10, -course.eta.latest.timestamp(), course.server.name)
    return (12 if course.copied else 11, 0, course.server.name)


def _summary(
    courses: Sequence[Course], whole: Eta | NoEta, deadline: datetime | None, read: datetime
) -> str:
    if not courses:
        return "There are no source servers here."
    copying = [course for course in courses if course.server.phase == "replicating"]
    done = sum(course.copied for course in courses)
    says = f"{len(copying)} of {count_of(len(courses), 'server')} in the full copy, {done} past it."
    if len(courses) == 1:
        says = f"{names_of([courses[0].server])} {_where(courses[0])}."
    says += f" Read at {iso(read)}."
    known = bytes_of([course.server for course in copying])
    if known.counted:
        says += f" {size(known.done)} of {size(known.total)} of these copied"
        says += f" ({percent(known.done, known.total)} %)."
    if isinstance(whole, Eta):
        says += (
            f" Estimated end of {'the copy' if len(courses) == 1 else 'the copies'}"
            f" {_between(whole)} ({whole.confidence} confidence)."
        )
        if none := sum(without_estimate(courses).values()):
            says += f" {count_of(none, 'server')} still to copy have no estimate."
    elif done < len(courses):
        says += " No estimate of the end."
    if stuck := [course.server for course in courses if course.moves.verdict == "stuck"]:
        says += f" Stuck: {names_of(stuck)}."
    if deadline:
        says += f" Deadline {iso(deadline)}: {_deadline_words(courses, deadline)}."
    return says


def _where(course: Course) -> str:
    """Where one server is, in words."""
    if course.server.phase == "replicating":
        return "is in the full copy"
    past = " and past the full copy" if course.copied else ""
    return f"is {course.server.phase.replace('_', ' ')}{past}"


def _between(eta: Eta) -> str:
    if eta.earliest is None:
        return f"at the latest {iso(eta.latest)}, how soon is not known"
    return f"between {iso(eta.earliest)} and {iso(eta.latest)}"


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
                "returns when something happens; estimates improve with time",
            )
        )
    if courses and all(course.copied for course in courses):
        actions.append(
            Action("check_cutover_readiness", where, "all full copies are done: what may launch")
        )
    return actions


def _listed_limit(server: Server) -> Limits | None:
    """The one limit that lists carry; None where it says nothing, for there may be others."""
    limit = server.task.speed_limit if server.task else None
    return steady(limit) if limit else None


async def _series(desk: Desk, fleet: Fleet) -> Mapping[str, Sequence[Sample]]:
    """The samples of the servers in which something may move, up to this reading."""
    moving = [server.id for server in fleet.servers if server.phase in RUNNING and server.id]
    many = sum(map(may_have_eta, fleet.servers)) > _MANY
    since = fleet.observed_at - (_LOOK_BACK_MANY if many else LOOK_BACK)
    return await Samples(desk).series_of(moving, since, until=fleet.observed_at)


async def _company(
    desk: Desk, fleet: Fleet, samples: Mapping[str, Sequence[Sample]], *, everything: bool
) -> Mapping[str, Company]:
    """By server in its full copy: whether it depends on the other copies of the account."""
    copying = [server.id for server in fleet.servers if may_have_eta(server)]
    if len(copying) > MOST_COMPARED:
        return dict.fromkeys(copying, Company("untold", len(copying) - 1))
    since, memory = fleet.observed_at - LOOK_BACK, Samples(desk)
    gone = set(await memory.copying_since(since)) - set(copying)
    before = await memory.series_of(sorted(gone)[:MOST_COMPARED], since, until=fleet.observed_at)
    others = {each: samples[each] for each in copying if each in samples} | dict(before)
    complete = everything and len(gone) <= MOST_COMPARED
    to_come = any(server.phase in _MAY_BEGIN for server in fleet.servers)
    return {
        each: company_of(
            samples.get(each, ()),
            [series for other, series in others.items() if other != each],
            everything=complete,
            to_come=to_come,
        )
        for each in copying
    }
