"""Who has vouched that a launched target boots and serves: no read from here can tell.

A clean-up plan's dialog asks for it, for deleting a task deletes the way back. Whoever agrees
vouches, and is kept with the plan and the time; a target that is replaced is vouched for anew.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sms_tools.fleet.samples import account_of
from sms_tools.fleet.server import Server
from sms_tools.settings import Settings
from sms_tools.state import Database, State
from sms_tools.wording import iso

ASKED: Final = (
    "See for yourself that every target below boots, can be reached and serves its applications. "
    "Whoever agrees to this plan vouches for it: that is kept, and the change record names it."
)
_STEPS: Final = (
    "CREATE TABLE vouched (account TEXT NOT NULL, source_id TEXT NOT NULL, target_id TEXT,"
    " at REAL NOT NULL, who TEXT NOT NULL, plan_id TEXT NOT NULL,"
    " PRIMARY KEY (account, source_id)) WITHOUT ROWID",
)


@dataclass(frozen=True, slots=True)
class Voucher:
    """Who said that a target boots and serves, when, and in which plan's dialog."""

    source_id: str
    target_id: str | None
    at: datetime
    who: str
    plan_id: str

    def as_data(self) -> dict[str, Any]:
        """What is told of it."""
        return {"by": self.who, "at": iso(self.at), "plan_id": self.plan_id}

    def is_for(self, server: Server) -> bool:
        """Whether it is about the target that *server* has now."""
        return not (self.target_id and server.target_id) or self.target_id == server.target_id


class Vouchers:
    """What was vouched for in one account."""

    def __init__(self, state: State, settings: Settings) -> None:
        """Use *state*; the table is made when it is missing."""
        self._state = state
        self._account = account_of(settings)
        self._state.prepare("vouched", _STEPS)

    async def keep(self, vouchers: Sequence[Voucher]) -> None:
        """Keep them; the latest of a server counts.

        Raises:
            StateError: they cannot be kept.
        """
        rows = [
            (self._account, v.source_id, v.target_id, v.at.timestamp(), v.who, v.plan_id)
            for v in vouchers
        ]

        def work(database: Database) -> None:
            database.execute_many(
                "INSERT INTO vouched VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (account, source_id)"
                " DO UPDATE SET target_id = excluded.target_id, at = excluded.at,"
                " who = excluded.who, plan_id = excluded.plan_id",
                rows,
            )

        await self._state.write(work)

    async def read(self) -> Mapping[str, Voucher]:
        """Every voucher, by source id.

        Raises:
            StateError: they cannot be read.
        """

        def work(database: Database) -> Mapping[str, Voucher]:
            rows = database.execute("SELECT * FROM vouched WHERE account = ?", (self._account,))
            return {
                row["source_id"]: Voucher(
                    row["source_id"],
                    row["target_id"],
                    datetime.fromtimestamp(row["at"], UTC),
                    row["who"],
                    row["plan_id"],
                )
                for row in rows
            }

        return await self._state.read(work)
