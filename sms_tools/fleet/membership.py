"""Which migration project each server is in: no record says so, only the list of each project.

It takes one list a project, and servers seldom move: what was read serves for ten minutes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Final, cast

import anyio

from sms_tools.errors import SmsToolsError
from sms_tools.fleet.desk import Desk
from sms_tools.fleet.keeping import KEPT
from sms_tools.fleet.reading import Fleet, Problem, list_or_gap
from sms_tools.fleet.server import Server
from sms_tools.knowledge.facts import SOURCES_PAGE
from sms_tools.operations.projects import ListMigrationProjects, MigrationProject
from sms_tools.operations.source_servers import ListSourceServers
from sms_tools.paging import at_once
from sms_tools.text import one_line

_MOST_UNASKED: Final = 1_000
"""With more servers the projects' lists, as long as the fleet, are read for `detail=full` alone."""
_MOST_PROJECTS: Final = 20
"""With more projects a single server is not looked for in each of them."""
_BY: Final = "waves"
_PROJECTS: Final = "list_migration_projects"


@dataclass(frozen=True)
class Membership:
    """Projects' names by server id, as far as they could be read."""

    names: Mapping[str, str] = field(default_factory=dict)
    gaps: Sequence[str] = ()

    def project_of(self, server_id: str) -> str | None:
        """The name of the server's project; None where it is in none, or that was not read."""
        return self.names.get(server_id)


@dataclass
class _Kept:
    """The latest membership, and who is waiting for it."""

    lock: anyio.Lock = field(default_factory=anyio.Lock)
    members: Membership | None = None
    of: frozenset[str] = frozenset()
    """Of which servers it tells; one of them without a name is in no project."""
    at: datetime | None = None


async def with_waves(desk: Desk, fleet: Fleet, *, everything: bool = True) -> Fleet:
    """*fleet*, each server with the name of its migration project.

    Without *everything* nothing is read for it in an account of more than 1,000 servers: then only
    what is known already counts, and that it is not known is said.
    """
    if fleet.project:
        name = fleet.project.name or ""
        return replace(fleet, servers=[replace(each, wave=name) for each in fleet.servers])
    members = known_membership(desk, fleet)
    if members is None and not everything and _account(fleet) > _MOST_UNASKED:
        says = "not read for so many servers; detail=full reads them."
        return replace(fleet, without_projects=[Problem(_BY, says)])
    if members is None:
        members = await _membership(desk, fleet)
    marked = [replace(each, wave=members.project_of(each.id)) for each in fleet.servers]
    # Whichever list failed, servers are all there: only who belongs where is not known.
    gaps = [Problem(_PROJECTS, _without_name(gap)) for gap in members.gaps]
    return replace(fleet, servers=marked, without_projects=gaps)


def _without_name(gap: str) -> str:
    return one_line(gap.removeprefix(f"{_PROJECTS}: "), 200)


def _account(fleet: Fleet) -> int:
    """How many servers there are in all."""
    return max(fleet.listed or 0, len(fleet.servers))


def known_membership(desk: Desk, fleet: Fleet) -> Membership | None:
    """What was read within ten minutes, if it has every server of *fleet*; reads nothing."""
    kept = _kept(desk)
    if kept.members is None or kept.at is None or desk.now() - kept.at > KEPT:
        return None
    return kept.members if all(s.id in kept.of for s in fleet.servers if s.id) else None


def _kept(desk: Desk) -> _Kept:
    return cast("_Kept", desk.shared.setdefault(_BY, _Kept()))


async def _membership(desk: Desk, fleet: Fleet) -> Membership:
    kept = _kept(desk)
    before = kept.at
    async with kept.lock:
        if kept.members and kept.at != before:  # somebody has read it meanwhile
            return kept.members
        projects, missing = await list_or_gap(
            desk, "projects", ListMigrationProjects(limit=100), "waves are missing"
        )
        members = Membership(gaps=missing)
        if projects is not None:
            members = await read_membership(desk, fleet, projects.items)
            members = replace(members, gaps=[*missing, *members.gaps])
        if not members.gaps:
            kept.members, kept.at = members, desk.now()
            kept.of = frozenset({*members.names, *(server.id for server in fleet.servers)})
        return members


async def with_wave(desk: Desk, server: Server) -> tuple[Server, Sequence[str]]:
    """One server with the name of its project, and what is missing: one small request a project."""
    members = known_membership(desk, Fleet([server], desk.now()))
    if members is None:
        projects, gaps = await list_or_gap(
            desk, "projects", ListMigrationProjects(limit=100), "its project is not known"
        )
        if projects is None or not server.id:
            return server, gaps
        if len(projects.items) > _MOST_PROJECTS:
            return server, [*gaps, f"{_BY}: not read with more than {_MOST_PROJECTS} projects."]
        members = await _looked_for(desk, server, projects.items)
        members = replace(members, gaps=[*gaps, *members.gaps])
    gaps = [f"{_PROJECTS}: {_without_name(gap)}" for gap in members.gaps]
    return replace(server, wave=members.project_of(server.id)), gaps


async def _looked_for(
    desk: Desk, server: Server, projects: Sequence[MigrationProject]
) -> Membership:
    known = [each for each in projects if each.id]
    replies = await desk.api.each(
        [ListSourceServers(limit=1, migproject=each.id, id=server.id) for each in known]
    )
    names: dict[str, str] = {}
    missing = []
    for project, reply in zip(known, replies, strict=True):
        name = project.name or ""
        if isinstance(reply, SmsToolsError):
            missing.append(f"whether it is in project {one_line(name, 40)} could not be read.")
        elif any(source.id == server.id for source in reply.items):
            names[server.id] = name
    return Membership(names, [] if names else missing)


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
        what = f"who is in project {one_line(name, 40)}"
        listing_of = ListSourceServers(limit=SOURCES_PAGE, migproject=project.id)
        try:
            listing = await desk.api.listing(listing_of)
        except SmsToolsError as error:
            why = one_line(str(error), 120)
            return {}, [f"list_source_servers: {what} could not be read ({why})."]
        gaps = [] if listing.complete else [f"list_source_servers: {what} may be incomplete."]
        return {source.id: name for source in listing.items if source.id}, gaps

    names: dict[str, str] = {}
    missing: list[str] = []
    for found, gaps in await at_once([partial(one, each) for each in known]):
        names |= found
        missing += gaps
    return Membership(names, missing)
