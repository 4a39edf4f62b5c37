"""What belongs to the account or to nobody: versions, configuration, projects, privacy, hashes."""

from hashlib import sha256

from sms_tools.operation import JSON
from sms_tools.operations.agent import GetAgentConfiguration
from sms_tools.operations.keys import CalculateSha256
from sms_tools.operations.privacy import GetPrivacyAgreement, SignPrivacyAgreement
from sms_tools.operations.projects import (
    CreateMigrationProject,
    DeleteMigrationProject,
    GetMigrationProject,
    ListMigrationProjects,
    SetDefaultMigrationProject,
    UpdateMigrationProject,
)
from sms_tools.operations.versions import GetApiVersion, ListApiVersions
from sms_tools.sandbox.checks import INVALID
from sms_tools.sandbox.cloud import Cloud, Refusal
from sms_tools.sandbox.handlers.registry import answers, page_of, sent

_V3 = {
    "id": "v3",
    "links": [{"rel": "self", "href": "https://sms.ap-southeast-3.myhuaweicloud.com/v3"}],
    "updated": "2020-09-02T17:50:00Z",
    "status": "SUPPORTED",
}
_REGIONS = ("ap-southeast-1", "ap-southeast-2", "ap-southeast-3")


@answers(ListApiVersions)
def list_api_versions(_cloud: Cloud, _op: ListApiVersions) -> JSON:
    """The one version that there is."""
    return {"versions": [_V3]}


@answers(GetApiVersion)
def get_api_version(_cloud: Cloud, op: GetApiVersion) -> JSON:
    """The one version that there is."""
    if op.version != _V3["id"]:
        raise Refusal(INVALID, "version")
    return _V3


@answers(GetAgentConfiguration)
def get_agent_configuration(_cloud: Cloud, _op: GetAgentConfiguration) -> JSON:
    """What the Agent starts from."""
    regions = [{"region_name": name, "project_name": name} for name in _REGIONS]
    return {"config": {"mainRegion": "ap-southeast-3", "disktype": "SATA"}, "regions": regions}


@answers(CalculateSha256)
def calculate_sha256(_cloud: Cloud, op: CalculateSha256) -> JSON:
    """The hash of what stands in the path."""
    return {"value": sha256(op.key.encode()).hexdigest()}


@answers(CreateMigrationProject)
def create_migration_project(cloud: Cloud, op: CreateMigrationProject) -> JSON:
    """The id of the new project."""
    return {"id": cloud.create_project(sent(op))}


@answers(ListMigrationProjects)
def list_migration_projects(cloud: Cloud, op: ListMigrationProjects) -> JSON:
    """One page of projects."""
    count, page = cloud.list_projects(**page_of(op.limit, op.offset, usual=50))
    return {"count": count, "migprojects": page}


@answers(GetMigrationProject)
def get_migration_project(cloud: Cloud, op: GetMigrationProject) -> JSON:
    """One project's settings."""
    return cloud.show_project(op.mig_project_id)


@answers(DeleteMigrationProject)
def delete_migration_project(cloud: Cloud, op: DeleteMigrationProject) -> JSON:
    """Nothing but a status."""
    cloud.delete_project(op.mig_project_id)


@answers(UpdateMigrationProject)
def update_migration_project(cloud: Cloud, op: UpdateMigrationProject) -> JSON:
    """Nothing but a status."""
    fields = sent(op)
    fields.pop("id", None)  # the sample repeats the id in the body; the path decides
    cloud.update_project(op.mig_project_id, fields)


@answers(SetDefaultMigrationProject)
def set_default_migration_project(cloud: Cloud, op: SetDefaultMigrationProject) -> JSON:
    """Nothing but a status."""
    cloud.set_default_project(op.mig_project_id)


@answers(SignPrivacyAgreement)
def sign_privacy_agreement(cloud: Cloud, _op: SignPrivacyAgreement) -> JSON:
    """Nothing but a status."""
    cloud.sign_privacy_agreement()


@answers(GetPrivacyAgreement)
def get_privacy_agreement(cloud: Cloud, _op: GetPrivacyAgreement) -> JSON:
    """Whether the account has signed."""
    return cloud.privacy_agreement()
