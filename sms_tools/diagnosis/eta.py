"""When a full copy will be done: a range from what was seen, or an honest no.

Three samples over ten minutes give a rate with its spread. Before that there is only the service's
own estimate, which divides what is left by the rate of five seconds; it is passed on as what it
is. Everything here is arithmetic: the time is passed in.

A range is what the samples leave room for: the mean of a rate that wanders, hours of the week that
were not watched, the end of a copy by files, others on the line, limits by the hour. Its confidence
is high if it is narrow even when nearly all of that is allowed for.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from sms_tools.diagnosis.company import UNTOLD, Company
from sms_tools.diagnosis.limits import Limits
from sms_tools.diagnosis.rates import MeasuredRate, hours_until, measure, to_mbit_s
from sms_tools.wording import iso

__all__ = [
    "EXCLUDES",
    "Confidence",
    "Eta",
    "Fit",
    "MeasuredRate",
    "NoEta",
    "estimate",
    "measure",
    "service_mbit_s",
    "speed_unit",
    "to_mbit_s",
]

Confidence = Literal["high", "medium", "low"]
Fit = Literal["fits", "tight", "misses", "cannot tell"]

EXCLUDES: Final = (
    "Estimates end with the full copy: the last synchronisation, configuring and launching come "
    "on top. Copies of many small files slow down towards their end."
)
_SERVICE_SPREAD: Final = (0.5, 2.0)
_SERVICE_FILLER: Final = 60_000
"""Seconds; the service sends it where it has nothing to say."""
_SERVICE_MOST: Final = 400 * 86_400
"""Seconds; more than a year is no estimate of a copy, and may not even be a date."""
_SURE_SPAN: Final = timedelta(hours=3)
"""Shorter than this, nobody has seen how a rate changes over the day."""
_MEDIUM_SPAN: Final = timedelta(minutes=30)
_NARROW: Final = 0.5
"""The widest range of high confidence, over the time to its middle."""
_WIDEST: Final = 6.0
"""The most that the latest end of medium confidence may be of the earliest, counted from now."""
_FREEDOM: Final = 4.0
"""How many stretches that do not depend on each other must have been seen for high confidence."""
_MOST_COMPANY: Final = 3
"""So many times faster may a copy become when others leave its line."""
_BUSY_HOURS: Final = 12
"""So many hours may be busy of a day that is unlike those that were watched."""
_FAR: Final = 2.0
_ABOVE: Final = 1.15
_FEWEST_FREE: Final = 3
_COMPANY_DOUBTS: Final[Mapping[str, str]] = {
    "shared": "its rate depends on other copies: they share a line",
    "untold": "other copies may share its line",
}


@dataclass(frozen=True, slots=True)
class Assumption:
    """What is allowed for where the samples cannot tell."""

    deviations: float
    """How many standard deviations of the rate's mean the range is wide to each side."""
    margin: float
    """What the range is wider than that to each side, as a share of the rate."""
    unseen_slow: float
    """The rate in hours of the week that were not watched, over the rate that was seen."""
    unseen_fast: float
    tail_share: float
    """The part of a copy by files that may be slower because small files come last."""
    tail: float
    """The factor on the rate there."""
    company_slow: float
    """The factor on the rate where others may yet join a line that is shared."""


SURE: Final = Assumption(2.6, 0.03, 0.2, 5.0, 0.4, 0.1, 0.5)
"""Nearly everything that has been seen of copies: a narrow range under this is of high confidence.
"""
LIKELY: Final = Assumption(1.5, 0.04, 0.5, 2.0, 0.25, 0.3, 0.7)
"""What most copies stay within."""


@dataclass(frozen=True, slots=True)
class Eta:
    """When the copy will be done."""

    earliest: datetime | None
    """None: nobody knows how fast it may become, so only the end can be bounded."""
    latest: datetime
    confidence: Confidence
    basis: str

    def as_data(self) -> dict[str, Any]:
        """The estimate in the contract's words."""
        return {
            "earliest": iso(self.earliest) if self.earliest else None,
            "latest": iso(self.latest),
            "confidence": self.confidence,
            "basis": self.basis,
        }

    def fit(self, deadline: datetime) -> Fit:
        """Whether it will be done by *deadline*."""
        if self.latest <= deadline:
            return "fits"
        return "misses" if self.earliest and self.earliest > deadline else "tight"

    def holds(self, end: datetime) -> bool:
        """Whether it was done within the range; a range without a beginning holds nothing."""
        return self.earliest is not None and self.earliest <= end <= self.latest


@dataclass(frozen=True, slots=True)
class NoEta:
    """Why there is no estimate."""

    reason: str


def estimate(
    left: int,
    now: datetime,
    *,
    measured: MeasuredRate | None,
    service_seconds: int | None = None,
    limits: Limits | None = None,
    company: Company = UNTOLD,
    total: int | None = None,
) -> Eta | NoEta:
    """When *left* bytes of *total* are copied, by our own samples or else by the service's word.

    *limits* None means that nobody read them. Where they are not known, or *company* may share the
    line, no estimate is of high confidence.
    """
    if measured is not None:
        return _by_samples(left, now, measured, _Setting(limits, company, total or left))
    if service_seconds is None or service_seconds < 0:
        return NoEta("too few samples yet, and the service gives no estimate")
    if service_seconds == _SERVICE_FILLER or (service_seconds == 0 and left):
        return NoEta("too few samples yet, and the service's estimate is a filler value")
    if service_seconds > _SERVICE_MOST:
        return NoEta("too few samples yet, and the service's estimate is over a year: not usable")
    soon, late = (timedelta(seconds=service_seconds * factor) for factor in _SERVICE_SPREAD)
    return Eta(
        now + soon,
        now + late,
        "low",
        "the service's own estimate, made from a rate of 5 seconds; half to twice of it",
    )


@dataclass(frozen=True, slots=True)
class _Setting:
    """What a copy meets beside its own rate."""

    limits: Limits | None
    company: Company
    total: int


@dataclass(frozen=True, slots=True)
class _Range:
    """The two ends under an assumption, and what they rest on."""

    soon: datetime | None
    late: datetime
    slow: float
    fast: float
    doubts: Sequence[str]

    def width(self, now: datetime) -> float:
        """The width over the time to its middle."""
        if self.soon is None:
            return math.inf
        middle = (self.soon - now) / 2 + (self.late - now) / 2
        return (self.late - self.soon) / max(middle, timedelta(seconds=1))


def _by_samples(left: int, now: datetime, rate: MeasuredRate, setting: _Setting) -> Eta | NoEta:
    minutes = round(rate.span.total_seconds() / 60)
    if rate.mean <= 0:
        return NoEta(f"rate 0: no byte was copied in {minutes} minutes")
    likely = _range(left, now, rate, setting, LIKELY)
    sure = _range(left, now, rate, setting, SURE) if rate.span >= _SURE_SPAN else None
    if likely is None:
        return NoEta("it would take more than a year at this rate")
    found, confidence = likely, _confidence(rate, setting, now, sure, likely)
    if confidence == "high" and sure is not None:
        found = sure
    basis = (
        f"{rate.samples} own samples over {minutes} min, {to_mbit_s(found.slow)} to"
        f" {to_mbit_s(found.fast)} Mbit/s"
    )
    return Eta(found.soon, found.late, confidence, "; ".join([basis, *found.doubts]))


def _confidence(
    rate: MeasuredRate, setting: _Setting, now: datetime, sure: _Range | None, likely: _Range
) -> Confidence:
    """High: narrow, whatever may reasonably come. Medium: what most copies do is not too wide."""
    if likely.soon is None or (setting.limits and _limited(setting.limits, rate) == "by hour"):
        return "low"
    certain = setting.limits is not None and setting.company.dependence in ("alone", "independent")
    narrow = sure is not None and sure.width(now) <= _NARROW
    if certain and narrow and rate.freedom >= _FREEDOM:
        return "high"
    ratio = (likely.late - now) / max(likely.soon - now, timedelta(seconds=1))
    return "medium" if ratio <= _WIDEST and rate.span >= _MEDIUM_SPAN else "low"


def _range(
    left: int, now: datetime, rate: MeasuredRate, setting: _Setting, allow: Assumption
) -> _Range | None:
    """The earliest and the latest end that *allow* leaves room for; None: over a year."""
    doubts: list[str] = []
    center, deviation = rate.forecast(left / rate.mean)
    spread = min(allow.deviations * (1 + 1.5 / rate.freedom) * deviation + allow.margin, 1.5)
    slow, fast = center * math.exp(-spread), center * math.exp(spread)
    company, slowest, fastest = setting.company, 1.0, 1.0
    if company.dependence in ("shared", "untold"):
        doubts.append(_COMPANY_DOUBTS[company.dependence])
        most = _MOST_COMPANY if company.dependence == "shared" else allow.unseen_fast
        slowest, fastest = allow.company_slow, min(1 + company.others, most)
    limits = setting.limits
    kind: LimitKind = "not read" if limits is None else _limited(limits, rate)
    doubts += [_limit_doubt(kind, limits)] if kind != "none" else []
    bounds = limits if limits and kind != "none" else Limits()
    if kind == "by hour" and (free := _unbound(bounds, rate)):
        slow, fast = min(free) * math.exp(-allow.margin), max(free) * math.exp(allow.margin)
    late_left: float = left
    if not rate.blocks and not rate.slowed:
        tail = min(left, allow.tail_share * setting.total)
        late_left = left - tail + tail / allow.tail
    unseen = [not each for each in rate.watched]
    slower, faster = _in_unseen(rate, now, unseen, allow)
    # Not all that may come comes at once: of company and unseen hours the worse one counts.
    slowly = [slow * min(slowest, each) for each in slower]
    quickly = [fast * max(fastest, each) for each in faster]
    soon, late = bounds.finish(now, left, quickly), bounds.finish(now, late_left, slowly)
    if late is None or soon is None:
        return None
    doubts += _of_copy(rate, now, late[1], unseen)
    open_start = kind == "by hour" and not _unbound(bounds, rate)
    return _Range(None if open_start else soon[0], late[1], slow, fast, doubts)


def _in_unseen(
    rate: MeasuredRate, now: datetime, unseen: Sequence[bool], allow: Assumption
) -> tuple[Sequence[float], Sequence[float]]:
    """The factors on the rate at the slowest and at the fastest, for each hour of the week.

    Where a whole day was watched, a day unlike it (a weekend, or the first one after it) has busy
    hours of its own, but not all day; and it is no faster than the fastest stretch that was seen.
    """
    slower, faster = [1.0] * len(unseen), [1.0] * len(unseen)
    most = max(rate.rates, default=rate.mean) / rate.mean
    run = 0
    for hour in hours_until(now, now + timedelta(days=7)):
        run = run + 1 if unseen[hour] else 0
        if not unseen[hour]:
            continue
        if not rate.whole_day:
            slower[hour], faster[hour] = allow.unseen_slow, allow.unseen_fast
            continue
        if (run - 1) % 24 < _BUSY_HOURS:
            slower[hour] = allow.unseen_slow
        faster[hour] = min(max(most, 1.0), allow.unseen_fast)
    return slower, faster


def _of_copy(
    rate: MeasuredRate, now: datetime, late: datetime, unseen: Sequence[bool]
) -> Sequence[str]:
    doubts = []
    if not rate.blocks and not rate.slowed:
        doubts.append("copied by files: a slower end with small files is allowed for")
    ahead = [hour for hour in hours_until(now, late) if unseen[hour]]
    of_day = {hour % 24 for hour in rate.hours}
    if hours := {hour % 24 for hour in ahead} - of_day:
        doubts.append(f"{len(hours)} hours of the day not watched yet")
    if any(hour % 24 in of_day for hour in ahead):
        doubts.append("it goes on over days unlike those that were watched (a weekend, or its end)")
    return doubts


LimitKind = Literal["none", "steady", "by hour", "not read"]


def _limit_doubt(kind: LimitKind, limits: Limits | None) -> str:
    if limits is None:
        return "rate limits by hour not read"
    if kind == "by hour":
        return "limits by hour counted, the source's time zone is not known"
    return f"limit {limits.steady_mbit_s or 0:g} Mbit/s counted"


def _limited(limits: Limits, rate: MeasuredRate) -> LimitKind:
    """What limits do to this copy; limits far above what it ever did are none."""
    levels = limits.levels
    if not levels or max(rate.rates, default=rate.high) * _FAR < levels[0]:
        return "none"
    return "by hour" if limits.by_the_hour else "steady"


def _unbound(limits: Limits, rate: MeasuredRate) -> Sequence[float]:
    """The rates that no limit can have bound, for none is as high; too few of them are none."""
    free = [each for each in rate.rates if each > limits.levels[-1] * _ABOVE]
    return free if len(free) >= _FEWEST_FREE else []


SpeedUnit = Literal["MB/s", "Mbit/s", "unknown"]


def speed_unit(speed: float | None, mbit_s: float | None) -> SpeedUnit:
    """Which unit a task's `migrate_speed` has, judged by a rate that is known otherwise.

    The reference says MB/s, the SDK Mbit/s: eight times as much.
    """
    if not speed or not mbit_s or speed <= 0 or mbit_s <= 0:
        return "unknown"
    ratio = mbit_s / speed
    if 0.5 <= ratio <= 2:
        return "Mbit/s"
    return "MB/s" if 4 <= ratio <= 16 else "unknown"


def service_mbit_s(left: int, service_seconds: int | None) -> float | None:
    """The rate that the service's own estimate is made of: free of the doubt about units."""
    if not service_seconds or not 0 < service_seconds <= _SERVICE_MOST:
        return None
    if service_seconds == _SERVICE_FILLER:
        return None
    return to_mbit_s(left / service_seconds)
