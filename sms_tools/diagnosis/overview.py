"""``migration_overview``: how is the migration going?"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sms_tools.diagnosis.answer import NONE_READ, Action, Draft
from sms_tools.diagnosis.causes import Group, failures_of, group
from sms_tools.diagnosis.question import FleetQuestion, scope
from sms_tools.errors import SmsToolsError
from sms_tools.fleet.desk import Desk
from sms_tools.fleet.membership import with_waves
from sms_tools.fleet.reading import Fleet, Server, read_fleet, service_counts, together
from sms_tools.knowledge import PHASES
from sms_tools.knowledge.states import normalize_state
from sms_tools.operations.source_servers import SourceServerOverview
from sms_tools.text import one_line
from sms_tools.wording import count_of, iso, listed, percent, size

_ACTIVE: Final = frozenset({"initializing", "replicating", "syncing", "cutting_over", "cloning"})
_NAMED: Final = 5
_WAVES: Final = 12
_TOP: Final = 6
_SAID: Final = (
    *("failed", "unavailable", "cutting_over", "cloning", "syncing", "replicating"),
    *("initializing", "paused", "waiting", "finished", "deleting", "unknown"),
)
_WORDS: Final = {
    "unavailable": "not fit to migrate",
    "cutting_over": "being launched",
    "cloning": "being cloned for a rehearsal",
    "syncing": "in continuous sync",
    "replicating": "in the full copy",
    "deleting": "being deleted",
    "unknown": "in an unknown phase",
}


class MigrationOverview(FleetQuestion):
    """Where do we stand (总体情况, 到哪一步)? How is the migration (the move to Huawei Cloud) going
    as a whole, and is there anything to worry about? A quick picture (status) of the fleet or one
    wave (project): how many servers are done, running or not started, bytes copied of the total,
    Agents offline, the biggest problems. Start here. For causes of failures use
    summarize_failed_servers, for times summarize_progress.
    """

    async def answer(self, desk: Desk) -> dict[str, Any]:
        """Counts by phase, bytes, problems, and whether the service counts the same."""
        return self.told(await self.read(desk))

    async def read(self, desk: Desk) -> "Overview":
        """What the answer is made of."""
        fleet, counts = await together(
            lambda: read_fleet(desk, project=self.project, servers=self.servers),
            lambda: self._own_counts(desk),
        )
        fleet = await with_waves(desk, fleet, everything=self.detail == "full")
        return Overview(fleet, counts)

    async def _own_counts(self, desk: Desk) -> SourceServerOverview | SmsToolsError | None:
        """What the service counts itself: of all servers, so not of a selection."""
        if self.project is not None or self.servers is not None:
            return None
        try:
            return await service_counts(desk)
        except SmsToolsError as error:
            return error

    def told(self, read: "Overview") -> dict[str, Any]:
        """The answer that *read* gives."""
        fleet, counts = read.fleet, read.counts
        problems = find_problems(fleet)
        copied = bytes_of(fleet.servers)
        phases = Counter(server.phase for server in fleet.servers)
        draft = Draft(
            summary=_summary(fleet, phases, copied, problems),
            observed_at=fleet.observed_at,
            data={},
            actions=_actions(self, fleet, phases, problems),
            incomplete=[*fleet.incomplete, *_uncounted(counts)],
        )
        if fleet.project:
            draft.data["project"] = {"name": fleet.project.name, "id": fleet.project.id}
        draft.data |= {
            "server_count": fleet.count,
            "phases": None if fleet.count is None else {phase: phases[phase] for phase in PHASES},  # type: ignore[index]
            "offline": None if fleet.count is None else sum(s.offline for s in fleet.servers),
            "bytes": copied.as_data(),
        }
        if waves := Counter(server.wave for server in fleet.servers if server.wave):
            named = {one_line(name, 60): count for name, count in waves.most_common(_WAVES)}
            draft.data["projects"] = named
        rows = [_problem_row(problem) for problem in problems]
        full = self.detail == "full"
        draft.data["problems"] = draft.part(
            "problems",
            rows,
            100 if full else _TOP,
            "detail=full; failures: summarize_failed_servers",
        )
        for row in draft.data["problems"]:
            everyone = row["servers"]
            row["servers"] = draft.part(
                "servers of a problem", everyone, 200 if full else _NAMED, "detail=full", inside=row
            )
        draft.data["service_overview"] = compare(fleet, counts)
        if full or self.limit or self.servers:
            servers = [_server_row(server) for server in fleet.servers]
            draft.data["servers"] = draft.page(
                "servers", servers, limit=self.limit, offset=self.offset, full=full
            )
        elif fleet.servers:
            draft.notes = ["one row per server: detail=full, with limit and offset"]
        return draft.fit(offset=self.offset, full=full)


@dataclass(frozen=True, slots=True)
class Overview:
    """The fleet, and what the service counts itself."""

    fleet: Fleet
    counts: SourceServerOverview | SmsToolsError | None = None


@dataclass(frozen=True, slots=True)
class Copied:
    """Bytes copied of the total, over the servers that have a total."""

    done: int
    total: int
    counted: int
    left_out: int

    def as_data(self) -> Mapping[str, int | None]:
        """The sums as they stand in an answer; without any total they are null, not 0."""
        return {
            "done_bytes": self.done if self.counted else None,
            "total_bytes": self.total if self.counted else None,
            "servers_counted": self.counted,
            "servers_without_a_total": self.left_out,
        }


def bytes_of(servers: Sequence[Server]) -> Copied:
    """The sums over those of *servers* for which the service gives both numbers."""
    sizes = [(s.done_bytes, s.total_bytes) for s in servers]
    known = [(done, total) for done, total in sizes if done is not None and total is not None]
    return Copied(
        done=sum(done for done, _ in known),
        total=sum(total for _, total in known),
        counted=len(known),
        left_out=len(servers) - len(known),
    )


@dataclass(frozen=True, slots=True)
class OverviewProblem:
    """Something that keeps servers from going on."""

    problem: str
    says: str
    servers: Sequence[Server]
    codes: Sequence[str] = ()


_RANK: Final = (
    *("failed", "paused_by_an_error", "unavailable", "offline"),
    *("rehearsal_failed", "phase_unknown"),
)


def find_problems(fleet: Fleet) -> Sequence[OverviewProblem]:
    """What is wrong in *fleet*: what stops most servers first, failures before anything else."""
    found = [_of_group(each) for each in group(failures_of(fleet, ()))]
    offline = [server for server in fleet.servers if is_lost(server)]
    unknown = [server for server in fleet.servers if server.phase == "unknown"]
    if offline:
        says = "The Agent is not connected although the migration is under way."
        found.append(OverviewProblem("offline", says, offline))
    if unknown:
        says = "What was read gives no phase, or contradicts itself."
        found.append(OverviewProblem("phase_unknown", says, unknown))
    return sorted(found, key=lambda each: (_RANK.index(each.problem), -len(each.servers)))


def is_lost(server: Server) -> bool:
    """Whether a migration that is under way has lost its Agent."""
    return server.offline and server.phase in _ACTIVE


def _of_group(each: Group) -> OverviewProblem:
    known = each.knowledge()
    says = known.cause if known else "No error code was read for these servers."
    phases = {server.phase for server in each.servers}
    if {failure.stage for failure in each.failures} == {"checking"}:
        problem = "unavailable"
    elif {failure.sub_task for failure in each.failures} == {"CLONE_VM"}:
        problem = "rehearsal_failed"
    else:
        problem = "paused_by_an_error" if phases == {"paused"} else "failed"
    return OverviewProblem(problem, says, each.servers, each.codes)


def _problem_row(problem: OverviewProblem) -> dict[str, Any]:
    return {
        "problem": problem.problem,
        **({"codes": list(problem.codes)} if problem.codes else {}),
        "count": len(problem.servers),
        "says": one_line(problem.says, 160),
        "servers": [server.as_data() for server in problem.servers],
    }


def _server_row(server: Server) -> dict[str, Any]:
    """One server in a line; what is not known is left out."""
    row = {
        **server.as_data(),
        "phase": server.phase,
        "offline": server.offline,
        "since": iso(server.state_since) if server.state_since else None,
        "done_bytes": server.done_bytes,
        "total_bytes": server.total_bytes,
        "sub_task": server.step_name,
        "code": server.error.code if server.error else None,
        "task_id": server.task_id,
    }
    return {key: value for key, value in row.items() if value is not None}


def compare(fleet: Fleet, counts: SourceServerOverview | SmsToolsError | None) -> Any:
    """Whether the service's own overview counts the same servers in the same states.

    ``agrees`` is null where that cannot be told: the overview knows no projects and no selection.
    """
    if counts is None:
        return {"agrees": None, "why": "the service's overview counts all servers, not a selection"}
    if isinstance(counts, SmsToolsError):
        return {"agrees": None, "why": f"could not be read: {one_line(str(counts), 160)}"}
    if not fleet.sources_read:
        return {"agrees": None, "why": "the source servers were not all read"}
    theirs = _states_of(counts)
    ours = Counter(normalize_state(server.state) or "(none)" for server in fleet.servers)
    differences = [
        f"{one_line(state, 40)}: the service counts {theirs[state]}, the list has {ours[state]}"
        for state in sorted({*theirs, *ours})
        if theirs[state] != ours[state]
    ]
    if not differences:
        return {"agrees": True, "servers": theirs.total()}
    return {
        "agrees": False,
        "servers": theirs.total(),
        "differences": differences[:_NAMED],
        "note": "Both were read at almost the same time; a server that changed its state in "
        "between is counted in both ways.",
    }


def _uncounted(counts: SourceServerOverview | SmsToolsError | None) -> Sequence[str]:
    if not isinstance(counts, SmsToolsError):
        return ()
    return [f"get_source_server_overview: could not be read ({one_line(str(counts), 160)})."]


def _states_of(counts: SourceServerOverview) -> Counter[str]:
    """The overview's counts by state; `unconfigured` is `waiting` without a target."""
    every = counts.model_dump(exclude_none=True)
    numbers = {key: value for key, value in every.items() if isinstance(value, int)}
    found = Counter({key: value for key, value in numbers.items() if value > 0})
    found["waiting"] += found.pop("unconfigured", 0)
    return +found


def _summary(
    fleet: Fleet,
    phases: Counter[Any],
    copied: Copied,
    problems: Sequence[OverviewProblem],
) -> str:
    if not fleet.servers:
        return NONE_READ if fleet.problems else "There are no source servers here."
    parts = [f"{phases[p]} {_WORDS.get(p, p)}" for p in _SAID if phases[p]]
    says = f"{count_of(len(fleet.servers), 'server')}: {listed(parts)}{_bridge(problems)}."
    if copied.counted:
        says += (
            f" {size(copied.done)} of {size(copied.total)} copied "
            f"({percent(copied.done, copied.total)} %) over the {copied.counted} that have a total."
        )
    if offline := sum(server.offline for server in fleet.servers):
        says += f" {count_of(offline, 'Agent')} offline."
    # Without the tasks their errors are not known, so neither is which problem is the biggest.
    coded = [each for each in problems if each.codes] if fleet.tasks_read else []
    if biggest := next(iter(coded), None):
        on = count_of(len(biggest.servers), "server")
        says += f" Biggest problem: {listed(biggest.codes[:3])} on {on}."
    return says


def _bridge(problems: Sequence[OverviewProblem]) -> str:
    """How many have a failure in the words of summarize_failed_servers, where that is more."""
    having = {(s.id or s.name): s for each in problems if _is_failure(each) for s in each.servers}
    failed = sum(server.phase == "failed" for server in having.values())
    others = len(having) - failed
    if not others:
        return ""
    have = "has" if others == 1 else "have"
    return f"; {others} more {have} a failure in another phase, so {len(having)} in all"


def _is_failure(problem: OverviewProblem) -> bool:
    return problem.problem not in ("offline", "phase_unknown")


def _actions(
    question: MigrationOverview,
    fleet: Fleet,
    phases: Counter[Any],
    problems: Sequence[OverviewProblem],
) -> Sequence[Action]:
    where = dict(scope(question))
    actions = []
    if any(_is_failure(problem) for problem in problems):
        actions.append(
            Action("summarize_failed_servers", where, "causes, first steps and who has to act")
        )
    if offline := [server for server in fleet.servers if is_lost(server)]:
        why = "its Agent is offline while the migration is under way"
        actions.append(Action("diagnose_server", {"server": offline[0].id}, why))
    if phases["replicating"] or phases["initializing"]:
        actions.append(
            Action("summarize_progress", where, "how far the copies are, and until when")
        )
    if phases["syncing"]:
        why = "shows which servers in continuous sync can be launched"
        actions.append(Action("check_cutover_readiness", where, why))
    if phases["waiting"] and not actions:
        why = "the servers that wait for a task or a start"
        actions.append(Action("list_source_servers", {"state": "waiting"}, why))
    return actions
