"""Whether the arguments of a call fit what they name: what cannot work is not asked about."""

from collections.abc import Iterable, Sequence

from sms_tools.fleet.server import Server
from sms_tools.guard.previews.reader import Reader
from sms_tools.knowledge import Legality
from sms_tools.knowledge.arguments import (
    DiskFacts,
    NewTask,
    Obstacle,
    obstacles_of_clone,
    obstacles_of_task,
)
from sms_tools.operations.source_servers import SourceServer, SourceServerDetail
from sms_tools.operations.tasks.create import CreateMigrationTask, TaskDisk
from sms_tools.operations.templates import GetTemplate, Template

_NO_BLOCK_LEVEL = frozenset({"SMS.6616", "SMS.6617"})


async def template_of(
    reader: Reader, what: str, template_id: str | None
) -> tuple[Template | None, bool | None]:
    """The template, and whether it is there; None where that could not be read."""
    if not template_id:
        return None, None
    if not template_id.strip(" ."):
        return None, False  # no address of the service: it names nothing
    reply, exists = await reader.look_for(what, GetTemplate(template_id=template_id))
    return (reply.template if reply else None), exists


def may_clone(state: Legality, template_id: str | None, template_exists: bool | None) -> Legality:
    """*state* is what the states allow; a clone without a template is never made."""
    return _ruled(obstacles_of_clone(template_id, template_exists)) or state


def may_create(
    operation: CreateMigrationTask, server: Server, template_exists: bool | None
) -> Legality | None:
    """Illegal where the task cannot be created; None where nothing speaks against it."""
    return _ruled(
        obstacles_in(
            operation,
            server.source,
            has_task=server.task is not None,
            template_exists=template_exists,
        )
    )


def obstacles_in(
    operation: CreateMigrationTask,
    source: SourceServer | None,
    *,
    has_task: bool,
    template_exists: bool | None,
) -> Sequence[Obstacle]:
    """What keeps a task from being created for *source*, as far as its record tells."""
    detail = source if isinstance(source, SourceServerDetail) else None
    checks = (source.checks if source else None) or ()
    unfit = any(
        check.name == "LINUX_BLOCK_SUPPORT" and check.error_code in _NO_BLOCK_LEVEL
        for check in checks
    )
    target = operation.target_server
    return obstacles_of_task(
        NewTask(
            os_type=operation.os_type,
            type=operation.type,
            source_os_type=source.os_type if source else None,
            firmware=detail.firmware if detail else None,
            has_task=has_task,
            failed_checks=source is not None and source.state == "unavailable",
            block_supported=False if unfit else None,
            template_id=operation.vm_template_id,
            template_exists=template_exists,
            vm_id=target.vm_id,
            source_disks=[
                DiskFacts(disk.name or "", disk.size)
                for disk in (detail.disks if detail else None) or ()
            ],
            target_disks=_wanted(target.disks),
        )
    )


def _wanted(disks: Iterable[TaskDisk]) -> Sequence[DiskFacts]:
    found = []
    for disk in disks:
        sizes = [volume.size for volume in disk.physical_volumes]
        known = sizes and all(size is not None for size in sizes)
        partitions = sum(size or 0 for size in sizes) if known else None
        found.append(DiskFacts(disk.name, disk.size, partitions))
    return found


def _ruled(obstacles: Sequence[Obstacle]) -> Legality | None:
    if not obstacles:
        return None
    return Legality("illegal", " ".join(each.reason for each in obstacles), obstacles[0].code)
