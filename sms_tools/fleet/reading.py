"""Reading the fleet: all source servers and all tasks, joined, in as few requests as can be.

A fleet of N servers with T tasks takes ``ceil(N/200) + ceil(T/200)`` requests. The two lists are
read at the same time, shared by whoever asks meanwhile and for 30 seconds afterwards. Whatever
part cannot be read is named in :attr:`Fleet.problems`; only a fleet of which nothing could be read
is an error.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Final, TypeVar, cast

import anyio

from sms_tools.errors import SmsToolsError
from sms_tools.fleet.collecting import collecting_seldom
from sms_tools.fleet.desk import Desk
from sms_tools.fleet.samples import Samples
from sms_tools.fleet.selection import Choice, choose, chosen
from sms_tools.fleet.server import Server
from sms_tools.fleet.sharing import SHARED_SECONDS, at_hand, shared
from sms_tools.knowledge.facts import SOURCES_PAGE, TASKS_PAGE
from sms_tools.operation import Operation, Page, Reply
from sms_tools.operations.projects import ListMigrationProjects, MigrationProject
from sms_tools.operations.source_servers import (
    GetSourceServerOverview,
    ListSourceServers,
    SourceServer,
    SourceServerOverview,
)
from sms_tools.operations.tasks import ListMigrationTasks, MigrationTask
from sms_tools.paging import Listing, at_once
from sms_tools.text import one_line

__all__ = [
    "Fleet",
    "Problem",
    "Server",
    "find_project",
    "list_or_gap",
    "read_fleet",
    "read_shared",
    "recent_fleet",
    "service_counts",
    "together",
]

T = TypeVar("T", bound=Reply)
A = TypeVar("A")
B = TypeVar("B")


@dataclass(frozen=True, slots=True)
class Problem:
    """A part of the reading that failed or is not whole, and what is missing because of it."""

    operation: str
    says: str

    def __str__(self) -> str:
        return f"{self.operation}: {self.says}"


@dataclass(frozen=True)
class Fleet:
    """The servers that were asked for, as they were at :attr:`observed_at`."""

    servers: Sequence[Server]
    observed_at: datetime
    project: MigrationProject | None = None
    """The migration project that the reading was narrowed to."""
    narrowed: bool = False
    """Whether these are fewer than all servers of the account."""
    listed: int | None = None
    """How many source servers the service says there are, in the project or in all."""
    orphans: Sequence[MigrationTask] = ()
    """Tasks whose source server is gone; with a project or a selection there are none."""
    problems: Sequence[Problem] = ()
    without_projects: Sequence[Problem] = ()
    """Why it is not known of some servers in which project they are."""
    requests: int = 0
    """How many requests this reading took: 0 where it was shared."""

    @cached_property
    def by_id(self) -> Mapping[str, Server]:
        """The servers by the id of their source record."""
        return {server.id: server for server in self.servers}

    @property
    def tasks_read(self) -> bool:
        """Whether the tasks were read: without them errors, rates and sub-tasks are unknown."""
        return all(problem.operation != "list_migration_tasks" for problem in self.problems)

    @property
    def sources_read(self) -> bool:
        """Whether the source servers were read."""
        return all(problem.operation != "list_source_servers" for problem in self.problems)

    @property
    def count(self) -> int | None:
        """How many servers were read; None where the source servers gave none and were not read
        whole, because nobody knows then whether there are any.
        """
        return len(self.servers) if self.servers or self.sources_read else None

    @property
    def incomplete(self) -> Sequence[str]:
        """The problems in words, as answers carry them."""
        return [str(problem) for problem in (*self.problems, *self.without_projects)]


async def read_fleet(
    desk: Desk,
    *,
    project: str | None = None,
    servers: Sequence[str] | None = None,
    fresh: bool = False,
) -> Fleet:
    """The servers of the account, of *project* (name or id), or those that *servers* names.

    Server names, addresses and ids are taken as they stand, whatever their case. With *fresh* the
    lists are read anew even if a reading of the last 30 seconds is at hand. What was read is kept
    as samples.

    Raises:
        AmbiguousName: a name fits several servers or projects; the candidates are listed.
        UnknownName: nothing is called that; similar names are listed.
        SmsToolsError: neither the source servers nor the tasks could be read.
    """
    before = desk.api.requests_made
    wave = await find_project(desk, project)
    parts = await _read_parts(desk, wave, fresh=fresh)
    fleet = await _with_launches(desk, parts, wave)
    if parts.is_new:
        await Samples(desk).record(fleet.servers, fleet.observed_at)
    if fault := Samples(desk).fault:
        problem = Problem("samples", f"what was read is not kept, for {fault}")
        fleet = replace(fleet, problems=[*fleet.problems, problem])
    if servers is not None:
        kept = chosen(fleet.servers, servers, where=_where(wave, fleet))
        fleet = replace(fleet, servers=kept, narrowed=True, orphans=())
    return replace(fleet, requests=desk.api.requests_made - before)


def _where(wave: MigrationProject | None, fleet: Fleet) -> str:
    inside = f" in migration project {one_line(wave.name or '', 40)}" if wave else ""
    if fleet.sources_read:
        return inside
    return f"{inside} among those that were read: not all source servers could be"


async def find_project(desk: Desk, wanted: str | None) -> MigrationProject | None:
    """The migration project that *wanted* names, by name or id; None for None.

    Raises:
        AmbiguousName, UnknownName: it does not name exactly one.
        SmsToolsError: the projects could not be read.
    """
    if wanted is None:
        return None
    listing, _ = await read_shared(desk, "projects", ListMigrationProjects(limit=100))
    choices = [
        Choice(each, (each.id or "",), (each.name or "",), "") for each in listing.items if each.id
    ]
    return choose(wanted, choices, what="migration project")


def recent_fleet(desk: Desk) -> Fleet | None:
    """The whole fleet, if both lists were read within the last 30 seconds; reads nothing."""
    lasts = timedelta(seconds=SHARED_SECONDS)
    sources, tasks = (at_hand(desk, f"list: {key}", lasts=lasts) for key in ("sources ", "tasks"))
    if not isinstance(sources, Listing) or not isinstance(tasks, Listing):
        return None
    return _shared_fleet(desk, _Parts(sources, tasks, is_new=False), None)


async def together(
    first: Callable[[], Awaitable[A]], second: Callable[[], Awaitable[B]]
) -> tuple[A, B]:
    """Both results, read at the same time.

    Raises:
        SmsToolsError: of the first that failed; the other is given up.
    """
    reads: list[Callable[[], Awaitable[Any]]] = [first, second]
    one, other = await at_once(reads)
    return one, other


@dataclass(frozen=True, slots=True)
class _Parts:
    """The two lists, or why there is none."""

    sources: Listing[SourceServer] | SmsToolsError
    tasks: Listing[MigrationTask] | SmsToolsError
    is_new: bool


async def _read_parts(desk: Desk, wave: MigrationProject | None, *, fresh: bool) -> _Parts:
    wave_id = wave.id if wave else None
    results: dict[str, Any] = {}

    async def read(name: str, key: str, operation: Operation[Page[Any]]) -> None:
        try:
            results[name] = await read_shared(desk, key, operation, fresh=fresh)
        except SmsToolsError as error:
            results[name] = (error, True)

    narrow: dict[str, Any] = {"migproject": wave_id} if wave_id else {}
    async with anyio.create_task_group() as group:
        sources = ListSourceServers(limit=SOURCES_PAGE, **narrow)
        group.start_soon(read, "sources", f"sources {wave_id or ''}", sources)
        group.start_soon(read, "tasks", "tasks", ListMigrationTasks(limit=TASKS_PAGE))
    (found, found_new), (tasks, _) = results["sources"], results["tasks"]
    if isinstance(found, SmsToolsError) and (wave or isinstance(tasks, SmsToolsError)):
        raise found  # tasks do not know their project, so they cannot stand in for its servers
    return _Parts(found, tasks, is_new=found_new)


async def read_shared(
    desk: Desk, key: str, operation: Operation[Page[T]], *, fresh: bool = False
) -> tuple[Listing[T], bool]:
    """The list of *operation*, from the last 30 seconds if there is one, and whether it is new.

    Whoever waits while it is read gets that reading's list, or its error, and reads nothing; with
    *fresh* only where that reading began after the question.

    Raises:
        SmsToolsError: it could not be read.
    """

    async def read() -> Listing[T]:
        with collecting_seldom():
            return await desk.api.listing(operation)

    return await shared(desk, f"list: {key}", read, since=desk.elapsed() if fresh else None)


async def service_counts(desk: Desk) -> SourceServerOverview:
    """What the service itself counts by state, of all source servers; shared as lists are.

    Raises:
        SmsToolsError: it could not be read.
    """
    counts, _ = await shared(desk, "service overview", lambda: desk.api(GetSourceServerOverview()))
    return counts


async def list_or_gap(
    desk: Desk, key: str, operation: Operation[Page[T]], without: str = "", *, fresh: bool = False
) -> tuple[Listing[T] | None, Sequence[str]]:
    """The list of *operation* as :func:`read_shared` gives it, and what is missing of it.

    None where it could not be read; *without* says what is not known then.
    """
    name = operation.__spec__.name
    try:
        listing, _ = await read_shared(desk, key, operation, fresh=fresh)
    except SmsToolsError as error:
        missing = f"; {without}." if without else "."
        return None, [f"{name}: could not be read ({one_line(str(error), 200)}){missing}"]
    if listing.complete:
        return listing, ()
    return listing, [f"{name}: the list may be incomplete. {listing.note}".strip()]


def _shared_fleet(desk: Desk, parts: _Parts, wave: MigrationProject | None) -> Fleet:
    """The joined lists: joined once for each reading, however many questions it serves."""
    key = f"fleet: {wave.id if wave else ''}"
    kept = cast("tuple[_Parts, Fleet] | None", desk.shared.get(key))
    if kept and kept[0].sources is parts.sources and kept[0].tasks is parts.tasks:
        return kept[1]
    with collecting_seldom():
        fleet = _joined(parts, wave)
    desk.shared[key] = (parts, fleet)
    return fleet


async def _with_launches(desk: Desk, parts: _Parts, wave: MigrationProject | None) -> Fleet:
    """The joined lists, and which servers without a task were seen launched before.

    After a clean-up the service calls a launched server waiting; what was seen remembers.
    """
    fleet = _shared_fleet(desk, parts, wave)
    if not parts.is_new or not fleet.tasks_read:
        return fleet
    bare = [s.id for s in fleet.servers if s.id and not s.task_id and s.phase == "waiting"]
    if not bare:
        return fleet
    seen = await Samples(desk).last_phases(bare)
    if "finished" not in seen.values():
        return fleet
    fleet = replace(
        fleet,
        servers=[
            replace(s, launched_before=True) if seen.get(s.id) == "finished" else s
            for s in fleet.servers
        ],
    )
    desk.shared[f"fleet: {wave.id if wave else ''}"] = (parts, fleet)
    return fleet


def _joined(parts: _Parts, wave: MigrationProject | None) -> Fleet:
    sources = None if isinstance(parts.sources, SmsToolsError) else parts.sources
    tasks = None if isinstance(parts.tasks, SmsToolsError) else parts.tasks
    task_records = tasks.items if tasks else ()
    source_records = sources.items if sources else ()
    by_source = _tasks_by_source(source_records, task_records)
    if sources is None:
        servers = [_server(None, found) for found in by_source.values()]
    else:
        servers = [_server(source, by_source.pop(source.id or "", [])) for source in source_records]
    seen = {t.id for s in servers for t in (s.task, *s.other_tasks) if t}
    orphans = [t for t in task_records if t.id not in seen] if sources and not wave else []
    return Fleet(
        servers=servers,
        observed_at=min(part.observed_at for part in (sources, tasks) if part),
        project=wave,
        narrowed=wave is not None,
        listed=sources.count if sources else None,
        orphans=orphans,
        problems=[
            *_problems("list_source_servers", parts.sources, _WITHOUT_SOURCES),
            *_problems("list_migration_tasks", parts.tasks, _WITHOUT_TASKS),
        ],
    )


_WITHOUT_SOURCES: Final = "servers without a task, connections, checks and bytes are missing"
_WITHOUT_TASKS: Final = "task errors, rates and sub-tasks are missing"


def _problems(
    operation: str, part: "Listing[Any] | SmsToolsError", missing: str
) -> Sequence[Problem]:
    if isinstance(part, SmsToolsError):
        return [Problem(operation, f"could not be read ({one_line(str(part), 200)}); {missing}.")]
    if part.complete:
        return []
    why = f": {part.note}" if part.note else "."
    return [Problem(operation, f"the list may be incomplete{why}")]


def _tasks_by_source(
    sources: Sequence[SourceServer], tasks: Sequence[MigrationTask]
) -> dict[str, list[MigrationTask]]:
    """The tasks of each source id, the current one first."""
    current = {s.current_task.id: s.id for s in sources if s.id and s.current_task}
    found: dict[str, list[MigrationTask]] = {}
    for task in tasks:
        # A task may have lost its source record while the source still names the task.
        source_id = current.get(task.id) or (task.source_server and task.source_server.id)
        if source_id:
            found.setdefault(source_id, []).append(task)
    for each in found.values():
        each.sort(key=lambda task: (task.id in current, task.create_date or 0), reverse=True)
    return found


def _server(source: SourceServer | None, tasks: Sequence[MigrationTask]) -> Server:
    """*source* with the first of *tasks*, unless it names a current task that is not among them."""
    named = source.current_task.id if source and source.current_task else None
    if named and tasks and tasks[0].id != named:
        return Server(source, None, tuple(tasks))
    return Server(source, tasks[0] if tasks else None, tuple(tasks[1:]))
