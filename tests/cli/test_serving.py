"""The commands that go on: what they print, and where they listen."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from .conftest import Run, environment_of

_INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "example-client", "version": "1.0"},
    },
}
_INITIALIZED = {"jsonrpc": "2.0", "method": "notifications/initialized"}


_PROJECT = {
    "name": "one",
    "region": "r",
    "use_public_ip": True,
    "exist_server": False,
    "type": "MIGRATE_FILE",
    "syncing": True,
}


def call(number: int, tool: str, **arguments: object) -> dict[str, Any]:
    params = {"name": tool, "arguments": arguments}
    return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}


@contextmanager
def started(state: Path, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(  # noqa: S603 (our own command)
        [sys.executable, "-m", "sms_tools", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment_of(state),
    ) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.wait()


def test_standard_output_of_serve_carries_the_protocol_and_nothing_else(state: Path) -> None:
    messages: list[dict[str, Any]] = [
        _INITIALIZE,
        _INITIALIZED,
        {"jsonrpc": "2.0", "id": 2, "method": "tools/list"},
        call(3, "migration_overview"),
        call(4, "get_migration_task", task_id="none-of-this-name"),
        call(5, "sign_privacy_agreement"),
        call(6, "no_such_tool"),
    ]
    with started(state, "serve", "--sandbox") as server:
        assert server.stdin
        assert server.stdout
        answers: dict[int, Any] = {}
        for message in messages:
            server.stdin.write(json.dumps(message) + "\n")
            server.stdin.flush()
            while "id" in message and message["id"] not in answers:
                line = json.loads(server.stdout.readline())
                assert line["jsonrpc"] == "2.0"
                answers[line.get("id")] = line
        server.stdin.close()
        assert server.stdout.read() == ""
        assert server.wait(20) == 0
    assert len(answers[2]["result"]["tools"]) == 68
    assert answers[5]["result"]["structuredContent"]["status"] == "approval_required"


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.com"])  # noqa: S104
def test_http_is_served_on_loopback_only(run: Run, host: str) -> None:
    said = run("serve", "--sandbox", "--http", "--host", host)
    assert said.returncode == 1
    assert "not a loopback address" in said.stderr


def test_an_interrupt_ends_serve_although_its_input_stays_open(state: Path) -> None:
    with started(state, "serve", "--sandbox") as server:
        assert server.stdin
        assert server.stdout
        server.stdin.write(json.dumps(_INITIALIZE) + "\n")
        server.stdin.flush()
        assert server.stdout.readline()
        server.send_signal(signal.SIGINT)
        assert server.wait(10) != 0


class Session:
    """A client of the era before 2026-07-28, over HTTP."""

    def __init__(self, address: str, token: str, http: httpx.Client) -> None:
        self._address, self._http, self.token = address, http, token
        opened = self.post(_INITIALIZE)
        http.headers["Mcp-Session-Id"] = opened.headers["mcp-session-id"]
        self.post(_INITIALIZED)

    def post(self, message: dict[str, Any]) -> httpx.Response:
        """One message."""
        return self._http.post(self._address, json=message)


@pytest.fixture
def session(state: Path) -> Iterator[Session]:
    with started(state, "serve", "--sandbox", "--http", "--port", "0") as server:
        assert server.stderr
        found = re.search(r"http://\S+/mcp", server.stderr.readline())
        assert found
        token = (state / "sandbox" / "http-token").read_text(encoding="ascii").strip()
        headers = {
            "Accept": "application/json, text/event-stream",
            "Authorization": f"Bearer {token}",
        }
        with httpx.Client(headers=headers, timeout=30, trust_env=False) as http:
            yield Session(found[0], token, http)


def test_a_caller_over_http_is_none_on_stdio_that_goes_by_the_same_name(
    session: Session, run: Run
) -> None:
    assert "approval_required" in session.post(call(2, "sign_privacy_agreement")).text
    assert "asked for by http: example-client 1.0" in run("approvals", "--sandbox").stdout


def test_the_token_leaves_in_no_answer(session: Session, state: Path) -> None:
    token = session.token
    answer = session.post(call(2, "list_templates", name=f"mine {token}"))
    session.post(call(3, "create_migration_project", **_PROJECT, description=f"x {token}"))
    listed = session.post(call(4, "list_migration_projects"))
    assert "[hidden]" in listed.text
    assert token not in answer.text + listed.text
    kept = b"".join(
        path.read_bytes()
        for path in state.rglob("*")
        if path.is_file() and path.name != "http-token"
    )
    assert kept
    assert token.encode() not in kept


def test_the_sandbox_prints_its_address_and_answers(state: Path) -> None:
    with started(state, "sandbox", "--scenario", "large", "--servers", "12") as sandbox:
        assert sandbox.stdout
        found = re.search(r"ready at (http://127\.0\.0\.1:\d+)", sandbox.stdout.readline())
        assert found
        with httpx.Client(trust_env=False) as client:
            assert client.get(f"{found[1]}/v3/sources").json()["error_code"] == "APIGW.0301"
        reader = environment_of(
            state,
            SMS_TOOLS_ENDPOINT=found[1],
            HUAWEICLOUD_SDK_AK="EXAMPLE-ACCESS-KEY",
            HUAWEICLOUD_SDK_SK="example-secret-key",
        )
        said = subprocess.run(
            [sys.executable, "-m", "sms_tools", "check"],
            env=reader,
            capture_output=True,
            text=True,
            check=False,
        )
    assert f"{found[1]} answers" in said.stdout


@pytest.mark.parametrize(
    "options", [("--scenario", "nowhere"), ("--servers", "0"), ("--speed", "0"), ("--speed", "-1")]
)
def test_a_sandbox_that_cannot_be_is_refused_readably(run: Run, options: tuple[str, ...]) -> None:
    for command in (("sandbox",), ("serve", "--sandbox")):
        said = run(*command, *options)
        assert said.returncode in (1, 2), said.stderr
        assert "Traceback" not in said.stderr
        assert said.stderr


def test_the_audit_is_followed_while_another_process_writes_it(state: Path, run: Run) -> None:
    run("call", "sign_privacy_agreement", "--sandbox")
    with started(state, "audit", "--sandbox", "--follow", "--last", "1") as following:
        assert following.stdout
        first = json.loads(following.stdout.readline())
        run("call", "sign_privacy_agreement", "--sandbox")
        second = json.loads(following.stdout.readline())
    assert [line["tool"] for line in (first, second)] == ["sign_privacy_agreement"] * 2
    assert second["time"] > first["time"]
