"""Prompts as a client gets them, in both protocol eras."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from mcp import Client, MCPError

from sms_tools.guard import Policy
from sms_tools.sandbox import open_sandbox
from sms_tools.server import build_server, open_runtime
from sms_tools.settings import Settings

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["auto", "legacy"])
async def client(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Client]:
    settings = Settings.for_sandbox(state_dir=tmp_path / "state")
    transport = open_sandbox("mixed").transport()
    async with (
        open_runtime(settings, Policy(), transport=transport) as runtime,
        Client(build_server(runtime), mode=request.param) as client,
    ):
        yield client


async def test_every_prompt_is_listed_with_its_arguments(client: Client) -> None:
    prompts = {prompt.name: prompt for prompt in (await client.list_prompts()).prompts}
    assert len(prompts) == 13
    for prompt in prompts.values():
        assert prompt.title
        assert "language" in [argument.name for argument in prompt.arguments or ()]
    night = prompts["cutover-night"].arguments or []
    assert [(a.name, a.required) for a in night] == [
        ("project", True),
        ("deadline", False),
        ("language", False),
    ]


async def test_a_prompt_comes_rendered(client: Client) -> None:
    given = {"project": "Wave-1-Web", "language": "中文"}
    reply = await client.get_prompt("cutover-night", given)
    text = reply.messages[0].content.text  # type: ignore[union-attr]
    assert "完成 Wave-1-Web 的割接" in text
    assert "用中文与用户交流" in text


async def test_a_missing_argument_is_a_readable_error(client: Client) -> None:
    with pytest.raises(MCPError, match=r"cutover-night needs project\. It takes: project"):
        await client.get_prompt("cutover-night", {})


async def test_an_unknown_argument_is_a_readable_error(client: Client) -> None:
    with pytest.raises(MCPError, match="no argument wave"):
        await client.get_prompt("migration-status", {"wave": "1"})


async def test_an_argument_that_is_too_long_is_refused_and_not_cut(client: Client) -> None:
    ids = ",".join(["c9546b43-9f9d-4129-8a44-9ebe89d9bf02"] * 100)
    reply = await client.get_prompt("guided-remediation", {"goal": "retry_failed", "servers": ids})
    assert ids in reply.messages[0].content.text  # type: ignore[union-attr]
    with pytest.raises(MCPError, match="servers is longer than 4000 characters"):
        await client.get_prompt("guided-remediation", {"goal": "x", "servers": ids + ids})
