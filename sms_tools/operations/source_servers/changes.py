"""Renaming, moving and deleting source servers, and choosing what of them is migrated."""

from typing import Annotated

from pydantic import Field

from sms_tools.operation import Empty, Kind, Operation
from sms_tools.operations.common import Echoed, Long, ProjectId, SourceId, Text
from sms_tools.operations.hardware import (
    DiskInfo,
    LogicalVolumeInfo,
    PartitionInfo,
    VolumeGroupInfo,
)


class DeleteSourceServers(
    Operation[Empty],
    method="POST",
    path="/v3/sources/delete",
    kind=Kind.DESTRUCTIVE,
    section="5.3.4",
    idempotent=True,
):
    """Delete (remove, take off) several source servers (machines, hosts) from the list of the
    server migration service, for good (批量删除源端). Their migration tasks, checks and history go
    too; the machines and their targets stay. A record returns only when the Agent on the source is
    restarted, and a new task copies everything again. For one server use delete_source_server; to
    drop only its task use delete_migration_task.
    """

    ids: Annotated[
        list[Text],
        Field(max_length=65_535, description="Source server ids, from list_source_servers."),
    ]


class VolumeChoice(Echoed, reply=PartitionInfo):
    """Whether a partition is migrated, and its new size."""

    id: Annotated[Text | None, Field(description="Id.")] = None
    need_migration: Annotated[bool | None, Field(description="false skips it. Default true.")] = (
        None
    )
    adjust_size: Annotated[Long | None, Field(description="New size. Default 0.")] = None


class DiskChoice(Echoed, reply=DiskInfo):
    """Whether a disk is migrated, and its new size."""

    need_migration: Annotated[bool | None, Field(description="false skips it. Default true.")] = (
        None
    )
    id: Annotated[Text, Field(description="Id.")]
    adjust_size: Annotated[Long, Field(description="New size in bytes.")]
    physical_volumes: Annotated[
        list[VolumeChoice] | None, Field(max_length=65_535, description="Its partitions.")
    ] = None


class LogicalVolumeChoice(Echoed, reply=LogicalVolumeInfo):
    """Whether a logical volume is migrated, and its new size."""

    id: Annotated[Text, Field(description="Id.")]
    need_migration: Annotated[bool | None, Field(description="false skips it. Default true.")] = (
        None
    )
    adjust_size: Annotated[Long | None, Field(description="New size. Default 0.")] = None


class VolumeGroupChoice(LogicalVolumeChoice, reply=VolumeGroupInfo):
    """Whether a volume group is migrated, and its new size."""

    logical_volumes: Annotated[
        list[LogicalVolumeChoice] | None, Field(max_length=65_535, description="Its volumes.")
    ] = None


class UpdateSourceServer(
    Operation[Empty],
    method="PUT",
    path="/v3/sources/{source_id}",
    kind=Kind.DESTRUCTIVE,
    section="5.3.5",
):
    """Rename a source server, or put (move, assign) it into another wave (migration project; 改名,
    放到批次, 移到项目). Or choose which of its disks and volumes are migrated (skip, leave out) and
    how large they become on the target (resize, shrink, 调整磁盘). Name and project can be set
    back. With disks or volume_groups, data can stay behind without a word: need_migration false
    skips a disk, a smaller adjust_size shrinks it. Do that before the task starts. The Agent's own
    disk report is update_source_server_disks.
    """

    source_id: SourceId
    name: Annotated[Text | None, Field(description="New name.")] = None
    migprojectid: Annotated[
        ProjectId | None, Field(description="Migration project to move to, by id.")
    ] = None
    disks: Annotated[
        list[DiskChoice] | None,
        Field(max_length=65_535, description="Disks to skip or resize."),
    ] = None
    volume_groups: Annotated[
        list[VolumeGroupChoice] | None,
        Field(max_length=65_535, description="LVM to skip or resize."),
    ] = None

    @property
    def danger(self) -> Kind:
        """Destructive as soon as disks or volume groups are given, for data may stay behind."""
        harmless = self.disks is None and self.volume_groups is None
        return Kind.WRITE if harmless else Kind.DESTRUCTIVE


class DeleteSourceServer(
    Operation[Empty],
    method="DELETE",
    path="/v3/sources/{source_id}",
    kind=Kind.DESTRUCTIVE,
    section="5.3.7",
):
    """Delete (remove, drop) one source server, machine or host that is retired, from the list
    (inventory) of the server migration service, for good (删除源端). Its migration task, checks and
    history go too; the machine and its target stay. The record returns only when the Agent on the
    source is restarted, and a new task copies everything again. For several use
    delete_source_servers; to drop only the task use delete_migration_task.
    """

    source_id: SourceId
