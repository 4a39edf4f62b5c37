"""What a migration leaves behind: what may go, what costs money, what has to stay.

Pure: the fleet and the templates go in. Whether a deletion is allowed comes from the rules of the
service; whether it is wise is a person's to say, so every row carries what is lost.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Literal

from sms_tools.diagnosis.answer import Action
from sms_tools.fleet.reading import Fleet, Server
from sms_tools.knowledge import explain, legality
from sms_tools.knowledge.facts import TEMPORARY_DISK_GB
from sms_tools.moment import from_milliseconds
from sms_tools.operations.source_servers import DeleteSourceServer
from sms_tools.operations.tasks import DeleteMigrationTask, MigrationTask
from sms_tools.operations.templates import DeleteTemplate, Template
from sms_tools.text import one_line
from sms_tools.wording import iso

Thing = Literal["task", "source_server", "template", "clone", "temporary_disk"]

_LONGEST: Final = 80
_BEGUN: Final = frozenset({"initializing", "replicating", "syncing", "cutting_over", "cloning"})
_UNDELETED_DISK: Final = "SMS.1106"


@dataclass(frozen=True, slots=True)
class Leftover:
    """One thing, why it is in its list, and the call that would remove it, if there is one."""

    what: Thing
    name: str
    id: str
    why: str
    server: Server | None = None
    since: datetime | None = None
    remove: Action | None = None
    where: str = ""
    """Where it can be removed if no call of this service does."""

    def as_data(self) -> dict[str, Any]:
        """The row of this thing."""
        row: dict[str, Any] = {"what": self.what, "name": self.name, "id": self.id}
        if self.server and self.what != "source_server":
            row["server"] = self.server.as_data()
        elif self.server:
            row |= self.server.in_project
        row["why"] = self.why
        if self.since:
            row["since"] = iso(self.since)
        if self.remove:
            row["tool"] = self.remove.tool
        if self.where:
            row["where"] = self.where
        return row


@dataclass
class Leftovers:
    """Everything that was found, by what may be done with it."""

    may_go: list[Leftover] = field(default_factory=list)
    costs: list[Leftover] = field(default_factory=list)
    stays: list[Leftover] = field(default_factory=list)


def find_leftovers(fleet: Fleet, templates: Sequence[Template] | None) -> Leftovers:
    """What *fleet* leaves behind; *templates* None means that they were not read."""
    found = Leftovers()
    for server in fleet.servers:
        _server_leaves(server, found, tasks_read=fleet.tasks_read)
        _costs(server, found)
    for task in fleet.orphans:
        _orphan(task, found, sources_read=fleet.sources_read)
    # A template is in use by any server of the account: a part of the fleet does not tell.
    whole = not fleet.narrowed and not fleet.problems
    for template in templates or ():
        _template(template, fleet, found, whole=whole)
    return found


def _server_leaves(server: Server, found: Leftovers, *, tasks_read: bool) -> None:
    if server.phase == "finished":
        _finished(server, found, tasks_read=tasks_read)
    elif server.task_id:
        found.stays.append(
            Leftover("task", _task_name(server.task), server.task_id, _why_stays(server), server)
        )


def _finished(server: Server, found: Leftovers, *, tasks_read: bool) -> None:
    """A launched server: first its task may go, then its record."""
    if server.task_id:
        why = (
            "The target was launched. Without the task it cannot be synchronised again, and its "
            "template may go with it. Check first that the target works."
        )
        allowed = legality("delete_task", source_state=server.state, task_state=server.task_state)
        row = Leftover(
            "task", _task_name(server.task), server.task_id, why, server, server.state_since
        )
        if allowed.verdict == "legal":
            found.may_go.append(_with_delete_task(row))
        else:
            found.stays.append(replace(row, why=allowed.reason))
        return
    row = Leftover(
        "source_server",
        server.name,
        server.id,
        "The target was launched and no task is left. The record, its checks and history go; it "
        "returns only when the Agent on the source is restarted.",
        server,
        server.state_since,
    )
    if not tasks_read:
        found.stays.append(replace(row, why="Whether a task depends on it is unknown."))
    elif server.other_tasks:
        found.stays.append(replace(row, why="Older tasks still depend on it."))
    else:
        delete = DeleteSourceServer(source_id=server.id)
        found.may_go.append(
            replace(row, remove=Action.of(delete, "a record of a finished migration"))
        )


def _why_stays(server: Server) -> str:
    if server.phase in _BEGUN:
        return f"The migration is under way ({server.phase}); deleting the task loses the copy."
    if server.phase == "deleting":
        return "It is being deleted already."
    if server.phase == "waiting":
        return "It is configured and not started: the target configuration would be lost."
    if server.done_bytes:
        return f"It is {server.phase}, but what was copied would be lost: a new task copies it all."
    return f"It is {server.phase}: it may still be needed."


def _costs(server: Server, found: Leftovers) -> None:
    """What is billed while it is there. The service does not list these: they are inferred."""
    task = server.task
    stuck_disk = bool(server.error and server.error.code == _UNDELETED_DISK)
    if server.sub_tasks and server.phase in ("failed", "paused") and not stuck_disk:
        why = (
            f"A {server.phase} task keeps a {TEMPORARY_DISK_GB} GB pay-per-use disk at its target "
            "until it ends."
        )
        where = "ends with the migration; EVS console if it stays"
        name = _task_name(task)
        found.costs.append(
            Leftover("temporary_disk", name, server.task_id or "", why, server, where=where)
        )
    if server.error and stuck_disk:
        known = explain(_UNDELETED_DISK, server.error.params)
        why = f"{known.cause} ({known.code})"
        disk = server.error.params[0] if server.error.params else ""
        shown = one_line(disk, _LONGEST)
        found.costs.append(
            Leftover("temporary_disk", shown, shown, why, server, where="EVS console")
        )
    _clone_costs(server, found)


def _clone_costs(server: Server, found: Leftovers) -> None:
    brief = server.source.current_task if server.source else None
    clones = [record.clone_server for record in (server.task, brief) if record]
    clone = next((each for each in clones if each and each.vm_id), None)
    if clone is None:
        return
    why = "The clone of a rehearsal is billed as a server with disks until it is deleted."
    name = one_line(clone.name or "", _LONGEST)
    found.costs.append(Leftover("clone", name, clone.vm_id or "", why, server, where="ECS console"))


def _orphan(task: MigrationTask, found: Leftovers, *, sources_read: bool) -> None:
    """A task whose source server is no longer shown."""
    row = Leftover(
        "task",
        _task_name(task),
        task.id or "",
        "The list shows no source server for this task.",
        since=from_milliseconds(task.create_date),
    )
    if not sources_read or not row.id:
        why = "Whether it has a source server is unknown: not all of them were read."
        found.stays.append(replace(row, why=why))
    elif task.state == "MIGRATE_SUCCESS":
        found.may_go.append(_with_delete_task(row))
    else:
        found.stays.append(replace(row, why="Its state does not say that the target was launched."))


def _template(template: Template, fleet: Fleet, found: Leftovers, *, whole: bool) -> None:
    name, template_id = one_line(template.name or "", _LONGEST), template.id or ""
    users = sum(server.template_id == template.id for server in fleet.servers)
    row = Leftover("template", name, template_id, "")
    if users:
        found.stays.append(replace(row, why=f"Servers that use it: {users}."))
    elif not whole or fleet.orphans or any(_may_use_any(each) for each in fleet.servers):
        found.stays.append(
            replace(row, why="Whether a task uses it is unknown: not all were seen.")
        )
    elif template.is_template:
        found.stays.append(replace(row, why="No task uses it, but it was made to be used again."))
    elif template.is_template is None or not template_id:
        why = "No task uses it; whether it was made to be used again is not known."
        found.stays.append(replace(row, why=why))
    else:
        why = "It was made for one task, and no task uses it now."
        delete = DeleteTemplate(template_id=template_id)
        remove = Action.of(delete, "a template without a task")
        found.may_go.append(replace(row, why=why, remove=remove))


def _may_use_any(server: Server) -> bool:
    """Whether it has a task of which nobody can tell the template."""
    brief = server.source.current_task if server.source else None
    records = [record for record in (server.task, brief) if record]
    named = server.template_id or any(record.exist_server for record in records)
    return bool(server.task_id) and not named and not server.target_id


def _task_name(task: MigrationTask | None) -> str:
    return one_line((task and task.name) or "", _LONGEST)


def _with_delete_task(row: Leftover) -> Leftover:
    delete = DeleteMigrationTask(task_id=row.id)
    return replace(row, remove=Action.of(delete, "a task whose target was launched"))
