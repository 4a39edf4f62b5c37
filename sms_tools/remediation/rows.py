"""What each row of a migration sheet comes to: the task that it asks for, or why there is none.

Names are resolved, records read, and the task is written out in full; the same rules that the
guard has for a single creation decide whether the service would refuse it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from sms_tools.errors import SmsToolsError
from sms_tools.fleet import fitness, targets
from sms_tools.fleet.desk import Desk
from sms_tools.fleet.machine import SourceFacts, suggested_type
from sms_tools.fleet.membership import Membership, read_membership
from sms_tools.fleet.reading import Fleet, list_or_gap
from sms_tools.fleet.selection import AmbiguousName, Choice, UnknownName, choose, chosen
from sms_tools.fleet.server import Server
from sms_tools.guard.previews.fitting import obstacles_in
from sms_tools.knowledge.facts import TEMPLATES_PAGE
from sms_tools.operation import JSON
from sms_tools.operations.agent import GetAgentConfiguration
from sms_tools.operations.hardware import DiskInfo
from sms_tools.operations.projects import ListMigrationProjects, MigrationProject
from sms_tools.operations.source_servers import GetSourceServer, SourceServerDetail
from sms_tools.operations.tasks import CreateMigrationTask
from sms_tools.operations.templates import ListTemplates, Template
from sms_tools.remediation.rebuilding import wanted_disk
from sms_tools.remediation.sheet import Problem, Row, Sheet, Wish
from sms_tools.text import one_line
from sms_tools.wording import listed

_SHOWN: Final = 5
_FIELD_OF: Final[Mapping[str, str]] = {
    "vm_template_id": "template",
    "target_server.vm_id": "vm_id",
    "target_server.disks": "template",
    "target_server": "template",
    "source_server": "server",
    "os_type": "server",
}


@dataclass(frozen=True)
class Placed:
    """A row with the server that it means and the task that it comes to."""

    row: Row
    server: Server | None = None
    template: Template | None = None
    task: CreateMigrationTask | None = None
    """The task to create; None where the row is rejected, or only starts one that is there."""
    problems: Sequence[Problem] = ()
    doubts: Sequence[str] = ()
    starts_task: str | None = None
    """The id of the task that waits already to be started."""
    project: str | None = None

    @property
    def verdict(self) -> Literal["planned", "rejected"]:
        """Whether it is in the plan."""
        return "rejected" if self.problems else "planned"

    def as_data(self) -> dict[str, Any]:
        """The row as it stands in an answer."""
        server: JSON = one_line(self.row.wish.named, 80)
        data: dict[str, Any] = {
            "row": self.row.line,
            "server": self.server.as_data() if self.server else {"name": server or "", "id": ""},
            "verdict": self.verdict,
            "problems": [problem.as_data() for problem in self.problems[:_SHOWN]],
        }
        return {**data, "doubts": list(self.doubts[:_SHOWN])} if self.doubts else data


@dataclass(frozen=True)
class World:
    """What rows are held against; None is not read."""

    fleet: Fleet
    templates: Sequence[Template] | None
    projects: Sequence[MigrationProject] | None
    members: Membership
    project_names: Mapping[str, str]
    """The IAM project's name by region."""
    own_project: str | None
    own_region: str
    details: Mapping[str, SourceServerDetail] = field(default_factory=dict)
    gaps: Sequence[str] = ()


async def read_world(desk: Desk, fleet: Fleet, sheet: Sheet) -> World:
    """Templates, projects, regions: at most one list each, and the lists of projects if named."""
    gaps: list[str] = []
    templates = await _list(desk, "templates", ListTemplates(limit=TEMPLATES_PAGE), gaps)
    projects = None
    members = Membership()
    if any(row.wish.project for row in sheet.rows):
        projects = await _list(desk, "projects", ListMigrationProjects(limit=100), gaps)
        if projects is not None:
            members = await read_membership(desk, fleet, projects)
            gaps += members.gaps
    settings = desk.api.settings
    return World(
        fleet,
        templates,
        projects,
        members,
        await _project_names(desk, gaps),
        settings.project_id,
        settings.region,
        gaps=gaps,
    )


async def _list(desk: Desk, key: str, operation: Any, gaps: list[str]) -> Sequence[Any] | None:
    listing, missing = await list_or_gap(desk, key, operation, fresh=True)
    gaps += missing
    return listing.items if listing else None


async def _project_names(desk: Desk, gaps: list[str]) -> Mapping[str, str]:
    try:
        found = await desk.api(GetAgentConfiguration())
    except SmsToolsError as error:
        gaps.append(f"get_agent_configuration: could not be read ({one_line(str(error), 200)}).")
        return {}
    return {
        str(row["region_name"]): str(row["project_name"])
        for row in found.regions or ()
        if row.get("region_name") and row.get("project_name")
    }


async def place_rows(desk: Desk, world: World, sheet: Sheet, *, start: bool) -> Sequence[Placed]:
    """Every row with its verdict: named servers are read once each."""
    placed = [_named(row, world) for row in sheet.rows]
    named = [each.server.id for each in placed if each.server and not each.problems]
    ids = list(dict.fromkeys(named))
    replies = await desk.api.each([GetSourceServer(source_id=key) for key in ids])
    details = {
        key: reply
        for key, reply in zip(ids, replies, strict=True)
        if isinstance(reply, SourceServerDetail)
    }
    world = replace(world, details=details)
    judged = [_judged(desk, each, world, start=start) if each.server else each for each in placed]
    return _without_twins(judged)


def _named(row: Row, world: World) -> Placed:
    wish = row.wish
    placed = Placed(row, problems=row.problems)
    project, servers = None, world.fleet.servers
    if wish.project:
        try:
            project = _project(wish.project, world)
        except (AmbiguousName, UnknownName) as error:
            return _with(placed, "project", str(error))
        if project is None:
            return _with(placed, "project", "The migration projects could not be read.")
    if not wish.named:
        return placed
    try:
        server = _server(wish, servers, project, world.members)
    except (AmbiguousName, UnknownName) as error:
        return _with(placed, "server", str(error))
    there = world.members.project_of(server.id)
    placed = replace(placed, server=server, project=project or there)
    if project and there != project:
        says = f"The server is in {one_line(there or 'no project that was read', 60)}; "
        return _with(placed, "project", f"{says}update_source_server (migprojectid) moves it.")
    return placed


def _server(
    wish: Wish, servers: Sequence[Server], project: str | None, members: Membership
) -> Server:
    """The server that a row names; its project or its id tells those of one name apart."""
    try:
        return chosen(servers, [wish.named])[0]
    except AmbiguousName:
        if wish.id:
            return chosen(servers, [wish.id])[0]
        if project is None:
            raise
        inside = [s for s in servers if members.project_of(s.id) == project]
        return chosen(inside, [wish.named])[0]


def _project(wanted: str, world: World) -> str | None:
    if world.projects is None:
        return None
    every = [Choice(p, (p.id or "",), (p.name or "",), "") for p in world.projects if p.id]
    return choose(wanted, every, what="migration project").name


def _with(placed: Placed, column: str, says: str) -> Placed:
    return replace(placed, problems=[*placed.problems, Problem(column, says)])


def _without_twins(placed: Sequence[Placed]) -> list[Placed]:
    """A server, and an existing target, is taken by the first row that is in order."""
    seen: dict[tuple[str, str], int] = {}
    found = []
    for each in placed:
        if each.problems:
            found.append(each)
            continue
        keys = [("server", each.server.id)] if each.server else []
        if each.row.wish.vm_id:
            keys.append(("vm_id", each.row.wish.vm_id))
        for key in keys:
            first = seen.setdefault(key, each.row.line)
            if first != each.row.line:
                each = _with(each, key[0], f"already used in line {first} of this sheet")
        found.append(each)
    return found


def _judged(desk: Desk, placed: Placed, world: World, *, start: bool) -> Placed:
    server, wish = placed.server, placed.row.wish
    if server is None:
        return placed
    if not world.fleet.tasks_read:
        return _with(placed, "server", "Whether it has a task could not be read.")
    if server.task_id:
        return _taken(placed, server, start=start)
    template, problems = _template(placed, world)
    placed = replace(placed, template=template, problems=[*placed.problems, *problems])
    if not (wish.template or wish.vm_id):
        return _with(placed, "template", "missing: a template, or vm_id of an existing ECS")
    if wish.template and wish.vm_id:
        return _with(placed, "vm_id", "either a template or an existing ECS, not both")
    detail = world.details.get(server.id)
    if placed.problems and detail is None:
        return placed
    if detail is None:
        return _with(placed, "server", "Its record (get_source_server) could not be read.")
    facts = SourceFacts(server, desk.now(), detail)
    placed = _fit(placed, facts)
    placed = _target(placed, detail, world)
    if placed.problems:
        return placed
    return _written(placed, detail, world)


def _taken(placed: Placed, server: Server, *, start: bool) -> Placed:
    waits = server.task_state == "READY" and server.phase == "waiting"
    if start and waits and not placed.problems:
        doubt = "It has a task that waits to be started: only that is done, with its settings."
        return replace(placed, starts_task=server.task_id, doubts=[doubt])
    says = f"It has a task already ({one_line(server.task_id or '', 64)}, {server.phase})."
    return _with(placed, "server", says)


def _template(placed: Placed, world: World) -> tuple[Template | None, Sequence[Problem]]:
    wanted = placed.row.wish.template
    if not wanted:
        return None, []
    if world.templates is None:
        return None, [Problem("template", "The templates could not be read.")]
    every = [
        Choice(each, (each.id or "",), (each.name or "",), each.flavor or "")
        for each in world.templates
        if each.id
    ]
    try:
        return choose(wanted, every, what="template"), []
    except (AmbiguousName, UnknownName) as error:
        return None, [Problem("template", str(error))]


def _fit(placed: Placed, facts: SourceFacts) -> Placed:
    """What assessing the server says: what cannot work is a problem, all else a doubt."""
    doubts = list(placed.doubts)
    for remark in fitness.assess(facts):
        if remark.kind == "uefi" and placed.row.wish.vm_id:
            doubts.append("It boots with UEFI: the ECS has to boot with UEFI too.")
        elif remark.kind == "windows_by_template" and placed.row.wish.vm_id:
            continue
        elif remark.kind == "uefi":
            continue  # the rules of a new task say so themselves
        elif remark.weight == "other_method" or remark.kind == "failed_check":
            placed = _with(placed, "server", f"{remark.says} {remark.how}")
        elif remark.weight in ("repair_first", "unknown") or remark.kind == "windows_by_template":
            doubts.append(f"{remark.says} {remark.how}")
    return replace(placed, doubts=doubts)


def _target(placed: Placed, detail: SourceServerDetail, world: World) -> Placed:
    """Whether the target holds what comes, as far as anybody can read."""
    wish, template = placed.row.wish, placed.template
    disks = _recommended(detail)
    if not disks:
        placed = _with(placed, "server", "The service recommends no disks for its target.")
    if template is not None:
        if small := targets.too_small(template, disks):
            placed = _with(placed, "template", f"SMS.6614: {listed(list(small[:3]))}.")
        elif targets.disks_unclear(template, disks):
            says = "Whether the template's disks are large enough is not known."
            placed = replace(placed, doubts=[*placed.doubts, says])
        if template.region and template.region != world.own_region:
            says = f"The template is for region {one_line(template.region, 40)}."
            placed = replace(placed, doubts=[*placed.doubts, says])
    if wish.vm_id:
        if not wish.migration_ip:
            placed = _with(placed, "migration_ip", "missing: the address of the existing ECS")
        if not wish.target_disks:
            says = "missing: the EVS ids of its disks, in the order of the source's"
            placed = _with(placed, "target_disks", says)
        elif len(wish.target_disks) < len(disks):
            says = f"{len(wish.target_disks)} given, the source has {len(disks)} disks"
            placed = _with(placed, "target_disks", says)
        says = "The ECS's own system, firmware and disk sizes are unknown: no read gives them."
        placed = replace(placed, doubts=[*placed.doubts, says])
        if any(task.target_id == wish.vm_id for task in world.fleet.servers):
            placed = _with(placed, "vm_id", "The ECS is the target of another task.")
    return placed


def _recommended(detail: SourceServerDetail) -> Sequence[DiskInfo]:
    target = detail.init_target_server
    return (target.disks if target else None) or ()


def _written(placed: Placed, detail: SourceServerDetail, world: World) -> Placed:
    """The task in full, or what of it is missing or refused."""
    wish, template = placed.row.wish, placed.template
    region = (template.region if template else None) or world.own_region
    project_id = (template.projectid if template else None) or world.own_project
    if not project_id and (project_id := _only_project(world, region)):
        says = f"Its IAM project {one_line(project_id, 64)} is the one of the region's templates."
        placed = replace(placed, doubts=[*placed.doubts, says])
    name = world.project_names.get(region)
    known = _project_of_tasks(world.fleet.servers, project_id)
    project_name = known or name
    missing = [
        what
        for what, value in (("project_id", project_id), ("project_name", project_name))
        if not value
    ]
    if missing:
        column = "template" if template else "vm_id"
        return _with(placed, column, f"The target's {listed(missing)} cannot be read anywhere.")
    facts = SourceFacts(placed.server or Server(detail), world.fleet.observed_at, detail)
    wanted: dict[str, Any] = {
        "name": _task_name(detail),
        "type": wish.type or suggested_type(facts),
        "os_type": (detail.os_type or "").upper(),
        "source_server": {"id": detail.id},
        "target_server": _target_server(placed, detail),
        "region_id": region,
        "region_name": region,
        "project_id": project_id,
        "project_name": project_name,
        "vm_template_id": template.id if template else None,
        "auto_start": False,
        "syncing": wish.syncing,
        "exist_server": bool(wish.vm_id),
        "migration_ip": wish.migration_ip,
        "use_public_ip": wish.use_public_ip,
        "start_target_server": wish.start_target_server,
        "start_network_check": wish.network_check,
        "is_need_consistency_check": wish.consistency,
    }
    try:
        task = CreateMigrationTask.model_validate(
            {key: value for key, value in wanted.items() if value is not None}
        )
    except ValueError as error:
        return _with(placed, "", f"The task cannot be written: {one_line(str(error), 200)}")
    for each in obstacles_in(task, detail, has_task=False, template_exists=template is not None):
        column = _FIELD_OF.get(each.field, each.field)
        column = "vm_id" if wish.vm_id and column == "template" else column
        says = f"{each.code}: {each.reason}" if each.code else each.reason
        if all(says != problem.says for problem in placed.problems):
            placed = _with(placed, column, says)
    return replace(placed, task=None if placed.problems else task)


def _only_project(world: World, region: str) -> str | None:
    """The IAM project of all templates and tasks of the region; None if they are of several."""
    briefs = [s.source.current_task for s in world.fleet.servers if s.source]
    found = {each.projectid for each in world.templates or () if each.region == region}
    found |= {brief.project_id for brief in briefs if brief and brief.region_id == region}
    known = found - {None, ""}
    return known.pop() if len(known) == 1 else None


def _project_of_tasks(servers: Iterable[Server], project_id: str | None) -> str | None:
    """The project's name as tasks that are there have it; the commonest."""
    names = Counter(
        task.project_name
        for server in servers
        if (task := server.source.current_task if server.source else None)
        and task.project_id == project_id
        and task.project_name
    )
    return names.most_common(1)[0][0] if names else None


def _task_name(detail: SourceServerDetail) -> str:
    return one_line(detail.name or detail.hostname or "MigrationTask", 60)


def _target_server(placed: Placed, detail: SourceServerDetail) -> dict[str, Any]:
    wish = placed.row.wish
    disks = [wanted_disk(disk.model_dump(exclude_none=True)) for disk in _recommended(detail)]
    for disk, disk_id in zip(disks, wish.target_disks, strict=False):
        disk["disk_id"] = disk_id
    target: dict[str, Any] = {"name": _task_name(detail), "disks": disks}
    if wish.vm_id:
        target["vm_id"] = wish.vm_id
    recommended = detail.init_target_server
    groups = (recommended.volume_groups if recommended else None) or ()
    if groups:
        target["volume_groups"] = [group.model_dump(exclude_none=True) for group in groups]
    if detail.btrfs_list:
        target["btrfs_list"] = [each.model_dump(exclude_none=True) for each in detail.btrfs_list]
    return target
