"""No reply of the service brings a secret or a hidden character to a client, whatever it holds."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp import Client

from sms_tools.guard import Decision, Policy
from sms_tools.operation import Kind
from sms_tools.operations import CATALOGUE
from sms_tools.server import Runtime, build_server, open_runtime
from sms_tools.settings import Settings

from .dangerous import sample
from .world import World, everything_in

pytestmark = pytest.mark.anyio

WIRE = Path(__file__).parents[1] / "wire"
MARK = "TELLTALE"
"""Part of every secret that the replies carry."""
SECRET_NAMES = (
    "target_password",
    "passphrase",
    "private_key",
    "target_mgmt_private_key",
    "pkey",
    "token",
    "securityToken",
    "X-Auth-Token",
    "log_share_url",
    "encoded_authorization_message",
    "encoded_authorized_message",
    "access_key",
    "secretKey",
    "ak",
    "sk",
)
PEM = f"-----BEGIN RSA PRIVATE KEY-----\n{MARK}\n-----END RSA PRIVATE KEY-----"
CONFIGURED = "example-secret-key"
HIDDEN = "\u202e\u200b\u2066\x1b\x00\ufeff"
"""Right-to-left override, zero-width space, isolate, escape, null, byte order mark."""


def stuffed(value: Any) -> Any:
    """*value* with secrets beside every field, in every text, at every depth."""
    if isinstance(value, dict):
        inside = {key: stuffed(each) for key, each in value.items()}
        return {**inside, **{name: f"{MARK}-{name}" for name in SECRET_NAMES}}
    if isinstance(value, list):
        return [stuffed(each) for each in value]
    if isinstance(value, str):
        return f"{value}{HIDDEN} {CONFIGURED} password={MARK} {PEM}"
    return value


NOTHING: dict[str, Any] = {"count": 0, "source_servers": [], "tasks": []}


class Stuffing(httpx.AsyncBaseTransport):
    """Answers every request with the reference's reply to one operation, stuffed."""

    body: Any = None
    status = 200

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        # The lists in which names are looked up are empty, unless one of them is the reply.
        return httpx.Response(self.status, json={**NOTHING, **self.body}, request=request)


ALLOWING = Policy(kinds=dict.fromkeys((Kind.DESTRUCTIVE, Kind.SECRET, Kind.AGENT), Decision.ALLOW))


@pytest.fixture
def service() -> Stuffing:
    return Stuffing()


@pytest.fixture
async def runtime(service: Stuffing, tmp_path: Path) -> AsyncIterator[Runtime]:
    """A server whose policy lets everything through, so that every reply is seen."""
    settings = Settings.for_sandbox(state_dir=tmp_path / "state")
    async with open_runtime(settings, ALLOWING, transport=service, page=False) as runtime:
        yield runtime


def replies() -> list[tuple[str, int, Any]]:
    found = []
    for name in CATALOGUE:
        read = json.loads((WIRE / f"{name}.json").read_text(encoding="utf-8"))
        found += [(name, number, reply) for number, reply in enumerate(read["replies"] or [{}])]
    return found


def assert_clean(said: str) -> None:
    assert MARK not in said
    assert CONFIGURED not in said
    assert not set(HIDDEN) & set(said)
    assert "\\u202e" not in said


@pytest.mark.parametrize(
    ("name", "reply"), [pytest.param(n, r, id=f"{n}-{i}") for n, i, r in replies()]
)
async def test_no_reply_shows_a_secret(
    name: str, reply: Any, service: Stuffing, runtime: Runtime
) -> None:
    service.body = stuffed(reply if isinstance(reply, dict) else {"reply": reply})
    assert MARK in json.dumps(service.body)
    async with Client(build_server(runtime)) as client:
        result = await client.call_tool(name, sample(name))
    assert not result.is_error, result.content
    said = everything_in(result)
    assert_clean(said)
    if CATALOGUE[name].__spec__.kind is Kind.READ:
        assert "[hidden]" in said


@pytest.mark.parametrize("name", CATALOGUE)
async def test_no_error_shows_a_secret(name: str, service: Stuffing, runtime: Runtime) -> None:
    error = {"error_code": "SMS.0001", "error_msg": "no", "error_param": ["x"], "details": []}
    service.status, service.body = 400, stuffed(error)
    async with Client(build_server(runtime)) as client:
        result = await client.call_tool(name, sample(name))
    assert result.is_error
    assert_clean(everything_in(result))


@pytest.mark.parametrize("name", ["migration_overview", "summarize_failed_servers"])
async def test_names_in_answers_are_cleaned(name: str, world: World, era: str) -> None:
    """The account has a server whose name hides characters and gives orders."""
    async with world.client(era) as client:
        said = everything_in(await client.call_tool(name, {"detail": "full"}))
    assert not set(HIDDEN) & set(said)


async def test_the_texts_of_a_result_and_its_structure_are_the_same_data(
    world: World, era: str
) -> None:
    async with world.client(era) as client:
        result = await client.call_tool("list_source_servers", {"limit": 3})
    (part,) = result.content
    text = getattr(part, "text", "")
    assert json.loads(text) == result.structured_content
    assert text == json.dumps(result.structured_content, ensure_ascii=False, separators=(",", ":"))
