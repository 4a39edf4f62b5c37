"""A secret in a server's name, in every shape, read back from every place where it could land."""

import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp import Client

from sms_tools.guard import terminal
from sms_tools.guard.answers import Answers
from sms_tools.guard.terminal import Terminal
from sms_tools.redaction import is_secret_name, redact
from sms_tools.settings import Settings
from tests.server.world import Person, World, everything_in, open_world

pytestmark = pytest.mark.anyio

MARK = "TELL7ALE"
CONFIGURED = (
    Settings.for_sandbox().credentials.secret_key,  # type: ignore[union-attr]
    Settings.for_sandbox().credentials.access_key,  # type: ignore[union-attr]
)
SHAPES = {
    "assigned": f"db password={MARK}",
    "two words": f"db password=two {MARK}",
    "quoted": f"db password='two {MARK}'",
    "pwd": f"db pwd={MARK}",
    "MYSQL_PWD": f"MYSQL_PWD={MARK}",
    "fullwidth colon": f"Passwd：{MARK}",
    "blank in the key": f"secret key: {MARK}",
    "login": f"root:{MARK}@db-01",
    "login with an @": f"mysql://root:p@{MARK}@db-01/x",
    "signed link": f"https://obs.example/log?AccessKeyId={MARK}&Signature={MARK}&x=1",
    "amazon's link": f"https://obs.example/log?X-Amz-Signature={MARK}",
    "JSON": json.dumps({"privateKey": MARK}),
    "JSON pair": json.dumps([{"config_key": "ROOT_PASSWORD", "config_value": MARK}]),
    "cookie": f"Cookie: session={MARK}; x={MARK}",
    "PEM": f"-----BEGIN PRIVATE KEY----- {MARK} -----END PRIVATE KEY-----",
    "secret key": f"db {CONFIGURED[0]}",
    "access key id": f"db {CONFIGURED[1]}",
}
TOLD = (MARK, *CONFIGURED)


def assert_clean(where: str, said: str) -> None:
    assert said, f"{where} says nothing"
    assert not [each for each in TOLD if each in said], where


def renamed(world: World, name: str) -> str:
    """The id of a server without a task, which is now called *name*."""
    source = next(each for each in world.cloud.sources.values() if each.name == "new-01")
    source.name = name
    return source.id


def all_bytes(folder: Path) -> str:
    """What stands in the state: the database, its write-ahead log, the audit."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert any(path.name.endswith("-wal") for path in files)
    return "".join(path.read_bytes().decode("utf-8", "replace") for path in files)


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_secret_in_a_name_is_hidden_wherever_it_is_read_back(
    shape: str, tmp_path: Path
) -> None:
    folder = tmp_path / "state"
    async with open_world(folder, page=True) as world:
        source = renamed(world, SHAPES[shape])
        person = Person("decline")
        call = ("delete_source_server", {"source_id": source})
        async with world.client("legacy", person) as client:
            declined = await client.call_tool(*call)
        assert person.read
        assert_clean("the dialog", "\n".join(person.read))
        assert_clean("the result after a no", everything_in(declined))
        world.clock.pass_(minutes=11)  # so long a no holds
        async with world.client("legacy") as client:
            await exits_of_a_held_call(client, call, world)
            for tool, arguments in (
                ("get_source_server", {"source_id": source}),
                ("list_source_servers", {}),
                ("migration_overview", {"detail": "full"}),
                ("what_changed", {"detail": "full"}),
                ("delete_source_server", {"source_id": "x" * 8, "colour": SHAPES[shape]}),
            ):
                assert_clean(tool, everything_in(await client.call_tool(tool, arguments)))
            for address in (f"sms://servers/{source}", "sms://audit/latest"):
                found = await client.read_resource(address)
                assert_clean(address, found.contents[0].text)  # type: ignore[union-attr]
        assert_clean("the state folder", all_bytes(folder))


async def exits_of_a_held_call(
    client: Client, call: tuple[str, dict[str, Any]], world: World
) -> None:
    """The result, the page and the terminal of one call that waits."""
    guard = world.runtime.guard
    held = await client.call_tool(*call)
    assert_clean("the held result", everything_in(held))
    waiting = await guard.approvals.waiting()
    assert waiting
    said: list[str] = []
    here = Terminal(said.append, lambda _: "", is_terminal=True)
    answers = Answers(guard.approvals, guard.audit)
    await terminal.list_waiting(answers, here)
    await terminal.show(answers, waiting[0].id, here)
    assert_clean("the terminal", "\n".join(said))
    url = (held.structured_content or {}).get("approval_url")
    async with httpx.AsyncClient(trust_env=False) as browser:
        assert_clean("the page", (await browser.get(str(url))).text)


@pytest.mark.parametrize(
    "name",
    [
        *("passWord", "PassPhrase", "privatekey", "pwd", "cert_key", "ssh_key", "api_key"),
        *("share_url", "Cookie", "x-auth-token", "Secret Access Key", "MYSQL_PWD", "obs_sk"),
        *("ａpi_key", "target-password", "adminPass", "X-Amz-Signature", "DB_PASS", "ak"),
    ],
)
def test_a_secrets_name_is_known_in_every_spelling(name: str) -> None:
    assert is_secret_name(name)
    assert MARK not in json.dumps(redact({name: MARK, "a": [{name: {"b": MARK}}]}))


@pytest.mark.parametrize(
    "name",
    ["backup_key", "disk", "task_id", "key", "name", "bypass", "region", "config_key"],
)
def test_an_ordinary_name_is_none(name: str) -> None:
    assert not is_secret_name(name)


@pytest.mark.parametrize(
    ("named", "holds"),
    [("config_key", "config_value"), ("name", "value"), ("key", "value"), ("Key", "Value")],
)
def test_a_value_is_hidden_by_the_name_beside_it(named: str, holds: str) -> None:
    pair = {named: "ROOT_PASSWORD", holds: MARK, "other": "stays"}
    assert redact(pair) == {named: "ROOT_PASSWORD", holds: "[hidden]", "other": "stays"}
    assert redact({named: "colour", holds: "red"}) == {named: "colour", holds: "red"}


@pytest.mark.parametrize(
    "text",
    [
        "get_certificate_passphrase: Task does not exist (SMS.0204, HTTP 400)",
        "get_template_target_password: the service gave no reason",
        "A token of appreciation: disk: 40, risk: high, task=3, and no password was given.",
        "mail to mailto:somebody@example.com at 12:30: 3 servers, 40 % done",
    ],
)
def test_our_own_words_survive(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    "piece",
    [":@", "a:", "a:b@", "password= ", "password=a ", "=", "{", '{"a":', "a b: ", "cookie:", "\\"],
)
def test_hostile_texts_take_time_that_grows_with_their_length_only(piece: str) -> None:
    spent = []
    for length in (20_000, 80_000):
        text = piece * (length // len(piece))
        before = time.process_time()
        redact(text)
        spent.append(time.process_time() - before)
    assert spent[1] < max(16 * spent[0], 1.0)  # four times the text; sixteen would be its square


FIELDS = ("name", "exclude", "group", "limits", "template", "unknown column", "server")
"""Where in a row of a sheet a secret can stand; of `name` it is the server's own."""


HIT = "datacentre-025"
"""A server that is fit for the template."""


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("shape", SHAPES)
async def test_a_plan_from_a_sheet_carries_no_secret_to_any_exit(
    shape: str, field: str, tmp_path: Path
) -> None:
    folder = tmp_path / "state"
    async with open_world(folder, page=True, scenario="new-fleet") as world:
        by_name = {each.name: each for each in world.cloud.sources.values()}
        hit = by_name[HIT]
        rows: list[dict[str, Any]] = [
            {"server": each, "template": "datacentre"}
            for each in ("datacentre-025", "datacentre-028")
        ]
        if field == "name":
            hit.name = rows[0]["server"] = SHAPES[shape]
        else:
            rows[0]["target_password" if field == "unknown column" else field] = SHAPES[shape]
        person = Person("decline")
        async with world.client("legacy", person) as client:
            told = await client.call_tool("plan_migration", {"rows": rows, "start": True})
            assert_clean("the plan", everything_in(told))
            plan = (told.structured_content or {})["plan_id"]
            assert plan, everything_in(told)  # the other row is planned, whatever this one holds
            call = ("apply_plan", {"plan_id": plan})
            assert_clean("the result after a no", everything_in(await client.call_tool(*call)))
        assert person.read
        assert_clean("the dialog", "\n".join(person.read))
        world.clock.pass_(minutes=11)  # so long a no holds
        async with world.client("legacy") as client:
            await exits_of_a_held_call(client, call, world)
            found = await client.read_resource("sms://audit/latest")
            assert_clean("the audit", found.contents[0].text)  # type: ignore[union-attr]
        assert_clean("the state folder", all_bytes(folder))


@pytest.mark.parametrize("shape", ["assigned", "secret key"])
async def test_what_a_plan_would_keep_of_a_secret_is_refused_with_what_to_do(
    shape: str, tmp_path: Path
) -> None:
    async with (
        open_world(tmp_path / "state", scenario="new-fleet") as world,
        world.client("legacy") as client,
    ):
        row = {
            "server": "datacentre-025",
            "template": "datacentre",
            "exclude": f"/srv/{SHAPES[shape]}",
        }
        told = await client.call_tool("plan_migration", {"rows": [row]})
        said = everything_in(told)
        assert "would carry what looks like a secret" in said
        assert "Take it out" in said
        assert (told.structured_content or {})["rejected"] == 1


@pytest.mark.parametrize("shape", ["assigned", "login", "secret key"])
async def test_a_plan_that_is_kept_holds_no_secret_of_a_name(shape: str, tmp_path: Path) -> None:
    folder = tmp_path / "state"
    async with open_world(folder) as world, world.client("legacy") as client:
        for source in world.cloud.sources.values():
            source.name = f"{source.name} {SHAPES[shape]}"
        told = await client.call_tool("plan_remediation", {"goal": "retry_failed"})
        plan = (told.structured_content or {})["plan_id"]
        assert plan
        assert_clean("the plan", everything_in(told))
        asked = await client.call_tool("apply_plan", {"plan_id": plan})
        assert (asked.structured_content or {})["status"] == "approval_required"
        assert_clean("the request", everything_in(asked))
        assert_clean("the state folder", all_bytes(folder))
