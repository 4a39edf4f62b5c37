"""Plans from the question to the verified fix, through a real client in both protocol eras."""

from dataclasses import replace
from typing import Any

import pytest
from mcp_types import ElicitResult

from sms_tools.guard import Policy
from sms_tools.guard.policy import Decision
from sms_tools.sandbox import Effect, Fault

from .night import (
    Night,
    agent_came_back,
    call,
    grow_a_disk,
    planned,
    refuse,
    results,
    task_of,
)

pytestmark = pytest.mark.anyio


NETWORK = {"goal": "retry_failed", "group": "SMS.3802"}


async def test_a_failed_group_is_planned_approved_applied_and_seen_to_be_fixed(
    night: Night,
) -> None:
    async with night.client() as client:
        plan = await call(client, "plan_remediation", **NETWORK)
        person, *calls = plan["steps"]
        assert person["actor"] == "console"
        way = (
            "22 from the address with which it leaves (its record says 192.168.10.16) to 10.20.0.14"
        )
        assert way in person["does"]
        assert {step["tool"] for step in calls} == {"manage_migration_task"}
        assert night.calls("manage_migration_task") == []

        night.repair("port 22")
        answer = await call(client, "apply_plan", plan_id=plan["plan_id"])
        assert results(answer) == ["done and seen"] * 3
        assert answer["status"] == "done"
        assert len(night.asked) == 1
        assert "apply 3" in night.asked[0]

        failed = await call(client, "summarize_failed_servers")
        again = [server["name"] for server in failed["recovered"]]
        assert {"db-ora-01", "db-ora-02", "db-pg-01"} <= set(again)


async def test_what_was_not_repaired_is_not_called_fixed(night: Night) -> None:
    async with night.client() as client:
        answer = await call(client, "apply_plan", plan_id=await planned(client, **NETWORK))
    assert results(answer) == ["failed"] * 3
    assert "SMS.3802" in [row["value"] for row in answer["steps"][0]["evidence"]]


async def test_a_plan_that_is_done_is_not_done_again(night: Night) -> None:
    async with night.client() as client:
        plan_id = await planned(client, **NETWORK)
        night.repair("port 22")
        await call(client, "apply_plan", plan_id=plan_id)
        answer = await call(client, "apply_plan", plan_id=plan_id)
    assert answer["status"] == "done"
    assert len(night.asked) == 1
    assert len(night.calls("manage_migration_task")) == 3


async def test_when_the_person_says_no_nothing_is_done(night: Night) -> None:
    night.say = refuse
    async with night.client() as client:
        answer = await call(client, "apply_plan", plan_id=await planned(client, **NETWORK))
    assert answer["status"] == "declined"
    assert night.calls("manage_migration_task") == []


async def test_state_that_drifts_before_step_3_skips_that_step_alone(night: Night) -> None:
    async with night.client() as client:
        plan = await call(client, "plan_remediation", **NETWORK)
        night.repair("port 22")
        third = plan["steps"][2]

        first = plan["steps"][1]["arguments"]["task_id"]
        original = night.sandbox.cloud.manage

        def manage(task_id: str, operation: str, **params: Any) -> None:
            original(task_id, operation, **params)
            if task_id == first:
                night.sandbox.cloud.delete_task(third["arguments"]["task_id"])

        night.sandbox.cloud.manage = manage  # type: ignore[method-assign]
        answer = await call(client, "apply_plan", plan_id=plan["plan_id"])
    assert results(answer) == ["done and seen", "skipped", "done and seen"]
    assert third["arguments"]["task_id"] not in night.calls("manage_migration_task")


async def test_a_service_that_fails_in_step_2_hides_no_other_step(night: Night) -> None:
    async with night.client() as client:
        plan = await call(client, "plan_remediation", **NETWORK)
        night.repair("port 22")
        second = plan["steps"][2]["arguments"]["task_id"]
        gateway = night.sandbox.cloud.manage

        def manage(task_id: str, operation: str, **params: Any) -> None:
            gateway(task_id, operation, **params)
            if len(night.calls("manage_migration_task")) == 1:
                fault = Fault(Effect.STATUS, "manage_migration_task", times=1, status=500)
                night.sandbox.faults.add(fault)

        night.sandbox.cloud.manage = manage  # type: ignore[method-assign]
        answer = await call(client, "apply_plan", plan_id=plan["plan_id"])
        assert results(answer) == ["done and seen", "failed", "done and seen"]
        assert "500" in str(answer["steps"][1]["evidence"])
        assert second not in night.calls("manage_migration_task")

        again = await call(client, "apply_plan", plan_id=plan["plan_id"])
        assert results(again) == ["done and seen"] * 3
        assert "apply 1" in night.asked[-1]
        assert night.calls("manage_migration_task").count(second) == 1


async def test_a_reply_that_is_lost_is_looked_after_and_not_repeated(night: Night) -> None:
    async with night.client() as client:
        plan_id = await planned(client, **NETWORK)
        night.repair("port 22")
        night.sandbox.faults.add(Fault(Effect.CUT_AFTER, "manage_migration_task", times=1))
        answer = await call(client, "apply_plan", plan_id=plan_id)
    assert results(answer) == ["done and seen"] * 3
    assert "whether the service has carried it out" in str(answer["steps"][0]["evidence"])
    assert len(night.calls("manage_migration_task")) == 3


@pytest.mark.parametrize("carried_out", [True, False])
async def test_a_server_killed_in_step_2_goes_on_without_doing_a_step_twice(
    night: Night, carried_out: bool
) -> None:
    """Killed after the call, or before it left; the plan goes on in a new server."""
    async with night.client() as client:
        plan = await call(client, "plan_remediation", **NETWORK)
        night.repair("port 22")
        second = plan["steps"][2]["arguments"]["task_id"]
        real = night.sandbox.cloud.manage

        def manage(task_id: str, operation: str, **params: Any) -> None:
            if task_id != second or carried_out:
                real(task_id, operation, **params)
            if task_id == second:
                raise KilledError

        night.sandbox.cloud.manage = manage  # type: ignore[method-assign]
        broken = await client.call_tool("apply_plan", {"plan_id": plan["plan_id"]})
        assert broken.is_error
    night.sandbox.cloud.manage = real  # type: ignore[method-assign]
    async with night.client() as client:
        answer = await call(client, "apply_plan", plan_id=plan["plan_id"])
    assert results(answer) == ["done and seen"] * 3
    started = night.calls("manage_migration_task")
    assert sorted(started) == sorted(set(started))


class KilledError(Exception):
    """The process is gone in the middle of a request."""


async def test_a_tool_that_policy_blocks_blocks_the_plan(night: Night) -> None:
    night.policy = Policy(tools={"manage_migration_task": Decision.BLOCK})
    async with night.client() as client:
        answer = await call(client, "apply_plan", plan_id=await planned(client, **NETWORK))
    assert answer["status"] == "blocked"
    assert night.asked == []


async def test_every_step_is_in_the_audit(night: Night) -> None:
    async with night.client() as client:
        plan_id = await planned(client, **NETWORK)
        night.repair("port 22")
        await call(client, "apply_plan", plan_id=plan_id)
        contents = (await client.read_resource("sms://audit/latest")).contents
        text = contents[0].text  # type: ignore[union-attr]
    assert text.count('"event":"plan_step"') >= 3
    assert plan_id in text


async def test_a_plan_ends_after_a_day(night: Night) -> None:
    async with night.client() as client:
        plan_id = await planned(client, **NETWORK)
        night.clock.advance(24 * 3600 + 1)
        answer = await call(client, "apply_plan", plan_id=plan_id)
        assert answer["status"] == "error"
        assert "plan_remediation" in answer["what_to_do"]
        assert "no plan" in (await call(client, "apply_plan", plan_id="PNONE"))["summary"]


REBUILD = [
    "delete_migration_task",
    "create_migration_task",
    "manage_migration_task",
]


async def test_rebuilding_says_first_that_everything_is_copied_again(night: Night) -> None:
    agent_came_back(night, "db-ora-03")
    async with night.client() as client:
        plan = await call(client, "plan_remediation", goal="rebuild", servers=["db-ora-03"])
        assert plan["summary"].startswith("Everything on db-ora-03 is copied again")
        tools = [step.get("tool") for step in plan["steps"]]
        assert tools == [None, *REBUILD]
        answer = await call(client, "apply_plan", plan_id=plan["plan_id"])
        assert results(answer) == ["done and seen"] * 3, answer
        assert "copied again" in night.asked[0]
        assert "type: apply 3" in night.asked[0]


async def test_nothing_is_deleted_while_the_record_is_older_than_the_failure(night: Night) -> None:
    async with night.client() as client:
        plan = await call(client, "plan_remediation", goal="rebuild", servers=["db-ora-03"])
    assert [step.get("tool") for step in plan["steps"]] == [None]
    assert plan["plan_id"] is None
    assert "Plan again when they are done" in plan["summary"]


async def test_a_rebuild_puts_limits_and_options_back_before_it_starts(night: Night) -> None:
    agent_came_back(night, "db-ora-03")
    limits = [{"start": "08:00", "end": "20:00", "speed": 20, "over_speed_threshold": None}]
    option = {"config_key": "EXCLUDE_MIGRATE_PATH", "config_value": "/var/cache"}
    async with night.client() as client:
        old = task_of(night, "db-ora-03")
        await call(client, "set_migration_rate_limits", task_id=old, speed_limit=limits)
        await call(client, "configure_migration_options", task_id=old, configurations=[option])
        plan = await call(client, "plan_remediation", goal="rebuild", servers=["db-ora-03"])
        tools = [step["tool"] for step in plan["steps"] if "tool" in step]
        between = ["set_migration_rate_limits", "configure_migration_options"]
        assert tools == [*REBUILD[:2], *between, *REBUILD[2:]]
        answer = await call(client, "apply_plan", plan_id=plan["plan_id"])
        assert results(answer) == ["done and seen"] * 5, answer
        new = task_of(night, "db-ora-03")
        assert new != old
        read = await call(client, "get_migration_rate_limits", task_id=new)
        assert [row["speed"] for row in read["speed_limit"]] == [20]
        kept = await call(client, "get_migration_options", task_id=new)
        assert option["config_value"] in str(kept)


async def test_a_disk_that_grows_after_the_plan_stops_it_before_anything_is_lost(
    night: Night,
) -> None:
    agent_came_back(night, "db-ora-03")
    async with night.client() as client:
        plan = await call(client, "plan_remediation", goal="rebuild", servers=["db-ora-03"])
        grow_a_disk(night, "db-ora-03")
        answer = await call(client, "apply_plan", plan_id=plan["plan_id"])
    assert answer["status"] == "blocked"
    assert "disks" in answer["summary"]
    assert night.asked == []
    assert night.calls("delete_migration_task") == []


async def test_nothing_is_deleted_for_a_task_that_could_not_be_created_again(night: Night) -> None:
    agent_came_back(night, "db-ora-03")
    source = night.sandbox.cloud.by_name("db-ora-03")
    source.spec = replace(source.spec, firmware="UEFI")
    async with night.client() as client:
        plan = await call(client, "plan_remediation", goal="rebuild", servers=["db-ora-03"])
    assert [step for step in plan.get("steps", ()) if step.get("tool")] == []
    assert "UEFI" in str(plan["left_out"])


async def test_what_people_do_before_a_rebuild_fits_its_cause(night: Night) -> None:
    agent_came_back(night, "db-ora-03")
    async with night.client() as client:
        plan = await call(
            client, "plan_remediation", goal="rebuild", servers=["db-ora-03", "win-app-01"]
        )
        steps = {
            step["server"]["name"]: step
            for step in plan["steps"]
            if step.get("tool") == "delete_migration_task"
        }
        disks, gone = [step for step in plan["steps"] if step.get("tool") is None]
    assert (disks["actor"], gone["actor"]) == ("source", "console")
    assert "restart the Agent" in disks["does"]
    assert "ECS console" in gone["does"]
    assert "Agent" not in gone["does"]
    assert "is not deleted" in steps["db-ora-03"]["costs"]
    assert "gone already" in steps["win-app-01"]["costs"]
    assert "is not deleted" not in steps["win-app-01"]["costs"]


async def test_a_launch_asks_for_its_size_and_takes_only_what_is_ready(night: Night) -> None:
    night.scenario = "cutover-night"
    night.__post_init__()
    async with night.client() as client:
        plan = await call(
            client, "plan_remediation", goal="cut_over", project="Cutover-Night", batch=2
        )
        names = [s["server"]["name"] for s in plan["steps"] if "server" in s]
        assert names == ["shop-web-01", "shop-web-02"]
        answer = await call(client, "apply_plan", plan_id=plan["plan_id"])
        assert "type: launch 2" in night.asked[0]
        assert results(answer) == ["done and seen"] * 2


async def test_a_launch_is_never_planned_for_everybody(night: Night) -> None:
    async with night.client() as client:
        answer = await call(client, "plan_remediation", goal="cut_over")
    assert answer["status"] == "error"


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        ({"goal": "resume_paused"}, 1),
        (
            {
                "goal": "fix_rate_window",
                "servers": ["db-pg-03"],
                "limits": [{"start": "00:00", "end": "23:59", "speed": 200}],
            },
            1,
        ),
        ({"goal": "rehearse_cutover", "servers": ["web-04"]}, 1),
        ({"goal": "clean_up", "project": "Wave-1-Web", "soak_hours": 0}, 3),
    ],
)
async def test_each_goal_goes_through_to_what_is_seen(
    night: Night, arguments: dict[str, Any], count: int
) -> None:
    async with night.client() as client:
        plan_id = await planned(client, **arguments)
        answer = await call(client, "apply_plan", plan_id=plan_id)
    done = [result for result in results(answer) if result != "not needed"]
    assert done == ["done and seen"] * count, answer
    assert answer["status"] == "done"


async def test_without_a_dialog_the_same_call_goes_through_once_a_person_agreed(
    night: Night,
) -> None:
    def approve(message: str) -> ElicitResult:
        raise AssertionError(message)

    night.say = approve
    async with night.client(dialog=False) as client:
        plan_id = await planned(client, **NETWORK)
        night.repair("port 22")
        held = await call(client, "apply_plan", plan_id=plan_id)
        assert held["status"] == "approval_required"
        assert held["preview"]["must_be_typed"] == "apply 3"
        assert night.calls("manage_migration_task") == []
        await night.approve(held["approval_id"], "apply 3")
        answer = await call(client, "apply_plan", plan_id=plan_id)
    assert results(answer) == ["done and seen"] * 3


async def test_what_changed_since_the_approval_makes_it_stale(night: Night) -> None:
    async with night.client(dialog=False) as client:
        plan = await call(client, "plan_remediation", **NETWORK)
        held = await call(client, "apply_plan", plan_id=plan["plan_id"])
        await night.approve(held["approval_id"], "apply 3")
        night.repair("port 22")
        night.sandbox.cloud.manage(plan["steps"][1]["arguments"]["task_id"], "start")
        night.clock.advance(10)
        answer = await call(client, "apply_plan", plan_id=plan["plan_id"])
    assert answer["status"] == "stale"
    assert len(night.calls("manage_migration_task")) == 1


async def test_a_name_that_a_stranger_chose_stands_in_no_instruction(night: Night) -> None:
    hostile = next(s for s in night.sandbox.cloud.sources.values() if "Ignore" in s.name)
    async with night.client() as client:
        plan = await call(
            client,
            "plan_remediation",
            goal="fix_rate_window",
            servers=[hostile.id],
            limits=[{"start": "00:00", "end": "23:59", "speed": 100}],
        )
    assert all("Ignore" not in step["does"] for step in plan["steps"])
    assert "\u202e" not in str(plan)


async def test_progress_is_told_step_by_step(night: Night) -> None:
    told: list[str] = []

    async def hear(done: float, total: float | None, message: str | None) -> None:
        told.append(message or "")

    async with night.client() as client:
        plan_id = await planned(client, **NETWORK)
        night.repair("port 22")
        await client.call_tool("apply_plan", {"plan_id": plan_id}, progress_callback=hear)  # type: ignore[arg-type]
    assert sum(message.startswith("step ") for message in told) == 3


async def test_a_plan_is_no_larger_than_it_should_be(night: Night) -> None:
    night.scenario = "large"
    night.__post_init__()
    async with night.client() as client:
        plan = await call(client, "plan_remediation", goal="retry_failed")
        assert len([step for step in plan["steps"] if "tool" in step]) <= 10
        assert "more servers for a later plan" in plan["summary"]
        assert plan["next_plan"]
