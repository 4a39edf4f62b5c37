"""Limits by hour: set while the copy runs, paused for only if the service refuses, never unsaid."""

from typing import Any

import pytest

from sms_tools.sandbox import Effect, Fault

from .night import Night, call, results

pytestmark = pytest.mark.anyio

WHOLE_DAY = [{"start": "00:00", "end": "23:59", "speed": 100}]
DB_MY_01 = {"goal": "fix_rate_window", "servers": ["db-my-01"], "limits": WHOLE_DAY}


def refused(times: int) -> Fault:
    return Fault(Effect.REFUSAL, "set_migration_rate_limits", times=times, code="SMS.7714")


async def test_limits_are_set_while_it_runs_even_where_they_cannot_be_read(night: Night) -> None:
    night.sandbox.faults.add(Fault(Effect.REFUSAL, "get_migration_rate_limits", code="SMS.9001"))
    async with night.client() as client:
        plan = await call(client, "plan_remediation", **DB_MY_01)
        answer = await call(client, "apply_plan", plan_id=plan["plan_id"])
    assert results(answer)[0] == "done, not yet seen"
    assert results(answer)[1:] == ["not needed"] * 3
    assert night.calls("manage_migration_task") == []


async def test_a_refused_set_pauses_sets_and_starts_again(night: Night) -> None:
    night.sandbox.faults.add(refused(1))
    async with night.client() as client:
        plan = await call(client, "plan_remediation", **DB_MY_01)
        tools = [step["tool"] for step in plan["steps"]]
        assert tools[0] == tools[2] == "set_migration_rate_limits"
        assert [step.get("only_if_refused") for step in plan["steps"]] == [None, 1, 1, 1]
        answer = await call(client, "apply_plan", plan_id=plan["plan_id"])
    assert results(answer)[0] == "not needed"
    assert results(answer)[1::2] == ["done and seen"] * 2, answer
    # This one's limits cannot be read back, which is known to happen: nothing more is claimed.
    assert results(answer)[2] == "done, not yet seen"
    assert answer["status"] == "done"


async def test_a_pause_is_undone_whatever_became_of_the_limits(night: Night) -> None:
    night.sandbox.faults.add(refused(2))
    async with night.client() as client:
        plan = await call(client, "plan_remediation", **DB_MY_01)
        answer = await call(client, "apply_plan", plan_id=plan["plan_id"])
        assert results(answer) == ["not needed", "done and seen", "failed", "done and seen"]
    assert not answer["summary"].startswith("db-my-01 is now PAUSED")


async def test_what_stays_paused_is_said_first_and_its_undo_is_the_first_suggestion(
    night: Night,
) -> None:
    night.sandbox.faults.add(refused(1))
    manage = night.sandbox.cloud.manage

    def only_stops(task_id: str, operation: str, **params: Any) -> None:
        manage(task_id, operation, **params)
        night.sandbox.faults.add(Fault(Effect.STATUS, "manage_migration_task", times=1, status=500))

    night.sandbox.cloud.manage = only_stops  # type: ignore[method-assign]
    async with night.client() as client:
        plan = await call(client, "plan_remediation", **DB_MY_01)
        answer = await call(client, "apply_plan", plan_id=plan["plan_id"])
        assert results(answer)[-1] == "failed"
        assert answer["summary"].startswith("db-my-01 is now PAUSED by this plan.")
        first = answer["suggested_actions"][0]
        assert first["arguments"]["goal"] == "resume_paused"
        night.sandbox.cloud.manage = manage  # type: ignore[method-assign]
        undo = await call(client, first["tool"], **first["arguments"])
        back = await call(client, "apply_plan", plan_id=undo["plan_id"])
    assert results(back) == ["done and seen"]


async def test_no_threshold_is_dropped_while_the_source_has_no_tc(night: Night) -> None:
    async with night.client() as client:
        plan = await call(client, "plan_remediation", goal="fix_rate_window")
    assert plan["plan_id"] is None
    (step,) = plan["steps"]
    assert step["actor"] == "source"
    assert "tc" in step["does"]
    assert "db-log-01" in plan["summary"]


async def test_with_tc_the_threshold_goes_and_the_copy_goes_on(night: Night) -> None:
    night.sandbox.cloud.by_name("db-log-01").has_tc = True
    async with night.client() as client:
        plan = await call(client, "plan_remediation", goal="fix_rate_window")
        (setting, start) = plan["steps"]
        assert setting["arguments"]["speed_limit"] == [
            {"start": "00:00", "end": "23:59", "speed": 50}
        ]
        assert start["after"] == [1]
        answer = await call(client, "apply_plan", plan_id=plan["plan_id"])
    assert results(answer) == ["done and seen"] * 2


@pytest.mark.parametrize(
    ("server", "limits", "says"),
    [
        ("web-01", WHOLE_DAY, "Limits do not matter here"),
        ("db-my-01", None, "Say which limits"),
    ],
)
async def test_a_server_without_limits_to_set_is_left_out_with_the_reason(
    night: Night, server: str, limits: Any, says: str
) -> None:
    async with night.client() as client:
        plan = await call(
            client, "plan_remediation", goal="fix_rate_window", servers=[server], limits=limits
        )
    assert plan["plan_id"] is None
    assert says in plan["left_out"][0]["why"]
