"""What a watch leaves behind: its last reading, its last messages, and whose turn it is.

Another process of the same account goes on from there: after a restart the first look tells what
changed meanwhile, and of several servers that share a state only one looks.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sms_tools.state import Database, State
from sms_tools.watching.noticing import Reading, Seen

MESSAGES: Final = 20
"""So many messages are kept of an account, the latest."""

_STEPS: Final = (
    "CREATE TABLE watch_looks (account TEXT NOT NULL, project TEXT NOT NULL, at BIGINT NOT NULL,"
    " every INTEGER NOT NULL, servers INTEGER NOT NULL, incomplete TEXT NOT NULL,"
    " reading TEXT NOT NULL, PRIMARY KEY (account, project))",
    "CREATE TABLE watch_messages (account TEXT NOT NULL, at BIGINT NOT NULL,"
    " message TEXT NOT NULL, PRIMARY KEY (account, at))",
    "CREATE TABLE watch_turns (account TEXT PRIMARY KEY, holder TEXT NOT NULL,"
    " ends BIGINT NOT NULL)",
)


@dataclass(frozen=True, slots=True)
class Look:
    """One reading of a watch."""

    at: datetime
    every: int
    """Seconds from one look to the next."""
    reading: Reading
    incomplete: Sequence[str] = ()
    """What of it could not be read."""


@dataclass(frozen=True, slots=True)
class Latest:
    """What a watch of an account knows last."""

    at: datetime
    every: int
    servers: int
    incomplete: Sequence[str]
    messages: Sequence[Mapping[str, Any]]
    """The latest first."""


class Kept:
    """What the watches of one account keep in the state."""

    def __init__(self, state: State, account: str) -> None:
        """Use *state*; the tables are made when they are missing.

        *account* is what tells one account's servers from another's, as samples do; its name in a
        person's words is not enough: every run of the sandbox has the same.
        """
        self._state = state
        self._account = account
        state.prepare("watch", _STEPS)

    async def before(self, project: str, since: datetime) -> Look | None:
        """The last look at *project* ("" for all), if it is not older than *since*.

        Raises:
            StateError: the state cannot be read.
        """
        query = "SELECT * FROM watch_looks WHERE account = ? AND project = ? AND at >= ?"
        values = (self._account, project, _stamp(since))
        row = (await self._state.read(lambda database: database.execute(query, values))).first
        if row is None:
            return None
        reading = {
            key: (name, Seen(*seen)) for key, (name, *seen) in json.loads(row["reading"]).items()
        }
        return Look(_time(row["at"]), row["every"], reading, json.loads(row["incomplete"]))

    async def keep(self, project: str, look: Look, message: Mapping[str, Any] | None) -> None:
        """Keep *look* and, where something changed, its *message*.

        Raises:
            StateError: it cannot be kept.
        """
        reading = {
            key: [name, seen.phase, seen.offline, seen.code, seen.pace, seen.fits]
            for key, (name, seen) in look.reading.items()
        }
        row = (
            self._account,
            project,
            _stamp(look.at),
            look.every,
            len(look.reading),
            json.dumps(list(look.incomplete)),
            json.dumps(reading),
        )

        def work(database: Database) -> None:
            database.execute(
                "INSERT INTO watch_looks VALUES (?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (account, project) DO UPDATE SET at = excluded.at,"
                " every = excluded.every, servers = excluded.servers,"
                " incomplete = excluded.incomplete, reading = excluded.reading",
                row,
            )
            if message is not None:
                self._add(database, _stamp(look.at), json.dumps(message))

        await self._state.write(work)

    async def latest(self) -> Latest | None:
        """The last look at the account and its last messages; None where nobody has watched.

        Raises:
            StateError: the state cannot be read.
        """

        def work(database: Database) -> Latest | None:
            look = database.execute(
                "SELECT at, every, servers, incomplete FROM watch_looks WHERE account = ?"
                " ORDER BY at DESC LIMIT 1",
                (self._account,),
            ).first
            if look is None:
                return None
            rows = database.execute(
                "SELECT message FROM watch_messages WHERE account = ? ORDER BY at DESC",
                (self._account,),
            )
            return Latest(
                _time(look["at"]),
                look["every"],
                look["servers"],
                json.loads(look["incomplete"]),
                [json.loads(row["message"]) for row in rows],
            )

        return await self._state.read(work)

    async def turn(self, holder: str, now: datetime, lasts: timedelta) -> bool:
        """Whether it is *holder*'s turn to look; it then stays so for as long as it *lasts*.

        Raises:
            StateError: the state cannot be written.
        """

        def work(database: Database) -> bool:
            taken = database.execute(
                "INSERT INTO watch_turns VALUES (?, ?, ?) ON CONFLICT (account)"
                " DO UPDATE SET holder = excluded.holder, ends = excluded.ends"
                " WHERE watch_turns.holder = excluded.holder OR watch_turns.ends <= ?",
                (self._account, holder, _stamp(now + lasts), _stamp(now)),
            )
            return bool(taken.changed)

        return await self._state.write(work)

    async def give_up(self, holder: str) -> None:
        """End *holder*'s turn, so that nobody has to wait for its end.

        Raises:
            StateError: the state cannot be written.
        """
        ended = "DELETE FROM watch_turns WHERE account = ? AND holder = ?"
        await self._state.write(lambda database: database.execute(ended, (self._account, holder)))

    def _add(self, database: Database, at: int, message: str) -> None:
        database.execute(
            "INSERT INTO watch_messages VALUES (?, ?, ?) ON CONFLICT (account, at)"
            " DO UPDATE SET message = excluded.message",
            (self._account, at, message),
        )
        database.execute(
            "DELETE FROM watch_messages WHERE account = ? AND at NOT IN"
            " (SELECT at FROM watch_messages WHERE account = ? ORDER BY at DESC LIMIT ?)",
            (self._account, self._account, MESSAGES),
        )


def _stamp(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def _time(stamp: int) -> datetime:
    return datetime.fromtimestamp(stamp / 1000, UTC)
