"""Who launched it, what waits for approval, and what a clean-up leaves: answered from one tool."""

import json
from typing import Any

import pytest

from .night import Night, call, planned

pytestmark = pytest.mark.anyio


async def launched(night: Night, client: Any) -> str:
    plan = await call(client, "plan_remediation", goal="cut_over", servers=["shop-web-01"], batch=1)
    await call(client, "apply_plan", plan_id=plan["plan_id"])
    return str(plan["plan_id"])


async def test_who_launched_it_is_answered_and_a_check_is_suggested(night: Night) -> None:
    night.scenario = "cutover-night"
    night.__post_init__()
    async with night.client() as client:
        await call(client, "migration_overview")
        night.clock.advance(120)
        plan_id = await launched(night, client)
        night.clock.advance(60)
        answer = await call(client, "what_changed", since="1h")
    deed = next(row for row in answer["done_here"] if row["action"] == "test")
    assert [each["name"] for each in deed["servers"]] == ["shop-web-01"]
    assert "example-client" in deed["by"]
    assert deed["plan_id"] == plan_id
    assert deed["outcome"] == "done"
    assert "example-client" in answer["summary"]
    tools = [each["tool"] for each in answer["suggested_actions"]]
    assert "diagnose_server" in tools
    assert "find_cleanup_candidates" not in tools


async def test_what_was_done_to_others_is_not_told_of_a_server_that_is_asked_for(
    night: Night,
) -> None:
    night.scenario = "cutover-night"
    night.__post_init__()
    async with night.client() as client:
        await launched(night, client)
        answer = await call(client, "what_changed", servers=["shop-web-02"])
    assert answer["done_here"] == []


async def test_what_waits_for_a_person_is_told_without_the_way_to_agree(night: Night) -> None:
    async with night.client(dialog=False) as client:
        plan_id = await planned(client, goal="resume_paused")
        held = await call(client, "apply_plan", plan_id=plan_id)
        answer = await call(client, "what_changed")
        (row,) = answer["waiting_for_approval"]
        approval = await night.runtime.guard.approvals.get(row["id"])
    assert held["status"] == "approval_required"
    assert approval is not None
    assert row["tool"] == "apply_plan"
    assert "1 call waits for a person" in answer["summary"]
    assert approval.token not in json.dumps(answer)


async def test_after_a_clean_up_a_launched_server_stays_finished_and_its_record_is_offered(
    night: Night,
) -> None:
    async with night.client() as client:
        before = await call(client, "migration_overview")
        plan_id = await planned(client, goal="clean_up", project="Wave-1-Web", soak_hours=0)
        await call(client, "apply_plan", plan_id=plan_id)
        night.clock.advance(60)
        after = await call(client, "migration_overview")
        changed = await call(client, "what_changed")
        left = await call(client, "find_cleanup_candidates", detail="full")
    assert night.calls("delete_migration_task") or night.calls("delete_migration_tasks")
    assert after["phases"]["finished"] == before["phases"]["finished"]
    assert not [row for row in changed["transitions"] if row.get("from") == "finished"]
    assert "source_server" in {row["what"] for row in left["may_be_deleted"]}


@pytest.mark.parametrize(
    ("tool", "rows"),
    [("migration_overview", "servers"), ("check_cutover_readiness", "servers")],
)
async def test_in_full_each_row_says_in_whose_wave_a_server_is(
    night: Night, tool: str, rows: str
) -> None:
    async with night.client() as client:
        answer = await call(client, tool, detail="full")
    assert "Wave-1-Web" in {row.get("project") for row in answer[rows]}
