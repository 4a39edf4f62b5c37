"""The short list: everything is within reach, and no way around what the guard holds."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from mcp_types import CallToolResult

from bench.tool_choice import questions
from sms_tools.guard import Policy
from sms_tools.operations import CATALOGUE
from sms_tools.server import build_server
from sms_tools.server.offer import offered_tools
from sms_tools.server.search import search

from .dangerous import project, source
from .world import Person, World, everything_in, open_world, status_of

pytestmark = pytest.mark.anyio

SHAPES = {tool.name: tool.parameters for tool in offered_tools("guided")}
LISTED = set(SHAPES)
EVERY = {tool.name for tool in offered_tools()}


async def call(
    world: World, era: str, tool: str, arguments: dict[str, Any], person: Person | None = None
) -> CallToolResult:
    server = build_server(world.runtime, "guided")
    async with world.client(era, person, server=server) as client:
        return await client.call_tool(tool, arguments)


async def run(world: World, era: str, name: str, arguments: Any, **more: Any) -> CallToolResult:
    return await call(world, era, "run_operation", {"name": name, "arguments": arguments}, **more)


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("exclude a folder from the copy", "configure_migration_options"),
        ("the target is locked", "unlock_target_server"),
        ("move a host to another wave", "update_source_server"),
        ("firewall rules of the subnet", "check_network_acl"),
        ("collect logs for support", "upload_migration_task_logs"),
        ("删除模板", "delete_template"),
        ("排除目录", "configure_migration_options"),
        ("目标端解锁", "unlock_target_server"),
    ],
)
async def test_words_find_an_operation_with_what_it_needs(
    world: World, era: str, words: str, wanted: str
) -> None:
    result = await call(world, era, "find_operation", {"query": words})
    found = (result.structured_content or {})["operations"]
    names = [row["name"] for row in found]
    assert wanted in names[:3]
    row = found[names.index(wanted)]
    assert row["schema"]["properties"]
    assert row["kind"]
    assert row["call"]["tool"] == "run_operation"
    assert row["call"]["arguments"]["name"] == wanted
    assert world.service.arrived == []


async def test_words_that_mean_nothing_find_nothing(world: World, era: str) -> None:
    result = await call(world, era, "find_operation", {"query": "xyzzy"})
    assert (result.structured_content or {})["operations"] == []


@pytest.mark.parametrize("language", ["English", "Chinese"])
def test_nine_of_ten_questions_of_people_find_a_right_tool_among_the_first_five(
    language: str,
) -> None:
    every = offered_tools()
    asked = [each for each in questions() if each.language == language]
    missed = [
        each.words
        for each in asked
        if not each.answers & {hit.name for hit in search(each.words, every, 5)}
    ]
    assert len(asked) > 60
    assert len(missed) <= len(asked) / 10, missed


def test_every_operation_is_found_by_its_name() -> None:
    every = offered_tools()
    for name in CATALOGUE:
        assert name in [hit.name for hit in search(name.replace("_", " "), every, 3)], name


@pytest.mark.parametrize("as_text", [False, True])
async def test_an_operation_that_is_not_listed_is_run(
    world: World, era: str, as_text: bool
) -> None:
    assert "list_templates" not in LISTED
    arguments: Any = {"limit": "2"}
    result = await run(
        world, era, "list_templates", json.dumps(arguments) if as_text else arguments
    )
    assert not result.is_error
    assert len((result.structured_content or {})["templates"]) == 2


async def test_it_is_validated_as_the_operation_itself(world: World, era: str) -> None:
    result = await run(world, era, "list_templates", {"colour": "red"})
    assert status_of(result) == "invalid_arguments"
    assert "list_templates" in everything_in(result)
    assert world.service.arrived == []


async def test_it_is_held_shown_and_audited_as_the_operation_itself(world: World, era: str) -> None:
    spare = project(world.cloud, "spare-1")
    result = await run(world, era, "delete_migration_project", {"mig_project_id": spare})
    assert status_of(result) == "approval_required"
    assert "spare-1" in everything_in(result)
    assert world.service.changing == []
    entries = list(await world.runtime.guard.audit.read(last=5))
    assert "delete_migration_project" in json.dumps(entries)
    assert "run_operation" not in json.dumps(entries)


async def test_a_person_agrees_once_to_what_it_runs(world: World, era: str) -> None:
    spare = project(world.cloud, "spare-1")
    person = Person()
    result = await run(
        world, era, "delete_migration_project", {"mig_project_id": spare}, person=person
    )
    assert status_of(result) == "done", result.content
    assert world.service.changing == ["delete_migration_project"]
    assert "spare-1" in person.read[0]


async def test_it_is_refused_where_the_operation_is(tmp_path: Path, era: str) -> None:
    async with open_world(tmp_path, policy=Policy(read_only=True)) as world:
        result = await run(world, era, "delete_template", {"template_id": "t"})
        assert status_of(result) == "blocked"
        assert world.service.changing == []


async def test_an_operation_that_does_not_exist_names_its_neighbours(
    world: World, era: str
) -> None:
    result = await run(world, era, "delete_templat", {})
    assert result.is_error
    assert "delete_template" in everything_in(result)


async def test_an_unlisted_tool_is_said_to_exist_with_the_call_that_reaches_it(
    world: World, era: str
) -> None:
    result = await call(world, era, "list_templates", {"limit": 1})
    found = result.structured_content or {}
    assert result.is_error
    assert "exists" in found["summary"]
    corrected = found["corrected_call"]
    again = await call(world, era, corrected["tool"], corrected["arguments"])
    assert not again.is_error


async def test_what_is_suggested_works_with_what_is_listed(world: World, era: str) -> None:
    """Every composite's suggestions, followed once, in the short list."""
    followed = 0
    for tool in offered_tools("guided"):
        if tool.role != "question":
            continue
        arguments = {"code": "SMS.0515", "server": "db-ora-01", "timeout_seconds": 1}
        given = {k: v for k, v in arguments.items() if k in tool.parameters["properties"]}
        result = await call(world, era, tool.name, given)
        for action in (result.structured_content or {})["suggested_actions"]:
            assert action["tool"] in LISTED, (tool.name, action)
            shape = SHAPES[action["tool"]]
            Draft202012Validator(shape).validate(action["arguments"])
            if action["destructive"]:
                continue
            if action["tool"] == "wait_for_progress":
                action["arguments"]["timeout_seconds"] = 1
            again = await call(world, era, action["tool"], action["arguments"])
            assert status_of(again) not in ("invalid_arguments", "unknown_tool", "not_offered")
            followed += 1
    assert followed


async def test_a_description_that_names_an_unlisted_tool_says_how_it_is_reached(
    world: World,
) -> None:
    async with world.client("auto", server=build_server(world.runtime, "guided")) as client:
        tools = (await client.list_tools()).tools
        assert "find_operation" in (client.instructions or "")
    for tool in tools:
        if tool.name in ("run_operation", "find_operation"):
            continue
        named = {name for name in EVERY - LISTED if f"{name}" in (tool.description or "").split()}
        text = tool.description or ""
        for name in named:
            assert name in text.partition("By run_operation:")[2], (tool.name, name)


@pytest.mark.parametrize(
    ("name", "arguments", "tool", "wanted"),
    [
        ("clean_up", {}, "plan_remediation", {"goal": "clean_up"}),
        ("resume_paused", {"servers": ["web-01"]}, "plan_remediation", {"goal": "resume_paused"}),
        ("network_check", {"task_id": "t"}, "manage_migration_task", {"task_id": "t"}),
        ("collect_logs", {"task_id": "t"}, "upload_migration_task_logs", {"task_id": "t"}),
        ("fix_rate_window", {}, "plan_remediation", {"goal": "fix_rate_window"}),
        (
            "collect_logs",
            {"servers": ["web-01"]},
            "upload_migration_task_logs",
            {"task_id": "web-01"},
        ),
        (
            "pause_migration_task",
            {"server": "web-01"},
            "manage_migration_task",
            {"operation": "stop"},
        ),
        ("start_task", {"task_id": "t"}, "manage_migration_task", {"operation": "start"}),
        ("test", {"task_id": "t"}, "manage_migration_task", {"operation": "clone_test"}),
        ("rollback_migration", {}, "plan_remediation", {"goal": "back_out"}),
        ("get_server", {"server": "web-01"}, "get_source_server", {"source_id": "web-01"}),
    ],
)
async def test_a_goal_or_an_action_called_as_a_tool_is_told_the_call_that_was_meant(
    world: World, era: str, name: str, arguments: dict[str, Any], tool: str, wanted: dict[str, Any]
) -> None:
    async with world.client(era) as client:
        result = await client.call_tool(name, arguments)
    assert result.is_error
    call = (result.structured_content or {})["corrected_call"]
    assert call["tool"] == tool
    assert wanted.items() <= call["arguments"].items()
    assert tool in (result.structured_content or {})["summary"]
    assert world.service.arrived == []


@pytest.mark.parametrize("tool", ["collect_logs", "unlock_target"])
async def test_the_short_list_leads_a_wrong_name_to_what_only_run_operation_reaches(
    world: World, era: str, tool: str
) -> None:
    result = await call(world, era, tool, {"task_id": "t", "invented": 1})
    meant = (result.structured_content or {})["corrected_call"]
    assert meant["tool"] == "run_operation"
    assert meant["arguments"]["name"] in EVERY - LISTED
    assert json.loads(meant["arguments"]["arguments"]) == {"task_id": "t"}


@pytest.mark.parametrize("tool", ["pause", "collect_logs", "start_task"])
async def test_read_only_leads_no_wrong_name_to_a_change(
    tmp_path: Path, era: str, tool: str
) -> None:
    policy = Policy(read_only=True)
    async with open_world(tmp_path, policy=policy) as world, world.client(era) as client:
        result = await client.call_tool(tool, {"task_id": "t"})
    assert status_of(result) == "unknown_tool"
    assert "corrected_call" not in (result.structured_content or {})


async def test_a_name_in_a_call_that_is_barred_is_blocked_and_leads_to_no_change(
    tmp_path: Path, era: str
) -> None:
    policy = Policy(read_only=True)
    call = {"task_id": "crm-01", "operation": "stop"}
    async with open_world(tmp_path, policy=policy) as world, world.client(era) as client:
        result = await client.call_tool("manage_migration_task", call)
    assert status_of(result) == "blocked"
    said = (result.structured_content or {})["summary"]
    assert said.startswith("Blocked: the server was started read-only. Nothing has been done")
    assert "corrected_call" not in (result.structured_content or {})


async def test_read_only_suggests_nothing_that_changes_anything(tmp_path: Path, era: str) -> None:
    kinds = {tool.name: tool.kind for tool in offered_tools()}
    policy = Policy(read_only=True)
    async with open_world(tmp_path, policy=policy) as world, world.client(era) as client:
        assert (client.instructions or "").startswith("This server was started read-only")
        for tool in offered_tools():
            if tool.role != "question":
                continue
            arguments = {"code": "SMS.0515", "server": "db-ora-01", "timeout_seconds": 1}
            given = {k: v for k, v in arguments.items() if k in tool.parameters["properties"]}
            result = await client.call_tool(tool.name, given)
            for action in (result.structured_content or {})["suggested_actions"]:
                assert kinds[action["tool"]] == "read", (tool.name, action)


async def test_a_server_s_source_is_found_by_its_name_through_run_operation(
    world: World, era: str
) -> None:
    result = await run(world, era, "get_migration_options", {"task_id": "web-01"})
    assert "web-01 is a server; its task is" in everything_in(result)
    assert source(world.cloud, "web-01")


@pytest.mark.parametrize("text", ["[" * 20_000, '{"a":' * 20_000, "{", "null"])
async def test_text_that_is_no_object_of_arguments_is_answered(
    world: World, era: str, text: str
) -> None:
    answer = await run(world, era, "get_source_server_overview", text)
    assert answer.is_error
    assert status_of(answer) == "invalid_arguments"
