"""Changing a migration task, and the record that the service keeps of it."""

from typing import Annotated, Any, Final, Self

from pydantic import Field, ValidationInfo, model_validator

from sms_tools.operation import Kind, Operation
from sms_tools.operations.common import (
    Echoed,
    Int,
    Long,
    Megabits,
    MigrationType,
    OsType,
    TaskId,
    Text,
)
from sms_tools.operations.hardware import (
    Bytes,
    FileSystem,
    Mount,
    PartitionStyle,
    Uuid,
    without_bare_names,
)
from sms_tools.operations.machines import Machine, SourceMachine
from sms_tools.operations.tasks.create import TargetDiskUse
from sms_tools.operations.tasks.progress import Percent, Rate
from sms_tools.operations.tasks.records import (
    CloneServer,
    SubTask,
    TargetDisk,
    TargetVolume,
    TaskReference,
    TaskSource,
    TaskTargetDetail,
)
from sms_tools.schema import COPIED

Millis = Annotated[Long, Field(description="Epoch ms.")]
RecordId = Annotated[Long, Field(description="Record id.")]
RelationName = Annotated[Text, Field(description="Its partner on a Linux target.")]


class SubTaskReport(Echoed, reply=SubTask):
    """A sub-task as the Agent would report it."""

    id: RecordId | None = None
    name: Annotated[Text | None, Field(description="Such as SSL_CONFIG.")] = None
    progress: Annotated[Percent, Field(description="Per cent.")]
    start_date: Millis | None = None
    end_date: Millis | None = None
    migrate_speed: Annotated[Rate | None, Field(description="Mbit/s.")] = None
    user_op: Annotated[
        str | None, Field(max_length=50, description="REPLICATE, CUTOVERn, RESYNCn.")
    ] = None
    process_trace: Annotated[str | None, Field(max_length=2048, description="Details.")] = None


class CloneServerReport(Echoed, reply=CloneServer):
    """The rehearsal clone."""

    vm_id: Annotated[Text | None, Field(description="ECS id.")] = None
    name: Annotated[Text | None, Field(description="Name.")] = None
    clone_error: Annotated[Text | None, Field(description="Error.")] = None
    clone_state: Annotated[Text | None, Field(description="State.")] = None
    error_msg: Annotated[str | None, Field(max_length=1024, description="Error text.")] = None


class TargetVolumeReport(Echoed, reply=TargetVolume):
    """A partition of a target disk."""

    id: RecordId | None = None
    device_use: TargetDiskUse | None = None
    file_system: FileSystem | None = None
    index: Annotated[Int | None, Field(description="Serial number.")] = None
    mount_point: Mount | None = None
    name: Annotated[Text | None, Field(description="Device, or drive letter.")] = None
    size: Bytes | None = None
    used_size: Bytes | None = None
    uuid: Uuid | None = None
    relation_name: RelationName | None = None
    free_size: Bytes | None = None


class TargetDiskReport(Echoed, reply=TargetDisk):
    """A disk of the target."""

    id: RecordId | None = None
    device_use: TargetDiskUse | None = None
    disk_id: Annotated[Text | None, Field(description="EVS disk id.")] = None
    name: Annotated[Text | None, Field(description="Name.")] = None
    physical_volumes: Annotated[
        list[TargetVolumeReport] | None, Field(max_length=65_535, description="Its partitions.")
    ] = None
    size: Bytes | None = None
    used_size: Bytes | None = None
    disk_index: Annotated[Text | None, Field(description="Index.")] = None
    os_disk: Annotated[bool | None, Field(description="Is the system disk.")] = None
    partition_style: PartitionStyle | None = None
    relation_name: RelationName | None = None


class TargetMachine(Machine, Echoed, reply=TaskTargetDetail):
    """The target server as the task's record has it.

    The reference marks ``ip`` as mandatory, but its own sample sends none.
    """

    name: Annotated[Text, Field(description="Name shown for it.")]
    os_type: Annotated[OsType, Field(description="Operating system.")]
    vm_id: Annotated[Text | None, Field(description="ECS id.")] = None
    flavor: Annotated[Text | None, Field(description="ECS flavor.")] = None
    disks: Annotated[list[TargetDiskReport], Field(max_length=65_535, description="Its disks.")]
    image_disk_id: Annotated[Text | None, Field(description="Disk of the Agent image.")] = None
    snapshot_ids: Annotated[Text | None, Field(description="Snapshots, split by ;.")] = None
    cutovered_snapshot_ids: Annotated[Text | None, Field(description="To roll back to.")] = None

    @model_validator(mode="before")
    @classmethod
    def _names_alone_are_no_file_systems(cls, given: Any, info: ValidationInfo) -> Any:
        return without_bare_names(given, info)


class TaskSourceMachine(SourceMachine, Echoed, reply=TaskSource):
    """The source server as the task's record has it."""


_SETTINGS: Final = frozenset(
    {
        "task_id",
        "id",
        "name",
        "type",
        "os_type",
        "priority",
        "region_id",
        "region_name",
        "project_id",
        "project_name",
        "enterprise_project_id",
        "enterprise_project",
        "start_target_server",
        "exist_server",
        "migration_ip",
        "use_ipv6",
        "use_public_ip",
        "speed_limit",
        "vm_template_id",
    }
)
"""What a person configures. All other fields are the service's own record of what happened."""
RETARGETING: Final = frozenset(
    {"exist_server", "region_id", "project_id", "migration_ip", "vm_template_id"}
)
"""Settings that decide where a later start copies to, and whose disks it erases."""


class UpdateMigrationTask(
    Operation[TaskReference],
    method="PUT",
    path="/v3/tasks/{task_id}",
    kind=Kind.DESTRUCTIVE,
    section="5.4.6",
):
    """Change (set, correct) settings of one migration task (job; 修改任务, 改规格): name, priority
    (precedence: which server goes before the others, 优先级), speed_limit, migration_ip (the
    target's address, where it has changed), template (another size of target), start_target_server;
    fields left out stay as they are. state, sub_tasks, progress, error_json, source_server,
    target_server and clone_server are the service's own record: whoever writes them forges what
    happened, and it cannot be restored. To start, pause or launch use manage_migration_task; for
    rate limits by time of day set_migration_rate_limits.
    """

    task_id: TaskId
    name: Annotated[Text | None, Field(description="New task name.")] = None
    type: Annotated[MigrationType | None, Field(description="Block-level or file-level.")] = None
    os_type: Annotated[OsType | None, Field(description="OS of the source server.")] = None
    id: Annotated[Text | None, Field(description="The task's id again.")] = None
    priority: Annotated[int | None, Field(ge=0, le=2, description="0 low, 1 standard, 2 high.")] = (
        None
    )
    region_id: Annotated[Text | None, Field(description="Id of the target's region.")] = None
    region_name: Annotated[Text | None, Field(description="Its name.")] = None
    project_id: Annotated[Text | None, Field(description="IAM project of the target.")] = None
    project_name: Annotated[Text | None, Field(description="Its name.")] = None
    enterprise_project_id: Annotated[
        str | None, Field(min_length=1, max_length=255, description="Enterprise project id.")
    ] = None
    start_target_server: Annotated[
        bool | None, Field(description="Start the target afterwards. Default true.")
    ] = None
    exist_server: Annotated[
        bool | None, Field(description="The target is an existing ECS; erased at start.")
    ] = None
    migration_ip: Annotated[
        Text | None, Field(description="Target address to copy to: EIP or private IP.")
    ] = None
    speed_limit: Annotated[
        Megabits | None, Field(description="Rate limit in Mbit/s; 0 is none.")
    ] = None
    vm_template_id: Annotated[Text | None, Field(description="From list_templates.")] = None
    # The next three, image_disk_id, target_disk_ids and the snapshots are newer than the
    # reference; the official SDK sends them.
    use_ipv6: Annotated[bool | None, Field(description="migration_ip is IPv6.")] = None
    use_public_ip: Annotated[bool | None, Field(description="Copy over a public network.")] = None
    enterprise_project: Annotated[Text | None, Field(description="Newer regions.")] = None
    source_server: Annotated[
        TaskSourceMachine | None,
        Field(description="Record.", json_schema_extra=COPIED),
    ] = None
    target_server: Annotated[
        TargetMachine | None,
        Field(description="Record.", json_schema_extra=COPIED),
    ] = None
    state: Annotated[Text | None, Field(description="Record.")] = None
    # `estimate_completion_time` in the table, which is not the wire's name.
    estimate_complete_time: Annotated[Long | None, Field(description="Record.")] = None
    connected: Annotated[bool | None, Field(description="Record.")] = None
    create_date: Annotated[Long | None, Field(description="Record.")] = None
    start_date: Annotated[Long | None, Field(description="Record.")] = None
    finish_date: Annotated[Long | None, Field(description="Record.")] = None
    migrate_speed: Annotated[Rate | None, Field(description="Record.")] = None
    error_json: Annotated[str | None, Field(max_length=1024, description="Record.")] = None
    total_time: Annotated[Long | None, Field(description="Record.")] = None
    float_ip: Annotated[Text | None, Field(description="Record.")] = None
    remain_seconds: Annotated[Long | None, Field(description="Record.")] = None
    target_snapshot_id: Annotated[Text | None, Field(description="Record.")] = None
    image_disk_id: Annotated[Text | None, Field(description="Record.")] = None
    target_disk_ids: Annotated[str | None, Field(description="Record.")] = None
    snapshot_ids: Annotated[Text | None, Field(description="Record.")] = None
    cutovered_snapshot_ids: Annotated[Text | None, Field(description="Record.")] = None
    clone_server: Annotated[
        CloneServerReport | None,
        Field(description="Record.", json_schema_extra=COPIED),
    ] = None
    sub_tasks: Annotated[
        list[SubTaskReport] | None,
        Field(
            max_length=65_535,
            description="Record.",
            json_schema_extra=COPIED,
        ),
    ] = None

    @model_validator(mode="after")
    def _is_one_task(self) -> Self:
        if self.id not in (None, self.task_id):
            raise ValueError("id and task_id must name the same task")
        return self

    @property
    def danger(self) -> Kind:
        """Settings can be put back; the record cannot, and a new target decides a later start."""
        given = {name for name in self.model_fields_set if getattr(self, name) is not None}
        harmless = given <= _SETTINGS - RETARGETING
        return Kind.WRITE if harmless else Kind.DESTRUCTIVE

    @property
    def forges(self) -> bool:
        """Whether it overwrites the service's own record of what happened."""
        given = {name for name in self.model_fields_set if getattr(self, name) is not None}
        return not given <= _SETTINGS
