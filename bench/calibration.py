"""How often copies end inside their estimates: ``python -m bench.calibration [SEEDS] [FIRST]``.

Copies run at the rates of `sms_tools.sandbox.profiles`, under limits by the hour, in company or on
a shared line, for up to three weeks; what takes longer is cut off and counts as outside. They are
sampled every five minutes, thinned as the state is, and what the estimator says every half hour is
compared with the end. All of it follows from the seeds; no clock is used.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random
from statistics import median
from typing import Final

from sms_tools.diagnosis.company import Company, company_of
from sms_tools.diagnosis.eta import Eta, estimate, measure
from sms_tools.diagnosis.limits import Limits, Segment
from sms_tools.diagnosis.rates import LOOK_BACK
from sms_tools.fleet.samples import Sample
from sms_tools.sandbox.pace import DAY, HOUR, MINUTE, Pace, RateLimit, divide
from sms_tools.sandbox.profiles import PROFILES, Profile

_BEGIN: Final = 1_772_409_600_000
"""A midnight, in epoch milliseconds."""
_EVERY: Final = 5 * MINUTE
_LONGEST: Final = 21 * DAY
_FIRST_SEED: Final = 900_000
_SEEDS: Final = 40
_MBIT: Final = 125.0
NO_LIMITS: Final = Limits()
NAMES: Final = (*PROFILES, "constant files", "limits by hour", "in company", "shared line")
"""What is drawn: one copy by each profile, or one that is judged among others."""
_BLOCKS: Final = {"constant": True, "constant files": False, "slow end": False}
"""Whether it copies blocks: these come in their order, small files come last. Others: either."""


@dataclass(frozen=True)
class Copy:
    """A copy: bytes done at every fifth minute from *start* on, the last one is all of it."""

    start: int
    total: float
    done: Sequence[float]
    end: int | None
    """When it was done; None if it was not by the end of the simulation."""
    blocks: bool
    limits: Limits = NO_LIMITS

    def sample(self, index: int) -> Sample:
        """What a reading shows *index* times five minutes after the start."""
        return Sample(
            source_id="s",
            at=_time(self.start + index * _EVERY),
            name="s",
            phase="replicating",
            state="replicate",
            stage="replicating",
            task_id="t",
            task_state="RUNNING",
            connected=True,
            done_bytes=int(self.done[index]),
            total_bytes=int(self.total),
            speed=None,
            error_code=None,
            step="MIGRATE_LINUX_BLOCK" if self.blocks else "MIGRATE_LINUX_FILE",
            step_percent=None,
            trace=None,
        )

    def seen(self, now: int) -> Sequence[Sample]:
        """The samples that the state would give at *now*."""
        last = min((now - self.start) // _EVERY, len(self.done) - 1)
        if self.end is not None and self.end <= now:
            last = min(last, (self.end - self.start - 1) // _EVERY)
        first = max(0, -int(-(now - LOOK_BACK // timedelta(milliseconds=1) - self.start) // _EVERY))
        return [self.sample(index) for index in range(first, last + 1) if self._kept(index, now)]

    def _kept(self, index: int, now: int) -> bool:
        moment = self.start + index * _EVERY
        age = now - moment
        if age <= 2 * HOUR:
            return True
        return moment % (10 * MINUTE if age <= 6 * HOUR else 30 * MINUTE) < _EVERY


@dataclass(frozen=True, slots=True)
class Told:
    """An estimate, when it was given, when the copy began, and when it ended."""

    eta: Eta
    now: datetime
    begun: datetime
    end: datetime | None

    @property
    def inside(self) -> bool:
        """Whether the copy ended inside it; one that was cut off did not."""
        return self.end is not None and self.eta.holds(self.end)

    @property
    def width(self) -> float | None:
        """The width of its range over the time that remained."""
        if self.end is None or self.eta.earliest is None:
            return None
        return (self.eta.latest - self.eta.earliest) / (self.end - self.now)


def estimates(name: str, seed: int, *, every: int = 6) -> Iterator[Told]:
    """What is said of one copy, once in *every* five minutes from half an hour on."""
    judged, others = _drawn(name, Random(f"{name} {seed}"))  # noqa: S311
    for step in count(6, every):
        now = judged.start + step * _EVERY
        if step >= len(judged.done) or (judged.end is not None and now >= judged.end):
            return
        samples = judged.seen(now)
        company = _company(samples, others, now)
        left = int(judged.total) - (samples[-1].done_bytes or 0)
        found = estimate(
            left,
            _time(now),
            measured=measure(samples),
            limits=judged.limits,
            company=company,
            total=int(judged.total),
        )
        if isinstance(found, Eta):
            end = None if judged.end is None else _time(judged.end)
            yield Told(found, _time(now), _time(judged.start), end)


def _company(samples: Sequence[Sample], others: Sequence[Copy], now: int) -> Company:
    begun = [other for other in others if other.start < now]
    series = [other.seen(now) for other in begun]
    return company_of(samples, series, to_come=len(begun) < len(others))


def _drawn(name: str, draw: Random) -> tuple[Copy, Sequence[Copy]]:
    if name == "shared line":
        return _on_a_line(draw)
    copies = [_alone(name, draw, 0)]
    if name == "in company":
        copies += [_alone(name, draw, DAY) for _ in range(draw.randrange(1, 5))]
    return copies[0], copies[1:]


def _start(draw: Random, earlier: int = 0) -> int:
    moment = _BEGIN + draw.randrange(0, DAY) + draw.randrange(-earlier, earlier + 1)
    return moment - moment % _EVERY


def _work(draw: Random, rate: float) -> float:
    """From three hours to a week at its own rate: as many short copies as long ones."""
    return float(round(rate * 3 * HOUR * 56 ** draw.random()))


def _alone(name: str, draw: Random, earlier: int) -> Copy:
    start, rate = _start(draw, earlier), draw.uniform(20, 400) * _MBIT
    if name == "weekend":  # the others begin on a Monday: the first five days are alike
        start += draw.randrange(7) * DAY
    total = _work(draw, rate)
    blocks = _BLOCKS.get(name, draw.random() < 0.5)
    profile = PROFILES[name](draw) if name in PROFILES else Profile()
    limits: list[RateLimit] = []
    known = NO_LIMITS
    if name == "limits by hour":
        limits, known = _limits(draw, rate)
    pace = Pace(rate, limits, (), profile, total)
    done, reached = [0.0], 0.0
    for moment in range(start, start + _LONGEST, _EVERY):
        reached += pace.worked(moment, moment + _EVERY, reached)
        done.append(min(reached, total))
        if reached >= total:
            break
    end = pace.finished(start, total)
    if end is not None and end > start + _LONGEST:
        end = None
    return Copy(start, total, done, end, blocks, known)


def _limits(draw: Random, rate: float) -> tuple[list[RateLimit], Limits]:
    """Slower by day in the source's own time, of which only the source knows the zone."""
    mbit, zone = round(rate / _MBIT * draw.uniform(0.1, 0.8)), draw.randrange(-11, 13)
    begin, end = draw.randrange(6, 10) * 60, draw.randrange(16, 22) * 60
    here = [(edge - zone * 60) % 1440 for edge in (begin, end)]
    parts = [(here[0], here[1])] if here[0] < here[1] else [(here[0], 1440), (0, here[1])]
    bounds = [RateLimit(a, b, max(mbit, 1)) for a, b in parts if a < b]
    return bounds, Limits((Segment(begin, end, max(mbit, 1)),))


def _on_a_line(draw: Random) -> tuple[Copy, Sequence[Copy]]:
    """Up to six copies that begin within two days and share a line; the first is judged."""
    line = draw.uniform(50, 400) * _MBIT
    number = draw.randrange(2, 7)
    starts = [_start(draw, DAY) for _ in range(number)]
    paces = [Pace(line * draw.uniform(0.3, 2)) for _ in starts]
    totals = [_work(draw, line) / number for _ in starts]
    done = [[0.0] for _ in starts]
    ends: list[int | None] = [None] * number
    first = min(starts)
    for moment in range(first, first + _LONGEST, _EVERY):
        going = [i for i in range(number) if starts[i] <= moment and ends[i] is None]
        shares = divide(line, [paces[i].at(moment) for i in going])
        for i, share in zip(going, shares, strict=True):
            rate = min(share, paces[i].rate)
            reached = done[i][-1] + rate * _EVERY
            if reached >= totals[i]:
                ends[i] = moment + round((totals[i] - done[i][-1]) / rate)
            done[i].append(min(reached, totals[i]))
    kinds = [draw.random() < 0.5 for _ in starts]
    copies = [Copy(*each) for each in zip(starts, totals, done, ends, kinds, strict=True)]
    return copies[0], copies[1:]


def _time(moment: int) -> datetime:
    return datetime.fromtimestamp(moment / 1000, UTC)


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table."""

    profile: str
    confidence: str
    estimates: int
    inside: float
    width: float | None
    cut_off: int

    def __str__(self) -> str:
        """The row as a table's line."""
        width = "–" if self.width is None else f"{self.width:.0%}"
        return (
            f"| {self.profile} | {self.confidence} | {self.estimates} | {self.inside:.0%} |"
            f" {width} | {self.cut_off} |"
        )


def rows_of(profile: str, told: Sequence[Told]) -> Iterator[Row]:
    """The rows of one profile: those confidences that were given."""
    for confidence in ("high", "medium", "low"):
        given = [each for each in told if each.eta.confidence == confidence]
        if given:
            widths = [width for each in given if (width := each.width) is not None]
            yield Row(
                profile,
                confidence,
                len(given),
                sum(each.inside for each in given) / len(given),
                median(widths) if widths else None,
                sum(each.end is None for each in given),
            )


def high_after_three_hours(told: Sequence[Told]) -> float:
    """Which share of the estimates given after three hours is of high confidence."""
    late = [each for each in told if each.now - each.begun >= timedelta(hours=3)]
    return sum(each.eta.confidence == "high" for each in late) / max(len(late), 1)


def main() -> None:
    """Print the table."""
    given = [int(each) for each in sys.argv[1:3]]
    seeds, first = (*given, *(_SEEDS, _FIRST_SEED)[len(given) :])
    print("| profile | confidence | estimates | inside | median width | cut off |")
    print("|---|---|---|---|---|---|")
    shares = {}
    for name in NAMES:
        told = [each for seed in range(first, first + seeds) for each in estimates(name, seed)]
        shares[name] = high_after_three_hours(told)
        for row in rows_of(name, told):
            print(row)
    told_high = ", ".join(f"{name} {shares[name]:.0%}" for name in ("constant", "constant files"))
    print(f"\nOf the estimates after three hours, so many are high: {told_high}.")


if __name__ == "__main__":
    main()
