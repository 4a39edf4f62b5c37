"""Templates for target servers (reference 5.6)."""

from sms_tools.operation import JSON
from sms_tools.operations.templates import (
    CreateTemplate,
    DeleteTemplate,
    DeleteTemplates,
    GetTemplate,
    GetTemplateTargetPassword,
    ListTemplates,
    UpdateTemplate,
)
from sms_tools.sandbox.cloud import Cloud
from sms_tools.sandbox.handlers.registry import answers, page_of, sent


@answers(CreateTemplate)
def create_template(cloud: Cloud, op: CreateTemplate) -> JSON:
    """The id of the new template."""
    return {"id": cloud.create_template(sent(op))}


@answers(ListTemplates)
def list_templates(cloud: Cloud, op: ListTemplates) -> JSON:
    """One page of templates, passwords and all, as the real service answers."""
    count, page = cloud.list_templates(sent(op), **page_of(op.limit, op.offset, usual=50))
    return {"count": count, "templates": page}


@answers(DeleteTemplates)
def delete_templates(cloud: Cloud, op: DeleteTemplates) -> JSON:
    """Nothing but a status."""
    cloud.delete_templates(op.ids)


@answers(DeleteTemplate)
def delete_template(cloud: Cloud, op: DeleteTemplate) -> JSON:
    """Nothing but a status."""
    cloud.delete_template(op.template_id)


@answers(GetTemplate)
def get_template(cloud: Cloud, op: GetTemplate) -> JSON:
    """One template."""
    return {"template": cloud.show_template(op.template_id)}


@answers(UpdateTemplate)
def update_template(cloud: Cloud, op: UpdateTemplate) -> JSON:
    """Nothing but a status."""
    cloud.update_template(op.template_id, sent(op))


@answers(GetTemplateTargetPassword)
def get_template_target_password(cloud: Cloud, op: GetTemplateTargetPassword) -> JSON:
    """The password, where a task's state allows."""
    return cloud.template_password(op.template_id)
