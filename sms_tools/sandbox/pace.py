"""How much work gets done between two moments, and when a piece of work is finished.

Everything is closed-form over the stretches in which the rate is constant, so that jumping three
days gives exactly what three days of small steps give. Times are epoch milliseconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR

Halt = tuple[int, int | None]
"""A stretch without any work: from, until (None: until further notice)."""


@dataclass(frozen=True, slots=True)
class RateLimit:
    """A limit for a part of every day; `start` and `end` are minutes since midnight."""

    start: int
    end: int
    mbit_s: int
    threshold: float | None = None
    """Percent over the limit at which the task is paused; None or 0 means never."""

    @property
    def bytes_per_ms(self) -> float:
        """The limit as a rate of work; a limit of 0 is no limit."""
        return self.mbit_s * 125 if self.mbit_s else float("inf")


@dataclass(frozen=True, slots=True)
class Pace:
    """A rate in units of work per millisecond, bent by limits and interrupted by halts."""

    rate: float
    limits: Sequence[RateLimit] = ()
    halts: Sequence[Halt] = ()

    def at(self, moment: int) -> float:
        """The rate at one moment."""
        if any(a <= moment and (b is None or moment < b) for a, b in self.halts):
            return 0.0
        minute = moment % DAY // MINUTE
        caps = [lim.bytes_per_ms for lim in self.limits if lim.start <= minute < lim.end]
        return min([self.rate, *caps])

    def worked(self, since: int, until: int) -> float:
        """The work done from *since* to *until*."""
        if not self.limits and not self.halts:
            return max(0, until - since) * self.rate
        done, moment = 0.0, since
        while moment < until:
            change = self.next_change(moment)
            end = until if change is None else min(change, until)
            done += (end - moment) * self.at(moment)
            moment = end
        return done

    def finished(self, since: int, work: float) -> int | None:
        """When *work* begun at *since* is done; None if it never is."""
        if work <= 0:
            return since
        if not self.limits and not self.halts:
            return since - int(-work // self.rate)
        moment, left = since, work
        while True:
            change, rate = self.next_change(moment), self.at(moment)
            end = moment + -int(-left // rate) if rate > 0 else None
            if change is None or (end is not None and end <= change):
                return end
            left -= (change - moment) * rate
            moment = change
            if moment % DAY == 0 and not self._halts_after(moment):
                days = int(left // self._daily(moment)) - 1
                if days > 0:
                    left -= days * self._daily(moment)
                    moment += days * DAY

    def _daily(self, midnight: int) -> float:
        return max(self.worked(midnight, midnight + DAY), 1e-9)

    def _halts_after(self, moment: int) -> bool:
        return any(b is None or b > moment for _, b in self.halts)

    def next_change(self, moment: int) -> int | None:
        """When a limit or a halt begins or ends next; None if none ever does."""
        edges = [t for halt in self.halts for t in halt if t is not None and t > moment]
        if self.limits:
            midnight = moment - moment % DAY
            minutes = {m for lim in self.limits for m in (lim.start, lim.end)} | {24 * 60}
            edges += [t for m in minutes if (t := midnight + m * MINUTE) > moment]
        return min(edges, default=None)
