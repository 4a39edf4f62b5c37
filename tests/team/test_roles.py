"""Roles, four eyes and a freeze, as named callers over HTTP meet them."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sms_tools.guard import Policy
from sms_tools.guard.answers import Answers
from sms_tools.guard.approvals import Verdict
from sms_tools.guard.freezing import Freeze, Freezes
from sms_tools.guard.people import Person, Role, roles_in
from sms_tools.guard.policy import Decision, PolicyError
from sms_tools.guard.policy_file import parse_policy
from sms_tools.moment import utc_now
from sms_tools.operation import Kind

from .conftest import ROLES, Opener, Team, written

pytestmark = pytest.mark.anyio


def person(name: str) -> Person:
    return Person(name, roles_in(ROLES[name]))


async def approve(team: Team, held: dict[str, Any], by: Person | None) -> Verdict:
    guard = team.runtime.guard
    approval = await guard.approvals.get(held["approval_id"])
    assert approval
    return await Answers(guard.approvals, guard.audit).approve(
        approval, approval.preview.typed, "command", by
    )


async def events(team: Team, event: str) -> list[dict[str, Any]]:
    return [dict(e) for e in await team.runtime.guard.audit.read() if e["event"] == event]


async def test_without_a_token_that_counts_nothing_is_read(open_team: Opener) -> None:
    team = await open_team()
    for who in (None, "not-a-token", ""):
        reply = await team.post(who, "tools/list")
        assert reply.status_code == 401
        assert reply.headers["www-authenticate"].startswith("Bearer ")
        assert "resource_metadata" not in reply.headers["www-authenticate"]
    reply = await team.http.get("/.well-known/oauth-protected-resource/mcp")
    assert reply.status_code == 401


async def test_another_name_than_the_public_one_is_refused(open_team: Opener) -> None:
    team = await open_team()
    team.http.headers["Host"] = "sms-tools.evil.example"
    assert (await team.post("vera", "tools/list")).status_code == 421
    team.http.headers["Host"] = "sms-tools.example.com"
    team.http.headers["X-Forwarded-Host"] = "sms-tools.evil.example"
    assert (await team.post("vera", "tools/list")).status_code == 200
    team.http.headers["Origin"] = "https://evil.example"
    assert (await team.post("vera", "tools/list")).status_code == 403


async def test_a_viewer_reads_and_cannot_even_ask(open_team: Opener) -> None:
    team = await open_team()
    assert (await team.call("vera", "migration_overview"))["server_count"] == 49
    call = {"task_id": team.task_of("web-01")}
    blocked = await team.call("vera", "delete_migration_task", **call)
    assert blocked["status"] == "blocked"
    assert blocked["blocked_by"] == "role"
    assert "operator" in blocked["summary"]
    assert not team.changes


async def test_no_way_around_leads_a_viewer_to_a_change(open_team: Opener) -> None:
    team = await open_team()
    plan = await team.call("olga", "plan_remediation", goal="retry_failed")
    ways: list[tuple[str, dict[str, Any]]] = [
        ("apply_plan", {"plan_id": plan["plan_id"]}),
        ("sign_privacy_agreement", {}),
        ("calculate_sha256", {"key": "0b3c3a0e-example"}),
        ("delete_source_server", {"source_id": next(iter(team.sandbox.cloud.sources))}),
    ]
    for tool, arguments in ways:
        assert (await team.call("vera", tool, **arguments))["blocked_by"] == "role", tool
    assert not team.changes
    assert not await team.runtime.guard.approvals.waiting()


async def test_what_a_request_says_of_itself_gives_nobody_a_role(open_team: Opener) -> None:
    team = await open_team()
    team.http.headers.update(
        {
            "X-Forwarded-For": "127.0.0.1",
            "X-Forwarded-Proto": "https",
            "X-Forwarded-User": "boss",
            "X-Remote-User": "boss",
            "Forwarded": "for=127.0.0.1;host=sms-tools.example.com",
        }
    )
    assert (await team.post(None, "tools/list")).status_code == 401
    blocked = await team.call("vera", "sign_privacy_agreement")
    assert blocked["blocked_by"] == "role"


async def test_an_approver_who_is_no_operator_cannot_ask_either(open_team: Opener) -> None:
    team = await open_team()
    call = {"task_id": team.task_of("web-01")}
    assert (await team.call("anna", "delete_migration_task", **call))["blocked_by"] == "role"


async def test_roles_never_loosen_what_the_policy_blocks(open_team: Opener) -> None:
    team = await open_team(Policy(read_only=True))
    call = {"task_id": team.task_of("web-01")}
    blocked = await team.call("boss", "delete_migration_task", **call)
    assert blocked["blocked_by"] == "policy"


async def test_a_yes_needs_a_named_approver_and_the_audit_names_both(open_team: Opener) -> None:
    team = await open_team()
    call = {"task_id": team.task_of("web-01")}
    held = await team.call("olga", "delete_migration_task", **call)
    assert held["status"] == "approval_required"
    assert held["approval_url"] is None
    assert await approve(team, held, None) is Verdict.NOT_ALLOWED
    assert await approve(team, held, person("olga")) is Verdict.NOT_ALLOWED
    assert not team.changes
    assert await approve(team, held, person("anna")) is Verdict.APPROVED
    assert (await team.call("boss", "delete_migration_task", **call))["status"] != "done"
    assert (await team.call("olga", "delete_migration_task", **call))["status"] == "done"
    assert team.changes == ["delete_migration_task"]
    made = (await events(team, "call"))[0]
    assert (made["subject"], made["approved_by"]) == ("olga", "anna")
    assert (await events(team, "answer"))[0]["by"] == "anna"


@pytest.mark.parametrize(("four_eyes", "whose"), [(False, "an"), (True, "another")])
async def test_whoever_asks_reads_that_the_command_wants_a_proof(
    open_team: Opener, *, four_eyes: bool, whose: str
) -> None:
    team = await open_team(Policy(four_eyes=four_eyes))
    call = {"task_id": team.task_of("web-01")}
    held = await team.call("olga", "delete_migration_task", **call)
    assert (
        f"`--auth` as this server was started with it, and the token of {whose} appr"
        in (held["summary"])
    )


async def test_without_four_eyes_an_operator_who_approves_may_do_both(open_team: Opener) -> None:
    team = await open_team()
    held = await team.call("boss", "delete_migration_task", task_id=team.task_of("web-01"))
    assert await approve(team, held, person("boss")) is Verdict.APPROVED


async def test_with_four_eyes_whoever_asked_cannot_approve(open_team: Opener) -> None:
    team = await open_team(Policy(four_eyes=True))
    held = await team.call("boss", "delete_migration_task", task_id=team.task_of("web-01"))
    assert await approve(team, held, person("boss")) is Verdict.NOT_ALLOWED
    assert await approve(team, held, person("anna")) is Verdict.APPROVED


async def test_who_was_removed_from_the_file_is_out_at_the_next_request(
    open_team: Opener, tmp_path: Path
) -> None:
    team = await open_team()
    assert (await team.post("olga", "tools/list")).status_code == 200
    written(tmp_path / "tokens.toml", {"vera": ["viewer"]})
    assert (await team.post("olga", "tools/list")).status_code == 401


async def test_a_file_that_is_damaged_lets_nobody_in(open_team: Opener, tmp_path: Path) -> None:
    team = await open_team()
    (tmp_path / "tokens.toml").write_text("[tokens.olga]\nroles = 1\n", encoding="utf-8")
    assert (await team.post("olga", "tools/list")).status_code == 401
    (tmp_path / "tokens.toml").unlink()
    assert (await team.post("olga", "tools/list")).status_code == 401


async def test_a_freeze_holds_a_launch_and_nothing_else(open_team: Opener) -> None:
    team = await open_team(scenario="cutover-night")
    await Freezes(team.runtime.state, utc_now).begin(
        Freeze(utc_now(), utc_now() + timedelta(hours=1), "year-end", "the desk")
    )
    ready = await team.call("vera", "check_cutover_readiness")
    name = next(s["name"] for s in ready["servers"] if s["verdict"] == "ready")
    launch = {"task_id": team.task_of(name), "operation": "test"}
    blocked = await team.call("boss", "manage_migration_task", **launch)
    assert blocked["blocked_by"] == "freeze"
    assert "year-end" in blocked["summary"]
    stop = {"task_id": team.task_of(name), "operation": "stop"}
    assert (await team.call("boss", "manage_migration_task", **stop))["status"] == "done"


async def test_a_freeze_holds_a_launch_that_the_policy_allows_unasked(open_team: Opener) -> None:
    policy = Policy(kinds={Kind.DESTRUCTIVE: Decision.ALLOW})
    team = await open_team(policy, scenario="cutover-night")
    freezes = Freezes(team.runtime.state, utc_now)
    await freezes.begin(Freeze(utc_now(), None))
    ready = await team.call("vera", "check_cutover_readiness")
    name = next(s["name"] for s in ready["servers"] if s["verdict"] == "ready")
    launch = {"task_id": team.task_of(name), "operation": "test"}
    assert (await team.call("boss", "manage_migration_task", **launch))["blocked_by"] == "freeze"
    assert not team.changes
    assert await freezes.end()
    assert (await team.call("boss", "manage_migration_task", **launch))["status"] == "done"


async def test_a_freeze_that_begins_after_the_yes_holds_the_call_and_keeps_the_yes(
    open_team: Opener,
) -> None:
    team = await open_team(scenario="cutover-night")
    ready = await team.call("vera", "check_cutover_readiness")
    name = next(s["name"] for s in ready["servers"] if s["verdict"] == "ready")
    launch = {"task_id": team.task_of(name), "operation": "test"}
    held = await team.call("boss", "manage_migration_task", **launch)
    assert await approve(team, held, person("anna")) is Verdict.APPROVED
    freezes = Freezes(team.runtime.state, utc_now)
    await freezes.begin(Freeze(utc_now(), None))
    assert (await team.call("boss", "manage_migration_task", **launch))["blocked_by"] == "freeze"
    await freezes.end()
    assert (await team.call("boss", "manage_migration_task", **launch))["status"] == "done"


async def test_a_plan_that_launches_is_held_by_a_window_of_the_policy(open_team: Opener) -> None:
    window = Freeze(utc_now() - timedelta(hours=1), utc_now() + timedelta(hours=1), "audit week")
    team = await open_team(Policy(freezes=(window,)), scenario="cutover-night")
    ready = await team.call("vera", "check_cutover_readiness")
    name = next(s["name"] for s in ready["servers"] if s["verdict"] == "ready")
    plan = await team.call("boss", "plan_remediation", goal="cut_over", servers=[name])
    assert plan["plan_id"], plan
    blocked = await team.call("boss", "apply_plan", plan_id=plan["plan_id"])
    assert blocked["blocked_by"] == "freeze"
    assert not team.changes


async def test_a_window_that_is_over_or_to_come_holds_nothing(open_team: Opener) -> None:
    now = utc_now()
    windows = (
        Freeze(now - timedelta(hours=2), now - timedelta(hours=1)),
        Freeze(now + timedelta(hours=1), now + timedelta(hours=2)),
    )
    team = await open_team(Policy(freezes=windows))
    assert await team.runtime.guard.freeze() is None


def test_the_policy_file_says_four_eyes_and_windows() -> None:
    text = """
    four_eyes = true
    [[freeze]]
    from = 2026-12-20T00:00:00+08:00
    until = 2027-01-05T00:00:00+08:00
    reason = "year-end"
    """
    policy = parse_policy(text, Policy())
    assert policy.four_eyes
    begins = datetime(2026, 12, 19, 16, tzinfo=UTC)
    assert [f.begins for f in policy.freezes] == [begins]
    assert "year-end" in str(policy.freezes[0])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[freeze]]\nfrom = 2026-12-20T00:00:00\nuntil = 2027-01-05T00:00:00Z\n", "timezone"),
        ("[[freeze]]\nfrom = 2027-01-05T00:00:00Z\nuntil = 2026-01-05T00:00:00Z\n", "before"),
        ("[[freeze]]\nfrom = 2027-01-05T00:00:00Z\n", "until"),
        ("four_eyes = 'yes'\n", "true or false"),
    ],
)
def test_a_window_that_means_nothing_is_refused(text: str, said: str) -> None:
    with pytest.raises(PolicyError, match=said):
        parse_policy(text, Policy())


def test_words_that_are_no_roles_count_for_nothing() -> None:
    assert roles_in(["approver", "admin", 7, None]) == {Role.APPROVER}
    assert json.dumps(sorted(roles_in(["viewer"]))) == '["viewer"]'
