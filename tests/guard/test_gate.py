"""The gate: who is asked, what counts as consent, and that an approved call happens once."""

import anyio
import pytest

from sms_tools.guard import Approvals, Ask, Audit, Caller, Decision, Go, Guard, Held, Policy
from sms_tools.guard.answers import Answers
from sms_tools.guard.approvals import Verdict
from sms_tools.guard.gate import MOST_WAITING
from sms_tools.guard.policy import TargetRule
from sms_tools.operation import Kind
from sms_tools.state import State
from tests.both_stores import each_store  # noqa: F401 (its tests hold for both)
from tests.stores import OpenState

from .conftest import CALLER, Clock, Thing

pytestmark = pytest.mark.anyio


async def asked(guard: Guard, thing: Thing, **arguments: object) -> Ask:
    ask = await guard.begin(thing.subject(Kind.DESTRUCTIVE, **arguments), CALLER)
    assert isinstance(ask, Ask)
    return ask


async def test_a_read_passes_without_a_preview_and_without_a_line_in_the_audit(
    guard: Guard, thing: Thing, audit: Audit
) -> None:
    go = await guard.begin(thing.subject(Kind.READ), CALLER)
    assert isinstance(go, Go)
    assert await guard.perform(go, thing.delete) == "deleted"
    assert thing.previews == 0
    assert await audit.read() == []


async def test_a_write_passes_and_is_in_the_audit_before_and_after(
    guard: Guard, thing: Thing, audit: Audit
) -> None:
    go = await guard.begin(thing.subject(Kind.WRITE), CALLER)
    assert isinstance(go, Go)
    await guard.perform(go, thing.delete)
    assert [(e["event"], e.get("how")) for e in await audit.read()] == [
        ("call", "policy"),
        ("outcome", None),
    ]


@pytest.mark.parametrize("kind", [Kind.DESTRUCTIVE, Kind.SECRET, Kind.AGENT])
async def test_a_person_is_asked_about_every_dangerous_kind(
    guard: Guard, thing: Thing, kind: Kind
) -> None:
    assert isinstance(await guard.begin(thing.subject(kind), CALLER), Ask)
    assert thing.deleted == 0


async def test_the_right_text_in_the_dialog_lets_the_call_through_once(
    guard: Guard, thing: Thing
) -> None:
    go = await guard.answer(await asked(guard, thing), action="accept", typed=" web-01 ")
    assert isinstance(go, Go)
    assert await guard.perform(go, thing.delete) == "deleted"
    assert isinstance(await guard.perform(go, thing.delete), Held)
    assert thing.deleted == 1


@pytest.mark.parametrize("typed", [None, "", "yes", "WEB-01", "web-0", "web-01 web-01", "true"])
async def test_another_text_is_not_consent(guard: Guard, thing: Thing, typed: str | None) -> None:
    ask = await asked(guard, thing)
    held = await guard.answer(ask, action="accept", typed=typed)
    assert isinstance(held, Held)
    assert held.status == "declined"
    again = await guard.begin(thing.subject(), CALLER)
    assert isinstance(again, Ask)
    assert again.approval.id != ask.approval.id


@pytest.mark.parametrize("action", ["decline", "cancel"])
async def test_declining_ends_the_request_whatever_was_typed(
    guard: Guard, thing: Thing, action: str
) -> None:
    ask = await asked(guard, thing)
    held = await guard.answer(ask, action=action, typed="web-01")  # type: ignore[arg-type]
    assert isinstance(held, Held)
    assert held.status == "declined"


async def test_after_a_dialog_that_closed_unanswered_the_same_call_gets_a_link_instead(
    guard: Guard, thing: Thing
) -> None:
    first = await asked(guard, thing)
    assert first.dialog
    await guard.answer(first, action="cancel")
    again = await asked(guard, thing)
    assert not again.dialog
    assert (await guard.hold(again)).status == "approval_required"
    await guard.approvals.close(again.approval.id)
    assert not (await asked(guard, thing)).dialog


async def test_asking_again_shows_the_same_words_and_reads_nothing_again(
    guard: Guard, thing: Thing
) -> None:
    first = await asked(guard, thing)
    thing.state = "syncing"
    second = await asked(guard, thing)
    assert second.question == first.question
    assert thing.previews == 1


async def test_a_new_request_asks_in_other_words_so_that_an_old_answer_does_not_fit(
    guard: Guard, thing: Thing
) -> None:
    first = await asked(guard, thing)
    go = await guard.answer(first, action="accept", typed="web-01")
    assert isinstance(go, Go)
    await guard.perform(go, thing.delete)
    assert (await asked(guard, thing)).question != first.question


async def test_without_a_dialog_the_result_carries_all_that_a_person_needs(
    guard: Guard, thing: Thing
) -> None:
    held = await guard.hold(await asked(guard, thing))
    assert held.status == "approval_required"
    assert held.result["preview"]["headline"] == "Delete “web-01”."
    assert held.result["expires_at"] == "2026-03-01T12:10:00Z"
    assert held.result["approval_id"] in held.result["summary"]


async def test_after_approval_elsewhere_the_same_call_goes_through_once(
    guard: Guard, thing: Thing, answers: Answers
) -> None:
    ask = await asked(guard, thing)
    await guard.hold(ask)
    assert await answers.approve(ask.approval, "web-01", "page") is Verdict.APPROVED
    go = await guard.begin(thing.subject(), CALLER)
    assert isinstance(go, Go)
    assert await guard.perform(go, thing.delete) == "deleted"
    assert isinstance(await guard.begin(thing.subject(), CALLER), Ask)


async def test_a_yes_that_is_not_used_yet_can_be_taken_back(
    guard: Guard, thing: Thing, answers: Answers
) -> None:
    ask = await asked(guard, thing)
    assert await answers.approve(ask.approval, "web-01", "page") is Verdict.APPROVED
    go = await guard.begin(thing.subject(), CALLER)
    assert isinstance(go, Go)
    assert await answers.deny(ask.approval, "command") is Verdict.DENIED
    held = await guard.perform(go, never)  # it was on its way
    assert isinstance(held, Held)
    again = await guard.begin(thing.subject(), CALLER)
    assert isinstance(again, Held)
    assert again.status == "declined"


@pytest.mark.parametrize("where", ["dialog", "page", "command"])
async def test_after_a_no_the_person_is_left_in_peace_for_ten_minutes(
    guard: Guard, thing: Thing, answers: Answers, clock: Clock, where: str
) -> None:
    ask = await asked(guard, thing)
    if where == "dialog":
        await guard.answer(ask, action="decline")
    else:
        await answers.deny(ask.approval, where)
    for _ in range(60):
        held = await guard.begin(thing.subject(), CALLER)
        assert isinstance(held, Held)
        assert held.status == "declined"
        assert held.result["declined_at"] == "2026-03-01T12:00:00Z"
        assert held.result["how"] == where
        assert held.result["approval_command"].endswith(f"approvals approve {ask.approval.id}")
    clock.pass_(minutes=10)
    assert isinstance(await guard.begin(thing.subject(), CALLER), Ask)
    assert thing.previews == 2


async def test_a_no_to_one_caller_is_none_to_another(guard: Guard, thing: Thing) -> None:
    await guard.answer(await asked(guard, thing), action="decline")
    other = Caller("other", "1.0", "stdio")
    assert isinstance(await guard.begin(thing.subject(), other), Ask)


async def test_a_person_who_said_no_can_still_say_yes_and_only_they_can(
    guard: Guard, thing: Thing, answers: Answers
) -> None:
    ask = await asked(guard, thing)
    held = await guard.answer(ask, action="decline")
    assert isinstance(held, Held)
    late = await guard.answer(ask, action="accept", typed="yes")  # a client that thinks twice
    assert isinstance(late, Held)
    denied = await guard.approvals.get(ask.approval.id)
    assert denied
    await answers.approve(denied, "web-01", "command")
    go = await guard.begin(thing.subject(), CALLER)
    assert isinstance(go, Go)
    assert await guard.perform(go, thing.delete) == "deleted"


async def test_an_approval_does_not_serve_other_arguments(
    guard: Guard, thing: Thing, answers: Answers
) -> None:
    await answers.approve((await asked(guard, thing)).approval, "web-01", "page")
    for invented in ({"confirm": True}, {"force": True}, {"approval_id": "X"}, {"task_id": "2"}):
        assert isinstance(
            await guard.begin(thing.subject(Kind.DESTRUCTIVE, **invented), CALLER), Ask
        )


async def test_an_approval_does_not_serve_another_caller(
    guard: Guard, thing: Thing, answers: Answers
) -> None:
    await answers.approve((await asked(guard, thing)).approval, "web-01", "page")
    assert isinstance(await guard.begin(thing.subject(), Caller("other", "1.0", "http")), Ask)


async def test_an_approval_ends_after_ten_minutes(
    guard: Guard, thing: Thing, answers: Answers, clock: Clock
) -> None:
    ask = await asked(guard, thing)
    await answers.approve(ask.approval, "web-01", "page")
    go = await guard.begin(thing.subject(), CALLER)
    assert isinstance(go, Go)
    clock.pass_(minutes=10)
    held = await guard.perform(go, thing.delete)
    assert isinstance(held, Held)
    assert held.status == "approval_required"
    assert held.result["approval_id"] != ask.approval.id
    assert thing.deleted == 0


async def test_an_answer_that_comes_too_late_asks_anew(
    guard: Guard, thing: Thing, clock: Clock
) -> None:
    ask = await asked(guard, thing)
    clock.pass_(minutes=11)
    held = await guard.answer(ask, action="accept", typed="web-01")
    assert isinstance(held, Held)
    assert held.status == "approval_required"


@pytest.mark.parametrize("change", [{"state": "syncing"}, {"name": "web-02"}])
async def test_a_changed_state_makes_the_approval_stale_and_shows_the_new_one(
    guard: Guard, thing: Thing, change: dict[str, str]
) -> None:
    ask = await asked(guard, thing)
    go = await guard.answer(ask, action="accept", typed="web-01")
    assert isinstance(go, Go)
    for name, value in change.items():
        setattr(thing, name, value)
    held = await guard.perform(go, thing.delete)
    assert isinstance(held, Held)
    assert held.status == "stale"
    assert thing.name in held.result["preview"]["headline"]
    assert held.result["approval_id"] != ask.approval.id
    thing.state, thing.name = "error", "web-01"
    assert isinstance(await guard.perform(go, thing.delete), Held)
    assert thing.deleted == 0


async def test_of_two_calls_that_race_for_one_approval_one_wins(guard: Guard, thing: Thing) -> None:
    go = await guard.answer(await asked(guard, thing), action="accept", typed="web-01")
    assert isinstance(go, Go)
    meeting = anyio.Event()
    arrived: list[int] = []

    async def meet() -> None:
        arrived.append(1)
        if len(arrived) == 2:
            meeting.set()
        if len(arrived) <= 2:
            await meeting.wait()

    thing.during.append(meet)
    outcomes: list[object] = []

    async def one() -> None:
        outcomes.append(await guard.perform(go, thing.delete))

    async with anyio.create_task_group() as group:
        group.start_soon(one)
        group.start_soon(one)
    assert thing.deleted == 1
    assert sorted(isinstance(outcome, Held) for outcome in outcomes) == [False, True]


async def test_an_approval_survives_a_restart(
    guard: Guard, thing: Thing, answers: Answers, open_store: OpenState, clock: Clock
) -> None:
    await answers.approve((await asked(guard, thing)).approval, "web-01", "command")
    other = open_store()
    restarted = Guard(Policy(), Approvals(other, clock), Audit(other, clock))
    go = await restarted.begin(thing.subject(), CALLER)
    assert isinstance(go, Go)
    assert await restarted.perform(go, thing.delete) == "deleted"
    assert isinstance(await guard.begin(thing.subject(), CALLER), Ask)


async def test_what_the_service_would_refuse_is_refused_and_nobody_is_asked(
    guard: Guard, thing: Thing, approvals: Approvals
) -> None:
    thing.impossible = "The task is being deleted already."
    held = await guard.begin(thing.subject(), CALLER)
    assert isinstance(held, Held)
    assert held.result["blocked_by"] == "state"
    assert held.result["error_code"] == "SMS.7719"
    assert await approvals.waiting() == []


async def test_a_policy_blocks_without_reading_anything(
    thing: Thing, approvals: Approvals, audit: Audit
) -> None:
    guard = Guard(Policy(read_only=True), approvals, audit)
    held = await guard.begin(thing.subject(Kind.WRITE), CALLER)
    assert isinstance(held, Held)
    assert held.status == "blocked"
    assert thing.previews == 0
    assert (await audit.read())[-1]["status"] == "blocked"


async def test_a_policy_that_became_stricter_holds_back_what_was_approved(
    guard: Guard, thing: Thing, answers: Answers, approvals: Approvals, audit: Audit
) -> None:
    await answers.approve((await asked(guard, thing)).approval, "web-01", "page")
    stricter = Guard(Policy(tools={"delete_migration_task": Decision.BLOCK}), approvals, audit)
    held = await stricter.begin(thing.subject(), CALLER)
    assert isinstance(held, Held)
    assert held.status == "blocked"


async def test_a_policy_that_became_stricter_holds_back_what_was_about_to_be_done(
    guard: Guard, thing: Thing, answers: Answers, approvals: Approvals, audit: Audit
) -> None:
    await answers.approve((await asked(guard, thing)).approval, "web-01", "page")
    go = await guard.begin(thing.subject(), CALLER)
    assert isinstance(go, Go)
    stricter = Guard(Policy(tools={"delete_migration_task": Decision.BLOCK}), approvals, audit)
    held = await stricter.perform(go, never)
    assert isinstance(held, Held)
    assert held.status == "blocked"
    again = await guard.begin(thing.subject(), CALLER)
    assert isinstance(again, Ask)  # the consent of then serves no more


async def never() -> None:
    raise AssertionError("nothing is called")


async def break_the_audit(audit: Audit, state: State) -> None:
    if state.shared:
        await state.write(lambda database: database.execute("DROP TABLE audit_lines"))
        return
    audit.path.unlink(missing_ok=True)
    audit.path.mkdir(parents=True)


async def test_nothing_is_done_when_the_audit_cannot_be_written(
    guard: Guard, thing: Thing, audit: Audit, state: State
) -> None:
    go = await guard.begin(thing.subject(Kind.WRITE), CALLER)
    assert isinstance(go, Go)
    await break_the_audit(audit, state)
    held = await guard.perform(go, thing.delete)
    assert isinstance(held, Held)
    assert held.result["blocked_by"] == "audit"
    assert thing.deleted == 0


async def test_a_call_that_fails_stands_in_the_audit_with_its_error(
    guard: Guard, thing: Thing, audit: Audit
) -> None:
    async def fail() -> None:
        raise TimeoutError

    go = await guard.begin(thing.subject(Kind.WRITE), CALLER)
    assert isinstance(go, Go)
    with pytest.raises(TimeoutError):
        await guard.perform(go, fail)
    assert (await audit.read())[-1]["outcome"] == "TimeoutError"


async def test_a_preview_that_cannot_be_read_stops_the_call_and_is_written_down(
    guard: Guard, thing: Thing, audit: Audit
) -> None:
    async def unreachable() -> None:
        raise ConnectionError

    thing.during.append(unreachable)
    with pytest.raises(ConnectionError):
        await guard.begin(thing.subject(), CALLER)
    assert (await audit.read())[-1]["status"] == "unreadable"


async def test_a_secret_without_a_page_is_dropped_and_said_to_be(
    guard: Guard, thing: Thing
) -> None:
    go = Go(thing.subject(Kind.SECRET), CALLER, "a test")
    told = await guard.deliver(go, {"target_password": "Example-1"})
    assert told is not None
    assert told["status"] == "not_delivered"
    assert "Example-1" not in str(told)


async def test_a_caller_cannot_bury_a_person_in_requests(guard: Guard, thing: Thing) -> None:
    for number in range(MOST_WAITING):
        await asked(guard, thing, number=number)
    held = await guard.begin(thing.subject(Kind.DESTRUCTIVE, number=-1), CALLER)
    assert isinstance(held, Held)
    assert held.result["blocked_by"] == "waiting"
    assert isinstance(await guard.begin(thing.subject(), Caller("other", "1.0", "http")), Ask)


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("web-01", Kind.DESTRUCTIVE, Ask),
        ("prod-01", Kind.DESTRUCTIVE, Held),
        ("web-01", Kind.WRITE, Go),
        ("prod-01", Kind.WRITE, Held),
        ("prod-01", Kind.READ, Go),
    ],
)
async def test_a_rule_for_names_is_applied_to_the_names_that_were_read(
    thing: Thing,
    approvals: Approvals,
    audit: Audit,
    name: str,
    kind: Kind,
    expected: type[object],
) -> None:
    rule = TargetRule("prod-*", Decision.BLOCK)
    guard = Guard(Policy(targets=[rule]), approvals, audit)
    thing.name = name
    assert isinstance(await guard.begin(thing.subject(kind), CALLER), expected)
