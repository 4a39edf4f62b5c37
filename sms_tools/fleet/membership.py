"""Which migration project each server is in: no record says so, only the list of each project."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from sms_tools.fleet.desk import Desk
from sms_tools.fleet.reading import Fleet, Problem, list_or_gap
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
        projects, missing = await list_or_gap(
            desk, "projects", ListMigrationProjects(limit=100), "waves are missing"
        )
        if projects is None or len(projects.items) > _MOST_PROJECTS:
            return replace(fleet, problems=[*fleet.problems, *map(_problem, missing)])
        names = await read_membership(desk, fleet, projects.items)
        names = replace(names, gaps=[*missing, *names.gaps])
    marked = [replace(each, wave=names.project_of(each.id)) for each in fleet.servers]
    return replace(fleet, servers=marked, problems=[*fleet.problems, *map(_problem, names.gaps)])


def _problem(gap: str) -> Problem:
    operation, _, says = gap.partition(": ")
    return Problem(operation, says)


async def read_membership(
    desk: Desk, fleet: Fleet, projects: Sequence[MigrationProject]
) -> Membership:
    """The project of every server of *fleet*: one list a project, none where one is all."""
    if fleet.project:
        name = fleet.project.name or ""
        return Membership({server.id: name for server in fleet.servers})
    known = [each for each in projects if each.id]

    async def one(project: MigrationProject) -> tuple[Mapping[str, str], Sequence[str]]:
        name = project.name or ""
        listing_of = ListSourceServers(limit=SOURCES_PAGE, migproject=project.id)
        without = f"who is in project {one_line(name, 40)} is not known"
        listing, gaps = await list_or_gap(desk, f"sources {project.id}", listing_of, without)
        if listing is None:
            return {}, gaps
        return {source.id: name for source in listing.items if source.id}, gaps

    names: dict[str, str] = {}
    missing: list[str] = []
    for found, gaps in await at_once([partial(one, each) for each in known]):
        names |= found
        missing += gaps
    return Membership(names, list(dict.fromkeys(missing)))
