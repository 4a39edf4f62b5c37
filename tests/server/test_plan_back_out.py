"""After a bad launch: the way back in order, then a choice; and no clean-up of what still soaks."""

from typing import Any

import pytest

from .night import Night, call, planned, results

pytestmark = pytest.mark.anyio


async def back_out(night: Night, **arguments: Any) -> dict[str, Any]:
    async with night.client() as client:
        return await call(client, "plan_remediation", goal="back_out", **arguments)


async def test_the_way_back_is_peoples_work_in_its_order(night: Night) -> None:
    plan = await back_out(night, servers=["web-01"])
    assert plan["plan_id"] is None
    assert night.calls("manage_migration_task") == []
    said = [step["does"] for step in plan["steps"]]
    order = ["stop the services", "Save what was written", "start the services again", "Switch DNS"]
    places = [next(n for n, does in enumerate(said) if part in does) for part in order]
    assert places == sorted(places)
    assert any("Keep the targets, the migration tasks" in does for does in said)


async def test_the_choice_names_what_each_way_loses_and_calls_nothing(night: Night) -> None:
    plan = await back_out(night, servers=["web-01"])
    choice = plan["steps"][-1]["does"]
    assert "overwrites what the target has written" in choice
    assert "napshot" in choice
    restart = next(a for a in plan["suggested_actions"] if a["tool"] == "manage_migration_task")
    assert restart["arguments"]["operation"] == "restart"
    assert restart["destructive"] is True
    assert "OVERWRITES" in restart["why"]


async def test_what_was_not_launched_needs_no_way_back(night: Night) -> None:
    plan = await back_out(night, servers=["web-04"])
    assert plan["steps"] == []
    assert "the source still serves" in plan["left_out"][0]["why"]


async def test_going_back_is_never_planned_for_everybody(night: Night) -> None:
    answer = await back_out(night)
    assert answer["status"] == "error"


async def test_a_target_that_was_launched_just_now_keeps_its_task(night: Night) -> None:
    night.scenario = "cutover-night"
    night.__post_init__()
    async with night.client() as client:
        launch = await planned(client, goal="cut_over", project="Cutover-Night", batch=1)
        assert results(await call(client, "apply_plan", plan_id=launch)) == ["done and seen"]
        candidates = await call(client, "find_cleanup_candidates")
        goals = [a["arguments"].get("goal") for a in candidates["suggested_actions"]]
        assert "clean_up" not in goals
        everything = await call(client, "plan_remediation", goal="clean_up")
        assert everything["plan_id"] is None
        assert "its task is the way back" in str(everything["left_out"]).lower()
        night.clock.advance(73 * 3600)
        later = await call(client, "plan_remediation", goal="clean_up")
    assert later["plan_id"] is not None


async def test_a_person_may_shorten_the_soak(night: Night) -> None:
    night.scenario = "cutover-night"
    night.__post_init__()
    async with night.client() as client:
        launch = await planned(client, goal="cut_over", project="Cutover-Night", batch=1)
        await call(client, "apply_plan", plan_id=launch)
        plan = await call(client, "plan_remediation", goal="clean_up", soak_hours=0)
    assert len([step for step in plan["steps"] if "tool" in step]) == 1
