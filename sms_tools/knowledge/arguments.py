"""Which arguments can never work, before anybody is asked for them.

`actions` judges what a state allows; here are the arguments of a call against what they name: the
source server and the template. Each rule is a row of a table: the code with which the service
refuses, a test, and the reason for a person. A rule whose facts are missing says nothing: whoever
calls has read the records, or lets the service judge.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sms_tools.knowledge.facts import MAX_DISKS_PER_SOURCE, MAX_SYSTEM_DISK_GB

_GIB: Final = 1024**3


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a call cannot work. `field` is the argument at fault, `code` the service's refusal."""

    field: str
    reason: str
    code: str | None = None


@dataclass(frozen=True, slots=True)
class DiskFacts:
    """A disk, sizes in bytes; `partitions` is what its partitions take together."""

    name: str
    size: int | None
    partitions: int | None = None


@dataclass(frozen=True, slots=True)
class NewTask:
    """A task that is to be created, and what is known of what it names; None is not known."""

    os_type: str | None = None
    type: str | None = None
    source_os_type: str | None = None
    firmware: str | None = None
    has_task: bool | None = None
    """Whether the source has a task already."""
    failed_checks: bool | None = None
    """Whether the source's environment checks keep it from migrating."""
    block_supported: bool | None = None
    template_id: str | None = None
    template_exists: bool | None = None
    vm_id: str | None = None
    vm_taken: bool | None = None
    """Whether another task has the existing server as its target."""
    source_disks: Sequence[DiskFacts] = ()
    """The source's disks, the system disk first."""
    target_disks: Sequence[DiskFacts] = ()
    """The disks that the request names, in the same order."""


def obstacles_of_task(task: NewTask) -> Sequence[Obstacle]:
    """All that keeps *task* from being created, in the order in which the service looks."""
    found = []
    for code, field, applies, reason in _TASK_RULES:
        if said := applies(task):
            found.append(Obstacle(field, reason if said is True else f"{reason} {said}", code))
    return found


def obstacles_of_clone(template_id: str | None, template_exists: bool | None) -> Sequence[Obstacle]:
    """What keeps a rehearsal from being made: a clone needs a template that is there."""
    if not (template_id or "").strip():
        return [
            Obstacle("template_id", "A clone is made from a template, and none is given.", _INVALID)
        ]
    if template_exists is False:
        return [Obstacle("template_id", _NO_TEMPLATE, "SMS.7101")]
    return []


def _other_system(task: NewTask) -> bool:
    wanted, there = (task.os_type or "").upper(), (task.source_os_type or "").upper()
    return bool(wanted and there) and wanted != there


def _too_many_disks(task: NewTask) -> bool:
    return len(task.target_disks or task.source_disks) > MAX_DISKS_PER_SOURCE


def _system_disk(task: NewTask) -> bool:
    sizes = [disk.size for disk in task.target_disks[:1] or task.source_disks[:1]]
    return bool(sizes and sizes[0] and sizes[0] > MAX_SYSTEM_DISK_GB * _GIB)


def _below_partitions(task: NewTask) -> str:
    return _named(
        disk.name
        for disk in task.target_disks
        if disk.size is not None and disk.partitions and disk.size < disk.partitions
    )


def _below_source(task: NewTask) -> str:
    """Target disks that are smaller than the source's and say nothing of smaller partitions.

    A Linux file-level migration may shrink a partition; then the request names its sizes. Where
    one side has more disks, nobody can tell which belong together.
    """
    if len(task.target_disks) != len(task.source_disks):
        return ""
    whole = (task.source_os_type or "").upper() == "WINDOWS" or task.type == "MIGRATE_BLOCK"
    return _named(
        wanted.name
        for wanted, there in zip(task.target_disks, task.source_disks, strict=True)
        if wanted.size is not None
        and there.size is not None
        and wanted.size < there.size
        and (whole or wanted.partitions is None)
    )


def _named(names: Iterable[str]) -> str:
    shown = ", ".join(name[:64] for name in names)
    return f"({shown})" if shown else ""


_INVALID: Final = "SMS.9001"
_NO_TEMPLATE: Final = "This template does not exist; a task may have taken it along when it went."

_TASK_RULES: Final[Sequence[tuple[str, str, Callable[[NewTask], bool | str | None], str]]] = (
    (
        "SMS.6520",
        "source_server",
        lambda task: task.has_task,
        "This source server has a task already, and a server has one at most.",
    ),
    (
        "SMS.6520",
        "source_server",
        lambda task: task.failed_checks,
        "This source server has failed its environment checks.",
    ),
    (
        "SMS.6610",
        "os_type",
        _other_system,
        "The operating system in the task differs from the source's.",
    ),
    (
        "SMS.6032",
        "target_server",
        lambda task: not (task.template_id or task.vm_id),
        "The task names no target: neither a template to make one from nor an existing ECS.",
    ),
    (
        "SMS.7101",
        "vm_template_id",
        lambda task: bool(task.template_id) and task.template_exists is False,
        _NO_TEMPLATE,
    ),
    (
        "SMS.7605",
        "target_server.vm_id",
        lambda task: bool(task.vm_id) and task.vm_taken,
        "The existing ECS is the target of another task.",
    ),
    (
        "SMS.6535",
        "vm_template_id",
        lambda task: (
            (task.firmware or "").upper() == "UEFI" and bool(task.template_id) and not task.vm_id
        ),
        "A source that boots with UEFI gets no target from a template: an existing ECS with UEFI "
        "is needed.",
    ),
    (
        "SMS.6616",
        "type",
        lambda task: task.type == "MIGRATE_BLOCK" and task.block_supported is False,
        "This operating system cannot be migrated block by block.",
    ),
    (
        "SMS.1311",
        "source_server",
        _too_many_disks,
        f"The source has more than {MAX_DISKS_PER_SOURCE} disks, and an ECS takes no more.",
    ),
    (
        "SMS.6537",
        "target_server.disks",
        _system_disk,
        f"A system disk in the cloud is at most {MAX_SYSTEM_DISK_GB:,} GB.",
    ),
    (
        "SMS.6614",
        "target_server.disks",
        _below_partitions,
        "A target disk is smaller than the partitions it has to hold.",
    ),
    (
        "SMS.6614",
        "target_server.disks",
        _below_source,
        "A target disk is smaller than the source's.",
    ),
)
