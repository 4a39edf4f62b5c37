"""The drawings of a report: which belong to it, and the numbers that go into each.

Numbers are those of the answers (``diagnosis.picture``), so that a drawing and the table beneath it
cannot disagree. What could not be read is said under the drawing that lacks it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sms_tools.diagnosis.course import Course
from sms_tools.diagnosis.eta import Eta
from sms_tools.diagnosis.failures import Failures
from sms_tools.diagnosis.picture import Reading
from sms_tools.diagnosis.progress import Progress
from sms_tools.diagnosis.readiness import Readings
from sms_tools.drawing import charts
from sms_tools.drawing.document import Figure
from sms_tools.fleet.launching import Night
from sms_tools.fleet.reading import Fleet
from sms_tools.fleet.samples import Sample
from sms_tools.knowledge import PHASES
from sms_tools.wording import count_of, iso

_RANGES: Final = 30
_CAUSES: Final = 20
_GRID: Final = 30
"""Rows of one grid, so that it fits on a page."""
_GRIDS: Final = 8
_DEEDS: Final = 2_000


def figures_of(reading: Reading | None, verdicts: Mapping[str, int]) -> Sequence[Figure]:
    """The drawings of what was read; of an assessment, whose *verdicts* are counted, without it."""
    match reading:
        case Progress():
            return of_progress(reading)
        case Failures():
            return of_failures(reading)
        case Readings():
            return of_readiness(reading)
        case _:
            return of_assessment(verdicts)


def of_progress(read: Progress) -> Sequence[Figure]:
    """Phases, bytes over time with the estimate's fan, each copy's range, how estimates did."""
    figures = _phases(read.fleet)
    running = [course for course in read.courses if isinstance(course.eta, Eta)]
    if running:
        figures.append(_copied(running, read.samples, len(_without(read.courses))))
        figures.append(_ranges(running, read.fleet.observed_at))
    scores = read.record
    if scores.by_confidence or scores.open:
        rows = [(name, each.ended, each.inside) for name, each in scores.by_confidence.items()]
        says = "An estimate that ended between two readings, across its own bound, is not counted."
        figures.append(Figure("How earlier estimates did", charts.record(rows, scores.open), says))
    return figures


def of_failures(read: Failures) -> Sequence[Figure]:
    """Phases, and failures by cause."""
    figures = _phases(read.fleet)
    if not read.groups:
        return figures
    rows = []
    for each in read.groups[:_CAUSES]:
        known = each.knowledge()
        who = {"api": "a call", "source": "on the source", "console": "on the console"}
        says = who.get(known.actor, "support") if known else "who acts: not known"
        again = known.full_copy_again if known else None
        says += "; copies all again" if again else "; keeps its copy" if again is False else ""
        rows.append((", ".join(each.codes[:2]) or "no code", len(each.servers), says))
    left = len(read.groups) - len(rows)
    more = f"{count_of(left, 'cause')} with fewer servers are in the table alone." if left else ""
    return [*figures, Figure("Failures by cause", charts.bars("Failures by cause", rows), more)]


def of_readiness(read: Readings) -> Sequence[Figure]:
    """The grid of gates, and the night of launches."""
    figures = _phases(read.fleet)
    judged = sorted(
        read.judged,
        key=lambda each: (
            -sum(finding.verdict == "pass" for finding in each.gates.findings.values())
        ),
    )
    names = list(judged[0].gates.findings) if judged else []
    rows = [
        (each.server.name, each.gates.verdict, [f.verdict for f in each.gates.findings.values()])
        for each in judged
    ]
    shown = rows[: _GRID * _GRIDS]
    for begin in range(0, len(shown), _GRID):
        part = shown[begin : begin + _GRID]
        title = "Gates before a launch" if begin == 0 else "Gates before a launch, continued"
        says = "✓ passes, ✕ fails, ? is unknown. One unknown gate means not confirmed, never ready."
        if begin + _GRID >= len(shown) and len(rows) > len(shown):
            says += f" {len(rows) - len(shown)} more are in the table alone."
        figures.append(Figure(title, charts.gates(names, part), says))
    if read.night:
        figures.append(_night(read.night))
    return figures


def of_assessment(verdicts: Mapping[str, int]) -> Sequence[Figure]:
    """How many servers can be migrated as they are, and how many not."""
    words = {
        "go": "can be migrated as it is",
        "repair_first": "something has to be repaired first",
        "other_method": "needs another method",
        "unknown": "not enough was read",
    }
    rows = [
        (verdict.replace("_", " "), verdicts[verdict], words.get(verdict, ""))
        for verdict in sorted(verdicts, key=lambda each: list(words).index(each))
    ]
    return [Figure("Verdicts", charts.bars("Verdicts", rows))] if rows else ()


def of_record(entries: Sequence[Mapping[str, Any]]) -> Sequence[Figure]:
    """What was done and what was held back, over time."""
    found = [deed for entry in entries[-_DEEDS:] if (deed := _deed(entry))]
    if not found:
        return ()
    says = "✓ done, ✕ failed, ‖ held back, refused or waiting for a person."
    return [Figure("What was done, and when", charts.deeds(found), says)]


def _deed(entry: Mapping[str, Any]) -> charts.Deed | None:
    event, tool = entry.get("event"), entry.get("tool")
    if not tool or event == "call":  # its outcome follows
        return None
    try:
        at = datetime.fromisoformat(str(entry.get("time")))
    except ValueError:
        return None
    if event == "outcome":
        return charts.Deed(at, str(tool), "done" if entry.get("outcome") == "done" else "failed")
    return charts.Deed(at, str(tool), "held")


def _phases(fleet: Fleet) -> list[Figure]:
    counts = Counter(server.phase for server in fleet.servers)
    if not counts:
        return []
    return [Figure("Phases", charts.phases({phase: counts[phase] for phase in PHASES}))]  # type: ignore[index]


def _without(courses: Sequence[Course]) -> Sequence[Course]:
    return [each for each in courses if not each.copied and not isinstance(each.eta, Eta)]


def _copied(
    running: Sequence[Course], samples: Mapping[str, Sequence[Sample]], without: int
) -> Figure:
    """The sum over the copies that have an estimate, where all of them were seen together."""
    title = "Copied over time, and where the estimate leads"
    series = {
        each.server.id: _of_this_copy(each, samples.get(each.server.id, ())) for each in running
    }
    together = sorted(set.intersection(*(set(each) for each in series.values())))
    says = f"Of {count_of(len(running), 'copy', 'copies')} with an estimate."
    if without:
        says += f" {count_of(without, 'server')} still to copy have none and are not in it."
    if len(together) < 2:
        says += " They were read together only once, so there is nothing to draw yet."
        return Figure(title, "", says)
    points = [(at, sum(each[at] for each in series.values())) for at in together]
    ends = [each.eta for each in running if isinstance(each.eta, Eta)]
    known = [each.earliest for each in ends if each.earliest]
    latest = max(each.latest for each in ends)
    drawn = charts.Copied(
        points,
        total=sum(each.server.total_bytes or 0 for each in running),
        earliest=max(known) if len(known) == len(ends) else None,
        latest=latest,
    )
    first = iso(drawn.earliest) if drawn.earliest else "an unknown time"
    says += f" The fan leads to the end of the slowest: from {first} to {iso(latest)}."
    return Figure(title, charts.copied(drawn), says)


def _of_this_copy(course: Course, samples: Sequence[Sample]) -> Mapping[datetime, int]:
    task = course.server.task_id
    return {
        each.at: each.done_bytes
        for each in samples
        if each.task_id == task and each.done_bytes is not None
    }


def _ranges(running: Sequence[Course], now: datetime) -> Figure:
    found = sorted(
        (
            charts.Range(each.server.name, each.eta.earliest, each.eta.latest, each.eta.confidence)
            for each in running
            if isinstance(each.eta, Eta)
        ),
        key=lambda each: each.latest,
        reverse=True,
    )
    shown = found[:_RANGES]
    says = "Filled: high confidence; light: medium; dashed: low."
    if len(found) > len(shown):
        says += f" The {len(shown)} that end last; {len(found) - len(shown)} more are in the table."
    return Figure("When each full copy ends", charts.ranges(shown, now, None), says)


def _night(night: Night) -> Figure:
    def launch(server_id: str, name: str) -> charts.Launch:
        time = night.times[server_id]
        latest = None if time.latest is None else time.latest.total_seconds() / 60
        return charts.Launch(name, time.earliest.total_seconds() / 60, latest)

    batches = [[launch(each.id, each.name) for each in batch] for batch in night.batches]
    says = (
        "From the first launch call, batch after batch: solid at the least, dashed at the most. "
        "Stopping applications, a verification, tests and the switch of DNS are not included."
    )
    return Figure("The launch night", charts.night(batches, None), says)
