"""What a question needs to be answered: the service, the clock, what was seen before."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
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


@dataclass(frozen=True)
class Desk:
    """Everything that answering reads from. One desk serves all calls of a server."""

    api: Api
    state: State
    now: Clock = utc_now
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep
    elapsed: Callable[[], float] = time.monotonic
    """Seconds that have passed for whoever waits for an answer, from any beginning."""
    report: Report = nobody_listens
    shared: dict[str, object] = field(default_factory=dict)
    """What calls share for a while, such as the fleet read of the last 30 seconds."""

    def reporting_to(self, report: Report) -> "Desk":
        """This desk, for one call whose progress goes to *report*."""
        return replace(self, report=report)

    def forget(self) -> None:
        """Drop what calls share: something was changed, so the next answer reads anew."""
        self.shared.clear()
