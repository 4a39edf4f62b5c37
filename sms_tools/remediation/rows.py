"""What each row of a migration sheet comes to: the task that it asks for, or why there is none.

Names are resolved, records read, the source and its target judged; the task itself is written out
by `row_task`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sms_tools.errors import SmsToolsError
from sms_tools.fleet import fitness, targets
from sms_tools.fleet.desk import Desk
from sms_tools.fleet.machine import SourceFacts
from sms_tools.fleet.membership import Membership, read_membership
from sms_tools.fleet.reading import Fleet, list_or_gap
from sms_tools.fleet.selection import AmbiguousName, Choice, UnknownName, choose, chosen
from sms_tools.fleet.server import Server
from sms_tools.knowledge.facts import TEMPLATES_PAGE
from sms_tools.operations.agent import GetAgentConfiguration
from sms_tools.operations.projects import ListMigrationProjects
from sms_tools.operations.source_servers import GetSourceServer, SourceServerDetail
from sms_tools.operations.templates import ListTemplates, Template
from sms_tools.remediation.placed import Placed, World, with_problem
from sms_tools.remediation.row_task import recommended, written
from sms_tools.remediation.sheet import Problem, Row, Sheet, Wish
from sms_tools.text import one_line
from sms_tools.wording import listed


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
            return with_problem(placed, "project", str(error))
        if project is None:
            return with_problem(placed, "project", "The migration projects could not be read.")
    if not wish.named:
        return placed
    try:
        server = _server(wish, servers, project, world.members)
    except (AmbiguousName, UnknownName) as error:
        return with_problem(placed, "server", str(error))
    there = world.members.project_of(server.id)
    placed = replace(placed, server=server, project=project or there)
    if project and there != project:
        says = f"The server is in {one_line(there or 'no project that was read', 60)}; "
        return with_problem(
            placed, "project", f"{says}update_source_server (migprojectid) moves it."
        )
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
                each = with_problem(each, key[0], f"already used in line {first} of this sheet")
        found.append(each)
    return found


def _judged(desk: Desk, placed: Placed, world: World, *, start: bool) -> Placed:
    server, wish = placed.server, placed.row.wish
    if server is None:
        return placed
    if not world.fleet.tasks_read:
        return with_problem(placed, "server", "Whether it has a task could not be read.")
    if server.task_id:
        return _taken(placed, server, start=start)
    template, problems = _template(placed, world)
    placed = replace(placed, template=template, problems=[*placed.problems, *problems])
    if not (wish.template or wish.vm_id):
        return with_problem(placed, "template", "missing: a template, or vm_id of an existing ECS")
    if wish.template and wish.vm_id:
        return with_problem(placed, "vm_id", "either a template or an existing ECS, not both")
    detail = world.details.get(server.id)
    if placed.problems and detail is None:
        return placed
    if detail is None:
        return with_problem(placed, "server", "Its record (get_source_server) could not be read.")
    facts = SourceFacts(server, desk.now(), detail)
    placed = _fit(placed, facts)
    placed = _target(placed, detail, world)
    if placed.problems:
        return placed
    return written(placed, detail, world)


def _taken(placed: Placed, server: Server, *, start: bool) -> Placed:
    waits = server.task_state == "READY" and server.phase == "waiting"
    if start and waits and not placed.problems:
        doubt = "It has a task that waits to be started: only that is done, with its settings."
        return replace(placed, starts_task=server.task_id, doubts=[doubt])
    says = f"It has a task already ({one_line(server.task_id or '', 64)}, {server.phase})."
    return with_problem(placed, "server", says)


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
            placed = with_problem(placed, "server", f"{remark.says} {remark.how}")
        elif remark.weight in ("repair_first", "unknown") or remark.kind == "windows_by_template":
            doubts.append(f"{remark.says} {remark.how}")
    return replace(placed, doubts=doubts)


def _target(placed: Placed, detail: SourceServerDetail, world: World) -> Placed:
    """Whether the target holds what comes, as far as anybody can read."""
    wish, template = placed.row.wish, placed.template
    disks = recommended(detail)
    if not disks:
        placed = with_problem(placed, "server", "The service recommends no disks for its target.")
    if template is not None:
        if small := targets.too_small(template, disks):
            placed = with_problem(placed, "template", f"SMS.6614: {listed(list(small[:3]))}.")
        elif targets.disks_unclear(template, disks):
            says = "Whether the template's disks are large enough is not known."
            placed = replace(placed, doubts=[*placed.doubts, says])
        if template.region and template.region != world.own_region:
            says = f"The template is for region {one_line(template.region, 40)}."
            placed = replace(placed, doubts=[*placed.doubts, says])
    if wish.vm_id:
        if not wish.migration_ip:
            placed = with_problem(
                placed, "migration_ip", "missing: the address of the existing ECS"
            )
        if not wish.target_disks:
            says = "missing: the EVS ids of its disks, in the order of the source's"
            placed = with_problem(placed, "target_disks", says)
        elif len(wish.target_disks) < len(disks):
            says = f"{len(wish.target_disks)} given, the source has {len(disks)} disks"
            placed = with_problem(placed, "target_disks", says)
        says = "The ECS's own system, firmware and disk sizes are unknown: no read gives them."
        placed = replace(placed, doubts=[*placed.doubts, says])
        if any(task.target_id == wish.vm_id for task in world.fleet.servers):
            placed = with_problem(placed, "vm_id", "The ECS is the target of another task.")
    return placed
