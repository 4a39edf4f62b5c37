"""Why a server is not in a plan, or a step is not done: said of that server alone, in words."""

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from mcp_types import ElicitResult

from sms_tools.sandbox import Effect, Fault

from .night import Night, agent_came_back, agree, call, results, task_of

pytestmark = pytest.mark.anyio

Edit = Callable[[dict[str, Any]], None]


def replies(night: Night, what: str, edit: Edit, only: str = "") -> None:
    """From now on the service's *what* (``show_task`` …) is edited before it is sent."""
    original = getattr(night.sandbox.cloud, what)

    def edited(key: str) -> Any:
        record = copy.deepcopy(original(key))
        if only in ("", record.get("name")):
            edit(record)
        return record

    setattr(night.sandbox.cloud, what, edited)


async def left_out(night: Night, goal: str, server: str, **more: Any) -> str:
    """Why *server*, asked for by name, has no call in a plan for *goal*."""
    async with night.client() as client:
        plan = await call(client, "plan_remediation", goal=goal, servers=[server], **more)
    assert [step for step in plan["steps"] if "tool" in step] == []
    assert plan["plan_id"] is None
    (row,) = plan["left_out"]
    return str(row["why"])


def is_existing(task: dict[str, Any]) -> None:
    task["exist_server"] = True


def has_no_project(task: dict[str, Any]) -> None:
    task["project_name"] = None


def has_no_sizes(source: dict[str, Any]) -> None:
    for disk in source["init_target_server"]["disks"]:
        disk.pop("used_size", None)
        disk.pop("size", None)


def goes_with_the_task(reply: dict[str, Any]) -> None:
    (reply.get("template") or reply)["is_template"] = False


@pytest.mark.parametrize(
    ("what", "edit", "says"),
    [
        ("show_task", is_existing, "existing ECS"),
        ("show_task", has_no_project, "did not give what a new task needs: project_name"),
        ("show_source", has_no_sizes, "record makes no sense"),
        ("show_template", goes_with_the_task, "template goes with the task"),
    ],
)
async def test_a_task_that_cannot_be_written_again_is_not_deleted(
    night: Night, what: str, edit: Edit, says: str
) -> None:
    replies(night, what, edit)
    assert says in await left_out(night, "rebuild", "db-my-03")


async def test_one_odd_record_takes_no_plan_down(night: Night) -> None:
    agent_came_back(night, "db-ora-03")
    replies(night, "show_source", has_no_sizes, only="db-my-03")
    async with night.client() as client:
        plan = await call(client, "plan_remediation", goal="rebuild")
    assert "db-ora-03" in {step["server"]["name"] for step in plan["steps"] if "server" in step}
    assert "record makes no sense" in str(plan["left_out"])


async def test_disks_that_change_after_the_consent_stop_the_plan_before_the_delete(
    night: Night,
) -> None:
    """The record of the source changes alone: nothing that the single call shows tells of it."""

    def doubled(source: dict[str, Any]) -> None:
        for disk in source["init_target_server"]["disks"]:
            disk["size"] *= 2

    def agree_while_it_grows(message: str) -> ElicitResult:
        replies(night, "show_source", doubled, only="db-my-03")
        return agree(message)

    night.say = agree_while_it_grows
    async with night.client() as client:
        plan = await call(client, "plan_remediation", goal="rebuild", servers=["db-my-03"])
        answer = await call(client, "apply_plan", plan_id=plan["plan_id"])
    assert results(answer) == ["skipped", "not reached", "not reached"]
    assert "not those of the planned task" in str(answer["steps"][0]["evidence"])
    assert night.calls("delete_migration_task") == []


async def test_without_its_old_limits_a_new_task_is_not_started(night: Night) -> None:
    night.sandbox.faults.add(Fault(Effect.REFUSAL, "get_migration_rate_limits", code="SMS.9001"))
    async with night.client() as client:
        plan = await call(client, "plan_remediation", goal="rebuild", servers=["db-my-03"])
    assert "NOT started" in plan["summary"]
    tools = [step["tool"] for step in plan["steps"] if "tool" in step]
    assert tools == ["delete_migration_task", "create_migration_task"]
    assert "set them on the new task" in plan["steps"][-1]["does"]


async def test_a_task_that_is_gone_and_not_made_again_is_said_first(night: Night) -> None:
    night.sandbox.faults.add(Fault(Effect.STATUS, "create_migration_task", status=500))
    async with night.client() as client:
        plan = await call(client, "plan_remediation", goal="rebuild", servers=["db-my-03"])
        answer = await call(client, "apply_plan", plan_id=plan["plan_id"])
    assert results(answer)[:2] == ["done and seen", "failed"]
    assert answer["summary"].startswith("db-my-03 has NO MIGRATION TASK now")


@pytest.mark.parametrize(
    ("goal", "server", "says"),
    [
        ("rebuild", "web-04", "Only a failed server is rebuilt; it is syncing"),
        ("rebuild", "db-ora-01", "SMS.3802 does not need a new task"),
        ("retry_failed", "web-04", "It has not failed: it is syncing"),
        ("retry_failed", "db-ora-03", "has to be rebuilt"),
        ("resume_paused", "db-log-01", "would be paused again"),
        ("resume_paused", "web-04", "It is not paused"),
        ("cut_over", "db-ora-01", "Only continuous sync can be launched"),
        ("rehearse_cutover", "db-ora-01", "Only continuous sync can be cloned"),
        ("clean_up", "web-04", "Only what is finished is cleaned up"),
    ],
)
async def test_a_goal_that_does_not_fit_says_why(
    night: Night, goal: str, server: str, says: str
) -> None:
    assert says in await left_out(night, goal, server)


async def test_whether_a_new_task_is_needed_is_not_claimed_where_nobody_knows(
    night: Night,
) -> None:
    why = await left_out(night, "rebuild", "erp-02")
    assert "is not known" in why
    assert "does not need a new task" not in why


async def test_a_clone_is_made_from_the_template_that_a_person_names(night: Night) -> None:
    async with night.client() as client:
        other = list(night.sandbox.cloud.templates)[-1]
        plan = await call(
            client,
            "plan_remediation",
            goal="rehearse_cutover",
            servers=["web-04"],
            template_id=other,
        )
    assert plan["steps"][0]["arguments"]["template_id"] == other


async def test_a_place_that_one_server_gives_up_goes_to_the_next(night: Night) -> None:
    agent_came_back(night, "db-ora-03")
    async with night.client() as client:
        first = await call(client, "plan_remediation", goal="rebuild", batch=1)
        name = next(s["server"]["name"] for s in first["steps"] if "server" in s)
        replies(night, "show_source", has_no_sizes, only=name)
        plan = await call(client, "plan_remediation", goal="rebuild", batch=1)
    (other,) = {s["server"]["name"] for s in plan["steps"] if "server" in s}
    assert other != name


async def test_a_new_task_that_would_launch_by_itself_is_not_started(night: Night) -> None:
    create = night.sandbox.cloud.create_task

    def as_the_service_likes(*given: Any, **named: Any) -> Any:
        made = create(*given, **named)
        night.sandbox.cloud.tasks[task_of(night, "db-my-03")].syncing = False
        return made

    night.sandbox.cloud.create_task = as_the_service_likes  # type: ignore[method-assign]
    async with night.client() as client:
        plan = await call(client, "plan_remediation", goal="rebuild", servers=["db-my-03"])
        answer = await call(client, "apply_plan", plan_id=plan["plan_id"])
    assert results(answer) == ["done and seen", "done and seen", "skipped"]
    assert "after_copy" in str(answer["steps"][-1]["evidence"])
    assert "NOT STARTED" in answer["summary"]


async def test_a_failure_that_nobody_documents_is_tried_only_by_name(night: Night) -> None:
    async with night.client() as client:
        everything = await call(client, "plan_remediation")
        unknown = [row for row in everything["left_out"] if "Name the server to try" in row["why"]]
        assert unknown, "the scenario has failures that nobody documents"
        server = unknown[0]["server"]
        plan = await call(client, "plan_remediation", servers=[server["id"]])
    assert [s["server"]["id"] for s in plan["steps"] if "tool" in s] == [server["id"]]


async def test_a_failure_that_names_no_code_is_tried_only_by_name(night: Night) -> None:
    async with night.client() as client:
        chosen = (await call(client, "plan_remediation"))["steps"][-1]["server"]
        task = night.sandbox.cloud.tasks[task_of(night, chosen["name"])]
        assert task.failure
        task.failure = replace(task.failure, error_json="{}")
        night.clock.advance(60)
        everything = await call(client, "plan_remediation")
        why = {row["server"]["id"]: row["why"] for row in everything["left_out"]}
        assert "names no error" in why[chosen["id"]]
        plan = await call(client, "plan_remediation", servers=[chosen["id"]])
    assert [s["server"]["id"] for s in plan["steps"] if "tool" in s] == [chosen["id"]]


@pytest.mark.parametrize(
    ("goal", "server", "more"),
    [("clean_up", "web-01", {"soak_hours": 1}), ("rebuild", "db-ora-03", {})],
)
async def test_no_task_is_deleted_of_which_nobody_can_tell_whether_it_may_be(
    night: Night, goal: str, server: str, more: dict[str, Any]
) -> None:
    agent_came_back(night, "db-ora-03")
    source = night.sandbox.cloud.by_name(server)
    source.cycle, source.state = "checking", "cleared"  # a stage that goes with neither
    assert "delete_task is unknown now" in await left_out(night, goal, server, **more)
