"""Which migration project each server is in: no record says so, only the list of each project."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from sms_tools.errors import SmsToolsError
from sms_tools.fleet.desk import Desk
from sms_tools.fleet.reading import Fleet, Problem, read_shared
from sms_tools.knowledge.facts import SOURCES_PAGE
from sms_tools.operations.projects import ListMigrationProjects, MigrationProject
from sms_tools.operations.source_servers import ListSourceServers
from sms_tools.paging import at_once
from sms_tools.text import one_line


@dataclass(frozen=True)
class Membership:
    """Projects' names by server id, as far as they could be read."""

    names: Mapping[str, str] = field(default_factory=dict)
    gaps: Sequence[str] = ()

    def project_of(self, server_id: str) -> str | None:
        """The name of the server's project; None where it is in none, or that was not read."""
        return self.names.get(server_id)


_MOST_PROJECTS: Final = 20
"""Above so many projects nobody reads one list each for a name in a row."""


async def with_waves(desk: Desk, fleet: Fleet) -> Fleet:
    """*fleet*, each server with the name of its migration project.

    It takes one list a project, so it is read where everything is asked for (`detail=full`), and
    in an account of at most twenty projects; what could not be read is said.
    """
    if fleet.project:
        names = Membership({each.id: fleet.project.name or "" for each in fleet.servers})
    else:
        try:
            projects, _ = await read_shared(desk, "projects", ListMigrationProjects(limit=100))
        except SmsToolsError:
            problem = Problem("list_migration_projects", "could not be read; waves are missing.")
            return replace(fleet, problems=[*fleet.problems, problem])
        if len(projects.items) > _MOST_PROJECTS:
            return fleet
        names = await read_membership(desk, fleet, projects.items)
    marked = [replace(each, wave=names.project_of(each.id)) for each in fleet.servers]
    gaps = [Problem("list_migration_projects", one_line(gap, 200)) for gap in names.gaps]
    return replace(fleet, servers=marked, problems=[*fleet.problems, *gaps])


async def read_membership(
    desk: Desk, fleet: Fleet, projects: Sequence[MigrationProject]
) -> Membership:
    """The project of every server of *fleet*: one list a project, none where one is all."""
    if fleet.project:
        name = fleet.project.name or ""
        return Membership({server.id: name for server in fleet.servers})
    known = [each for each in projects if each.id]

    async def one(project: MigrationProject) -> Mapping[str, str] | str:
        name = project.name or ""
        listing_of = ListSourceServers(limit=SOURCES_PAGE, migproject=project.id)
        try:
            listing, _ = await read_shared(desk, f"sources {project.id}", listing_of)
        except SmsToolsError as error:
            return f"list_source_servers: project {one_line(name, 40)} could not be read ({error})."
        return {source.id: name for source in listing.items if source.id}

    results = await at_once([partial(one, each) for each in known])
    names: dict[str, str] = {}
    for result in results:
        if not isinstance(result, str):
            names |= result
    return Membership(names, [result for result in results if isinstance(result, str)])
