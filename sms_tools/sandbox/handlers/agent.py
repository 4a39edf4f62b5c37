"""The conversation with the migration Agent: commands, reports, keys (reference 5.4, 5.5, 5.7)."""

from sms_tools.operation import JSON
from sms_tools.operations.commands import GetAgentCommand, ReportAgentCommandResult
from sms_tools.operations.keys import GetCertificateAndPrivateKey
from sms_tools.operations.network import ReportNetworkMeasurement
from sms_tools.operations.tasks import (
    GetCertificatePassphrase,
    ReportMigrationProgress,
    UploadConsistencyResults,
)
from sms_tools.sandbox.cloud import Cloud
from sms_tools.sandbox.handlers.registry import answers, sent


@answers(GetAgentCommand)
def get_agent_command(cloud: Cloud, op: GetAgentCommand) -> JSON:
    """The oldest command that waits; the Agent has it then, and nobody else gets it."""
    return cloud.take_command(op.server_id)


@answers(ReportAgentCommandResult)
def report_agent_command_result(cloud: Cloud, op: ReportAgentCommandResult) -> JSON:
    """Nothing but a status."""
    cloud.report_command(op.server_id, sent(op))


@answers(ReportMigrationProgress)
def report_migration_progress(cloud: Cloud, op: ReportMigrationProgress) -> JSON:
    """Nothing but a status."""
    cloud.report_progress(op.task_id, sent(op))


@answers(UploadConsistencyResults)
def upload_consistency_results(cloud: Cloud, op: UploadConsistencyResults) -> JSON:
    """An empty object, as in the reference's sample."""
    cloud.report_consistency(op.task_id, sent(op).get("consistency_result", []))
    return {}


@answers(ReportNetworkMeasurement)
def report_network_measurement(cloud: Cloud, op: ReportNetworkMeasurement) -> JSON:
    """The id of the task."""
    cloud.report_network(op.task_id, sent(op))
    return {"task_id": op.task_id}


@answers(GetCertificatePassphrase)
def get_certificate_passphrase(cloud: Cloud, op: GetCertificatePassphrase) -> JSON:
    """The passphrase of the task's certificate."""
    return cloud.passphrase(op.task_id)


@answers(GetCertificateAndPrivateKey)
def get_certificate_and_private_key(cloud: Cloud, op: GetCertificateAndPrivateKey) -> JSON:
    """The certificates and keys of the task."""
    return cloud.certificate(op.task_id, with_ca=bool(op.enable_ca_cert))
