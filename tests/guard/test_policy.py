"""The policy: one table of decisions, and a file that says what is wrong with it."""

import json
import re
from pathlib import Path

import pytest

from sms_tools.account import Account
from sms_tools.guard import Decision, Policy, PolicyError, Preview, Subject, Target, decide, effect
from sms_tools.guard.policy_file import load_policy, parse_policy
from sms_tools.operation import Kind
from sms_tools.operations.tasks import DeleteMigrationTask, ManageMigrationTask

ALLOW, ASK, BLOCK = Decision


def subject(kind: Kind, tool: str = "delete_migration_task") -> Subject:
    return Subject(
        tool=tool, kind=kind, arguments={}, preview=_never, account=ACCOUNT, ids=["id-1"]
    )


async def _never() -> Preview:
    raise AssertionError("a decision reads nothing")


ACCOUNT = Account("region", "https://sms.example")


def policy(text: str, tmp_path: Path) -> Policy:
    path = tmp_path / "policy.toml"
    path.write_text(text, encoding="utf-8")
    return load_policy(path)


def blocking(pattern: str) -> Policy:
    """A policy with one rule, read as from a file."""
    return parse_policy(
        f"[[targets]]\nmatch = {json.dumps(pattern)}\ndecision = 'block'\n", Policy()
    )


@pytest.mark.parametrize(
    ("flags", "decisions"),
    [
        ({}, [ALLOW, ALLOW, ASK, ASK, ASK]),
        ({"no_destructive": True}, [ALLOW, ALLOW, BLOCK, BLOCK, BLOCK]),
        ({"read_only": True}, [ALLOW, BLOCK, BLOCK, BLOCK, BLOCK]),
        ({"read_only": True, "no_destructive": True}, [ALLOW, BLOCK, BLOCK, BLOCK, BLOCK]),
    ],
)
def test_flags_decide_by_kind(flags: dict[str, bool], decisions: list[Decision]) -> None:
    found = [decide(subject(kind), Policy(**flags)).decision for kind in Kind]  # type: ignore[arg-type]
    assert found == decisions


def test_read_only_beats_a_file_that_allows_everything() -> None:
    kinds = "".join(f'{kind} = "allow"\n' for kind in Kind)
    text = f'[kinds]\n{kinds}[tools]\ndelete_migration_task = "allow"\n'
    loose = parse_policy(text, Policy(read_only=True))
    assert decide(subject(Kind.DESTRUCTIVE), loose).decision is BLOCK


def test_a_rule_for_the_tool_goes_before_a_rule_for_the_kind(tmp_path: Path) -> None:
    text = '[kinds]\ndestructive = "block"\n[tools]\ndelete_migration_task = "ask"\n'
    assert decide(subject(Kind.DESTRUCTIVE), policy(text, tmp_path)).decision is ASK


@pytest.mark.parametrize(
    ("name", "decision"),
    [("prod-db", BLOCK), ("PROD-db", BLOCK), ("test-db", ASK), (None, BLOCK)],
)
def test_a_blocked_name_is_blocked_and_an_unknown_name_counts_as_blocked(
    tmp_path: Path, name: str | None, decision: Decision
) -> None:
    strict = policy('[[targets]]\nmatch = "prod-*"\ndecision = "block"\n', tmp_path)
    ruling = decide(subject(Kind.DESTRUCTIVE), strict, [Target("id-1", name)])
    assert ruling.decision is decision


LOOSE = '[[targets]]\nmatch = "test-*"\ndecision = "allow"\ntools = ["delete_migration_task"]\n'


@pytest.mark.parametrize(
    ("names", "decision"),
    [(["test-1"], ALLOW), (["test-1", "prod-1"], ASK), ([None], ASK), ([], ASK)],
)
def test_an_allowed_name_loosens_only_when_every_target_has_it(
    tmp_path: Path, names: list[str | None], decision: Decision
) -> None:
    targets = [Target(f"id-{number}", name) for number, name in enumerate(names)]
    ruling = decide(subject(Kind.DESTRUCTIVE), policy(LOOSE, tmp_path), targets)
    assert ruling.decision is decision


def test_an_allowed_name_does_not_lift_a_block(tmp_path: Path) -> None:
    text = '[kinds]\ndestructive = "block"\n' + LOOSE
    targets = [Target("id-1", "test-1")]
    assert decide(subject(Kind.DESTRUCTIVE), policy(text, tmp_path), targets).decision is BLOCK


def test_of_two_rules_for_a_target_the_stricter_counts(tmp_path: Path) -> None:
    text = LOOSE + '[[targets]]\nmatch = "*"\ndecision = "block"\n'
    targets = [Target("id-1", "test-1")]
    assert decide(subject(Kind.DESTRUCTIVE), policy(text, tmp_path), targets).decision is BLOCK


def test_a_name_that_is_to_be_asked_about_is_not_loosened_by_a_wider_allow(tmp_path: Path) -> None:
    allows = '[[targets]]\nmatch = "test-*"\nkinds = ["destructive"]\ndecision = "allow"\n'
    asks = '[[targets]]\nmatch = "test-db*"\ndecision = "ask"\n'
    both = policy(allows + asks, tmp_path)
    web, db = Target("id-1", "test-web"), Target("id-2", "test-db-01")
    assert decide(subject(Kind.DESTRUCTIVE), both, [web]).decision is ALLOW
    assert decide(subject(Kind.DESTRUCTIVE), both, [db]).decision is ASK
    assert decide(subject(Kind.DESTRUCTIVE), both, [web, db]).decision is ASK


def test_the_policy_holds_for_every_step_of_a_plan() -> None:
    plan = Subject(
        tool="apply_plan",
        kind=Kind.WRITE,
        arguments={},
        preview=_never,
        account=ACCOUNT,
        steps=[
            ManageMigrationTask(task_id="t", operation="stop"),
            DeleteMigrationTask(task_id="t"),
        ],
    )
    assert decide(plan, Policy()).decision is ASK
    assert decide(plan, Policy(no_destructive=True)).decision is BLOCK


def test_the_effect_on_a_tool_is_told_for_each_kind_its_calls_can_have() -> None:
    by_value = [Kind.WRITE, Kind.DESTRUCTIVE]
    told = effect("manage_migration_task", by_value, Policy())
    assert told == {Kind.WRITE: ALLOW, Kind.DESTRUCTIVE: ASK}
    read_only = Policy(read_only=True)
    told = effect("delete_template", [Kind.DESTRUCTIVE], read_only)
    assert told == {Kind.DESTRUCTIVE: BLOCK}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("kinds = 1", "line 1, kinds: it is a table"),
        ('[kinds]\nwrites = "ask"', "line 2, kinds.writes: 'writes' is none of"),
        ('[kinds]\nwrite = "maybe"', "line 2, kinds.write: 'maybe' is none of"),
        ('[tools]\ndelete_everything = "ask"', "no tool is called 'delete_everything'"),
        ('[tool]\ndelete_template = "ask"', "line 1, tool: there is no such key here"),
        ('[[targets]]\ndecision = "ask"', "line 1, targets.number 1.match: it is missing"),
        ('[[targets]]\nmatch = "*"\ndecision = "allow"', "must say for which"),
        ('[secrets]\ninline = "yes"', "line 2, secrets.inline: it is true or false"),
        ("read_only = 1", "line 1, read_only: it is true or false"),
        ("read_only = ", "is not TOML"),
        (
            '[[targets]]\nmatch = "a"\ndecision = "ask"\n\n'
            '[[targets]]\ndecision = "ask"\nmatch = " b"\n',
            "line 7, targets.number 2.match: ' b' has blanks at an end",
        ),
        (
            '[[targets]]\nmatch = "a"\ndecision = "block"\nkinds = ["read"]',
            "line 1, targets.number 1: a read has no target",
        ),
        (
            '[[targets]]\nmatch = "a"\ndecision = "block"\ntools = ["get_source_server"]',
            "get_source_server reads",
        ),
        (
            '[[targets]]\nmatch = "a"\ndecision = "block"\ntools = ["delete_template"]\n'
            'kinds = ["secret"]',
            "no call of delete_template is of the kinds secret",
        ),
    ],
)
def test_a_wrong_file_is_refused_with_the_place_named(
    tmp_path: Path, text: str, complaint: str
) -> None:
    with pytest.raises(PolicyError, match=re.escape(complaint)):
        policy(text, tmp_path)


def test_a_missing_file_is_an_error_and_not_an_empty_policy(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="cannot be read"):
        load_policy(tmp_path / "nowhere.toml")


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("[prod] *", "[prod] db"),
        ("prod-*", "pr\u200bod-db"),
        ("prod-*", " PROD-db"),
        ("ID-?", "other"),
    ],
)
def test_a_block_matches_a_name_or_an_id_as_a_reader_sees_it(pattern: str, name: str) -> None:
    strict = blocking(pattern)
    ruling = decide(subject(Kind.DESTRUCTIVE), strict, [Target("id-1", name)])
    assert ruling.decision is BLOCK


def test_brackets_in_a_rule_are_no_set_of_letters() -> None:
    strict = blocking("[prod]*")
    ruling = decide(subject(Kind.DESTRUCTIVE), strict, [Target("id-1", "disk")])
    assert ruling.decision is ASK


def test_a_block_of_everything_holds_a_call_without_a_target() -> None:
    strict = blocking("*")
    assert decide(subject(Kind.WRITE), strict, []).decision is BLOCK
    narrow = blocking("prod-*")
    assert decide(subject(Kind.WRITE), narrow, []).decision is ALLOW


@pytest.mark.parametrize("pattern", [" prod-*", "prod-* ", "pr\u200bod-*", "\u202eprod"])
def test_a_rule_with_blanks_or_invisible_letters_is_refused_when_it_is_read(pattern: str) -> None:
    with pytest.raises(PolicyError, match=r"line 2, targets\.number 1\.match"):
        blocking(pattern)
