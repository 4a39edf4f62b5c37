"""The board's data and its page, without a browser: who gets them, how large they are, what of."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.client.extension import ClientExtension
from mcp_types import TextResourceContents

from sms_tools.board.document import COLUMNS, MOST_BYTES, document_of
from sms_tools.board.page import MOST_BYTES as PAGE_BYTES
from sms_tools.board.page import page
from sms_tools.diagnosis import picture
from sms_tools.drawing import look
from sms_tools.fleet.reading import Fleet, Server
from sms_tools.knowledge import PHASES
from sms_tools.operations.source_servers import SourceServer
from sms_tools.server.apps import BOARD_URI, DATA, WITH_BOARD
from tests.server.world import ERAS, World, open_world

pytestmark = pytest.mark.anyio


class WithApps(ClientExtension):
    """What a client with MCP Apps declares."""

    identifier = "io.modelcontextprotocol/ui"

    def settings(self) -> dict[str, Any]:
        return {"mimeTypes": ["text/html;profile=mcp-app"]}


def client(world: World, era: str, *, apps: bool) -> Client:
    return Client(world.server, mode=era, extensions=[WithApps()] if apps else None)


@pytest.fixture(params=ERAS)
def era(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def test_the_four_tools_name_the_board_to_every_client(tmp_path: Path, era: str) -> None:
    async with open_world(tmp_path) as world:
        for apps in (True, False):
            async with client(world, era, apps=apps) as asking:
                tools = (await asking.list_tools()).tools
            named = {tool.name for tool in tools if tool.meta and "resourceUri" in tool.meta["ui"]}
            assert named == WITH_BOARD


async def test_only_a_client_with_apps_is_told_what_a_page_may_not_call(
    tmp_path: Path, era: str
) -> None:
    async with open_world(tmp_path) as world:
        async with client(world, era, apps=True) as asking:
            told = {tool.name: tool.meta for tool in (await asking.list_tools()).tools}
        async with client(world, era, apps=False) as asking:
            others = {tool.name: tool.meta for tool in (await asking.list_tools()).tools}
    for name in set(told) - WITH_BOARD:
        assert told[name] == {"ui": {"visibility": ["model"]}}, name
        assert others[name] is None


async def test_the_list_grows_by_less_than_two_per_cent(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world, client(world, "auto", apps=False) as asking:
        tools = [t.model_dump(by_alias=True, exclude_none=True) for t in await listed(asking)]
    bare = [{key: value for key, value in tool.items() if key != "_meta"} for tool in tools]
    assert len(json.dumps(tools)) < 1.02 * len(json.dumps(bare))


async def listed(asking: Client) -> list[Any]:
    return list((await asking.list_tools()).tools)


@pytest.mark.parametrize("tool", sorted(WITH_BOARD))
async def test_text_and_structured_content_are_the_same_with_and_without_apps(
    tmp_path: Path, era: str, tool: str
) -> None:
    said = {}
    for apps in (True, False):
        async with (
            open_world(tmp_path / str(apps)) as world,
            client(world, era, apps=apps) as asking,
        ):
            result = await asking.call_tool(tool, {})
            assert (DATA in (result.meta or {})) is apps
            said[apps] = (result.content, result.structured_content)
    assert said[True] == said[False]


async def test_every_server_is_a_row_and_what_was_not_read_is_null(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world, client(world, "auto", apps=True) as asking:
        result = await asking.call_tool("migration_overview", {})
    assert result.meta
    data = result.meta[DATA]
    assert data["columns"] == list(COLUMNS)
    assert len(data["rows"]) == data["count"] == 49
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in data["rows"]]
    assert {row["phase"] for row in rows} <= set(PHASES)
    assert any(row["total"] is None for row in rows)
    assert data["gates"] is None
    urgency = [picture.NEEDS.index(r["needs"]) if r["needs"] else 99 for r in rows]
    assert urgency == sorted(urgency)


async def test_the_data_of_a_large_fleet_is_bounded_and_says_what_is_left_out(
    tmp_path: Path,
) -> None:
    async with (
        open_world(tmp_path, scenario="large") as world,
        client(world, "auto", apps=True) as asking,
    ):
        result = await asking.call_tool("check_cutover_readiness", {})
    assert result.meta
    data = result.meta[DATA]
    size = len(json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode())
    assert size <= MOST_BYTES
    assert (len(data["rows"]) < data["count"]) is bool(data["left_out"])


def test_what_does_not_fit_is_left_out_from_the_least_urgent_end_and_said() -> None:
    servers = [
        Server(SourceServer(id=f"{n:036}", name=f"server-{n}-" + "x" * 60, state="error"))
        for n in range(12_000)
    ]
    subjects = [picture.Subject(server, needs=None) for server in servers]
    fleet = Fleet(servers, datetime(2026, 1, 1, tzinfo=UTC))
    data = document_of(picture.Picture("migration_overview", fleet, subjects))
    size = len(json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode())
    assert 0.98 * MOST_BYTES < size <= MOST_BYTES
    gone = data["count"] - len(data["rows"])
    assert gone > 1_000
    assert any(str(gone) in what for what in data["left_out"])
    assert data["rows"][0][0].startswith("server-0-")


async def test_the_page_is_served_as_the_specification_says(tmp_path: Path, era: str) -> None:
    async with open_world(tmp_path) as world, client(world, era, apps=True) as asking:
        found = next(r for r in (await asking.list_resources()).resources if r.uri == BOARD_URI)
        [contents] = (await asking.read_resource(BOARD_URI)).contents
    assert isinstance(contents, TextResourceContents)
    assert contents.mime_type == found.mime_type == "text/html;profile=mcp-app"
    assert contents.meta == found.meta
    assert contents.text == page()


def test_the_page_is_small_and_asks_nothing_of_a_network() -> None:
    text = page()
    assert len(text.encode()) <= PAGE_BYTES
    addresses = [each for each in text.split('"') if each.startswith(("http:", "https:", "//"))]
    known = ("http://www.w3.org/", "https://support.huaweicloud")
    assert all(address.startswith(known) for address in addresses)
    for word in ("fetch(", "XMLHttpRequest", "innerHTML", "eval(", "localStorage", "<link", "src="):
        assert word not in text, word


def test_every_word_of_the_picture_has_a_look() -> None:
    assert set(look.PHASES) == set(PHASES)
    assert set(look.NEEDS) == set(picture.NEEDS)


def test_nothing_of_the_board_is_loaded_at_start() -> None:
    code = (
        "import sys, sms_tools.server; "
        "print([m for m in sys.modules if m.startswith(('sms_tools.board', 'sms_tools.drawing'))])"
    )
    done = subprocess.run(  # noqa: S603 (our own interpreter)
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"
