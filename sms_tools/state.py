"""What must outlive a call: approvals, progress samples, the head of the audit.

One SQLite file in a private folder. Several servers and commands may use it at once: every change
is one immediate transaction, and readers never wait for writers (WAL). Each component brings its
own schema as a list of steps; the steps that a file has not seen are applied when it is opened.
"""

import contextlib
import os
import sqlite3
import stat
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

_FILE = "sms-tools.sqlite3"
_BUSY_SECONDS = 2.0


class StateError(Exception):
    """The state folder cannot be used: it is missing, unwritable or belongs to somebody else."""


class State:
    """The state folder and its database.

    Safe to share between threads; each transaction holds the lock for its few milliseconds.
    """

    def __init__(self, folder: Path) -> None:
        """Open, or create, the state in *folder* (mode 0700, files 0600).

        Raises:
            StateError: the folder cannot be made private or the file cannot be opened.
        """
        self.folder = private_folder(folder)
        self._lock = threading.RLock()
        path = folder / _FILE
        try:
            private_file(path)
            self._connection = sqlite3.connect(
                path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            self._connection.row_factory = sqlite3.Row
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.execute(
                "CREATE TABLE IF NOT EXISTS schema_steps"
                " (component TEXT PRIMARY KEY, steps INTEGER NOT NULL)"
            )
        except (OSError, sqlite3.Error) as error:
            raise StateError(f"the state file in {folder} cannot be opened: {error}") from error

    def prepare(self, component: str, steps: Sequence[str]) -> None:
        """Bring *component*'s tables up to date: run those of *steps* that this file lacks.

        Steps are only ever appended to; a file that has seen more steps than we know was written
        by a later version and is refused.

        Raises:
            StateError: the file is newer than this program.
        """
        with self.transaction() as database:
            row = database.execute(
                "SELECT steps FROM schema_steps WHERE component = ?", (component,)
            ).fetchone()
            done = row["steps"] if row else 0
            if done > len(steps):
                raise StateError(f"the state of {component} was written by a later version")
            for step in steps[done:]:
                database.execute(step)
            database.execute(
                "INSERT OR REPLACE INTO schema_steps VALUES (?, ?)", (component, len(steps))
            )

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """One immediate transaction: committed as a whole, or not at all when the block raises.

        Raises:
            StateError: no write can begin, for example while another process holds the file for
                more than two seconds.
        """
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                raise StateError(
                    f"the state in {self.folder} cannot be written now: {error};"
                    " nothing was changed"
                ) from error
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def close(self) -> None:
        """Close the database; the state cannot be used afterwards."""
        with self._lock:
            self._connection.close()


def private_folder(folder: Path) -> Path:
    """Create *folder* for this user alone; an existing one of ours is made private.

    Raises:
        StateError: it cannot be created, is no folder, or belongs to another user.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if hasattr(os, "getuid") and folder.stat().st_uid != os.getuid():
            raise StateError(f"the state folder {folder} belongs to another user")
        if stat.S_IMODE(folder.stat().st_mode) != 0o700:
            folder.chmod(0o700)
    except OSError as error:
        raise StateError(f"the state folder {folder} cannot be used: {error}") from error
    return folder


def private_file(path: Path) -> None:
    """Create *path* if it is missing, readable and writable by this user alone.

    Raises:
        OSError: it cannot be opened, or a symbolic link stands in its place.
    """
    flags = os.O_CREAT | os.O_RDWR | getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(path, flags, 0o600)
    try:
        if stat.S_IMODE(os.fstat(descriptor).st_mode) != 0o600:
            path.chmod(0o600)
    finally:
        os.close(descriptor)
