"""Building a task anew: for servers whose change tracking or target was lost (SMS.0515 …).

The new task is made from the old one's configuration and the source's disks as they are now.
"""

from typing import Any, Final

from sms_tools.errors import SmsToolsError
from sms_tools.fleet.server import Server
from sms_tools.guard.previews.fitting import obstacles_in
from sms_tools.knowledge import explain
from sms_tools.knowledge.facts import TARGET_GONE_CODES, TEMPORARY_DISK_GB
from sms_tools.operations.source_servers import GetSourceServer, SourceServerDetail
from sms_tools.operations.tasks import (
    CreateMigrationTask,
    DeleteMigrationTask,
    GetMigrationTask,
    MigrationTaskDetail,
)
from sms_tools.operations.templates import GetTemplate
from sms_tools.remediation.goals import Request
from sms_tools.remediation.plan import Before
from sms_tools.remediation.writing import Words, Writer
from sms_tools.text import one_line
from sms_tools.wording import size

_NEW_TASK: Final = Before(phases=("waiting",), task_id=None)
_DISK_FIELDS: Final = ("name", "size", "used_size", "device_use", "physical_volumes")
_VOLUME_FIELDS: Final = (
    *("device_use", "file_system", "index", "mount_point", "name", "size"),
    *("inode_size", "used_size", "uuid"),
)


async def rebuild(request: Request, write: Writer) -> None:
    """Delete the task and create it again; everything is copied from the beginning."""
    for server in request.servers:
        code = (server.error.code if server.error else None) or ""
        lost = bool(code) and bool(explain(code).full_copy_again)
        if server.phase != "failed" or not (lost or request.question.servers):
            if request.question.servers:
                write.leave(server, f"Only a failed server is built anew; it is {server.phase}.")
            continue
        if not lost:
            write.leave(server, f"{code or 'Its error'} does not need a new task.", "retry_failed")
        elif write.may("delete_task", server) and write.has_room_for(server):
            await _one(request, server, code, write)


async def _one(request: Request, server: Server, code: str, write: Writer) -> None:
    try:
        task = await request.desk.api(GetMigrationTask(task_id=str(server.task_id)))
        source = await request.desk.api(GetSourceServer(source_id=server.id))
        anew = _again(task, source, await _template(request, task))
    except SmsToolsError as error:
        write.leave(server, f"It could not be read: {one_line(str(error), 160)}")
        return
    if not isinstance(anew, str):
        # Nothing is deleted for a task that the service would then refuse.
        wrong = obstacles_in(anew, source, has_task=False, template_exists=True)
        anew = " ".join(each.reason for each in wrong) or anew
    if isinstance(anew, str):
        write.leave(server, anew)
        write.give_back(server)
        return
    _say_first(server, write)
    known = explain(code)
    before_all = write.person(
        "source" if known.actor == "api" else known.actor,
        f"{code}: {known.cause} {known.by_hand} Then say so.",
        [server],
    )
    deleted = write.call(
        DeleteMigrationTask(task_id=str(server.task_id)),
        server,
        "task_gone",
        Words(
            does="Deletes the failed task with its target configuration.",
            verified_by="get_migration_task: not found.",
            undo="Nothing.",
            loses=f"The copy made so far ({_copied(server)}), hourly rate limits and options.",
            costs=_old_target(code, task),
        ),
        after=(before_all,),
    )
    write.call(
        anew,
        server,
        "rebuilt",
        Words(
            does="Creates the task again with the old one's settings and starts it at once.",
            verified_by="get_source_server: it has a new task, which runs.",
            undo="Deleting the new task.",
            costs="A new target ECS with its disks, and a temporary "
            f"{TEMPORARY_DISK_GB} GB disk, are billed.",
        ),
        before=_NEW_TASK,
        after=(deleted,),
    )


def _old_target(code: str, task: MigrationTaskDetail) -> str:
    """What stays of the target when its task goes, and is billed."""
    if code in TARGET_GONE_CODES:
        return (
            f"The old target is gone already ({code}); a temporary {TEMPORARY_DISK_GB} GB disk may "
            "be left of it, billed until somebody deletes it on the EVS console."
        )
    target = task.target_server
    old = f"ECS {one_line(target.vm_id, 64)}" if target and target.vm_id else "it"
    return (
        f"The old target is not deleted: {old} is billed, with its temporary disk, until somebody "
        "deletes it on the ECS console."
    )


def _say_first(server: Server, write: Writer) -> None:
    everything = size(server.total_bytes) if server.total_bytes else "all data"
    write.first.append(
        f"Everything on {server.name} is copied again from the beginning: {everything}."
    )


def _copied(server: Server) -> str:
    return "size not known" if server.done_bytes is None else size(server.done_bytes)


async def _template(request: Request, task: MigrationTaskDetail) -> bool | None:
    """Whether the task's template outlives the task; None without one."""
    if not task.vm_template_id:
        return None
    reply = await request.desk.api(GetTemplate(template_id=task.vm_template_id))
    kept = reply.template.is_template if reply.template else None
    return str(kept).lower() == "true"


def _again(
    task: MigrationTaskDetail, source: SourceServerDetail, template_stays: bool | None
) -> CreateMigrationTask | str:
    """The same task once more, or why it cannot be written."""
    current = source.current_task
    if task.exist_server or (current and current.exist_server) or template_stays is None:
        return (
            "Its target is an existing ECS, whose disks would be erased: a person must choose the "
            "target and its disks. Use create_migration_task."
        )
    if not template_stays:
        return "Its template goes with the task: a person must name a template that stays."
    disks = source.init_target_server.disks if source.init_target_server else None
    missing = [
        name
        for name in ("name", "type", "os_type", "region_id", "project_id", "project_name")
        if not getattr(task, name)
    ]
    if missing or not disks:
        what = ", ".join([*missing, *([] if disks else ["the disks recommended for a target"])])
        return f"The service did not give what a new task needs: {what}."
    target = task.target_server
    wanted: dict[str, Any] = {
        "name": task.name,
        "type": task.type,
        "os_type": task.os_type,
        "source_server": {"id": source.id},
        "target_server": {
            "name": (target and target.name) or source.name,
            "disks": [_disk(disk.model_dump(exclude_none=True)) for disk in disks],
        },
        "region_id": task.region_id,
        "region_name": task.region_name or task.region_id,
        "project_id": task.project_id,
        "project_name": task.project_name,
        "vm_template_id": task.vm_template_id,
        "auto_start": True,
        # A copy that launches by itself is nothing to decide in passing.
        "syncing": task.syncing is not False,
        "priority": task.priority,
        "speed_limit": task.speed_limit,
        "start_target_server": task.start_target_server,
        "use_public_ip": current.use_public_ip if current else None,
        "is_need_consistency_check": task.is_need_consistency_check,
    }
    groups = source.init_target_server.volume_groups if source.init_target_server else None
    if groups:
        wanted["target_server"]["volume_groups"] = [
            group.model_dump(exclude_none=True) for group in groups
        ]
    return CreateMigrationTask.model_validate({k: v for k, v in wanted.items() if v is not None})


def _disk(disk: dict[str, Any]) -> dict[str, Any]:
    """A recommended disk with the fields that a new task takes."""
    kept: dict[str, Any] = {name: disk[name] for name in _DISK_FIELDS if name in disk}
    if kept.get("device_use") not in ("NORMAL", "OS", "BOOT"):
        kept.pop("device_use", None)
    kept["physical_volumes"] = [
        {name: volume[name] for name in _VOLUME_FIELDS if volume.get(name) is not None}
        for volume in disk.get("physical_volumes") or ()
    ]
    return kept
