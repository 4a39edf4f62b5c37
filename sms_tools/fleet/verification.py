"""Judging consistency verifications, and reading them for many servers.

`success` says that a verification ran; what it found stands in its numbers. What counts is the
latest run, and only if nothing was copied after it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from sms_tools.errors import SmsToolsError
from sms_tools.fleet.desk import Desk
from sms_tools.fleet.keeping import Reading, known, read_each
from sms_tools.fleet.reading import Server
from sms_tools.fleet.server import in_order
from sms_tools.knowledge import sub_task_kind
from sms_tools.knowledge.facts import CONSISTENCY_MAX_FILES
from sms_tools.moment import from_milliseconds
from sms_tools.operation import Operation
from sms_tools.operations.tasks import (
    ConsistencyResults,
    GetConsistencyResults,
    GetMigrationTask,
    MigrationTask,
)
from sms_tools.operations.tasks.records import ConsistencyRun, DirectoryConsistency
from sms_tools.text import one_line
from sms_tools.wording import count_of, iso

Verdict = Literal["clean", "warning", "inconsistent", "partial", "stale", "never", "unreadable"]
VERDICTS: Final[tuple[Verdict, ...]] = (
    *("inconsistent", "unreadable", "stale", "partial"),
    *("never", "warning", "clean"),
)
"""Worst first."""

_DUE_STAGES: Final = frozenset({"syncing", "cutovering", "cutovered"})
_DUE_PHASES: Final = frozenset({"syncing", "cloning", "cutting_over", "finished"})


@dataclass(frozen=True, slots=True)
class Directory:
    """How the files of one directory compare. None: the service gave no number."""

    path: str
    total: int | None
    different: int | None
    missing: int | None
    more: int | None

    @property
    def verdict(self) -> Verdict:
        """What this directory alone says, whatever its age."""
        if (self.different or 0) > 0 or (self.missing or 0) > 0:
            return "inconsistent"
        numbers = (self.different, self.missing, self.more)
        # Passes only with every number there: a number that is missing or odd proves nothing.
        if self.total is None or any(number is None or number < 0 for number in numbers):
            return "partial"
        if not 0 < self.total < CONSISTENCY_MAX_FILES:
            return "partial"
        return "warning" if self.more else "clean"

    def as_data(self) -> dict[str, Any]:
        """The directory as it stands in an answer."""
        return {
            "directory": one_line(self.path, 160),
            "files": self.total,
            "different": self.different,
            "missing": self.missing,
            "extra": self.more,
            "verdict": self.verdict,
        }


@dataclass(frozen=True, slots=True)
class Consistency:
    """What is known of the consistency of one server's copy."""

    verdict: Verdict
    why: str
    verified_at: datetime | None = None
    copied_at: datetime | None = None
    """When the last copy or synchronisation ended; None if nobody knows."""
    directories: Sequence[Directory] = ()
    read_at: datetime | None = None
    """When this was read; None where no reading was needed to know it."""
    unread: str = ""
    """The operation that could not be read, where one could not."""

    def when(self) -> str:
        """When it was verified, in a person's words; empty where nobody says."""
        return f"{self.verified_at:%Y-%m-%d %H:%M} UTC" if self.verified_at else ""

    def directory_names(self) -> Sequence[str]:
        """The directories that were verified, cleaned."""
        return [one_line(each.path, 160) for each in self.directories]

    def as_data(self) -> dict[str, Any]:
        """Verdict, reason and times."""
        return {
            "verdict": self.verdict,
            "why": self.why,
            **({"verified_at": iso(self.verified_at)} if self.verified_at else {}),
            **({"last_copied_at": iso(self.copied_at)} if self.copied_at else {}),
            **({"read_at": iso(self.read_at)} if self.read_at else {}),
        }


def judge(results: ConsistencyResults, copied_at: datetime | None, now: datetime) -> Consistency:
    """What the latest run of *results* says about a copy that last changed at *copied_at*.

    Times are the Agent's own: one that lies after *now* proves nothing, whatever it says.
    """
    runs = results.result_list or []
    if not runs:
        return Consistency("never", "There is no verification.", copied_at=copied_at)
    run = max(runs, key=lambda each: each.finished_time or 0)
    verified_at = from_milliseconds(run.finished_time)
    directories = [_directory(each) for each in run.consistency_result or []]
    verdict, why = _found(run, directories)
    ahead = _ahead(verified_at, copied_at, now)
    if ahead and verdict != "inconsistent":
        why = f"Whether it still holds cannot be told: {ahead} {why}"
        verdict = "unreadable"
    elif verified_at and copied_at and verified_at < copied_at:
        why = f"It is older than the last synchronisation. At that time: {why}"
        verdict = "stale"
    elif verdict != "inconsistent" and (verified_at is None or copied_at is None):
        missing = "when it ran" if verified_at is None else "when data was last copied"
        why = f"Whether it still holds is unknown: there is no {missing}. {why}"
        verdict = "unreadable"
    return Consistency(verdict, why, verified_at, copied_at, directories)


CLOCK_TOLERANCE: Final = timedelta(minutes=15)
"""By so much may two clocks differ before a time between them says nothing."""


def _ahead(verified_at: datetime | None, copied_at: datetime | None, now: datetime) -> str:
    """Which time lies in the future; empty where none does."""
    for at, what in ((verified_at, "the verification"), (copied_at, "the last synchronisation")):
        if at and at > now + CLOCK_TOLERANCE:
            return (
                f"the time of {what}, {at:%Y-%m-%d %H:%M} UTC, is in the future, so the clock of "
                "the source server or its Agent is ahead."
            )
    return ""


def _directory(each: DirectoryConsistency) -> Directory:
    return Directory(
        path=each.dir_check or "",
        total=each.num_total_files,
        different=each.num_different_files,
        missing=each.num_target_miss_files,
        more=each.num_target_more_files,
    )


def _found(run: ConsistencyRun, directories: Sequence[Directory]) -> tuple[Verdict, str]:
    """Verdict and reason of one run, whatever its age."""
    different = sum(max(0, each.different or 0) for each in directories)
    missing = sum(max(0, each.missing or 0) for each in directories)
    said = (run.check_result or "").strip().lower()
    if different or missing:
        return "inconsistent", f"{different} files differ, {missing} are missing on the target."
    if said and said != "success":
        return "inconsistent", f"The verification ended with {one_line(said, 40)!r}, not success."
    if not directories or not said:
        lacks = "names no directory" if not directories else "does not say how it ended"
        return "partial", f"The verification {lacks}."
    if any(each.verdict == "partial" for each in directories):
        return "partial", _why_partial(directories)
    if more := sum(each.more or 0 for each in directories):
        return "warning", f"Nothing differs; {more} files are on the target only."
    total = sum(each.total or 0 for each in directories)
    return "clean", f"{total} files in {len(directories)} directories agree in size and time."


def _why_partial(directories: Sequence[Directory]) -> str:
    empty = sum(each.total == 0 for each in directories)
    capped = sum((each.total or 0) >= CONSISTENCY_MAX_FILES for each in directories)
    unknown = len([each for each in directories if each.verdict == "partial"]) - empty - capped
    parts = [
        f"{empty} with 0 files compared (path missing or empty)" if empty else "",
        f"{capped} at the cap of {CONSISTENCY_MAX_FILES:,} files" if capped else "",
        f"{unknown} without usable numbers" if unknown else "",
    ]
    return f"Directories not compared completely: {', '.join(filter(None, parts))}."


def is_due(server: Server) -> bool:
    """Whether its full copy is done, so that a verification can be expected of it."""
    if server.phase in _DUE_PHASES:
        return True
    return server.phase != "unknown" and (server.stage or "").lower() in _DUE_STAGES


def copied_at(*tasks: MigrationTask | None) -> datetime | None:
    """When the last sub-task that moved data ended, from the first of *tasks* that tells."""
    for task in tasks:
        ends = [
            step.end_date
            for step in in_order(task)
            if step.end_date and sub_task_kind(step.name) in ("copy", "sync")
        ]
        if ends:
            return from_milliseconds(max(ends))
    return None


async def read_consistency(
    desk: Desk, servers: Sequence[Server], *, since: float | None
) -> Mapping[str, Consistency]:
    """The consistency of each of *servers* that has a task or a verification, by server id.

    One request per server with results, and one more where the list leaves out its sub-tasks.
    What was read in the last ten minutes serves for tasks that have not moved; a newer run that
    changed nothing else in the lists may be missed, so its reading time is told. With *since*,
    when the question was asked by ``desk.elapsed``, nothing serves that was begun earlier.
    """
    may_have = [s for s in servers if _may_have(s)]
    undated = [s for s in may_have if copied_at(s.task) is None]
    wanted: list[tuple[Server, Operation[Any]]] = [
        *((s, GetConsistencyResults(task_id=s.task_id or "")) for s in may_have),
        *((s, GetMigrationTask(task_id=s.task_id or "")) for s in undated),
    ]
    read = await read_each(desk, wanted, since=since)
    details = {s.id: each for s, each in zip(undated, read[len(may_have) :], strict=True)}
    found = {s.id: _never(s) for s in servers if not _may_have(s)}
    for server, results in zip(may_have, read, strict=False):
        found[server.id] = _judged(server, results, details.get(server.id), desk.now())
    return found


def known_consistency(desk: Desk, servers: Sequence[Server]) -> Mapping[str, Consistency]:
    """What :func:`read_consistency` can tell without a request, by server id.

    Those that have no result, and those read within ten minutes whose tasks have not moved.
    """
    found: dict[str, Consistency] = {}
    for server in servers:
        if not _may_have(server):
            found[server.id] = _never(server)
            continue
        results = known(desk, server, GetConsistencyResults(task_id=server.task_id or ""))
        detail = known(desk, server, GetMigrationTask(task_id=server.task_id or ""))
        if results and (detail or copied_at(server.task)):
            found[server.id] = _judged(server, results, detail, desk.now())
    return found


def _may_have(server: Server) -> bool:
    """Whether there may be a verification of it."""
    return bool(server.task_id) and _has_results(server) is not False


def _judged(
    server: Server, results: Reading[Any], detail: Reading[Any] | None, now: datetime
) -> Consistency:
    task = detail.reply if detail else None
    copied = copied_at(server.task, None if isinstance(task, SmsToolsError) else task)
    if isinstance(results.reply, SmsToolsError):
        why = f"The results could not be read: {one_line(str(results.reply), 160)}"
        unread = "get_consistency_results"
        return Consistency("unreadable", why, copied_at=copied, unread=unread)
    unread = "get_migration_task" if isinstance(task, SmsToolsError) else ""
    return replace(judge(results.reply, copied, now), read_at=results.at, unread=unread)


def unread_in(found: Iterable[Consistency]) -> Sequence[str]:
    """What of *found* could not be read, as answers say it."""
    counts = Counter(each.unread for each in found if each.unread)
    missing = {"get_consistency_results": "the verification", "get_migration_task": "the last copy"}
    return [
        f"{operation}: of {count_of(count, 'server')} {missing[operation]} could not be read."
        for operation, count in sorted(counts.items())
    ]


def _has_results(server: Server) -> bool | None:
    return server.source.is_consistency_result_exist if server.source else None


def _never(server: Server) -> Consistency:
    why = "There is no verification." if server.task_id else "There is no task to verify."
    return Consistency("never", why, copied_at=copied_at(server.task))
