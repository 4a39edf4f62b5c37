"""Source servers (reference 5.3): the machines that are to be migrated.

A machine becomes a source server when the Agent on it registers. The service keeps two words for
where it is: `state` (what happens now) and `migration_cycle` (the stage in which it happens).
Times are epoch milliseconds and sizes bytes.
"""

from sms_tools.operations.source_servers.changes import (
    DeleteSourceServer,
    DeleteSourceServers,
    DiskChoice,
    LogicalVolumeChoice,
    UpdateSourceServer,
    VolumeChoice,
    VolumeGroupChoice,
)
from sms_tools.operations.source_servers.queries import (
    GetSourceServer,
    GetSourceServerOverview,
    ListFailedSourceServers,
    ListSourceServers,
)
from sms_tools.operations.source_servers.records import (
    CurrentTask,
    EnvironmentCheck,
    FailedServer,
    FailedServerPage,
    RecommendedTarget,
    SourceServer,
    SourceServerDetail,
    SourceServerOverview,
    SourceServerPage,
    TargetOfTask,
)
from sms_tools.operations.source_servers.reports import (
    RegisterSourceServer,
    UpdateSourceServerDisks,
    UpdateSourceServerState,
)

__all__ = [
    "CurrentTask",
    "DeleteSourceServer",
    "DeleteSourceServers",
    "DiskChoice",
    "EnvironmentCheck",
    "FailedServer",
    "FailedServerPage",
    "GetSourceServer",
    "GetSourceServerOverview",
    "ListFailedSourceServers",
    "ListSourceServers",
    "LogicalVolumeChoice",
    "RecommendedTarget",
    "RegisterSourceServer",
    "SourceServer",
    "SourceServerDetail",
    "SourceServerOverview",
    "SourceServerPage",
    "TargetOfTask",
    "UpdateSourceServer",
    "UpdateSourceServerDisks",
    "UpdateSourceServerState",
    "VolumeChoice",
    "VolumeGroupChoice",
]
