"""What was seen of each server before: the memory that rates, estimates and changes come from.

One row per server and reading, in the state store; written on every reading of the fleet that
went to the service. Rows thin out with age: all of two hours, then one per ten minutes for two
days, then one per hour for thirty days, then none. A server's text is kept cleaned, no secret is.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final, Literal, TypeVar

from sms_tools.fleet.desk import Desk
from sms_tools.fleet.server import Server
from sms_tools.redaction import redact
from sms_tools.settings import IamUser, Settings
from sms_tools.signing import KeyPair
from sms_tools.state import Database, Row, Rows, StateError
from sms_tools.text import one_line

_STEPS: Final = (
    "CREATE TABLE samples (account TEXT NOT NULL, source_id TEXT NOT NULL, at INTEGER NOT NULL,"
    " name TEXT NOT NULL, phase TEXT NOT NULL, state TEXT, stage TEXT, task_id TEXT,"
    " task_state TEXT, connected INTEGER, done_bytes INTEGER, total_bytes INTEGER, speed REAL,"
    " error_code TEXT, step TEXT, step_percent INTEGER, trace TEXT,"
    " PRIMARY KEY (account, source_id, at)) WITHOUT ROWID",
    "CREATE INDEX samples_by_time ON samples (account, at)",
    "CREATE TABLE samples_thinned (account TEXT PRIMARY KEY, at INTEGER NOT NULL)",
)
_COLUMNS: Final = (
    *("name", "phase", "state", "stage", "task_id", "task_state", "connected", "done_bytes"),
    *("total_bytes", "speed", "error_code", "step", "step_percent", "trace"),
)
_KEEP: Final = (
    "INSERT INTO samples VALUES ("  # noqa: S608 (our own words, never input)
    + ", ".join("?" * (3 + len(_COLUMNS)))
    + ") ON CONFLICT (account, source_id, at) DO UPDATE SET "
    + ", ".join(f"{column} = excluded.{column}" for column in _COLUMNS)
)
_FAULT: Final = "samples: fault"
_PASSING: Final = ("deleting", "unknown")
_NAME: Final = 2
"""Where a row has the server's name; the trace comes last."""
_THIN_EVERY: Final = timedelta(minutes=10)
_LONGEST_TRACE: Final = 120
_LARGEST: Final = 2**63 - 1
"""What an integer column of SQLite holds."""

# (from which age on, one row per so much)
_AGES: Final = (
    (timedelta(hours=2), timedelta(minutes=10)),
    (timedelta(days=2), timedelta(hours=1)),
)
_WHOLE: Final = timedelta(hours=6)
_COARSE: Final = timedelta(minutes=30)
_FORGOTTEN: Final = timedelta(days=30)


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sample:
    """One server as it was seen at one moment."""

    source_id: str
    at: datetime
    name: str
    phase: str
    state: str | None
    stage: str | None
    task_id: str | None
    task_state: str | None
    connected: bool | None
    done_bytes: int | None
    total_bytes: int | None
    speed: float | None
    """The task's rate as the service sent it; its unit is in doubt (see ``Server``)."""
    error_code: str | None
    step: str | None
    """The sub-task of the moment; None between rounds."""
    step_percent: int | None
    trace: str | None
    """The Agent's own words on the step, cleaned and short: to be compared, not to be shown."""


class Samples:
    """The samples of one account: others may share the state folder."""

    def __init__(self, desk: Desk) -> None:
        """Use the state of *desk*; the tables are made when they are missing."""
        self._state = desk.state
        self._account = account_of(desk.api.settings)
        self._shared = desk.shared
        self._secrets = desk.api.secret_values
        self._state.prepare("samples", _STEPS)

    async def record(self, servers: Sequence[Server], at: datetime) -> None:
        """Keep what was read of *servers* at *at*, and thin what is old.

        What cannot be kept is no error of the reading; `fault` says so.
        """
        stamp = _stamp(at)
        seen = [_row(server, stamp) for server in servers if server.id]
        # Names and traces are strangers' texts; all else are the service's words and numbers.
        texts = redact([(row[_NAME], row[-1]) for row in seen], self._secrets())
        rows = [
            (self._account, *row[:_NAME], name, *row[_NAME + 1 : -1], trace)
            for row, (name, trace) in zip(seen, texts, strict=True)
        ]

        def keep(database: Database) -> None:
            database.execute_many(_KEEP, rows)
            self._thin(database, stamp)

        try:
            await self._state.write(keep)
        except StateError as error:
            self._shared[_FAULT] = str(error)
        else:
            self._shared.pop(_FAULT, None)

    @property
    def fault(self) -> str | None:
        """Why what was read last could not be kept; None where it was."""
        fault = self._shared.get(_FAULT)
        return str(fault) if fault else None

    async def series(
        self, source_id: str, since: datetime, *, until: datetime | None = None
    ) -> Sequence[Sample]:
        """The samples of one server from *since* on, oldest first; `series_of` tells of *until*."""
        return (await self.series_of([source_id], since, until=until))[source_id]

    async def series_of(
        self, source_ids: Sequence[str], since: datetime, *, until: datetime | None = None
    ) -> Mapping[str, Sequence[Sample]]:
        """The samples of each of these servers from *since* on, oldest first, by source id.

        None is later than *until*: a clock that was ahead has left samples of the future. With
        *until*, of what is more than six hours older there is one sample per half-hour.
        """
        query = (
            "SELECT * FROM samples WHERE account = ? AND source_id = ? AND at >= ? AND at <= ?"
            " AND (at >= ? OR at % ? < ?) ORDER BY at"
        )
        begin = _stamp(since)
        end, whole = _LARGEST, begin
        if until is not None:
            end, whole = _stamp(until), _stamp(until - _WHOLE)
        # What is older has been thinned to the first of every ten minutes: one in three of these.
        coarse = (whole, _milliseconds(_COARSE), _milliseconds(_AGES[0][1]))

        def read(database: Database) -> Mapping[str, Sequence[Sample]]:
            return {
                each: [
                    _sample(row)
                    for row in database.execute(query, (self._account, each, begin, end, *coarse))
                ]
                for each in source_ids
            }

        return await self._read(read, dict.fromkeys(source_ids, ()))

    async def copying_since(self, since: datetime) -> Sequence[str]:
        """The ids of the servers that were seen in their full copy from *since* on."""
        query = (
            "SELECT DISTINCT source_id FROM samples WHERE account = ? AND at >= ?"
            " AND phase = 'replicating'"
        )
        values = (self._account, _stamp(since))
        rows = await self._read(lambda database: database.execute(query, values), Rows())
        return [row["source_id"] for row in rows]

    async def fleet_at(self, moment: datetime) -> Mapping[str, Sample]:
        """Each server's latest sample at or before *moment*, by source id."""
        return await self._one_each("MAX", "<=", moment)

    async def first_since(self, moment: datetime) -> Mapping[str, Sample]:
        """Each server's first sample at or after *moment*, by source id."""
        return await self._one_each("MIN", ">=", moment)

    async def turns(
        self, since: datetime
    ) -> Mapping[str, Sequence[tuple[datetime | None, Sample]]]:
        """Where a server's phase, connection or error changed from *since* on, by source id.

        Each with the time of the sample before it; the first sample of all has None there.
        """
        # A fleet's samples of a day are many, its changes few: the database picks them.
        query = (
            "SELECT * FROM (SELECT samples.*, LAG(at) OVER seen AS before,"
            " LAG(phase) OVER seen AS phase_, LAG(connected) OVER seen AS connected_,"
            " LAG(error_code) OVER seen AS error_"
            " FROM samples WHERE account = ? AND at >= ?"
            " WINDOW seen AS (PARTITION BY source_id ORDER BY at)) AS following"
            " WHERE before IS NULL OR phase <> phase_"
            " OR coalesce(connected, -1) <> coalesce(connected_, -1)"
            " OR coalesce(error_code, '') <> coalesce(error_, '')"
            " ORDER BY source_id, at"
        )
        values = (self._account, _stamp(since))
        found: dict[str, list[tuple[datetime | None, Sample]]] = {}
        for row in await self._read(lambda database: database.execute(query, values), Rows()):
            before = None if row["before"] is None else _time(row["before"])
            found.setdefault(row["source_id"], []).append((before, _sample(row)))
        return found

    async def last_phases(self, source_ids: Sequence[str]) -> Mapping[str, str]:
        """The phase in which each of these servers was last seen at rest, by source id."""
        query = "SELECT phase FROM samples WHERE account = ? AND source_id = ? ORDER BY at DESC"
        query += " LIMIT 5"

        def read(database: Database) -> Mapping[str, str]:
            found = {}
            for each in source_ids:
                rows = database.execute(query, (self._account, each))
                phases = [row["phase"] for row in rows if row["phase"] not in _PASSING]
                if phases:
                    found[each] = phases[0]
            return found

        nothing: Mapping[str, str] = {}
        return await self._read(read, nothing)

    async def oldest(self) -> datetime | None:
        """When the first sample that is still kept was taken; None if there is none."""
        query = "SELECT MIN(at) AS oldest FROM samples WHERE account = ?"
        rows = await self._read(lambda database: database.execute(query, (self._account,)), Rows())
        at = rows[0]["oldest"] if rows else None
        return None if at is None else _time(at)

    async def _one_each(
        self, which: Literal["MIN", "MAX"], side: Literal["<=", ">="], moment: datetime
    ) -> Mapping[str, Sample]:
        query = (
            "SELECT samples.* FROM samples JOIN"  # noqa: S608 (our own words, never input)
            f" (SELECT source_id AS its, {which}(at) AS chosen FROM samples"
            f" WHERE account = ? AND at {side} ? GROUP BY source_id) AS one"
            " ON samples.source_id = one.its AND samples.at = one.chosen"
            " WHERE samples.account = ?"
        )
        values = (self._account, _stamp(moment), self._account)
        rows = await self._read(lambda database: database.execute(query, values), Rows())
        return {row["source_id"]: _sample(row) for row in rows}

    async def _read(self, work: Callable[[Database], T], otherwise: T) -> T:
        """What *work* reads; without a state nothing was seen before, and `fault` says why."""
        try:
            return await self._state.read(work)
        except StateError as error:
            self._shared[_FAULT] = str(error)
            return otherwise

    def _thin(self, database: Database, now: int) -> None:
        last = database.execute(
            "SELECT at FROM samples_thinned WHERE account = ?", (self._account,)
        ).first
        if last and now - last["at"] < _milliseconds(_THIN_EVERY):
            return
        database.execute(
            "INSERT INTO samples_thinned VALUES (?, ?) ON CONFLICT (account)"
            " DO UPDATE SET at = excluded.at",
            (self._account, now),
        )
        database.execute(
            "DELETE FROM samples WHERE account = ? AND at < ?",
            (self._account, now - _milliseconds(_FORGOTTEN)),
        )
        for age, width in _AGES:
            before, bucket = now - _milliseconds(age), _milliseconds(width)
            database.execute(
                "DELETE FROM samples WHERE account = ? AND at < ? AND (source_id, at) NOT IN"
                " (SELECT source_id, MIN(at) FROM samples WHERE account = ? AND at < ?"
                " GROUP BY source_id, at / ?)",
                (self._account, before, self._account, before, bucket),
            )


def account_of(settings: Settings) -> str:
    """What tells the servers of one account from another's: where, as whom. Holds no secret."""
    match settings.credentials:
        case KeyPair(access_key, _, _):
            caller = sha256(access_key.encode()).hexdigest()[:16]
        case IamUser() as user:
            caller = user.domain
        case _:
            caller = settings.name or ""
    named = (settings.endpoint, settings.project_id, settings.domain_id, caller)
    return " ".join(part or "-" for part in named)


def _row(server: Server, stamp: int) -> tuple[object, ...]:
    step = server.step
    return (
        server.id,
        stamp,
        server.name,
        server.phase,
        _word(server.state),
        _word(server.stage),
        server.task_id,
        _word(server.task_state),
        server.connected,
        _whole(server.reported_bytes),
        _whole(server.total_bytes),
        server.migrate_speed,
        _word(server.error.code) if server.error else None,
        server.step_name,
        _whole(step.progress) if step else None,
        one_line(step.process_trace, _LONGEST_TRACE) if step and step.process_trace else None,
    )


def _whole(number: int | None) -> int | None:
    """*number*, or None where the column cannot hold it."""
    return None if number is None or abs(number) > _LARGEST else number


def _word(text: str | None) -> str | None:
    return one_line(text, 64) if text else None


def _sample(row: Row) -> Sample:
    connected = row["connected"]
    return Sample(
        source_id=row["source_id"],
        at=_time(row["at"]),
        name=row["name"],
        phase=row["phase"],
        state=row["state"],
        stage=row["stage"],
        task_id=row["task_id"],
        task_state=row["task_state"],
        connected=None if connected is None else bool(connected),
        done_bytes=row["done_bytes"],
        total_bytes=row["total_bytes"],
        speed=row["speed"],
        error_code=row["error_code"],
        step=row["step"],
        step_percent=row["step_percent"],
        trace=row["trace"],
    )


def _stamp(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def _time(stamp: int) -> datetime:
    return datetime.fromtimestamp(stamp / 1000, UTC)


def _milliseconds(span: timedelta) -> int:
    return round(span.total_seconds() * 1000)
