"""Previews of what deletes: tasks, source servers, templates, projects, alone and in batches."""

from collections import Counter
from collections.abc import Mapping, Sequence

from sms_tools.api import Api
from sms_tools.fleet.server import Server
from sms_tools.guard.previews.building import preview
from sms_tools.guard.previews.describing import bound, lines, short, targets, template_line, typed
from sms_tools.guard.previews.reader import Reader
from sms_tools.guard.subject import Preview, Target, typeable
from sms_tools.knowledge import Legality, legality
from sms_tools.knowledge.facts import TEMPORARY_DISK_GB
from sms_tools.operation import JSON
from sms_tools.operations.projects import DeleteMigrationProject, GetMigrationProject
from sms_tools.operations.source_servers import (
    DeleteSourceServer,
    DeleteSourceServers,
    ListSourceServers,
    SourceServer,
)
from sms_tools.operations.tasks import (
    DeleteMigrationTask,
    DeleteMigrationTasks,
    ListMigrationTasks,
    MigrationTask,
)
from sms_tools.operations.templates import (
    DeleteTemplate,
    DeleteTemplates,
    GetTemplate,
    ListTemplates,
    Template,
)
from sms_tools.wording import count_of, named, plain

_TASK_LOSSES = (
    "The task's progress and target configuration. A new task copies everything again.",
    "There is no way to bring the task back.",
)
_TASK_LEFT = (
    "Source and target machines stay as they are.",
    f"The temporary {TEMPORARY_DISK_GB} GB disk and snapshots of an unfinished task may stay, and "
    "be billed, until they are deleted on the EVS console.",
)
_SOURCE_LOSSES = (
    "The record with its checks and history. It returns only when the Agent on the source is "
    "restarted, and a restart breaks a migration that runs.",
    "Consistency results and past tasks can no longer be looked up by this server.",
)

_DEFAULT: Mapping[bool | None, str] = {
    True: "It is the default project.",
    False: "It is not the default project.",
    None: "Whether it is the default project is not known.",
}


async def delete_task(operation: DeleteMigrationTask, api: Api) -> Preview:
    """One task."""
    reader = Reader(api)
    server = await reader.server_of_task(operation.task_id)
    return preview(
        f"Delete the migration task of {named(server.raw_name, server.id)}.",
        typed(server),
        now=lines(server),
        will=["The migration task is deleted.", *_TASK_LEFT],
        losses=[_in_work(server), *_TASK_LOSSES],
        hangs=[_record_stays(server)],
        unread=reader.unread,
        state=bound(server),
        targets=targets(server),
        allowed=server.legality("delete_task"),
    )


async def delete_tasks(operation: DeleteMigrationTasks, api: Api) -> Preview:
    """Several tasks: each is listed with what would become of it."""
    reader = Reader(api)
    tasks = await reader.want_all("the migration tasks", ListMigrationTasks())
    sources = await reader.want_all("the source servers", ListSourceServers())
    by_task = {task.id: task for task in tasks or ()}
    servers = [_joined(each, by_task, sources or ()) for each in dict.fromkeys(operation.ids)]
    rulings = [server.legality("delete_task") for server in servers]
    return preview(
        f"Delete {count_of(len(servers), 'migration task')}.",
        f"delete {len(servers)}",
        now=_items(
            [
                short(server) if server.task_state else f"{_id_of(server)} is in no list of tasks"
                for server in servers
            ],
            rulings,
        ),
        will=[*_fates(rulings), *_TASK_LEFT],
        losses=_TASK_LOSSES,
        unread=reader.unread,
        state={"items": [bound(server) for server in servers]},
        targets=[target for server in servers for target in targets(server)],
        allowed=_all_together(rulings),
    )


async def delete_source(operation: DeleteSourceServer, api: Api) -> Preview:
    """One source server's record."""
    reader = Reader(api)
    server = await reader.server(operation.source_id)
    source = server.source or SourceServer(id=operation.source_id)
    tasks = await reader.want_all(
        "its migration tasks", ListMigrationTasks(source_server_id=operation.source_id)
    )
    return preview(
        f"Delete the record of the source server {named(server.raw_name, server.id)}.",
        typed(server),
        now=lines(server),
        will=["The record is deleted from the service. The machine itself is not touched."],
        losses=_SOURCE_LOSSES,
        hangs=[_task_line(task) for task in tasks or ()],
        unread=reader.unread,
        state={**bound(server), "tasks": _ids(tasks)},
        targets=targets(server),
        allowed=server.legality("delete_source", tasks=_tasks_on(source, tasks)),
    )


async def delete_sources(operation: DeleteSourceServers, api: Api) -> Preview:
    """Several source servers' records."""
    reader = Reader(api)
    wanted = list(dict.fromkeys(operation.ids))
    sources = await reader.want_all("the source servers", ListSourceServers())
    tasks = await reader.want_all("the migration tasks", ListMigrationTasks())
    by_source = {source.id: source for source in sources or ()}
    servers, rulings = [], []
    for each in wanted:
        source = by_source.get(each) or SourceServer(id=each)
        task = next((task for task in tasks or () if _source_id(task) == each), None)
        servers.append(Server(source=source, task=task))
        hanging = _tasks_on(source, tasks) if each in by_source else None
        rulings.append(servers[-1].legality("delete_source", tasks=hanging))
    return preview(
        f"Delete the records of {count_of(len(servers), 'source server')}.",
        f"delete {len(servers)}",
        now=_items([short(server) for server in servers], rulings),
        will=[f"All {len(servers)} records are deleted in one call. The machines are not touched."],
        losses=_SOURCE_LOSSES,
        unread=reader.unread,
        state={"items": [bound(server) for server in servers]},
        targets=[target for server in servers for target in targets(server)],
        allowed=_all_together(rulings),
    )


async def delete_template(operation: DeleteTemplate, api: Api) -> Preview:
    """One template."""
    reader = Reader(api)
    template = (await reader.need(GetTemplate(template_id=operation.template_id))).template
    template = template or Template(id=operation.template_id)
    users = await _users_of_templates(reader)
    own = None if users is None else users.get(operation.template_id, [])
    return preview(
        f"Delete the template {named(template.name, template.id)}.",
        typeable(template.name, operation.template_id),
        now=[template_line(template)],
        will=["The template is deleted. Servers created from it stay."],
        losses=[
            "The template cannot be brought back; its settings would have to be entered again."
        ],
        hangs=[f"Used by the task of {name}." for name in own or ()],
        unread=reader.unread,
        state={"id": template.id, "name": template.name, "users": _sorted(own)},
        targets=[Target(operation.template_id, template.name)],
        allowed=legality("delete_template", tasks=_count(own)),
    )


async def delete_templates(operation: DeleteTemplates, api: Api) -> Preview:
    """Several templates."""
    reader = Reader(api)
    wanted = list(dict.fromkeys(operation.ids))
    templates = await reader.want_all("the templates", ListTemplates())
    users = await _users_of_templates(reader)
    by_id = {template.id: template for template in templates or ()}
    found = [by_id.get(each) or Template(id=each) for each in wanted]
    own = [None if users is None else users.get(each, []) for each in wanted]
    rulings = [legality("delete_template", tasks=_count(each)) for each in own]
    return preview(
        f"Delete {count_of(len(wanted), 'template')}.",
        f"delete {len(wanted)}",
        now=_items([template_line(template) for template in found], rulings),
        will=[*_fates(rulings), "Servers created from them stay."],
        losses=["Templates cannot be brought back."],
        unread=reader.unread,
        state={
            "items": [
                {"id": t.id, "name": t.name, "users": _sorted(u)}
                for t, u in zip(found, own, strict=True)
            ]
        },
        targets=[Target(each, template.name) for each, template in zip(wanted, found, strict=True)],
        allowed=_all_together(rulings),
    )


async def delete_project(operation: DeleteMigrationProject, api: Api) -> Preview:
    """One migration project."""
    reader = Reader(api)
    project = await reader.need(GetMigrationProject(mig_project_id=operation.mig_project_id))
    inside = await reader.want_all(
        "the project's servers", ListSourceServers(migproject=operation.mig_project_id)
    )
    allowed = legality("delete_project", is_default=project.isdefault, servers=_count(inside))
    return preview(
        f"Delete the migration project {named(project.name, operation.mig_project_id)}.",
        typeable(project.name, operation.mig_project_id),
        now=[
            f"Project {named(project.name, operation.mig_project_id)}: "
            f"{plain(project.description)}.",
            _DEFAULT[project.isdefault],
        ],
        will=["The project is deleted. Servers and tasks are not touched."],
        losses=["Its settings; a new project of the same name gets another id."],
        hangs=[short(Server(source, None)) for source in inside or ()],
        unread=reader.unread,
        state={
            "id": operation.mig_project_id,
            "name": project.name,
            "default": project.isdefault,
            "servers": _sorted([s.id or "" for s in inside] if inside is not None else None),
        },
        targets=[Target(operation.mig_project_id, project.name)],
        allowed=allowed,
    )


def _joined(
    task_id: str, tasks: Mapping[str | None, MigrationTask], sources: Sequence[SourceServer]
) -> Server:
    """The server of a task; a task that is not in the list stays, by its id alone."""
    task = tasks.get(task_id) or MigrationTask(id=task_id)
    own = (
        source
        for source in sources
        if source.id == _source_id(task)
        or (source.current_task is not None and source.current_task.id == task_id)
    )
    return Server(source=next(own, None), task=task)


def _tasks_on(source: SourceServer, tasks: Sequence[MigrationTask] | None) -> int | None:
    """How many tasks hang on *source*: those that name it, and the one that it names."""
    if tasks is None:
        return None
    named_by_it = source.current_task.id if source.current_task else None
    ids = {task.id for task in tasks if _source_id(task) == source.id}
    return len(ids | ({named_by_it} if named_by_it else set()))


def _id_of(server: Server) -> str:
    return named(None, server.task.id if server.task else server.id)


def _source_id(task: MigrationTask) -> str | None:
    return task.source_server.id if task.source_server else None


def _items(lines: Sequence[str], rulings: Sequence[Legality]) -> list[str]:
    """Each item with what the call would do to it."""
    fates = {
        "legal": "will be deleted",
        "illegal": "the service would refuse it",
        "unknown": "whether it can be deleted is not known",
    }
    return [
        f"{line} — {fates[ruling.verdict]}"
        + (f" ({ruling.guard_code})" if ruling.verdict == "illegal" and ruling.guard_code else "")
        for line, ruling in zip(lines, rulings, strict=True)
    ]


def _fates(rulings: Sequence[Legality]) -> list[str]:
    """How many of a batch would be deleted, and why not the others: each reason once."""
    counts = Counter(ruling.verdict for ruling in rulings)
    lines = [f"{counts['legal']} of {len(rulings)} can be deleted as things stand."]
    if counts["illegal"]:
        lines.append(
            f"{counts['illegal']} would be refused. Whether the service then deletes the others is "
            "not documented."
        )
    reasons = dict.fromkeys(r.reason for r in rulings if r.verdict != "legal")
    return lines + list(reasons)[:10]


def _all_together(rulings: Sequence[Legality]) -> Legality | None:
    """A batch is impossible when none of its items is possible."""
    if rulings and all(ruling.verdict == "illegal" for ruling in rulings):
        return rulings[0]
    return None


async def _users_of_templates(reader: Reader) -> dict[str, list[str]] | None:
    """The servers whose current task uses a template, by template; None if nobody can say."""
    sources = await reader.want_all("which tasks use it", ListSourceServers())
    if sources is None:
        return None
    users: dict[str, list[str]] = {}
    for source in sources:
        template_id = source.current_task.vm_template_id if source.current_task else None
        if template_id:
            users.setdefault(template_id, []).append(named(source.name, source.id))
    return users


def _in_work(server: Server) -> str:
    if server.phase in ("finished", "waiting"):
        return "No copy is under way."
    return "The copy made so far can no longer be continued."


def _record_stays(server: Server) -> str:
    if server.source is None:
        return "The source server's record could not be found; the task may be all there is of it."
    return "The source server's record stays; a new task can be created on it."


def _task_line(task: MigrationTask) -> str:
    return f"Migration task {named(task.name, task.id)}, state {plain(task.state, 30)}."


def _ids(tasks: Sequence[MigrationTask] | None) -> list[JSON] | None:
    return None if tasks is None else sorted(f"{task.id} {task.state}" for task in tasks)


def _sorted(names: Sequence[str] | None) -> list[str] | None:
    return None if names is None else sorted(names)


def _count(found: Sequence[object] | None) -> int | None:
    return None if found is None else len(found)
