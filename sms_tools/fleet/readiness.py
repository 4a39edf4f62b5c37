"""Reading what the gates before a launch need, for many servers at once.

The list of servers is enough where it carries sub-tasks and options; what it leaves out is read
task by task. What cannot be read leaves its gate unknown, and a note says how much is missing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sms_tools.errors import SmsToolsError
from sms_tools.fleet.desk import Desk
from sms_tools.fleet.gates import Gates, gates_of
from sms_tools.fleet.keeping import read_each
from sms_tools.fleet.server import Server
from sms_tools.fleet.verification import Consistency, read_consistency, unread_in
from sms_tools.operations.options import GetMigrationOptions, MigrationOption
from sms_tools.operations.tasks import GetMigrationTask, MigrationTask
from sms_tools.wording import count_of


@dataclass(frozen=True, slots=True)
class Readiness:
    """Everything that was read about servers that may be launched, by server id."""

    servers: Mapping[str, Server]
    """The servers, completed with what lists leave out."""
    consistency: Mapping[str, Consistency]
    gates: Mapping[str, Gates]
    incomplete: Sequence[str] = ()
    kept: Mapping[str, datetime] = field(default_factory=dict)
    """Since when what was read of a server's task is kept, where it is older than the lists."""


def may_go(server: Server) -> bool:
    """Whether it is far enough that reading more about it is worth the requests."""
    return (server.stage or "").lower() == "syncing" and server.phase in ("syncing", "cloning")


async def read_readiness(
    desk: Desk, servers: Sequence[Server], *, tasks_read: bool = True, since: float | None = None
) -> Readiness:
    """Every gate of *servers*; of those that are not far enough nothing more is read.

    Where the page of tasks could not be read (*tasks_read*), nor is anything of a server whose
    task is not there: its gates are unknown, and the service is spared a request for each. What
    was read of tasks in the last ten minutes serves while they have not moved; with *since*, when
    the question was asked by ``desk.elapsed``, nothing serves that was begun earlier.
    """
    near = [server for server in servers if may_go(server) and (tasks_read or server.task)]
    begun = desk.now()
    times: dict[str, list[datetime]] = {each.id: [begun] for each in near}
    completed, without_steps = await _with_sub_tasks(desk, near, times, since=since)
    consistency = await read_consistency(desk, completed, since=since)
    options, without_options = await _options(desk, completed, times, since=since)
    for key, each in consistency.items():
        times[key] += [each.read_at] if each.read_at else []
    whole = {server.id: server for server in servers} | {each.id: each for each in completed}
    now = desk.now()
    gates = {
        server.id: gates_of(server, consistency.get(server.id), now, options=options.get(server.id))
        for server in whole.values()
    }
    notes = [
        f"get_migration_task: of {count_of(without_steps, 'task')} the sub-tasks are missing.",
        f"get_migration_options: of {count_of(without_options, 'task')} the options are missing.",
    ]
    missing = [
        note for note, count in zip(notes, (without_steps, without_options), strict=True) if count
    ]
    missing += unread_in(consistency.values())
    kept = {key: min(read) for key, read in times.items() if min(read) < begun}
    return Readiness(whole, consistency, gates, missing, kept)


async def read_gates_anew(desk: Desk, server: Server) -> Gates | None:
    """Every gate of one server, its task, options and verification read now; None if its task
    cannot be read.
    """
    since = desk.elapsed()
    try:
        detail = await desk.api(GetMigrationTask(task_id=server.task_id or ""))
    except SmsToolsError:
        return None
    now_read = replace(server, task=_with_listed(detail, server.task))
    consistency = await read_consistency(desk, [now_read], since=since)
    try:
        options = await desk.api(GetMigrationOptions(task_id=server.task_id or ""))
    except SmsToolsError:
        return gates_of(now_read, consistency.get(server.id), desk.now())
    return gates_of(
        now_read,
        consistency.get(server.id),
        desk.now(),
        options=options.configurations or [],
    )


async def _with_sub_tasks(
    desk: Desk,
    servers: Sequence[Server],
    times: Mapping[str, list[datetime]],
    *,
    since: float | None,
) -> tuple[Sequence[Server], int]:
    """*servers* with the sub-tasks that lists may leave out, and of how many they are missing.

    Into *times* goes when each was read.
    """
    bare = [server for server in servers if not server.sub_tasks and server.task_id]
    wanted = [(s, GetMigrationTask(task_id=s.task_id or "")) for s in bare]
    whole: dict[str, Server] = {}
    for server, reading in zip(bare, await read_each(desk, wanted, since=since), strict=True):
        times[server.id].append(reading.at)
        if not isinstance(reading.reply, SmsToolsError):
            task = _with_listed(reading.reply, server.task)
            whole[server.id] = replace(server, task=task)
    return [whole.get(server.id, server) for server in servers], len(bare) - len(whole)


def _with_listed(detail: MigrationTask, listed: MigrationTask | None) -> MigrationTask:
    """*detail* with what only the list tells in some regions."""
    if listed is None:
        return detail
    names = ("syncing", "special_config", "clone_server", "error_json")
    known = {n: getattr(listed, n) for n in names if getattr(detail, n) is None}
    return detail.model_copy(update={n: value for n, value in known.items() if value is not None})


async def _options(
    desk: Desk,
    servers: Sequence[Server],
    times: Mapping[str, list[datetime]],
    *,
    since: float | None,
) -> tuple[Mapping[str, Sequence[MigrationOption]], int]:
    """The options of the tasks whose list does not carry them, and of how many they are missing."""
    bare = [s for s in servers if s.task_id and not (s.task and s.task.special_config is not None)]
    wanted = [(s, GetMigrationOptions(task_id=s.task_id or "")) for s in bare]
    found: dict[str, Sequence[MigrationOption]] = {}
    for server, reading in zip(bare, await read_each(desk, wanted, since=since), strict=True):
        times[server.id].append(reading.at)
        if not isinstance(reading.reply, SmsToolsError):
            found[server.id] = reading.reply.configurations or []
    return found, len(bare) - len(found)
