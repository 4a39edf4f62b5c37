"""Plans and their journal outlive the process that wrote them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sms_tools.account import Account
from sms_tools.errors import RequestRefused
from sms_tools.remediation.plan import Before, Plan, Result, Step
from sms_tools.remediation.remaining import left
from sms_tools.remediation.store import Store
from sms_tools.state import State
from tests.both_stores import each_store  # noqa: F401 (its tests hold for both)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HERE = Account(region="r", endpoint="https://sms.example.com")
CALL = Step(
    2,
    "api",
    "starts it",
    server="web-01",
    source_id="s1",
    tool="manage_migration_task",
    arguments={"task_id": "t1", "operation": "start"},
    wanted="running",
    before=Before(("failed",), "t1", ("SMS.3802",), 1.5),
    after=(1,),
)
PLAN = Plan(
    id="PAAAA-BBBB",
    goal="retry_failed",
    made_at=NOW,
    expires_at=NOW + timedelta(hours=24),
    steps=(Step(1, "console", "opens the port"), CALL),
    stops_at_failure=False,
    account=HERE.key,
)


pytestmark = pytest.mark.anyio


async def test_a_plan_comes_back_as_it_was_kept(state: State) -> None:
    await Store(state).keep(PLAN)
    found = await Store(state).get("paaaa-bbbb", NOW, HERE)
    assert found.digest == PLAN.digest
    assert found.calls[0].operation == CALL.operation
    assert [step.number for step in found.people] == [1]


async def test_the_digest_changes_with_any_step() -> None:
    other = replace(CALL, arguments={"task_id": "t2", "operation": "start"})
    assert replace(PLAN, steps=(PLAN.steps[0], other)).digest != PLAN.digest


async def test_an_intended_step_without_an_outcome_is_interrupted(state: State) -> None:
    store = Store(state)
    await store.keep(PLAN)
    await store.intend(PLAN, 2, NOW)
    entry = (await Store(state).journal(PLAN))[2]
    assert entry.result is None
    assert entry.tried
    assert [step.number for step in left(PLAN, {2: entry})] == [2]


async def test_a_step_that_was_seen_is_not_left(state: State) -> None:
    store = Store(state)
    await store.keep(PLAN)
    await store.conclude(PLAN, 2, Result.SEEN, [{"says": "RUNNING"}], tried=True, at=NOW)
    assert not left(PLAN, await store.journal(PLAN))


async def test_a_plan_whose_time_is_over_is_refused(state: State) -> None:
    store = Store(state)
    await store.keep(PLAN)
    with pytest.raises(RequestRefused, match="ended"):
        await store.get(PLAN.id, NOW + timedelta(hours=25), HERE)


async def test_only_one_plan_is_applied_at_a_time(state: State) -> None:
    async with Store(state).alone():
        with pytest.raises(RequestRefused, match="one at a time"):
            async with Store(state).alone():
                raise AssertionError
    for _ in range(20):  # what is given back is free at once
        async with Store(state).alone():
            pass


async def test_a_plan_of_another_account_is_refused_by_name(state: State) -> None:
    store = Store(state)
    await store.keep(PLAN)
    elsewhere = Account(region="r", endpoint="https://sms.example.com", project="p2")
    with pytest.raises(RequestRefused, match=r"another account; this is .*project p2"):
        await store.get(PLAN.id, NOW, elsewhere)


async def test_a_consent_serves_the_caller_that_it_was_given_to(state: State) -> None:
    store = Store(state)
    await store.begin(PLAN, "AAAA-BBBB", "stdio: one 1.0")
    assert await Store(state).consent(PLAN, "stdio: one 1.0") == "AAAA-BBBB"
    assert await store.consent(PLAN, "stdio: other 1.0") is None
    assert await store.consent(replace(PLAN, id="PCCCC-DDDD"), "stdio: one 1.0") is None
