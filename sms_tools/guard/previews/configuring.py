"""Previews of what creates or changes: tasks, their options and records, disks, the lock."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sms_tools.api import Api
from sms_tools.canonical import digest
from sms_tools.fleet.effect import effect_of_creation
from sms_tools.guard.previews.building import preview, sent_by
from sms_tools.guard.previews.describing import (
    bound,
    bound_template,
    lines,
    target_words,
    targets,
    template_costs,
    template_lines,
    typed,
)
from sms_tools.guard.previews.fitting import may_clone, may_create, template_of
from sms_tools.guard.previews.reader import Reader
from sms_tools.guard.subject import Preview, Target
from sms_tools.knowledge import Legality
from sms_tools.knowledge.facts import TEMPORARY_DISK_GB
from sms_tools.operation import JSON, Kind
from sms_tools.operations.options import (
    ConfigureMigrationOptions,
    GetMigrationOptions,
    OptionSetting,
)
from sms_tools.operations.projects import ListMigrationProjects
from sms_tools.operations.source_servers import (
    ListSourceServers,
    SourceServer,
    SourceServerDetail,
    UpdateSourceServer,
)
from sms_tools.operations.tasks import UnlockTargetServer
from sms_tools.operations.tasks.create import CreateMigrationTask
from sms_tools.operations.tasks.update import UpdateMigrationTask
from sms_tools.operations.templates import Template
from sms_tools.wording import named, plain, size

_TEMPORARY_DISK: Final = (
    f"A temporary {TEMPORARY_DISK_GB} GB pay-per-use disk while the task is not finished, and "
    "snapshots."
)
_UNKNOWN_PROJECT: Final = "project not known"


async def create_task(operation: CreateMigrationTask, api: Api) -> Preview:
    """A new task: what it would create, erase, bill and do by itself."""
    reader = Reader(api)
    server = await reader.server(operation.source_server.id)
    template, exists = await template_of(
        reader, "the template of the target", operation.vm_template_id
    )
    target = operation.target_server
    existing = bool(target.vm_id or operation.exist_server)
    at_once = bool(operation.auto_start)
    effect = effect_of_creation(starts=at_once, syncing=operation.syncing, existing_target=existing)
    who = named(server.raw_name, server.id)
    return preview(
        f"Create a migration task for {who}{' and start it at once' if at_once else ''}"
        f"{', which then launches' if effect.launches else ''}.",
        f"launch {typed(server)}" if effect.launches else typed(server),
        now=[*lines(server), *source_disk_lines(server.source)],
        will=[
            *_made_from(operation, template),
            "The task starts at once." if at_once else "The task waits to be started.",
            *_disks_to_be(operation, server.source),
        ],
        losses=[*_erased_by(operation), *_launched_by(operation)],
        costs=_billed_by(operation, template),
        sent=sent_by(operation, "source_server", "target_server"),
        unread=reader.unread,
        state={**bound(server), "launch": effect.launch, "template": bound_template(template)},
        targets=[*targets(server), *_named_targets(operation, template)],
        allowed=may_create(operation, server, exists),
    )


def _made_from(operation: CreateMigrationTask, template: Template | None) -> list[str]:
    if not operation.vm_template_id:
        return []
    if template is None:
        return ["The target is created from a template that could not be read."]
    return ["The target is created from the template.", *template_lines(template)]


def _erased_by(operation: CreateMigrationTask) -> list[str]:
    target = operation.target_server
    if not (target.vm_id or operation.exist_server):
        return []
    return [
        f"When the task starts, the disks of the existing ECS {named(target.name)} "
        f"({plain(target.vm_id, 64)}) are erased: everything on them is lost.",
        *(f"Disk {plain(disk.name, 60)}, {size(disk.size)}: erased." for disk in target.disks),
    ]


def _launched_by(operation: CreateMigrationTask) -> list[str]:
    if operation.syncing:
        return []
    return [
        "Without `syncing` the target launches automatically, unverified, when the copy ends. "
        "No one is asked again."
    ]


def _billed_by(operation: CreateMigrationTask, template: Template | None) -> list[str]:
    if not operation.vm_template_id:
        return [_TEMPORARY_DISK]
    made = "The ECS and its disks, from the moment they are created."
    return [_TEMPORARY_DISK, made, *template_costs(template)]


def _disks_to_be(operation: CreateMigrationTask, source: SourceServer | None) -> list[str]:
    """The disks that the target gets, each beside the source's of its place."""
    there = (source.disks if isinstance(source, SourceServerDetail) else None) or ()
    found = []
    for place, disk in enumerate(operation.target_server.disks):
        beside = f"; the source has {size(there[place].size)}" if place < len(there) else ""
        found.append(f"Target disk {plain(disk.name, 60)}: {size(disk.size)}{beside}.")
    return found


def _named_targets(operation: CreateMigrationTask, template: Template | None) -> list[Target]:
    target, template_id = operation.target_server, operation.vm_template_id
    found = [Target(target.vm_id, target.name)] if target.vm_id else []
    if template_id:
        found.append(Target(template_id, template.name if template else None))
    return found


async def update_task(operation: UpdateMigrationTask, api: Api) -> Preview:
    """Settings of a task, where it copies to, or the service's own record of it."""
    reader = Reader(api)
    server = await reader.server_of_task(operation.task_id)
    template, exists = await template_of(
        reader, "the template of the new target", operation.vm_template_id
    )
    return preview(
        f"{_update_words(operation)} of {named(server.raw_name, server.id)}.",
        typed(server),
        now=lines(server),
        will=[
            "The fields below are written over what the service holds.",
            *(template_lines(template) if template else []),
        ],
        losses=_update_losses(operation),
        sent=sent_by(operation, "task_id"),
        unread=reader.unread,
        state={**bound(server), "new_template": bound_template(template)},
        targets=targets(server),
        allowed=may_clone(Legality("legal", ""), operation.vm_template_id, exists)
        if operation.vm_template_id
        else None,
    )


def _update_words(operation: UpdateMigrationTask) -> str:
    if operation.forges:
        return "Overwrite the service's record of the migration"
    if operation.danger is Kind.DESTRUCTIVE:
        return "Change where the migration copies to: the target of the task"
    return "Change the task"


def _update_losses(operation: UpdateMigrationTask) -> list[str]:
    found = []
    if operation.forges:
        found = [
            "State, sub-tasks, errors and servers in this record are what the service and every "
            "later answer go by: written by hand, they say what did not happen.",
            "The former record cannot be brought back.",
        ]
    elif operation.danger is Kind.DESTRUCTIVE:
        found.append("The next start copies to the new target, and a later launch starts that one.")
    if operation.exist_server:
        found.append("The target becomes an existing ECS: its disks are erased by the first start.")
    return found


async def update_source(operation: UpdateSourceServer, api: Api) -> Preview:
    """A source server's name and project, or which of its disks are migrated."""
    reader = Reader(api)
    server = await reader.server(operation.source_id)
    disks = operation.danger is Kind.DESTRUCTIVE
    what = "Change which disks are migrated" if disks else "Change the record"
    places = await _projects(operation, reader)
    moves = [f"It moves from {_project_words(*places)}."] if places else []
    found = preview(
        f"{what} of {named(server.raw_name, server.id)}.",
        typed(server),
        now=[*lines(server), *source_disk_lines(server.source)],
        will=["The settings below replace those that the service holds.", *moves],
        losses=[
            "A disk or volume with `need_migration: false`, or with a smaller `adjust_size`, "
            "leaves data behind; later nothing shows that it is missing.",
            *_left_behind(operation, server.source),
        ]
        if disks
        else [],
        sent=sent_by(operation, "source_id"),
        unread=reader.unread,
        state={**bound(server), "disks": source_disk_lines(server.source), "moves": moves},
        targets=targets(server),
    )
    return replace(found, places=places)


async def _projects(operation: UpdateSourceServer, reader: Reader) -> Sequence[Target]:
    """The migration project that the server leaves, and the one it enters; empty without a move.

    A server's record does not say in which project it is: only the list of each project does.
    """
    if not operation.migprojectid:
        return ()
    wanted = operation.migprojectid
    there = await reader.want_all(
        "the migration projects, to tell what rules hold for them", ListMigrationProjects(limit=100)
    )
    names = {each.id: each.name for each in there or () if each.id}
    for project_id in names:
        inside = await reader.want(
            "which project it is in",
            ListSourceServers(id=operation.source_id, migproject=project_id),
        )
        if inside is None:
            break
        if any(each.id == operation.source_id for each in inside.items):
            return (Target(project_id, names[project_id]), Target(wanted, names.get(wanted)))
    return (Target(_UNKNOWN_PROJECT), Target(wanted, names.get(wanted)))


def _project_words(old: Target, new: Target) -> str:
    left = "an unknown project" if old.id == _UNKNOWN_PROJECT else named(old.name, old.id)
    return f"migration project {left} to {named(new.name, new.id)}"


async def configure_options(operation: ConfigureMigrationOptions, api: Api) -> Preview:
    """Advanced options, each with its present value; paths that would not be copied."""
    reader = Reader(api)
    server = await reader.server_of_task(operation.task_id)
    now = await reader.want("the present options", GetMigrationOptions(task_id=operation.task_id))
    present = {
        each.config_key: each.config_value for each in (now.configurations if now else None) or ()
    }
    return preview(
        f"Change what the migration of {named(server.raw_name, server.id)} copies and uses.",
        typed(server),
        now=[
            *lines(server),
            *[f"{plain(key, 60)} is {plain(value, 300)}." for key, value in present.items()],
        ],
        will=[
            f"{plain(each.config_key, 60)} becomes {plain(each.config_value, 400)}"
            f" (now {plain(present.get(each.config_key, 'not set'), 200)})."
            if now
            else f"{plain(each.config_key, 60)} becomes {plain(each.config_value, 400)}."
            for each in operation.configurations
        ],
        losses=[line for each in operation.configurations for line in _not_copied(each)],
        unread=reader.unread,
        state={**bound(server), "options": digest(present)},
        targets=targets(server),
    )


async def unlock(operation: UnlockTargetServer, api: Api) -> Preview:
    """The lock on a target server."""
    reader = Reader(api)
    server = await reader.server_of_task(operation.task_id)
    return preview(
        f"Unlock the target server of {named(server.raw_name, server.id)}.",
        typed(server),
        now=lines(server),
        will=[f"The target {target_words(server)} can be changed on the ECS console again."],
        losses=[
            "It cannot be locked again. A change to its disks makes an unfinished migration fail, "
            "and a new task copies everything again."
        ],
        unread=reader.unread,
        state=bound(server),
        targets=targets(server),
        allowed=server.legality("unlock"),
    )


def _not_copied(option: OptionSetting) -> list[str]:
    key, value = option.config_key.upper(), plain(option.config_value, 400)
    if "EXCLUDE" in key:
        return [f"Not copied, and missing on the target after the cutover: {value}."]
    if "ONLY" in key:
        return [f"Only this is synchronised; everything else stays as first copied: {value}."]
    if "CONSISTENCY" in key:
        return [f"Consistency is verified by this setting only: {value}."]
    return [f"The former value of {plain(option.config_key, 60)} is replaced."]


def source_disk_lines(source: SourceServer | None) -> list[str]:
    """The source's disks by name and size."""
    return [
        f"Disk {plain(disk.name, 60)}: {size(disk.size)}, {size(disk.used_size)} used."
        for disk in (source.disks if isinstance(source, SourceServerDetail) else None) or ()
    ]


def _left_behind(operation: UpdateSourceServer, source: SourceServer | None) -> list[str]:
    """Where the arguments say that something is not to be migrated, at whatever depth."""
    present = dict(_parts(source.model_dump(mode="json") if source else {}))
    lines = []
    for part_id, part in _parts(operation.model_dump(mode="json")):
        there = present.get(part_id, {})
        name = f"{plain(there.get('name') or 'A part', 60)} (id {plain(part_id, 40)})"
        if part.get("need_migration") is False:
            lines.append(f"{name}: not migrated.")
        if part.get("adjust_size"):
            lines.append(f"{name}: {size(there.get('size'))} becomes {size(part['adjust_size'])}.")
    return lines


def _parts(value: JSON) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every object with an id in *value*, at whatever depth."""
    if isinstance(value, dict):
        if value.get("id") is not None:
            yield str(value["id"]), value
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _parts(each)
