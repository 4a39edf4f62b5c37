"""Callers that pose as another, say too much of themselves, or ask without end."""

import json
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sms_tools.guard import Approvals, Ask, Audit, Caller, Go, Guard, Held, Preview, Target
from sms_tools.guard.answers import Answers
from sms_tools.guard.gate import MOST_WAITING, MOST_WAITING_IN_ALL
from sms_tools.guard.subject import LOSSES, Section
from sms_tools.state import State
from sms_tools.text import clean
from tests.guard.conftest import CALLER, Thing

pytestmark = pytest.mark.anyio

_PARTS = st.builds(
    Caller,
    client=st.text(max_size=8),
    version=st.text(max_size=8),
    transport=st.sampled_from(["stdio", "http", "command"]),
    subject=st.none() | st.text(max_size=8),
    session=st.none() | st.text(max_size=8),
)


@given(_PARTS, _PARTS)
@settings(deadline=None)
def test_no_two_different_callers_share_a_key(one: Caller, other: Caller) -> None:
    assert (one.key == other.key) == (one == other)


def test_parts_that_are_split_elsewhere_are_another_caller() -> None:
    parts = [("x y", "1"), ("x", "y 1"), ("x y 1", ""), ("", "x y 1")]
    keys = {Caller(client, version, "stdio").key for client, version in parts}
    assert len(keys) == len(parts)


@given(st.text(max_size=4_000), st.text(max_size=4_000), st.none() | st.text(max_size=4_000))
@settings(deadline=None)
def test_what_is_shown_of_a_caller_is_one_short_clean_line(
    client: str, version: str, subject: str | None
) -> None:
    shown = str(Caller(client, version, "stdio", subject))
    assert len(shown) < 300
    assert shown.splitlines() == [shown]
    assert clean(shown) == shown


async def test_an_approval_serves_the_same_clients_next_process_and_no_other_caller(
    guard: Guard, thing: Thing, answers: Answers
) -> None:
    ask = await guard.begin(thing.subject(), CALLER)
    assert isinstance(ask, Ask)
    await answers.approve(ask.approval, "web-01", "command")
    others = [
        Caller("example-client", "1.1", "stdio"),
        Caller("example-client 1.0", "", "stdio"),
        Caller("example-client", "1.0", "http"),
        Caller("example-client", "1.0", "http", subject="owner"),
        Caller("example-client", "1.0", "stdio", session="a"),
    ]
    for other in others:
        assert isinstance(await guard.begin(thing.subject(), other), Ask)
    next_process = Caller("example-client", "1.0", "stdio")
    assert isinstance(await guard.begin(thing.subject(), next_process), Go)


async def test_a_client_of_three_megabytes_leaves_lines_of_bounded_length(
    guard: Guard, thing: Thing, audit: Audit, state: State
) -> None:
    huge = Caller("x\x1b[2J" * 500_000, "y" * 1_000_000, "stdio")
    for number in range(3):
        ask = await guard.begin(thing.subject(number=number), huge)
        assert isinstance(ask, Ask)
        assert "\x1b" not in ask.approval.caller
        held = await guard.hold(ask)
        assert len(json.dumps(held.result)) < 4_000
    assert audit.path.stat().st_size < 10_000
    assert sum(path.stat().st_size for path in state.folder.iterdir()) < 500_000


async def test_one_caller_has_at_most_fifty_requests_waiting_and_all_together_two_hundred(
    guard: Guard, thing: Thing, approvals: Approvals
) -> None:
    waiting, refused = 0, set()
    for renamed, number in product(range(6), range(MOST_WAITING + 1)):
        caller = Caller("example-client", f"1.{renamed}", "stdio")
        found = await guard.begin(thing.subject(number=number), caller)
        if isinstance(found, Held):
            refused.add(found.result["reason"])
        waiting += isinstance(found, Ask)
    assert waiting == MOST_WAITING_IN_ALL == len(await approvals.waiting())
    assert len(refused) == 2


async def test_twenty_thousand_ids_make_no_result_and_no_dialog_of_megabytes(
    guard: Guard, thing: Thing, answers: Answers
) -> None:
    many = [f"server-{number:05} with a name of its own, state error" for number in range(20_000)]

    async def preview() -> Preview:
        return Preview(
            headline="Delete 20,000 source servers.",
            typed="delete 20000",
            sections=[Section("What is there now", many), Section(LOSSES, [*many, "The end."])],
            targets=[Target(line, line) for line in many],
        )

    subject = thing.subject()
    thing.preview = preview  # type: ignore[method-assign]
    subject = thing.subject()
    ask = await guard.begin(subject, CALLER)
    assert isinstance(ask, Ask)
    assert len(ask.question.encode()) < 20_000
    held = await guard.hold(ask)
    assert len(json.dumps(held.result).encode()) < 24_000
    shown = held.result["preview"]
    assert shown["more_targets"] == 20_000 - len(shown["targets"])
    for section in shown["sections"]:
        assert section["lines"][0] == many[0]
        assert "more (the approval page and the command list them all)" in section["lines"][-1]
    assert ask.approval.preview.sections[1].lines[-1] == "The end."
