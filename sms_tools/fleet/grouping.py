"""Which servers belong together and which go first: databases before the applications on them.

No record of the service says so: the sheet of a migration does. What its rows say is kept, so that
the schedule and the cut-over of the same servers keep the order without being told again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sms_tools.fleet.desk import Desk
from sms_tools.fleet.samples import account_of
from sms_tools.fleet.server import Server
from sms_tools.state import Database

BATCH: Final = 5
"""Targets that are launched side by side."""
_STEPS: Final = (
    "CREATE TABLE server_groups (account TEXT NOT NULL, source_id TEXT NOT NULL, name TEXT,"
    " place INTEGER, PRIMARY KEY (account, source_id)) WITHOUT ROWID",
)
_LAST: Final = 10_000
"""After every order that a row can give."""


@dataclass(frozen=True, slots=True)
class Group:
    """What a row says: the group's name and its place in the order, as far as it says so."""

    name: str | None = None
    order: int | None = None

    def as_data(self) -> dict[str, Any]:
        """The group as it stands in a row; nothing where there is none."""
        found = {"group": self.name, "order": self.order}
        return {key: value for key, value in found.items() if value is not None}


class Grouping:
    """The groups of the servers of one account."""

    def __init__(self, desk: Desk) -> None:
        """Use the state of *desk*; the table is made when it is missing."""
        self._state = desk.state
        self._account = account_of(desk.api.settings)
        self._state.prepare("server_groups", _STEPS)

    async def keep(self, groups: Mapping[str, Group]) -> None:
        """Keep the groups of these servers, by source id; the latest sheet counts.

        Raises:
            StateError: they cannot be kept.
        """
        rows = [(self._account, key, each.name, each.order) for key, each in groups.items()]
        if not rows:
            return

        def work(database: Database) -> None:
            database.execute_many(
                "INSERT INTO server_groups VALUES (?, ?, ?, ?) ON CONFLICT (account, source_id)"
                " DO UPDATE SET name = excluded.name, place = excluded.place",
                rows,
            )

        await self._state.write(work)

    async def read(self) -> Mapping[str, Group]:
        """Every group that is known, by source id."""

        def work(database: Database) -> Mapping[str, Group]:
            rows = database.execute(
                "SELECT source_id, name, place FROM server_groups WHERE account = ?",
                (self._account,),
            )
            return {row["source_id"]: Group(row["name"], row["place"]) for row in rows}

        return await self._state.read(work)


def place_of(server: Server, groups: Mapping[str, Group]) -> int:
    """The server's place in the order; those of which nothing is said come last."""
    group = groups.get(server.id)
    return _LAST if group is None or group.order is None else group.order


def batches_of(
    servers: Sequence[Server], groups: Mapping[str, Group]
) -> Sequence[Sequence[Server]]:
    """*servers* in batches of five, in the order of their groups; no batch has two places.

    Among servers of the same place, those of one group stay together, in the order given.
    """
    first = {each.id: number for number, each in enumerate(servers)}
    heads: dict[str | None, int] = {}
    for each in servers:
        heads.setdefault(_name_of(each, groups), first[each.id])
    ordered = sorted(
        servers,
        key=lambda s: (place_of(s, groups), heads[_name_of(s, groups)], first[s.id]),
    )
    found: list[list[Server]] = []
    for server in ordered:
        last = found[-1] if found else []
        if not last or len(last) == BATCH or place_of(last[0], groups) != place_of(server, groups):
            found.append([])
        found[-1].append(server)
    return found


def _name_of(server: Server, groups: Mapping[str, Group]) -> str | None:
    group = groups.get(server.id)
    return group.name if group else None
