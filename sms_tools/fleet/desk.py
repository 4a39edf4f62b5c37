"""What a question needs to be answered: the service, the clock, what was seen before."""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

import anyio

from sms_tools.api import Api
from sms_tools.moment import Clock, utc_now
from sms_tools.state import State


class Report(Protocol):
    """Tells the person who waits how far an answer is."""

    async def __call__(self, done: float, total: float | None, message: str) -> None:
        """Report *done* of *total* (unknown if None) with a few words."""


async def nobody_listens(done: float, total: float | None, message: str) -> None:
    """The report of a call whose client asked for no progress."""


@dataclass(frozen=True, slots=True)
class Deed:
    """One call that changed something through this server."""

    at: datetime
    tool: str
    action: str | None
    by: str
    """Which client called."""
    agreed: str
    """How it was let through: ``dialog``, ``page``, ``command`` or ``policy``."""
    plan_id: str | None
    about: frozenset[str]
    """The texts of its arguments: the ids among them tell which servers it was about."""
    outcome: str | None = None
    """``done``, or what went wrong; None where nobody wrote it down."""
    code: str | None = None

    def ended(self, outcome: str | None, code: str | None) -> "Deed":
        """This deed with how it went."""
        return replace(self, outcome=outcome, code=code)


@dataclass(frozen=True, slots=True)
class Pending:
    """One call that waits for a person. How to agree is for a person alone: no link is here."""

    id: str
    tool: str
    says: str
    caller: str
    since: datetime
    until: datetime


class Journal(Protocol):
    """Tells what was done through this server, and what waits for a person."""

    async def deeds(self, ago: timedelta) -> Sequence[Deed] | None:
        """What was done since *ago*, oldest first; None where that cannot be read."""

    async def waiting(self) -> Sequence[Pending] | None:
        """What waits for a person; None where that cannot be read."""


@dataclass(frozen=True)
class Desk:
    """Everything that answering reads from. One desk serves all calls of a server."""

    api: Api
    state: State
    now: Clock = utc_now
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep
    elapsed: Callable[[], float] = time.monotonic
    """Seconds that have passed for whoever waits for an answer, from any beginning."""
    within: Callable[[float], anyio.CancelScope] = anyio.move_on_after
    """Ends what is done inside after so many seconds."""
    report: Report = nobody_listens
    shared: dict[str, object] = field(default_factory=dict)
    """What calls share for a while, such as the fleet read of the last 30 seconds."""
    moments: dict[str, object] = field(default_factory=dict)
    """Answers to single reads, which serve for a second."""
    journal: Journal | None = None
    """What was done through this server; None where nothing is done through it."""

    def reporting_to(self, report: Report) -> "Desk":
        """This desk, for one call whose progress goes to *report*."""
        return replace(self, report=report)

    def forget(self) -> None:
        """Drop what calls share: something was changed, so the next answer reads anew."""
        self.shared.clear()
        self.moments.clear()
