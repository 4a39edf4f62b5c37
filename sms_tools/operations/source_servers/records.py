"""What the service says about source servers. Times are epoch milliseconds and sizes bytes."""

import marshal
from collections.abc import Sequence
from typing import Annotated, Final

from pydantic import BeforeValidator

from sms_tools.operation import JSON, Page, Reply
from sms_tools.operations.error_json import TaskError, decode_error_json
from sms_tools.operations.hardware import BtrfsInfo, DiskInfo, NetworkInterfaceInfo, VolumeGroupInfo
from sms_tools.operations.tasks.records import CloneServer


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


_ALIKE: Final[dict[bytes, EnvironmentCheck]] = {}
_MOST_ALIKE: Final = 1024


def _without_ids(checks: JSON) -> JSON:
    """*checks* without their ids, which nobody needs in a list: so servers that passed the same
    check share one record. Most of a list is those.
    """
    if not isinstance(checks, list):
        return checks
    return [_alike(each) if isinstance(each, dict) else each for each in checks]


def _alike(check: dict[str, JSON]) -> EnvironmentCheck:
    without_id = check.copy()
    without_id.pop("id", None)
    # The quickest way to compare JSON by all that it holds; this version writes no references.
    key = marshal.dumps(without_id, 2)
    found = _ALIKE.get(key)
    if found is None:
        found = EnvironmentCheck.read(without_id)
        if len(_ALIKE) < _MOST_ALIKE:
            _ALIKE[key] = found
    return found


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
    init_target_server: JSON = None
    """The recommended target as it came: lists are long, and nobody judges it in them. The details
    have it as :class:`RecommendedTarget`."""
    is_consistency_result_exist: bool | None = None
    has_tc: bool | None = None
    """Whether a Linux server has ``tc``, without which rates cannot be limited."""
    start_type: str | None = None


class ListedServer(SourceServer):
    """A source server in a list, with what is judged of it there: lists are long."""

    checks: Annotated[list[EnvironmentCheck] | None, BeforeValidator(_without_ids)] = None


class SourceServerPage(Page[SourceServer]):
    """One page of source servers."""

    source_servers: list[ListedServer] | None = None

    @property
    def items(self) -> Sequence[SourceServer]:
        """The servers of this page."""
        return self.source_servers or []


class SourceServerDetail(SourceServer):
    """A source server with its hardware."""

    init_target_server: RecommendedTarget | None = None
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
