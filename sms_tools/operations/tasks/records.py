"""What the service says about migration tasks.

Times are epoch milliseconds and sizes bytes. Enumerations are open: the service knows states and
sub-tasks that the reference does not.
"""

from collections.abc import Sequence
from typing import ClassVar

from sms_tools.operation import Page, Reply
from sms_tools.operations.hardware import PartitionInfo, VolumeGroupInfo
from sms_tools.operations.options import MigrationOption


class TaskReference(Reply):
    """The id of the task that was created or updated."""

    id: str | None = None


class SubTask(Reply):
    """A step of a task. The same name recurs: each ``user_op`` starts a group of steps anew."""

    REPEATED: ClassVar[Sequence[str]] = ("name", "process_trace")

    id: int | None = None
    name: str | None = None
    progress: int | None = None
    """Per cent; has been seen above 100 for Linux file copies."""
    start_date: int | None = None
    end_date: int | None = None
    """Missing while the step runs."""
    migrate_speed: float | None = None
    """Mbit/s; in task details only."""
    user_op: str | None = None
    """What started the group: REPLICATE, CUTOVERn, RESYNCn. In task details only."""
    process_trace: str | None = None
    """The Agent's own account of the progress, as text."""


class _TaskServer(Reply):
    """What source and target have in common, as far as a task tells."""

    id: str | None = None
    """The id in the migration service, not the machine's."""
    name: str | None = None
    ip: str | None = None
    os_type: str | None = None
    os_version: str | None = None
    # The reference promises the sizes on source servers only; read here when they are sent.
    totalsize: int | None = None
    replicatesize: int | None = None


class TaskSource(_TaskServer):
    """The source server of a task."""

    oem_system: bool | None = None
    state: str | None = None
    migration_cycle: str | None = None
    """The stage; in task details only."""


class TaskTarget(_TaskServer):
    """The target server of a task."""

    vm_id: str | None = None
    """The ECS; empty until a target that the task creates itself exists."""


class TargetVolume(PartitionInfo):
    """A partition of a target disk."""

    id: int | None = None
    relation_name: str | None = None
    """The name of its partner on a Linux target."""
    free_size: int | None = None


class TargetDisk(Reply):
    """A disk of the target. Sizes in bytes."""

    id: int | None = None
    name: str | None = None
    relation_name: str | None = None
    """The name of its partner on a Linux target."""
    disk_id: str | None = None
    disk_index: str | None = None
    partition_style: str | None = None
    device_use: str | None = None
    os_disk: bool | None = None
    size: int | None = None
    used_size: int | None = None
    physical_volumes: list[TargetVolume] | None = None


class TaskTargetDetail(TaskTarget):
    """The target server with its disks, as task details have it."""

    system_dir: str | None = None
    disks: list[TargetDisk] | None = None
    volume_groups: list[VolumeGroupInfo] | None = None
    btrfs_list: list[str] | None = None
    image_disk_id: str | None = None
    """The temporary disk with the Agent's image."""
    cutovered_snapshot_ids: str | None = None


class CloneServer(Reply):
    """The rehearsal copy of the target."""

    vm_id: str | None = None
    name: str | None = None
    clone_error: str | None = None
    clone_state: str | None = None
    error_msg: str | None = None


class NetworkCheckInfo(Reply):
    """The latest network measurement; the service does not say when it was made."""

    domain_connectivity: bool | None = None
    destination_connectivity: bool | None = None
    network_delay: float | None = None
    network_jitter: float | None = None
    migration_speed: float | None = None
    loss_percentage: float | None = None
    cpu_usage: float | None = None
    mem_usage: float | None = None
    evaluation_result: str | None = None


class AgentUsage(Reply):
    """What the source server and the Agent on it use."""

    total_cpu_usage: float | None = None
    """Per cent."""
    agent_cpu_usage: float | None = None
    total_mem_usage: float | None = None
    """MB."""
    agent_mem_usage: float | None = None
    total_disk_io: float | None = None
    """MB/s by the reference, Mbit/s by the official SDK."""
    agent_disk_io: float | None = None


class MigrationTask(AgentUsage):
    """A migration task as lists have it; regions differ in the fields that they send."""

    id: str | None = None
    name: str | None = None
    type: str | None = None
    os_type: str | None = None
    state: str | None = None
    subtask_info: str | None = None
    """The current step and its progress, such as ``ATTACH_AGENT_IMAGE-90``."""
    estimate_complete_time: int | None = None
    """The name on the wire; :attr:`estimated_completion` reads either."""
    estimate_completion_time: int | None = None
    """The name in the reference's tables."""
    remain_seconds: int | None = None
    """From the rate of the last five seconds; 60000 has been seen on finished copies."""
    create_date: int | None = None
    total_time: int | None = None
    """How long it took: milliseconds in one sample of the reference, seconds in another."""
    priority: int | None = None
    """0 low, 1 standard, 2 high."""
    speed_limit: int | None = None
    """Mbit/s; 0 is no limit."""
    migrate_speed: float | None = None
    """Mbit/s by the official SDK, MB/s by the reference's table."""
    compress_rate: float | None = None
    start_target_server: bool | None = None
    syncing: bool | None = None
    """Whether it goes on synchronising; if not, the target is launched without being asked."""
    exist_server: bool | None = None
    is_need_consistency_check: bool | None = None
    need_migration_test: bool | None = None
    connected: bool | None = None
    error_json: str | None = None
    """JSON in a string, empty without an error; see ``sms_tools.operations.error_json``."""
    migration_ip: str | None = None
    enterprise_project_id: str | None = None
    log_collect_status: str | None = None
    source_server: TaskSource | None = None
    """Missing once the source server's record is deleted."""
    target_server: TaskTarget | None = None
    clone_server: CloneServer | None = None
    network_check_info: NetworkCheckInfo | None = None
    special_config: list[MigrationOption] | None = None
    sub_tasks: list[SubTask] | None = None

    @property
    def estimated_completion(self) -> int | None:
        """When the service expects the end, under either of the two names."""
        if self.estimate_complete_time is not None:
            return self.estimate_complete_time
        return self.estimate_completion_time


class MigrationTaskDetail(MigrationTask):
    """A migration task read by its id."""

    target_server: TaskTargetDetail | None = None
    region_id: str | None = None
    region_name: str | None = None
    project_id: str | None = None
    project_name: str | None = None
    vm_template_id: str | None = None
    start_date: int | None = None
    finish_date: int | None = None
    float_ip: str | None = None
    """For old Agents only."""
    target_snapshot_id: str | None = None


class TaskPage(Page[MigrationTask]):
    """One page of migration tasks."""

    tasks: list[MigrationTask] | None = None

    @property
    def items(self) -> list[MigrationTask]:
        """The tasks of this page."""
        return self.tasks or []


class RateLimit(Reply):
    """The limit of one part of the day."""

    start: str | None = None
    """HH:MM, in the source server's local time."""
    end: str | None = None
    speed: int | None = None
    """Mbit/s."""
    over_speed_threshold: float | None = None
    """Per cent over the limit at which the task stops itself."""


class RateLimits(Reply):
    """The limits of a task by time of day."""

    speed_limit: list[RateLimit] | None = None


class DirectoryConsistency(Reply):
    """How the files of one directory compare. Zero files in all means: nothing was compared."""

    dir_check: str | None = None
    num_total_files: int | None = None
    num_different_files: int | None = None
    num_target_miss_files: int | None = None
    num_target_more_files: int | None = None


class ConsistencyRun(Reply):
    """One verification."""

    finished_time: int | None = None
    check_result: str | None = None
    """``success`` says that it ran, not that nothing differs."""
    consistency_result: list[DirectoryConsistency] | None = None


class ConsistencyResults(Reply):
    """All verifications of a task, in no promised order."""

    task_id: str | None = None
    result_list: list[ConsistencyRun] | None = None


class CertificatePassphrase(Reply):
    """The passphrase of a task's channel certificate: a secret."""

    task_id: str | None = None
    passphrase: str | None = None
