"""Migration tasks and their advanced options (reference 5.4, 5.10), as far as people ask."""

from sms_tools.operation import JSON
from sms_tools.operations.options import ConfigureMigrationOptions, GetMigrationOptions
from sms_tools.operations.tasks import (
    CheckNetworkAcl,
    CreateMigrationTask,
    DeleteMigrationTask,
    DeleteMigrationTasks,
    GetConsistencyResults,
    GetMigrationRateLimits,
    GetMigrationTask,
    ListMigrationTasks,
    ManageMigrationTask,
    SetMigrationRateLimits,
    UnlockTargetServer,
    UpdateMigrationTask,
    UploadMigrationTaskLogs,
)
from sms_tools.sandbox.cloud import Cloud, Refusal
from sms_tools.sandbox.handlers.registry import answers, page_of, sent

LOG_LINK_SECONDS = 3_600
"""How long a link to uploaded logs holds where the client does not say."""


@answers(CreateMigrationTask)
def create_migration_task(cloud: Cloud, op: CreateMigrationTask) -> JSON:
    """The id of the new task."""
    return {"id": cloud.create_task(sent(op))}


@answers(ListMigrationTasks)
def list_migration_tasks(cloud: Cloud, op: ListMigrationTasks) -> JSON:
    """One page of tasks."""
    count, page = cloud.list_tasks(sent(op), **page_of(op.limit, op.offset, usual=100))
    return {"count": count, "tasks": page}


@answers(DeleteMigrationTasks)
def delete_migration_tasks(cloud: Cloud, op: DeleteMigrationTasks) -> JSON:
    """Nothing but a status."""
    cloud.delete_tasks(op.ids)


@answers(DeleteMigrationTask)
def delete_migration_task(cloud: Cloud, op: DeleteMigrationTask) -> JSON:
    """Nothing but a status."""
    cloud.delete_task(op.task_id)


@answers(GetMigrationTask)
def get_migration_task(cloud: Cloud, op: GetMigrationTask) -> JSON:
    """One task in full."""
    return cloud.show_task(op.task_id)


@answers(UpdateMigrationTask)
def update_migration_task(cloud: Cloud, op: UpdateMigrationTask) -> JSON:
    """The task's id, as in the reference's sample."""
    cloud.update_task(op.task_id, sent(op))
    return {"id": op.task_id}


@answers(ManageMigrationTask)
def manage_migration_task(cloud: Cloud, op: ManageMigrationTask) -> JSON:
    """Nothing but a status."""
    params = sent(op)
    cloud.manage(op.task_id, params.pop("operation"), **params)


@answers(GetMigrationRateLimits)
def get_migration_rate_limits(cloud: Cloud, op: GetMigrationRateLimits) -> JSON:
    """The limits by time of day."""
    return {"speed_limit": cloud.rate_limits(op.task_id)}


@answers(SetMigrationRateLimits)
def set_migration_rate_limits(cloud: Cloud, op: SetMigrationRateLimits) -> JSON:
    """Nothing but a status."""
    cloud.set_rate_limits(op.task_id, sent(op)["speed_limit"])


@answers(UnlockTargetServer)
def unlock_target_server(cloud: Cloud, op: UnlockTargetServer) -> JSON:
    """Nothing but a status."""
    cloud.unlock_target(op.task_id)


@answers(CheckNetworkAcl)
def check_network_acl(cloud: Cloud, op: CheckNetworkAcl) -> JSON:
    """Nothing but a status: the service gives no reasons, and its refusal is a 403."""
    if not cloud.network_open(op.target_network_id):
        raise Refusal("SMS.6605", status=403)


@answers(UploadMigrationTaskLogs)
def upload_migration_task_logs(cloud: Cloud, op: UploadMigrationTaskLogs) -> JSON:
    """Nothing but a status; the upload goes on for a while."""
    cloud.upload_logs(op.task_id, op.log_bucket, op.log_expire or LOG_LINK_SECONDS)


@answers(GetConsistencyResults)
def get_consistency_results(cloud: Cloud, op: GetConsistencyResults) -> JSON:
    """What each verification found."""
    return cloud.consistency_results(op.task_id)


@answers(ConfigureMigrationOptions)
def configure_migration_options(cloud: Cloud, op: ConfigureMigrationOptions) -> JSON:
    """Nothing but a status."""
    cloud.set_options(op.task_id, sent(op)["configurations"])


@answers(GetMigrationOptions)
def get_migration_options(cloud: Cloud, op: GetMigrationOptions) -> JSON:
    """The options of a task, or one of them."""
    return cloud.options(op.task_id, op.config_key)
