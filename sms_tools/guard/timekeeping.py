"""The time that approvals live by: it never goes back unnoticed.

The state keeps the latest time that was seen, by whichever of its parts. A clock that is a little
behind it is taken to stand still. One that was set back by more than a minute ends everything that
was open, which the audit tells, and time goes on from there: nothing that was over is open again,
and a clock that was ahead by mistake keeps nobody out once it is right.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar, cast

from sms_tools.guard.audit import Audit
from sms_tools.moment import Clock
from sms_tools.state import Database, State

STEP: Final = timedelta(minutes=1)
"""A clock further behind the latest time that was seen was set back."""
_SCHEMA: Final = (
    "CREATE TABLE clock_mark (only_one INTEGER PRIMARY KEY CHECK (only_one = 1),"
    " seen REAL NOT NULL)",
    # How often the clock was set back, and how many of those steps each component has dealt with.
    "CREATE TABLE clock_steps (component TEXT PRIMARY KEY, steps INTEGER NOT NULL)",
)
_IN_ALL: Final = ""
"""The row of all steps: whoever sees one first counts it, and every component ends its own."""

T = TypeVar("T")


class TimedState:
    """A state whose every transaction begins with a look at the clock."""

    def __init__(
        self,
        state: State,
        clock: Clock,
        end: Callable[[Database, float], None],
        audit: Audit | None,
        *,
        component: str,
    ) -> None:
        """*end* ends whatever *component* has open at the time it is given; *audit* is told."""
        self._state = state
        self._component = component
        self._clock = clock
        self._end = end
        self._audit = audit
        self._seen = 0.0
        state.prepare("clock", _SCHEMA)

    def prepare(self, component: str, steps: tuple[str, ...]) -> None:
        """As :meth:`State.prepare`."""
        self._state.prepare(component, steps)

    def now(self) -> datetime:
        """The time, which stands still while the clock is a little behind."""
        return datetime.fromtimestamp(max(self._clock().timestamp(), self._seen), UTC)

    async def write(self, work: Callable[[Database], T]) -> T:
        """As :meth:`State.write`, after what a step back of the clock has ended.

        Raises:
            StateError: it could not be kept.
            AuditError: the clock was set back, and that could not be written down.
        """

        def timed(database: Database) -> tuple[float | None, T]:
            was = self._step(database)
            return was, work(database)

        was, result = await self._state.write(timed)
        if was is not None and self._audit is not None:
            moments = (datetime.fromtimestamp(each, UTC) for each in (was, self._seen))
            before, after = (each.isoformat(timespec="seconds") for each in moments)
            reason = "the clock was set back; whatever was open is over"
            await self._audit.record("clock_set_back", was=before, now=after, reason=reason)
        return result

    async def read(self, work: Callable[[Database], T]) -> T:
        """As :meth:`State.read`; a step back of the clock is dealt with first.

        Raises:
            StateError: the database cannot be read, or the step could not be kept.
            AuditError: the clock was set back, and that could not be written down.
        """

        def timed(database: Database) -> tuple[bool, T | None]:
            row = database.execute("SELECT seen FROM clock_mark").first
            seen = float(row["seen"]) if row else 0.0
            back = self._clock().timestamp() < seen - STEP.total_seconds()
            if back or self._steps(database, _IN_ALL) != self._steps(database, self._component):
                return True, None
            self._seen = seen
            return False, work(database)

        back, result = await self._state.read(timed)
        if not back:
            return cast("T", result)
        await self.write(lambda database: database.execute("SELECT 1"))
        return await self._state.read(work)

    def _step(self, database: Database) -> float | None:
        """Keep the time; after a step back, the time before it, with all that was open ended."""
        row = database.execute("SELECT seen FROM clock_mark").first
        wall, seen = self._clock().timestamp(), float(row["seen"]) if row else 0.0
        back = wall < seen - STEP.total_seconds()
        steps = self._steps(database, _IN_ALL) + back
        if back:
            self._keep_steps(database, _IN_ALL, steps)
        if steps != self._steps(database, self._component):  # another part may have seen it first
            self._end(database, wall)
            self._keep_steps(database, self._component, steps)
        self._seen = wall if back else max(wall, seen)
        database.execute(
            "INSERT INTO clock_mark VALUES (1, ?) ON CONFLICT (only_one)"
            " DO UPDATE SET seen = excluded.seen",
            (self._seen,),
        )
        return seen if back else None

    @staticmethod
    def _steps(database: Database, component: str) -> int:
        query = "SELECT steps FROM clock_steps WHERE component = ?"
        row = database.execute(query, (component,)).first
        return int(row["steps"]) if row else 0

    @staticmethod
    def _keep_steps(database: Database, component: str, steps: int) -> None:
        database.execute(
            "INSERT INTO clock_steps VALUES (?, ?) ON CONFLICT (component)"
            " DO UPDATE SET steps = excluded.steps",
            (component, steps),
        )
