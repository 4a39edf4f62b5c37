"""The state folder: private, shared by processes, and refusing what it does not understand."""

import sqlite3
import stat
import threading
from pathlib import Path

import pytest

from sms_tools.state import State, StateError

STEPS = ["CREATE TABLE things (name TEXT)"]


def test_folder_and_files_are_for_this_user_alone(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    state = State(folder)
    state.prepare("things", STEPS)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert set(modes.values()) == {0o600}
    state.close()


def test_an_existing_folder_and_file_are_made_private(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    file = tmp_path / "sms-tools.sqlite3"
    file.touch(mode=0o644)
    State(tmp_path).close()
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_what_was_written_is_there_after_opening_again(tmp_path: Path) -> None:
    first = State(tmp_path)
    first.prepare("things", STEPS)
    with first.transaction() as database:
        database.execute("INSERT INTO things VALUES ('one')")
    first.close()
    second = State(tmp_path)
    second.prepare("things", STEPS)
    with second.transaction() as database:
        assert database.execute("SELECT name FROM things").fetchone()["name"] == "one"
    second.close()


def test_a_later_step_is_applied_to_an_older_file(tmp_path: Path) -> None:
    state = State(tmp_path)
    state.prepare("things", STEPS)
    state.prepare("things", [*STEPS, "ALTER TABLE things ADD COLUMN colour TEXT"])
    with state.transaction() as database:
        database.execute("INSERT INTO things VALUES ('one', 'red')")
    state.close()


def test_a_file_of_a_later_version_is_refused(tmp_path: Path) -> None:
    state = State(tmp_path)
    state.prepare("things", [*STEPS, "CREATE TABLE more (name TEXT)"])
    with pytest.raises(StateError, match="later version"):
        state.prepare("things", STEPS)
    state.close()


def test_a_transaction_that_fails_leaves_nothing(tmp_path: Path) -> None:
    state = State(tmp_path)
    state.prepare("things", STEPS)

    def fail_halfway() -> None:
        with state.transaction() as database:
            database.execute("INSERT INTO things VALUES ('one')")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_halfway()
    with state.transaction() as database:
        assert database.execute("SELECT count(*) FROM things").fetchone()[0] == 0
    state.close()


def test_threads_take_turns(tmp_path: Path) -> None:
    state = State(tmp_path)
    state.prepare(
        "things", ["CREATE TABLE number (value INTEGER)", "INSERT INTO number VALUES (0)"]
    )

    def add() -> None:
        for _ in range(25):
            with state.transaction() as database:
                value = database.execute("SELECT value FROM number").fetchone()["value"]
                database.execute("UPDATE number SET value = ?", (value + 1,))

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with state.transaction() as database:
        assert database.execute("SELECT value FROM number").fetchone()["value"] == 100
    state.close()


def test_a_file_that_is_no_database_is_an_error_that_names_the_folder(tmp_path: Path) -> None:
    (tmp_path / "sms-tools.sqlite3").write_bytes(b"this is no database, but it is long enough" * 50)
    with pytest.raises(StateError, match="cannot be opened"):
        State(tmp_path)


def test_a_folder_that_is_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StateError, match="cannot be used"):
        State(tmp_path / "file")


def test_a_closed_state_refuses_work(tmp_path: Path) -> None:
    state = State(tmp_path)
    state.close()
    with pytest.raises(sqlite3.ProgrammingError), state.transaction():
        pass


def test_a_write_while_another_process_holds_the_state_is_refused_with_the_reason(
    tmp_path: Path,
) -> None:
    ours, theirs = State(tmp_path), State(tmp_path)
    with (
        theirs.transaction(),
        pytest.raises(StateError, match="cannot be written now: database is locked"),
        ours.transaction(),
    ):
        raise AssertionError("the write must not begin")
    with ours.transaction() as database:
        assert database.execute("SELECT 1").fetchone()[0] == 1
    ours.close()
    theirs.close()


def test_a_link_in_place_of_the_state_file_is_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"")
    folder = tmp_path / "state"
    folder.mkdir()
    (folder / "sms-tools.sqlite3").symlink_to(elsewhere)
    with pytest.raises(StateError, match="cannot be opened"):
        State(folder)
    assert elsewhere.read_bytes() == b""
