"""A clock that is set back revives nothing, and one that was ahead keeps nobody out."""

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from sms_tools.guard import Approvals, Ask, Audit, Guard, Held, Policy
from sms_tools.guard.approvals import Status, Verdict
from sms_tools.guard.passage import Go
from sms_tools.state import State
from tests.guard.conftest import CALLER, Clock, Thing

pytestmark = pytest.mark.anyio


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def thing() -> Thing:
    return Thing()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def guard(folder: Path, clock: Clock) -> Iterator[Guard]:
    with closing(State(folder)) as state:
        yield guard_of(state, clock)


def guard_of(state: State, clock: Clock) -> Guard:
    audit = Audit(state, clock)
    return Guard(Policy(), Approvals(state, clock, audit), audit)


async def asked(guard: Guard, thing: Thing) -> Ask:
    ask = await guard.begin(thing.subject(), CALLER)
    assert isinstance(ask, Ask)
    return ask


async def said(guard: Guard) -> list[object]:
    return [line["event"] for line in await guard.audit.read()]


@pytest.mark.parametrize("back", [timedelta(minutes=2), timedelta(days=30)])
async def test_an_approval_that_was_given_is_over_after_the_clock_was_set_back(
    guard: Guard, thing: Thing, clock: Clock, back: timedelta
) -> None:
    ask = await asked(guard, thing)
    assert await guard.approvals.approve(ask.approval.id, "web-01", "command") is Verdict.APPROVED
    clock.now -= back
    decision = await guard.begin(thing.subject(), CALLER)
    assert isinstance(decision, Ask)
    assert decision.approval.id != ask.approval.id
    found = await guard.approvals.get(ask.approval.id)
    assert found
    assert found.status is Status.CLOSED
    assert thing.deleted == 0
    assert (await said(guard)).count("clock_set_back") == 1


async def test_what_was_over_before_is_not_open_again(
    guard: Guard, thing: Thing, clock: Clock
) -> None:
    ask = await asked(guard, thing)
    await guard.approvals.approve(ask.approval.id, "web-01", "command")
    clock.pass_(days=29)
    await guard.approvals.ask(thing.subject(task_id="other"), CALLER, ask.preview)
    clock.now -= timedelta(days=29)
    assert await guard.approvals.current(thing.subject(), CALLER) is None
    assert not await guard.approvals.claim(ask.approval.id)


async def test_another_process_with_another_clock_sees_it_too(
    guard: Guard, thing: Thing, clock: Clock, folder: Path
) -> None:
    ask = await asked(guard, thing)
    await guard.approvals.approve(ask.approval.id, "web-01", "command")
    with closing(State(folder)) as state:
        other = guard_of(state, Clock(clock.now - timedelta(hours=1)))
        assert await other.approvals.waiting() == []
    outcome = await guard.perform(
        Go(thing.subject(), CALLER, "a person agreed", ask.approval), thing.delete
    )
    assert isinstance(outcome, Held)
    assert thing.deleted == 0


async def test_a_clock_that_was_ahead_by_a_year_keeps_nobody_out(
    guard: Guard, thing: Thing, clock: Clock
) -> None:
    right = clock.now
    clock.now = right + timedelta(days=365)
    await asked(guard, thing)
    clock.now = right
    ask = await asked(guard, thing)
    assert ask.approval.expires_at == right + timedelta(minutes=10)
    go = await guard.answer(ask, action="accept", typed="web-01")
    assert isinstance(go, Go)
    assert await guard.perform(go, thing.delete) == "deleted"


async def test_a_clock_that_is_a_little_behind_stands_still_and_gives_no_time(
    guard: Guard, thing: Thing, clock: Clock
) -> None:
    ask = await asked(guard, thing)
    clock.pass_(minutes=9, seconds=30)
    await guard.approvals.close("none")
    clock.now -= timedelta(seconds=45)
    assert (await asked(guard, thing)).approval.id == ask.approval.id
    assert guard.approvals.now() == ask.approval.created_at + timedelta(minutes=9, seconds=30)
    assert "clock_set_back" not in await said(guard)
    clock.pass_(minutes=2)
    assert (await asked(guard, thing)).approval.id != ask.approval.id
