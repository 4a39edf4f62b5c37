"""One run of a plan: no longer than a client waits, in batches, under one consent."""

from itertools import pairwise
from typing import Any

import pytest

from sms_tools.guard import Policy
from sms_tools.guard.policy import Decision
from sms_tools.sandbox import Effect, Fault

from .night import Night, call, planned, results

pytestmark = pytest.mark.anyio

NETWORK = {"goal": "retry_failed", "group": "SMS.3802"}


async def to_its_end(client: Any, plan_id: str, most: int = 60) -> list[dict[str, Any]]:
    """Every answer of apply_plan until the plan is done; no more than *most*."""
    answers = []
    for _ in range(most):
        answers.append(await call(client, "apply_plan", plan_id=plan_id))
        if answers[-1]["status"] != "partly_done":
            return answers
    raise AssertionError(answers[-1])


async def test_a_run_ends_within_45_seconds_and_goes_on_under_the_same_consent(
    night: Night,
) -> None:
    night.counts_waits = True
    async with night.client() as client:
        plan_id = await planned(client, **NETWORK)
        night.repair("port 22")
        waits = [night.waited]
        for _ in range(10):
            answer = await call(client, "apply_plan", plan_id=plan_id)
            waits.append(night.waited)
            if answer["status"] == "done":
                break
            assert "nobody is asked" in answer["summary"]
            assert answer["suggested_actions"][0]["tool"] == "apply_plan"
    assert answer["status"] == "done"
    assert results(answer) == ["done and seen"] * 3
    assert max(later - earlier for earlier, later in pairwise(waits)) <= 45
    assert len(night.asked) == 1
    assert len(night.calls("manage_migration_task")) == 3


async def test_the_consent_to_a_plan_that_has_begun_outlives_the_server(night: Night) -> None:
    night.counts_waits = True
    async with night.client() as client:
        plan_id = await planned(client, **NETWORK)
        night.repair("port 22")
        first = await call(client, "apply_plan", plan_id=plan_id)
        assert first["status"] == "partly_done"
    async with night.client() as client:
        answers = await to_its_end(client, plan_id)
    assert answers[-1]["status"] == "done"
    assert len(night.asked) == 1


async def test_a_step_that_failed_is_tried_again_only_when_a_person_agrees_anew(
    night: Night,
) -> None:
    async with night.client() as client:
        plan_id = await planned(client, **NETWORK)
        answer = await call(client, "apply_plan", plan_id=plan_id)
        assert results(answer) == ["failed"] * 3
        night.repair("port 22")
        await call(client, "apply_plan", plan_id=plan_id)
    assert len(night.asked) == 2


async def test_forty_launches_take_one_consent_and_go_in_batches_of_five(night: Night) -> None:
    night.scenario = "cutover-night"
    night.__post_init__()
    async with night.client() as client:
        plan = await call(client, "plan_remediation", goal="cut_over", project="Cutover-Night")
        count = len([step for step in plan["steps"] if "tool" in step])
        assert count > 5, "more than one batch"
        answers = await to_its_end(client, plan["plan_id"])
        assert results(answers[-1]) == ["done and seen"] * count
    assert len(night.asked) == 1
    assert f"To agree, type: launch {count}" in night.asked[0]
    times = [
        change.at
        for change in night.sandbox.cloud.changes
        if change.operation == "manage_migration_task"
    ]
    assert len(times) == count
    # The sixth is launched only when the fifth is finished, which takes minutes.
    assert times[5] - times[4] > times[4] - times[3]


async def test_a_launch_that_the_service_refuses_ends_the_plan_and_takes_a_new_consent(
    night: Night,
) -> None:
    night.scenario = "cutover-night"
    night.__post_init__()
    night.sandbox.faults.add(
        Fault(Effect.REFUSAL, "manage_migration_task", times=1, code="SMS.6526")
    )
    async with night.client() as client:
        plan = await call(
            client, "plan_remediation", goal="cut_over", project="Cutover-Night", batch=3
        )
        answer = await call(client, "apply_plan", plan_id=plan["plan_id"])
        assert results(answer) == ["failed", "not reached", "not reached"]
        assert "stops here" in str(answer["steps"][0]["evidence"])
        assert len(night.asked) == 1
        await call(client, "apply_plan", plan_id=plan["plan_id"])
    assert len(night.asked) == 2


async def test_another_client_is_asked_for_itself(night: Night) -> None:
    night.counts_waits = True
    async with night.client() as client:
        plan_id = await planned(client, **NETWORK)
        night.repair("port 22")
        assert (await call(client, "apply_plan", plan_id=plan_id))["status"] == "partly_done"
    night.client_name = "another-client"
    async with night.client() as client:
        await call(client, "apply_plan", plan_id=plan_id)
    assert len(night.asked) == 2


async def test_what_the_policy_alone_allowed_is_asked_of_the_policy_again(night: Night) -> None:
    night.counts_waits = True
    every = {"apply_plan": Decision.ALLOW, "manage_migration_task": Decision.ALLOW}
    night.policy = Policy(tools=every)
    async with night.client() as client:
        plan_id = await planned(client, **NETWORK)
        night.repair("port 22")
        first = await call(client, "apply_plan", plan_id=plan_id)
        assert first["status"] == "partly_done"
        assert night.asked == []
        night.runtime.guard.policy = Policy()
        await call(client, "apply_plan", plan_id=plan_id)
    assert len(night.asked) == 1


async def test_a_request_that_hangs_ends_with_the_run_and_is_never_sent_again(
    night: Night,
) -> None:
    night.hangs = True
    async with night.client() as client:
        plan_id = await planned(client, **NETWORK)
        night.repair("port 22")
        fault = Fault(Effect.LATENCY, "manage_migration_task", seconds=600)
        night.sandbox.faults.add(fault)
        first = await call(client, "apply_plan", plan_id=plan_id)
        assert first["status"] == "partly_done"
        assert "no answer within the time of one run" in str(first["steps"][0])
        night.sandbox.faults.clear()
        second = await call(client, "apply_plan", plan_id=plan_id)
    assert len(night.asked) == 1
    assert results(second)[0] == "failed", "nothing came of it, and nobody has agreed to a second"
    assert len(night.calls("manage_migration_task")) == len(results(second)) - 1
