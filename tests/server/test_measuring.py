"""The plan that measures the network: only where the task stands still, and what it found."""

from pathlib import Path
from typing import Any

import pytest

from .night import Night, call

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["auto", "legacy"])
def night(request: pytest.FixtureRequest, tmp_path: Path) -> Night:
    return Night(tmp_path / "state", request.param)


async def test_what_is_due_is_measured_by_a_plan_and_then_told(night: Night) -> None:
    async with night.client() as client:
        before = await call(client, "check_network_paths")
        (due,) = (
            action["arguments"]
            for action in before["suggested_actions"]
            if action["arguments"].get("goal") == "measure_network"
        )
        plan = await call(client, "plan_remediation", **due)
        assert plan["steps"], plan
        for _ in range(12):
            done = await call(client, "apply_plan", plan_id=plan["plan_id"])
            if done["status"] == "done":
                break
        measured = [row for row in done["steps"] if row["result"] == "done and seen"]
        assert measured
        fields = {each.get("field") for row in measured for each in row["evidence"]}
        assert {"target reached", "loss in per cent", "jitter in ms"} <= fields
        ids = [row["server"]["id"] for row in measured]
        after = await call(client, "check_network_paths", servers=ids, deadline="12h")
    assert len(night.asked) == 1
    assert "in which the rate limits do not hold" in night.asked[0]
    numbers: dict[str, Any] = {row["server"]["id"]: row for row in after["measurements"]}
    assert set(numbers) == set(ids)
    reached = [row for row in numbers.values() if row.get("reached")]
    assert all("loss_percent" in row and "rate_mbit_s" in row for row in reached)
    assert any("needs_mbit_s" in row and "enough" in row for row in reached)


async def test_a_second_measurement_with_the_same_numbers_comes_to_an_end(night: Night) -> None:
    async with night.client() as client:
        for _ in range(2):
            plan = await call(
                client, "plan_remediation", goal="measure_network", servers=["db-ora-01"]
            )
            for _ in range(20):
                done = await call(client, "apply_plan", plan_id=plan["plan_id"])
                if done["status"] == "done":
                    break
            assert done["status"] == "done", done
    (step,) = done["steps"]
    assert step["result"] == "done, not yet seen"
    assert any("numbers are those of before" in row.get("says", "") for row in step["evidence"])


async def test_what_runs_or_has_no_task_is_not_measured(night: Night) -> None:
    names = ["web-03", "new-01"]
    async with night.client() as client:
        plan = await call(client, "plan_remediation", goal="measure_network", servers=names)
        told = await call(client, "check_network_paths", servers=["new-01"])
    assert plan["plan_id"] is None
    why = {row["server"]["name"]: row["why"] for row in plan["left_out"]}
    assert "Only what is paused or has failed is measured" in why["web-03"]
    assert "network_check" in why["new-01"]
    assert any("measured only when a task is created" in each["what"] for each in told["omitted"])
