"""What a picture of the fleet is drawn from: the reading of an answer, and what is known beside it.

Board and report draw the same: each server with its course, its verification, its gates and what
it needs of a person. Nothing is judged here that an answer does not judge; what was not read stays
None and is drawn as unknown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, TypeAlias

from sms_tools.diagnosis.causes import Group, failures_of, group
from sms_tools.diagnosis.course import Course
from sms_tools.diagnosis.eta import Eta
from sms_tools.diagnosis.failures import Failures, SummarizeFailedServers
from sms_tools.diagnosis.movement import RUNNING
from sms_tools.diagnosis.overview import MigrationOverview, Overview, is_lost
from sms_tools.diagnosis.progress import Progress, SummarizeProgress
from sms_tools.diagnosis.readiness import CheckCutoverReadiness, Readings
from sms_tools.errors import SmsToolsError
from sms_tools.fleet.desk import Desk
from sms_tools.fleet.gates import Gates
from sms_tools.fleet.membership import with_waves
from sms_tools.fleet.readiness import may_go
from sms_tools.fleet.reading import Fleet
from sms_tools.fleet.samples import Sample
from sms_tools.fleet.server import Server
from sms_tools.fleet.verification import Consistency, known_consistency

Drawn: TypeAlias = (
    MigrationOverview | SummarizeProgress | SummarizeFailedServers | CheckCutoverReadiness
)
"""The questions whose answers have a picture."""
Reading: TypeAlias = Overview | Progress | Failures | Readings

NEEDS: Final = (
    *("failed", "paused_by_an_error", "stuck", "agent_offline", "not_fit", "rehearsal_failed"),
    *("misses_the_deadline", "gate_fails", "inconsistent", "not_converging", "phase_unknown"),
    *("perhaps_stuck", "may_miss_the_deadline", "gate_unknown", "throttled"),
)
"""What a server may need a person for, the most urgent first."""
_BY_PACE: Final[Mapping[str, str]] = {
    "stuck": "stuck",
    "suspect": "perhaps_stuck",
    "not_converging": "not_converging",
    "throttled": "throttled",
}
_SEEN_OFTEN: Final = 3
"""From so many samples on, what looks stuck is worth a look."""
_BY_GATES: Final[Mapping[str, str]] = {
    "not_ready": "gate_fails",
    "not_confirmed": "gate_unknown",
}
_BY_FIT: Final[Mapping[str, str]] = {
    "misses": "misses_the_deadline",
    "tight": "may_miss_the_deadline",
}


@dataclass(frozen=True, slots=True)
class Subject:
    """One server in the picture."""

    server: Server
    needs: str | None
    """One of :data:`NEEDS`; None where nothing is known that asks for a person."""
    course: Course | None = None
    """None where progress could not be read."""
    samples: Sequence[Sample] = ()
    consistency: Consistency | None = None
    """None where nobody has looked."""
    gates: Gates | None = None
    """None where readiness was not asked for, or it is launched."""

    @property
    def rank(self) -> tuple[int, float, str]:
        """By what needs a person, then what takes longest, then what has no estimate."""
        urgency = NEEDS.index(self.needs) if self.needs else len(NEEDS)
        eta = self.course.eta if self.course else None
        late = -eta.latest.timestamp() if isinstance(eta, Eta) else 0
        done = 1 if self.server.phase == "finished" else 0
        return (urgency + done, late, self.server.name)


@dataclass(frozen=True)
class Picture:
    """A fleet at one moment."""

    tool: str
    fleet: Fleet
    subjects: Sequence[Subject]
    """What needs a person first."""
    groups: Sequence[Group] = ()
    progress: Progress | None = None
    deadline: datetime | None = None
    judged: bool = False
    """Whether readiness was asked for, so that gates are there."""
    launch: str | None = None
    """How long the launches of those that may be ready take, in a sentence."""
    gaps: Sequence[str] = field(default=())
    """What could not be read for the picture alone: the answer names its own gaps."""

    @property
    def observed_at(self) -> datetime:
        """When it was read."""
        return self.fleet.observed_at


async def answered(question: Drawn, desk: Desk) -> tuple[dict[str, Any], Picture]:
    """The answer to *question* and the picture that belongs to it, from one reading."""
    match question:
        case MigrationOverview():
            overview = await question.read(desk)
            return question.told(overview), await picture_of(question, overview, desk)
        case SummarizeProgress():
            progress = await question.read(desk)
            return question.told(progress), await picture_of(question, progress, desk)
        case SummarizeFailedServers():
            failures = await question.read(desk)
            return question.told(failures), await picture_of(question, failures, desk)
        case CheckCutoverReadiness():
            readings = await question.read(desk)
            return question.told(readings), await picture_of(question, readings, desk)


async def picture_of(question: Drawn, reading: Reading, desk: Desk) -> Picture:
    """The picture that belongs to the answer which *question* gives from *reading*.

    Estimates are those of ``summarize_progress``, so that no two pictures differ in them; waves
    are read as with ``detail=full``. What cannot be read for the picture is said in its gaps.
    """
    gaps: list[str] = []
    fleet = reading.fleet
    progress = reading if isinstance(reading, Progress) else None
    if progress is None:
        try:
            asked = SummarizeProgress(servers=question.servers, project=question.project)
            progress = await asked.read(desk)
        except SmsToolsError as error:
            gaps.append(f"summarize_progress: rates and estimates could not be read ({error}).")
    waved = await with_waves(desk, fleet)
    gaps += [gap for gap in waved.incomplete if gap not in fleet.incomplete]
    groups = reading.groups if isinstance(reading, Failures) else group(failures_of(fleet, ()), {})
    deadline = question.deadline if isinstance(question, SummarizeProgress) else None
    launch = None
    if isinstance(question, CheckCutoverReadiness) and isinstance(reading, Readings):
        launch = reading.night.says(question.deadline, reading.at) if reading.night else None
    return Picture(
        tool=question.__tool__,
        fleet=fleet,
        subjects=_subjects(waved, reading, progress, groups, deadline, desk),
        groups=groups,
        progress=progress,
        deadline=deadline,
        judged=isinstance(reading, Readings),
        launch=launch,
        gaps=gaps,
    )


def _subjects(
    fleet: Fleet,
    reading: Reading,
    progress: Progress | None,
    groups: Sequence[Group],
    deadline: datetime | None,
    desk: Desk,
) -> Sequence[Subject]:
    consistency = dict(known_consistency(desk, fleet.servers))
    gates: Mapping[str, Gates] = {}
    if isinstance(reading, Readings):
        consistency |= reading.consistency
        gates = {each.server.id: each.gates for each in reading.judged}
    courses = {each.server.id: each for each in progress.courses} if progress else {}
    samples = progress.samples if progress else {}
    having = {server.id: each for each in groups for server in each.servers}
    bare = [
        Subject(
            server,
            needs=_of_phase(server, having.get(server.id)),
            course=courses.get(server.id),
            samples=samples.get(server.id, ()),
            consistency=consistency.get(server.id),
            gates=gates.get(server.id),
        )
        for server in fleet.servers
    ]
    found = [replace(each, needs=_needs(each, deadline)) for each in bare]
    return sorted(found, key=lambda each: each.rank)


def _needs(subject: Subject, deadline: datetime | None) -> str | None:
    """What most urgently asks for a person, of all that is known of *subject*."""
    server, course = subject.server, subject.course
    found = {subject.needs, "agent_offline" if is_lost(server) else None}
    if course and server.phase in RUNNING:
        pace = _BY_PACE.get(course.moves.verdict)
        found.add(None if pace == "perhaps_stuck" and not _seen_often(subject) else pace)
    if course and deadline:
        found.add(_BY_FIT.get(course.fit(deadline)))
    if subject.consistency and subject.consistency.verdict == "inconsistent":
        found.add("inconsistent")
    if subject.gates and may_go(server):
        found.add(_BY_GATES.get(subject.gates.verdict))
    return next((need for need in NEEDS if need in found), None)


def _seen_often(subject: Subject) -> bool:
    return len(subject.samples) >= _SEEN_OFTEN


def _of_phase(server: Server, failed: Group | None) -> str | None:
    match server.phase:
        case "failed":
            return "failed"
        case "unavailable":
            return "not_fit"
        case "unknown":
            return "phase_unknown"
        case "paused" if failed:
            return "paused_by_an_error"
        case _ if failed:
            return "rehearsal_failed" if server.clone_error else "failed"
        case _:
            return None
