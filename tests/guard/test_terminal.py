"""The command: the same preview, the same typing, and only at a terminal."""

from dataclasses import dataclass, field

import pytest

from sms_tools.guard import Ask, Guard
from sms_tools.guard import terminal as command
from sms_tools.guard.answers import Answers
from sms_tools.guard.approvals import Approval, Status
from sms_tools.guard.terminal import Terminal, fetch_secret

from .conftest import CALLER, Clock, Thing

pytestmark = pytest.mark.anyio


@dataclass
class Person:
    """What a person types, and what they were shown."""

    types: str = ""
    shown: list[str] = field(default_factory=list)

    def ask(self, question: str) -> str:
        self.shown.append(question)
        return self.types

    def at(self, *, is_terminal: bool = True) -> Terminal:
        return Terminal(self.shown.append, self.ask, is_terminal)


@pytest.fixture
async def approval(guard: Guard, thing: Thing) -> Approval:
    ask = await guard.begin(thing.subject(), CALLER)
    assert isinstance(ask, Ask)
    return ask.approval


async def status(answers: Answers, approval: Approval) -> Status:
    found = await answers.approvals.get(approval.id)
    assert found
    return found.status


async def test_what_waits_is_listed_with_its_headline(answers: Answers, approval: Approval) -> None:
    person = Person()
    assert await command.list_waiting(answers, person.at()) == 0
    text = "\n".join(person.shown)
    assert approval.id in text
    assert "Delete “web-01”." in text


async def test_the_right_text_approves(answers: Answers, approval: Approval) -> None:
    person = Person("web-01")
    assert await command.approve(answers, approval.id.lower(), person.at()) == 0
    assert "Delete “web-01”." in person.shown
    assert await status(answers, approval) is Status.APPROVED


async def test_another_text_approves_nothing(answers: Answers, approval: Approval) -> None:
    assert await command.approve(answers, approval.id, Person("y").at()) == 1
    assert await status(answers, approval) is Status.PENDING


async def test_without_a_terminal_nothing_is_asked_or_approved(
    answers: Answers, approval: Approval
) -> None:
    person = Person("web-01")
    assert await command.approve(answers, approval.id, person.at(is_terminal=False)) == 2
    assert await status(answers, approval) is Status.PENDING


async def test_denying_ends_the_request(answers: Answers, approval: Approval) -> None:
    assert await command.deny(answers, approval.id, Person().at()) == 0
    assert await status(answers, approval) is Status.DENIED


async def test_an_expired_or_unknown_request_cannot_be_answered(
    answers: Answers, approval: Approval, clock: Clock
) -> None:
    clock.pass_(minutes=11)
    assert await command.approve(answers, approval.id, Person("web-01").at()) == 1
    assert await command.approve(answers, "AAAA-AAAA", Person("web-01").at()) == 1


async def test_show_prints_a_waiting_secret_at_a_terminal_only(
    answers: Answers, approval: Approval
) -> None:
    await answers.approvals.announce_delivery(approval.id, approval.tool, "http://127.0.0.1:1")
    person = Person()
    secret = {"target_password": "Example-1"}
    assert (
        await command.show(answers, approval.id, person.at(is_terminal=False), lambda _: secret)
        == 2
    )
    assert "Example-1" not in "\n".join(person.shown)
    assert await command.show(answers, approval.id, person.at(), lambda _: secret) == 0
    assert "target_password: Example-1" in person.shown


async def test_of_a_secret_on_a_team_s_page_the_command_says_where_that_is(
    answers: Answers, approval: Approval
) -> None:
    origin = "https://sms-tools.example.com"
    delivery = await answers.approvals.announce_delivery(approval.id, approval.tool, origin)
    person = Person()
    assert await command.show(answers, approval.id, person.at()) == 1
    assert f"{origin}/sms-tools/secret/{delivery.token}" in "\n".join(person.shown)
    assert fetch_secret(delivery) is None


async def test_show_tells_what_a_request_is_about(answers: Answers, approval: Approval) -> None:
    person = Person()
    assert await command.show(answers, approval.id, person.at()) == 0
    assert person.shown[-1] == "Status: pending"
