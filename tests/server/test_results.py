"""Every structured result keeps to the output schema, errors and held calls included."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from mcp import Client
from mcp_types import CallToolResult

from sms_tools.guard import Policy
from sms_tools.server.offer import Offered, offered_tools
from sms_tools.server.results import output_schema

from .world import Person, World, open_world

pytestmark = pytest.mark.anyio

COMPOSITE = [tool for tool in offered_tools() if tool.role in ("question", "plan")]
ARGUMENTS = {
    "code": "SMS.0515",
    "server": "db-ora-01",
    "timeout_seconds": 1,
    "plan_id": "P-none",
    "line_mbit_s": 400,
}
TOOLS = {tool.name: tool for tool in COMPOSITE}
every_composite = pytest.mark.parametrize("tool", COMPOSITE, ids=lambda tool: str(tool.name))


@pytest.fixture(params=["mixed", "healthy", "new-fleet"])
async def place(request: Any, tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path, scenario=request.param) as world:
        yield world


def checked(tool: Offered, result: CallToolResult) -> dict[str, Any]:
    shown = result.structured_content
    assert shown is not None
    assert tool.returns is not None
    Draft202012Validator(tool.returns).validate(shown)
    assert json.loads(getattr(result.content[0], "text", "")) == shown
    assert shown["summary"]
    return dict(shown)


def given(tool: Offered, **more: Any) -> dict[str, Any]:
    known = tool.parameters["properties"]
    return {k: v for k, v in {**ARGUMENTS, **more}.items() if k in known}


@every_composite
def test_a_schema_is_small_open_and_names_the_summary(tool: Offered) -> None:
    schema = tool.returns
    assert schema == output_schema(tool.name)
    Draft202012Validator.check_schema(schema)
    assert len(json.dumps(schema, ensure_ascii=False).encode()) <= 1_500
    assert schema["required"] == ["summary"]
    assert "additionalProperties" not in schema


@every_composite
async def test_a_schema_is_published(world: World, tool: Offered) -> None:
    async with world.client("auto") as client:
        tools = {each.name: each for each in (await client.list_tools()).tools}
    assert tools[tool.name].output_schema == tool.returns


@every_composite
async def test_an_answer_keeps_to_it(place: World, tool: Offered) -> None:
    async with place.client("auto") as client:
        checked(tool, await client.call_tool(tool.name, given(tool)))
        checked(tool, await client.call_tool(tool.name, given(tool, detail="full")))


@every_composite
async def test_an_error_keeps_to_it(world: World, tool: Offered, era: str) -> None:
    async with world.client(era) as client:
        result = await client.call_tool(tool.name, {"no_such_argument": 1})
        assert checked(tool, result)["status"] == "invalid_arguments"
        if "servers" in tool.parameters["properties"]:
            result = await client.call_tool(tool.name, given(tool, servers=["no-such-server"]))
            assert checked(tool, result)["status"] == "error"


@pytest.mark.parametrize("goal", ["retry_failed", "clean_up"])
async def test_plans_keep_to_it_held_declined_blocked_and_done(
    tmp_path: Path, era: str, goal: str
) -> None:
    async def planned(client: Client) -> str:
        more = {"soak_hours": 0} if goal == "clean_up" else {}
        result = await client.call_tool("plan_remediation", {"goal": goal, **more})
        return str(checked(TOOLS["plan_remediation"], result)["plan_id"])

    async def applied(client: Client) -> dict[str, Any]:
        result = await client.call_tool("apply_plan", {"plan_id": await planned(client)})
        return checked(TOOLS["apply_plan"], result)

    async with open_world(tmp_path / "a") as world:
        async with world.client(era) as client:
            assert (await applied(client))["status"] == "approval_required"
        async with world.client(era, Person(action="decline")) as client:
            assert (await applied(client))["status"] == "declined"
    policy = Policy(read_only=True)
    async with open_world(tmp_path / "b", policy=policy) as world, world.client(era) as client:
        assert (await applied(client))["status"] == "blocked"
