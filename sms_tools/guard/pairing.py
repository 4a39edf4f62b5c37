"""Browsers that may say yes: paired once by a person at a terminal, known again by a cookie.

What stands in a result (a link, a text to type) can be read by a model, so it never suffices for
a yes. The cookie never stands in one. It changes with each use, and the state keeps digests only:
of the value that holds, and of those that were used up. A used-up value that comes back was copied
by somebody, and as nobody can tell which of the two is the person, all pairings end.
"""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from sms_tools.canonical import short_id, text_digest
from sms_tools.guard.audit import Audit
from sms_tools.guard.timekeeping import TimedState
from sms_tools.moment import Clock
from sms_tools.state import Database, State

PATH: Final = "/sms-tools"
"""Where the page stands on its port. A browser sends the cookie to no other path."""
COOKIE: Final = "sms-tools-browser"
LASTS: Final = timedelta(days=30)
"""How long a browser stays paired that is not used."""
_JUST: Final = timedelta(seconds=10)
"""Within this time a used-up value is the second click of an impatient person."""

_SCHEMA: Final = (
    """CREATE TABLE pairings (
        id TEXT PRIMARY KEY, digest TEXT UNIQUE NOT NULL, used REAL NOT NULL,
        expires REAL NOT NULL)""",
    "CREATE TABLE pairings_spent (digest TEXT PRIMARY KEY, spent REAL NOT NULL)",
    "CREATE TABLE pairings_alarm (id TEXT PRIMARY KEY, at REAL NOT NULL)",
)


class Standing(StrEnum):
    """What a cookie proves."""

    PAIRED = "paired"
    UNPAIRED = "unpaired"
    JUST_USED = "just_used"
    REPLAYED = "replayed"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What became of a cookie that was judged."""

    standing: Standing
    renewed: str | None = None
    """The value that holds from now on, for a paired browser."""


class Pairings:
    """The paired browsers in a state's database: one list for the sandbox and the account."""

    def __init__(self, state: State, clock: Clock, audit: Audit | None = None) -> None:
        """Use *state*; *clock* gives the time with its zone; *audit* is told if it goes back."""
        self._state = TimedState(state, clock, _end_all, audit, component="pairings")
        state.prepare("pairings", _SCHEMA)

    async def pair(self) -> str:
        """Pair one more browser; gives the value of its cookie."""
        value = _new_value()

        def pair(database: Database) -> None:
            now = self._now()
            row = (short_id(), text_digest(value), now, now + LASTS.total_seconds())
            database.execute("INSERT INTO pairings VALUES (?, ?, ?, ?)", row)
            database.execute("DELETE FROM pairings_alarm")

        await self._state.write(pair)
        return value

    async def judge(self, cookie: str | None) -> Judgement:
        """Whether *cookie* is a paired browser's; it is used up by this, and renewed."""
        if not cookie:
            return Judgement(Standing.UNPAIRED)
        digest, value = text_digest(cookie), _new_value()

        def judge(database: Database) -> Judgement:
            now = self._now()
            database.execute("DELETE FROM pairings WHERE expires <= ?", (now,))
            database.execute(
                "DELETE FROM pairings_spent WHERE spent <= ?", (now - LASTS.total_seconds(),)
            )
            renewed = database.execute(
                "UPDATE pairings SET digest = ?, used = ?, expires = ? WHERE digest = ?",
                (text_digest(value), now, now + LASTS.total_seconds(), digest),
            )
            if renewed.changed == 1:
                database.execute("INSERT INTO pairings_spent VALUES (?, ?)", (digest, now))
                return Judgement(Standing.PAIRED, value)
            spent = database.execute(
                "SELECT spent FROM pairings_spent WHERE digest = ?", (digest,)
            ).first
            if spent is None:
                return Judgement(Standing.UNPAIRED)
            if now - spent["spent"] < _JUST.total_seconds():
                return Judgement(Standing.JUST_USED)
            _end(database)
            database.execute("INSERT INTO pairings_alarm VALUES (?, ?)", (short_id(), now))
            return Judgement(Standing.REPLAYED)

        return await self._state.write(judge)

    async def end(self) -> int:
        """Unpair every browser; gives how many there were."""
        return await self._state.write(_end)

    async def alarm(self) -> datetime | None:
        """When a used-up cookie ended all pairings; None if nothing did since the last pairing."""
        rows = await self._state.read(
            lambda database: database.execute("SELECT max(at) AS at FROM pairings_alarm")
        )
        row = rows.first
        return datetime.fromtimestamp(row["at"], UTC) if row and row["at"] else None

    def _now(self) -> float:
        return self._state.now().timestamp()


def _end(database: Database) -> int:
    database.execute("DELETE FROM pairings_spent")
    return database.execute("DELETE FROM pairings").changed


def _end_all(database: Database, now: float) -> None:
    """End every pairing: the clock was set back to *now*."""
    del now
    _end(database)


def _new_value() -> str:
    return secrets.token_urlsafe(32)
