"""A policy holds on every path, on the names that are there now, and no rule stands for nothing."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mcp.shared.exceptions import MCPError

from sms_tools.account import Account
from sms_tools.guard import Decision, Policy, PolicyError, Preview, Subject, Target, decide
from sms_tools.guard.policy_file import parse_policy
from sms_tools.operation import Kind
from sms_tools.operations import CATALOGUE
from tests.server.world import World, everything_in, open_world

pytestmark = pytest.mark.anyio

ACCOUNT = Account("region", "https://sms.example")
RULES = """
[[targets]]
match = "prod-*"
decision = "block"

[[targets]]
match = "test-*"
decision = "allow"
tools = ["delete_source_server"]
"""


def source(world: World, name: str) -> str:
    return world.cloud.by_name(name).id


def reads_blocked(*tools: str, word: str = "block") -> Policy:
    lines = "\n".join(f'{tool} = "{word}"' for tool in tools)
    return parse_policy(f"[tools]\n{lines}\n", Policy())


@pytest.mark.parametrize("word", ["block", "ask"])
async def test_a_read_that_is_held_back_is_read_by_no_path(word: str, tmp_path: Path) -> None:
    policy = reads_blocked("get_migration_task", "get_source_server", word=word)
    async with open_world(tmp_path, policy=policy) as world, world.client("legacy") as client:
        server = world.cloud.by_name("web-03")
        for address in (f"sms://servers/{server.id}", f"sms://tasks/{server.task_id}"):
            with pytest.raises(MCPError, match="held back by the policy's rule for the tool"):
                await client.read_resource(address)
        told = await client.call_tool("diagnose_server", {"server": "web-03"})
        assert "get_migration_task" in everything_in(told)
        assert "held back by the policy's rule" in everything_in(told)
        await client.call_tool("get_migration_task", {"task_id": server.task_id})
        assert not {"get_migration_task", "get_source_server"} & set(world.service.arrived)


async def test_a_composite_says_what_it_may_not_read(tmp_path: Path) -> None:
    policy = reads_blocked("list_migration_tasks")
    async with open_world(tmp_path, policy=policy) as world, world.client("legacy") as client:
        told = await client.call_tool("migration_overview", {})
        assert not told.is_error
        incomplete = json.dumps((told.structured_content or {})["incomplete"])
        assert "list_migration_tasks" in incomplete
        assert "held back by the policy's rule" in incomplete
        assert "list_migration_tasks" not in world.service.arrived


async def test_with_all_reads_blocked_nothing_reaches_the_service_and_nothing_breaks(
    tmp_path: Path,
) -> None:
    policy = parse_policy('[kinds]\nread = "block"\n', Policy())
    async with open_world(tmp_path, policy=policy) as world, world.client("legacy") as client:
        for tool in ("migration_overview", "summarize_progress", "list_source_servers"):
            told = await client.call_tool(tool, {})
            assert "the policy's rule for read calls" in everything_in(told)
        assert world.service.arrived == []


async def test_a_read_that_a_person_allowed_is_made(tmp_path: Path) -> None:
    policy = reads_blocked("list_templates", word="ask")
    async with open_world(tmp_path, policy=policy) as world, world.client("legacy") as client:
        held = await client.call_tool("list_templates", {})
        assert (held.structured_content or {})["status"] == "approval_required"
        assert "list_templates" not in world.service.arrived
        (waiting,) = await world.runtime.guard.approvals.waiting()
        typed = waiting.preview.typed
        await world.runtime.guard.approvals.approve(waiting.id, typed, "command")
        assert not (await client.call_tool("list_templates", {})).is_error
        assert "list_templates" in world.service.arrived


@pytest.mark.parametrize(
    ("before", "after", "asked"),
    [
        ("new-01", "test-new-01", True),  # into what may be deleted unasked
        ("prod-01", "other", True),  # out of what is blocked
        ("new-01", "PROD-x", True),
        ("new-01", "other", False),  # no rule speaks of either name
    ],
)
async def test_a_rename_into_or_out_of_a_rule_is_asked_about(
    before: str, after: str, asked: bool, tmp_path: Path
) -> None:
    policy = parse_policy(RULES.replace('"block"', '"block"\nkinds = ["destructive"]'), Policy())
    async with open_world(tmp_path, policy=policy) as world, world.client("legacy") as client:
        server = world.cloud.by_name("new-01")
        server.name = before
        arguments = {"source_id": server.id, "name": after}
        told = await client.call_tool("update_source_server", arguments)
        status = (told.structured_content or {})["status"]
        assert status == ("approval_required" if asked else "done")
        assert server.name == (before if asked else after)


@pytest.mark.parametrize(
    ("old", "new", "asked"),
    [
        ("wave-1", "test-wave", True),  # into a project whose name a rule goes by
        ("prod-wave", "wave-2", True),  # out of one
        ("wave-1", "wave-2", False),  # no rule speaks of either
    ],
)
async def test_a_move_is_judged_by_the_names_of_the_projects_it_leaves_and_enters(
    old: str, new: str, asked: bool, tmp_path: Path
) -> None:
    policy = parse_policy(RULES.replace('"block"', '"block"\nkinds = ["destructive"]'), Policy())
    async with open_world(tmp_path, policy=policy) as world, world.client("legacy") as client:
        server = world.cloud.by_name("new-01")
        here, there = world.cloud.new_project(old), world.cloud.new_project(new)
        server.project_id = here.id
        arguments = {"source_id": server.id, "migprojectid": there.id}
        told = await client.call_tool("update_source_server", arguments)
        assert (told.structured_content or {})["status"] == (
            "approval_required" if asked else "done"
        )
        assert server.project_id == (here if asked else there).id
        if asked:
            assert f"from migration project “{old}”" in everything_in(told)


async def test_a_move_whose_projects_cannot_be_read_is_asked_about(tmp_path: Path) -> None:
    text = f'{RULES}\n[tools]\nlist_migration_projects = "block"\n'
    policy = parse_policy(text.replace('"block"', '"block"\nkinds = ["destructive"]', 1), Policy())
    async with open_world(tmp_path, policy=policy) as world, world.client("legacy") as client:
        server = world.cloud.by_name("new-01")
        arguments = {"source_id": server.id, "migprojectid": world.cloud.new_project("other").id}
        told = await client.call_tool("update_source_server", arguments)
        assert (told.structured_content or {})["status"] == "approval_required"


@pytest.mark.parametrize(
    ("name", "asked"), [("test-x", True), ("elsewhere", True), ("prod-wave", False)]
)
async def test_a_project_or_template_that_leaves_or_enters_a_rule_is_asked_about(
    name: str, asked: bool, tmp_path: Path
) -> None:
    policy = parse_policy(RULES.replace('"block"', '"block"\nkinds = ["destructive"]'), Policy())
    async with open_world(tmp_path, policy=policy) as world, world.client("legacy") as client:
        project = world.cloud.new_project("prod-wave")
        told = await client.call_tool(
            "update_migration_project",
            {
                "mig_project_id": project.id,
                "name": name,
                "region": "r",
                "use_public_ip": True,
                "exist_server": False,
                "type": "MIGRATE_FILE",
                "syncing": True,
            },
        )
        assert (told.structured_content or {})["status"] == (
            "approval_required" if asked else "done"
        )


async def _never() -> Preview:
    raise AssertionError("a decision reads nothing")


def subject(tool: str, kind: Kind, arguments: dict[str, Any] | None = None) -> Subject:
    return Subject(
        tool=tool, kind=kind, arguments=arguments or {}, preview=_never, account=ACCOUNT, ids=[]
    )


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.READ])
def test_nothing_to_look_at_is_no_permission(kind: Kind) -> None:
    everything = 'match = "*"\ndecision = "block"\n'
    strict = parse_policy(f"[[targets]]\n{everything}", Policy())
    assert decide(subject("sign_privacy_agreement", kind), strict, []).decision is Decision.BLOCK
    allowing = 'match = "*"\ndecision = "allow"\nkinds = ["write", "destructive"]\n'
    loose = parse_policy(f"[[targets]]\n{allowing}", Policy())
    found = decide(subject("sign_privacy_agreement", kind), loose, []).decision
    assert found is decide(subject("sign_privacy_agreement", kind), Policy(), []).decision


_TOOLS = [name for name, each in CATALOGUE.items()]
_KINDS = [str(kind) for kind in Kind]


@given(
    pattern=st.text(min_size=1, max_size=12),
    decision=st.sampled_from(["allow", "ask", "block"]),
    tools=st.lists(st.sampled_from(_TOOLS), max_size=3, unique=True),
    kinds=st.lists(st.sampled_from(_KINDS), max_size=2, unique=True),
)
@settings(deadline=None, max_examples=150)
def test_for_every_rule_that_loads_there_is_a_call_that_it_changes(
    pattern: str, decision: str, tools: list[str], kinds: list[str]
) -> None:
    rule = {"match": pattern, "decision": decision, "tools": tools, "kinds": kinds}
    text = "\n".join(f"{key} = {_toml(value)}" for key, value in rule.items())
    base = "ask" if decision == "allow" else "allow"
    otherwise = "".join(f'{kind} = "{base}"\n' for kind in _KINDS)
    without = parse_policy(f"[kinds]\n{otherwise}", Policy())
    try:
        loaded = parse_policy(f"[kinds]\n{otherwise}\n[[targets]]\n{text}\n", Policy())
    except PolicyError:
        return
    name = pattern.replace("*", "a").replace("?", "b")
    changed = [
        (tool, kind)
        for tool in (tools or ["delete_source_server"])
        for kind in (map(Kind, kinds) if kinds else [Kind.WRITE, CATALOGUE[tool].__spec__.kind])
        for target in [Target("id", name)]
        if decide(subject(tool, kind), loaded, [target]).decision
        is not decide(subject(tool, kind), without, [target]).decision
    ]
    assert changed


def _toml(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    escaped = "".join(
        letter if letter.isalnum() and letter.isascii() else f"\\U{ord(letter):08x}"
        for letter in str(value)
    )
    return f'"{escaped}"'
