"""Migration projects (reference 5.8): the groups, or waves, that source servers belong to."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from sms_tools.operation import Empty, Fields, Kind, Operation, Page, Reply
from sms_tools.operations.common import Created, Megabits, MigrationType, Offset, ProjectId, Text

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
    """Whether targets are existing ECSs. The table of the list says "whether it has servers"."""
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


class ProjectSettings(Fields):
    """What create_migration_project and update_migration_project send."""

    name: ProjectName
    description: Annotated[Text | None, Field(description="Its purpose.")] = None
    isdefault: Annotated[bool | None, Field(description="New Agents register here.")] = None
    region: Annotated[Text, Field(description="Region of the targets, e.g. ap-southeast-3.")]
    start_target_server: Annotated[
        bool | None, Field(description="Start targets at the end. Default true.")
    ] = None
    speed_limit: Annotated[
        Megabits | None, Field(description="Rate limit in Mbit/s; 0 means none.")
    ] = None
    use_public_ip: Annotated[bool, Field(description="Migrate over public IP addresses.")]
    exist_server: Annotated[bool, Field(description="Migrate to existing ECSs.")]
    type: Annotated[MigrationType, Field(description="File-level is for Linux only.")]
    enterprise_project: Annotated[Text | None, Field(description="Enterprise project name.")] = None
    syncing: Annotated[
        bool,
        Field(description="Keep syncing after the full copy; false launches automatically."),
    ]
    start_network_check: Annotated[
        bool | None, Field(description="Measure the network before migrating.")
    ] = None


class CreateMigrationProject(
    Operation[Created],
    ProjectSettings,
    method="POST",
    path="/v3/migprojects",
    kind=Kind.WRITE,
    section="5.8.1",
):
    """Open (create, start) a new wave or batch (新建批次, 建项目): a migration project, a named
    group of source servers. Its settings are defaults for the tasks of its servers. Names are
    unique; an account holds 50 projects. Costs nothing. Returns the new id. Move servers into it
    with update_source_server (migprojectid).
    """


class ListMigrationProjects(
    Operation[MigrationProjectPage],
    method="GET",
    path="/v3/migprojects",
    kind=Kind.READ,
    section="5.8.2",
):
    """Which waves (batches, groups; migration projects) are there, and how are they set up
    (有哪些批次, 项目)? Use it to find a project's id or the default project. The servers of one
    project come from list_source_servers (migproject); get_migration_project reads one project by
    id.
    """

    limit: Annotated[
        int | None, Field(ge=0, le=100, description="Projects per page, 20 if left out.")
    ] = None
    offset: Offset | None = None


class GetMigrationProject(
    Operation[MigrationProject],
    method="GET",
    path="/v3/migprojects/{mig_project_id}",
    kind=Kind.READ,
    section="5.8.3",
):
    """Read the settings of one migration project (wave; 批次详情) by its id: region, rate limit,
    syncing and the like. list_migration_projects finds ids; list_source_servers (migproject) lists
    its servers.
    """

    mig_project_id: ProjectId


class DeleteMigrationProject(
    Operation[Empty],
    method="DELETE",
    path="/v3/migprojects/{mig_project_id}",
    kind=Kind.DESTRUCTIVE,
    section="5.8.4",
):
    """Delete (remove) a wave or group (migration project) that is empty, for good (删除批次). Works
    only on a project without servers that is not the default one: move its servers with
    update_source_server (migprojectid) first. Servers and tasks themselves are untouched.
    """

    mig_project_id: ProjectId


class UpdateMigrationProject(
    Operation[Empty],
    ProjectSettings,
    method="PUT",
    path="/v3/migprojects/{mig_project_id}",
    kind=Kind.WRITE,
    section="5.8.5",
    replaces=True,
):
    """Rename a wave (migration project; 修改批次, 批次改名), or change the settings that its jobs
    get by default, such as rate limit or syncing. Replaces the former settings: read them with
    get_migration_project first and send every one that is to stay; one left out may fall back to
    its default. Whether existing tasks are affected is not documented: change those with
    update_migration_task or set_migration_rate_limits.
    """

    mig_project_id: ProjectId
    id: Annotated[
        str | None,
        Field(min_length=1, max_length=254, description="Same as mig_project_id; not needed."),
    ] = None

    @model_validator(mode="after")
    def _is_one_project(self) -> Self:
        if self.id not in (None, self.mig_project_id):
            raise ValueError("id and mig_project_id must name the same project")
        return self

    @property
    def danger(self) -> Kind:
        """Without `syncing` the project's tasks launch automatically: that is no mere setting."""
        return Kind.WRITE if self.syncing else Kind.DESTRUCTIVE


class SetDefaultMigrationProject(
    Operation[Empty],
    method="PUT",
    path="/v3/migprojects/{mig_project_id}/default",
    kind=Kind.WRITE,
    section="5.8.6",
    replaces=True,
):
    """Make a wave (migration project) the default one, which new machines (Agents) join
    automatically (默认批次, 新机器默认加入), in place of the former: servers whose Agents are
    installed or started from now on register there; source servers already registered stay. To
    undo, set the former one, which list_migration_projects (isdefault) shows beforehand.
    """

    mig_project_id: ProjectId
