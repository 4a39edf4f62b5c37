"""The state in PostgreSQL, shared by the servers of a team.

What is kept and read is the same as with SQLite: the same functions of a :class:`Database`, whose
common SQL is adapted here. Those who write take turns, as with SQLite, by one advisory lock a
transaction, so that what is true of two processes on one machine is true of two servers. Readers
wait for nobody and see one snapshot.

A connection that breaks before a transaction's end has done nothing: it is tried once more. One
that breaks while the end is told may have done it or not, and that is an error: whoever asked must
not act on it.
"""

import contextlib
import logging
import re
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar
from zlib import crc32

import anyio.to_thread
import psycopg
import psycopg_pool
from psycopg.rows import dict_row

from sms_tools.state import BUSY_SECONDS, Database, Rows, State, StateError, nothing

T = TypeVar("T")

_MOST: Final = 8
"""Connections of one server; as many transactions as its worker threads run at a time."""
_WRITERS: Final = 0x534D53
"""The advisory lock of those who write: ours, in a database that others may use too."""
_CHANNEL: Final = "sms_tools_changes"
_TYPES: Final = (
    (re.compile(r"\bREAL\b"), "DOUBLE PRECISION"),
    (re.compile(r"\bINTEGER\b"), "BIGINT"),
    (re.compile(r"\)\s*WITHOUT ROWID\s*$"), ")"),
)
_LOG: Final = logging.getLogger(__name__)
_ADVICE: Final = (
    "Whatever must be recorded is refused until this is fixed; reads still work. Bring the "
    "database back, or correct SMS_TOOLS_STATE_URL; `sms-tools check` tests it."
)


class _Broken(Exception):  # noqa: N818 (says what happened; never leaves this module)
    """The connection broke before the transaction's end was told: nothing was done."""


def adapted(sql: str) -> str:
    """*sql*, in the common kind of :mod:`sms_tools.state`, as PostgreSQL wants it."""
    if sql.lstrip().upper().startswith(("CREATE", "ALTER")):
        for pattern, word in _TYPES:
            sql = pattern.sub(word, sql)
    return sql.replace("%", "%%").replace("?", "%s")


class _Postgres:
    """A transaction of PostgreSQL."""

    def __init__(self, connection: "psycopg.Connection[Any]") -> None:
        self._connection = connection

    def execute(self, sql: str, values: Sequence[object] = ()) -> Rows:
        cursor = self._connection.execute(adapted(sql), _plain(values))
        rows = Rows(cursor.fetchall() if cursor.description else ())
        rows.changed = cursor.rowcount
        return rows

    def execute_many(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        with self._connection.cursor() as cursor:
            cursor.executemany(adapted(sql), [_plain(row) for row in rows])


def _plain(values: Sequence[object]) -> list[object]:
    """*values* as the columns take them: what is true or false is a number there."""
    return [int(each) if isinstance(each, bool) else each for each in values]


class PostgresState(State):
    """A state in a PostgreSQL database; what is this machine's alone stays in the folder."""

    shared = True

    def __init__(self, folder: Path, url: str) -> None:
        """Connect to *url* when something is first kept or read."""
        super().__init__(folder)
        self._url = url
        self._pool: psycopg_pool.ConnectionPool[Any] | None = None
        self._opening = threading.Lock()

    @contextlib.asynccontextmanager
    async def alone(self, what: str) -> AsyncIterator[bool]:
        """As :meth:`State.alone`; the lock goes with the connection."""
        key = crc32(what.encode())
        try:
            held = await anyio.to_thread.run_sync(self._take, key)
        except psycopg.Error as error:
            raise StateError(self._in_words(str(error)), advice=_ADVICE) from error
        try:
            yield held is not None
        finally:
            if held is not None:
                with anyio.CancelScope(shield=True):
                    await anyio.to_thread.run_sync(self._give_back, held, key)

    async def tell(self, what: str) -> None:
        """Tell every server that shares the state that *what* has changed.

        Raises:
            StateError: the database cannot be reached.
        """
        statement = "SELECT pg_notify(?, ?)"
        await self.read(lambda database: database.execute(statement, (_CHANNEL, what)))

    def changes(self, stop: threading.Event) -> Iterator[str]:
        """What any server tells, until *stop* is set; blocks, so it wants a thread of its own.

        A connection that breaks is opened again; what is told meanwhile is lost.
        """
        while not stop.is_set():
            try:
                with self._connected(autocommit=True) as connection:
                    connection.execute(f"LISTEN {_CHANNEL}")
                    while not stop.is_set():
                        yield from (note.payload for note in connection.notifies(timeout=0.5))
            except psycopg.Error as error:
                _LOG.warning("the shared state tells nothing now: %s", error)
                stop.wait(BUSY_SECONDS)

    def close(self) -> None:
        """Close the connections; the state cannot be used afterwards."""
        super().close()
        with self._opening:
            if self._pool is not None:
                self._pool.close()
            self._pool = None

    @property
    def _where(self) -> str:
        return "the shared state"

    def _has_steps(self, database: Database) -> bool:
        found = database.execute("SELECT to_regclass('schema_steps') AS found").first
        return bool(found and found["found"])

    def _write(self, work: Callable[[Database], T]) -> T:
        def begun(database: Database) -> None:
            milliseconds = round(BUSY_SECONDS * 1000)
            database.execute(f"SET LOCAL lock_timeout = {milliseconds}")
            database.execute("SELECT pg_advisory_xact_lock(?)", (_WRITERS,))
            self._bring_up_to_date(database)

        return self._done(begun, work)

    def _read(self, work: Callable[[Database], T]) -> T:
        missing: list[str] = []

        def begun(database: Database) -> None:
            database.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            missing[:] = self._missing(database)

        def read(database: Database) -> T | None:
            return None if missing else work(database)

        found = self._done(begun, read)
        if missing:
            self._write(nothing)
            found = self._done(begun, read)
        return found  # type: ignore[return-value]

    def _done(self, begun: Callable[[Database], None], work: Callable[[Database], T]) -> T:
        if self._closed:
            raise StateError(f"{self._where} was closed.")
        until = time.monotonic() + 2 * BUSY_SECONDS
        while True:
            try:
                return self._tried(begun, work)
            except _Broken as error:
                if time.monotonic() > until:
                    raise StateError(
                        self._in_words(self._why(error)), advice=_ADVICE
                    ) from error.__cause__
                time.sleep(0.2)
            except (psycopg.Error, psycopg_pool.PoolTimeout) as error:
                raise StateError(self._in_words(str(error)), advice=_ADVICE) from error

    def _tried(self, begun: Callable[[Database], None], work: Callable[[Database], T]) -> T:
        """One transaction.

        Raises:
            _Broken: the connection was not to be had, or broke before the end was told.
        """
        pool = self._connections()
        try:
            connection = pool.getconn(timeout=BUSY_SECONDS)
        except (psycopg.OperationalError, psycopg_pool.PoolTimeout) as error:
            raise _Broken from error
        try:
            try:
                database = _Postgres(connection)
                begun(database)
                result = work(database)
            except psycopg.OperationalError as error:
                if connection.broken:
                    raise _Broken from error
                raise
            connection.commit()
            return result
        except BaseException:
            with contextlib.suppress(psycopg.Error):
                connection.rollback()
            raise
        finally:
            pool.putconn(connection)

    def _connections(self) -> "psycopg_pool.ConnectionPool[Any]":
        with self._opening:
            if self._pool is None:
                # Each of its attempts would be a warning of two lines: ours says it once a call.
                logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
                self._pool = psycopg_pool.ConnectionPool(
                    self._url,
                    min_size=0,
                    max_size=_MOST,
                    open=True,
                    timeout=BUSY_SECONDS,
                    reconnect_timeout=BUSY_SECONDS,
                    check=psycopg_pool.ConnectionPool.check_connection,
                    kwargs=_HOW,
                    name="sms-tools",
                )
            return self._pool

    def _connected(self, *, autocommit: bool) -> "psycopg.Connection[Any]":
        return psycopg.connect(self._url, **{**_HOW, "autocommit": autocommit})

    def _take(self, key: int) -> "psycopg.Connection[Any] | None":
        """A connection that holds the lock *key*; None where another has it."""
        connection = self._connected(autocommit=True)
        try:
            taken = connection.execute(
                "SELECT pg_try_advisory_lock(%s, %s) AS taken", (_WRITERS, key - 2**31)
            ).fetchone()
            if taken and taken["taken"]:
                return connection
        except BaseException:
            connection.close()
            raise
        connection.close()
        return None

    def _give_back(self, connection: "psycopg.Connection[Any]", key: int) -> None:
        """Give the lock *key* back: closing alone does so only when the database notices it."""
        with contextlib.closing(connection), contextlib.suppress(psycopg.Error):
            connection.execute("SELECT pg_advisory_unlock(%s, %s)", (_WRITERS, key - 2**31))

    def _why(self, broken: _Broken) -> str:
        """What stands in the way, in the database's words: the pool only says that it waited."""
        try:
            self._connected(autocommit=True).close()
        except psycopg.Error as error:
            return str(error)
        return str(broken.__cause__)

    def _in_words(self, said: str) -> str:
        for part, words in _IN_WORDS.items():
            if part in said:
                return f"{self._where} {words}."
        first = said.strip().splitlines()[0] if said.strip() else "no answer"
        return f"{self._where} cannot be used: {first}."


_HOW: Final[dict[str, Any]] = {
    "connect_timeout": max(2, round(BUSY_SECONDS)),
    "row_factory": dict_row,
    # Values are put in by the client: the server need not guess the type of a question mark.
    "cursor_factory": psycopg.ClientCursor,
    "application_name": "sms-tools",
}
_IN_WORDS: Final = {
    "lock timeout": f"is held by another server; it was waited for {BUSY_SECONDS:.0f} seconds",
    "No space left": "cannot grow: the disk of the database is full",
    "read-only": "can be read but not written",
    "password authentication failed": "does not take the user or password of SMS_TOOLS_STATE_URL",
    "does not exist": "is not there: the database or user of SMS_TOOLS_STATE_URL does not exist",
    "permission denied": "may not be used by the user of SMS_TOOLS_STATE_URL",
    "refused": "cannot be reached: the database does not answer",
    "timeout": "cannot be reached: the database does not answer",
    "couldn't get a connection": "cannot be reached: the database does not answer",
    "terminating connection": "is being restarted; try again in a moment",
    "starting up": "is being restarted; try again in a moment",
    "shutting down": "is being restarted; try again in a moment",
}
