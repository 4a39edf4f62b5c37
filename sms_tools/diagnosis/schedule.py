"""Which copy of a wave runs when, on a line that all share. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sms_tools.diagnosis.limits import BYTES_PER_MBIT, Limits
from sms_tools.diagnosis.rates import MeasuredRate
from sms_tools.diagnosis.windows import Calendar
from sms_tools.fleet.grouping import Group, place_of
from sms_tools.fleet.server import Server
from sms_tools.knowledge.facts import MAX_CONCURRENT_TASKS, THROTTLED_MBIT_S

NO_LIMITS: Final = Limits()
SLOWEST: Final = 0.5
_FASTEST: Final = 1.0
"""The FAQ (13.1) has 0.5 to 0.8 of a line used; nothing is faster than all of a share."""
_UNDER_A_LIMIT: Final = 0.9
"""Of a limit so much is used at least: the limit holds, and little else slows the copy (ours)."""
_HELD_DOWN: Final = THROTTLED_MBIT_S * BYTES_PER_MBIT
_LEAST_SHARE: Final = 25
"""Mbit/s that one copy should have: below 10 the FAQ warns, and a few quick copies end sooner."""
_PREPARING: Final = timedelta(minutes=45)
"""A new copy's target is made, attached and formatted first; that takes minutes to this long."""


@dataclass(frozen=True)
class Copy:
    """A server that is still to be copied, and what is known of how long that takes."""

    server: Server
    left: int | None
    """Bytes; None where nobody can tell."""
    type: str | None
    rate: MeasuredRate | None = None
    limits: Limits = NO_LIMITS
    """Those that its task has now; the schedule's own hold only once somebody has set them."""

    @property
    def running(self) -> bool:
        """Whether it copies now."""
        return self.server.phase in ("initializing", "replicating")

    def seconds(self, share: int, *, windowed: bool = False) -> tuple[float, float] | None:
        """The shortest and the longest time with *share* Mbit/s to itself.

        *windowed*: what limits hold down outside of the windows is not reckoned here.
        """
        if self.left is None or not share:
            return None
        most = share * BYTES_PER_MBIT
        fast, slow = most * _FASTEST, most * SLOWEST
        levels = self.limits.levels
        if windowed:
            levels = [each for each in levels if each > _HELD_DOWN] or levels
        if levels:
            # Until somebody sets the new ones, a copy goes no faster than its own limit lets it.
            slow = min(slow, levels[0] * _UNDER_A_LIMIT)
        if self.rate and self.rate.mean > 0:
            fast = min(fast, max(self.rate.high, self.rate.mean) * 1.1)
            slow = min(slow, max(self.rate.low, self.rate.mean / 2) * 0.8)
        late = 0.0 if self.running else _PREPARING.total_seconds()
        return self.left / fast, self.left / slow + late


@dataclass(frozen=True)
class Place:
    """A copy's place in the schedule."""

    copy: Copy
    lane: int
    after: Server | None
    starts_at: datetime | None
    earliest: datetime | None
    latest: datetime | None

    def fits(self, deadline: datetime | None) -> bool | None:
        """Whether it is done by *deadline*; None where that is not known."""
        if deadline is None or self.earliest is None or self.latest is None:
            return None
        if self.latest <= deadline:
            return True
        return False if self.earliest > deadline else None


def lanes_of(copies: Sequence[Copy], usable: float) -> int:
    """How many copies at a time: as many as have a fair share, at most what the service takes.

    What runs already keeps running: it has a lane, as far as the service takes so many.
    """
    running = sum(copy.running for copy in copies)
    fair = min(len(copies), MAX_CONCURRENT_TASKS, max(1, int(usable / _LEAST_SHARE)))
    return min(MAX_CONCURRENT_TASKS, max(running, fair))


def places_of(
    copies: Sequence[Copy],
    lanes: int,
    share: int,
    calendar: Calendar,
    now: datetime,
    groups: Mapping[str, Group],
) -> Sequence[Place]:
    """Running copies keep their lanes; then the groups in their order, in each the largest first,
    each where a lane is free first.
    """
    order = sorted(
        copies,
        key=lambda c: (not c.running, place_of(c.server, groups), -(c.left or 0), c.server.name),
    )
    opens = calendar.next_open(now)
    free: list[tuple[datetime, datetime]] = [(opens, opens)] * lanes
    last: list[Server | None] = [None] * lanes
    found = []
    for copy in order:
        seconds = copy.seconds(share, windowed=bool(calendar.windows))
        if seconds is None:
            found.append(Place(copy, 0, None, None, None, None))
            continue
        lane = min(range(lanes), key=lambda each: (free[each][1], each))
        soon, late = free[lane]
        starts = now if copy.running else calendar.next_open(soon)
        # What is not paused outside of the windows goes on at the 1 Mbit/s of its limits.
        trickle = min(1.0, THROTTLED_MBIT_S / share)
        earliest = calendar.finish(soon, seconds[0], meanwhile=trickle)
        latest = calendar.finish(late, seconds[1])
        found.append(Place(copy, lane + 1, last[lane], starts, earliest, latest))
        if earliest and latest:
            free[lane], last[lane] = (earliest, latest), copy.server
    return found
