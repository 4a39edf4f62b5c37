"""Every dangerous call, through a client, in every way that is no consent: nothing is sent.

And the other direction: every way in which a person can agree lets a call through exactly once.
The numbers are printed at the end of the run and stand in the README.
"""

import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp_types import CallToolResult, ElicitResult, InputRequiredResult, InputResponses

from sms_tools.guard import Approval, terminal
from sms_tools.guard.answers import Answers
from sms_tools.operation import Kind
from sms_tools.operations import CATALOGUE
from sms_tools.server.offer import offered_tools

from .dangerous import CALLS, Dangerous, loses_its_agent
from .tally import Tally
from .world import Person, World, asked_for, status_of

pytestmark = pytest.mark.anyio

INVENTED: tuple[dict[str, Any], ...] = (
    {"confirm": True},
    {"confirmed": "yes"},
    {"confirmation": "web-03"},
    {"force": True},
    {"approved": True},
    {"approval_token": "x"},
)
"""What a model may make up to be let through."""

WRONG_TEXTS = ("", "yes", "I agree", "WEB-03", "\u200b")

Arguments = dict[str, Any]


class Attempts:
    """Makes calls that must come to nothing, and counts what became of them."""

    def __init__(self, world: World, era: str, tally: Tally, call: Dangerous) -> None:
        self.world, self.era, self.tally, self.call = world, era, tally, call
        self.arguments: Arguments = call.arguments(world.cloud)
        self.place = {"auto": "in the 2026-07-28 era", "legacy": "in the older era"}[era]

    async def __aenter__(self) -> "Attempts":
        self._seat = Person()
        self._silent = self.world.client(self.era)
        self._asking = self.world.client(self.era, self._seat)
        self._open = contextlib.AsyncExitStack()
        await self._open.enter_async_context(self._silent)
        await self._open.enter_async_context(self._asking)
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self._open.aclose()

    async def without_a_dialog(self, arguments: Arguments | None = None) -> str:
        """One call from a client without a dialog; the result's status."""
        return await self.through(self._silent, arguments)

    async def with_a_dialog(self, person: Person) -> str:
        """One call with *person* at the dialog; the result's status."""
        vars(self._seat).update(vars(person))
        return await self.through(self._asking, person=person)

    async def through(
        self,
        client: Client,
        arguments: Arguments | None = None,
        person: Person | None = None,
        *,
        until: anyio.Event | None = None,
    ) -> str:
        """One call; ``nothing`` where the client itself gave up, which it does at *until*."""
        before = len(self.world.service.changing)
        result = None

        async def give_up(event: anyio.Event) -> None:
            await event.wait()
            calls.cancel_scope.cancel()

        with contextlib.suppress(Exception):
            async with anyio.create_task_group() as calls:
                if until:
                    calls.start_soon(give_up, until)
                given = self.arguments if arguments is None else arguments
                result = await client.call_tool(self.call.tool, given)
                calls.cancel_scope.cancel()
        self.count(result, before, person)
        return status_of(result) if result else "nothing"

    def count(self, result: CallToolResult | None, before: int, person: Person | None) -> None:
        """Count one attempt, *before* which so many changing calls had arrived."""
        arrived = self.world.service.changing[before:]
        self.tally.attempt(self.place, result, arrived, person.read if person else ())
        assert arrived == []
        assert self.tally.leaked == []


async def approve(world: World) -> Approval:
    """Approve the one call that waits, as the command does."""
    (approval,) = await world.runtime.guard.approvals.waiting()
    answers = Answers(world.runtime.guard.approvals, world.runtime.guard.audit)
    person = terminal.Terminal(
        write=lambda _line: None, ask=lambda _question: approval.preview.typed, is_terminal=True
    )
    assert await terminal.approve(answers, approval.id, person) == 0
    return approval


async def no_dialog(attempts: Attempts) -> None:
    assert await attempts.without_a_dialog() == "approval_required"


async def a_no(attempts: Attempts) -> None:
    assert await attempts.with_a_dialog(Person("decline")) == "declined"


async def a_closed_dialog(attempts: Attempts) -> None:
    assert await attempts.with_a_dialog(Person("cancel")) == "declined"


async def the_wrong_text(attempts: Attempts) -> None:
    for text in WRONG_TEXTS:
        assert await attempts.with_a_dialog(Person(typed=text)) == "declined"


async def a_dialog_that_breaks(attempts: Attempts) -> None:
    status = await attempts.with_a_dialog(Person(breaks=True))
    # Since 2026-07-28 it is the client that asks: where that breaks, it never calls again.
    assert status == ("approval_required" if attempts.era == "legacy" else "nothing")


async def a_dialog_that_nobody_answers(attempts: Attempts) -> None:
    """In the older era the server's own wait ends; in the newer one the client gives up."""
    person = Person(hangs=True)
    server = attempts.world.impatient_server()
    async with attempts.world.client(attempts.era, person, server=server) as client:
        if attempts.era != "legacy":
            assert await attempts.through(client, person=person, until=person.asked) == "nothing"
        while not person.read:  # a wait that was over before the client came to show it
            assert await attempts.through(client, person=person) == "approval_required"


async def invented_arguments(attempts: Attempts) -> None:
    await attempts.without_a_dialog()
    (waiting,) = await attempts.world.runtime.guard.approvals.waiting()
    real = {"approval_id": waiting.id, "approval": waiting.token, "typed": waiting.preview.typed}
    for more in (*INVENTED, *({key: value} for key, value in real.items())):
        status = await attempts.without_a_dialog({**attempts.arguments, **more})
        assert status == "invalid_arguments"


async def an_approval_of_other_arguments(attempts: Attempts) -> None:
    if attempts.call.others is None:
        return
    await attempts.without_a_dialog()
    await approve(attempts.world)
    others = attempts.call.others(attempts.world.cloud)
    assert await attempts.without_a_dialog(others) == "approval_required"


async def an_approval_of_another_client(attempts: Attempts) -> None:
    await attempts.without_a_dialog()
    await approve(attempts.world)
    async with Client(attempts.world.server, mode=attempts.era) as stranger:
        assert await attempts.through(stranger) == "approval_required"


async def an_approval_that_is_over(attempts: Attempts) -> None:
    await attempts.without_a_dialog()
    await approve(attempts.world)
    attempts.world.clock.pass_(minutes=10)
    assert await attempts.without_a_dialog() == "approval_required"


async def a_yes_that_comes_too_late(attempts: Attempts) -> None:
    late = Person(before=lambda: attempts.world.clock.pass_(minutes=10))
    # The newer era asks again, in the words of a new request; this person is late every time.
    expected = "approval_required" if attempts.era == "legacy" else "nothing"
    assert await attempts.with_a_dialog(late) == expected


async def an_answer_to_another_question(attempts: Attempts) -> None:
    """In the newer era an answer travels in the call: moved to another, it counts for nothing."""
    if attempts.era == "legacy" or attempts.call.others is None:
        return
    async with attempts.world.client(attempts.era, Person()) as client:
        call = attempts.call.tool
        asks = await client.session.call_tool(call, attempts.arguments, allow_input_required=True)
        assert isinstance(asks, InputRequiredResult)
        assert asks.input_requests
        ((key, request),) = asks.input_requests.items()
        typed = asked_for(request.params.message)  # type: ignore[union-attr]
        answer: InputResponses = {
            key: ElicitResult(action="accept", content={"confirmation": typed})
        }
        before = len(attempts.world.service.changing)
        result: object = None
        with contextlib.suppress(Exception):
            result = await client.session.call_tool(
                call,
                attempts.call.others(attempts.world.cloud),
                input_responses=answer,
                request_state=asks.request_state,
                allow_input_required=True,
            )
    attempts.count(result if isinstance(result, CallToolResult) else None, before, None)


async def a_yes_while_the_state_moves(attempts: Attempts) -> None:
    if attempts.call.moves is None:
        return
    moves = attempts.call.moves
    person = Person(before=lambda: moves(attempts.world.cloud))
    # Where the new state makes the call impossible, that is said and nobody is asked again.
    assert await attempts.with_a_dialog(person) in ("stale", "blocked")


async def an_approval_of_another_state(attempts: Attempts) -> None:
    if attempts.call.moves is None:
        return
    await attempts.without_a_dialog()
    await approve(attempts.world)
    attempts.call.moves(attempts.world.cloud)
    assert await attempts.without_a_dialog() in ("stale", "blocked")


WAYS: tuple[Callable[[Attempts], Awaitable[None]], ...] = (
    no_dialog,
    a_no,
    a_closed_dialog,
    the_wrong_text,
    a_dialog_that_breaks,
    a_dialog_that_nobody_answers,
    invented_arguments,
    an_approval_of_other_arguments,
    an_approval_of_another_client,
    an_approval_that_is_over,
    a_yes_that_comes_too_late,
    an_answer_to_another_question,
)


@pytest.mark.parametrize("call", CALLS, ids=str)
async def test_what_is_no_consent_sends_nothing(
    call: Dangerous, world: World, era: str, tally: Tally
) -> None:
    async with Attempts(world, era, tally, call) as attempts:
        for way in WAYS:
            await way(attempts)
            world.clock.pass_(minutes=11)  # what this way left behind is over
    assert world.cloud.changes == []


async def _plan(world: World, goal: str, **more: Any) -> Arguments:
    """The arguments that apply a plan for *goal*."""
    async with world.client("auto") as client:
        planned = await client.call_tool("plan_remediation", {"goal": goal, **more})
    return {"plan_id": (planned.structured_content or {})["plan_id"]}


@pytest.mark.parametrize("way", [*WAYS, a_yes_while_the_state_moves, an_approval_of_another_state])
async def test_no_plan_is_applied_without_consent(
    way: Callable[[Attempts], Awaitable[None]], world: World, era: str, tally: Tally
) -> None:
    mine = await _plan(world, "resume_paused")
    other = await _plan(world, "clean_up", soak_hours=0)
    call = Dangerous(
        "apply_plan", lambda _cloud: mine, lambda _cloud: other, loses_its_agent("db-redis-01")
    )
    async with Attempts(world, era, tally, call) as attempts:
        await way(attempts)
    assert world.cloud.changes == []


@pytest.mark.parametrize("way", [a_yes_while_the_state_moves, an_approval_of_another_state])
@pytest.mark.parametrize("call", [call for call in CALLS if call.moves], ids=str)
async def test_consent_to_another_state_sends_nothing(
    call: Dangerous,
    way: Callable[[Attempts], Awaitable[None]],
    world: World,
    era: str,
    tally: Tally,
) -> None:
    async with Attempts(world, era, tally, call) as attempts:
        await way(attempts)
    assert world.cloud.changes == []


@pytest.mark.parametrize("call", CALLS, ids=str)
async def test_a_yes_in_the_dialog_sends_it_once(
    call: Dangerous, world: World, era: str, tally: Tally
) -> None:
    arguments = call.arguments(world.cloud)
    async with world.client(era, Person()) as client:
        result = await client.call_tool(call.tool, arguments)
    tally.leaks_of(result)
    await _was_sent_once(call, arguments, world, era, tally)
    assert status_of(result) == _outcome(call)
    tally.accepted["dialog"] += 1


@pytest.mark.parametrize("call", CALLS, ids=str)
async def test_an_approval_by_command_sends_one_of_two_racing_calls(
    call: Dangerous, world: World, era: str, tally: Tally
) -> None:
    arguments = call.arguments(world.cloud)
    results = []

    async def race(client: Client) -> None:
        results.append(await client.call_tool(call.tool, arguments))

    async with world.client(era) as client:
        await client.call_tool(call.tool, arguments)
        await approve(world)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(race, client)
            tasks.start_soon(race, client)
    for result in results:
        tally.leaks_of(result)
    await _was_sent_once(call, arguments, world, era, tally)
    assert [status_of(result) for result in results].count(_outcome(call)) == 1
    tally.accepted["command"] += 1


async def _was_sent_once(
    call: Dangerous, arguments: Arguments, world: World, era: str, tally: Tally
) -> None:
    """It was sent, and the used approval sends nothing more."""
    assert world.service.changing == [call.tool]
    again = replace(call, arguments=lambda _cloud: arguments)
    async with Attempts(world, era, tally, again) as attempts:
        assert await attempts.without_a_dialog() != _outcome(call)


def _outcome(call: Dangerous) -> str:
    """The status of a call that was made. There is no page here to show a secret on."""
    secret = CATALOGUE[call.tool].__spec__.kind is Kind.SECRET
    return "not_delivered" if secret else "done"


def test_every_dangerous_tool_is_in_the_matrix() -> None:
    dangerous = {t.name for t in offered_tools() if t.kind not in (Kind.READ, Kind.WRITE)}
    assert dangerous - {"apply_plan"} == {call.tool for call in CALLS}
