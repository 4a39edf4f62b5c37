"""One server for several accounts: told apart in every call, result, approval and address."""

import json
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, MCPError
from mcp.client import ClientRequestContext
from mcp_types import ElicitRequestParams, ElicitResult, ResourceTemplateReference

from sms_tools.account_file import Entry
from sms_tools.guard import Policy
from sms_tools.sandbox import Sandbox, open_sandbox
from sms_tools.server import Runtime, open_runtimes
from sms_tools.server.accounts import Accounts
from sms_tools.server.runtime import Reached
from sms_tools.server.several import build_server_of_accounts
from sms_tools.settings import CommandKeys, Credentials, Settings
from sms_tools.signing import KeyPair

pytestmark = pytest.mark.anyio

LAB_SECRET = "example-secret-of-the-lab"
PRINTED = CommandKeys(
    (sys.executable, "-c", f'print(\'{{"ak": "LAB-KEY", "sk": "{LAB_SECRET}"}}\')')
)
"""The same keys, from a command that prints them."""


@dataclass
class House:
    """Two accounts behind one server: a mixed fleet, and a healthy one."""

    sandboxes: Mapping[str, Sandbox]
    runtimes: Mapping[str, Runtime]
    client: Client
    asked: list[str]
    """The dialogs that a person saw; the person says no."""

    async def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        return (await self.client.call_tool(tool, arguments)).structured_content or {}

    async def read(self, uri: str) -> Any:
        content = (await self.client.read_resource(uri)).contents[0]
        return json.loads(content.text)  # type: ignore[union-attr]


@pytest.fixture
def lab_keys() -> Credentials:
    """What the healthy account is reached with."""
    return KeyPair("LAB-KEY", LAB_SECRET)


@pytest.fixture
async def house(tmp_path: Path, lab_keys: Credentials) -> AsyncIterator[House]:
    sandboxes = {"prod": open_sandbox("mixed"), "lab": open_sandbox("healthy", seed=2)}
    usual = Settings.for_sandbox(state_dir=tmp_path / "state")
    settings = {
        name: replace(usual, name=name, endpoint=f"http://127.0.0.1:{number}", sandbox=None)
        for number, name in enumerate(sandboxes, 9001)
    }
    settings["lab"] = replace(settings["lab"], credentials=lab_keys)
    reached = {
        name: Reached(settings[name], Policy(read_only=name == "lab"), each.transport())
        for name, each in sandboxes.items()
    }
    asked: list[str] = []

    async def decline(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        asked.append(params.message)
        return ElicitResult(action="decline")

    async with open_runtimes(reached) as runtimes:
        entries = {name: Entry(name, settings[name]) for name in runtimes}
        server = build_server_of_accounts(Accounts(entries, runtimes))
        async with Client(server, elicitation_callback=decline) as client:
            yield House(sandboxes, runtimes, client, asked)


def all_of(folder: Path) -> str:
    """What stands in the state."""
    kept = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    return b"".join(kept).decode("utf-8", "replace")


def ids_of(sandbox: Sandbox) -> list[str]:
    return list(sandbox.cloud.sources)


def finished_task_of(sandbox: Sandbox) -> str:
    return next(
        s.task_id for s in sandbox.cloud.sources.values() if s.name == "web-01" and s.task_id
    )


async def test_every_tool_takes_the_account_and_only_the_overview_does_without(
    house: House,
) -> None:
    for tool in (await house.client.list_tools()).tools:
        argument = tool.input_schema["properties"]["account"]
        assert argument["enum"] == ["prod", "lab"]
        assert argument["type"] == "string"
        wanted = "account" in tool.input_schema.get("required", [])
        assert wanted is (tool.name != "migration_overview")


async def test_each_account_answers_of_itself_and_says_so(house: House) -> None:
    prod = await house.call("summarize_failed_servers", account="prod")
    lab = await house.call("summarize_failed_servers", account="lab")
    assert (prod["account"], lab["account"]) == ("prod", "lab")
    assert prod["failed_servers"] > 0
    assert lab["failed_servers"] == 0


async def test_what_an_answer_proposes_is_for_its_account(house: House) -> None:
    answer = await house.call("migration_overview", account="prod")
    assert answer["suggested_actions"]
    for action in answer["suggested_actions"]:
        assert action["arguments"]["account"] == "prod"
        result = await house.client.call_tool(action["tool"], action["arguments"])
        assert (result.structured_content or {})["account"] == "prod"
        assert not result.is_error


async def test_the_overview_of_all_tells_them_apart_and_adds_nothing_up(house: House) -> None:
    answer = await house.call("migration_overview")
    rows = {row["account"]: row for row in answer["accounts"]}
    assert list(rows) == ["prod", "lab"]
    assert rows["prod"]["server_count"] == 49
    assert rows["lab"]["server_count"] == len(ids_of(house.sandboxes["lab"]))
    assert answer["summary"].startswith("prod: 49 servers")
    assert "lab: " in answer["summary"]
    assert len(json.dumps(answer, ensure_ascii=False).encode()) < 8_000


async def test_an_overview_that_lacks_an_account_says_which(house: House) -> None:
    house.sandboxes["lab"].faults.add(_refusing())
    answer = await house.call("migration_overview")
    assert any(note.startswith("lab: ") for note in answer["incomplete"])
    assert "prod: 49 servers" in answer["summary"]


def _refusing() -> Any:
    from sms_tools.sandbox.faults import Effect, Fault

    return Fault(Effect.REFUSAL, code="SMS.0204")


@pytest.mark.parametrize("given", [{}, {"account": ""}, {"account": None}])
async def test_no_account_is_a_question_and_reads_nothing(
    house: House, given: dict[str, Any]
) -> None:
    refused = await house.call("summarize_progress", **given)
    assert refused["status"] == "error"
    assert refused["accounts"] == ["prod", "lab"]
    assert "summarize_progress needs `account`" in refused["summary"]


async def test_an_account_that_is_none_is_an_error_with_the_near_one(house: House) -> None:
    refused = await house.call("summarize_progress", account="prd", detail="full")
    assert refused["corrected_call"] == {
        "tool": "summarize_progress",
        "arguments": {"account": "prod", "detail": "full"},
    }
    for odd in (["prod"], 1, "x" * 500):
        assert (await house.call("summarize_progress", account=odd))["status"] == "error"


async def test_a_dialog_names_its_account_first(house: House) -> None:
    task = finished_task_of(house.sandboxes["prod"])
    held = await house.call("delete_migration_task", account="prod", task_id=task)
    assert held["account"] == "prod"
    assert held["status"] == "declined"
    assert "prod, " in "".join(house.asked[0].splitlines()[:3])


@pytest.mark.parametrize(
    "lab_keys", [KeyPair("LAB-KEY", LAB_SECRET), PRINTED], ids=["kept", "printed"]
)
async def test_no_account_s_key_is_shown_by_another(house: House, tmp_path: Path) -> None:
    assert (await house.call("migration_overview", account="lab"))["account"] == "lab"
    sandbox = house.sandboxes["prod"]
    source = next(each for each in sandbox.cloud.sources.values() if each.name == "new-01")
    source.name = f"db {LAB_SECRET}"
    await house.call("delete_source_server", account="prod", source_id=source.id)
    told = await house.call("get_source_server", account="prod", source_id=source.id)
    assert house.asked
    kept = all_of(tmp_path)
    for said in ("\n".join(house.asked), json.dumps(told), kept):
        assert "[hidden]" in said
        assert LAB_SECRET not in said


async def test_each_account_has_its_own_policy(house: House) -> None:
    lab = ids_of(house.sandboxes["lab"])[0]
    blocked = await house.call("delete_source_server", account="lab", source_id=lab)
    assert blocked["status"] == "blocked"
    assert not house.asked


async def test_an_approval_of_one_account_does_not_serve_another(tmp_path: Path) -> None:
    """The same server with the same id on both: only where it was approved does it go."""
    usual = Settings.for_sandbox(state_dir=tmp_path / "state")
    sandboxes = {name: open_sandbox("mixed") for name in ("one", "two")}
    reached = {
        name: Reached(replace(usual, name=name, sandbox=None), Policy(), each.transport())
        for name, each in sandboxes.items()
    }
    async with open_runtimes(reached) as runtimes:
        entries = {name: Entry(name, reached[name].settings) for name in reached}
        server = build_server_of_accounts(Accounts(entries, runtimes))
        async with Client(server) as client:
            task = finished_task_of(sandboxes["one"])
            assert task == finished_task_of(sandboxes["two"])

            async def delete(account: str) -> dict[str, Any]:
                arguments = {"account": account, "task_id": task}
                result = await client.call_tool("delete_migration_task", arguments)
                return result.structured_content or {}

            held = await delete("one")
            approvals = runtimes["one"].guard.approvals
            assert await approvals.approve(held["approval_id"], "web-01", "terminal")
            assert (await delete("two"))["status"] == "approval_required"
            assert (await delete("one"))["status"] == "done"
    changed = {name: [c.operation for c in each.cloud.changes] for name, each in sandboxes.items()}
    assert changed == {"one": ["delete_migration_task"], "two": []}


async def test_a_plan_of_one_account_does_not_exist_on_another(house: House) -> None:
    plan = await house.call("plan_remediation", account="prod", goal="retry_failed")
    refused = await house.call("apply_plan", account="lab", plan_id=plan["plan_id"])
    assert refused["status"] == "error"
    assert not house.asked


async def test_resources_begin_with_the_account(house: House) -> None:
    listed = await house.client.list_resource_templates()
    addresses = {each.uri_template for each in listed.resource_templates}
    assert "sms://{account}/servers/{id}" in addresses
    assert "sms://errors/{code}" in addresses
    prod = ids_of(house.sandboxes["prod"])[0]
    assert (await house.read(f"sms://prod/servers/{prod}"))["id"] == prod
    with pytest.raises(MCPError):
        await house.read(f"sms://lab/servers/{prod}")
    with pytest.raises(MCPError):
        await house.read(f"sms://nowhere/servers/{prod}")


async def test_a_report_is_read_back_under_its_own_account(house: House) -> None:
    report = await house.call("export_report", account="prod", kind="failures")
    assert report["uri"].startswith("sms://prod/reports/")
    text = (await house.client.read_resource(report["uri"])).contents[0].text  # type: ignore[union-attr]
    assert "SMS.3802" in text
    with pytest.raises(MCPError):
        await house.client.read_resource(report["uri"].replace("prod", "lab"))


async def test_the_audit_of_an_account_is_its_own(house: House) -> None:
    task = finished_task_of(house.sandboxes["prod"])
    await house.call("delete_migration_task", account="prod", task_id=task)
    assert (await house.read("sms://prod/audit/latest"))["entries"]
    assert not (await house.read("sms://lab/audit/latest"))["entries"]


async def test_completion_offers_accounts_and_the_servers_of_the_one_chosen(house: House) -> None:
    ref = ResourceTemplateReference(type="ref/resource", uri="sms://{account}/servers/{id}")
    found = await house.client.complete(ref, {"name": "account", "value": "l"})
    assert found.completion.values == ["lab"]
    lab = ids_of(house.sandboxes["lab"])[0]
    found = await house.client.complete(
        ref, {"name": "id", "value": lab[:8]}, context_arguments={"account": "lab"}
    )
    assert lab in found.completion.values


async def test_samples_of_one_account_are_not_another_s_past(house: House) -> None:
    await house.call("migration_overview", account="prod")
    changed = await house.call("what_changed", account="lab")
    assert not changed.get("disappeared")
    assert changed["account"] == "lab"
