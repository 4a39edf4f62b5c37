"""Previews of what decides a later launch or cannot be put back: templates, projects, logs."""

from sms_tools.api import Api
from sms_tools.fleet.server import Server
from sms_tools.guard.previews.building import preview, sent_by
from sms_tools.guard.previews.describing import (
    bound,
    bound_template,
    lines,
    targets,
    template_lines,
    typed,
)
from sms_tools.guard.previews.reader import Reader
from sms_tools.guard.subject import Preview, Target, typeable
from sms_tools.operations.projects import GetMigrationProject, UpdateMigrationProject
from sms_tools.operations.source_servers import ListSourceServers
from sms_tools.operations.tasks import UploadMigrationTaskLogs
from sms_tools.operations.templates import GetTemplate, Template, UpdateTemplate
from sms_tools.wording import count_of, named, plain


async def update_template(operation: UpdateTemplate, api: Api) -> Preview:
    """A template's settings; a login password that it holds cannot be read back."""
    reader = Reader(api)
    found = (await reader.need(GetTemplate(template_id=operation.template_id))).template
    template = found or Template(id=operation.template_id)
    losses = ["The template's former settings cannot be restored; they are shown above."]
    if operation.target_password is not None:
        losses.append(
            "Its login password is overwritten: targets made from now on get the new one, and the "
            "former one cannot be read back and restored."
        )
    return preview(
        f"Change the template {named(template.name, template.id)}.",
        typeable(template.name, operation.template_id),
        now=template_lines(template),
        will=["The settings below replace the former ones. Servers made from it stay as they are."],
        losses=losses,
        sent=sent_by(operation, "template_id"),
        unread=reader.unread,
        state={"template": bound_template(template)},
        targets=[Target(operation.template_id, template.name), *_new_name(operation, template)],
    )


def _new_name(operation: UpdateTemplate, template: Template) -> list[Target]:
    """The name that it gets, so that rules for either name hold."""
    changed = operation.name != template.name
    return [Target(operation.template_id, operation.name)] if changed else []


async def update_project(operation: UpdateMigrationProject, api: Api) -> Preview:
    """A migration project's settings, which new tasks of its servers take over."""
    reader = Reader(api)
    project = await reader.need(GetMigrationProject(mig_project_id=operation.mig_project_id))
    inside = await reader.want_all(
        "the project's servers", ListSourceServers(migproject=operation.mig_project_id)
    )
    servers = "unknown servers" if inside is None else count_of(len(inside), "server")
    losses = []
    if not operation.syncing:
        losses.append(
            "Without `syncing`, new tasks of this project launch their targets automatically, "
            "unverified, when the copy ends. No one is asked again. Whether existing tasks "
            "are affected is not documented."
        )
    return preview(
        f"Change the settings of the migration project {named(project.name, project.id)}.",
        typeable(project.name, operation.mig_project_id),
        now=[
            f"Project {named(project.name, operation.mig_project_id)} with {servers}.",
            f"It keeps synchronising: {plain(project.syncing)}.",
        ],
        will=["The settings below replace the former ones; one left out may fall back."],
        losses=losses,
        sent=sent_by(operation, "mig_project_id"),
        unread=reader.unread,
        state={"project": project.model_dump(mode="json", exclude_none=True)},
        targets=[Target(operation.mig_project_id, project.name)],
    )


async def upload_logs(operation: UploadMigrationTaskLogs, api: Api) -> Preview:
    """A task's logs, into a bucket and under a link."""
    reader = Reader(api)
    server = await reader.server_of_task(operation.task_id)
    lives = f" for {operation.log_expire} seconds" if operation.log_expire else ""
    return preview(
        f"Put the migration logs of {named(server.raw_name, server.id)} into a bucket.",
        typed(server),
        now=lines(server),
        will=[
            "Logs of Agent and target are collected and written into the OBS bucket "
            f"{named(operation.log_bucket)}."
        ],
        losses=[
            f"Anybody who has the link can open the logs{lives}; they name hosts, paths and "
            "addresses, and what was opened cannot be called back."
        ],
        costs=["The bucket's storage is billed until somebody deletes the logs."],
        sent=sent_by(operation, "task_id"),
        unread=reader.unread,
        state=bound(server),
        targets=targets(server),
        allowed=server.legality("collect_log", collecting_logs=_collecting(server)),
    )


_AT_REST = frozenset(
    {
        "INIT",
        "AGENT_COLLECT_FAIL",
        "AGENT_COLLECT_SUCCESS",
        "SERVER_COLLECT_FAIL",
        "SERVER_COLLECT_SUCCESS",
    }
)
_AT_WORK = frozenset(
    {
        "TELL_AGENT_TO_COLLECT",
        "WAIT_AGENT_COLLECT_ACK",
        "WAIT_SERVER_COLLECT",
        "TELL_AGENT_RESET_ACL",
        "WAIT_AGENT_RESET_ACL_ACK",
    }
)


def _collecting(server: Server) -> bool | None:
    """Whether logs are being collected; None where nobody says, or in a word that is new."""
    brief = server.source.current_task if server.source else None
    said = [record.log_collect_status for record in (server.task, brief) if record]
    status = next((each.strip().upper() for each in said if each), "")
    if status in _AT_REST:
        return False
    return True if status in _AT_WORK else None
