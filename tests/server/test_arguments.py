"""Arguments as models and hosts write them, through the tools themselves."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from mcp_types import CallToolResult

from sms_tools.operations import CATALOGUE
from sms_tools.server.offer import Offered, offered_tools

from .dangerous import project, source, task, template
from .world import Person, World, everything_in, open_world, status_of

pytestmark = pytest.mark.anyio

READS = [tool for tool in offered_tools() if tool.kind == "read"]
EMPTY: list[Any] = [[], "", "  ", None, [""], {}]


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path) as world:
        yield world


def needed(tool: Offered, world: World) -> dict[str, Any]:
    """Values for what *tool* must have."""
    values: dict[str, Any] = {
        "source_id": source(world.cloud, "web-03"),
        "task_id": task(world.cloud, "web-03"),
        "template_id": template(world.cloud, "spare-1"),
        "mig_project_id": project(world.cloud, "spare-1"),
        "server": "web-03",
        "code": "SMS.0515",
        "version": "v3",
        "os_type": "LINUX",
        "target_project_id": "p",
        "target_network_id": "n",
        "region_id": "r",
    }
    return {name: values[name] for name in tool.parameters.get("required", [])}


def without_times(result: CallToolResult) -> str:
    shown = dict(result.structured_content or {})
    moving = ("observed_at", "notes", "plan_id", "digest", "expires_at", "suggested_actions")
    for name in (*moving, "uri", "file"):
        shown.pop(name, None)
    shown.pop("waited_seconds", None)
    return re.sub(r"P[A-Z2-9]{4}-[A-Z2-9]{4}", "PLAN", json.dumps(shown, sort_keys=True))


@pytest.mark.parametrize("tool", READS, ids=lambda tool: str(tool.name))
async def test_an_empty_filter_is_one_that_was_left_out(place: World, tool: Offered) -> None:
    base = needed(tool, place)
    if "timeout_seconds" in tool.parameters["properties"]:
        base["timeout_seconds"] = 1
    optional = [name for name in tool.parameters["properties"] if name not in base]
    async with place.client("auto") as client:
        plain = await client.call_tool(tool.name, base)
        plain = await client.call_tool(tool.name, base)  # what the first has seen is known now
        assert not plain.is_error, plain.content
        for empty in EMPTY:
            result = await client.call_tool(tool.name, {**base, **dict.fromkeys(optional, empty)})
            assert without_times(result) == without_times(plain), empty
            for action in (result.structured_content or {}).get("suggested_actions", []):
                assert not any(value in ([], "") for value in action["arguments"].values())


@pytest.mark.parametrize(
    ("given", "plain"),
    [
        ({"servers": "web-03"}, {"servers": ["web-03"]}),
        ({"servers": '["web-03", "web-05"]'}, {"servers": ["web-03", "web-05"]}),
        ({"servers": "web-03, web-05"}, {"servers": ["web-03", "web-05"]}),
        ({"servers": "[web-03, 'web-05']"}, {"servers": ["web-03", "web-05"]}),
        ({"servers": ["web-03"], "detail": "FULL"}, {"servers": ["web-03"], "detail": "full"}),
        ({"limit": "3"}, {"limit": 3}),
        ({"limit": 0}, {}),
    ],
)
async def test_a_read_takes_what_models_write(
    place: World, era: str, given: dict[str, Any], plain: dict[str, Any]
) -> None:
    async with place.client(era) as client:
        wanted = await client.call_tool("summarize_progress", plain)
        result = await client.call_tool("summarize_progress", given)
    assert not result.is_error, result.content
    assert without_times(result) == without_times(wanted)


async def test_words_of_an_enumeration_count_in_any_case(world: World, era: str) -> None:
    async with world.client(era) as client:
        page = await client.call_tool("list_source_servers", {"state": "SYNCING"})
        assert {s["state"] for s in (page.structured_content or {})["source_servers"]} == {
            "syncing"
        }
        page = await client.call_tool("list_migration_tasks", {"state": "running"})
        assert {t["state"] for t in (page.structured_content or {})["tasks"]} == {"RUNNING"}


async def test_json_text_in_a_write_is_decoded_shown_and_bound(world: World, era: str) -> None:
    ids = [template(world.cloud, name) for name in ("spare-1", "spare-2")]
    person = Person()
    async with world.client(era, person) as client:
        result = await client.call_tool("delete_templates", {"ids": json.dumps(ids)})
    assert status_of(result) == "done", result.content
    assert "spare-1" in person.read[0]
    assert "spare-2" in person.read[0]
    assert not set(ids) & set(world.cloud.templates)


async def test_an_approval_for_a_list_serves_the_same_list_as_text(world: World, era: str) -> None:
    ids = [template(world.cloud, "spare-1")]
    async with world.client(era) as client:
        held = await client.call_tool("delete_templates", {"ids": ids})
        again = await client.call_tool("delete_templates", {"ids": json.dumps(ids)})
    assert status_of(held) == status_of(again) == "approval_required"
    first, second = held.structured_content or {}, again.structured_content or {}
    assert first["approval_id"] == second["approval_id"]


async def test_emptiness_is_never_dropped_from_a_write(world: World, era: str) -> None:
    async with world.client(era) as client:
        result = await client.call_tool("delete_templates", {"ids": []})
        assert status_of(result) == "invalid_arguments"
        result = await client.call_tool("delete_templates", {"ids": "spare-1"})
        assert status_of(result) == "invalid_arguments"
        assert "send a list" in everything_in(result)
    clear = CATALOGUE["set_migration_rate_limits"].model_validate(
        {"task_id": "t", "speed_limit": []}
    )
    assert clear.request().body == {"speed_limit": []}
    assert world.service.changing == []


@pytest.mark.parametrize(
    ("tool", "arguments", "meant"),
    [
        ("list_source_servers", {"project": "x"}, "did you mean migproject"),
        ("migration_overview", {"server": ["x"]}, "did you mean servers"),
        ("manage_migration_task", {"task_id": "t", "operation": "pause"}, "did you mean stop"),
        ("manage_migration_task", {"task_id": "t", "operation": "launch"}, "did you mean test"),
        ("list_source_servers", {"state": "failed"}, "did you mean error"),
        ("plan_remediation", {"goal": "cutover"}, "did you mean cut_over"),
        ("plan_remediation", {"limits": [{"begin": "0"}]}, "start, end, speed"),
        ("plan_remediation", {"limits": [{"start": "8am", "end": "9:00", "speed": 1}]}, "08:00"),
    ],
)
async def test_what_is_unknown_is_told_what_was_meant(
    world: World, era: str, tool: str, arguments: dict[str, Any], meant: str
) -> None:
    async with world.client(era) as client:
        result = await client.call_tool(tool, arguments)
    assert status_of(result) == "invalid_arguments"
    assert meant in everything_in(result)
    assert world.service.arrived == []


async def test_a_corrected_read_is_complete_and_works(world: World, era: str) -> None:
    async with world.client(era) as client:
        result = await client.call_tool("migration_overview", {"server": ["web-03"], "colour": "x"})
        call = (result.structured_content or {})["corrected_call"]
        assert call == {"tool": "migration_overview", "arguments": {"servers": ["web-03"]}}
        assert not (await client.call_tool(call["tool"], call["arguments"])).is_error


@pytest.mark.parametrize(
    "value", ["your_task_id", "<task_id>", "{task_id}", "my-task-id", "YOUR_TASK_ID_HERE"]
)
async def test_a_placeholder_is_no_value(world: World, era: str, value: str) -> None:
    async with world.client(era) as client:
        for tool in ("get_migration_task", "unlock_target_server"):
            result = await client.call_tool(tool, {"task_id": value})
            assert status_of(result) == "invalid_arguments"
            assert "placeholder" in everything_in(result)
            assert "list_migration_tasks" in everything_in(result)
    assert world.service.arrived == []


@pytest.mark.parametrize(
    ("arguments", "corrected"),
    [
        ({"servers": ["server1"]}, {}),
        ({"project": "wave1", "detail": "full"}, {"detail": "full"}),
        ({"servers": ["web-3", "web-05"]}, None),
    ],
)
async def test_an_unknown_name_brings_the_corrected_call(
    world: World, era: str, arguments: dict[str, Any], corrected: dict[str, Any] | None
) -> None:
    async with world.client(era) as client:
        result = await client.call_tool("summarize_progress", arguments)
        assert result.is_error
        call = (result.structured_content or {})["corrected_call"]
        assert call["tool"] == "summarize_progress"
        if corrected is not None:
            assert call["arguments"] == corrected
        assert not (await client.call_tool(call["tool"], call["arguments"])).is_error


async def test_a_plan_is_never_widened_by_a_correction(world: World, era: str) -> None:
    async with world.client(era) as client:
        result = await client.call_tool("plan_remediation", {"servers": ["server1"]})
        call = (result.structured_content or {})["corrected_call"]
        assert call == {"tool": "migration_overview", "arguments": {}}
        result = await client.call_tool("plan_remediation", {"goal": "purple"})
        assert "corrected_call" not in (result.structured_content or {})


async def test_a_read_takes_a_server_s_name_for_its_task(world: World, era: str) -> None:
    async with world.client(era) as client:
        for named in ("web-03", source(world.cloud, "web-03")):
            result = await client.call_tool("get_migration_task", {"task_id": named})
            assert not result.is_error, result.content
            found = result.structured_content or {}
            assert found["id"] == task(world.cloud, "web-03")
            assert "its task is" in found["notes"][0]
        result = await client.call_tool("list_migration_tasks", {"source_server_id": "web-03"})
        assert [t["id"] for t in (result.structured_content or {})["tasks"]] == [
            task(world.cloud, "web-03")
        ]


async def test_a_write_is_told_the_task_of_the_server_and_asks_nobody(
    world: World, era: str
) -> None:
    person = Person()
    async with world.client(era, person) as client:
        for named in ("web-03", source(world.cloud, "web-03")):
            result = await client.call_tool("unlock_target_server", {"task_id": named})
            assert result.is_error
            found = result.structured_content or {}
            assert f"{named} is a server; its task is" in found["summary"]
            assert found["corrected_call"] == {
                "tool": "unlock_target_server",
                "arguments": {"task_id": task(world.cloud, "web-03")},
            }
    assert person.read == []
    assert world.service.changing == []


async def test_a_name_that_is_nearly_a_server_s_is_told_the_servers(world: World, era: str) -> None:
    async with world.client(era) as client:
        read = await client.call_tool("get_migration_task", {"task_id": "web-3"})
        write = await client.call_tool("unlock_target_server", {"task_id": "web-3"})
        assert "web-03" in everything_in(read)
        assert "web-03" in everything_in(write)
        call = (read.structured_content or {})["corrected_call"]
        assert not (await client.call_tool(call["tool"], call["arguments"])).is_error
    assert world.service.changing == []


async def test_a_filter_by_a_server_that_is_not_there_is_no_empty_list(
    world: World, era: str
) -> None:
    async with world.client(era) as client:
        result = await client.call_tool("list_migration_tasks", {"source_server_id": "web-3"})
    assert result.is_error
    assert "There is no server" in everything_in(result)


@pytest.mark.parametrize(
    ("tool", "name", "value"),
    [
        ("summarize_progress", "deadline", "12h"),
        ("summarize_progress", "deadline", "tonight 22:00+08:00"),
        ("what_changed", "since", "12h"),
        ("what_changed", "since", "yesterday 18:00+08:00"),
        ("what_changed", "since", "2 days ago"),
    ],
)
async def test_a_time_may_be_said_as_people_say_it(
    world: World, era: str, tool: str, name: str, value: str
) -> None:
    async with world.client(era) as client:
        result = await client.call_tool(tool, {name: value})
    assert not result.is_error, result.content


@pytest.mark.parametrize(
    ("tool", "given", "right"),
    [
        ("list_source_servers", {"state": "failed", "limit": 1}, {"state": "error", "limit": 1}),
        ("migration_overview", {"detail": "verbose"}, {"detail": "full"}),
        ("migration_overview", {"detail": "purple"}, {}),
    ],
)
async def test_a_word_that_is_none_is_corrected(
    world: World, era: str, tool: str, given: dict[str, Any], right: dict[str, Any]
) -> None:
    async with world.client(era) as client:
        result = await client.call_tool(tool, given)
        call = (result.structured_content or {})["corrected_call"]
        assert call == {"tool": tool, "arguments": right}
        assert not (await client.call_tool(tool, right)).is_error


@pytest.mark.parametrize("value", ["2026-11-25T18:00:00", "tonight 22:00", "soon", "22:00"])
async def test_a_time_without_its_zone_is_told_an_example(
    world: World, era: str, value: str
) -> None:
    async with world.client(era) as client:
        result = await client.call_tool("summarize_progress", {"deadline": value})
    assert status_of(result) == "invalid_arguments"
    assert "+08:00" in everything_in(result)


async def test_a_time_of_last_year_says_what_time_it_is(world: World, era: str) -> None:
    today = world.runtime.desk.now().date().isoformat()
    async with world.client(era) as client:
        late = await client.call_tool("summarize_progress", {"deadline": "2024-01-01T00:00:00Z"})
        old = await client.call_tool("what_changed", {"since": "2024-01-01T00:00:00Z"})
    assert status_of(late) == "invalid_arguments"
    assert f"it is now {today}" in everything_in(late)
    assert f"it is now {today}" in (old.structured_content or {})["notes"][0]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("SMS.0515: disk changed", "SMS.0515"),
        ("错误码 SMS.3802", "SMS.3802"),
        ("SMS.3802 (HTTP 400)", "SMS.3802"),
    ],
)
async def test_a_code_within_a_sentence_is_explained(
    world: World, era: str, text: str, code: str
) -> None:
    async with world.client(era) as client:
        result = await client.call_tool("explain_error_code", {"code": text})
    assert (result.structured_content or {})["code"] == code
    assert (result.structured_content or {})["known"] is True


async def test_a_text_without_a_code_is_not_an_undocumented_code(world: World, era: str) -> None:
    async with world.client(era) as client:
        result = await client.call_tool("explain_error_code", {"code": "disk changed"})
    assert result.is_error
    assert "holds no SMS or APIGW code" in everything_in(result)


async def test_nan_is_null_in_text_and_data(world: World) -> None:
    result = world.runtime.exit.result({"rate": float("nan"), "rows": [{"x": float("inf")}]})
    text = getattr(result.content[0], "text", "")
    assert json.loads(text, parse_constant=pytest.fail) == {"rate": None, "rows": [{"x": None}]}
    assert result.structured_content == {"rate": None, "rows": [{"x": None}]}


async def test_names_in_a_list_of_ids_are_told_their_ids(world: World, era: str) -> None:
    wanted = [task(world.cloud, name) for name in ("web-03", "web-05")]
    async with world.client(era) as client:
        result = await client.call_tool("delete_migration_tasks", {"ids": ["web-03", wanted[1]]})
    call = (result.structured_content or {})["corrected_call"]
    assert call == {"tool": "delete_migration_tasks", "arguments": {"ids": wanted}}
    assert world.service.changing == []


async def test_a_wait_that_is_over_says_how_to_go_on(world: World, era: str) -> None:
    asked = {"servers": ["db-es-01"], "timeout_seconds": 1}
    async with world.client(era) as client:
        result = await client.call_tool("wait_for_progress", asked)
    found = result.structured_content or {}
    assert found["returned_on"] == "bound"
    again = {"tool": "wait_for_progress", "arguments": asked}
    assert again.items() <= found["suggested_actions"][0].items()


def test_a_wait_is_shorter_than_clients_wait() -> None:
    wait = next(tool for tool in offered_tools() if tool.name == "wait_for_progress")
    assert wait.parameters["properties"]["timeout_seconds"]["default"] == 40
