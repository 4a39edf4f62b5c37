"""The server as a process, over stdio and over HTTP, in both eras, against an account we watch.

The process speaks to the sandbox over HTTP on loopback, so all that it sends can be seen.
"""

import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from mcp_types import Implementation

from sms_tools.guard import Approvals, Audit, terminal
from sms_tools.guard.answers import Answers
from sms_tools.guard.pairing import COOKIE, PATH, Pairings
from sms_tools.moment import utc_now
from sms_tools.operation import Kind
from sms_tools.operations import CATALOGUE
from sms_tools.sandbox import serving
from sms_tools.state import State

from .dangerous import CALLS, Dangerous, project, sample, source, task, template
from .tally import Tally
from .world import ERAS, Person, Watched, everything_in, open_account, status_of

pytestmark = pytest.mark.anyio

TRANSPORTS = ("stdio", "http")
TOKEN = "example-token-of-the-owner"
_SAMPLE = ("delete_migration_task", "manage_migration_task test", "get_certificate_passphrase")
FEW = [call for call in CALLS if str(call) in (*_SAMPLE, "update_source_server_state")]


class Process:
    """How to reach a server in another process whose account is ours to watch."""

    def __init__(self, service: Watched, address: str, folder: Path) -> None:
        self.service = service
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("SMS_", "HUAWEI"))},
            "SMS_TOOLS_ENDPOINT": address,
            "SMS_TOOLS_IAM_ENDPOINT": address,
            "SMS_TOOLS_STATE_DIR": str(folder),
            "HUAWEICLOUD_SDK_AK": "EXAMPLE-ACCESS-KEY",
            "HUAWEICLOUD_SDK_SK": "example-secret-key",
            "SMS_TOOLS_HTTP_TOKEN": TOKEN,
        }
        self.folder = folder
        self.url: str | None = None

    @asynccontextmanager
    async def client(self, era: str, person: Person | None = None) -> AsyncIterator[Client]:
        async with AsyncExitStack() as stack:
            target: Any = StdioServerParameters(
                command=sys.executable, args=["-m", "sms_tools", "serve"], env=self.environment
            )
            if self.url:
                headers = {"Authorization": f"Bearer {TOKEN}"}
                http = await stack.enter_async_context(create_mcp_http_client(headers))
                target = streamable_http_client(self.url, http_client=http)
            yield await stack.enter_async_context(
                Client(
                    target,
                    mode=era,
                    elicitation_callback=person,
                    client_info=Implementation(name="example-client", version="1.0"),
                )
            )


@asynccontextmanager
async def account(folder: Path) -> AsyncIterator[Process]:
    sandbox, service = open_account()
    async with serving(sandbox) as address:
        yield Process(service, address, folder)


@pytest.fixture
async def process(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Process]:
    """A server over the transport that the test is parametrized with."""
    async with account(tmp_path / "state") as process:
        if request.param == "stdio":
            yield process
            return
        with over_http(process) as url:
            process.url = url
            yield process


def over_http(process: Process) -> Any:
    from contextlib import contextmanager

    @contextmanager
    def run() -> Iterator[str]:
        with subprocess.Popen(
            [sys.executable, "-m", "sms_tools", "serve", "--http", "--port", "0"],
            env=process.environment,
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as server:
            try:
                assert server.stderr
                found = None
                while not found:
                    line = server.stderr.readline()
                    assert line, "the server ended before it was ready"
                    found = re.search(r"MCP server at (\S+)", line)
                yield found[1]
            finally:
                server.terminate()
                server.communicate()

    return run()


def valid_arguments(name: str, process: Process) -> dict[str, Any]:
    """Arguments with which *name* can be called on the account."""
    cloud = process.service.cloud
    for call in CALLS:
        if call.tool == name:
            return call.arguments(cloud)
    read = sample(name)
    real: dict[str, Any] = {
        "source_id": lambda: source(cloud, "web-03"),
        "task_id": lambda: task(cloud, "web-03"),
        "template_id": lambda: template(cloud, "spare-1"),
        "mig_project_id": lambda: project(cloud, "spare-1"),
    }
    aimed = {key: real[key]() if key in real else value for key, value in read.items()}
    fitting: dict[str, dict[str, Any]] = {
        # The samples' filters name things of another account.
        "list_source_servers": {"limit": 3},
        "list_migration_tasks": {"limit": 3},
        "list_failed_source_servers": {"limit": 3},
        "list_templates": {"limit": 3},
        "get_migration_options": {"task_id": task(cloud, "web-03")},
    }
    return fitting.get(name, aimed)


@pytest.mark.parametrize("process", TRANSPORTS, indirect=True)
@pytest.mark.parametrize("era", ERAS)
async def test_every_operation_answers_or_asks_for_a_person(process: Process, era: str) -> None:
    service, statuses = process.service, {}
    arguments = {name: valid_arguments(name, process) for name in CATALOGUE}
    async with process.client(era) as client:
        listed = {tool.name for tool in (await client.list_tools()).tools}
        assert set(CATALOGUE) < listed
        for name, operation in CATALOGUE.items():
            service.arrived.clear()
            result = await client.call_tool(name, arguments[name])
            danger = operation.model_validate(arguments[name]).danger
            if danger in (Kind.READ, Kind.WRITE):
                assert not result.is_error, (name, result.content)
                assert name in service.arrived
                statuses[name] = "answered"
            else:
                assert status_of(result) == "approval_required", (name, result.content)
                assert service.changing == []
                statuses[name] = "asked"
    assert set(statuses) == set(CATALOGUE)
    assert statuses["upload_migration_task_logs"] == statuses["delete_template"] == "asked"
    assert statuses["create_template"] == statuses["list_templates"] == "answered"


@pytest.mark.parametrize("process", TRANSPORTS, indirect=True)
@pytest.mark.parametrize("era", ERAS)
async def test_no_dangerous_call_passes_without_consent(
    process: Process, era: str, tally: Tally, request: pytest.FixtureRequest
) -> None:
    where = f"over {request.node.callspec.params['process']}"
    for person in (None, Person("decline"), Person("cancel"), Person(typed="yes")):
        async with process.client(era, person) as client:
            for call in FEW:
                await _attempt(process, client, call, {}, person, tally, where)
                if person is None:
                    for invented in ({"confirm": True}, {"approval_id": "ABCD-EFGH"}):
                        await _attempt(process, client, call, invented, None, tally, where)
    assert process.service.changing == []
    assert tally.leaked == []


async def _attempt(
    process: Process,
    client: Client,
    call: Dangerous,
    invented: dict[str, Any],
    person: Person | None,
    tally: Tally,
    where: str,
) -> None:
    arguments = {**call.arguments(process.service.cloud), **invented}
    result = await client.call_tool(call.tool, arguments)
    # A request whose dialog was once closed unanswered is not shown in one again.
    held = ("invalid_arguments",) if invented else ("approval_required", "declined")
    assert status_of(result) in held
    tally.attempt(where, result, process.service.changing, person.read if person else ())


@pytest.mark.parametrize("process", ["stdio"], indirect=True)
@pytest.mark.parametrize("era", ERAS)
async def test_a_paired_browsers_yes_lets_each_call_through_once(
    process: Process, era: str, tally: Tally
) -> None:
    with closing(State(process.folder)) as state:
        cookie = await Pairings(state, utc_now).pair()
    async with process.client(era) as client:
        for call in FEW:
            process.service.arrived.clear()
            arguments = call.arguments(process.service.cloud)
            held = await client.call_tool(call.tool, arguments)
            assert held.structured_content
            cookie = approve_on_page(
                held.structured_content["approval_url"],
                held.structured_content["preview"]["must_be_typed"],
                cookie,
            )
            await _goes_through_once(process, client, call, tally)
            tally.accepted["page"] += 1
    assert tally.leaked == []


@pytest.mark.parametrize("process", ["http"], indirect=True)
@pytest.mark.parametrize("era", ERAS)
async def test_over_http_no_result_leads_to_the_page_and_the_command_lets_each_through_once(
    process: Process, era: str, tally: Tally
) -> None:
    async with process.client(era) as client:
        for call in FEW:
            process.service.arrived.clear()
            held = await client.call_tool(call.tool, call.arguments(process.service.cloud))
            assert held.structured_content
            assert held.structured_content["approval_url"] is None
            assert "http://" not in str(held.structured_content["summary"])
            await approve_with_the_command(process.folder)
            await _goes_through_once(process, client, call, tally)
            tally.accepted["command"] += 1
    assert tally.leaked == []


async def _goes_through_once(
    process: Process, client: Client, call: Dangerous, tally: Tally
) -> None:
    arguments = call.arguments(process.service.cloud)
    results = [await client.call_tool(call.tool, arguments) for _ in range(2)]
    assert process.service.changing == [call.tool]
    assert status_of(results[0]) in ("done", "delivered")
    assert status_of(results[1]) not in ("done", "delivered")
    for result in results:
        tally.leaks_of(result)


async def approve_with_the_command(folder: Path) -> None:
    """Approve what waits last, as a person at a terminal does."""
    with closing(State(folder)) as state:
        answers = Answers(Approvals(state, utc_now), Audit(state, utc_now))
        approval = (await answers.approvals.waiting())[-1]
        person = terminal.Terminal(
            write=lambda _line: None, ask=lambda _question: approval.preview.typed, is_terminal=True
        )
        assert await terminal.approve(answers, approval.id, person) == 0


def approve_on_page(url: str, typed: str, cookie: str) -> str:
    """Read the page and send its form, as a paired browser does; gives its cookie from now on."""
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc}"
    with httpx.Client(trust_env=False) as browser:
        browser.cookies.set(COOKIE, cookie, domain="127.0.0.1", path=PATH)
        page = browser.get(url)
        seal = re.search(r'name="seal" value="([^"]+)"', page.text)
        assert seal, page.text
        answer = browser.post(
            url,
            headers={"Origin": origin, "Sec-Fetch-Site": "same-origin"},
            data={"seal": seal[1], "answer": "approve", "typed": typed},
        )
    assert answer.status_code == 303, answer.text
    return answer.cookies[COOKIE]


@pytest.mark.parametrize("process", TRANSPORTS, indirect=True)
async def test_a_dialog_lets_a_call_through_once(process: Process, tally: Tally) -> None:
    for era, call in zip(ERAS, FEW, strict=False):
        process.service.arrived.clear()
        arguments = call.arguments(process.service.cloud)
        async with process.client(era, Person()) as client:
            result = await client.call_tool(call.tool, arguments)
        assert status_of(result) == "done", everything_in(result)
        assert process.service.changing == [call.tool]
        tally.accepted["dialog"] += 1


@pytest.mark.parametrize("process", ["http"], indirect=True)
async def test_another_site_and_another_host_are_refused(process: Process) -> None:
    assert process.url
    body = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    accept = {
        "Accept": "application/json, text/event-stream",
        "Authorization": f"Bearer {TOKEN}",
    }
    async with httpx.AsyncClient(trust_env=False) as browser:
        port = urlsplit(process.url).port or 0
        for forged in (
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Origin": f"http://127.0.0.1:{port + 1}"},
            {"Origin": f"http://localhost:{port}"},
            {"Origin": "http://localhost:3000"},
            {"Host": "evil.example"},
        ):
            reply = await browser.post(process.url, json=body, headers={**accept, **forged})
            assert reply.status_code in (403, 421), forged
