"""Replies and arguments that were met in the field: each as it came, through a client."""

import json
import math
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp import Client

from sms_tools.guard import Policy
from sms_tools.sandbox import ManualClock, open_sandbox
from sms_tools.server import build_server, open_runtime
from sms_tools.settings import Settings

from .dangerous import source, task
from .world import World, everything_in

pytestmark = pytest.mark.anyio

Alter = Callable[[httpx.Request, Any], Any]
LISTS = {"/v3/sources": "source_servers", "/v3/tasks": "tasks", "/v3/errors": "migration_errors"}


class Field(httpx.AsyncBaseTransport):
    """The sandbox of 49 servers, with other bodies under its successes."""

    def __init__(self, alter: Alter) -> None:
        self.clock = ManualClock()
        self.sandbox = open_sandbox("mixed", clock=self.clock, speed=1)
        self.inner = self.sandbox.transport()
        self.alter = alter
        self.asked = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        response = await self.inner.handle_async_request(request)
        body = await response.aread()
        if response.status_code == 200 and request.method == "GET":
            altered = self.alter(request, json.loads(body) if body else None)
            body = altered if isinstance(altered, bytes) else json.dumps(altered).encode()
        return httpx.Response(response.status_code, content=body)

    @asynccontextmanager
    async def client(self, folder: Path) -> AsyncIterator[Client]:
        async with (
            open_runtime(
                Settings.for_sandbox(state_dir=folder),
                Policy(),
                transport=self,
                clock=lambda: datetime.fromtimestamp(self.clock(), UTC),
                page=False,
            ) as runtime,
            Client(build_server(runtime)) as client,
        ):
            yield client


async def asked(client: Client, tool: str, **arguments: Any) -> tuple[bool, dict[str, Any]]:
    result = await client.call_tool(tool, arguments)
    text = getattr(result.content[0], "text", "")
    found: dict[str, Any] = result.structured_content or {}
    assert json.loads(text, parse_constant=pytest.fail) == found, "text and data say the same"
    return bool(result.is_error), found


FALSE = ("no source servers here", "among 0 servers", "of 0 servers", "counts 0")


@pytest.mark.parametrize(
    "body", [b"", b"[1, 2]", b'{"error_code":"SMS.9001","error_msg":"Internal error"}', b"{}"]
)
async def test_an_unreadable_200_is_no_empty_fleet(tmp_path: Path, body: bytes) -> None:
    field = Field(lambda request, payload: body if request.url.path in LISTS else payload)
    async with field.client(tmp_path) as client:
        for tool in (
            *("migration_overview", "summarize_failed_servers", "summarize_progress"),
            *("list_source_servers", "list_migration_tasks"),
        ):
            is_error, found = await asked(client, tool)
            assert is_error, tool
            assert not any(falsehood in json.dumps(found) for falsehood in FALSE)


async def test_an_absurd_count_ends_at_the_first_empty_page(tmp_path: Path) -> None:
    def twenty_a_page(request: httpx.Request, payload: Any) -> Any:
        if request.url.path != "/v3/sources":
            return payload
        offset = int(request.url.params.get("offset", 0))
        first = payload["source_servers"] if offset < 49 else []
        return {"count": 10**20, "source_servers": first[:20]}

    field = Field(twenty_a_page)
    async with field.client(tmp_path) as client:
        is_error, found = await asked(client, "migration_overview")
    assert not is_error
    assert found["server_count"] >= 20
    assert "does not fit" in json.dumps(found["incomplete"])
    assert field.asked < 60


async def test_a_count_without_its_records_is_not_no_servers(tmp_path: Path) -> None:
    def nothing(request: httpx.Request, payload: Any) -> Any:
        return (
            {"count": 49, "source_servers": None} if request.url.path == "/v3/sources" else payload
        )

    async with Field(nothing).client(tmp_path) as client:
        for tool in ("migration_overview", "summarize_failed_servers"):
            _, found = await asked(client, tool)
            assert found["summary"].startswith("Read in part")
            assert "49" in json.dumps(found["incomplete"])
            assert not any(falsehood in json.dumps(found) for falsehood in FALSE)


@pytest.mark.parametrize(
    "text", ["{}", "[]", '{"error_code":null}', '{"error_code":"","error_param":"[]"}']
)
async def test_an_empty_error_object_is_no_failure(tmp_path: Path, text: str) -> None:
    def with_error(request: httpx.Request, payload: Any) -> Any:
        if request.url.path == "/v3/tasks":
            for row in payload["tasks"]:
                if (row.get("source_server") or {}).get("name") == "web-05":
                    row["error_json"] = text
        return payload

    async with Field(with_error).client(tmp_path) as client:
        _, failures = await asked(client, "summarize_failed_servers", detail="full")
        again = [row for row in failures["recovered"] if row["name"] == "web-05"]
        assert again == []
        _, ready = await asked(client, "check_cutover_readiness", servers=["web-05"], detail="full")
        assert ready["servers"][0]["gates"]["no_error"] == "pass"


@pytest.mark.parametrize(
    "tool",
    [
        *("summarize_failed_servers", "summarize_progress", "migration_overview"),
        *("check_cutover_readiness", "summarize_consistency_results", "find_cleanup_candidates"),
        *("wait_for_progress", "plan_remediation"),
    ],
)
async def test_an_empty_selection_means_all(tmp_path: Path, tool: str) -> None:
    more = {"timeout_seconds": 1} if tool == "wait_for_progress" else {}
    async with Field(lambda _, payload: payload).client(tmp_path) as client:
        is_error, found = await asked(client, tool, servers=[], **more)
    assert not is_error
    assert not any(falsehood in json.dumps(found) for falsehood in FALSE)
    assert "Nothing is left" not in found["summary"]
    assert "May be deleted: nothing" not in found["summary"]


async def test_one_absurd_number_costs_its_own_line(tmp_path: Path) -> None:
    for path, values in (
        ("/v3/tasks", {"remain_seconds": 1_000_000_000_000}),
        ("/v3/tasks", {"remain_seconds": 2**63 - 1}),
        ("/v3/sources", {"totalsize": 10**30}),
    ):

        def absurd(
            request: httpx.Request, payload: Any, path: str = path, values: Any = values
        ) -> Any:
            if request.url.path == path:
                for row in payload[LISTS[path]]:
                    if row["name"] in ("db-my-01", "task-db-my-01"):
                        row |= values
            return payload

        async with Field(absurd).client(tmp_path / path[4:] / str(len(str(values)))) as client:
            is_error, found = await asked(client, "summarize_progress", detail="full")
        assert not is_error
        assert found["server_count"] == 49
        rows = {row["name"]: row for row in found["servers"]}
        assert rows["db-my-01"]["eta"] is None


async def test_a_verification_of_the_future_is_not_clean(tmp_path: Path) -> None:
    def ahead(request: httpx.Request, payload: Any) -> Any:
        for run in (payload or {}).get("result_list") or []:
            run["finished_time"] += 30 * 24 * 3600 * 1000
        return payload

    async with Field(ahead).client(tmp_path) as client:
        _, ready = await asked(client, "check_cutover_readiness", servers=["web-06"], detail="full")
        _, found = await asked(client, "summarize_consistency_results", servers=["web-06"])
    assert ready["servers"][0]["gates"]["consistency_clean"] == "unknown"
    assert ready["servers"][0]["verdict"] != "ready"
    assert found["verdicts"]["clean"] == 0
    assert "clock" in json.dumps(found["servers"])


async def test_names_are_found_in_any_spelling_and_the_nearest_comes_first(tmp_path: Path) -> None:
    def renamed(request: httpx.Request, payload: Any) -> Any:
        names = {"web-05": "cafe\u0301-1", "web-03": "web-03.corp.example"}
        if request.url.path == "/v3/sources":
            for row in payload["source_servers"]:
                row["name"] = names.get(row["name"], row["name"])
        return payload

    async with Field(renamed).client(tmp_path) as client:
        is_error, found = await asked(client, "diagnose_server", server="caf\u00e9-1")
        assert not is_error, found
        is_error, found = await asked(client, "diagnose_server", server="web-03")
    assert is_error
    text = json.dumps(found)
    assert text.index("web-03.corp.example") < text.index("web-0", text.index("Similar") + 30)


async def test_what_is_no_number_is_null(tmp_path: Path) -> None:
    def nan(request: httpx.Request, payload: Any) -> Any:
        if request.url.path == "/v3/tasks":
            payload["tasks"][0]["migrate_speed"] = math.nan
        return payload

    async with Field(nan).client(tmp_path) as client:
        is_error, found = await asked(client, "list_migration_tasks")
    assert not is_error
    assert found["tasks"][0]["migrate_speed"] is None


async def test_lists_fit_into_a_conversation(tmp_path: Path) -> None:
    async with Field(lambda _, payload: payload).client(tmp_path) as client:
        for tool in ("list_source_servers", "list_migration_tasks"):
            result = await client.call_tool(tool, {})
            assert len(getattr(result.content[0], "text", "").encode()) < 40_000, tool


async def test_lists_as_json_text_are_taken_for_what_they_are(world: World, era: str) -> None:
    task_id = task(world.cloud, "db-my-01")
    async with world.client(era) as client:
        for servers in ('["web-01"]', "web-01"):
            result = await client.call_tool("summarize_progress", {"servers": servers})
            assert (result.structured_content or {})["server_count"] == 1
        for tool, arguments in (
            ("delete_migration_tasks", {"ids": f'["{task_id}"]'}),
            (
                "set_migration_rate_limits",
                {
                    "task_id": task_id,
                    "speed_limit": '[{"start":"00:00","end":"23:59","speed":100}]',
                },
            ),
        ):
            result = await client.call_tool(tool, arguments)
            assert "valid list" not in everything_in(result), tool
            assert "invalid_arguments" not in everything_in(result), tool


async def test_a_disk_of_forty_bytes_is_refused_in_words(world: World, era: str) -> None:
    disk = {"name": "/dev/vda", "size": 40, "used_size": 10, "device_use": "BOOT"}
    target = {"name": "tgt", "disks": [{**disk, "physical_volumes": []}]}
    arguments = {
        "name": "t",
        "type": "MIGRATE_FILE",
        "os_type": "LINUX",
        "region_id": "r",
        "region_name": "r",
        "project_id": "p",
        "project_name": "p",
        "source_server": {"id": source(world.cloud, "new-01")},
        "vm_template_id": next(iter(world.cloud.templates)),
        "target_server": target,
    }
    async with world.client(era) as client:
        result = await client.call_tool("create_migration_task", arguments)
    said = everything_in(result)
    assert "40 bytes" in said
    assert re.search(r"Disk /dev/\w+: \d+ GiB", said), "the source's own size stands beside it"
    assert "smaller than the source" in said
    assert world.service.changing == []
