"""How much work gets done between two moments, and when a piece of work is finished.

Everything is closed-form over the stretches in which the rate is constant, so that jumping three
days gives exactly what three days of small steps give. Times are epoch milliseconds.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sms_tools.sandbox.profiles import DAY, HOUR, MINUTE, Profile

__all__ = ["DAY", "HOUR", "MINUTE", "Halt", "Pace", "RateLimit", "divide"]

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


def divide(line: float, wanted: Sequence[float]) -> Sequence[float]:
    """The most that each of those who want to send may take of a *line* that they share.

    In the order of *wanted*; what one cannot use goes to the others. Who wants nothing has none.
    """
    shares = [0.0] * len(wanted)
    moving = sorted((want, index) for index, want in enumerate(wanted) if want)
    for position, (want, index) in enumerate(moving):
        shares[index] = line / (len(moving) - position)
        line -= min(shares[index], want)
    return shares


@dataclass(frozen=True, slots=True)
class Pace:
    """A rate in units of work per millisecond, bent by what a real copy meets."""

    rate: float
    limits: Sequence[RateLimit] = ()
    halts: Sequence[Halt] = ()
    profile: Profile | None = None
    """How the machine's own rate changes."""
    whole: float = 0.0
    """All the work, for profiles that depend on how much of it is done; 0: they do not."""
    most: float = math.inf
    """What a shared line lets through."""

    def at(self, moment: float, done: float = 0.0) -> float:
        """The rate at one moment, with so much done."""
        if any(a <= moment and (b is None or moment < b) for a, b in self.halts):
            return 0.0
        minute = moment % DAY // MINUTE
        caps = [lim.bytes_per_ms for lim in self.limits if lim.start <= minute < lim.end]
        own = self.rate
        if self.profile:
            own *= self.profile.factor(moment, self._share(done))
        return min([own, self.most, *caps])

    def worked(self, since: float, until: float, done: float = 0.0) -> float:
        """The work done from *since* to *until*, where *done* was done before."""
        if self._even:
            return max(0, until - since) * min(self.rate, self.most)
        start, moment = done, since
        while moment < until:
            change, rate, knee = self.next_change(moment), self.at(moment, done), self._knee(done)
            end = until if change is None else min(change, until)
            if knee is not None and rate > 0 and moment + (knee - done) / rate < end:
                moment, done = moment + (knee - done) / rate, knee
            else:
                moment, done = end, done + (end - moment) * rate
        return done - start

    def finished(self, since: int, work: float, done: float = 0.0) -> int | None:
        """When *work* begun at *since* is done, *done* being done before; None if it never is."""
        if work <= 0:
            return since
        if self._even:
            return since - int(-work // min(self.rate, self.most))
        moment, left = float(since), work
        while True:
            change, rate, knee = self.next_change(moment), self.at(moment, done), self._knee(done)
            end = moment + left / rate if rate > 0 else None
            if knee is not None and rate > 0 and knee - done < left:
                turn = moment + (knee - done) / rate
                if change is None or turn < change:
                    left, done, moment = left - (knee - done), knee, turn
                    continue
            if change is None or (end is not None and end <= change):
                return None if end is None else math.ceil(end)
            left, done = left - (change - moment) * rate, done + (change - moment) * rate
            moment = change
            if moment % DAY == 0 and not self.profile and not self._halts_after(moment):
                days = int(left // self._daily(change)) - 1
                if days > 0:
                    left -= days * self._daily(change)
                    moment += days * DAY

    @property
    def _even(self) -> bool:
        return not self.limits and not self.halts and not self.profile

    def _share(self, done: float) -> float:
        # A byte of grace: what was worked up to the knee may be a rounding short of it.
        return (done + 1) / self.whole if self.whole else 0.0

    def _knee(self, done: float) -> float | None:
        """The work at which the rate changes because so much is done; None if that is over."""
        if not self.profile or not self.whole or self.profile.tail_from >= 1:
            return None
        knee = self.profile.tail_from * self.whole
        return knee if self._share(done) < self.profile.tail_from else None

    def _daily(self, midnight: int) -> float:
        return max(self.worked(midnight, midnight + DAY), 1e-9)

    def _halts_after(self, moment: float) -> bool:
        return any(b is None or b > moment for _, b in self.halts)

    def next_change(self, moment: float) -> int | None:
        """When a limit, a halt or the profile changes the rate next by time; None if none does."""
        edges = [t for halt in self.halts for t in halt if t is not None and t > moment]
        if self.limits:
            midnight = int(moment - moment % DAY)
            minutes = {m for lim in self.limits for m in (lim.start, lim.end)} | {24 * 60}
            edges += [t for m in minutes if (t := midnight + m * MINUTE) > moment]
        change = self.profile.next_change(moment) if self.profile else None
        return min(edges + ([] if change is None else [change]), default=None)
