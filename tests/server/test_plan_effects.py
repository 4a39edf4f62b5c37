"""A plan says, binds and asks what a single call would: effects, previews, names, accounts."""

from dataclasses import replace
from typing import Any

import pytest

from sms_tools.guard import Policy
from sms_tools.guard.policy import Decision, TargetRule
from sms_tools.operation import Kind
from sms_tools.settings import Settings

from .night import Night, call, planned, results, task_of

pytestmark = pytest.mark.anyio


def in_scenario(night: Night, scenario: str) -> Night:
    night.scenario = scenario
    night.__post_init__()
    return night


def names_of(plan: dict[str, Any]) -> set[str]:
    return {step["server"]["name"] for step in plan["steps"] if "server" in step}


async def test_a_default_retry_contains_no_launch_and_says_why(night: Night) -> None:
    async with night.client() as client:
        plan = await call(client, "plan_remediation")
    assert "crm-01" not in names_of(plan)
    assert all("launch" not in step for step in plan["steps"])
    why = {row["server"]["name"]: row["why"] for row in plan["left_out"]}
    assert "launches its target" in why["crm-01"]


async def test_a_retry_of_a_failed_launch_is_a_launch_by_name_and_in_the_text_to_type(
    night: Night,
) -> None:
    night.repair("crm-01")
    async with night.client() as client:
        plan = await call(client, "plan_remediation", servers=["crm-01"])
        (step,) = [step for step in plan["steps"] if "tool" in step]
        assert step["launch"] == "now"
        assert "LAUNCHES" in step["does"]
        assert "LAUNCHES" in plan["summary"]
        answer = await call(client, "apply_plan", plan_id=plan["plan_id"])
    (asked,) = night.asked
    assert "To agree, type: launch 1" in asked
    assert "this is the cutover, tried again after it failed" in asked
    assert "The snapshot of an earlier launch is replaced." in asked
    assert len(answer["steps"]) == 1


async def test_a_copy_that_launches_by_itself_is_typed_as_a_launch(night: Night) -> None:
    paused = task_of(night, "db-redis-01")
    night.sandbox.cloud.tasks[paused].syncing = False
    async with night.client() as client:
        plan = await call(client, "plan_remediation", goal="resume_paused")
        assert "db-redis-01" not in names_of(plan)
        plan = await call(client, "plan_remediation", goal="resume_paused", servers=["db-redis-01"])
        assert "launches automatically, unverified, when the copy ends" in plan["summary"]
        await call(client, "apply_plan", plan_id=plan["plan_id"])
    assert "To agree, type: launch 1" in night.asked[0]
    assert "launches automatically, unverified, when the copy ends" in night.asked[0]


async def test_a_rehearsal_shows_what_its_clone_is_and_names_it_afterwards(night: Night) -> None:
    async with night.client() as client:
        plan = await call(
            client, "plan_remediation", goal="rehearse_cutover", servers=["web-04", "web-03"]
        )
        assert names_of(plan) == {"web-04"}
        assert "exists already" in str(plan["left_out"])
        answer = await call(client, "apply_plan", plan_id=plan["plan_id"])
    (asked,) = night.asked
    assert "flavor" in asked
    assert "billed until somebody deletes it" in asked
    assert "to agree is to say that it is done" not in asked.split("Try out each clone")[0]
    (step,) = answer["steps"]
    fields = {row.get("field") for row in step["evidence"]}
    assert {"clone", "clone ECS"} <= fields or "clone ECS" in fields
    assert any("Try out each clone" in work for work in answer["people_next"])


async def test_a_template_that_changes_after_the_plan_is_drift(night: Night) -> None:
    async with night.client() as client:
        plan = await call(client, "plan_remediation", goal="rehearse_cutover", servers=["web-04"])
        template_id = plan["steps"][0]["arguments"]["template_id"]
        night.sandbox.cloud.templates[template_id].fields["flavor"] = "p3.48xlarge.99"
        answer = await call(client, "apply_plan", plan_id=plan["plan_id"])
    assert night.asked == []
    assert "p3.48xlarge.99" in answer["summary"]
    assert night.calls("manage_migration_task") == []


async def test_a_template_that_changes_while_the_person_reads_makes_the_consent_stale(
    night: Night,
) -> None:
    async with night.client(dialog=False) as client:
        plan = await call(client, "plan_remediation", goal="rehearse_cutover", servers=["web-04"])
        held = await call(client, "apply_plan", plan_id=plan["plan_id"])
        await night.approve(held["approval_id"], held["preview"]["must_be_typed"])
        template_id = plan["steps"][0]["arguments"]["template_id"]
        night.sandbox.cloud.templates[template_id].fields["flavor"] = "p3.48xlarge.99"
        answer = await call(client, "apply_plan", plan_id=plan["plan_id"])
    assert answer["status"] == "stale"
    assert "p3.48xlarge.99" in answer["summary"]
    assert night.calls("manage_migration_task") == []


NETWORK = {"goal": "retry_failed", "group": "SMS.3802"}


async def test_a_renamed_server_is_drift_for_its_step_alone(night: Night) -> None:
    async with night.client() as client:
        plan = await call(client, "plan_remediation", **NETWORK)
        night.repair("port 22")
        first = plan["steps"][1]["server"]
        night.sandbox.cloud.sources[first["id"]].name = "prod-" + first["name"]
        answer = await call(client, "apply_plan", plan_id=plan["plan_id"])
    assert results(answer) == ["skipped", "done and seen", "done and seen"]
    assert "source name" in str(answer["steps"][0]["evidence"])
    assert "prod-" + first["name"] in night.asked[0]


async def test_a_rule_for_names_goes_by_the_names_of_now(night: Night) -> None:
    rule = TargetRule(pattern="prod-*", decision=Decision.BLOCK)
    night.policy = Policy(targets=(rule,))
    async with night.client() as client:
        plan = await call(client, "plan_remediation", **NETWORK)
        first = plan["steps"][1]["server"]
        night.sandbox.cloud.sources[first["id"]].name = "prod-" + first["name"]
        answer = await call(client, "apply_plan", plan_id=plan["plan_id"])
    assert answer["status"] == "blocked"
    assert night.calls("manage_migration_task") == []


@pytest.mark.parametrize(("pattern", "times"), [("db-redis-*", 1), ("nothing-*", 0)])
async def test_a_rule_for_the_names_of_one_step_asks_about_a_plan_that_is_else_allowed(
    night: Night, pattern: str, times: int
) -> None:
    everything = dict.fromkeys(Kind, Decision.ALLOW)
    tools = frozenset({"manage_migration_task"})
    rule = TargetRule(pattern=pattern, decision=Decision.ASK, tools=tools)
    night.policy = Policy(kinds=everything, targets=(rule,))
    async with night.client() as client:
        plan = await call(client, "plan_remediation", goal="resume_paused", servers=["db-redis-01"])
        answer = await call(client, "apply_plan", plan_id=plan["plan_id"])
    assert len(night.asked) == times
    assert results(answer) == ["done and seen"]


async def test_a_rule_that_begins_to_hold_after_the_consent_holds_for_the_step(
    night: Night,
) -> None:
    async with night.client() as client:
        plan = await call(client, "plan_remediation", **NETWORK)
        night.repair("port 22")
        second = plan["steps"][2]["server"]["name"]
        manage = night.sandbox.cloud.manage

        def then_blocked(task_id: str, operation: str, **params: Any) -> None:
            manage(task_id, operation, **params)
            rule = TargetRule(pattern=second, decision=Decision.BLOCK)
            night.runtime.guard.policy = replace(night.runtime.guard.policy, targets=(rule,))

        night.sandbox.cloud.manage = then_blocked  # type: ignore[method-assign]
        answer = await call(client, "apply_plan", plan_id=plan["plan_id"])
    assert results(answer) == ["done and seen", "skipped", "done and seen"]
    assert "blocked by" in str(answer["steps"][1]["evidence"])


async def test_a_plan_of_one_account_is_refused_on_another(night: Night) -> None:
    async with night.client() as client:
        plan_id = await planned(client, **NETWORK)
    elsewhere = Settings.for_sandbox(state_dir=night.folder, identity="large, seed 1")
    night.settings = elsewhere
    async with night.client() as client:
        answer = await call(client, "apply_plan", plan_id=plan_id)
    assert answer["status"] == "error"
    assert "another account" in answer["summary"]
    assert "plan_remediation" in answer["what_to_do"]


async def test_the_account_is_the_first_fact_that_a_person_reads(night: Night) -> None:
    async with night.client() as client:
        await call(client, "apply_plan", plan_id=await planned(client, **NETWORK))
    assert "Account: sandbox (mixed, seed 1)" in night.asked[0].splitlines()[:2]


async def test_the_dialog_names_what_the_copy_leaves_out(night: Night) -> None:
    in_scenario(night, "cutover-night")
    option = {"config_key": "EXCLUDE_MIGRATE_PATH", "config_value": "/srv/data"}
    async with night.client() as client:
        task_id = task_of(night, "shop-web-01")
        night.sandbox.cloud.tasks[task_id].options.append(option)
        whole = await call(
            client, "plan_remediation", goal="cut_over", project="Cutover-Night", batch=2
        )
        assert "shop-web-01" not in names_of(whole)
        plan = await call(client, "plan_remediation", goal="cut_over", servers=["shop-web-01"])
        (step,) = [step for step in plan["steps"] if "tool" in step]
        assert step["open_gates"] == ["nothing_left_out"]
        answer = await call(client, "apply_plan", plan_id=plan["plan_id"])
    assert "/srv/data" in night.asked[0]
    assert results(answer) == ["done and seen"]


async def test_a_gate_that_fails_keeps_a_server_out_even_by_name(night: Night) -> None:
    async with night.client() as client:
        plan = await call(client, "plan_remediation", goal="cut_over", servers=["web-06"])
    assert plan["plan_id"] is None
    assert "not_ready" in plan["left_out"][0]["why"]


async def test_a_gate_that_closes_before_its_launch_holds_that_launch_back(night: Night) -> None:
    in_scenario(night, "cutover-night")
    async with night.client() as client:
        plan = await call(
            client, "plan_remediation", goal="cut_over", project="Cutover-Night", batch=2
        )
        second = plan["steps"][2]["server"]["name"]
        manage = night.sandbox.cloud.manage

        def then_offline(task_id: str, operation: str, **params: Any) -> None:
            manage(task_id, operation, **params)
            now = int(night.clock() * 1000)
            night.sandbox.cloud.by_name(second).offline.append((now - 1000, None))

        night.sandbox.cloud.manage = then_offline  # type: ignore[method-assign]
        answer = await call(client, "apply_plan", plan_id=plan["plan_id"])
    assert results(answer) == ["done and seen", "skipped"]
    assert len(night.calls("manage_migration_task")) == 1


async def test_a_verification_that_fails_before_its_launch_holds_that_launch_back(
    night: Night,
) -> None:
    in_scenario(night, "cutover-night")
    async with night.client() as client:
        plan = await call(
            client, "plan_remediation", goal="cut_over", project="Cutover-Night", batch=2
        )
        second = plan["steps"][2]["server"]["name"]
        manage = night.sandbox.cloud.manage

        def then_differs(task_id: str, operation: str, **params: Any) -> None:
            manage(task_id, operation, **params)
            for run in night.sandbox.cloud.tasks[task_of(night, second)].verifications:
                run.result = "failed"

        night.sandbox.cloud.manage = then_differs  # type: ignore[method-assign]
        answer = await call(client, "apply_plan", plan_id=plan["plan_id"])
    assert results(answer) == ["done and seen", "skipped"]
    assert "consistency" in str(answer["steps"][1]["evidence"]).lower()
    assert len(night.calls("manage_migration_task")) == 1


async def test_what_is_read_after_a_call_knows_of_it(night: Night) -> None:
    async with night.client() as client:
        before = await call(client, "migration_overview")
        await call(
            client, "manage_migration_task", task_id=task_of(night, "web-03"), operation="stop"
        )
        after = await call(client, "migration_overview")  # within the time that a reading serves
    assert after["phases"]["syncing"] == before["phases"]["syncing"] - 1
    assert after["phases"]["paused"] == before["phases"]["paused"] + 1
