"""Source servers (reference 5.3): the machines that are to be migrated.

A machine becomes a source server when the Agent on it registers. The service keeps two words for
where it is: `state` (what happens now) and `migration_cycle` (the stage in which it happens).
Times are epoch milliseconds and sizes bytes.
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from sms_tools.operation import Empty, Fields, Kind, Operation, Page, Reply
from sms_tools.operations.common import Created, Long, Offset, ProjectId, SourceId, Text
from sms_tools.operations.error_json import TaskError, decode_error_json
from sms_tools.operations.hardware import (
    BtrfsFileSystem,
    BtrfsInfo,
    DiskInfo,
    NetworkInterfaceInfo,
    ServerDisk,
    VolumeGroup,
    VolumeGroupInfo,
)
from sms_tools.operations.machines import SourceMachine, SourceState, Stage
from sms_tools.operations.tasks.records import CloneServer
from sms_tools.schema import COPIED


class FailedServer(Reply):
    """A source server whose migration failed. It carries no task id and no time."""

    source_id: str | None = None
    name: str | None = None
    host_name: str | None = None
    source_ip: str | None = None
    target_ip: str | None = None
    error_json: str | None = None
    """JSON in a string, cut off after 255 characters; :attr:`error` decodes it."""

    @property
    def error(self) -> TaskError:
        """What went wrong, as far as it can be read."""
        return decode_error_json(self.error_json)


class FailedServerPage(Page[FailedServer]):
    """One page of failed source servers."""

    migration_errors: list[FailedServer] | None = None

    @property
    def items(self) -> list[FailedServer]:
        """The failed servers of this page."""
        return self.migration_errors or []


class EnvironmentCheck(Reply):
    """One check of whether a source server can be migrated."""

    id: int | None = None
    name: str | None = None
    result: str | None = None
    """``OK``, ``WARN`` or ``ERROR``."""
    params: list[str] | None = None
    # In no table; samples of the reference and the official SDK have them.
    error_code: str | None = None
    error_or_warn: str | None = None
    error_params: str | None = None


class TargetOfTask(Reply):
    """The target server of the current task."""

    vm_id: str | None = None
    name: str | None = None


class CurrentTask(Reply):
    """The task of a source server, in short; get_migration_task has it all."""

    id: str | None = None
    name: str | None = None
    type: str | None = None
    state: str | None = None
    subtask_info: str | None = None
    estimate_complete_time: int | None = None
    """The name on the wire; :attr:`estimated_completion` reads either."""
    estimate_completion_time: int | None = None
    """The name in the reference's table."""
    start_date: int | None = None
    speed_limit: int | None = None
    """Mbit/s; 0 is no limit."""
    migrate_speed: float | None = None
    compress_rate: float | None = None
    remain_seconds: int | None = None
    start_target_server: bool | None = None
    vm_template_id: str | None = None
    region_id: str | None = None
    project_name: str | None = None
    project_id: str | None = None
    target_server: TargetOfTask | None = None
    clone_server: CloneServer | None = None
    exist_server: bool | None = None
    use_public_ip: bool | None = None
    log_collect_status: str | None = None
    log_bucket: str | None = None
    log_expire: int | None = None
    """How many seconds a shared link to the logs lives."""
    log_upload_time: int | None = None
    log_share_url: str | None = None
    """A secret: whoever has the link has the logs."""

    @property
    def estimated_completion(self) -> int | None:
        """When the service expects the end, under either of the two names."""
        if self.estimate_complete_time is not None:
            return self.estimate_complete_time
        return self.estimate_completion_time


class RecommendedTarget(Reply):
    """The target that the service recommends: its disks go into create_migration_task."""

    disks: list[DiskInfo] | None = None
    volume_groups: list[VolumeGroupInfo] | None = None


class SourceServer(Reply):
    """A source server as lists have it. Its migration project is not among the fields."""

    id: str | None = None
    ip: str | None = None
    name: str | None = None
    enterprise_project_id: str | None = None
    add_date: int | None = None
    """When it was registered."""
    os_type: str | None = None
    os_version: str | None = None
    oem_system: bool | None = None
    state: str | None = None
    state_action_time: int | None = None
    """When `state` changed last."""
    migration_cycle: str | None = None
    """The stage, which says where an ``error`` or ``stopped`` happened."""
    stage_action_time: int | None = None
    """When `migration_cycle` changed last."""
    connected: bool | None = None
    last_visit_time: int | None = None
    """When `connected` changed last: not a heartbeat."""
    cpu_quantity: int | None = None
    memory: int | None = None
    """Bytes, though a table of the reference says MB."""
    replicatesize: int | None = None
    totalsize: int | None = None
    current_task: CurrentTask | None = None
    checks: list[EnvironmentCheck] | None = None
    init_target_server: RecommendedTarget | None = None
    is_consistency_result_exist: bool | None = None
    has_tc: bool | None = None
    """Whether a Linux server has ``tc``, without which rates cannot be limited."""
    start_type: str | None = None


class SourceServerPage(Page[SourceServer]):
    """One page of source servers."""

    source_servers: list[SourceServer] | None = None

    @property
    def items(self) -> list[SourceServer]:
        """The servers of this page."""
        return self.source_servers or []


class SourceServerDetail(SourceServer):
    """A source server with its hardware."""

    hostname: str | None = None
    firmware: str | None = None
    disks: list[DiskInfo] | None = None
    volume_groups: list[VolumeGroupInfo] | None = None
    btrfs_list: list[BtrfsInfo] | None = None
    networks: list[NetworkInterfaceInfo] | None = None
    agent_version: str | None = None


class SourceServerOverview(Reply):
    """How many source servers there are in each state."""

    waiting: int | None = None
    """Checked and configured."""
    unconfigured: int | None = None
    """Checked, but without a target configuration; no `state` of its own."""
    initialize: int | None = None
    replicate: int | None = None
    syncing: int | None = None
    stopping: int | None = None
    stopped: int | None = None
    skipping: int | None = None
    """Newer than the reference."""
    cloning: int | None = None
    cutovering: int | None = None
    finished: int | None = None
    error: int | None = None
    unavailable: int | None = None
    deleting: int | None = None


class ListFailedSourceServers(
    Operation[FailedServerPage],
    method="GET",
    path="/v3/errors",
    kind=Kind.READ,
    section="5.3.1",
):
    """List source servers whose migration failed, each with its error code and parameters.

    An entry has no task id and no time, its text may be cut off, and it can outlive the failure:
    compare with list_source_servers or list_migration_tasks. For causes, first steps and servers
    that run again use summarize_failed_servers.
    """

    limit: Annotated[
        int | None, Field(ge=0, le=100, description="Servers per page. Default 50.")
    ] = None
    offset: Offset = 0
    migproject: Annotated[
        ProjectId | None, Field(description="Only this migration project's, by id.")
    ] = None
    enterprise_project_id: Annotated[
        Text | None, Field(description="Only this enterprise project's.")
    ] = None

    @model_validator(mode="after")
    def _offset_is_always_sent(self) -> "ListFailedSourceServers":
        # Mandatory in the reference, and yet it has a default.
        self.model_fields_set.add("offset")
        return self


class RegisterSourceServer(
    Operation[Created],
    SourceMachine,
    method="POST",
    path="/v3/sources",
    kind=Kind.AGENT,
    section="5.3.2",
):
    """Register a source server with the server migration service, in the Agent's name.

    Part of the Agent's own conversation: an installed Agent does it when it starts, so restart
    the Agent to bring a server back. Sent by anyone else it makes a server that no Agent stands
    behind and that cannot be migrated. Returns the source server's id. To rename a server or to
    move it to a project use update_source_server.
    """


class ListSourceServers(
    Operation[SourceServerPage],
    method="GET",
    path="/v3/sources",
    kind=Kind.READ,
    section="5.3.3",
):
    """List source servers with state, stage, environment checks, bytes copied and current task,
    up to 200 a page.

    Use it to find a server's id or to read a whole fleet in a few calls. get_source_server adds
    disks and network, get_source_server_overview only counts. For judged answers use
    migration_overview or diagnose_server.
    """

    state: Annotated[SourceState | None, Field(description="Only in this state.")] = None
    name: Annotated[Text | None, Field(description="Only of this name.")] = None
    id: Annotated[Text | None, Field(description="Only the server of this id.")] = None
    ip: Annotated[Text | None, Field(description="Only of this IP address.")] = None
    ipv6: Annotated[Text | None, Field(description="Only of this IPv6 address; newer regions.")] = (
        None
    )
    migproject: Annotated[
        ProjectId | None, Field(description="Only this migration project's, by id.")
    ] = None
    limit: Annotated[
        int | None, Field(ge=0, le=200, description="Servers per page; 0 means 200, the default.")
    ] = None
    offset: Offset | None = None
    migration_cycle: Annotated[Stage | None, Field(description="Only in this stage.")] = None
    connected: Annotated[
        bool | None,
        Field(description="By Agent connection; vaguely documented, so check it in the reply."),
    ] = None
    enterprise_project_id: Annotated[
        Text | None, Field(description="Only this enterprise project's.")
    ] = None
    is_consistency_result_exist: Annotated[
        bool | None, Field(description="Only with (or without) consistency results.")
    ] = None
    vm_id: Annotated[
        Text | None, Field(description="Only with this target ECS; newer regions.")
    ] = None


class DeleteSourceServers(
    Operation[Empty],
    method="POST",
    path="/v3/sources/delete",
    kind=Kind.DESTRUCTIVE,
    section="5.3.4",
):
    """Delete the records of several source servers from the server migration service, for good.

    Their migration tasks, checks and history go too; the machines and their targets stay. A
    record returns only when the Agent on the source is restarted, and a new task copies
    everything again. For one server use delete_source_server; to keep the server and drop only
    its task use delete_migration_task.
    """

    ids: Annotated[
        list[Text],
        Field(max_length=65_535, description="Source server ids, from list_source_servers."),
    ]


class VolumeChoice(Fields):
    """Whether a partition is migrated, and its new size."""

    id: Annotated[Text | None, Field(description="Id.")] = None
    need_migration: Annotated[bool | None, Field(description="false skips it. Default true.")] = (
        None
    )
    adjust_size: Annotated[Long | None, Field(description="New size. Default 0.")] = None


class DiskChoice(Fields):
    """Whether a disk is migrated, and its new size."""

    need_migration: Annotated[bool | None, Field(description="false skips it. Default true.")] = (
        None
    )
    id: Annotated[Text, Field(description="Id.")]
    adjust_size: Annotated[Long, Field(description="New size in bytes.")]
    physical_volumes: Annotated[
        list[VolumeChoice] | None, Field(max_length=65_535, description="Its partitions.")
    ] = None


class LogicalVolumeChoice(Fields):
    """Whether a logical volume is migrated, and its new size."""

    id: Annotated[Text, Field(description="Id.")]
    need_migration: Annotated[bool | None, Field(description="false skips it. Default true.")] = (
        None
    )
    adjust_size: Annotated[Long | None, Field(description="New size. Default 0.")] = None


class VolumeGroupChoice(LogicalVolumeChoice):
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
    """Rename a source server, move it to another migration project, or choose which of its disks
    and volumes are migrated and how large they become.

    Name and project can be set back. With disks or volume_groups, data can stay behind without
    a word: need_migration false skips a disk, a smaller adjust_size shrinks it. Do that before
    the task starts. For the target's side use create_migration_task; the Agent's own disk report
    is update_source_server_disks.
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


class UpdateSourceServerState(
    Operation[Empty],
    method="PUT",
    path="/v3/sources/{source_id}/changestate",
    kind=Kind.AGENT,
    section="5.3.6",
):
    """Force the state and stage that the server migration service has on record for a source
    server, in the Agent's name.

    Part of the Agent's own conversation: nothing is started or stopped by it, the record merely
    stops telling the truth; combinations that the service does not allow are refused. To start,
    pause or launch use manage_migration_task; to read the state use get_source_server.
    """

    source_id: SourceId
    copystate: Annotated[
        Literal[
            "UNAVAILABLE",
            "WAITING",
            "INIT",
            "REPLICATE",
            "SYNCING",
            "STOPPING",
            "STOPPED",
            "DELETING",
            "ERROR",
            "CLONING",
            "CUTOVERING",
            "FINISHED",
        ]
        | None,
        Field(description="State; upper case here, and INIT for initialize."),
    ] = None
    migrationcycle: Annotated[Stage | None, Field(description="Stage.")] = None


class DeleteSourceServer(
    Operation[Empty],
    method="DELETE",
    path="/v3/sources/{source_id}",
    kind=Kind.DESTRUCTIVE,
    section="5.3.7",
):
    """Delete one source server's record from the server migration service, for good.

    Its migration task, checks and history go too; the machine and its target stay. The record
    returns only when the Agent on the source is restarted, and a new task copies everything
    again. For several use delete_source_servers; to drop only the task use delete_migration_task.
    """

    source_id: SourceId


class GetSourceServer(
    Operation[SourceServerDetail],
    method="GET",
    path="/v3/sources/{source_id}",
    kind=Kind.READ,
    section="5.3.8",
):
    """Read one source server by its id: state, stage, environment checks, disks, volume groups,
    Btrfs, network interfaces, current task and the recommended target.

    init_target_server.disks is what create_migration_task wants as the target's disks.
    list_source_servers finds ids; get_migration_task has the sub-tasks; diagnose_server explains
    what is wrong with a server.
    """

    source_id: SourceId


class GetSourceServerOverview(
    Operation[SourceServerOverview],
    method="GET",
    path="/v3/sources/overview",
    kind=Kind.READ,
    section="5.3.9",
):
    """Count the source servers of the account by state, in one call and without names.

    unconfigured counts those that have no target configuration yet. No filter: for one migration
    project or for names use list_source_servers; for bytes, problems and advice use
    migration_overview.
    """


class UpdateSourceServerDisks(
    Operation[Empty],
    method="PUT",
    path="/v3/sources/{source_id}/diskinfo",
    kind=Kind.AGENT,
    section="5.3.10",
):
    """Replace the disk, volume and Btrfs information of a source server, in the Agent's name.

    Part of the Agent's own conversation: the former information is deleted and cannot be brought
    back from here, and a migration task that no longer fits it fails. To choose which disks are
    migrated use update_source_server; to read them use get_source_server.
    """

    source_id: SourceId
    # The same report as register_source_server's, whose schema lists the fields.
    disks: Annotated[
        list[ServerDisk] | None,
        Field(
            max_length=65_535,
            description="All disks, as disks of register_source_server.",
            json_schema_extra=COPIED,
        ),
    ] = None
    volumegroups: Annotated[
        list[VolumeGroup] | None,
        Field(
            max_length=65_535,
            description="All volume groups, as volume_groups of register_source_server.",
            json_schema_extra=COPIED,
        ),
    ] = None
    btrfs_list: Annotated[
        list[BtrfsFileSystem] | None,
        Field(
            max_length=65_535,
            description="All Btrfs file systems, as btrfs_list of register_source_server.",
            json_schema_extra=COPIED,
        ),
    ] = None
