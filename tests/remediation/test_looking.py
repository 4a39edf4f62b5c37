"""What is seen, what has drifted, what is not legal: facts in, words out."""

from datetime import UTC, datetime

import pytest

from sms_tools.remediation.looking import Facts, drift, forbidden, judge
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


def facts(phase: str, **more: object) -> Facts:
    return Facts(**{"at": AT, "phase": phase, "task_id": "t1", **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wanted", "there", "verdict"),
    [
        ("running", facts("replicating"), "seen"),
        ("running", facts("failed", since=100.0), "not_yet"),
        ("running", facts("failed", since=160.0), "failed"),
        ("running", facts("unknown"), "not_yet"),
        ("paused", facts("paused", state="stopping"), "underway"),
        ("paused", facts("paused", state="stopped"), "seen"),
        ("launched", facts("syncing"), "not_yet"),
        ("launched", facts("cutting_over"), "underway"),
        ("launched", facts("finished"), "seen"),
        ("cloned", facts("cloning"), "underway"),
        ("cloned", facts("syncing", clone="c1"), "seen"),
        ("cloned", facts("syncing", clone_error="SMS.6526"), "failed"),
        ("task_gone", facts("finished"), "not_yet"),
        ("task_gone", facts("finished", own_task_state="DELETING"), "underway"),
        ("task_gone", facts("waiting", task_id=None, own_task_gone=True), "seen"),
        ("rebuilt", facts("waiting", task_id=None), "not_yet"),
        ("rebuilt", facts("waiting"), "underway"),
        ("rebuilt", facts("initializing"), "seen"),
    ],
)
def test_a_verdict_comes_from_what_was_read(wanted: Wanted, there: Facts, verdict: str) -> None:
    assert judge(step(wanted), there) == verdict


def test_a_clone_that_was_there_before_is_not_the_new_one() -> None:
    before = Before(phases=("syncing",), task_id="t1", clone="c1")
    assert judge(step("cloned", before), facts("syncing", clone="c1")) == "not_yet"
    assert judge(step("cloned", before), facts("syncing", clone="c2")) == "seen"


def test_nothing_has_drifted_where_all_is_as_planned() -> None:
    assert drift(FAILED, facts("failed", code="SMS.3802")) is None


@pytest.mark.parametrize(
    ("now", "says"),
    [
        (facts("replicating", code="SMS.3802"), "it is replicating"),
        (facts("failed", code="SMS.0515"), "another one now"),
        (facts("failed", task_id="t2"), "another task"),
        (facts("failed", task_id=None), "task is gone"),
        (Facts(AT, there=False), "record is gone"),
    ],
)
def test_what_has_drifted_is_said(now: Facts, says: str) -> None:
    assert says in (drift(FAILED, now) or "")


def test_an_unknown_is_never_legal() -> None:
    assert "unknown" in (forbidden(step("running"), facts("failed")) or "")
    known = facts("failed", state="error", stage="replicating", task_state="MIGRATE_FAIL")
    assert "unknown" in (forbidden(step("running"), known) or "")
