"""Reading what the gates before a launch need, for many servers at once.

The list of servers is enough where it carries sub-tasks and options; what it leaves out is read
task by task. What cannot be read leaves its gate unknown, and a note says how much is missing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sms_tools.errors import SmsToolsError
from sms_tools.fleet.desk import Desk
from sms_tools.fleet.gates import Gates, gates_of
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


def may_go(server: Server) -> bool:
    """Whether it is far enough that reading more about it is worth the requests."""
    return (server.stage or "").lower() == "syncing" and server.phase in ("syncing", "cloning")


async def read_readiness(
    desk: Desk, servers: Sequence[Server], *, tasks_read: bool = True, anew: bool = True
) -> Readiness:
    """Every gate of *servers*; of those that are not far enough nothing more is read.

    Where the page of tasks could not be read (*tasks_read*), nor is anything of a server whose
    task is not there: its gates are unknown, and the service is spared a request for each. Without
    *anew*, verifications of the last ten minutes serve.
    """
    near = [server for server in servers if may_go(server) and (tasks_read or server.task)]
    completed, without_steps = await _with_sub_tasks(desk, near)
    consistency = await read_consistency(desk, completed, anew=anew)
    options, without_options = await _options(desk, completed)
    whole = {server.id: server for server in servers} | {each.id: each for each in completed}
    now = desk.now()
    gates = {
        each.id: gates_of(each, consistency.get(each.id), now, options=options.get(each.id))
        for each in whole.values()
    }
    notes = [
        f"get_migration_task: of {count_of(without_steps, 'task')} the sub-tasks are missing.",
        f"get_migration_options: of {count_of(without_options, 'task')} the options are missing.",
    ]
    missing = [
        note for note, count in zip(notes, (without_steps, without_options), strict=True) if count
    ]
    missing += unread_in(consistency.values())
    return Readiness(whole, consistency, gates, missing)


async def read_gates_anew(desk: Desk, server: Server) -> Gates | None:
    """Every gate of one server, its task, options and verification read now; None if its task
    cannot be read.
    """
    try:
        detail = await desk.api(GetMigrationTask(task_id=server.task_id or ""))
    except SmsToolsError:
        return None
    now_read = replace(server, task=_with_listed(detail, server.task))
    consistency = await read_consistency(desk, [now_read])
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


async def _with_sub_tasks(desk: Desk, servers: Sequence[Server]) -> tuple[Sequence[Server], int]:
    """*servers* with the sub-tasks that lists may leave out, and of how many they are missing."""
    bare = [server for server in servers if not server.sub_tasks and server.task_id]
    replies = await desk.api.each([GetMigrationTask(task_id=s.task_id or "") for s in bare])
    whole = {
        server.id: replace(server, task=_with_listed(reply, server.task))
        for server, reply in zip(bare, replies, strict=True)
        if not isinstance(reply, SmsToolsError)
    }
    return [whole.get(server.id, server) for server in servers], len(bare) - len(whole)


def _with_listed(detail: MigrationTask, listed: MigrationTask | None) -> MigrationTask:
    """*detail* with what only the list tells in some regions."""
    if listed is None:
        return detail
    names = ("syncing", "special_config", "clone_server", "error_json")
    known = {n: getattr(listed, n) for n in names if getattr(detail, n) is None}
    return detail.model_copy(update={n: value for n, value in known.items() if value is not None})


async def _options(
    desk: Desk, servers: Sequence[Server]
) -> tuple[Mapping[str, Sequence[MigrationOption]], int]:
    """The options of the tasks whose list does not carry them, and of how many they are missing."""
    bare = [s for s in servers if s.task_id and not (s.task and s.task.special_config is not None)]
    replies = await desk.api.each([GetMigrationOptions(task_id=s.task_id or "") for s in bare])
    found = {
        server.id: reply.configurations or []
        for server, reply in zip(bare, replies, strict=True)
        if not isinstance(reply, SmsToolsError)
    }
    return found, len(bare) - len(found)
