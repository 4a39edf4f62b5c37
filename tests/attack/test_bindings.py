"""What was agreed to is the account, the call and all that was shown; anything else asks anew."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sms_tools.account import Account
from sms_tools.canonical import digest
from sms_tools.guard import Ask, Go, Guard, Policy, Preview, Subject, terminal
from sms_tools.guard.answers import Answers
from sms_tools.guard.terminal import Terminal
from sms_tools.operation import JSON, Kind
from sms_tools.operations import CATALOGUE
from sms_tools.server import build_server, open_runtime
from sms_tools.settings import Settings
from tests.guard.conftest import CALLER, Thing
from tests.server.world import World, everything_in, open_account, open_world, status_of

pytestmark = pytest.mark.anyio

_TEXT = st.text(max_size=6)
_MAYBE = st.none() | _TEXT
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=6,
)
_ACCOUNTS = st.builds(
    Account,
    region=_TEXT,
    endpoint=_TEXT,
    project=_MAYBE,
    domain=_MAYBE,
    user=_MAYBE,
    name=_MAYBE,
    sandbox=st.none() | st.sampled_from(["", "mixed", "account"]),
)


def same(one: JSON, other: JSON) -> bool:
    """Whether two values are the same JSON; ``True`` is not 1 there."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


@given(_ACCOUNTS, _ACCOUNTS)
@settings(deadline=None)
def test_no_two_different_accounts_share_a_key(one: Account, other: Account) -> None:
    if one.sandbox is None and other.sandbox is None:
        assert (one.key == other.key) == (one == other)
    else:  # a sandbox is what its scenario, servers and seed say, wherever it is reached
        assert (one.key == other.key) == (one.sandbox == other.sandbox)


async def _never() -> Preview:
    raise AssertionError("nothing is read")


@given(_ACCOUNTS, _ACCOUNTS, _JSON, _JSON, st.sampled_from(["a", "b"]), st.sampled_from(["a", "b"]))
@settings(deadline=None)
def test_no_two_different_calls_share_a_digest(
    account: Account, another: Account, value: JSON, other: JSON, tool: str, second: str
) -> None:
    def call(tool: str, account: Account, value: JSON) -> Subject:
        arguments = {"value": value}
        return Subject(tool, Kind.WRITE, arguments, preview=_never, account=account, ids=[])

    one, two = call(tool, account, value), call(second, another, other)
    alike = tool == second and account.key == another.key and same(value, other)
    assert (one.arguments_digest == two.arguments_digest) == alike


@given(_JSON, _JSON)
@settings(deadline=None)
def test_no_two_different_values_share_a_digest(one: JSON, other: JSON) -> None:
    assert (digest(one) == digest(other)) == same(one, other)


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"endpoint": "https://sms.elsewhere.example"},
        {"project_id": "another-project"},
        {"domain_id": "another-domain"},
        {"region": "eu-west-101"},
        {"sandbox": "healthy, seed 1"},
    ],
)
async def test_a_yes_on_one_account_is_none_on_another_with_the_same_state_folder(
    elsewhere: dict[str, Any], tmp_path: Path
) -> None:
    here = replace(Settings.for_sandbox(state_dir=tmp_path), sandbox=None)
    call: tuple[str, dict[str, Any]] = ("sign_privacy_agreement", {})
    async with opened(here) as first:
        async with first.client("legacy") as client:
            assert status_of(await client.call_tool(*call)) == "approval_required"
        await agreed(first)
    async with opened(replace(here, **elsewhere)) as second, second.client("legacy") as client:
        held = await client.call_tool(*call)
        assert status_of(held) == "approval_required"
        assert second.service.changing == []
        waiting = await second.runtime.guard.approvals.waiting()
        assert {each.preview.account for each in waiting} >= {str(second.runtime.settings.account)}
    async with opened(here) as first, first.client("legacy") as client:
        assert status_of(await client.call_tool(*call)) == "done"


def opened(settings: Settings) -> Any:
    """A world on an account of its own over *settings*, whose state others may share."""
    from contextlib import asynccontextmanager

    @asynccontextmanager
    async def world() -> Any:
        sandbox, service = open_account()
        async with open_runtime(
            settings, Policy(), transport=sandbox.transport(), page=False
        ) as runtime:
            opened = World(sandbox, service, None, runtime)  # type: ignore[arg-type]
            vars(opened)["server"] = build_server(runtime)
            yield opened

    return world()


async def agreed(world: World) -> None:
    """A person says yes to all that waits."""
    approvals = world.runtime.guard.approvals
    for each in await approvals.waiting():
        await approvals.approve(each.id, each.preview.typed, "command")


_DISKS = [{"id": "1", "adjust_size": 0, "need_migration": False}]


def _bigger_disks(world: World, name: str) -> None:
    source = world.cloud.by_name(name)
    source.spec = replace(
        source.spec, disks=tuple(replace(disk, size=4_096) for disk in source.spec.disks)
    )


def _another_address(world: World, name: str) -> None:
    world.cloud.by_name(name).ip = "203.0.113.9"


def _another_name(world: World, name: str) -> None:
    world.cloud.by_name(name).name = "prod-db"


CHANGES: dict[str, Callable[[World, str], None]] = {
    "its disks grow to 4 TiB": _bigger_disks,
    "its address is another": _another_address,
    "its name is another": _another_name,
}


@pytest.mark.parametrize("change", CHANGES)
async def test_what_changes_after_the_yes_is_shown_anew_and_not_sent(
    change: str, tmp_path: Path
) -> None:
    async with open_world(tmp_path) as world, world.client("legacy") as client:
        source = world.cloud.by_name("new-01")
        call: tuple[str, dict[str, Any]] = ("delete_source_server", {"source_id": source.id})
        if "disks" in change:
            call = ("update_source_server", {"source_id": source.id, "disks": _DISKS})
        assert status_of(await client.call_tool(*call)) == "approval_required"
        await agreed(world)
        CHANGES[change](world, "new-01")
        again = await client.call_tool(*call)
        assert status_of(again) == "stale", everything_in(again)
        assert world.service.changing == []


async def test_the_settings_of_a_task_that_change_after_the_yes_are_shown_anew(
    tmp_path: Path,
) -> None:
    async with open_world(tmp_path) as world, world.client("legacy") as client:
        task = world.cloud.by_name("db-ora-01").task_id
        call = ("delete_migration_task", {"task_id": task})
        assert status_of(await client.call_tool(*call)) == "approval_required"
        await agreed(world)
        world.cloud.tasks[str(task)].syncing ^= True
        assert status_of(await client.call_tool(*call)) == "stale"
        assert world.service.changing == []


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("update_migration_task", {"exist_server": True}),
        ("update_migration_task", {"region_id": "elsewhere"}),
        ("update_migration_task", {"project_id": "elsewhere"}),
        ("upload_migration_task_logs", {"log_bucket": "anybodys", "log_expire": 3_600}),
    ],
)
async def test_a_write_that_decides_a_later_launch_or_gives_logs_away_is_asked_about(
    tool: str, arguments: dict[str, Any], tmp_path: Path
) -> None:
    async with open_world(tmp_path) as world, world.client("legacy") as client:
        task = world.cloud.by_name("db-es-01").task_id
        told = await client.call_tool(tool, {"task_id": task, **arguments})
        assert status_of(told) in ("approval_required", "blocked"), everything_in(told)
        assert world.service.changing == []


ODD_IDS = ("..", ".", "../x", "a/b", "a%2fb", "a\\b", "a b", "a?b", "a#b", "a\n", "\u200b", "é", "")
_PLACES = [
    (name, part[1:-1])
    for name, each in CATALOGUE.items()
    for part in each.__spec__.path.split("/")
    if part.startswith("{") and name != "calculate_sha256"  # which has a text there, not an id
]


@pytest.mark.parametrize(("tool", "field"), _PLACES)
async def test_no_odd_id_reaches_a_path(tool: str, field: str, tmp_path: Path) -> None:
    async with open_world(tmp_path) as world, world.client("legacy") as client:
        for odd in ODD_IDS:
            told = await client.call_tool(tool, {field: odd})
            assert told.is_error, (odd, everything_in(told))
        asked = {name for name in world.service.arrived if not name.startswith("list_")}
        assert not asked  # a text that is no id is looked for among the names, and no further


async def test_a_name_with_half_a_surrogate_pair_keeps_nobody_from_acting(
    guard: Guard, thing: Thing
) -> None:
    thing.name = "db\ud800-01"
    ask = await guard.begin(thing.subject(), CALLER)
    assert isinstance(ask, Ask)
    assert ask.question.encode()  # whatever is shown can be written down
    go = await guard.answer(ask, action="accept", typed=ask.typed)
    assert isinstance(go, Go)
    assert await guard.perform(go, thing.delete) == "deleted"


async def test_what_is_to_be_typed_reaches_the_terminal_without_control_characters(
    tmp_path: Path,
) -> None:
    async with open_world(tmp_path) as world, world.client("legacy") as client:
        source = world.cloud.by_name("new-01")
        source.name = "db\x1b[2J\x9b31m\u202e-01"
        await client.call_tool("delete_source_server", {"source_id": source.id})
        guard = world.runtime.guard
        (waiting,) = await guard.approvals.waiting()
        said: list[str] = []

        def ask(question: str) -> str:
            said.append(question)
            return ""

        here = Terminal(said.append, ask, is_terminal=True)
        await terminal.list_waiting(Answers(guard.approvals, guard.audit), here)
        await terminal.approve(Answers(guard.approvals, guard.audit), waiting.id, here)
        assert said
        assert not {"\x1b", "\x9b", "\u202e"} & set("".join(said))
