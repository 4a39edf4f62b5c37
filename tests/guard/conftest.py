"""A guard over a real state folder, a clock that stands still, and a thing that can be deleted."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from sms_tools.account import Account
from sms_tools.guard import Approvals, Audit, Caller, Guard, Policy, Preview, Subject, Target
from sms_tools.guard.answers import Answers
from sms_tools.operation import Kind
from sms_tools.state import State

CALLER = Caller("example-client", "1.0", "stdio")


@dataclass
class Clock:
    """A clock that moves when it is told to."""

    now: datetime = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **much: float) -> None:
        self.now += timedelta(**much)


@dataclass
class Thing:
    """Something that a call would delete, and a count of how often it was deleted."""

    state: str = "error"
    name: str = "web-01"
    impossible: str | None = None
    deleted: int = 0
    previews: int = 0
    during: list[Callable[[], Awaitable[None]]] = field(default_factory=list)

    async def preview(self) -> Preview:
        self.previews += 1
        for happening in self.during:
            await happening()
        return Preview(
            headline=f"Delete “{self.name}”.",
            typed=self.name,
            state={"name": self.name, "state": self.state},
            targets=[Target("id-1", self.name)],
            impossible=self.impossible,
            code="SMS.7719" if self.impossible else None,
        )

    async def delete(self) -> str:
        self.deleted += 1
        return "deleted"

    def subject(self, kind: Kind = Kind.DESTRUCTIVE, **arguments: object) -> Subject:
        return Subject(
            tool="delete_migration_task",
            kind=kind,
            arguments={"task_id": "id-1", **arguments},
            preview=self.preview,
            account=Account("region", "https://sms.example"),
            ids=["id-1"],
        )


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def thing() -> Thing:
    return Thing()


@pytest.fixture
def approvals(state: State, clock: Clock) -> Approvals:
    return Approvals(state, clock)


@pytest.fixture
def audit(state: State, clock: Clock) -> Audit:
    return Audit(state, clock, ["example-secret-key"])


@pytest.fixture
def answers(approvals: Approvals, audit: Audit) -> Answers:
    return Answers(approvals, audit)


@pytest.fixture
def guard(approvals: Approvals, audit: Audit) -> Guard:
    return Guard(Policy(), approvals, audit)
