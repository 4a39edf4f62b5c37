"""Finding, reading and counting source servers."""

from typing import Annotated

from pydantic import Field, model_validator

from sms_tools.operation import Kind, Operation
from sms_tools.operations.common import Offset, ProjectId, SourceId, Text
from sms_tools.operations.machines import SourceState, Stage
from sms_tools.operations.source_servers.records import (
    FailedServerPage,
    SourceServerDetail,
    SourceServerOverview,
    SourceServerPage,
)


class ListFailedSourceServers(
    Operation[FailedServerPage],
    method="GET",
    path="/v3/errors",
    kind=Kind.READ,
    section="5.3.1",
):
    """List source servers whose migration failed as raw error entries (失败列表), each with its
    error code and parameters. Only for paging through them: they have no task id and no time, may
    be cut off, and can outlive the failure. For causes, first steps and recovered servers use
    summarize_failed_servers.
    """

    limit: Annotated[
        int | None, Field(ge=0, le=100, description="Servers per page, 20 if left out.")
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


class ListSourceServers(
    Operation[SourceServerPage],
    method="GET",
    path="/v3/sources",
    kind=Kind.READ,
    section="5.3.3",
):
    """Which machines (hosts, boxes) do we have: the source servers on which the Agent is installed
    (有哪些服务器, 编号), with id, IP address, state, stage, checks that did not pass, bytes copied
    and current task, about 1 kB each. Look up the id of a server by its name. get_source_server
    adds disks, network and all checks, get_source_server_overview only counts. For judged answers
    use migration_overview (detail full) or diagnose_server.
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
        int | None, Field(ge=0, le=200, description="Servers per page, 20 if left out.")
    ] = None
    offset: Offset | None = None
    migration_cycle: Annotated[Stage | None, Field(description="Only in this stage.")] = None
    connected: Annotated[
        bool | None,
        Field(description="By Agent connection; check it in the reply."),
    ] = None
    enterprise_project_id: Annotated[
        Text | None, Field(description="Only this enterprise project's.")
    ] = None
    is_consistency_result_exist: Annotated[
        bool | None, Field(description="With (or without) consistency results.")
    ] = None
    vm_id: Annotated[
        Text | None, Field(description="Only with this target ECS; newer regions.")
    ] = None


class GetSourceServer(
    Operation[SourceServerDetail],
    method="GET",
    path="/v3/sources/{source_id}",
    kind=Kind.READ,
    section="5.3.8",
):
    """What hardware does one source server have (配置, 有哪些磁盘, 几核内存)? Its operating system,
    CPU cores, memory (RAM), disks, volume groups, Btrfs, network interfaces (NICs), environment
    checks, state, stage, current task and the recommended target. init_target_server.disks is what
    create_migration_task wants as the target's disks. list_source_servers finds ids;
    get_migration_task has the sub-tasks; diagnose_server explains what is wrong with a server.
    """

    source_id: SourceId


class GetSourceServerOverview(
    Operation[SourceServerOverview],
    method="GET",
    path="/v3/sources/overview",
    kind=Kind.READ,
    section="5.3.9",
):
    """How many servers (machines, boxes) are there, and how many are finished, running, failed or
    waiting (一共多少台)? Counts them by state in one call and without names. unconfigured counts
    those that have no target configuration yet. No filter: for one migration project or for names
    use list_source_servers; for bytes, problems and advice use migration_overview.
    """
