"""How earlier estimates did: each that was given is kept, and compared with the end that was seen.

One row per copy and hour at most, for thirty days. An end is seen between two samples; where an
estimate's bound lies between these, nobody can tell whether it held, and it does not count.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sms_tools.diagnosis.course import Course
from sms_tools.diagnosis.eta import Confidence, Eta
from sms_tools.fleet.desk import Desk
from sms_tools.fleet.samples import account_of
from sms_tools.state import Database, StateError

_STEPS: Final = (
    "CREATE TABLE estimates (account TEXT NOT NULL, source_id TEXT NOT NULL, task_id TEXT NOT NULL,"
    " at INTEGER NOT NULL, earliest INTEGER, latest INTEGER NOT NULL, confidence TEXT NOT NULL,"
    " verdict TEXT, PRIMARY KEY (account, source_id, task_id, at))",
    "CREATE INDEX estimates_by_time ON estimates (account, at)",
)
_CONFIDENCES: Final[Sequence[Confidence]] = ("high", "medium", "low")
_EVERY: Final = timedelta(hours=1)
_FORGOTTEN: Final = timedelta(days=30)
_MOST_COPIES: Final = 200
"""Of how many copies one answer's estimates are kept."""
_MOST_ROWS: Final = 20_000


@dataclass(frozen=True, slots=True)
class Score:
    """The estimates of one confidence whose copies have ended, and how many ended inside."""

    ended: int
    inside: int


@dataclass(frozen=True, slots=True)
class Scores:
    """How the estimates of an account did."""

    by_confidence: Mapping[str, Score]
    open: int = 0
    """Estimates of copies that have not been seen to end."""

    @property
    def says(self) -> str:
        """A sentence for a summary, with a blank before it; empty where nothing has ended yet."""
        ended = sum(each.ended for each in self.by_confidence.values())
        inside = sum(each.inside for each in self.by_confidence.values())
        if not ended:
            return ""
        return f" Of the earlier estimates, {inside} of {ended} ended inside their range."

    def as_data(self) -> dict[str, Any]:
        """The numbers, by confidence."""
        found: dict[str, Any] = {
            each: {"ended": score.ended, "inside": score.inside}
            for each, score in self.by_confidence.items()
        }
        return {**found, "open": self.open}


class TrackRecord:
    """The estimates that were given about the servers of one account."""

    def __init__(self, desk: Desk) -> None:
        """Use the state of *desk*."""
        self._state = desk.state
        self._account = account_of(desk.api.settings)
        self._state.prepare("estimates", _STEPS)

    async def keep(self, courses: Sequence[Course], now: datetime) -> Scores:
        """Keep the estimates of *courses*, compare earlier ones with ends, and say how they did.

        What cannot be kept is no error of the answer: then nothing is said of earlier ones.
        """
        given = [
            (course.server.id, course.server.task_id, course.eta)
            for course in courses
            if isinstance(course.eta, Eta) and course.server.id and course.server.task_id
        ]
        copied = [
            (course.server.id, course.server.task_id)
            for course in courses
            if course.copied and course.server.id and course.server.task_id
        ]

        def work(database: Database) -> Scores:
            self._settle(database, set(copied), _stamp(now))
            self._add(database, given[:_MOST_COPIES], now)
            self._forget(database, now)
            return self._scores(database)

        try:
            return await self._state.write(work)
        except StateError:
            return Scores({})

    def _add(
        self, database: Database, given: Sequence[tuple[str, str, Eta]], now: datetime
    ) -> None:
        query = (
            "SELECT 1 AS one FROM estimates WHERE account = ? AND source_id = ? AND task_id = ?"
            " AND at > ? LIMIT 1"
        )
        for source, task, eta in given:
            key = (self._account, source, task)
            if database.execute(query, (*key, _stamp(now - _EVERY))).first is not None:
                continue
            earliest = None if eta.earliest is None else _stamp(eta.earliest)
            database.execute(
                "INSERT INTO estimates VALUES (?, ?, ?, ?, ?, ?, ?, NULL)",
                (*key, _stamp(now), earliest, _stamp(eta.latest), eta.confidence),
            )

    def _settle(self, database: Database, copied: set[tuple[str, str]], now: int) -> None:
        waiting = database.execute(
            "SELECT DISTINCT source_id, task_id FROM estimates WHERE account = ?"
            " AND verdict IS NULL",
            (self._account,),
        )
        for row in waiting:
            key = (row["source_id"], row["task_id"])
            if key in copied and (seen := self._end(database, key, now)) is not None:
                self._judge(database, key, *seen)

    def _end(self, database: Database, key: tuple[str, str], now: int) -> tuple[int, int] | None:
        """Between which two samples the copy ended; None if it was not seen copying."""
        last = database.execute(
            "SELECT MAX(at) AS at FROM samples WHERE account = ? AND source_id = ?"
            " AND task_id = ? AND phase = 'replicating' AND at <= ?",
            (self._account, *key, now),
        ).first
        if last is None or last["at"] is None:
            return None
        after = database.execute(
            "SELECT MIN(at) AS at FROM samples WHERE account = ? AND source_id = ? AND at > ?",
            (self._account, key[0], last["at"]),
        ).first
        return last["at"], now if after is None or after["at"] is None else after["at"]

    def _judge(self, database: Database, key: tuple[str, str], before: int, after: int) -> None:
        """The verdict on every estimate of a copy that ended after *before*, up to *after*."""
        database.execute(
            "UPDATE estimates SET verdict = CASE"
            " WHEN earliest IS NULL OR latest < ? OR earliest > ? THEN 'outside'"
            " WHEN earliest <= ? AND latest >= ? THEN 'inside' ELSE 'cannot tell' END"
            " WHERE account = ? AND source_id = ? AND task_id = ? AND verdict IS NULL",
            (before, after, before, after, self._account, *key),
        )

    def _forget(self, database: Database, now: datetime) -> None:
        database.execute(
            "DELETE FROM estimates WHERE account = ? AND at < ?",
            (self._account, _stamp(now - _FORGOTTEN)),
        )
        oldest_kept = database.execute(
            "SELECT at FROM estimates WHERE account = ? ORDER BY at DESC LIMIT 1 OFFSET ?",
            (self._account, _MOST_ROWS),
        ).first
        if oldest_kept is not None:
            database.execute(
                "DELETE FROM estimates WHERE account = ? AND at <= ?",
                (self._account, oldest_kept["at"]),
            )

    def _scores(self, database: Database) -> Scores:
        rows = database.execute(
            "SELECT confidence, verdict, COUNT(*) AS many FROM estimates WHERE account = ?"
            " GROUP BY confidence, verdict",
            (self._account,),
        )
        counts = {(row["confidence"], row["verdict"]): int(row["many"]) for row in rows}
        scores: dict[str, Score] = {
            each: Score(counts.get((each, "inside"), 0) + outside, counts.get((each, "inside"), 0))
            for each in _CONFIDENCES
            if (outside := counts.get((each, "outside"), 0)) or counts.get((each, "inside"))
        }
        return Scores(scores, sum(many for (_, verdict), many in counts.items() if not verdict))


def _stamp(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
