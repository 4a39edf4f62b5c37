"""What is seen, what has drifted, what is not legal: records in, words out."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from sms_tools.fleet.server import Server
from sms_tools.operations.source_servers import SourceServer
from sms_tools.operations.tasks import MigrationTask
from sms_tools.operations.tasks.records import CloneServer
from sms_tools.remediation.looking import Look, drift, forbidden, judge
from sms_tools.remediation.plan import Before, Step, Wanted

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
FAILED = Before(phases=("failed",), task_id="t1", codes=("SMS.3802",), since=100.0)


def step(wanted: Wanted, before: Before | None = FAILED, operation: str = "start") -> Step:
    return Step(
        1,
        "api",
        "does it",
        source_id="s1",
        tool="manage_migration_task",
        arguments={"task_id": "t1", "operation": operation},
        wanted=wanted,
        before=before,
    )


STATES = {
    "replicating": ("replicate", "replicating", "RUNNING"),
    "initializing": ("initialize", "replicating", "RUNNING"),
    "failed": ("error", "replicating", "MIGRATE_FAIL"),
    "paused": ("stopped", "replicating", "ABORT"),
    "pausing": ("stopping", "replicating", "ABORTING"),
    "syncing": ("syncing", "syncing", "RUNNING"),
    "cloning": ("cloning", "syncing", "RUNNING"),
    "cutting_over": ("cutovering", "cutovering", "RUNNING"),
    "finished": ("finished", "cutovered", "MIGRATE_SUCCESS"),
    "waiting": ("waiting", "setting", "READY"),
}


def found(
    phase: str,
    *,
    since: float | None = None,
    code: str | None = None,
    task_id: str | None = "t1",
    clone: str | None = None,
    clone_error: str | None = None,
    **more: Any,
) -> Look:
    """A reading of a server in *phase*, in the service's words."""
    state, stage, task_state = STATES[phase]
    source = SourceServer(
        id="s1",
        name="web-01",
        state=state,
        migration_cycle=stage,
        connected=True,
        state_action_time=None if since is None else int(since * 1000),
    )
    if task_id is None:
        return Look(AT, Server(source), **more)
    error = json.dumps([{"error_code": code, "error_param": []}]) if code else ""
    task = MigrationTask(
        id=task_id,
        state=task_state,
        error_json=error,
        clone_server=CloneServer(vm_id=clone, clone_error=clone_error),
    )
    return Look(AT, Server(source, task), **more)


@pytest.mark.parametrize(
    ("wanted", "there", "verdict"),
    [
        ("running", found("replicating"), "seen"),
        ("running", found("failed", since=100.0), "not_yet"),
        ("running", found("failed", since=160.0), "failed"),
        ("running", Look(AT), "not_yet"),
        ("paused", found("pausing"), "underway"),
        ("paused", found("paused"), "seen"),
        ("launched", found("syncing"), "not_yet"),
        ("launched", found("cutting_over"), "underway"),
        ("launched", found("finished"), "seen"),
        ("cloned", found("cloning"), "underway"),
        ("cloned", found("syncing", clone="c1"), "seen"),
        ("cloned", found("syncing", clone_error="SMS.6526"), "failed"),
        ("task_gone", found("finished"), "not_yet"),
        ("task_gone", found("finished", own_task_state="DELETING"), "underway"),
        ("task_gone", found("waiting", task_id=None, own_task_gone=True), "seen"),
        ("created", found("waiting", task_id=None), "not_yet"),
        ("created", found("waiting"), "seen"),
        ("created", found("initializing"), "seen"),
    ],
)
def test_a_verdict_comes_from_what_was_read(wanted: Wanted, there: Look, verdict: str) -> None:
    assert judge(step(wanted), there) == verdict


def test_a_clone_that_was_there_before_is_not_the_new_one() -> None:
    before = Before(phases=("syncing",), task_id="t1", clone="c1")
    assert judge(step("cloned", before), found("syncing", clone="c1")) == "not_yet"
    assert judge(step("cloned", before), found("syncing", clone="c2")) == "seen"


def test_nothing_has_drifted_where_all_is_as_planned() -> None:
    assert drift(FAILED, found("failed", code="SMS.3802")) is None


@pytest.mark.parametrize(
    ("now", "says"),
    [
        (found("replicating", code="SMS.3802"), "it is replicating"),
        (found("failed", code="SMS.0515"), "a different one now"),
        (found("failed", task_id="t2"), "another task"),
        (found("failed", task_id=None), "task is gone"),
        (Look(AT, there=False), "record is gone"),
    ],
)
def test_what_has_drifted_is_said(now: Look, says: str) -> None:
    assert says in (drift(FAILED, now) or "")


def test_an_unknown_is_never_legal() -> None:
    assert "unknown" in (forbidden(step("running"), Look(AT)) or "")
    assert forbidden(step("running"), found("failed")) is None
