"""Migration projects (reference 5.8): the groups, or waves, that source servers belong to."""

from typing import Annotated

from pydantic import Field

from sms_tools.operation import Empty, Kind, Operation, Page, Reply
from sms_tools.operations.common import Megabits, MigrationType, Offset, ProjectId, Text

ProjectName = Annotated[str, Field(min_length=2, max_length=19, description="2 to 19 characters.")]


class MigrationProject(Reply):
    """A migration project as the service reports it."""

    id: str | None = None
    name: str | None = None
    description: str | None = None
    isdefault: bool | None = None
    region: str | None = None
    start_target_server: bool | None = None
    speed_limit: int | None = None
    """Mbit/s."""
    use_public_ip: bool | None = None
    exist_server: bool | None = None
    """Whether source servers belong to it."""
    type: str | None = None
    enterprise_project: str | None = None
    syncing: bool | None = None
    start_network_check: bool | None = None


class MigrationProjectPage(Page[MigrationProject]):
    """One page of migration projects."""

    migprojects: list[MigrationProject] | None = None

    @property
    def items(self) -> list[MigrationProject]:
        """The projects of this page."""
        return self.migprojects or []


class Created(Reply):
    """The id of what was created."""

    id: str | None = None


class CreateMigrationProject(
    Operation[Created], method="POST", path="/v3/migprojects", kind=Kind.WRITE, section="5.8.1"
):
    """Create a migration project: a named group of source servers, often one wave of a migration.

    Its settings are the defaults for the tasks of its servers. Creates no server and costs
    nothing; an account holds 50 projects. Returns the new id. Move servers into it with
    update_source_server (migprojectid).
    """

    name: ProjectName
    description: Annotated[Text | None, Field(description="What the project is for.")] = None
    isdefault: Annotated[
        bool | None, Field(description="Whether newly started Agents register here. Default false.")
    ] = None
    region: Annotated[Text, Field(description="Region name of the targets, e.g. ap-southeast-3.")]
    start_target_server: Annotated[
        bool | None, Field(description="Start targets after migration. Default true.")
    ] = None
    speed_limit: Annotated[
        Megabits | None, Field(description="Rate limit in Mbit/s; 0 means none.")
    ] = None
    use_public_ip: Annotated[bool, Field(description="Migrate over public IP addresses.")]
    exist_server: Annotated[bool, Field(description="Migrate to existing ECSs.")]
    type: Annotated[MigrationType, Field(description="Block-level or file-level (Linux only).")]
    enterprise_project: Annotated[
        Text | None, Field(description="Enterprise project name; `default` if left out.")
    ] = None
    syncing: Annotated[
        bool,
        Field(
            description="Keep synchronising after the full copy; false launches targets by itself."
        ),
    ]
    start_network_check: Annotated[
        bool | None, Field(description="Measure the network before migrating.")
    ] = None


class ListMigrationProjects(
    Operation[MigrationProjectPage],
    method="GET",
    path="/v3/migprojects",
    kind=Kind.READ,
    section="5.8.2",
):
    """List the migration projects of the account with their settings.

    Use it to find a project's id or the default project. The servers of one project come from
    list_source_servers (migproject); get_migration_project reads one project by id.
    """

    limit: Annotated[
        int | None, Field(ge=0, le=100, description="Projects per page. Default 50.")
    ] = None
    offset: Offset | None = None


class GetMigrationProject(
    Operation[MigrationProject],
    method="GET",
    path="/v3/migprojects/{mig_project_id}",
    kind=Kind.READ,
    section="5.8.3",
):
    """Read one migration project's settings by its id. list_migration_projects finds ids."""

    mig_project_id: ProjectId


class DeleteMigrationProject(
    Operation[Empty],
    method="DELETE",
    path="/v3/migprojects/{mig_project_id}",
    kind=Kind.DESTRUCTIVE,
    section="5.8.4",
):
    """Delete a migration project for good.

    Works only on a project without servers that is not the default one: move its servers with
    update_source_server first. Servers and tasks themselves are untouched.
    """

    mig_project_id: ProjectId


class UpdateMigrationProject(
    Operation[Empty],
    method="PUT",
    path="/v3/migprojects/{mig_project_id}",
    kind=Kind.WRITE,
    section="5.8.5",
):
    """PLACEHOLDER"""

    mig_project_id: ProjectId


class SetDefaultMigrationProject(
    Operation[Empty],
    method="PUT",
    path="/v3/migprojects/{mig_project_id}/default",
    kind=Kind.WRITE,
    section="5.8.6",
):
    """Make a migration project the default one.

    Agents started from now on register there; servers already registered stay where they are.
    There is always one default: to undo, set the former one.
    """

    mig_project_id: ProjectId
