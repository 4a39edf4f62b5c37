"""What a client sees of a reply that is none: an error that leads on, never ``done``."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp import Client

from sms_tools.guard import Decision, Policy
from sms_tools.operation import Kind
from sms_tools.operations import CATALOGUE
from sms_tools.server import build_server, open_runtime
from sms_tools.settings import Settings

pytestmark = pytest.mark.anyio

WIRE = Path(__file__).parents[1] / "wire"
ALLOWING = Policy(kinds=dict.fromkeys((Kind.DESTRUCTIVE, Kind.SECRET, Kind.AGENT), Decision.ALLOW))
ERROR = b'{"error_code": "SMS.7303", "error_msg": "It is in use."}'


async def called(folder: Path, name: str, body: bytes, **arguments: Any) -> tuple[Any, Any]:
    """The result of a tool whose service always answers 200 with *body*, and the audit."""
    sample = json.loads((WIRE / f"{name}.json").read_text(encoding="utf-8"))["requests"][0]
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=body))
    settings = Settings.for_sandbox(state_dir=folder)
    async with (
        open_runtime(settings, ALLOWING, transport=transport, page=False) as runtime,
        Client(build_server(runtime)) as client,
    ):
        result = await client.call_tool(name, {**sample["arguments"], **arguments})
    return result, audited(folder)


def audited(folder: Path) -> str:
    """All that the audit holds, without blanks."""
    lines = "".join(path.read_text("utf-8") for path in folder.rglob("*.jsonl"))
    return lines.replace(" ", "")


@pytest.mark.parametrize("body", [ERROR, b"[]", b"<html>Please log in</html>"], ids=str)
@pytest.mark.parametrize(
    "name",
    [
        "list_source_servers",
        "get_consistency_results",
        "delete_template",
        "delete_source_servers",
        "update_source_server",
        "set_migration_rate_limits",
        "get_certificate_passphrase",
        "upload_consistency_results",
    ],
)
async def test_what_is_no_reply_is_an_error_in_result_and_audit(
    tmp_path: Path, name: str, body: bytes
) -> None:
    result, audit = await called(tmp_path, name, body)
    assert result.is_error
    said = result.structured_content
    assert said["summary"]
    assert said["what_to_do"]
    assert '"status": "done"' not in json.dumps(said)
    assert "SMS.7303" in json.dumps(said) or body is not ERROR
    if CATALOGUE[name].__spec__.kind is not Kind.READ:
        assert audit
        assert '"outcome":"done"' not in audit


@pytest.mark.parametrize("wrong", ["../tasks", "a b", "a%2Fb", "x?y", "é"])
async def test_what_cannot_be_an_id_is_refused_before_anybody_is_asked(
    tmp_path: Path, wrong: str
) -> None:
    result, audit = await called(tmp_path, "delete_template", b"{}", template_id=wrong)
    assert result.is_error
    assert "template_id is not an id" in json.dumps(result.structured_content)
    assert "list_templates" in json.dumps(result.structured_content)
    assert '"outcome":"done"' not in audit
