"""Around a migration task: target lock, network rules, channel certificate and logs."""

from typing import Annotated

from pydantic import Field

from sms_tools.operation import Empty, Kind, Operation
from sms_tools.operations.common import OsType, TaskId, Text
from sms_tools.operations.tasks.records import CertificatePassphrase


class UnlockTargetServer(
    Operation[Empty],
    method="POST",
    path="/v3/tasks/{task_id}/unlock",
    kind=Kind.DESTRUCTIVE,
    section="5.4.11",
    idempotent=True,
):
    """Unlock (release) the target server (the new ECS; 解锁目标端, 被锁) of a migration task, so
    that it can be changed or resized on the ECS console again. The lock is released automatically
    at the end of the migration; no call locks it again. Use it for a target that stayed locked
    after its task ended or failed. Unlocked during a copy, a changed disk makes the migration fail.
    """

    task_id: TaskId


class CheckNetworkAcl(
    Operation[Empty],
    method="GET",
    path="/v3/tasks/{target_project_id}/networkacl/{target_network_id}/check",
    kind=Kind.READ,
    section="5.4.12",
):
    """Check whether the network ACL rules and security groups (firewall; 安全组放通, 防火墙) of a
    target subnet let a server migration through. Answers with success or an error and gives no
    reasons; one check holds for all servers of the same project, subnet and OS type. Rules only: to
    measure the connection use manage_migration_task with network_check; check_network_paths judges
    ports server by server.
    """

    # The reference calls the path parameters t_project_id and t_network_id.
    target_project_id: Annotated[
        str,
        Field(min_length=1, max_length=255, description="IAM project id of the target server."),
    ]
    target_network_id: Annotated[
        str, Field(min_length=1, max_length=255, description="Subnet id of the target server.")
    ]
    region_id: Annotated[Text, Field(description="Region of the target, e.g. ap-southeast-3.")]
    os_type: Annotated[OsType, Field(description="OS of the source; decides the ports.")]


class GetCertificatePassphrase(
    Operation[CertificatePassphrase],
    method="GET",
    path="/v3/tasks/{task_id}/passphrase",
    kind=Kind.SECRET,
    section="5.4.13",
):
    """Reveal the passphrase of the certificate (证书口令) that protects a migration task's transfer
    channel. The Agent fetches it for itself; people need it only to debug the channel by hand. What
    is revealed cannot be taken back, so a person is asked first. get_certificate_and_private_key
    has the certificate and its key. May fail on a valid task.
    """

    task_id: TaskId


class UploadMigrationTaskLogs(
    Operation[Empty],
    method="POST",
    path="/v3/tasks/{task_id}/log",
    kind=Kind.WRITE,
    section="5.4.14",
):
    """Collect the logs (diagnostics) of a migration task from Agent and target and send them to an
    OBS bucket, for a ticket with Huawei's support engineers or a person to look at (收集日志,
    上传日志, 工单). Needs a task that was started and no other collection under way. Runs in the
    background: log_collect_status of list_migration_tasks shows how far it is. The logs are shared
    by a link that anybody can open until it expires, and the bucket's storage is billed.
    """

    task_id: TaskId
    log_bucket: Annotated[Text, Field(description="Name of an OBS bucket of the account.")]
    # Mandatory in the reference, but the official SDK does not know it.
    log_expire: Annotated[
        int | None, Field(ge=300, le=64_800, description="Seconds that the link is valid.")
    ] = None

    @property
    def danger(self) -> Kind:
        """The logs leave for a bucket, under a link that anybody can open: not to be taken back."""
        return Kind.DESTRUCTIVE
