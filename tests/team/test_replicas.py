"""Two servers, one PostgreSQL, a real HAProxy in front: one server, for whoever calls it."""

import asyncio
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from bench import load
from sms_tools.guard import Approvals, Audit
from sms_tools.guard.answers import Answers
from sms_tools.guard.approvals import Verdict
from sms_tools.guard.people import Person, Role
from sms_tools.moment import utc_now
from sms_tools.stores import open_state
from tests import modern
from tests.cli.conftest import environment_of
from tests.postgres import Cluster

from .conftest import ROLES, written

_BLOCK = re.compile(r"```haproxy\n(.*?)```", re.DOTALL)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def running(*command: str, wait_for: str, **environment: str) -> Iterator["subprocess.Popen[str]"]:
    """A process that has written what is waited for; killed at the end."""
    with subprocess.Popen(  # noqa: S603 (our own commands)
        command, env=environment, stderr=subprocess.STDOUT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        try:
            for line in process.stdout:
                if wait_for in line:
                    break
            else:
                raise AssertionError(f"{command} ended")
            # What it says later is read, so that it is never held up by it.
            threading.Thread(target=process.stdout.read, daemon=True).start()
            yield process
        finally:
            process.kill()
            process.wait(timeout=30)


@dataclass
class Replicas:
    """The servers, the proxy in front of them, the state behind them."""

    proxy: str
    ports: list[int]
    processes: list["subprocess.Popen[str]"]
    tokens: dict[str, str]
    state_url: str
    folder: Path
    client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=90, trust_env=False))

    def call(self, who: str, tool: str, at: int | None = None, **arguments: Any) -> dict[str, Any]:
        """A call of *who*, through the proxy or *at* one server."""
        base = self.proxy if at is None else f"http://127.0.0.1:{self.ports[at]}"
        asked = modern.call(tool, self.tokens[who], **arguments)
        asked["headers"]["Host"] = self.proxy.removeprefix("http://")
        return modern.result_in(self.client.post(f"{base}/mcp", **asked))

    def approve(self, held: dict[str, Any], by: str = "anna") -> None:
        """Anna says yes, wherever."""

        async def approve() -> Verdict:
            state = open_state(self.folder / "approver", self.state_url)
            try:
                audit = Audit(state, utc_now)
                answers = Answers(Approvals(state, utc_now, audit), audit)
                approval = await answers.approvals.get(held["approval_id"])
                assert approval
                person = Person(by, frozenset({Role.APPROVER}))
                typed = approval.preview.typed
                return await answers.approve(approval, typed, "command", person)
            finally:
                state.close()

        assert anyio.run(approve) is Verdict.APPROVED

    def audit(self) -> list[dict[str, Any]]:
        """The shared audit, which has to be whole."""

        async def read() -> list[dict[str, Any]]:
            state = open_state(self.folder / "reader", self.state_url)
            try:
                audit = Audit(state, utc_now)
                assert not (await audit.verify()).problems
                return [dict(entry) for entry in await audit.read()]
            finally:
                state.close()

        return anyio.run(read)

    def task_of(self, name: str) -> str:
        found = self.call("vera", "list_source_servers", name=name)["source_servers"]
        return str(next(s["current_task"]["id"] for s in found if s["name"] == name))


Open = Callable[..., Replicas]


@pytest.fixture
def open_replicas(cluster: Cluster, tmp_path: Path) -> Iterator[Open]:
    haproxy = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin")
    if haproxy is None:
        pytest.skip("no HAProxy here")
    tokens = written(tmp_path / "tokens.toml", ROLES)
    with ExitStack() as stack:

        def open_(*sandbox: str) -> Replicas:
            port, ports = free_port(), [free_port(), free_port()]
            service = free_port()
            python = (sys.executable, "-m", "sms_tools")
            stack.enter_context(
                running(
                    *python, "sandbox", "--port", str(service), *sandbox,
                    wait_for="ready", **environment_of(tmp_path / "sandbox"),
                )
            )  # fmt: skip
            url = cluster.database()
            environment = {
                "SMS_TOOLS_STATE_URL": url,
                "SMS_TOOLS_ENDPOINT": f"http://127.0.0.1:{service}",
                "HUAWEICLOUD_SDK_AK": "EXAMPLE-ID",
                "HUAWEICLOUD_SDK_SK": "example-key",
            }
            public = f"http://127.0.0.1:{port}"
            processes = [
                stack.enter_context(
                    running(
                        *python, "serve", "--http", "--port", str(each), "--public-url", public,
                        "--auth", f"tokens:{tmp_path / 'tokens.toml'}", wait_for="callers say",
                        **environment_of(tmp_path / f"server-{each}", **environment),
                    )
                )
                for each in ports
            ]  # fmt: skip
            document = Path(__file__).parents[2] / "docs" / "operations.md"
            block = _BLOCK.findall(document.read_text("utf-8"))[0]
            config = tmp_path / "haproxy.cfg"
            config.write_text(f"global\n    log stdout format raw local0\n{block}")
            values = {"PORT": port, "ONE": ports[0], "TWO": ports[1]}
            given = {name: str(value) for name, value in values.items()}
            stack.enter_context(
                running(haproxy, "-db", "-V", "-f", str(config), wait_for="Available", **given)
            )
            _wait_until_open(port)
            replicas = Replicas(public, ports, processes, tokens, url, tmp_path)
            stack.callback(replicas.client.close)
            return replicas

        yield open_


def _wait_until_open(port: int) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)  # a refusal comes at once: the proxy needs the processor meanwhile
    raise AssertionError("the proxy does not listen")


def test_an_approval_given_through_one_serves_once_through_whichever_is_asked(
    open_replicas: Open,
) -> None:
    replicas = open_replicas()
    task = replicas.task_of("web-01")
    held = replicas.call("olga", "delete_migration_task", at=0, task_id=task)
    assert held["status"] == "approval_required"
    again = replicas.call("olga", "delete_migration_task", at=1, task_id=task)
    assert again["approval_id"] == held["approval_id"], "one question, whoever is asked"
    replicas.approve(held)
    with ThreadPoolExecutor(8) as pool:
        calls = [
            pool.submit(replicas.call, "olga", "delete_migration_task", each % 2, task_id=task)
            for each in range(8)
        ]
        ended = sorted(str(call.result()["status"]) for call in calls)
    assert ended.count("done") == 1, ended
    made = [entry for entry in replicas.audit() if entry["event"] == "call"]
    assert [entry["tool"] for entry in made] == ["delete_migration_task"]
    assert made[0]["approved_by"] == "anna"


def test_a_dialog_that_one_began_is_answered_at_the_other_and_only_as_it_was_asked(
    open_replicas: Open,
) -> None:
    replicas = open_replicas()
    task = replicas.task_of("web-01")

    def call(at: int, who: str = "boss", **more: Any) -> httpx.Response:
        asked = modern.call("delete_migration_task", replicas.tokens[who], task_id=task)
        asked["headers"]["Host"] = replicas.proxy.removeprefix("http://")
        meta = {**modern.META, modern.CAPABILITIES: {"elicitation": {"form": {}}}}
        asked["json"]["params"] |= {"_meta": meta, **more}
        return replicas.client.post(f"http://127.0.0.1:{replicas.ports[at]}/mcp", **asked)

    question = modern.result_in(call(0))
    (key,) = question["inputRequests"]
    answer = {"action": "accept", "content": {"confirmation": "web-01"}}
    given = {"inputResponses": {key: answer}, "requestState": question["requestState"]}
    forged = {**given, "requestState": "x" + str(question["requestState"])[1:]}
    assert call(1, **forged).status_code == 400
    assert modern.result_in(call(1, "olga", **given))["status"] == "approval_required"
    assert not [entry for entry in replicas.audit() if entry["event"] == "call"]
    assert modern.result_in(call(1, **given))["status"] == "done"
    made = [entry for entry in replicas.audit() if entry["event"] == "call"]
    assert [entry["subject"] for entry in made] == ["boss"]
    assert modern.result_in(call(0, **given)).get("status") != "done", "an answer serves once"


def test_older_clients_are_led_back_to_the_server_that_has_their_session(
    open_replicas: Open,
) -> None:
    replicas = open_replicas()
    accept = {
        "Accept": "application/json, text/event-stream",
        "Authorization": f"Bearer {replicas.tokens['vera']}",
    }
    client = {"name": "older-client", "version": "1.0"}
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client}
    sessions = []
    for _ in range(4):
        opened = replicas.client.post(
            f"{replicas.proxy}/mcp",
            headers=accept,
            json={"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello},
        )
        assert opened.status_code == 200, opened.text
        sessions.append(opened.headers["mcp-session-id"])
    for session in sessions * 5:
        listed = replicas.client.post(
            f"{replicas.proxy}/mcp",
            headers={**accept, "Mcp-Session-Id": session, "MCP-Protocol-Version": "2025-06-18"},
            json={"jsonrpc": "2.0", "id": 2, "method": "tools/list"},
        )
        assert listed.status_code == 200, listed.text
        assert "migration_overview" in listed.text


@pytest.mark.parametrize("era", [load.VERSION, load.OLDER])
def test_two_hundred_clients_at_once_meet_no_error(open_replicas: Open, era: str) -> None:
    replicas = open_replicas()

    async def all_of_them() -> load.Measured:
        connections = [
            load.Connection(replicas.proxy, era, replicas.tokens["vera"]) for _ in range(200)
        ]
        found = await load.measured([each.ask for each in connections], 600)
        for connection in connections:
            await connection.end()
        return found

    assert asyncio.run(all_of_them()).errors == 0


def test_a_plan_goes_on_at_the_other_server_after_one_was_killed(open_replicas: Open) -> None:
    replicas = open_replicas("--fault", "latency=0.3", "--speed", "600")
    plan = replicas.call("olga", "plan_remediation", goal="rehearse_cutover", project="Wave-1-Web")
    held = replicas.call("olga", "apply_plan", at=0, plan_id=plan["plan_id"])
    assert held["status"] == "approval_required", held
    replicas.approve(held)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(replicas.call, "olga", "apply_plan", 0, plan_id=plan["plan_id"])
        while not [
            e for e in replicas.audit() if e["event"] == "call" and e["tool"] != "apply_plan"
        ]:
            assert not first.done(), first.result()
        os.kill(replicas.processes[0].pid, signal.SIGKILL)
        with pytest.raises(httpx.HTTPError):
            first.result(timeout=90)
    for _ in range(20):
        going_on = replicas.call("olga", "apply_plan", plan_id=plan["plan_id"])
        assert going_on["status"] != "approval_required", "the consent lasts to its end"
        if going_on["status"] == "done":
            break
    made = [
        json.dumps(entry["arguments"], sort_keys=True)
        for entry in replicas.audit()
        if entry["event"] == "call" and entry["tool"] == "manage_migration_task"
    ]
    assert made
    assert len(made) == len(set(made)), "no step was made twice"


def test_a_database_that_restarts_in_the_middle_of_a_call_loses_nothing(
    open_replicas: Open, cluster: Cluster
) -> None:
    slow = "latency=6,operation=delete_migration_task"
    replicas = open_replicas("--fault", slow)
    task = replicas.task_of("web-01")
    held = replicas.call("olga", "delete_migration_task", task_id=task)
    replicas.approve(held)
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(replicas.call, "olga", "delete_migration_task", task_id=task)
        while not [entry for entry in replicas.audit() if entry["event"] == "call"]:
            assert not call.done(), call.result()
        cluster.stop()  # the service has the request; its outcome cannot be written down
        try:
            done = call.result(timeout=90)
            assert done["status"] == "done"
            assert "could not be written" in " ".join(done["notes"])
            refused = replicas.call("olga", "sign_privacy_agreement")
            assert refused["status"] in ("error", "blocked")
            assert "shared state" in json.dumps(refused)
            assert replicas.call("vera", "migration_overview")["server_count"] == 49
        finally:
            cluster.start()
    events = [(e["event"], e["tool"]) for e in replicas.audit() if e.get("tool")]
    assert events.count(("call", "delete_migration_task")) == 1
    assert replicas.call("olga", "sign_privacy_agreement")["status"] == "approval_required"
