"""What those who run a team's server see of it: health, numbers, logs, spans, bounds, its end."""

import gzip
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import anyio
import httpx
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from mcp_types import ElicitResult

from tests.modern import message_in

from .operated import SECRET, TOKEN, Operated, operated

pytestmark = pytest.mark.anyio


async def test_alive_and_ready_are_told_to_everybody_and_hold_no_secret(tmp_path: Path) -> None:
    async with operated(tmp_path) as server, httpx.AsyncClient(trust_env=False) as stranger:
        alive = await stranger.get(f"{server.url}/healthz")
        ready = await stranger.get(f"{server.url}/readyz")
        assert (alive.status_code, alive.json()) == (200, {"status": "alive"})
        assert ready.status_code == 200
        assert ready.headers["connection"] == alive.headers["connection"] == "close"
        told = ready.json()
        assert (told["status"], told["state"], told["service"]) == (
            "ready",
            "reachable",
            "reachable",
        )
        assert set(told) == {"status", "state", "service", "service_seen_at"}
        assert (await stranger.post(f"{server.url}/mcp")).status_code == 401


async def test_readiness_reads_once_a_minute_and_not_where_a_call_has_told(tmp_path: Path) -> None:
    async with operated(tmp_path) as server:
        for _ in range(5):
            assert (await server.http.get(f"{server.url}/readyz")).status_code == 200
        assert server.service.arrived == ["list_source_servers"]
    async with operated(tmp_path) as server:
        await server.call("list_migration_projects")
        assert (await server.http.get(f"{server.url}/readyz")).status_code == 200
        assert server.service.arrived == ["list_migration_projects"]


async def test_a_service_out_of_reach_is_not_ready_and_a_balancer_may_leave_that_out(
    tmp_path: Path,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = f"http://127.0.0.1:{taken.getsockname()[1]}"
    async with operated(tmp_path, endpoint=nobody) as server:
        ready = await server.http.get(f"{server.url}/readyz")
        assert (ready.status_code, ready.json()["status"]) == (503, "not ready")
        assert ready.json()["service"] == "unreachable"
        assert nobody not in ready.text
        balancer = await server.http.get(f"{server.url}/readyz?exclude=service")
        assert (balancer.status_code, balancer.json()["status"]) == (200, "ready")
        assert (await server.http.get(f"{server.url}/healthz")).status_code == 200


async def test_a_state_that_cannot_be_read_is_not_ready(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(mode=0o700)
    (tmp_path / "state" / "sms-tools.sqlite3").write_bytes(b"no database, however long " * 99)
    async with operated(tmp_path) as server:
        ready = await server.http.get(f"{server.url}/readyz?exclude=service")
        assert (ready.status_code, ready.json()["state"]) == (503, "unreachable")
        assert str(tmp_path) not in ready.text
        assert (await server.metrics())["sms_tools_state_reachable"] == 0


async def test_calls_requests_and_approvals_are_counted_under_few_labels(tmp_path: Path) -> None:
    async with operated(tmp_path) as server:
        assert (await server.call("list_migration_projects")).status_code == 200
        await server.call("get_migration_task", task_id="none-of-this-name")
        await server.call("sign_privacy_agreement")
        for made_up in ("x" * 50, "y" * 50):
            await server.call(made_up)
        found = await server.metrics()

        def calls(tool: str, outcome: str) -> float:
            return found[f'sms_tools_calls_total{{outcome="{outcome}",tool="{tool}"}}']

        assert calls("list_migration_projects", "answered") == 1
        assert calls("get_migration_task", "error") == 1
        assert calls("sign_privacy_agreement", "approval_required") == 1
        assert calls("unknown", "error") == 2
        assert not any("xxx" in name for name in found)
        asked = 'account="",operation="list_migration_projects",status="200"'
        assert found[f"sms_tools_service_requests_total{{{asked}}}"] == 1
        assert found["sms_tools_approvals_waiting"] == 1
        assert found['sms_tools_approvals{outcome="pending"}'] == 1
        assert found['sms_tools_breaker_open{account=""}'] == 0
        assert found['sms_tools_service_requests_allowed{account=""}'] == 8
        assert found['sms_tools_call_seconds_count{tool="list_migration_projects"}'] == 1
        assert found["sms_tools_state_reachable"] == 1


async def test_a_teams_server_shows_its_numbers_to_callers_alone(tmp_path: Path) -> None:
    public = "http://127.0.0.1"
    async with (
        operated(tmp_path, "--public-url", public) as server,
        httpx.AsyncClient(trust_env=False) as stranger,
    ):
        assert (await stranger.get(f"{server.url}/metrics")).status_code == 401
        assert "sms_tools_sessions" in await server.metrics()


async def test_the_log_is_json_and_an_answer_is_found_in_it(tmp_path: Path) -> None:
    async with operated(tmp_path, "--log-json") as server:
        reply = await server.call("list_migration_projects")
        request_id = reply.headers["x-request-id"]
        result = message_in(reply)["result"]
        assert result["_meta"]["sms-tools/request_id"] == request_id
        held = await server.call("sign_privacy_agreement")
        about = await server.lines_about(request_id, "call", "service_request", "http")
        assert about["call"]["tool"] == "list_migration_projects"
        assert about["call"]["subject"] == "owner"
        assert about["service_request"]["service_request_id"]
        assert about["http"]["status"] == 200
        about = await server.lines_about(held.headers["x-request-id"], "audit", "call", "http")
        assert about["audit"]["audit"]["tool"] == "sign_privacy_agreement"
        assert about["audit"]["audit"]["status"] == "approval_required"
        text = "".join(server.said.lines)
        assert TOKEN not in text
        assert SECRET not in text


async def test_without_the_option_the_log_says_what_it_always_said(tmp_path: Path) -> None:
    async with operated(tmp_path) as server:
        await server.call("list_migration_projects")
        server.process.terminate()
        await server.ended()
    assert len(server.said.lines) == 2
    assert all(line.startswith("sms-tools: ") for line in server.said.lines)


@pytest.mark.parametrize("ends", [False, True], ids=["without an end", "whole"])
async def test_headers_that_are_too_large_are_answered(tmp_path: Path, *, ends: bool) -> None:
    async with operated(tmp_path) as server:
        there = urlsplit(server.url)
        assert there.hostname
        assert there.port
        async with await anyio.connect_tcp(there.hostname, there.port) as stream:
            text = f"GET /healthz HTTP/1.1\r\nHost: {there.netloc}\r\nX-Long: {'x' * 70_000}"
            await stream.send((text + "\r\n\r\n" * ends).encode())
            with anyio.fail_after(30):
                answer = await stream.receive()
        assert answer.startswith(b"HTTP/1.1 431 ")
        assert b"at most 65536 bytes" in answer


async def test_a_stream_listens_for_so_many_resources_and_no_more(tmp_path: Path) -> None:
    async with operated(tmp_path) as server:
        uris = [f"sms://reports/{number}" for number in range(101)]
        asked = {"resourceSubscriptions": uris}
        reply = await server.post("subscriptions/listen", notifications=asked)
        assert "may listen for 100 resources" in message_in(reply)["error"]["message"]


async def test_told_to_stop_it_finishes_what_runs_and_refuses_what_is_new(tmp_path: Path) -> None:
    async with operated(tmp_path) as server:
        server.service.holds.add("list_migration_projects")
        running: list[httpx.Response] = []

        async def run() -> None:
            running.append(await server.call("list_migration_projects"))

        async with anyio.create_task_group() as group:
            group.start_soon(run)
            with anyio.fail_after(30):
                await server.service.reached.wait()
            server.process.send_signal(signal.SIGTERM)
            await _stopping(server)
            refused = await server.call("list_templates")
            assert refused.status_code == 503
            assert "is being stopped" in refused.json()["error"]["message"]
            assert "list_templates" not in server.service.arrived
            server.service.go_on.set()
        assert running[0].status_code == 200
        assert "migprojects" in message_in(running[0])["result"]["structuredContent"]
        assert await server.ended() == -signal.SIGTERM


async def test_told_to_stop_it_finishes_a_call_of_the_older_era(tmp_path: Path) -> None:
    async with operated(tmp_path) as server:
        server.service.holds.add("list_migration_projects")
        found, ended = list[Any](), anyio.Event()

        async def run() -> None:
            try:
                async with _older(server) as client:
                    found.append(await client.call_tool("list_migration_projects", {}))
            finally:
                ended.set()

        async with anyio.create_task_group() as group:
            group.start_soon(run)
            with anyio.fail_after(30):
                await server.service.reached.wait()
            server.process.send_signal(signal.SIGTERM)
            await _stopping(server)
            with anyio.move_on_after(2) as patience:  # its stream is not cut meanwhile
                await ended.wait()
            assert patience.cancelled_caught
            server.service.go_on.set()
        assert not found[0].is_error
        assert "migprojects" in found[0].structured_content
        assert await server.ended() == -signal.SIGTERM


async def test_who_waits_in_a_dialog_is_told_when_the_server_stops(tmp_path: Path) -> None:
    async with operated(tmp_path) as server:
        shown, found = anyio.Event(), list[Any]()

        async def never(*_: Any) -> ElicitResult:
            shown.set()
            await anyio.sleep_forever()
            raise AssertionError

        async def run() -> None:
            async with _older(server, elicitation_callback=never) as client:
                found.append(await client.call_tool("sign_privacy_agreement", {}))

        async with anyio.create_task_group() as group:
            group.start_soon(run)
            with anyio.fail_after(30):
                await shown.wait()
            server.process.send_signal(signal.SIGTERM)
        told = found[0].structured_content
        assert told["status"] == "approval_required"
        assert told["summary"].startswith("This server is being stopped")
        assert told["approval_command"]
        assert server.service.changing == []
        assert await server.ended() == -signal.SIGTERM


@asynccontextmanager
async def _older(server: Operated, **more: Any) -> AsyncIterator[Client]:
    """A client of the older era, in a session."""
    async with create_mcp_http_client({"Authorization": f"Bearer {TOKEN}"}) as http:
        transport = streamable_http_client(f"{server.url}/mcp", http_client=http)
        async with Client(transport, mode="legacy", **more) as client:
            await client.list_tools()  # else it asks for them after its first result
            yield client


async def _stopping(server: Operated) -> None:
    """Wait until the server says that it is about to end."""
    with anyio.fail_after(30):
        while True:
            ready = await server.http.get(f"{server.url}/readyz?exclude=service")
            if ready.status_code == 503:
                assert ready.json()["status"] == "stopping"
                return


async def test_a_request_to_the_service_is_a_span_inside_that_of_its_call(tmp_path: Path) -> None:
    async with (
        collecting() as (collector, spans),
        operated(
            tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=collector, OTEL_BSP_SCHEDULE_DELAY="100"
        ) as server,
    ):
        reply = await server.call("list_migration_projects")
        server.process.terminate()
        await server.ended()  # the last spans are sent before it ends
    named = {span.name: span for span in spans}
    asked, call = named["list_migration_projects"], named["tools/call list_migration_projects"]
    assert asked.parent_span_id == call.span_id
    assert asked.trace_id == call.trace_id
    said = {each.key: each.value for each in asked.attributes}
    assert said["http.response.status_code"].int_value == 200
    assert said["sms_tools.request_id"].string_value == reply.headers["x-request-id"]
    assert SECRET not in str(spans)


@asynccontextmanager
async def collecting() -> AsyncIterator[tuple[str, list[Any]]]:
    """A collector on loopback, and the spans that it got."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    spans: list[Any] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            sent = ExportTraceServiceRequest.FromString(body)
            spans.extend(s for r in sent.resource_spans for p in r.scope_spans for s in p.spans)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as collector:
        thread = Thread(target=collector.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{collector.server_port}", spans
        finally:
            collector.shutdown()
            thread.join()
