"""A PostgreSQL server of the tests' own: on loopback, in a folder that goes with it.

Debian's (or any) server programs are run as they are; as root, by the user `postgres`, since the
server does not start as root.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

_NUMBERS = count(1)


def programs() -> Path | None:
    """Where the server's programs are; None where there are none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if found:
        return found[-1].parent
    path = shutil.which("initdb")
    return Path(path).parent if path else None


def missing() -> str | None:
    """Why no server can be run here; None where one can."""
    if programs() is None:
        return "PostgreSQL's server is not installed"
    if os.name == "posix" and os.geteuid() == 0 and shutil.which("setpriv") is None:
        return "as root, setpriv is needed to run PostgreSQL by another user"
    return None


class Cluster:
    """A running server."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address of its first database."""
        return self.address("postgres")

    def address(self, database: str) -> str:
        return f"postgresql://tester@127.0.0.1:{self.port}/{database}"

    def database(self) -> str:
        """A new, empty database; gives its address."""
        import psycopg

        name = f"state_{next(_NUMBERS)}"
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self.address(name)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories="
        command = [f"{programs()}/postgres", "-D", str(self.folder / "data"), *options.split(" ")]
        log = (self.folder / "log").open("ab")
        self._process = subprocess.Popen(  # noqa: S603
            [*_as_somebody_else(), *command, "-c", "fsync=off"], stdout=log, stderr=log
        )
        log.close()
        ready = [f"{programs()}/pg_isready", "-h", "127.0.0.1", "-p", str(self.port), "-t", "1"]
        for _ in range(200):
            if subprocess.run(ready, capture_output=True, check=False).returncode == 0:  # noqa: S603
                return
            if self._process.poll() is not None:
                break
        raise RuntimeError((self.folder / "log").read_text("utf-8", "replace")[-2000:])

    def stop(self, *, at_once: bool = True) -> None:
        """Stop it: at once, as if the machine lost its power, or in order."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT if at_once else signal.SIGINT)
            self._process.wait(timeout=30)
        self._process = None


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A server, started; stopped and removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="sms-tools-postgres-"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    try:
        if _as_somebody_else():
            shutil.chown(folder, "postgres")
        initialise = [f"{programs()}/initdb", "-D", str(folder / "data"), "-U", "tester"]
        subprocess.run(  # noqa: S603
            [*_as_somebody_else(), *initialise, "-A", "trust", "--no-sync", "-E", "UTF8"],
            check=True,
            capture_output=True,
            timeout=120,
        )
        server = Cluster(folder, port)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _as_somebody_else() -> list[str]:
    if os.geteuid() != 0:
        return []
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
