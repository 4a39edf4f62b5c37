"""What must outlive a call: approvals, plans, progress samples, the head of the audit.

One SQLite file in a private folder. Several servers and commands may use it at once: every change
is one immediate transaction, and readers never wait for writers (WAL). The work is done in a worker
thread, so the event loop never stands still, and what cannot be had within two seconds is refused
with the reason.

Nothing is opened before it is needed, and nothing here is needed to read from the service: with a
state that is locked, full, damaged or not writable, only what must be recorded is refused.

Whoever keeps something hands in a function of a :class:`Database`. It is all that such a function
sees, so that another database can stand behind it; its SQL is therefore the common kind
(``INSERT … ON CONFLICT … DO UPDATE``, question marks for values, no types of SQLite's own).
"""

import contextlib
import os
import sqlite3
import stat
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

import anyio.to_thread

from sms_tools.errors import SmsToolsError
from sms_tools.locking import lock

BUSY_SECONDS: Final = 2.0
"""How long somebody else's transaction is waited for."""

_FILE: Final = "sms-tools.sqlite3"
_STEPS_TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS schema_steps (component TEXT PRIMARY KEY, steps INTEGER NOT NULL)"
)

T = TypeVar("T")
Row = Mapping[str, Any]


class StateError(SmsToolsError):
    """The state cannot be used; nothing was written. The message says why."""

    advice = (
        "Whatever must be recorded is refused until this is fixed; reads still work. Fix it, "
        "or set SMS_TOOLS_STATE_DIR to a folder of yours that can be written; `sms-tools check` "
        "tests it."
    )


class Rows(list[Row]):
    """What a statement gave: its rows, and how many it changed."""

    changed: int = 0

    @property
    def first(self) -> Row | None:
        """The first row, if there is any."""
        return self[0] if self else None


class Database(Protocol):
    """One transaction."""

    def execute(self, sql: str, values: Sequence[object] = ()) -> Rows:
        """Run one statement; each question mark in it stands for one of *values*."""

    def execute_many(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """Run one statement once for each of *rows*."""


class _Sqlite:
    """A transaction of SQLite."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def execute(self, sql: str, values: Sequence[object] = ()) -> Rows:
        cursor = self._connection.execute(sql, values)
        names = [column[0] for column in cursor.description or ()]
        rows = Rows(dict(zip(names, row, strict=True)) for row in cursor)
        rows.changed = cursor.rowcount
        return rows

    def execute_many(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        self._connection.executemany(sql, rows)


@dataclass
class _Side:
    """One connection and the lock that gives it to one thread at a time."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    connection: sqlite3.Connection | None = None

    def drop(self) -> None:
        """Close the connection; the next use opens another."""
        if self.connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self.connection.close()
        self.connection = None


class State:
    """A state folder and its database, for any number of tasks, threads and event loops."""

    shared = False
    """Whether other machines may use it too; the folder is this one's alone in any case."""

    def __init__(self, folder: Path) -> None:
        """Use *folder*; it is made (mode 0700, files 0600) when something is first kept."""
        self.folder = folder
        self._components: dict[str, Sequence[str]] = {}
        self._writing = _Side()
        self._reading = _Side()
        self._closed = False

    def prepare(self, component: str, steps: Sequence[str]) -> None:
        """Declare *component*'s tables: the steps that a file lacks are run at its next use.

        Steps are only ever appended to: a file that has seen more of them than we know was
        written by a later version, and is refused.
        """
        self._components[component] = tuple(steps)

    async def write(self, work: Callable[[Database], T]) -> T:
        """Give what *work* gives, done in one transaction: all of it is kept, or nothing.

        Raises:
            StateError: it could not be kept; somebody else's transaction is waited for two
                seconds. Whatever *work* raises ends the transaction and comes through.
        """
        return await anyio.to_thread.run_sync(self._write, work)

    async def read(self, work: Callable[[Database], T]) -> T:
        """Give what *work* gives, read from one snapshot; nobody's writing is waited for.

        Raises:
            StateError: the database cannot be read.
        """
        return await anyio.to_thread.run_sync(self._read, work)

    @contextlib.asynccontextmanager
    async def alone(self, what: str) -> AsyncIterator[bool]:
        """Be the only one who does *what*, of all who share the state; False where one does it.

        The lock goes with the process that holds it, however that ends.

        Raises:
            StateError: it cannot be had.
        """
        path = private_folder(self.folder) / f"{what}.lock"
        with contextlib.ExitStack() as stack:
            try:
                private_file(path)
                taken = stack.enter_context(lock(path))
            except OSError as error:
                raise StateError(f"{path} cannot be written: {error.strerror}.") from error
            yield taken

    async def fault(self) -> StateError | None:
        """Why nothing can be kept now; None where it can."""
        try:
            await self.write(_touch)
        except StateError as error:
            return error
        return None

    def close(self) -> None:
        """Close the database; the state cannot be used afterwards."""
        self._closed = True
        for side in (self._writing, self._reading):
            with side.lock:
                side.drop()

    def _write(self, work: Callable[[Database], T]) -> T:
        until = time.monotonic() + BUSY_SECONDS
        with self._using(self._writing) as side:
            if side.connection is None:
                private_folder(self.folder)
                private_file(self._path)
                side.connection = _opened(self._path.as_uri() + "?mode=rw", until)
                side.connection.execute("PRAGMA journal_mode = WAL")
                side.connection.execute("PRAGMA synchronous = FULL")
            _wait_until(side.connection, until)
            with _transaction(side.connection, "BEGIN IMMEDIATE") as database:
                self._bring_up_to_date(database)
                return work(database)

    def _read(self, work: Callable[[Database], T]) -> T:
        if not os.path.lexists(self._path):
            self._write(nothing)  # an empty state is made before it is read
        for _ in range(2):
            with self._using(self._reading) as side:
                if side.connection is None:
                    side.connection = self._open_reader()
                with _transaction(side.connection, "BEGIN") as database:
                    if not self._missing(database):
                        return work(database)
            self._write(nothing)
        raise StateError(f"the state in {self.folder} does not keep what is written to it.")

    def _open_reader(self) -> sqlite3.Connection:
        """A connection that reads, also where nothing can be written."""
        refuse_strangers(self.folder)
        until = time.monotonic() + BUSY_SECONDS
        try:
            return _opened(self._path.as_uri() + "?mode=rw", until)
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise
            # Without a place for WAL's own files, the file alone is read, as it stands.
            return _opened(self._path.as_uri() + "?mode=ro&immutable=1", until)

    @property
    def _path(self) -> Path:
        return self.folder / _FILE

    @contextlib.contextmanager
    def _using(self, side: _Side) -> Iterator[_Side]:
        """Take *side* for this thread; a failure of the database is said in words."""
        if self._closed:
            raise StateError(f"the state in {self.folder} was closed.")
        if not side.lock.acquire(timeout=BUSY_SECONDS):
            raise StateError(self._in_words("database is locked"))
        try:
            yield side
        except (sqlite3.Error, OSError) as error:
            side.drop()
            raise StateError(self._in_words(str(error))) from error
        finally:
            side.lock.release()

    def _in_words(self, said: str) -> str:
        for part, words in _IN_WORDS.items():
            if part in said:
                return f"the state in {self.folder} {words}."
        return f"the state in {self.folder} cannot be used: {said}."

    def _has_steps(self, database: Database) -> bool:
        return bool(database.execute("SELECT 1 FROM sqlite_master WHERE name = 'schema_steps'"))

    @property
    def _where(self) -> str:
        """Which state it is, in words."""
        return f"the state in {self.folder}"

    def _missing(self, database: Database) -> Mapping[str, int]:
        """How many steps the database has seen of each component that it lacks steps of.

        Raises:
            StateError: the database is newer than this program.
        """
        known = self._has_steps(database)
        found = database.execute("SELECT * FROM schema_steps") if known else ()
        done = {row["component"]: int(row["steps"]) for row in found}
        for component, steps in self._components.items():
            if done.get(component, 0) > len(steps):
                raise StateError(
                    f"{self._where} was written by a later version of sms-tools "
                    f"({component} has {done[component]} steps; this version knows {len(steps)}).",
                    advice="Update sms-tools, or set SMS_TOOLS_STATE_DIR to another folder.",
                )
        return {
            component: done.get(component, 0)
            for component, steps in self._components.items()
            if done.get(component, 0) < len(steps)
        }

    def _bring_up_to_date(self, database: Database) -> None:
        missing = self._missing(database)
        if missing:
            database.execute(_STEPS_TABLE)
        for component, done in missing.items():
            steps = self._components[component]
            for step in steps[done:]:
                database.execute(step)
            database.execute(
                "INSERT INTO schema_steps VALUES (?, ?) ON CONFLICT (component)"
                " DO UPDATE SET steps = excluded.steps",
                (component, len(steps)),
            )


_IN_WORDS: Final[Mapping[str, str]] = {
    "locked": f"is held by another process; it was waited for {BUSY_SECONDS:.0f} seconds",
    "disk is full": "cannot grow: the disk is full",
    "No space left": "cannot grow: the disk is full",
    "readonly": "can be read but not written",
    "Read-only file system": "can be read but not written",
    "malformed": f"is damaged: {_FILE} is not a valid database; move it aside to begin a new one",
    "not a database": f"is damaged: {_FILE} is not a database; move it aside to begin a new one",
    "unable to open": "cannot be opened by this user",
    "Permission denied": "cannot be opened by this user",
}


def nothing(database: Database) -> None:
    """Work that leaves only the tables behind."""


def _touch(database: Database) -> None:
    """Work that changes nothing, but has to be written."""
    database.execute(_STEPS_TABLE)
    database.execute("UPDATE schema_steps SET steps = steps")


def _opened(address: str, until: float) -> sqlite3.Connection:
    connection = sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)
    try:
        _wait_until(connection, until)
        connection.execute("SELECT count(*) FROM sqlite_master")
    except BaseException:
        connection.close()
        raise
    return connection


def _wait_until(connection: sqlite3.Connection, until: float) -> None:
    left = max(0, round((until - time.monotonic()) * 1000))
    connection.execute(f"PRAGMA busy_timeout = {left}")


@contextlib.contextmanager
def _transaction(connection: sqlite3.Connection, begin: str) -> Iterator[Database]:
    connection.execute(begin)
    try:
        yield _Sqlite(connection)
        connection.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


def private_folder(folder: Path) -> Path:
    """Create *folder* for this user alone; an existing one of ours is made private.

    Raises:
        StateError: it cannot be created, is no folder, or belongs to another user.
    """
    if not folder.is_absolute():
        raise StateError(
            "there is no place for the state: no home folder is known.",
            advice="Set SMS_TOOLS_STATE_DIR to the absolute path of a folder that can be written.",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        refuse_strangers(folder)
        if stat.S_IMODE(folder.stat().st_mode) != 0o700:
            folder.chmod(0o700)
    except OSError as error:
        why = error.strerror or str(error)
        raise StateError(f"the state folder {folder} cannot be used: {why}.") from error
    return folder


def refuse_strangers(folder: Path) -> None:
    """Refuse a folder of somebody else's: what stands in it was not written by this user.

    Raises:
        StateError: it belongs to another user.
    """
    if hasattr(os, "getuid") and folder.stat().st_uid != os.getuid():
        raise StateError(f"the state folder {folder} belongs to another user.")


def private_file(path: Path) -> None:
    """Create *path* if it is missing, readable and writable by this user alone."""
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | getattr(os, "O_NOFOLLOW", 0), 0o600)
    try:
        if stat.S_IMODE(os.fstat(descriptor).st_mode) != 0o600:
            path.chmod(0o600)
    finally:
        os.close(descriptor)
