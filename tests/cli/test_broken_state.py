"""A state that cannot be used: reads go on, what must be recorded is refused, in sentences."""

import json
import os
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from .conftest import Run
from .test_serving import _INITIALIZE, _INITIALIZED, call, started

_DATABASE = "sms-tools.sqlite3"


@contextmanager
def damaged(folder: Path) -> Iterator[str]:
    (folder / _DATABASE).write_bytes(b"this is no database at all, only a text" * 200)
    yield "damaged"


@contextmanager
def locked(folder: Path) -> Iterator[str]:
    with closing(sqlite3.connect(folder / _DATABASE, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield "held by another process"


@contextmanager
def of_a_later_version(folder: Path) -> Iterator[str]:
    with closing(sqlite3.connect(folder / _DATABASE)) as other:
        other.execute("CREATE TABLE schema_steps (component TEXT PRIMARY KEY, steps INTEGER)")
        other.execute("INSERT INTO schema_steps VALUES ('audit', 99), ('approvals', 99)")
        other.commit()
    yield "written by a later version"


@contextmanager
def no_folder(folder: Path) -> Iterator[str]:
    for path in (folder, folder.parent):
        path.rmdir()
    folder.parent.touch()
    yield "cannot be used"


FAULTS = pytest.mark.parametrize(
    "fault", [damaged, locked, of_a_later_version, no_folder], ids=lambda each: each.__name__
)
Fault = Callable[[Path], AbstractContextManager[str]]


@pytest.fixture
def folder(state: Path) -> Path:
    folder = state / "sandbox"
    folder.mkdir(parents=True, mode=0o700)
    return folder


@FAULTS
def test_a_server_starts_says_what_it_cannot_do_reads_and_refuses_what_must_be_recorded(
    state: Path, folder: Path, fault: Fault
) -> None:
    messages: list[dict[str, Any]] = [
        _INITIALIZE,
        _INITIALIZED,
        call(2, "list_source_servers", limit=1),
        call(3, "migration_overview"),
        call(4, "sign_privacy_agreement"),
        call(
            5,
            "create_migration_project",
            name="one",
            region="ap-southeast-3",
            type="MIGRATE_BLOCK",
            use_public_ip=True,
            exist_server=True,
            syncing=True,
        ),
    ]
    with fault(folder) as says, started(state, "serve", "--sandbox") as server:
        assert server.stdin
        assert server.stdout
        assert server.stderr
        answers: dict[object, Any] = {}
        for message in messages:
            server.stdin.write(json.dumps(message) + "\n")
            server.stdin.flush()
            while "id" in message and message["id"] not in answers:
                line = json.loads(server.stdout.readline())
                answers[line.get("id")] = line.get("result")
        server.stdin.close()
        said = server.stderr.read()
    assert "Traceback" not in said
    assert says in said.splitlines()[0]
    assert "SMS_TOOLS_STATE_DIR" in said or "Update sms-tools" in said
    assert not answers[2].get("isError")
    overview = answers[3]["structuredContent"]
    assert overview["server_count"] > 0
    assert any(says in each for each in overview["incomplete"])
    for number in (4, 5):
        refused = json.dumps(answers[number]["structuredContent"])
        assert says in refused
        assert "done" not in answers[number]["structuredContent"].get("status", "")


@FAULTS
@pytest.mark.parametrize(
    ("command", "works"),
    [
        (("call", "list_source_servers", '{"limit": 1}', "--sandbox"), True),
        (("call", "sign_privacy_agreement", "--sandbox"), False),
        (("approvals", "--sandbox"), False),
        (("approvals", "deny", "AAAA-BBBB", "--sandbox"), False),
        (("audit", "--verify", "--sandbox"), False),
    ],
    ids=lambda each: " ".join(each[:2]) if isinstance(each, tuple) else "",
)
def test_no_command_ends_in_a_traceback(
    run: Run, folder: Path, fault: Fault, command: tuple[str, ...], works: bool
) -> None:
    with fault(folder) as says:
        done = run(*command)
    assert "Traceback" not in done.stderr
    assert "TaskGroup" not in done.stderr
    if works:
        assert done.returncode == 0
    else:
        assert done.returncode == 1
        assert says in done.stdout + done.stderr


@FAULTS
def test_check_says_what_is_wrong_with_the_state_and_what_to_set(
    run: Run, state: Path, fault: Fault
) -> None:
    (state / "inner").mkdir(parents=True)
    with fault(state / "inner") as says:
        done = run("check", SMS_TOOLS_STATE_DIR=str(state / "inner"))
    assert done.returncode == 1
    assert says in done.stdout
    assert "SMS_TOOLS_STATE_DIR" in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", [("serve", "--sandbox"), ("approvals",), ("audit",)])
def test_a_state_folder_that_is_none_is_named_with_its_variable(
    run: Run, command: tuple[str, ...]
) -> None:
    for folder in ("~nobodyx/.sms", "relative/folder"):
        done = run(*command, SMS_TOOLS_STATE_DIR=folder)
        assert done.returncode == 1
        assert "SMS_TOOLS_STATE_DIR" in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="root reads /proc/nope")
def test_without_a_home_that_can_be_written_the_variable_is_named(run: Run, state: Path) -> None:
    nowhere = {"HOME": "/proc/nope", "SMS_TOOLS_STATE_DIR": "", "XDG_STATE_HOME": ""}
    for command in (("check",), ("approvals",), ("audit", "--verify")):
        done: subprocess.CompletedProcess[str] = run(*command, **nowhere)
        assert done.returncode == 1
        assert "SMS_TOOLS_STATE_DIR" in done.stdout + done.stderr
        assert "Traceback" not in done.stderr
    assert run("call", "list_source_servers", "--sandbox", **nowhere).returncode == 0


def test_the_sandbox_and_the_account_keep_their_states_apart(run: Run, state: Path) -> None:
    held = json.loads(run("call", "sign_privacy_agreement", "--sandbox").stdout)
    command = held["approval_command"]
    assert command.endswith(f"approvals approve {held['approval_id']} --sandbox")
    assert f"SMS_TOOLS_STATE_DIR={state} " in command
    assert command in held["summary"]
    assert held["approval_id"] in run("approvals", "--sandbox").stdout
    assert "Nothing waits" in run("approvals").stdout
    assert run("audit").stdout == ""
    assert "sign_privacy_agreement" in run("audit", "--sandbox").stdout
    assert (state / "sandbox" / _DATABASE).exists()
