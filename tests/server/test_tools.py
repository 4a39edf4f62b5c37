"""How a tool takes its arguments and words its errors, in both eras."""

from typing import Any

import pytest
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolResult

from sms_tools.operations import CATALOGUE

from .dangerous import source
from .world import World, everything_in, status_of

pytestmark = pytest.mark.anyio


async def call(world: World, era: str, tool: str, **arguments: Any) -> CallToolResult:
    async with world.client(era) as client:
        return await client.call_tool(tool, arguments)


async def test_an_unknown_argument_is_refused_with_the_known_ones(world: World, era: str) -> None:
    result = await call(world, era, "list_source_servers", colour="red")
    assert result.is_error
    assert result.structured_content
    assert result.structured_content["status"] == "invalid_arguments"
    assert "colour" in result.structured_content["summary"]
    assert "migproject" in result.structured_content["known_arguments"]
    assert "red" not in everything_in(result)
    assert world.service.arrived == []


async def test_every_tool_refuses_unknown_arguments(world: World, era: str) -> None:
    async with world.client(era) as client:
        for tool in (await client.list_tools()).tools:
            result = await client.call_tool(tool.name, {"no_such_argument": 1})
            assert status_of(result) == "invalid_arguments", tool.name
    assert world.service.arrived == []


async def test_numbers_may_come_as_text(world: World, era: str) -> None:
    result = await call(world, era, "list_source_servers", limit="2")
    assert result.structured_content
    assert len(result.structured_content["source_servers"]) == 2


async def test_a_value_out_of_range_never_leaves(world: World, era: str) -> None:
    result = await call(world, era, "list_source_servers", offset=100_000)
    assert status_of(result) == "invalid_arguments"
    assert world.service.arrived == []


async def test_what_is_not_there_is_an_error_that_says_what_helps(world: World, era: str) -> None:
    result = await call(world, era, "get_migration_task", task_id="none-of-this-id")
    assert result.is_error
    error = result.structured_content
    assert error
    assert error["error_code"] == "SMS.7703"
    assert error["request_id"]
    assert "list_migration_tasks" in error["what_to_do"]


async def test_a_dangerous_call_on_what_is_not_there_asks_nobody(world: World, era: str) -> None:
    result = await call(world, era, "delete_migration_task", task_id="none-of-this-id")
    assert result.is_error
    assert await world.runtime.guard.approvals.waiting() == []


async def test_an_impossible_call_asks_nobody(world: World, era: str) -> None:
    result = await call(world, era, "delete_source_server", source_id=source(world.cloud, "web-08"))
    assert result.structured_content
    assert result.structured_content["status"] == "blocked"
    assert result.structured_content["blocked_by"] == "state"
    assert await world.runtime.guard.approvals.waiting() == []


async def test_an_unknown_tool_is_named_in_the_error(world: World, era: str) -> None:
    said = await _error_of(world, era, "delete_everything")
    assert "delete_everything" in said
    assert "Traceback" not in said
    assert "list_templates" in await _error_of(world, era, "list_template")


async def _error_of(world: World, era: str, tool: str) -> str:
    try:
        result = await call(world, era, tool)
    except MCPError as error:
        return str(error)
    assert result.is_error
    return everything_in(result)


async def test_an_unknown_prompt_is_named_in_the_error(world: World, era: str) -> None:
    async with world.client(era) as client:
        with pytest.raises(MCPError, match="no-such-prompt"):
            await client.get_prompt("no-such-prompt")


async def test_a_change_says_what_was_seen_afterwards(world: World, era: str) -> None:
    result = await call(
        world,
        era,
        "update_source_server",
        source_id=source(world.cloud, "web-03"),
        name="web-03-new",
    )
    assert result.structured_content
    assert result.structured_content["status"] == "done"
    assert result.structured_content["seen_afterwards"]["name"] == "web-03-new"


async def test_the_instructions_name_tools_that_exist(world: World, era: str) -> None:
    async with world.client(era) as client:
        words = (client.instructions or "").replace(",", " ").replace(".", " ").split()
        names = {tool.name for tool in (await client.list_tools()).tools}
    named = {word for word in words if "_" in word and word != "approval_required"}
    assert named
    assert named <= names
    assert set(CATALOGUE) <= names
