# ruff: noqa: ASYNC240  (a test may look at its own few files)
"""The state folder: private, shared by processes, and refusing what it does not understand."""

import json
import os
import re
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from sms_tools.state import BUSY_SECONDS, Database, Rows, State, StateError

pytestmark = pytest.mark.anyio

STEPS = ["CREATE TABLE things (name TEXT)"]
FILE = "sms-tools.sqlite3"


def opened(folder: Path, *more: str) -> State:
    state = State(folder)
    state.prepare("things", [*STEPS, *more])
    return state


async def add(state: State, name: str = "one") -> None:
    await state.write(lambda database: database.execute("INSERT INTO things VALUES (?)", (name,)))


async def names(state: State) -> list[str]:
    rows = await state.read(lambda database: database.execute("SELECT name FROM things"))
    return [row["name"] for row in rows]


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Somebody else's transaction."""
    with closing(sqlite3.connect(folder / FILE, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


async def test_folder_and_files_are_for_this_user_alone(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    with closing(opened(folder)) as state:
        await add(state)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
        assert set(modes.values()) == {0o600}


async def test_an_existing_folder_and_file_are_made_private(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / FILE).touch(mode=0o644)
    with closing(opened(tmp_path)) as state:
        await add(state)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


async def test_what_was_written_is_there_after_opening_again(tmp_path: Path) -> None:
    with closing(opened(tmp_path)) as first:
        await add(first)
    with closing(opened(tmp_path)) as second:
        assert await names(second) == ["one"]


async def test_a_state_that_was_never_written_is_empty(tmp_path: Path) -> None:
    with closing(opened(tmp_path / "new")) as state:
        assert await names(state) == []


async def test_a_later_step_is_applied_once_to_an_older_file(tmp_path: Path) -> None:
    with closing(opened(tmp_path)) as state:
        await add(state)
    for _ in range(2):
        with closing(opened(tmp_path, "ALTER TABLE things ADD COLUMN colour TEXT")) as state:
            rows = await state.read(lambda database: database.execute("SELECT * FROM things"))
            assert rows == [{"name": "one", "colour": None}]


async def test_a_file_of_a_later_version_is_refused_to_readers_and_writers(tmp_path: Path) -> None:
    with closing(opened(tmp_path, "CREATE TABLE more (name TEXT)")) as state:
        await add(state)
    with closing(opened(tmp_path)) as older:
        with pytest.raises(StateError, match="written by a later version") as refused:
            await add(older)
        assert "Update sms-tools" in refused.value.advice
        with pytest.raises(StateError, match="written by a later version"):
            await names(older)


async def test_a_transaction_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fail_halfway(database: Database) -> None:
        database.execute("INSERT INTO things VALUES ('one')")
        raise ZeroDivisionError

    with closing(opened(tmp_path)) as state:
        with pytest.raises(ZeroDivisionError):
            await state.write(fail_halfway)
        assert await names(state) == []


async def test_tasks_take_turns(tmp_path: Path) -> None:
    def add_one(database: Database) -> None:
        value = int(database.execute("SELECT count(*) AS n FROM things")[0]["n"])
        database.execute("INSERT INTO things VALUES (?)", (str(value),))

    with closing(opened(tmp_path)) as state:
        async with anyio.create_task_group() as group:
            for _ in range(40):
                group.start_soon(state.write, add_one)
        assert sorted(map(int, await names(state))) == list(range(40))


async def test_the_event_loop_goes_on_while_somebody_else_holds_the_state(tmp_path: Path) -> None:
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await anyio.lowlevel.checkpoint()
            ticks += 1

    with closing(opened(tmp_path)) as state:
        await add(state)
        with held(tmp_path):
            async with anyio.create_task_group() as group:
                group.start_soon(tick)
                before = anyio.current_time()
                with pytest.raises(StateError, match="held by another process"):
                    await add(state, "two")
                took = anyio.current_time() - before
                group.cancel_scope.cancel()
            assert await names(state) == ["one"]
        assert took >= BUSY_SECONDS * 0.9  # it was waited for
        assert ticks > 100
        await add(state, "three")
        assert await names(state) == ["one", "three"]


async def test_a_read_waits_for_no_writer_of_this_process(tmp_path: Path) -> None:
    entered, leave = threading.Event(), threading.Event()

    def write_slowly(database: Database) -> None:
        database.execute("INSERT INTO things VALUES ('late')")
        entered.set()
        leave.wait(30)

    with closing(opened(tmp_path)) as state:
        await add(state)
        async with anyio.create_task_group() as group:
            group.start_soon(state.write, write_slowly)
            await anyio.to_thread.run_sync(entered.wait, 30)
            assert await names(state) == ["one"]
            leave.set()
        assert await names(state) == ["one", "late"]


async def test_a_full_disk_is_said_in_a_sentence_and_reading_goes_on(tmp_path: Path) -> None:
    def fill(database: Database) -> Rows:
        database.execute("PRAGMA max_page_count = 1")  # SQLite's own word for a full disk
        return database.execute("INSERT INTO things VALUES (?)", ("x" * 100_000,))

    with closing(opened(tmp_path)) as state:
        await add(state)
        with pytest.raises(StateError, match="cannot grow: the disk is full"):
            await state.write(fill)
        assert await names(state) == ["one"]
        await add(state, "two")
        assert await names(state) == ["one", "two"]


async def test_a_file_that_is_no_database_is_an_error_that_names_the_folder(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"this is no database, but it is long enough" * 50)
    with closing(opened(tmp_path)) as state:
        for work in (add, names):
            with pytest.raises(StateError, match=f"{tmp_path} is damaged"):
                await work(state)
        fault = await state.fault()
    assert fault is not None
    assert "SMS_TOOLS_STATE_DIR" in fault.advice


async def test_a_folder_that_is_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with closing(opened(tmp_path / "file")) as state:
        with pytest.raises(StateError, match="cannot be used"):
            await add(state)
        with pytest.raises(StateError, match="cannot be used"):
            await names(state)


async def test_without_a_home_folder_the_error_says_what_to_set() -> None:
    with closing(opened(Path("~/.local/state/sms-tools"))) as state:
        fault = await state.fault()
    assert fault is not None
    assert "no home folder is known" in str(fault)
    assert "SMS_TOOLS_STATE_DIR" in fault.advice
    assert not Path("~").exists()


async def test_a_closed_state_refuses_work(tmp_path: Path) -> None:
    state = opened(tmp_path)
    await add(state)
    state.close()
    with pytest.raises(StateError, match="was closed"):
        await add(state)
    with pytest.raises(StateError, match="was closed"):
        await names(state)


async def test_a_link_in_place_of_the_state_file_is_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"")
    folder = tmp_path / "state"
    folder.mkdir()
    (folder / FILE).symlink_to(elsewhere)
    with closing(opened(folder)) as state, pytest.raises(StateError, match="cannot be used"):
        await add(state)
    assert elsewhere.read_bytes() == b""


_AS_A_STRANGER = """
import anyio, json, os, sys
from pathlib import Path
from sms_tools.state import State, StateError

async def main():
    with anyio.fail_after(30):
        await anyio.to_thread.run_sync(int)  # all is imported before this user loses the library
    os.setgroups([]); os.setgid(23456); os.setuid(23456)
    state = State(Path(sys.argv[1]))
    state.prepare("things", ["CREATE TABLE things (name TEXT)"])
    said = []
    for work, sql in ((state.read, "SELECT name FROM things"),
                      (state.write, "INSERT INTO things VALUES ('two')")):
        try:
            said.append(await work(lambda database: database.execute(sql)))
        except StateError as error:
            said.append(str(error))
    print(json.dumps(said))

anyio.run(main)
"""


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="takes two users")
@pytest.mark.parametrize(
    ("owner", "mode", "reads", "write"),
    [
        (23456, 0o500, True, "cannot be opened by this user"),
        (0, 0o755, False, "belongs to another user"),
    ],
)
async def test_a_folder_that_cannot_be_written_is_read_and_a_strangers_is_not(
    tmp_path: Path, owner: int, mode: int, reads: bool, write: str
) -> None:
    for parent in [tmp_path, *tmp_path.parents]:
        if "pytest" in str(parent):  # pytest's own folders are for its user alone
            parent.chmod(0o755)
    folder = tmp_path / "state"
    with closing(opened(folder)) as state:
        await add(state)
    for path in [*folder.iterdir(), folder]:
        os.chown(path, owner, owner)
        path.chmod(mode if path is folder else 0o400)
    done = await anyio.to_thread.run_sync(_as_a_stranger, folder)
    assert done.returncode == 0, done.stderr
    read, written = json.loads(done.stdout)
    assert (read == [{"name": "one"}]) is reads
    assert re.search(write, str(written))


def _as_a_stranger(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 (our own interpreter and script)
        [sys.executable, "-c", _AS_A_STRANGER, str(folder)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def changed(rows: Any) -> int:
    return int(rows.changed)


async def test_a_statement_says_how_many_rows_it_changed(tmp_path: Path) -> None:
    with closing(opened(tmp_path)) as state:
        await add(state)
        update = "UPDATE things SET name = 'two' WHERE name = ?"
        assert changed(await state.write(lambda db: db.execute(update, ("one",)))) == 1
        assert changed(await state.write(lambda db: db.execute(update, ("one",)))) == 0
