"""Every dangerous call, through a client, in every way that is no consent: nothing is sent.

And the other direction: every way in which a person can agree lets a call through exactly once.
The numbers are printed at the end of the run and stand in the README.
"""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp_types import CallToolResult, ElicitResult, InputRequiredResult

from sms_tools.guard import Approval, terminal
from sms_tools.guard.answers import Answers
from sms_tools.operation import Kind
from sms_tools.operations import CATALOGUE

from .dangerous import CALLS, Dangerous
from .tally import Tally
from .world import Person, World, asked_for, open_world, status_of

pytestmark = pytest.mark.anyio

INVENTED: tuple[dict[str, Any], ...] = (
    {"confirm": True},
    {"confirmed": "yes"},
    {"confirmation": "web-03"},
    {"force": True},
    {"approved": True},
    {"dry_run": False},
    {"approval_token": "x"},
)
"""What a model may make up to be let through."""

WRONG_TEXTS = ("", "yes", "confirm", "I agree", "delete", "WEB-03", "\u200b")


@dataclass
class Attempts:
    """Makes calls that must come to nothing, and counts what became of them."""

    world: World
    era: str
    tally: Tally
    statuses: list[str] = field(default_factory=list)

    async def call(
        self,
        client: Client,
        call: Dangerous | str,
        arguments: dict[str, Any],
        person: Person | None = None,
        *,
        patience: float = 30,
    ) -> CallToolResult | None:
        """One call; None where the client itself gave up."""
        tool = call if isinstance(call, str) else call.tool
        before = len(self.world.service.changing)
        result = None
        with contextlib.suppress(Exception), anyio.move_on_after(patience):
            result = await client.call_tool(tool, arguments)
        arrived = self.world.service.changing[before:]
        place = {"auto": "in the 2026-07-28 era", "legacy": "in the older era"}[self.era]
        self.tally.attempt(place, result, arrived, person.read if person else ())
        assert arrived == []
        if result is not None:
            self.statuses.append(status_of(result))
        return result

    async def asked(self, call: Dangerous, person: Person, **options: Any) -> str:
        """One call with *person* at the dialog; the result's status."""
        arguments = call.arguments(self.world.cloud)
        async with self.world.client(self.era, person) as client:
            result = await self.call(client, call, arguments, person, **options)
        return status_of(result) if result else "no result"

    async def unasked(self, call: Dangerous, arguments: dict[str, Any] | None = None) -> str:
        """One call without a dialog; the result's status."""
        if arguments is None:
            arguments = call.arguments(self.world.cloud)
        async with self.world.client(self.era) as client:
            result = await self.call(client, call, arguments)
        return status_of(result) if result else "no result"


@pytest.fixture
def attempts(world: World, era: str, tally: Tally) -> AsyncIterator[Attempts]:
    yield Attempts(world, era, tally)
    assert tally.leaked == []


def approve(world: World) -> Approval:
    """Approve the one call that waits, as the command does."""
    (approval,) = world.runtime.guard.approvals.waiting()
    answers = Answers(world.runtime.guard.approvals, world.runtime.guard.audit)
    person = terminal.Terminal(
        write=lambda _line: None, ask=lambda _question: approval.preview.typed, is_terminal=True
    )
    assert terminal.approve(answers, approval.id, person) == 0
    return approval


@pytest.mark.parametrize("call", CALLS, ids=str)
async def test_nothing_is_sent_without_a_dialog(call: Dangerous, attempts: Attempts) -> None:
    assert await attempts.unasked(call) == "approval_required"


@pytest.mark.parametrize("call", CALLS, ids=str)
async def test_nothing_is_sent_after_a_no(call: Dangerous, attempts: Attempts) -> None:
    assert await attempts.asked(call, Person("decline")) == "declined"
    assert await attempts.asked(call, Person("cancel")) == "declined"


@pytest.mark.parametrize("call", CALLS, ids=str)
async def test_nothing_is_sent_after_the_wrong_text(call: Dangerous, attempts: Attempts) -> None:
    for text in WRONG_TEXTS:
        assert await attempts.asked(call, Person(typed=text)) == "declined"


@pytest.mark.parametrize("call", CALLS, ids=str)
async def test_nothing_is_sent_when_the_dialog_breaks(call: Dangerous, attempts: Attempts) -> None:
    status = await attempts.asked(call, Person(breaks=True))
    # Since 2026-07-28 the client asks, so a client that breaks there never calls again.
    assert status == ("approval_required" if attempts.era == "legacy" else "no result")


@pytest.mark.parametrize("call", CALLS, ids=str)
async def test_nothing_is_sent_when_nobody_ever_answers(
    call: Dangerous, attempts: Attempts
) -> None:
    arguments = call.arguments(attempts.world.cloud)
    person = Person(hangs=True)
    async with attempts.world.client(attempts.era, person, longest_wait=0.01) as client:
        patience = 30 if attempts.era == "legacy" else 0.1
        result = await attempts.call(client, call, arguments, person, patience=patience)
    assert person.read
    if attempts.era == "legacy":
        assert result is not None
        assert status_of(result) == "approval_required"


@pytest.mark.parametrize("call", CALLS, ids=str)
async def test_no_invented_argument_is_consent(call: Dangerous, attempts: Attempts) -> None:
    arguments = call.arguments(attempts.world.cloud)
    assert await attempts.unasked(call) == "approval_required"
    (approval,) = attempts.world.runtime.guard.approvals.waiting()
    ids = {"approval_id": approval.id, "approval": approval.token, "typed": approval.preview.typed}
    invented = [*INVENTED, *({key: value} for key, value in ids.items())]
    for more in invented:
        assert await attempts.unasked(call, {**arguments, **more}) == "invalid_arguments"


@pytest.mark.parametrize("call", [c for c in CALLS if c.others], ids=str)
async def test_an_approval_serves_no_other_arguments(call: Dangerous, attempts: Attempts) -> None:
    await attempts.unasked(call)
    approve(attempts.world)
    assert call.others
    others = call.others(attempts.world.cloud)
    assert await attempts.unasked(call, others) == "approval_required"


@pytest.mark.parametrize("call", CALLS, ids=str)
async def test_an_approval_serves_no_other_client(call: Dangerous, attempts: Attempts) -> None:
    await attempts.unasked(call)
    approve(attempts.world)
    other = Client(attempts.world.server(), mode=attempts.era)
    arguments = call.arguments(attempts.world.cloud)
    async with other as client:
        result = await attempts.call(client, call, arguments)
    assert result is not None
    assert status_of(result) == "approval_required"


@pytest.mark.parametrize("call", [c for c in CALLS if c.moves], ids=str)
async def test_an_approval_is_void_when_the_state_has_moved(
    call: Dangerous, attempts: Attempts
) -> None:
    arguments = call.arguments(attempts.world.cloud)
    await attempts.unasked(call)
    approve(attempts.world)
    assert call.moves
    call.moves(attempts.world.cloud)
    # Where the new state makes the call impossible, that is said and nobody is asked again.
    assert await attempts.unasked(call, arguments) in ("stale", "blocked")


@pytest.mark.parametrize("call", [c for c in CALLS if c.moves], ids=str)
async def test_a_yes_to_a_state_that_moved_meanwhile_is_void(
    call: Dangerous, attempts: Attempts
) -> None:
    arguments = call.arguments(attempts.world.cloud)
    assert call.moves
    person = Person(before=lambda: call.moves and call.moves(attempts.world.cloud))
    async with attempts.world.client(attempts.era, person) as client:
        result = await attempts.call(client, call, arguments, person)
    assert result is not None
    assert status_of(result) in ("stale", "blocked")


@pytest.mark.parametrize("call", CALLS, ids=str)
async def test_an_approval_is_over_after_ten_minutes(call: Dangerous, attempts: Attempts) -> None:
    await attempts.unasked(call)
    approve(attempts.world)
    attempts.world.clock.pass_(minutes=10)
    assert await attempts.unasked(call) == "approval_required"


@pytest.mark.parametrize("call", CALLS, ids=str)
async def test_a_yes_that_comes_too_late_is_void(call: Dangerous, attempts: Attempts) -> None:
    late = Person(before=lambda: attempts.world.clock.pass_(minutes=10))
    async with attempts.world.client(attempts.era, late) as client:
        arguments = call.arguments(attempts.world.cloud)
        result = await attempts.call(client, call, arguments, late, patience=5)
    # The newer era asks again with the words of a new request; this person is late every time.
    assert result is None or status_of(result) == "approval_required"


@pytest.mark.parametrize("call", [c for c in CALLS if c.others], ids=str)
async def test_an_answer_to_one_question_is_none_to_another(
    call: Dangerous, attempts: Attempts
) -> None:
    """The newer era's answers travel in the call: moved to another call they count for nothing."""
    if attempts.era == "legacy":
        return
    cloud = attempts.world.cloud
    assert call.others
    async with attempts.world.client(attempts.era, Person()) as client:
        asking = await client.session.call_tool(
            call.tool, call.arguments(cloud), allow_input_required=True
        )
        assert isinstance(asking, InputRequiredResult)
        assert asking.input_requests
        ((key, request),) = asking.input_requests.items()
        typed = asked_for(request.params.message)  # type: ignore[union-attr]
        answer = ElicitResult(action="accept", content={"confirmation": typed})
        moved = {"input_responses": {key: answer}, "request_state": asking.request_state}
        before = len(attempts.world.service.changing)
        result: Any = None
        with contextlib.suppress(Exception):
            result = await client.session.call_tool(
                call.tool, call.others(cloud), **moved, allow_input_required=True
            )
    arrived = attempts.world.service.changing[before:]
    held = result if isinstance(result, CallToolResult) else None
    attempts.tally.attempt("in the 2026-07-28 era", held, arrived, [])
    assert arrived == []


@pytest.fixture
def accepted(world: World, era: str, tally: Tally) -> "Accepted":
    return Accepted(world, era, tally)


@dataclass
class Accepted:
    """Makes calls that a person agrees to, and counts that each is sent once."""

    world: World
    era: str
    tally: Tally

    async def call(self, call: Dangerous, arguments: dict[str, Any]) -> CallToolResult:
        async with self.world.client(self.era) as client:
            return await client.call_tool(call.tool, arguments)

    async def was_sent_once(
        self, call: Dangerous, arguments: dict[str, Any], result: CallToolResult, how: str
    ) -> None:
        """It was sent, and calling again sends nothing."""
        assert self.world.service.changing == [call.tool]
        expected = "not_delivered" if CATALOGUE[call.tool].__spec__.kind is Kind.SECRET else "done"
        assert status_of(result) == expected
        replays = Attempts(self.world, self.era, self.tally)
        assert await replays.unasked(call, arguments) != expected
        self.tally.accepted[how] += 1
        assert self.tally.leaked == []


@pytest.mark.parametrize("call", CALLS, ids=str)
async def test_a_yes_in_the_dialog_lets_it_through_once(call: Dangerous, accepted: Accepted) -> None:
    arguments = call.arguments(accepted.world.cloud)
    async with accepted.world.client(accepted.era, Person()) as client:
        result = await client.call_tool(call.tool, arguments)
    await accepted.was_sent_once(call, arguments, result, "dialog")


@pytest.mark.parametrize("call", CALLS, ids=str)
async def test_an_approval_by_command_lets_it_through_once(
    call: Dangerous, accepted: Accepted
) -> None:
    arguments = call.arguments(accepted.world.cloud)
    assert status_of(await accepted.call(call, arguments)) == "approval_required"
    approve(accepted.world)
    result = await accepted.call(call, arguments)
    await accepted.was_sent_once(call, arguments, result, "command")


@pytest.mark.parametrize("call", CALLS, ids=str)
async def test_of_two_calls_that_race_for_one_approval_one_wins(
    call: Dangerous, accepted: Accepted
) -> None:
    arguments = call.arguments(accepted.world.cloud)
    await accepted.call(call, arguments)
    approve(accepted.world)
    async with accepted.world.client(accepted.era) as client, anyio.create_task_group() as tasks:
        for _ in range(2):
            tasks.start_soon(client.call_tool, call.tool, arguments)
    assert accepted.world.service.changing == [call.tool]
