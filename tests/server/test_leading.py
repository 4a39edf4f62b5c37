"""Every refusal leads on: it has the next call with its arguments, and that call works."""

import json
from typing import Any

import pytest

from sms_tools.guard.policy import Policy
from sms_tools.server import build_server

from .world import Person, World, open_world, status_of

pytestmark = pytest.mark.anyio

GONE = "00000000-0000-4000-8000-000000000000"
SEGMENT = {"start": "00:00", "end": "23:59", "speed": 50}


def next_call(result: Any) -> dict[str, Any]:
    """The first call that a result proposes."""
    document = result.structured_content or {}
    calls = [document.get("corrected_call"), *document.get("suggested_actions", [])]
    found: dict[str, Any] = next((call for call in calls if call), {})
    return found


@pytest.mark.parametrize(
    ("tool", "arguments", "leads_to"),
    [
        ("get_source_server", {"source_id": GONE}, "list_source_servers"),
        ("get_migration_task", {"task_id": GONE}, None),
        ("get_consistency_results", {"task_id": GONE}, "list_migration_tasks"),
        ("get_template", {"template_id": GONE}, "list_templates"),
        ("get_migration_project", {"mig_project_id": GONE}, "list_migration_projects"),
        ("get_migration_rate_limits", {"task_id": "db-my-01"}, None),
        ("manage_migration_task", {"operation": "start"}, "list_migration_tasks"),
        ("manage_migration_task", {"task_id": "your_task_id", "operation": "stop"}, None),
        ("update_source_server", {"source_id": "web-03", "name": "x"}, "update_source_server"),
        ("diagnose_server", {"server": "your_server"}, "list_source_servers"),
        ("diagnose_server", {}, "list_source_servers"),
        ("summarize_progress", {"servers": ["<server>"]}, "summarize_progress"),
        ("summarize_progress", {"project": "wave1"}, "summarize_progress"),
        ("summarize_progress", {"deadline": "2025-01-01T00:00:00Z"}, "summarize_progress"),
        ("summarize_progress", {"deadline": "tonight 22:00"}, "summarize_progress"),
        ("schedule_wave", {"windows": ["22-6"]}, "schedule_wave"),
        ("what_changed", {"since": "2031-01-01T00:00:00Z"}, "what_changed"),
        ("explain_error_code", {"code": "hello"}, "summarize_failed_servers"),
        ("export_report", {"kind": "pdf"}, "export_report"),
        ("plan_remediation", {"goal": "cut_over"}, "check_cutover_readiness"),
        ("apply_plan", {"plan_id": "nope"}, "migration_overview"),
        ("clean_up", {}, "plan_remediation"),
        ("resume_paused", {}, "plan_remediation"),
        ("collect_logs", {"task_id": GONE}, "upload_migration_task_logs"),
    ],
)
async def test_a_refusal_has_a_next_call(
    world: World, tool: str, arguments: dict[str, Any], leads_to: str | None
) -> None:
    async with world.client("auto") as client:
        result = await client.call_tool(tool, arguments)
        document = result.structured_content or {}
        if not result.is_error:
            pytest.fail(f"{tool} took {arguments}: {document}")
        call = next_call(result)
        assert call, document
        assert leads_to in (None, call["tool"])
        assert {"tool": call["tool"], "arguments": call["arguments"]} != {
            "tool": tool,
            "arguments": arguments,
        }
        if call["tool"].startswith(("list_", "get_", "summarize_", "migration_", "what_")):
            followed = await client.call_tool(call["tool"], call["arguments"])
            assert not followed.is_error, followed.content


async def task_of(client: Any, state: str) -> str:
    page = await client.call_tool("list_migration_tasks", {"state": state})
    return str(page.structured_content["tasks"][0]["id"])


async def test_what_the_state_forbids_says_what_to_call_first(world: World) -> None:
    async with world.client("auto") as client:
        task = await task_of(client, "SYNCING")
        result = await client.call_tool("delete_migration_task", {"task_id": task})
    assert status_of(result) == "blocked"
    actions = (result.structured_content or {})["suggested_actions"]
    assert actions[0]["tool"] == "manage_migration_task"
    assert actions[0]["arguments"] == {"task_id": task, "operation": "stop"}
    assert actions[1]["tool"] == "get_migration_task"


async def test_a_no_is_followed_by_a_look_and_not_by_the_same_call(world: World) -> None:
    async with world.client("auto", Person("decline")) as client:
        task = await task_of(client, "MIGRATE_FAIL")
        result = await client.call_tool("delete_migration_task", {"task_id": task})
    assert status_of(result) == "declined"
    assert next_call(result)["tool"] == "get_migration_task"


async def test_read_only_leads_on_to_reads_alone(tmp_path: Any) -> None:
    read_only = open_world(tmp_path, policy=Policy(read_only=True))
    async with read_only as world, world.client("auto") as client:
        task = await task_of(client, "SYNCING")
        result = await client.call_tool("delete_migration_task", {"task_id": task})
    assert status_of(result) == "blocked"
    actions = (result.structured_content or {})["suggested_actions"]
    assert [each["tool"] for each in actions] == ["get_migration_task"]


async def test_the_short_list_leads_on_by_what_it_has(world: World) -> None:
    async with world.client("auto", server=build_server(world.runtime, "guided")) as client:
        asked = {"name": "get_template", "arguments": {"template_id": GONE}}
        result = await client.call_tool("run_operation", asked)
    call = next_call(result)
    assert call["tool"] == "run_operation"
    assert call["arguments"]["name"] == "list_templates"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"start": "00:00", "end": "23:59", "speed": 50}, "start: unknown argument; it belongs in"),
        ({"speed_limit": [{**SEGMENT, "from": "08:00"}]}, "did you mean start?"),
    ],
)
async def test_an_argument_at_the_wrong_level_is_told_where_it_belongs(
    world: World, arguments: dict[str, Any], said: str
) -> None:
    async with world.client("auto") as client:
        result = await client.call_tool(
            "set_migration_rate_limits", {"task_id": "db-my-01", **arguments}
        )
    assert status_of(result) == "invalid_arguments"
    assert said in (result.structured_content or {})["summary"]
    assert world.service.arrived == []


async def test_a_wave_that_is_not_there_leads_to_the_waves(world: World) -> None:
    async with world.client("auto") as client:
        result = await client.call_tool("get_migration_project", {"mig_project_id": "wave1"})
    assert next_call(result) == {"tool": "list_migration_projects", "arguments": {}}


async def test_a_clone_without_a_template_leads_to_the_templates(world: World) -> None:
    async with world.client("auto", Person()) as client:
        read = await client.call_tool("get_migration_task", {"task_id": "crm-01"})
        task = (read.structured_content or {})["id"]
        result = await client.call_tool(
            "manage_migration_task", {"task_id": task, "operation": "clone_test"}
        )
    assert status_of(result) == "blocked"
    assert next_call(result)["tool"] == "list_templates"


async def test_arguments_given_as_text_are_led_on_in_the_short_list_too(world: World) -> None:
    server = build_server(world.runtime, "guided")
    async with world.client("auto", Person(action="decline"), server=server) as client:
        read = await client.call_tool(
            "run_operation", {"name": "get_migration_task", "arguments": '{"task_id": "crm-01"}'}
        )
        given = json.dumps({"task_id": (read.structured_content or {})["id"]})
        result = await client.call_tool(
            "run_operation", {"name": "unlock_target_server", "arguments": given}
        )
    assert status_of(result) == "declined"
    call = next_call(result)["arguments"]
    assert call["name"] == "get_migration_task"
    assert json.loads(call["arguments"]) == json.loads(given)


async def test_a_plan_whose_deadline_is_over_leads_to_the_question_before_it(world: World) -> None:
    async with world.client("auto") as client:
        result = await client.call_tool(
            "plan_remediation", {"goal": "cut_over", "deadline": "2025-01-01T00:00:00Z"}
        )
    assert status_of(result) == "invalid_arguments"
    assert next_call(result)["tool"] == "check_cutover_readiness"


async def test_a_guess_ends_with_its_question_mark(world: World) -> None:
    async with world.client("auto") as client:
        result = await client.call_tool("list_source_servers", {"project": "x"})
    said = (result.structured_content or {})["summary"]
    assert "did you mean migproject or enterprise_project_id? It takes" in said


async def test_a_limit_over_midnight_is_shown_as_its_two_segments(world: World) -> None:
    night = {**SEGMENT, "start": "20:00", "end": "08:00"}
    async with world.client("auto") as client:
        result = await client.call_tool(
            "set_migration_rate_limits", {"task_id": GONE, "speed_limit": [night]}
        )
    said = (result.structured_content or {})["summary"]
    assert '"start": "20:00", "end": "23:59"' in said
    assert '"start": "00:00", "end": "08:00"' in said
    assert world.service.arrived == []
