"""The task that a row of a migration sheet asks for, written out in full.

The same rules that the guard has for a single creation decide whether the service would refuse it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sms_tools.fleet.machine import SourceFacts, suggested_type
from sms_tools.fleet.server import Server
from sms_tools.guard.previews.fitting import obstacles_in
from sms_tools.operations.hardware import DiskInfo
from sms_tools.operations.source_servers import SourceServerDetail
from sms_tools.operations.tasks import CreateMigrationTask
from sms_tools.remediation.placed import Placed, World, with_problem
from sms_tools.remediation.recreating import wanted_disk
from sms_tools.text import one_line
from sms_tools.wording import listed

_FIELD_OF: Final[Mapping[str, str]] = {
    "vm_template_id": "template",
    "target_server.vm_id": "vm_id",
    "target_server.disks": "template",
    "target_server": "template",
    "source_server": "server",
    "os_type": "server",
}


def written(placed: Placed, detail: SourceServerDetail, world: World) -> Placed:
    """The task in full, or what of it is missing or refused."""
    wish, template = placed.row.wish, placed.template
    region = (template.region if template else None) or world.own_region
    project_id = (template.projectid if template else None) or world.own_project
    if not project_id and (project_id := _only_project(world, region)):
        says = f"Its IAM project {one_line(project_id, 64)} is the one of the region's templates."
        placed = replace(placed, doubts=[*placed.doubts, says])
    name = world.project_names.get(region)
    known = _project_of_tasks(world.fleet.servers, project_id)
    project_name = known or name
    missing = [
        what
        for what, value in (("project_id", project_id), ("project_name", project_name))
        if not value
    ]
    if missing:
        column = "template" if template else "vm_id"
        return with_problem(
            placed, column, f"The target's {listed(missing)} cannot be read anywhere."
        )
    facts = SourceFacts(placed.server or Server(detail), world.fleet.observed_at, detail)
    wanted: dict[str, Any] = {
        "name": _task_name(detail),
        "type": wish.type or suggested_type(facts),
        "os_type": (detail.os_type or "").upper(),
        "source_server": {"id": detail.id},
        "target_server": _target_server(placed, detail),
        "region_id": region,
        "region_name": region,
        "project_id": project_id,
        "project_name": project_name,
        "vm_template_id": template.id if template else None,
        "auto_start": False,
        "syncing": wish.syncing,
        "exist_server": bool(wish.vm_id),
        "migration_ip": wish.migration_ip,
        "use_public_ip": wish.use_public_ip,
        "start_target_server": wish.start_target_server,
        "start_network_check": wish.network_check,
        "is_need_consistency_check": wish.consistency,
    }
    try:
        task = CreateMigrationTask.model_validate(
            {key: value for key, value in wanted.items() if value is not None}
        )
    except ValueError as error:
        return with_problem(placed, "", f"The task cannot be written: {one_line(str(error), 200)}")
    for each in obstacles_in(task, detail, has_task=False, template_exists=template is not None):
        column = _FIELD_OF.get(each.field, each.field)
        column = "vm_id" if wish.vm_id and column == "template" else column
        says = f"{each.code}: {each.reason}" if each.code else each.reason
        if all(says != problem.says for problem in placed.problems):
            placed = with_problem(placed, column, says)
    return replace(placed, task=None if placed.problems else task)


def _only_project(world: World, region: str) -> str | None:
    """The IAM project of all templates and tasks of the region; None if they are of several."""
    briefs = [s.source.current_task for s in world.fleet.servers if s.source]
    found = {each.projectid for each in world.templates or () if each.region == region}
    found |= {brief.project_id for brief in briefs if brief and brief.region_id == region}
    known = found - {None, ""}
    return known.pop() if len(known) == 1 else None


def _project_of_tasks(servers: Iterable[Server], project_id: str | None) -> str | None:
    """The project's name as tasks that are there have it; the commonest."""
    names = Counter(
        task.project_name
        for server in servers
        if (task := server.source.current_task if server.source else None)
        and task.project_id == project_id
        and task.project_name
    )
    return names.most_common(1)[0][0] if names else None


def _task_name(detail: SourceServerDetail) -> str:
    return one_line(detail.name or detail.hostname or "MigrationTask", 60)


def _target_server(placed: Placed, detail: SourceServerDetail) -> dict[str, Any]:
    wish = placed.row.wish
    disks = [wanted_disk(disk.model_dump(exclude_none=True)) for disk in recommended(detail)]
    for disk, disk_id in zip(disks, wish.target_disks, strict=False):
        disk["disk_id"] = disk_id
    target: dict[str, Any] = {"name": _task_name(detail), "disks": disks}
    if wish.vm_id:
        target["vm_id"] = wish.vm_id
    own = detail.init_target_server
    groups = (own.volume_groups if own else None) or ()
    if groups:
        target["volume_groups"] = [group.model_dump(exclude_none=True) for group in groups]
    if detail.btrfs_list:
        target["btrfs_list"] = [each.model_dump(exclude_none=True) for each in detail.btrfs_list]
    return target


def recommended(detail: SourceServerDetail) -> Sequence[DiskInfo]:
    """The disks that the service recommends for the target; none where it names none."""
    target = detail.init_target_server
    return (target.disks if target else None) or ()
