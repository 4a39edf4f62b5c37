"""Creating a migration task."""

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, model_validator

from sms_tools.operation import Kind, Operation
from sms_tools.operations.common import (
    Echoed,
    Int,
    Long,
    Megabits,
    MigrationType,
    OsType,
    SourceId,
    Text,
)
from sms_tools.operations.hardware import (
    BtrfsFileSystem,
    Bytes,
    DiskInfo,
    FileSystem,
    Mount,
    VolumeGroup,
    without_bare_names,
)
from sms_tools.operations.tasks.progress import OverSpeedThreshold
from sms_tools.operations.tasks.records import (
    TargetDisk,
    TargetVolume,
    TaskReference,
    TaskSource,
    TaskTargetDetail,
)
from sms_tools.schema import COPIED, copied

# The table has the first three; reports have the others too, which are copied from there.
TargetDiskUse = Annotated[
    Literal["NORMAL", "OS", "BOOT", "BOOT|OS", "VOLUME_GROUP"],
    Field(description="Default NORMAL."),
]


class TaskSourceServer(Echoed, reply=TaskSource):
    """The source server of a new task."""

    id: SourceId


class TaskVolume(Echoed, reply=TargetVolume):
    """A partition to create on a target disk."""

    device_use: Annotated[Text | None, Field(description="NORMAL, OS or BOOT.")] = None
    file_system: FileSystem | None = None
    index: Annotated[Int | None, Field(description="Serial number.")] = None
    mount_point: Mount | None = None
    name: Annotated[Text | None, Field(description="Device, or drive letter.")] = None
    size: Bytes | None = None
    inode_size: Annotated[Long | None, Field(description="Inode size.")] = None
    used_size: Bytes | None = None
    uuid: Annotated[Text | None, Field(description="GUID on the source.")] = None


class TaskDisk(Echoed, reply=DiskInfo, more=tuple(TargetDisk.model_fields)):
    """A disk of the target server."""

    device_use: TargetDiskUse | None = None
    disk_id: Annotated[Text | None, Field(description="EVS disk of an existing ECS.")] = None
    name: Annotated[Text, Field(description="Disk 0, Disk 1 … or /dev/vda.")]
    physical_volumes: Annotated[
        list[TaskVolume], Field(max_length=65_535, description="Its partitions.")
    ]
    size: Bytes
    used_size: Bytes


class TaskTargetServer(Echoed, reply=TaskTargetDetail):
    """The target server of a new task."""

    btrfs_list: Annotated[
        list[BtrfsFileSystem] | None,
        Field(
            max_length=65_535,
            description="Copied from get_source_server.",
            json_schema_extra=COPIED,
        ),
    ] = None
    disks: Annotated[
        list[TaskDisk],
        Field(max_length=65_535, description="See init_target_server of get_source_server."),
    ]
    name: Annotated[Text, Field(description="Server name.")]
    # Mandatory in the reference, but a server that is yet to be created has no id.
    vm_id: Annotated[Text | None, Field(description="Existing ECS; none with a template.")] = None
    volume_groups: Annotated[
        list[VolumeGroup] | None,
        Field(
            max_length=65_535,
            description="Copied from get_source_server.",
            json_schema_extra=copied("name", "size", "logical_volumes"),
        ),
    ] = None

    @model_validator(mode="before")
    @classmethod
    def _names_alone_are_no_file_systems(cls, given: Any, info: ValidationInfo) -> Any:
        return without_bare_names(given, info)


class CreateMigrationTask(
    Operation[TaskReference],
    method="POST",
    path="/v3/tasks",
    kind=Kind.DESTRUCTIVE,
    section="5.4.1",
):
    """Set up a migration task (job; 新建迁移任务, 配迁移) that copies one source server to a target
    ECS: an existing one (exist_server, target_server.vm_id) or a new one made from a template
    (vm_template_id). A new target, its disks and its EIP are billed, as is a temporary disk. The
    disks of an existing target are ERASED when the task starts, at once with auto_start. Without
    syncing the target is launched automatically when the copy ends. Copy disks, volume_groups and
    btrfs_list from get_source_server. Returns the task id; manage_migration_task starts it,
    update_migration_task changes its settings. For many servers use plan_migration.
    """

    name: Annotated[Text, Field(description="Task name.")]
    type: Annotated[MigrationType, Field(description="Block-level or file-level (Linux only).")]
    start_target_server: Annotated[
        bool | None, Field(description="Start the target afterwards. Default true.")
    ] = None
    # In chapter 4.1's example alone.
    auto_install_pvdriver: Annotated[
        bool | None, Field(description="Install the PV driver (Windows).")
    ] = None
    auto_start: Annotated[bool | None, Field(description="Start at once. Default false.")] = None
    os_type: Annotated[OsType, Field(description="OS of the source server.")]
    source_server: Annotated[TaskSourceServer, Field(description="What to migrate.")]
    target_server: Annotated[TaskTargetServer, Field(description="Where to; sizes in bytes.")]
    migration_ip: Annotated[
        Text | None, Field(description="Address of an existing target: EIP or private IP.")
    ] = None
    region_name: Annotated[Text, Field(description="Name of the target's region.")]
    region_id: Annotated[Text, Field(description="Its id, e.g. ap-southeast-3.")]
    project_name: Annotated[Text, Field(description="Name of the target's IAM project.")]
    project_id: Annotated[Text, Field(description="Its id (not a migration project's).")]
    priority: Annotated[
        int | None,
        Field(ge=0, le=65_535, description="0 low, 1 standard, 2 high. Default 1."),
    ] = None
    vm_template_id: Annotated[
        Text | None, Field(description="Make the target from this template (list_templates).")
    ] = None
    clonevm_template_id: Annotated[
        Text | None, Field(description="Template of clones; newer regions.")
    ] = None
    use_public_ip: Annotated[
        bool | None, Field(description="Copy over the public network. Default true.")
    ] = None
    use_ipv6: Annotated[bool | None, Field(description="migration_ip is IPv6.")] = None
    syncing: Annotated[
        bool | None,
        Field(description="Go on synchronising and wait for a cutover. Default false: launch."),
    ] = None
    exist_server: Annotated[bool | None, Field(description="The target exists already.")] = None
    start_network_check: Annotated[bool | None, Field(description="Measure the network first.")] = (
        None
    )
    speed_limit: Annotated[
        Megabits | None, Field(description="Rate limit in Mbit/s; 0 is none.")
    ] = None
    over_speed_threshold: OverSpeedThreshold = None
    is_need_consistency_check: Annotated[
        bool | None, Field(description="Verify consistency after the copy.")
    ] = None
    need_migration_test: Annotated[
        bool | None, Field(description="Allow drills; newer regions.")
    ] = None
