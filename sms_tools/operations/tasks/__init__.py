"""Migration tasks (reference 5.4): what copies a source server to its target."""

from sms_tools.operations.tasks.access import (
    CheckNetworkAcl,
    GetCertificatePassphrase,
    UnlockTargetServer,
    UploadMigrationTaskLogs,
)
from sms_tools.operations.tasks.create import CreateMigrationTask
from sms_tools.operations.tasks.lifecycle import (
    DeleteMigrationTask,
    DeleteMigrationTasks,
    GetMigrationTask,
    ListMigrationTasks,
    ManageMigrationTask,
)
from sms_tools.operations.tasks.progress import (
    GetMigrationRateLimits,
    ReportMigrationProgress,
    SetMigrationRateLimits,
)
from sms_tools.operations.tasks.records import (
    ConsistencyResults,
    MigrationTask,
    MigrationTaskDetail,
    RateLimits,
    SubTask,
    TaskPage,
)
from sms_tools.operations.tasks.update import UpdateMigrationTask
from sms_tools.operations.tasks.verification import (
    GetConsistencyResults,
    UploadConsistencyResults,
)

__all__ = [
    "CheckNetworkAcl",
    "ConsistencyResults",
    "CreateMigrationTask",
    "DeleteMigrationTask",
    "DeleteMigrationTasks",
    "GetCertificatePassphrase",
    "GetConsistencyResults",
    "GetMigrationRateLimits",
    "GetMigrationTask",
    "ListMigrationTasks",
    "ManageMigrationTask",
    "MigrationTask",
    "MigrationTaskDetail",
    "RateLimits",
    "ReportMigrationProgress",
    "SetMigrationRateLimits",
    "SubTask",
    "TaskPage",
    "UnlockTargetServer",
    "UpdateMigrationTask",
    "UploadConsistencyResults",
    "UploadMigrationTaskLogs",
]
