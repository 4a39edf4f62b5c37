"""Several accounts behind one team's server: what is not a caller's does not exist for them."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from sms_tools.account_file import Entry
from sms_tools.guard import Policy
from sms_tools.login.tokens import TokensFile
from sms_tools.sandbox import Sandbox, open_sandbox
from sms_tools.server import Runtime, open_runtimes
from sms_tools.server.accounts import Accounts
from sms_tools.server.http import Challenge, Door
from sms_tools.server.offer import offered_tools
from sms_tools.server.runtime import Reached
from sms_tools.server.several import build_server_of_accounts
from sms_tools.settings import Settings
from tests import modern

from .conftest import PUBLIC, written

pytestmark = pytest.mark.anyio
USERS = {"treasury": ["boss"], "lab": ["boss", "eve"], "night": ["eve"]}
ROLES = {"boss": ["viewer", "operator", "approver"], "eve": ["viewer", "operator", "approver"]}


@dataclass
class House:
    """Three accounts; eve may use two of them."""

    http: httpx.AsyncClient
    tokens: dict[str, str]
    sandboxes: dict[str, Sandbox]
    runtime: Runtime

    async def ask(self, who: str, method: str, **params: Any) -> dict[str, Any]:
        reply = await self.http.post("/mcp", **modern.request(method, self.tokens[who], **params))
        return modern.message_in(reply)

    async def call(self, who: str, tool: str, **arguments: Any) -> dict[str, Any]:
        return await self.ask(who, "tools/call", name=tool, arguments=arguments)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    tokens = written(tmp_path / "tokens.toml", ROLES)
    sandboxes = {
        name: open_sandbox("mixed" if name == "treasury" else "healthy", seed=seed)
        for seed, name in enumerate(USERS, 1)
    }
    usual = Settings.for_sandbox(state_dir=tmp_path / "state")
    reached = {
        name: Reached(replace(usual, name=name, sandbox=None), Policy(), each.transport())
        for name, each in sandboxes.items()
    }
    entries = {
        name: Entry(name, reached[name].settings, users=frozenset(users))
        for name, users in USERS.items()
    }
    async with AsyncExitStack() as stack:
        runtimes = await stack.enter_async_context(
            open_runtimes(reached, reached_by="http", links=False)
        )
        server = build_server_of_accounts(Accounts(entries, runtimes))
        door = Door(TokensFile(tmp_path / "tokens.toml"), Challenge(), PUBLIC)
        app = door.over(server, PUBLIC, "127.0.0.1")
        await stack.enter_async_context(server.session_manager.run())
        http = await stack.enter_async_context(
            httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=PUBLIC, timeout=60)
        )
        yield House(http, tokens, sandboxes, runtimes["treasury"])


def everything(house: House) -> list[str]:
    """Names and ids of the account that is not eve's."""
    sources = house.sandboxes["treasury"].cloud.sources.values()
    own = [house.sandboxes[name].cloud.sources.values() for name in ("lab", "night")]
    others = {each.name for them in own for each in them}
    ids = [each.id for each in sources] + [each.task_id for each in sources if each.task_id]
    return ids + [each.name for each in sources if each.name not in others]


async def test_every_tool_refuses_an_account_of_others_as_one_that_is_not_there(
    house: House,
) -> None:
    secret = everything(house)
    for offered in offered_tools():
        told = json.dumps(await house.call("eve", offered.name, account="treasury"))
        none = json.dumps(await house.call("eve", offered.name, account="nowhere1"))
        assert told.replace("treasury", "nowhere1") == none, offered.name
        assert not [each for each in secret if each in told]
    assert not house.sandboxes["treasury"].cloud.changes


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("run_operation", {"name": "list_source_servers", "arguments": {"account": "treasury"}}),
        ("run_operation", {"name": "migration_overview", "arguments": {"account": "treasury"}}),
        ("run_operation", {"name": "treasury/list_source_servers", "arguments": {}}),
        ("find_operation", {"query": "treasury"}),
        ("migration_overview", {}),
        ("list_source_servers", {"name": "treasury"}),
    ],
)
async def test_no_argument_of_a_tool_leads_into_an_account_of_others(
    house: House, tool: str, arguments: dict[str, Any]
) -> None:
    told = await house.call("eve", tool, account="lab", **arguments)
    assert not [each for each in everything(house) if each in json.dumps(told)]


async def test_the_overview_of_all_is_of_one_s_own(house: House) -> None:
    told = json.dumps(await house.call("eve", "migration_overview"))
    assert "treasury" not in told
    assert "lab" in told
    assert "treasury" in json.dumps(await house.call("boss", "migration_overview"))


async def test_no_list_and_no_completion_names_an_account_of_others(house: House) -> None:
    secret = ["treasury", *everything(house)]
    lists = ("tools/list", "prompts/list", "resources/list", "resources/templates/list")
    for method in (*lists, "server/discover"):
        told = await house.ask("eve", method)
        assert "result" in told, told
        assert not [each for each in secret if each in json.dumps(told)]
    ref = {"type": "ref/resource", "uri": "sms://{account}/servers/{id}"}
    prompt = {"type": "ref/prompt", "name": "diagnose_server"}
    for given in (
        {"ref": ref, "argument": {"name": "account", "value": "t"}},
        {
            "ref": ref,
            "argument": {"name": "id", "value": ""},
            "context": {"arguments": {"account": "treasury"}},
        },
        {"ref": prompt, "argument": {"name": "server", "value": ""}},
        {
            "ref": prompt,
            "argument": {"name": "server", "value": ""},
            "context": {"arguments": {"account": "treasury"}},
        },
    ):
        told = await house.ask("eve", "completion/complete", **given)
        assert "result" in told, told
        assert not [each for each in secret if each in json.dumps(told)]


async def test_no_address_leads_to_an_account_of_others(house: House) -> None:
    report = await house.call("boss", "export_report", account="treasury", kind="failures")
    uri = report["result"]["structuredContent"]["uri"]
    source = next(iter(house.sandboxes["treasury"].cloud.sources))
    for address in (
        uri, f"sms://treasury/servers/{source}", "sms://treasury/audit/latest",
        "sms://treasury/fleet", f"sms://lab/servers/{source}", uri.replace("treasury", "lab"),
        f"sms://lab/../treasury/servers/{source}", f"sms://Treasury/servers/{source}",
        f"sms://lab%2F..%2Ftreasury/servers/{source}", "sms://treasury/policy",
    ):  # fmt: skip
        told = await house.ask("eve", "resources/read", uri=address)
        assert "error" in told, address
        assert "header" not in told["error"]["message"], "the request was none"
        rest = json.dumps(told).replace(json.dumps(address)[1:-1], "")
        assert not [each for each in everything(house) if each in rest and each != source]
    assert "result" in await house.ask("boss", "resources/read", uri=uri)


async def test_a_plan_and_an_approval_of_others_serve_nobody_else(house: House) -> None:
    made = await house.call("boss", "plan_remediation", account="treasury", goal="retry_failed")
    plan = made["result"]["structuredContent"]["plan_id"]
    for account in ("treasury", "lab", "night"):
        told = await house.call("eve", "apply_plan", account=account, plan_id=plan)
        assert told["result"]["structuredContent"]["status"] == "error"
    assert not house.sandboxes["treasury"].cloud.changes


@pytest.mark.parametrize("account", ["treasury", "nowhere1"])
async def test_nobody_listens_to_an_account_that_is_not_theirs(house: House, account: str) -> None:
    wanted = {"resourceSubscriptions": ["sms://lab/watch/latest", f"sms://{account}/watch/latest"]}
    refused = await house.ask("eve", "subscriptions/listen", notifications=wanted)
    assert refused["error"]["message"] == f"There is no account '{account}'."
