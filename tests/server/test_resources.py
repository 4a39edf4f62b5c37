"""Resources by address and the completion of arguments, in both protocol eras."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, MCPError
from mcp_types import Completion, PromptReference, ResourceTemplateReference

from sms_tools.guard import Policy
from sms_tools.operations import CATALOGUE
from sms_tools.sandbox import open_sandbox
from sms_tools.server import build_server, open_runtime
from sms_tools.settings import Settings

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["auto", "legacy"])
async def client(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Client]:
    settings = Settings.for_sandbox(state_dir=tmp_path / "state")
    transport = open_sandbox("mixed").transport()
    async with (
        open_runtime(settings, Policy(), transport=transport) as runtime,
        Client(build_server(runtime), mode=request.param) as client,
    ):
        yield client


async def read(client: Client, uri: str) -> Any:
    return json.loads((await client.read_resource(uri)).contents[0].text)  # type: ignore[union-attr]


async def ids_of(client: Client, kind: str, typed: str) -> list[str]:
    ref = ResourceTemplateReference(type="ref/resource", uri=f"sms://{kind}/{{id}}")
    found = await client.complete(ref, {"name": "id", "value": typed})
    return found.completion.values


async def offered(client: Client, argument: str, typed: str) -> list[str]:
    ref = PromptReference(type="ref/prompt", name="guided-remediation")
    found = await client.complete(ref, {"name": argument, "value": typed})
    return found.completion.values


async def test_the_templates_are_those_of_the_contract(client: Client) -> None:
    listed = await client.list_resource_templates()
    assert {each.uri_template for each in listed.resource_templates} == {
        "sms://servers/{id}",
        "sms://tasks/{id}",
        "sms://projects/{id}",
        "sms://errors/{code}",
        "sms://reference/{operation}",
        "sms://reports/{id}",
    }


async def test_a_server_found_by_completion_can_be_read(client: Client) -> None:
    (server_id,) = await ids_of(client, "servers", "db-ora-01")
    assert (await read(client, f"sms://servers/{server_id}"))["name"] == "db-ora-01"


async def test_tasks_and_projects_can_be_read(client: Client) -> None:
    (task_id,) = await ids_of(client, "tasks", "db-ora-01")
    assert (await read(client, f"sms://tasks/{task_id}"))["state"] == "MIGRATE_FAIL"
    (project_id,) = await ids_of(client, "projects", "Wave-2")
    assert (await read(client, f"sms://projects/{project_id}"))["name"] == "Wave-2-DB"


async def test_an_error_code_is_explained(client: Client) -> None:
    page = await read(client, "sms://errors/SMS.0515")
    assert page["full_copy_again"] is True


async def test_the_reference_of_an_operation_names_its_traps(client: Client) -> None:
    page = await read(client, "sms://reference/manage_migration_task")
    assert "launches the target" in " ".join(page["traps"])
    assert page["kind"] == "destructive"
    assert "task_id" in page["takes"]["properties"]


async def test_the_audit_is_empty_before_anything_was_done(client: Client) -> None:
    assert await read(client, "sms://audit/latest") == {"entries": []}


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("sms://servers/none", "does not exist.*list_source_servers"),
        ("sms://reference/manage_migration_tusk", "Close to it: manage_migration_task"),
        ("sms://nothing", "nothing at 'sms://nothing'.*sms://audit/latest.*sms://servers/{id}"),
        ("sms://servers/../audit", "nothing at 'sms://servers/../audit'.*sms://servers/{id}"),
    ],
)
async def test_what_does_not_exist_is_an_error_that_helps(
    client: Client, uri: str, says: str
) -> None:
    with pytest.raises(MCPError, match=says):
        await client.read_resource(uri)


async def test_a_code_that_nobody_documents_is_said_to_be_unknown(client: Client) -> None:
    assert (await read(client, "sms://errors/SMS.4999"))["known"] is False


async def test_there_is_a_page_of_reference_for_every_operation(client: Client) -> None:
    for name in CATALOGUE:
        page = await read(client, f"sms://reference/{name}")
        assert page["operation"] == name
        assert page["request"]


async def test_codes_and_operations_are_completed_and_never_more_than_a_hundred(
    client: Client,
) -> None:
    codes = await _of_template(client, "sms://errors/{code}", "code", "SMS.")
    assert len(codes.values) == 100
    assert codes.has_more
    operations = await _of_template(client, "sms://reference/{operation}", "operation", "delete_t")
    assert operations.values == ["delete_templates", "delete_template"]


async def _of_template(client: Client, uri: str, name: str, value: str) -> Completion:
    reference = ResourceTemplateReference(type="ref/resource", uri=uri)
    return (await client.complete(reference, {"name": name, "value": value})).completion


async def test_arguments_of_prompts_are_completed(client: Client) -> None:
    assert await offered(client, "servers", "web-01, db-ora-0") == [
        "web-01, db-ora-01",
        "web-01, db-ora-02",
        "web-01, db-ora-03",
    ]
    assert await offered(client, "project", "wave-1") == ["Wave-1-Web"]
    assert await offered(client, "goal", "re") == [
        "retry_failed",
        "resume_paused",
        "rebuild",
        "rehearse_cutover",
        "measure_network",
    ]
    assert "中文" in await offered(client, "language", "zh")
    assert await offered(client, "nothing", "x") == []


async def test_a_failed_read_has_a_sentence_and_the_rest_as_data(client: Client) -> None:
    with pytest.raises(MCPError) as raised:
        await read(client, "sms://tasks/00000000-0000-0000-0000-000000000000")
    error = raised.value.error
    assert not error.message.startswith("{")
    assert "list_migration_tasks" in error.message
    assert error.data["error_code"] == "SMS.7703"
    assert error.data["request_id"]


async def test_a_server_and_its_task_are_read_by_the_server_s_name(client: Client) -> None:
    assert (await read(client, "sms://servers/web-03"))["name"] == "web-03"
    assert (await read(client, "sms://tasks/web-03"))["source_server"]["name"] == "web-03"
