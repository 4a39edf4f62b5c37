"""Raw lists fit into a conversation, and nothing is lost on the way."""

import json
from typing import Any

import pytest

from sms_tools.operations.source_servers import ListSourceServers
from sms_tools.server.pages import PAGE, fitted, paged

from .world import World, everything_in

pytestmark = pytest.mark.anyio

LISTS = {
    "list_source_servers": "source_servers",
    "list_migration_tasks": "tasks",
    "list_templates": "templates",
    "list_migration_projects": "migprojects",
    "list_failed_source_servers": "migration_errors",
}


async def read(world: World, era: str, tool: str, **arguments: Any) -> dict[str, Any]:
    async with world.client(era) as client:
        result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    text = getattr(result.content[0], "text", "")
    assert json.loads(text) == result.structured_content
    return {**(result.structured_content or {}), "bytes": len(text.encode())}


@pytest.mark.parametrize("tool", ["list_source_servers", "list_migration_tasks"])
async def test_a_page_fits_and_following_it_gives_every_record_once(
    world: World, era: str, tool: str
) -> None:
    key, seen, offset, pages = LISTS[tool], [], 0, 0
    while True:
        page = await read(world, era, tool, **({"offset": offset} if offset else {}))
        assert page["bytes"] <= 25_000
        seen += [record["id"] for record in page[key]]
        pages += 1
        rest = [each for each in page.get("omitted", []) if each["what"] == key]
        if not rest:
            break
        assert rest[0]["left_out"] == page["count"] - len(seen)
        offset = int(rest[0]["how"].partition("offset=")[2].split()[0])
    assert pages > 1
    assert len(seen) == len(set(seen)) == page["count"]


@pytest.mark.parametrize("tool", LISTS)
async def test_a_limit_that_is_named_is_kept(world: World, era: str, tool: str) -> None:
    page = await read(world, era, tool, limit=1)
    assert len(page[LISTS[tool]]) == 1


async def test_a_limit_above_the_maximum_is_brought_down_and_said(world: World, era: str) -> None:
    page = await read(world, era, "list_source_servers", limit=1000)
    assert len(page["source_servers"]) == page["count"] == 49
    assert "200 was used instead of 1000" in page["notes"][0]


async def test_checks_that_passed_are_counted_and_the_others_shown(world: World, era: str) -> None:
    page = await read(world, era, "list_source_servers", limit=200)
    shown = [check for server in page["source_servers"] for check in server["checks"]]
    assert shown
    assert all(check["result"] != "OK" for check in shown)
    passed = sum(server["checks_passed"] for server in page["source_servers"])
    told = next(each for each in page["omitted"] if each["what"] == "checks that passed")
    assert told["left_out"] == passed > 0
    assert "get_source_server" in told["how"]


def test_200_large_records_come_in_pages_that_fit() -> None:
    record = {"id": "x", "name": "n" * 2_000, "checks": [{"result": "OK"}] * 20}
    call = paged(ListSourceServers())
    assert call.limit == PAGE
    whole = fitted(call, {"count": 200, "source_servers": [record] * PAGE}, ours=True)
    assert len(json.dumps(whole)) <= 25_000
    assert whole["omitted"][0]["left_out"] == 200 - len(whole["source_servers"])


async def test_an_empty_success_says_what_succeeded(world: World, era: str) -> None:
    async with world.client(era) as client:
        result = await client.call_tool(
            "check_network_acl",
            {
                "target_project_id": "p",
                "target_network_id": "n",
                "os_type": "LINUX",
                "region_id": "ap-southeast-3",
            },
        )
    assert "let a migration through" in everything_in(result)
