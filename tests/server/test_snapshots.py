"""What clients are told of every tool: one snapshot each, within a budget, in a fixed order.

``pytest tests/server/test_snapshots.py --update-snapshots`` writes them anew; the difference is
for a person to read.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from mcp_types import Tool

from sms_tools.errors import SettingsError
from sms_tools.operation import Kind
from sms_tools.operations import CATALOGUE
from sms_tools.server import build_server, listing
from sms_tools.server.offer import GUIDED, LISTING, Offered, offered_tools

from .world import World

pytestmark = pytest.mark.anyio

SNAPSHOTS = Path(__file__).parents[1] / "snapshots"
OFFERED = {tool.name: tool for tool in offered_tools()}
COMPOSITE = [name for name, tool in OFFERED.items() if tool.role != "operation"]


async def served(world: World, era: str, tools: str = "all") -> list[Tool]:
    server = build_server(world.runtime, tools)
    async with world.client(era, server=server) as client:
        return (await client.list_tools()).tools


def shown(tool: Tool) -> dict[str, Any]:
    return tool.model_dump(mode="json", by_alias=True, exclude_none=True)


def test_the_listing_is_what_the_classes_say() -> None:
    written = Path(listing.__file__).with_name(LISTING).read_text(encoding="utf-8")
    assert written == listing.written(), "run python -m sms_tools.server.listing"


async def test_every_tool_is_as_its_snapshot(
    world: World, era: str, request: pytest.FixtureRequest
) -> None:
    tools = {tool.name: shown(tool) for tool in await served(world, era)}
    if request.config.getoption("--update-snapshots"):
        SNAPSHOTS.mkdir(exist_ok=True)
        for old in SNAPSHOTS.glob("*.json"):
            old.unlink()
        for name, tool in tools.items():
            text = json.dumps(tool, ensure_ascii=False, indent=2) + "\n"
            (SNAPSHOTS / f"{name}.json").write_text(text, encoding="utf-8")
    kept = {
        path.stem: json.loads(path.read_text(encoding="utf-8")) for path in SNAPSHOTS.glob("*.json")
    }
    assert sorted(kept) == sorted(tools)
    for name, tool in tools.items():
        assert tool == kept[name], f"{name} differs; --update-snapshots writes it anew"


async def test_the_order_is_the_listings_in_both_eras(world: World, era: str) -> None:
    assert [tool.name for tool in await served(world, era)] == list(OFFERED)


async def test_the_catalogue_fits_its_budget() -> None:
    operations = sum(tool.size for tool in OFFERED.values() if tool.role == "operation")
    assert operations <= 62_000
    assert sum(tool.size for tool in OFFERED.values()) <= 80_000


async def test_the_guided_selection_is_small(world: World) -> None:
    tools = await served(world, "auto", "guided")
    assert {tool.name for tool in tools} == {
        *COMPOSITE,
        *GUIDED,
        "find_operation",
        "run_operation",
    }
    assert len(tools) <= 25
    shown = [(tool.name, tool.description or "", tool.input_schema) for tool in tools]
    whole = json.dumps(shown, ensure_ascii=False, separators=(",", ":"))
    assert len(whole.encode()) <= 25_000
    assert sum(tool.size for tool in offered_tools("guided")) <= 25_000


async def test_all_documented_operations_and_composites_are_listed(world: World) -> None:
    names = {tool.name for tool in await served(world, "auto")}
    assert set(CATALOGUE) < names
    assert len(CATALOGUE) == 51
    assert names - set(CATALOGUE) == {
        "assess_sources",
        "schedule_wave",
        "summarize_failed_servers",
        "summarize_consistency_results",
        "summarize_progress",
        "migration_overview",
        "diagnose_server",
        "check_cutover_readiness",
        "explain_error_code",
        "what_changed",
        "find_cleanup_candidates",
        "check_network_paths",
        "export_report",
        "wait_for_progress",
        "plan_remediation",
        "plan_migration",
        "apply_plan",
    }


async def test_areas_select_tools(world: World) -> None:
    areas = {tool.area for tool in OFFERED.values()}
    for area in areas:
        expected = [tool.name for tool in OFFERED.values() if tool.area == area]
        assert [tool.name for tool in await served(world, "auto", area)] == expected


def test_an_unknown_area_names_the_known_ones() -> None:
    with pytest.raises(SettingsError, match="no area 'nowhere'") as raised:
        offered_tools("nowhere")
    assert "diagnosis" in raised.value.advice


@pytest.mark.parametrize("offered", OFFERED.values(), ids=list(OFFERED))
async def test_every_hint_is_explicit_and_fits_the_kind(world: World, offered: Offered) -> None:
    found = next(t for t in await served(world, "auto", offered.area) if t.name == offered.name)
    hints = found.annotations
    assert hints is not None
    assert found.title
    assert hints.title == found.title
    assert hints.read_only_hint is (offered.kind is Kind.READ)
    assert hints.destructive_hint is offered.destructive
    assert hints.destructive_hint or offered.kind in (Kind.READ, Kind.WRITE)
    assert isinstance(hints.idempotent_hint, bool)
    assert isinstance(hints.open_world_hint, bool)
    if offered.role == "question":
        assert hints.read_only_hint


@pytest.mark.parametrize("offered", OFFERED.values(), ids=list(OFFERED))
def test_every_schema_is_strict_and_says_only_what_helps(offered: Offered) -> None:
    schema = offered.parameters
    assert schema["type"] == "object"
    assert schema["additionalProperties"] is False
    assert not {"anyOf", "oneOf", "allOf", "title", "description"} & schema.keys()
    assert _titles(schema) == []


def _titles(node: Any, *, names: bool = False) -> list[str]:
    """The titles in a schema; keys that are field names are none."""
    if isinstance(node, list):
        return [title for each in node for title in _titles(each)]
    if not isinstance(node, dict):
        return []
    own = [] if names else [node["title"]] if "title" in node else []
    inside = ("properties", "$defs")
    return own + [t for k, v in node.items() for t in _titles(v, names=k in inside and not names)]
