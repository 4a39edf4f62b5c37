"""A disk that is full, and a folder that cannot be written: nothing is done unrecorded."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from .conftest import Run, environment_of
from .test_serving import _INITIALIZE, _INITIALIZED, _PROJECT, call

resource = pytest.importorskip("resource", reason="limits of a process are a Unix thing")

_SETUP = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit})); "
_MAIN = "from sms_tools.cli import main; sys.argv[0] = 'sms-tools'; sys.exit(main())"
FULL = pytest.mark.parametrize(
    ("limit", "used"),
    [(0, True), (0, False), (4_096, True), (8_192, False)],
    ids=["no byte more", "no byte at all", "a page more", "two pages"],
)
"""How many bytes a file may have, which the system holds, and whether there is a state already."""


def command(limit: int, *arguments: str) -> list[str]:
    """``sms-tools`` in a process whose files cannot grow beyond *limit* bytes."""
    return [sys.executable, "-c", _SETUP.format(limit=limit) + _MAIN, *arguments]


@contextmanager
def served(state: Path, limit: int) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(  # noqa: S603 (our own command)
        command(limit, "serve", "--sandbox"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment_of(state, PYTHONDONTWRITEBYTECODE="1"),
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=30)


def asked(process: "subprocess.Popen[str]", *messages: dict[str, Any]) -> dict[object, Any]:
    """What the server answers to *messages*, by their ids."""
    assert process.stdin
    assert process.stdout
    answers: dict[object, Any] = {}
    every: list[dict[str, Any]] = [_INITIALIZE, _INITIALIZED, *messages]
    for message in every:
        process.stdin.write(json.dumps(message) + "\n")
        process.stdin.flush()
        while "id" in message and message["id"] not in answers:
            line = json.loads(process.stdout.readline())
            answers[line.get("id")] = line.get("result")
    return answers


@FULL
def test_with_a_full_disk_nothing_is_done_and_the_answer_is_a_sentence(
    state: Path, run: Run, limit: int, used: bool
) -> None:
    if used:
        assert (
            run("call", "sign_privacy_agreement", "--sandbox").returncode == 1
        )  # it waits for a person
    with served(state, limit) as process:
        answers = asked(
            process,
            call(2, "list_source_servers", limit=1),
            call(3, "migration_overview"),
            call(4, "create_migration_project", **_PROJECT),
            call(5, "sign_privacy_agreement"),
            call(6, "list_migration_projects"),
        )
    assert not answers[2].get("isError")
    assert answers[3]["structuredContent"]["server_count"] > 0
    for number in (4, 5):
        told = answers[number]["structuredContent"]
        assert told.get("status") not in ("done", "approval_required"), told
        said = json.dumps(told)
        assert "SMS_TOOLS_STATE_DIR" in said or "disk" in said
        for raw in ("Traceback", "TaskGroup", "OperationalError", "Errno"):
            assert raw not in said
    listed = json.dumps(answers[6]["structuredContent"])
    assert "migprojects" in listed
    assert '"name": "one"' not in listed


@FULL
@pytest.mark.parametrize(
    "arguments",
    [
        ("call", "sign_privacy_agreement", "--sandbox"),
        ("call", "create_migration_project", json.dumps(_PROJECT), "--sandbox"),
        ("approvals", "deny", "AAAA-BBBB", "--sandbox"),
        ("audit", "--verify", "--sandbox"),
        ("audit", "--head", "--sandbox"),
    ],
    ids=lambda each: " ".join(each[:2]),
)
def test_no_command_on_a_full_disk_ends_in_a_traceback(
    state: Path, run: Run, limit: int, used: bool, arguments: tuple[str, ...]
) -> None:
    if used:
        assert (
            run("call", "sign_privacy_agreement", "--sandbox").returncode == 1
        )  # it waits for a person
    done = subprocess.run(  # noqa: S603 (our own command)
        command(limit, *arguments),
        capture_output=True,
        text=True,
        env=environment_of(state, PYTHONDONTWRITEBYTECODE="1"),
        timeout=120,
        check=False,
    )
    said = done.stdout + done.stderr
    assert said
    for raw in ("Traceback", "TaskGroup", "OperationalError"):
        assert raw not in said
    if arguments[0] == "call":
        assert done.returncode != 0
        assert '"status":"done"' not in said.replace(" ", "")


@pytest.mark.skipif(os.name == "nt", reason="rights of a folder are a Unix thing")
@pytest.mark.parametrize("arguments", [("call", "create_migration_project"), ("approvals",)])
def test_a_folder_that_this_user_cannot_write_is_said_by_every_command(
    state: Path, arguments: tuple[str, ...], tmp_path: Path
) -> None:
    if os.getuid() == 0:
        state = Path("/proc/self")  # where root itself can make nothing
    else:
        state.mkdir(mode=0o500)
    given = (*arguments, json.dumps(_PROJECT)) if arguments[0] == "call" else arguments
    done = subprocess.run(  # noqa: S603 (our own command)
        [sys.executable, "-m", "sms_tools", *given, "--sandbox"],
        capture_output=True,
        text=True,
        env=environment_of(state),
        cwd=tmp_path,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert "SMS_TOOLS_STATE_DIR" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_the_head_is_what_can_be_kept_elsewhere_and_told_from_a_later_one(
    run: Run, state: Path
) -> None:
    assert run("audit", "--head", "--sandbox").stdout.split()[0] == "0"
    run("call", "create_migration_project", json.dumps(_PROJECT), "--sandbox")
    lines = (state / "sandbox" / "audit.jsonl").read_bytes().splitlines(keepends=True)
    number, digest = run("audit", "--head", "--sandbox").stdout.split()
    assert int(number) == len(lines)
    assert hashlib.sha256(lines[-1]).hexdigest() == digest
    run("call", "sign_privacy_agreement", "--sandbox")
    later, other = run("audit", "--head", "--sandbox").stdout.split()
    assert int(later) > int(number)
    assert other != digest
    following = run("audit", "--last", "0", "--sandbox").stdout.splitlines()[int(number)]
    assert json.loads(following)["previous"] == digest  # the former head is found again


def test_the_audit_is_printed_a_json_object_a_line(run: Run) -> None:
    run("call", "create_migration_project", json.dumps(_PROJECT), "--sandbox")
    run("call", "sign_privacy_agreement", "--sandbox")
    entries = [json.loads(each) for each in run("audit", "--sandbox").stdout.splitlines()]
    assert [each["event"] for each in entries] == ["call", "outcome", "held"]
    assert {each["tool"] for each in entries} == {
        "create_migration_project",
        "sign_privacy_agreement",
    }
    assert all({"account", "caller", "time"} <= set(each) for each in entries)
    last = run("audit", "--last", "1", "--sandbox").stdout.splitlines()
    assert [json.loads(each) for each in last] == entries[-1:]
