"""A freeze: for its time nothing is launched, whoever asks and whatever was approved.

It comes from a window in the policy, or from `sms-tools freeze`, which writes it into the state.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sms_tools.moment import Clock
from sms_tools.state import Database, State
from sms_tools.text import one_line

_STEPS: Final = (
    "CREATE TABLE freezes (id TEXT PRIMARY KEY, began BIGINT NOT NULL, ends BIGINT,"
    " reason TEXT NOT NULL, who TEXT NOT NULL)",
)
_THE_ONE: Final = "now"


@dataclass(frozen=True, slots=True)
class Freeze:
    """A time in which nothing is launched."""

    begins: datetime
    ends: datetime | None
    """None: until somebody ends it."""
    reason: str = ""
    who: str = ""
    """Who began it; empty for a window in the policy."""

    def holds(self, now: datetime) -> bool:
        """Whether *now* is in it."""
        return self.begins <= now and (self.ends is None or now < self.ends)

    def __str__(self) -> str:
        until = f"until {self.ends:%Y-%m-%d %H:%M} UTC" if self.ends else "until it is ended"
        by = f", by {one_line(self.who, 60)}" if self.who else ", by the policy"
        why = f": {one_line(self.reason, 120)}" if self.reason else ""
        return f"a freeze {until}{by}{why}"


class Freezes:
    """The freeze in a state's database: there is one at a time, for all that share it."""

    def __init__(self, state: State, clock: Clock) -> None:
        """Use *state*; *clock* gives the time with its zone."""
        self._state = state
        self._clock = clock
        state.prepare("freezes", _STEPS)

    async def begin(self, freeze: Freeze) -> None:
        """Begin *freeze*, in the place of the one there is.

        Raises:
            StateError: it cannot be written.
        """
        ends = _stamp(freeze.ends) if freeze.ends else None
        row = (_THE_ONE, _stamp(freeze.begins), ends, freeze.reason, freeze.who)
        statement = (
            "INSERT INTO freezes VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET"
            " began = excluded.began, ends = excluded.ends, reason = excluded.reason,"
            " who = excluded.who"
        )
        await self._state.write(lambda database: database.execute(statement, row))

    async def end(self) -> bool:
        """End the freeze; whether there was one.

        Raises:
            StateError: it cannot be written.
        """
        statement = "DELETE FROM freezes WHERE id = ?"

        def end(database: Database) -> bool:
            return database.execute(statement, (_THE_ONE,)).changed > 0

        return await self._state.write(end)

    async def now(self, windows: Sequence[Freeze] = ()) -> Freeze | None:
        """The freeze that holds now: the state's, or one of the policy's *windows*.

        Raises:
            StateError: the state cannot be read, so nobody can tell.
        """
        query = "SELECT * FROM freezes WHERE id = ?"
        rows = await self._state.read(lambda database: database.execute(query, (_THE_ONE,)))
        kept = [
            Freeze(
                _time(row["began"]),
                _time(row["ends"]) if row["ends"] is not None else None,
                row["reason"],
                row["who"],
            )
            for row in rows
        ]
        now = self._clock()
        return next((each for each in (*kept, *windows) if each.holds(now)), None)


def _stamp(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def _time(stamp: int) -> datetime:
    return datetime.fromtimestamp(stamp / 1000, UTC)
