"""Since when a copy's rate limits are what they are: samples count only under their own limit.

The service tells the limits of now, never those of yesterday. So those that were read are kept, one
row per task for thirty days, and what was sampled before a change was seen is left out of a rate.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from sms_tools.canonical import digest
from sms_tools.diagnosis.limits import Limits
from sms_tools.fleet.desk import Desk
from sms_tools.fleet.samples import account_of
from sms_tools.state import Database, StateError

_STEPS: Final = (
    "CREATE TABLE limits_seen (account TEXT NOT NULL, task_id TEXT NOT NULL, limits TEXT NOT NULL,"
    " changed INTEGER, seen INTEGER NOT NULL, PRIMARY KEY (account, task_id))",
)
_FORGOTTEN: Final = timedelta(days=30)


class LimitHistory:
    """The limits that were read of the tasks of one account."""

    def __init__(self, desk: Desk) -> None:
        """Use the state of *desk*."""
        self._state = desk.state
        self._account = account_of(desk.api.settings)
        self._state.prepare("limits_seen", _STEPS)

    async def changed(self, limits: Mapping[str, Limits], now: datetime) -> Mapping[str, datetime]:
        """By task whose limits were seen to change: when the present ones were first read.

        *limits* are by task, as read *now*. What cannot be kept is no error: nothing changed then.
        """

        def work(database: Database) -> Mapping[str, datetime]:
            found = {task: self._note(database, task, each, now) for task, each in limits.items()}
            database.execute(
                "DELETE FROM limits_seen WHERE account = ? AND seen < ?",
                (self._account, _stamp(now - _FORGOTTEN)),
            )
            return {
                task: datetime.fromtimestamp(at / 1000, UTC)
                for task, at in found.items()
                if at is not None
            }

        if not limits:
            return {}
        try:
            return await self._state.write(work)
        except StateError:
            return {}

    def _note(self, database: Database, task: str, limits: Limits, now: datetime) -> int | None:
        words = digest(sorted([each.start, each.end, each.mbit_s] for each in limits.segments))
        row = database.execute(
            "SELECT limits, changed FROM limits_seen WHERE account = ? AND task_id = ?",
            (self._account, task),
        ).first
        changed: int | None = row["changed"] if row else None
        if row and row["limits"] != words:
            changed = _stamp(now)
        database.execute(
            "INSERT INTO limits_seen VALUES (?, ?, ?, ?, ?) ON CONFLICT (account, task_id) DO"
            " UPDATE SET limits = excluded.limits, changed = excluded.changed,"
            " seen = excluded.seen",
            (self._account, task, words, changed, _stamp(now)),
        )
        return changed


def _stamp(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
