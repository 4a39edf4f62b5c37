"""A task written once more: from the old one's configuration and the source's disks of now.

What would be created is compared with the source once more before anything is deleted.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sms_tools.fleet.desk import Desk
from sms_tools.fleet.server import Server
from sms_tools.operation import JSON
from sms_tools.operations.source_servers import GetSourceServer, SourceServerDetail
from sms_tools.operations.tasks import CreateMigrationTask, MigrationTaskDetail
from sms_tools.remediation.plan import Plan, Step
from sms_tools.remediation.showing import moved, show
from sms_tools.text import one_line
from sms_tools.wording import size

_DISK_FIELDS: Final = ("name", "size", "used_size", "device_use", "physical_volumes")
_VOLUME_FIELDS: Final = (
    *("device_use", "file_system", "index", "mount_point", "name", "size"),
    *("inode_size", "used_size", "uuid"),
)


def written_again(
    server: Server,
    task: MigrationTaskDetail,
    source: SourceServerDetail,
    template_stays: bool | None,
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
            "disks": [wanted_disk(disk.model_dump(exclude_none=True)) for disk in disks],
        },
        "region_id": task.region_id,
        "region_name": task.region_name or task.region_id,
        "project_id": task.project_id,
        "project_name": task.project_name,
        "vm_template_id": task.vm_template_id,
        "auto_start": False,
        # A copy that launches by itself is nothing to decide in passing.
        "syncing": server.syncing is not False and task.syncing is not False,
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


def wanted_disk(disk: dict[str, Any]) -> dict[str, Any]:
    """A recommended disk with the fields that a new task takes."""
    kept: dict[str, Any] = {name: disk[name] for name in _DISK_FIELDS if name in disk}
    if kept.get("device_use") not in ("NORMAL", "OS", "BOOT"):
        kept.pop("device_use", None)
    kept["physical_volumes"] = [
        {name: volume[name] for name in _VOLUME_FIELDS if volume.get(name) is not None}
        for volume in disk.get("physical_volumes") or ()
    ]
    return kept


async def no_longer_fits(plan: Plan, step: Step, desk: Desk) -> str | None:
    """Why the task that *step* makes room for, or creates, is not the right one any more.

    Raises:
        SmsToolsError: the source could not be read.
    """
    create = _creation(plan, step)
    if create is None:
        return None
    source = await desk.api(GetSourceServer(source_id=create.source_id))
    target = source.init_target_server
    now = [
        wanted_disk(disk.model_dump(exclude_none=True))
        for disk in (target.disks if target else ()) or ()
    ]
    planned = create.arguments["target_server"]["disks"]
    if _layout(now) != _layout(planned):
        return (
            f"The source's disks are not those of the planned task: {_disks(planned)} planned, "
            f"{_disks(now)} now. Nothing is deleted or created; plan again."
        )
    if step.number != create.number:
        return moved(create, (await show(desk, [create]))[create.number])
    return None


def _creation(plan: Plan, step: Step) -> Step | None:
    """The step that creates the task which *step*, a deletion, makes room for; or itself."""
    if step.wanted not in ("task_gone", "created"):
        return None
    own = [s for s in plan.calls if s.wanted == "created" and s.source_id == step.source_id]
    return next((each for each in own if each.number >= step.number), None)


def _layout(disks: Sequence[Mapping[str, JSON]]) -> list[JSON]:
    """Disks and partitions without how full they are, which moves by itself."""

    def still(part: Mapping[str, JSON]) -> dict[str, JSON]:
        moves = ("used_size", "physical_volumes", "disk_id")  # the last is the target's own
        return {k: v for k, v in part.items() if k not in moves}

    return [
        [still(disk), [still(volume) for volume in disk.get("physical_volumes") or ()]]
        for disk in disks
    ]


def _disks(disks: Sequence[Mapping[str, JSON]]) -> str:
    shown = [f"{one_line(str(d.get('name')), 40)} {size(d.get('size'))}" for d in disks]
    return ", ".join(shown) or "none"
