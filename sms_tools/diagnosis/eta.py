"""When a full copy will be done: a range from what was seen, or an honest no.

Three samples over ten minutes give a rate with its spread. Before that there is only the service's
own estimate, which divides what is left by the rate of five seconds; it is passed on as what it
is. Everything here is arithmetic: the time is passed in.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from sms_tools.diagnosis.limits import BYTES_PER_MBIT, Limits
from sms_tools.fleet.samples import Sample
from sms_tools.knowledge.facts import ETA_MIN_MINUTES, ETA_MIN_SAMPLES
from sms_tools.wording import iso

Confidence = Literal["high", "medium", "low"]
Fit = Literal["fits", "tight", "misses", "cannot tell"]

EXCLUDES: Final = (
    "Estimates end with the full copy: the last synchronisation, configuring and launching come "
    "on top. Copies of many small files slow down towards their end."
)
_WINDOWS: Final = (timedelta(hours=1), timedelta(hours=6))
_MIN_SPAN: Final = timedelta(minutes=ETA_MIN_MINUTES)
_SHORTEST_INTERVAL: Final = 60.0
_FUTURE: Final = {"high": (0.95, 1.4), "medium": (0.75, 2.0), "low": (0.75, 2.0)}
"""What samples cannot tell: small files at the end, a busier day, others leaving the line. The
range is stretched by these on both sides; `python -m bench.calibration` shows what that is worth.
"""
_MARGIN: Final = 0.05
_SERVICE_SPREAD: Final = (0.5, 2.0)
_SERVICE_FILLER: Final = 60_000
"""Seconds; the service sends it where it has nothing to say."""
_SERVICE_MOST: Final = 400 * 86_400
"""Seconds; more than a year is no estimate of a copy, and may not even be a date."""
_SURE_SPAN: Final = timedelta(hours=3)
"""Shorter than this, nobody has seen how a rate changes over the day."""


@dataclass(frozen=True, slots=True)
class MeasuredRate:
    """How fast a copy went in our own samples, in bytes per second."""

    low: float
    """A quarter of the time it was slower than this."""
    mean: float
    high: float
    """A quarter of the time it was faster than this."""
    samples: int
    span: timedelta
    seen: timedelta = timedelta()
    """How long the copy was watched without a break; the quartiles are of all that time."""

    @property
    def mbit_s(self) -> float:
        """The mean rate in Mbit/s."""
        return to_mbit_s(self.mean)


@dataclass(frozen=True, slots=True)
class Eta:
    """When the copy will be done."""

    earliest: datetime
    latest: datetime
    confidence: Confidence
    basis: str

    def as_data(self) -> dict[str, Any]:
        """The estimate in the contract's words."""
        return {
            "earliest": iso(self.earliest),
            "latest": iso(self.latest),
            "confidence": self.confidence,
            "basis": self.basis,
        }

    def fit(self, deadline: datetime) -> Fit:
        """Whether it will be done by *deadline*."""
        if self.latest <= deadline:
            return "fits"
        return "misses" if self.earliest > deadline else "tight"


@dataclass(frozen=True, slots=True)
class NoEta:
    """Why there is no estimate."""

    reason: str


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

    *samples* are one server's, oldest first. The last hour gives the mean, or the last six if the
    last hour holds too few; the slow and the fast quarter are the widest of both.
    """
    stretch = copy_stretch(samples)
    for window in _WINDOWS:
        recent = [each for each in stretch if each.at >= stretch[-1].at - window]
        if len(recent) >= ETA_MIN_SAMPLES and recent[-1].at - recent[0].at >= _MIN_SPAN:
            return _widened(_measured(recent), stretch)
    return None


def _widened(rate: MeasuredRate, stretch: Sequence[Sample]) -> MeasuredRate:
    """*rate* with the quartiles of the longest window: an even hour may follow an uneven day."""
    whole = _measured([each for each in stretch if each.at >= stretch[-1].at - _WINDOWS[-1]])
    return replace(
        rate, low=min(rate.low, whole.low), high=max(rate.high, whole.high), seen=whole.span
    )


def _measured(stretch: Sequence[Sample]) -> MeasuredRate:
    points = [(each.at, each.done_bytes or 0) for each in stretch]
    rates: list[tuple[float, float]] = []
    (since, before), last = points[0], points[-1]
    for at, done in points[1:]:
        seconds = (at - since).total_seconds()
        if seconds >= _SHORTEST_INTERVAL or (at, done) == last:
            rates.append(((done - before) / max(seconds, 1e-3), seconds))
            since, before = at, done
    span = last[0] - points[0][0]
    return MeasuredRate(
        low=_quantile(rates, 0.25),
        mean=(last[1] - points[0][1]) / span.total_seconds(),
        high=_quantile(rates, 0.75),
        samples=len(stretch),
        span=span,
    )


def _quantile(weighted: Sequence[tuple[float, float]], share: float) -> float:
    """The value below which *share* of the weight lies."""
    ordered = sorted(weighted)
    wanted, passed = share * sum(weight for _, weight in ordered), 0.0
    for value, weight in ordered:
        passed += weight
        if passed >= wanted:
            return value
    return ordered[-1][0]


def estimate(
    left: int,
    now: datetime,
    *,
    measured: MeasuredRate | None,
    service_seconds: int | None = None,
    limits: Limits | None = None,
    alone: bool = True,
) -> Eta | NoEta:
    """When *left* bytes are copied, by our own samples or else by the service's estimate.

    *limits* None means that nobody read them; what they may do is then part of the basis. *alone*
    says that no other copy may share the line: where one may, no estimate is of high confidence.
    """
    if measured is not None:
        return _by_samples(left, now, measured, limits, alone=alone)
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


def _by_samples(
    left: int, now: datetime, rate: MeasuredRate, limits: Limits | None, *, alone: bool
) -> Eta | NoEta:
    minutes = round(rate.span.total_seconds() / 60)
    if rate.mean <= 0:
        return NoEta(f"rate 0: no byte was copied in {minutes} minutes")
    slow = rate.low * (1 - _MARGIN) if rate.low > 0 else rate.mean / 2
    fast = max(rate.high, rate.mean) * (1 + _MARGIN)
    bounds = limits or Limits()
    soon, late = bounds.finish(now, left, fast), bounds.finish(now, left, slow)
    if soon is None or late is None:
        return NoEta("it would take more than a year at this rate")
    basis = (
        f"{rate.samples} own samples over {minutes} min, {to_mbit_s(slow)} to"
        f" {to_mbit_s(fast)} Mbit/s"
    )
    if bounds.by_the_hour:
        basis += "; limits by hour counted, the source's time zone is not known"
    elif bounds.steady_mbit_s:
        basis += f"; limit {bounds.steady_mbit_s:g} Mbit/s counted"
    elif limits is None:
        basis += "; rate limits by hour not read"
    confidence = _confidence(rate, late[1] - now, soon[0] - now)
    if bounds.by_the_hour:
        confidence = "low"  # the samples do not tell how fast it is where the limit ends
    elif confidence == "high" and not (alone and limits is not None):
        confidence = "medium"
        basis += "" if alone else "; other copies may share its line"
    early, tail = _FUTURE[confidence]
    return Eta(now + (soon[0] - now) * early, now + (late[1] - now) * tail, confidence, basis)


def _confidence(rate: MeasuredRate, late: timedelta, soon: timedelta) -> Confidence:
    spread = late.total_seconds() / max(soon.total_seconds(), 1.0)
    if (
        rate.samples >= 2 * ETA_MIN_SAMPLES
        and rate.seen >= max(_SURE_SPAN, late / 1.25)
        and spread <= 1.2
    ):
        return "high"
    return "medium" if spread <= 2 and rate.low > 0 else "low"


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
