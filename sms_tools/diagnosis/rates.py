"""How fast a copy went in our own samples, how that varied, and what of a day it has seen.

Rates are taken on an even grid, so that a reading every ten seconds weighs no more than one every
five minutes. Their lag autocorrelation says how long a fast or slow stretch lasts, and with that
how much the mean of so many hours tells of the mean of the hours to come.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import fmean
from typing import Final

from sms_tools.diagnosis.limits import BYTES_PER_MBIT
from sms_tools.fleet.samples import Sample
from sms_tools.knowledge.facts import ETA_MIN_MINUTES, ETA_MIN_SAMPLES

LOOK_BACK: Final = timedelta(hours=48)
"""How far back samples are asked for: two of every hour of the day."""
_MIN_SPAN: Final = timedelta(minutes=ETA_MIN_MINUTES)
_SHORTEST_STEP: Final = 300.0
_RECENT: Final = 3600.0
_SEEN_GAP: Final = timedelta(minutes=90)
"""Two samples further apart than this do not tell of the hours between them."""
_HOUR: Final = 3600
_DAY: Final = 24 * _HOUR
_WEEK: Final = 7 * _DAY
_MONDAY: Final = 4 * _DAY
"""The first Monday of Unix time."""
_WORKING: Final = range(12, 4 * 24 + 10)
"""Hours of the week (UTC) that are of working days from Monday to Friday in every time zone."""
_WEEKEND: Final = range(5 * 24 + 12, 6 * 24 + 10)
"""Hours of the week (UTC) that are of a weekend in every time zone."""
_SLOWED: Final = 0.75
_TAIL_SHARE: Final = 0.6
_EXPLAINED: Final = 0.7
"""The part of all variance that one change of level must explain to be taken for one."""


@dataclass(frozen=True, slots=True)
class MeasuredRate:
    """How fast a copy went, in bytes per second."""

    low: float
    """A quarter of the time it was slower than this."""
    mean: float
    high: float
    """A quarter of the time it was faster than this."""
    samples: int
    span: timedelta
    recent: float = 0.0
    """The mean of the last hour."""
    spread: float = 0.0
    """Standard deviation of the rate over its mean, as it would be over a long time."""
    memory: float = 0.0
    """Seconds after which the rate has forgotten all but 1/e of a fast or slow moment."""
    hours: frozenset[int] = frozenset()
    """The hours of the week (UTC, Monday's first) in which it was seen."""
    rates: tuple[float, ...] = ()
    """The rate in each piece of the grid, oldest first."""
    blocks: bool = False
    """Whether it copies blocks, in their order: no small files come last."""
    slowed: bool = False
    """Whether its end has been seen to be slower: well past half, and slower than it was."""

    @property
    def mbit_s(self) -> float:
        """The mean rate in Mbit/s."""
        return to_mbit_s(self.mean)

    def forecast(self, seconds: float) -> tuple[float, float]:
        """The mean rate to be expected over the next *seconds*, and its relative deviation.

        Of a rate that wanders about its mean and forgets: AR(1). What is not known of the mean
        itself counts as well as what is to come.
        """
        if self.spread <= 0 or self.memory <= 0:
            return self.mean, self.spread * math.sqrt(2 / max(len(self.rates), 1))
        seconds = max(seconds, 1.0)  # a copy of which nothing is left has no rate to come
        forgets = self.memory / seconds * (1 - math.exp(-seconds / self.memory))
        of_mean = _of_mean(self.span.total_seconds(), self.memory)
        to_come = max(_of_mean(seconds, self.memory) - forgets**2, 0.0)
        center = self.mean + (self.recent - self.mean) * forgets
        deviation = self.spread * math.sqrt(of_mean * (1 - forgets) ** 2 + to_come)
        return max(center, 0.05 * self.mean), deviation * self.mean / max(center, 0.2 * self.mean)

    @property
    def watched(self) -> Sequence[bool]:
        """For each hour of the week whether it, or the like of it, was seen.

        Working days are alike, and so are the days of a weekend. Between the two nobody knows which
        it is at the source, whose time zone is not told.
        """
        working = {hour % 24 for hour in self.hours if hour in _WORKING}
        weekend = {hour % 24 for hour in self.hours if hour in _WEEKEND}
        return [
            hour in self.hours
            or (hour in _WORKING and hour % 24 in working)
            or (hour in _WEEKEND and hour % 24 in weekend)
            for hour in range(_WEEK // _HOUR)
        ]

    @property
    def whole_day(self) -> bool:
        """Whether every hour of a day was seen, on one day or another."""
        return len({hour % 24 for hour in self.hours}) == 24

    @property
    def freedom(self) -> float:
        """How many stretches that do not depend on each other were seen, at least one."""
        if self.memory <= 0:
            return max(float(len(self.rates)), 1.0)
        return max(self.span.total_seconds() / (2 * self.memory), 1.0)


def to_mbit_s(bytes_per_second: float) -> float:
    """Bytes per second as Mbit/s, rounded for showing."""
    value = bytes_per_second / BYTES_PER_MBIT
    return round(value, 1 if value >= 1 else 3)


def copy_stretch(samples: Sequence[Sample]) -> Sequence[Sample]:
    """The latest unbroken stretch of one full copy, oldest first.

    It begins anew after a pause, a disconnection, another task, or where bytes became fewer.
    """
    stretch: list[Sample] = []
    for sample in reversed(samples):
        if sample.phase != "replicating" or sample.connected is False or sample.done_bytes is None:
            break
        later = stretch[-1] if stretch else sample
        if sample.task_id != later.task_id or sample.done_bytes > (later.done_bytes or 0):
            break
        stretch.append(sample)
    return stretch[::-1]


def measure(samples: Sequence[Sample]) -> MeasuredRate | None:
    """The rate of the copy that goes on now; None with too few samples, or over too short a time.

    *samples* are one server's, oldest first.
    """
    stretch = copy_stretch(samples)
    if len(stretch) < ETA_MIN_SAMPLES or stretch[-1].at - stretch[0].at < _MIN_SPAN:
        return None
    path = Path(stretch)
    turn = _turn(path, stretch[-1].total_bytes)
    if turn is not None:  # what was before the slow end tells nothing of it
        stretch = [each for each in stretch if each.at.timestamp() >= turn]
        path = Path(stretch)
    rates = path.rates(path.step)
    span = stretch[-1].at - stretch[0].at
    mean = path.mean(path.begin, path.end)
    recent = path.mean(max(path.begin, path.end - _RECENT), path.end)
    spread, memory = _wandering(rates, mean, path.step)
    return MeasuredRate(
        low=_quantile(rates, 0.25),
        mean=mean,
        high=_quantile(rates, 0.75),
        samples=len(stretch),
        span=span,
        recent=recent,
        spread=spread,
        memory=memory,
        hours=_hours_seen(stretch),
        rates=tuple(rates),
        blocks="BLOCK" in (stretch[-1].step or ""),
        slowed=turn is not None,
    )


class Path:
    """How many bytes were done when, straight from one sample to the next."""

    def __init__(self, stretch: Sequence[Sample]) -> None:
        """Of at least two samples, oldest first."""
        self.times = [each.at.timestamp() for each in stretch]
        self.done = [float(each.done_bytes or 0) for each in stretch]
        self.begin, self.end = self.times[0], self.times[-1]

    @property
    def step(self) -> float:
        """Seconds of a piece of the grid: as most of the time was sampled, or longer."""
        gaps = sorted(b - a for a, b in pairwise(self.times))
        whole, passed = self.end - self.begin, 0.0
        for gap in gaps:
            passed += gap
            if passed >= 0.75 * whole:
                return max(gap, _SHORTEST_STEP)
        return max(whole, _SHORTEST_STEP)

    def at(self, moments: Sequence[float]) -> Sequence[float]:
        """What was done at *moments* in rising order."""
        found, index, last = [], 0, len(self.times) - 1
        for moment in moments:
            while index < last - 1 and self.times[index + 1] < moment:
                index += 1
            begin, end = self.times[index], self.times[index + 1]
            share = min(max((moment - begin) / max(end - begin, 1e-3), 0.0), 1.0)
            found.append(self.done[index] + share * (self.done[index + 1] - self.done[index]))
        return found

    def mean(self, begin: float, end: float) -> float:
        """Bytes per second between two moments."""
        before, after = self.at([begin, end])
        return (after - before) / max(end - begin, 1e-3)

    def rates(self, step: float) -> Sequence[float]:
        """Bytes per second in pieces of about *step* seconds, oldest first."""
        count = max(round((self.end - self.begin) / step), 1)
        width = (self.end - self.begin) / count
        done = self.at([self.begin + width * index for index in range(count + 1)])
        return [(after - before) / max(width, 1e-3) for before, after in pairwise(done)]


def _wandering(rates: Sequence[float], mean: float, step: float) -> tuple[float, float]:
    """Relative standard deviation and memory (s), both corrected for how little was seen."""
    count = len(rates)
    if mean <= 0 or count < 3:
        return 1.0, step * count
    center = fmean(rates)
    variance = fmean((rate - center) ** 2 for rate in rates)
    if variance < (1e-3 * mean) ** 2:
        return 0.0, 0.0
    products = fmean((a - center) * (b - center) for a, b in pairwise(rates))
    lag = products / variance
    # Kendall: short series seem to forget faster than they do. What may be, within one standard
    # error, counts: too short a memory makes a range too narrow, for days on end.
    lag = min(lag + (1 + 3 * lag) / count + math.sqrt(max(1 - lag**2, 0.0) / count), 0.99)
    memory = step / -math.log(lag) if lag > 0.05 else step / 3
    seen = 1 - _of_mean(count * step, memory)
    return math.sqrt(variance / max(seen, 0.1)) / mean, memory


def _of_mean(seconds: float, memory: float) -> float:
    """The variance of a mean over *seconds*, as a share of the variance at one moment."""
    ratio = memory / seconds
    return min(2 * ratio * (1 - ratio * (1 - math.exp(-1 / ratio))), 1.0)


def _hours_seen(stretch: Sequence[Sample]) -> frozenset[int]:
    """The hours of the week of which at least half was watched."""
    watched: Counter[int] = Counter()
    for before, after in pairwise(stretch):
        if after.at - before.at <= _SEEN_GAP:
            moment, end = before.at.timestamp(), after.at.timestamp()
            while moment < end:
                until = min(moment - moment % _HOUR + _HOUR, end)
                watched[_hour_of_week(moment)] += round(until - moment)
                moment = until
    return frozenset(hour for hour, seconds in watched.items() if seconds >= _HOUR / 2)


def _hour_of_week(moment: float) -> int:
    """The hour of the week in UTC, Monday's first is 0."""
    return int((moment - _MONDAY) % _WEEK) // _HOUR


def _turn(path: Path, total: int | None) -> float | None:
    """When a copy well past half became slower and stayed so; None if it did not."""
    rates = path.rates(path.step)
    width = (path.end - path.begin) / len(rates)
    least = max(math.ceil(_RECENT / width), 2)
    if not total or len(rates) < 2 * least:
        return None
    sums, squares = [0.0], sum(rate**2 for rate in rates)
    for rate in rates:
        sums.append(sums[-1] + rate)
    best, where = 0.0, 0
    for index in range(least, len(rates) - least):
        rest = len(rates) - index
        explained = sums[index] ** 2 / index + (sums[-1] - sums[index]) ** 2 / rest
        if explained > best:
            best, where = explained, index
    if not where:
        return None
    before, after = sums[where] / where, (sums[-1] - sums[where]) / (len(rates) - where)
    varied = squares - sums[-1] ** 2 / len(rates)
    evident = varied > 0 and squares - best < (1 - _EXPLAINED) * varied
    moment = path.begin + (where + 1) * width
    late = path.at([moment])[0] >= _TAIL_SHARE * total
    return moment if evident and late and after < _SLOWED * before else None


def _quantile(values: Sequence[float], share: float) -> float:
    """The value below which *share* of the values lie."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def hours_until(now: datetime, end: datetime) -> Sequence[int]:
    """The hours of the week (UTC, Monday's first) from *now* to *end*, each once."""
    begin = _hour_of_week(now.timestamp())
    count = min(math.ceil((end - now).total_seconds() / _HOUR) + 1, _WEEK // _HOUR)
    return [(begin + each) % (_WEEK // _HOUR) for each in range(count)]
