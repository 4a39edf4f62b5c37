"""Rate limits by the hour, and how long a copy takes under them.

The service's segments are in the source server's local time, and nobody tells its zone: a limit
that changes over the day is tried in every zone, and the answer is a range.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final

from sms_tools.operations.tasks import RateLimits

BYTES_PER_MBIT: Final = 125_000
_DAY: Final = 24 * 60
_CLOCK: Final = re.compile(r"([01]?\d|2[0-4]):([0-5]\d)")
_ZONES: Final = range(-12, 15)
_LONGEST_DAYS: Final = 400


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of every day, in minutes since midnight, and its limit in Mbit/s."""

    start: int
    end: int
    mbit_s: float


@dataclass(frozen=True, slots=True)
class Limits:
    """What bounds the rate of one task. Without segments nothing does."""

    segments: Sequence[Segment] = ()

    @property
    def by_the_hour(self) -> bool:
        """Whether the limit is not the same all day."""
        return len({self._at(minute) for minute in self._edges}) > 1

    @property
    def steady_mbit_s(self) -> float | None:
        """The limit if it is the same all day; None if there is none, or it changes."""
        limit = self._at(0)
        return None if self.by_the_hour or math.isinf(limit) else limit

    @property
    def cover_the_day(self) -> bool:
        """Whether there is a limit at every minute of the day."""
        return not any(math.isinf(self._at(minute)) for minute in self._edges)

    @property
    def levels(self) -> Sequence[float]:
        """The limits there are, in bytes per second."""
        return sorted({each.mbit_s * BYTES_PER_MBIT for each in self.segments})

    def finish(
        self, start: datetime, left: float, rate: float | Sequence[float]
    ) -> tuple[datetime, datetime] | None:
        """When *left* bytes are copied at *rate* bytes/s from *start* on: earliest and latest.

        *rate* may be one for each hour of the day (UTC, 24 of them) or of the week (168, Monday's
        first). The two ends differ only where the limit changes over the day. None if it takes too
        long to say.
        """
        zones = _ZONES if self.by_the_hour else (0,)
        hourly = [rate] * 24 if isinstance(rate, float | int) else list(rate)
        ends = [self._finish(start.astimezone(UTC), left, hourly, zone) for zone in zones]
        known = [end for end in ends if end is not None]
        return (min(known), max(known)) if len(known) == len(ends) else None

    @property
    def _edges(self) -> Sequence[int]:
        return sorted({0, *(m % _DAY for s in self.segments for m in (s.start, s.end))})

    def _at(self, minute: int) -> float:
        """The limit in Mbit/s at a minute of the day; infinity where there is none."""
        return min((s.mbit_s for s in self.segments if s.start <= minute < s.end), default=math.inf)

    def _finish(
        self, start: datetime, left: float, rates: Sequence[float], zone: int
    ) -> datetime | None:
        if max(rates) <= 0:
            return None
        length = len(rates) * 60
        spans = self._spans(rates, zone)
        opened = start.replace(hour=0, minute=0, second=0, microsecond=0)
        if length > _DAY:
            opened -= timedelta(days=start.weekday())
        passed = ((start - opened).total_seconds() / 60 + zone * 60) % length
        minutes = -passed
        whole = sum((end - begin) * 60 * speed for begin, end, speed in spans)
        left += sum(max(0.0, min(end, passed) - begin) * 60 * speed for begin, end, speed in spans)
        if whole <= 0 or left / whole * length / _DAY > _LONGEST_DAYS:
            return None
        times = int(left // whole)
        left -= times * whole
        minutes += times * length
        for begin, end, speed in spans:
            done = (end - begin) * 60 * speed
            if left <= done and speed > 0:
                return start + timedelta(minutes=minutes + begin + left / speed / 60)
            left -= done
        return start + timedelta(minutes=minutes + length)

    def _spans(self, rates: Sequence[float], zone: int) -> Sequence[tuple[int, int, float]]:
        """The source's day, or week, in pieces: from, to, bytes/s."""
        length = len(rates) * 60
        hours = range(0, length, 60) if len(set(rates)) > 1 else ()
        own = {day + edge for day in range(0, length, _DAY) for edge in self._edges}
        edges = [*sorted({*own, *hours}), length]
        return [
            (
                begin,
                end,
                min(
                    rates[(begin // 60 - zone) % len(rates)],
                    self._at(begin % _DAY) * BYTES_PER_MBIT,
                ),
            )
            for begin, end in pairwise(edges)
        ]


def read_limits(reply: RateLimits) -> Limits:
    """The limits in the service's words; a segment that cannot be read is taken as none.

    A speed of 0 is no limit, an end of 23:59 the end of the day.
    """
    segments: list[Segment] = []
    for each in reply.speed_limit or []:
        start, end = _minutes(each.start), _minutes(each.end)
        if start is None or end is None or not each.speed or each.speed < 0:
            continue
        end = _DAY if end >= _DAY - 1 else end
        parts = [(start, end)] if start < end else [(start, _DAY), (0, end)]
        segments += [Segment(a, b, each.speed) for a, b in parts if a < b]
    return Limits(tuple(segments))


def steady(mbit_s: float | None) -> Limits:
    """The same limit all day; none for 0 or None."""
    return Limits((Segment(0, _DAY, mbit_s),)) if mbit_s and mbit_s > 0 else Limits()


def _minutes(text: str | None) -> int | None:
    match = _CLOCK.fullmatch((text or "").strip())
    return int(match[1]) * 60 + int(match[2]) if match else None
