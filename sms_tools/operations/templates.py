"""Templates (reference 5.6): what a target server looks like that the service creates."""

from collections.abc import Sequence
from typing import Annotated, Any, Final, Self

from pydantic import Field, ValidationInfo, model_validator

from sms_tools.operation import Empty, Fields, Kind, Operation, Page, Reply
from sms_tools.operations.common import (
    Created,
    Echoed,
    Int,
    Long,
    Offset,
    TemplateId,
    Text,
    note_dropped,
)
from sms_tools.schema import COPIED

VolumeType = Text
"""Open: a region sells what it sells. The reference documents SAS, SSD and SATA, its samples send
an empty text for "undecided"."""

Name = Annotated[Text, Field(description="Name.")]
AutoId = Annotated[Text, Field(description="Id, or autoCreate.")]


class ReportedVpc(Reply):
    """A VPC; empty where none is chosen."""

    id: str | None = None
    name: str | None = None
    cidr: str | None = None


class ReportedNic(Reply):
    """A subnet of the target, with the target's address in it."""

    id: str | None = None
    name: str | None = None
    cidr: str | None = None
    ip: str | None = None


class ReportedSecurityGroup(Reply):
    """A security group."""

    id: str | None = None
    name: str | None = None


class ReportedPublicIp(Reply):
    """An EIP to create."""

    type: str | None = None
    bandwidth_size: int | None = None
    """Mbit/s."""
    bandwidth_share_type: str | None = None


class ReportedTemplateDisk(Reply):
    """A disk."""

    id: int | None = None
    index: int | None = None
    name: str | None = None
    disktype: str | None = None
    size: int | None = None
    """GB."""
    device_use: str | None = None


class Vpc(Echoed, reply=ReportedVpc):
    """The network of the target."""

    id: Annotated[str, Field(min_length=1, max_length=255, description="VPC id, or autoCreate.")]
    name: Annotated[str, Field(min_length=1, max_length=255, description="Name.")]
    cidr: Annotated[
        str | None,
        Field(min_length=1, max_length=255, description="Default 192.168.0.0/16."),
    ] = None


class Nic(Echoed, reply=ReportedNic):
    """A network card of the target, given by its subnet."""

    id: Annotated[Text, Field(description="Subnet id, or autoCreate.")]
    name: Name
    cidr: Annotated[Text, Field(description="E.g. 192.168.0.0/24.")]
    ip: Annotated[Text | None, Field(description="Empty: assigned.")] = None


class SecurityGroup(Echoed, reply=ReportedSecurityGroup):
    """A security group of the target."""

    id: AutoId
    name: Name


class PublicIp(Echoed, reply=ReportedPublicIp):
    """An elastic IP (EIP) that is created, and billed, with the target."""

    type: Annotated[Text, Field(description="E.g. 5_bgp.")]
    bandwidth_size: Annotated[int, Field(ge=1, le=2_000, description="Mbit/s.")]
    bandwidth_share_type: Annotated[Text | None, Field(description="E.g. PER (dedicated).")] = None


class TemplateDisk(Echoed, reply=ReportedTemplateDisk):
    """A disk of the target."""

    id: Annotated[Long | None, Field(description="Disk id.")] = None
    index: Annotated[Int, Field(description="From 0.")]
    name: Name
    disktype: Annotated[Text, Field(description="As volumetype.")]
    size: Annotated[Long, Field(description="GB.")]
    device_use: Annotated[Text | None, Field(description="E.g. BOOT.")] = None


class TemplateSettings(Fields):
    """What create_template and update_template send under ``template``."""

    name: Annotated[Text, Field(description="Template name.")]
    is_template: Annotated[bool, Field(description="Reusable; false: belongs to one task.")]
    region: Annotated[Text, Field(description="Region of the target.")]
    projectid: Annotated[Text, Field(description="Cloud project id (not a migration project).")]
    target_server_name: Annotated[Text | None, Field(description="Name of the target.")] = None
    availability_zone: Annotated[Text | None, Field(description="AZ.")] = None
    volumetype: Annotated[
        VolumeType | None, Field(description="System disk type: SAS, SSD, SATA, GPSSD …")
    ] = None
    flavor: Annotated[str | None, Field(max_length=65_535, description="E.g. c3.medium.2.")] = None
    vpc: Annotated[Vpc | None, Field(description="Network.")] = None
    nics: Annotated[
        list[Nic] | None, Field(max_length=65_535, description="Subnets; one if autoCreate.")
    ] = None
    security_groups: Annotated[
        list[SecurityGroup] | None,
        Field(max_length=65_535, description="One if autoCreate."),
    ] = None
    publicip: Annotated[PublicIp | None, Field(description="EIP to create; billed.")] = None
    disk: Annotated[list[TemplateDisk] | None, Field(max_length=65_535, description="Disks.")] = (
        None
    )
    data_volume_type: Annotated[VolumeType | None, Field(description="Data disk type.")] = None
    target_password: Annotated[
        str | None,
        Field(max_length=1_024, repr=False, description="Login password of the targets."),
    ] = None
    image_id: Annotated[Text | None, Field(description="Image of the target.")] = None


class Template(Reply):
    """A template as the service reports it."""

    id: str | None = None
    name: str | None = None
    is_template: bool | None = None
    """Documented as text here and as a boolean in requests: either is read."""
    region: str | None = None
    projectid: str | None = None
    target_server_name: str | None = None
    availability_zone: str | None = None
    volumetype: str | None = None
    flavor: str | None = None
    vpc: ReportedVpc | None = None
    nics: list[ReportedNic] | None = None
    security_groups: list[ReportedSecurityGroup] | None = None
    publicip: ReportedPublicIp | None = None
    disk: list[ReportedTemplateDisk] | None = None
    data_volume_type: str | None = None
    target_password: Annotated[str | None, Field(repr=False)] = None
    image_id: str | None = None


class TemplateReply(Reply):
    """One template."""

    template: Template | None = None


class TemplatePage(Page[Template]):
    """One page of templates."""

    templates: list[Template] | None = None

    @property
    def items(self) -> Sequence[Template]:
        """The templates of this page."""
        return self.templates or []


class TargetPassword(Reply):
    """The password of a template's targets."""

    template_id: str | None = None
    target_password: Annotated[str | None, Field(repr=False)] = None


class CreateTemplate(
    Operation[Created],
    TemplateSettings,
    method="POST",
    path="/v3/vm/templates",
    kind=Kind.WRITE,
    section="5.6.1",
    wrapped_in="template",
):
    """Create a template (save settings, a size; 新建模板, 保存) to make target servers from: the
    flavor (cores, memory), network, disks and image. Nothing is billed yet: a task that names it
    (create_migration_task, vm_template_id) or a clone_test creates what is. With the id
    `autoCreate` the service creates that part of the network. Returns the new id; an account holds
    50 templates.
    """


class ListTemplates(
    Operation[TemplatePage],
    method="GET",
    path="/v3/vm/templates",
    kind=Kind.READ,
    section="5.6.2",
):
    """Which templates (blueprints, ready-made sizes) are there for new target servers (有哪些模板,
    规格)? With all settings, filtered by name or place. Use it to find an id for
    create_migration_task or a clone_test. get_template reads one by its id. Login passwords are
    left out.
    """

    name: Annotated[Text | None, Field(description="Template name.")] = None
    availability_zone: Annotated[Text | None, Field(description="AZ.")] = None
    region: Annotated[Text | None, Field(description="Region id.")] = None
    limit: Annotated[
        int | None, Field(ge=0, le=100, description="Templates per page, 20 if left out.")
    ] = None
    offset: Offset | None = None


class DeleteTemplates(
    Operation[Empty],
    method="POST",
    path="/v3/vm/templates/delete",
    kind=Kind.DESTRUCTIVE,
    section="5.6.3",
    idempotent=True,
):
    """Delete several target server templates (blueprints) for good (批量删除模板); delete_template
    deletes one. Refused for one that a migration task still uses: delete the task first, which may
    take its template along. Servers created from a template stay.
    """

    # The reference lets the list be absent, and does not say what would be deleted then.
    ids: Annotated[
        list[TemplateId],
        Field(min_length=1, max_length=65_535, description="Templates to delete."),
    ]


class DeleteTemplate(
    Operation[Empty],
    method="DELETE",
    path="/v3/vm/templates/{template_id}",
    kind=Kind.DESTRUCTIVE,
    section="5.6.4",
):
    """Delete one target server template (blueprint) that is not needed any more, for good
    (删除模板); delete_templates deletes several. Refused while a migration task uses it: delete the
    task first, which may take its template along ("not found" then means done). Servers created
    from the template stay.
    """

    template_id: TemplateId


_AsRead: Final = Field(description="As in get_template.", json_schema_extra=COPIED)


class GetTemplate(
    Operation[TemplateReply],
    method="GET",
    path="/v3/vm/templates/{template_id}",
    kind=Kind.READ,
    section="5.6.5",
):
    """Read one target server template (模板详情): flavor, image, network, security groups, EIP and
    disks, that is what a new machine made from it looks like. Shows what a task or clone_test would
    create and bill; list_templates finds ids. The login password is left out.
    """

    template_id: TemplateId


class UpdateTemplate(
    Operation[Empty],
    TemplateSettings,
    method="PUT",
    path="/v3/vm/templates/{template_id}",
    kind=Kind.WRITE,
    section="5.6.6",
    replaces=True,
    wrapped_in="template",
):
    """Change (correct) a target server template (blueprint; 修改模板, 换子网): another flavor,
    subnet, image or disks from now on; its former settings cannot be restored. Read it with
    get_template first and send every setting that is to stay: whether one left out is kept is not
    documented. Existing targets are not touched.
    """

    template_id: TemplateId
    id: Annotated[
        Text | None, Field(exclude=True, description="Same as template_id; not needed.")
    ] = None
    # Nested parts are copied from get_template, or written as for create_template.
    vpc: Annotated[Vpc | None, _AsRead] = None
    nics: Annotated[list[Nic] | None, _AsRead, Field(max_length=65_535)] = None
    security_groups: Annotated[list[SecurityGroup] | None, _AsRead, Field(max_length=65_535)] = None
    publicip: Annotated[PublicIp | None, _AsRead] = None
    disk: Annotated[list[TemplateDisk] | None, _AsRead, Field(max_length=65_535)] = None

    @property
    def danger(self) -> Kind:
        """A login password that is overwritten cannot be read back and restored."""
        return Kind.DESTRUCTIVE if self.target_password is not None else Kind.WRITE

    @model_validator(mode="before")
    @classmethod
    def _drop_what_is_empty_in_replies(cls, given: Any, info: ValidationInfo) -> Any:
        # get_template has {} where nothing was chosen, which no request can say.
        if not isinstance(given, dict):
            return given
        empty = {name for name in ("vpc", "publicip") if given.get(name) == {}}
        if empty:
            note_dropped(info, empty)
        return {name: value for name, value in given.items() if name not in empty}

    @model_validator(mode="after")
    def _is_one_template(self) -> Self:
        if self.id not in (None, self.template_id):
            raise ValueError("id and template_id must name the same template")
        self.id = None
        self.model_fields_set.discard("id")
        return self


class GetTemplateTargetPassword(
    Operation[TargetPassword],
    method="GET",
    path="/v3/vm/templates/{template_id}/target-password",
    kind=Kind.SECRET,
    section="5.6.7",
):
    """Reveal the login password (root, Administrator, admin; 登录密码) that a template sets on its
    target servers, for a person who forgot it and cannot log in; migrating and troubleshooting
    never need it. What is revealed cannot be taken back, so a person is asked first. get_template
    reads everything else about the template.
    """

    template_id: TemplateId
