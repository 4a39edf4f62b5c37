"""``summarize_consistency_results``: are the copies consistent?"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sms_tools.diagnosis.answer import NONE_READ, Action, Draft
from sms_tools.diagnosis.naming import names_of
from sms_tools.diagnosis.question import FleetQuestion, scope
from sms_tools.fleet.desk import Desk
from sms_tools.fleet.membership import with_waves
from sms_tools.fleet.reading import Fleet, Server, read_fleet
from sms_tools.fleet.verification import (
    VERDICTS,
    Consistency,
    Directory,
    is_due,
    read_consistency,
    unread_in,
)
from sms_tools.knowledge.facts import CONSISTENCY_NOT_PROVED
from sms_tools.text import one_line
from sms_tools.wording import count_of, listed

_DIRECTORIES: Final = 3
_FULL_DIRECTORIES: Final = 50
_WORST_DIRECTORIES: Final = 8


class SummarizeConsistencyResults(FleetQuestion):
    """Is the data on the targets complete and the same as on the sources, or are files missing,
    lost, damaged or different (一致性, 是否一致, 数据有没有丢)? Can the copy be trusted? Judges the
    latest verification of each server: clean, warning (only extra files), inconsistent, partial
    (nothing compared, or the cap of files reached), stale (older than the last synchronisation),
    never or unreadable; by directory, and what the check does not prove.
    """

    async def answer(self, desk: Desk) -> dict[str, Any]:
        """Verdicts by server, worst first, and the directories that cause them."""
        since = None if self.servers is None else desk.elapsed()
        fleet = await read_fleet(desk, project=self.project, servers=self.servers)
        fleet = await with_waves(desk, fleet, everything=self.detail == "full")
        verifiable = [s for s in fleet.servers if is_due(s) or _has_results(s)]
        found = await read_consistency(desk, verifiable, since=since)
        judged = [Judged(server, found[server.id]) for server in verifiable]
        judged.sort(key=lambda each: (VERDICTS.index(each.result.verdict), each.server.name))
        return self._told(fleet, judged)

    def _told(self, fleet: Fleet, judged: Sequence["Judged"]) -> dict[str, Any]:
        full = self.detail == "full"
        verdicts: Counter[str] = Counter(each.result.verdict for each in judged)
        not_due = len(fleet.servers) - len(judged)
        draft = Draft(
            summary=_summary(fleet, judged, verdicts),
            observed_at=fleet.observed_at,
            data={},
            actions=_actions(self, judged),
            incomplete=[*fleet.incomplete, *_unread(judged)],
        )
        if fleet.project:
            draft.data["project"] = {"name": fleet.project.name, "id": fleet.project.id}
        draft.data |= {
            "server_count": fleet.count,
            "verdicts": {verdict: verdicts[verdict] for verdict in VERDICTS},
            "copy_not_done_yet": not_due if fleet.count is not None else None,
        }
        draft.data["directories"] = draft.part(
            "directories", by_directory(judged), 100 if full else _WORST_DIRECTORIES, "detail=full"
        )
        draft.data["servers"] = draft.page(
            "servers",
            [each.as_data() for each in judged],
            limit=self.limit,
            offset=self.offset,
            full=full,
        )
        shown = judged[self.offset :]
        for row, each in zip(draft.data["servers"], shown, strict=False):
            if directories := each.shown_directories(full=full):
                row["directories"] = draft.part(
                    "directories of a server",
                    directories,
                    _FULL_DIRECTORIES if full else _DIRECTORIES,
                    "detail=full, or get_consistency_results",
                    inside=row,
                )
        draft.data["not_proved"] = list(CONSISTENCY_NOT_PROVED)
        return draft.fit(offset=self.offset, full=full)


@dataclass(frozen=True, slots=True)
class Judged:
    """A server and what its verification is worth."""

    server: Server
    result: Consistency

    def as_data(self) -> dict[str, Any]:
        """The row of this server, without its directories."""
        return {
            **self.server.as_data(),
            "phase": self.server.phase,
            **self.result.as_data(),
            "task_id": self.server.task_id,
        }

    def shown_directories(self, *, full: bool) -> Sequence[dict[str, Any]]:
        """Its directories, worst first; without *full* only those that are not clean."""
        worst = sorted(self.result.directories, key=_badness)
        return [each.as_data() for each in worst if full or each.verdict != "clean"]


def by_directory(judged: Sequence[Judged]) -> Sequence[dict[str, Any]]:
    """The directories that are not clean in the latest runs, over all servers, worst first."""
    found: dict[str, list[tuple[Server, Directory]]] = {}
    for each in judged:
        for directory in each.result.directories:
            if directory.verdict != "clean":
                found.setdefault(directory.path, []).append((each.server, directory))
    rows = [_directory_row(path, places) for path, places in found.items()]
    return sorted(rows, key=lambda row: (VERDICTS.index(row["verdict"]), -row["servers"]))


def _directory_row(path: str, places: Sequence[tuple[Server, Directory]]) -> dict[str, Any]:
    directories = [directory for _, directory in places]
    return {
        "directory": one_line(path, 160),
        "verdict": min((each.verdict for each in directories), key=VERDICTS.index),
        "servers": len({server.id for server, _ in places}),
        "different": sum(each.different or 0 for each in directories),
        "missing": sum(each.missing or 0 for each in directories),
        "extra": sum(each.more or 0 for each in directories),
    }


def _badness(directory: Directory) -> tuple[int, int]:
    files = (directory.different or 0) + (directory.missing or 0)
    return (VERDICTS.index(directory.verdict), -files)


def _has_results(server: Server) -> bool:
    return bool(server.source and server.source.is_consistency_result_exist)


def _unread(judged: Sequence[Judged]) -> Sequence[str]:
    """What of the reading failed."""
    odd = [e for e in judged if e.result.verdict == "unreadable" and not e.result.unread]
    undated = [each for each in odd if not each.result.verified_at]
    said = [*unread_in(each.result for each in judged)]
    if undated:
        of = count_of(len(undated), "server")
        said.append(f"get_consistency_results: of {of} nothing usable came.")
    return said


def _summary(fleet: Fleet, judged: Sequence[Judged], verdicts: Mapping[str, int]) -> str:
    not_due = len(fleet.servers) - len(judged)
    if not judged:
        if not not_due:
            return NONE_READ if fleet.problems else "There are no source servers here."
        return f"No copy can be judged: {count_of(not_due, 'server')} not copied yet."
    parts = [f"{verdicts[verdict]} {verdict}" for verdict in VERDICTS if verdicts[verdict]]
    says = f"Of {count_of(len(judged), 'server')} whose copy is done: {listed(parts)}."
    if worst := [each.server for each in judged if each.result.verdict == "inconsistent"]:
        says += f" Inconsistent: {names_of(worst)}."
    if not_due:
        says += f" {not_due} more are not copied yet."
    return says


def _actions(question: SummarizeConsistencyResults, judged: Sequence[Judged]) -> Sequence[Action]:
    actions = []
    worst = next((each for each in judged if each.result.verdict == "inconsistent"), None)
    if worst and worst.server.task_id:
        why = "all runs and directories of the first of the inconsistent ones"
        actions.append(Action("get_consistency_results", {"task_id": worst.server.task_id}, why))
    if any(each.server.phase == "syncing" for each in judged):
        why = "consistency is one of the gates before a launch; it shows the others"
        actions.append(Action("check_cutover_readiness", dict(scope(question)), why))
    return actions
