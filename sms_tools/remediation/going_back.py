"""After a bad launch: back to the source, and then the choice between two ways on.

The source is intact as long as nobody has deleted it, so the first way back is people's: services
there up again, traffic back. Nothing here is a call of the plan; the choice is.
"""

from typing import Final

from sms_tools.diagnosis.answer import Action
from sms_tools.errors import SmsToolsError
from sms_tools.fleet.server import Server
from sms_tools.operation import Kind
from sms_tools.operations.tasks import GetMigrationTask, MigrationTaskDetail
from sms_tools.remediation.request import Request
from sms_tools.remediation.writing import Writer
from sms_tools.text import one_line
from sms_tools.wording import count_of, when

_CHOICES: Final = 3


async def back_out(request: Request, write: Writer) -> None:
    """People's steps back to the source, in order, and the ways on from there."""
    request.need_a_choice("Going back takes the service from its users and")
    launched = []
    for server in request.servers:
        if not server.was_launched:
            if request.by_name:
                why = f"Its target is not known to have been launched: it is {server.phase}."
                write.leave(
                    server, f"{why} There is nothing to take back; the source still serves."
                )
        elif write.has_room_for(server):
            launched.append(server)
    if not launched:
        return
    details = {server.id: await _task(request, server) for server in launched}
    if unread := sum(bool(s.task_id) and details[s.id] is None for s in launched):
        of = count_of(unread, "task")
        write.gaps.append(f"get_migration_task: the launch's time and snapshots of {of} not read.")
    write.first.append(
        "Nothing is deleted and nothing is called here: the sources are as they were when the "
        "targets were launched, so people do the going back, in this order."
    )
    for actor, does in (
        ("person", "On the targets stop the services, so that no more is written there."),
        (
            "person",
            "Save what was written on the targets since the launch, outside of them: "
            "synchronising again overwrites it, and the sources do not have it.",
        ),
        ("source", "On the sources start the services again, and see that they work."),
        ("person", "Switch DNS, addresses and traffic back to the sources."),
        (
            "console",
            "Keep the targets, the migration tasks and the Agents as they are: they are the way "
            "on. What is kept is billed.",
        ),
    ):
        write.person(actor, does, launched)  # type: ignore[arg-type]
    for server in launched:
        write.person("person", _choice(server, details[server.id]), [server])
    write.choices += [
        Action(
            "manage_migration_task",
            {"task_id": str(server.task_id), "operation": "restart"},
            f"for {server.name}, once its new data is saved: synchronises again from the source "
            "and OVERWRITES what its target has written since the launch",
            Kind.DESTRUCTIVE,
        )
        for server in launched[:_CHOICES]
        if server.task_id and server.legality("restart").verdict == "legal"
    ]


async def _task(request: Request, server: Server) -> MigrationTaskDetail | None:
    if not server.task_id:
        return None
    try:
        return await request.desk.api(GetMigrationTask(task_id=server.task_id))
    except SmsToolsError:
        return None


def _choice(server: Server, task: MigrationTaskDetail | None) -> str:
    """What can be done next with one server, and what each way loses."""
    launched = when(Server(server.source, task).last_launch if task else server.last_launch)
    target = task.target_server if task else None
    snapshots = target.cutovered_snapshot_ids if target else None
    said = f"Choose how to go on (launched: {launched}). "
    if server.task_id is None:
        said += "Its task is deleted: to synchronise again is a full copy with a new task. "
    else:
        said += (
            "Synchronise again: manage_migration_task restart copies the source's changes and "
            "overwrites what the target has written; say first how much of that was saved. "
        )
    if snapshots:
        ids = one_line(snapshots.replace(";", ", "), 300)
        return said + (
            f"Or on the EVS console roll the target's disks back to the snapshots {ids}, taken at "
            "the launch: what was written since is lost there."
        )
    if server.task_id and task is None:
        return said + (
            "Whether there are snapshots of the launch could not be read: get_migration_task "
            "shows it."
        )
    return said + "No snapshot of the launch is known, so there is none to roll back to."
