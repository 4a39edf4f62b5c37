"""How often copies end inside their estimates: ``python -m bench.calibration [SEEDS] [FIRST]``.

Simulated copies, one minute at a time, are sampled every five minutes; what the estimator says at
every half hour is compared with the real end. The copies are drawn by seed and use no clock. A row
is one profile and confidence; the width is that of the range over the time that really remained.
"""

import math
import random
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Final

from sms_tools.diagnosis.eta import Eta, estimate, measure
from sms_tools.diagnosis.limits import BYTES_PER_MBIT, Limits
from sms_tools.fleet.samples import Sample

BEGIN: Final = datetime(2026, 3, 2, tzinfo=UTC)
_MOST_MINUTES: Final = 4 * 24 * 60
_FIRST_SEED: Final = 100_000
_LOOK_BACK: Final = timedelta(hours=6)

Rates = Callable[[int, float], float]
"""Mbit/s by the minute since the beginning of the day and the share that is copied."""


def _constant(draw: random.Random) -> Rates:
    rate = draw.uniform(20, 400)
    return lambda _minute, _share: rate


def _noise(draw: random.Random) -> Rates:
    """Correlated noise, AR(1) in the logarithm of the rate."""
    base, sigma, tau = draw.uniform(20, 400), draw.uniform(0.1, 0.5), draw.uniform(10, 120)
    keep, state = math.exp(-1 / tau), draw.gauss(0, 1)
    path: list[float] = []
    for _ in range(_MOST_MINUTES + 24 * 60):
        state = keep * state + math.sqrt(1 - keep**2) * draw.gauss(0, 1)
        path.append(base * math.exp(sigma * state))
    return lambda minute, _share: path[minute]


def _slow_end(draw: random.Random) -> Rates:
    """Small files come last."""
    base, bend, factor = draw.uniform(20, 400), draw.uniform(0.6, 0.95), draw.uniform(0.1, 0.6)
    return lambda _minute, share: base * (factor if share > bend else 1)


def _business_hours(draw: random.Random) -> Rates:
    """The source is busy from eight to six."""
    base, factor = draw.uniform(20, 400), draw.uniform(0.2, 0.7)
    return lambda minute, _share: base * (factor if 8 <= minute / 60 % 24 < 18 else 1)


def _sleeps(draw: random.Random) -> Rates:
    """The Agent stands still for some minutes out of every so many."""
    base, every, rest = draw.uniform(20, 400), draw.randrange(60, 400), draw.randrange(5, 50)
    return lambda minute, _share: 0.0 if minute % every < rest else base


def _shared_line(draw: random.Random) -> Rates:
    """Others use the line too, and end one after the other."""
    base = draw.uniform(100, 400)
    ends = [draw.uniform(0, 2 * 24 * 60) for _ in range(draw.randrange(1, 5))]
    return lambda minute, _share: base / (1 + sum(end > minute for end in ends))


PROFILES: Final[Mapping[str, Callable[[random.Random], Rates]]] = {
    "constant": _constant,
    "noise": _noise,
    "slow end": _slow_end,
    "business hours": _business_hours,
    "sleeps": _sleeps,
    "shared line": _shared_line,
}


def estimates(profile: str, seed: int) -> Iterator[tuple[Eta, datetime, datetime]]:
    """The estimates of one copy: each with the time it was given and the real end."""
    draw = random.Random(f"{profile} {seed}")  # noqa: S311
    rates, start = PROFILES[profile](draw), draw.randrange(24 * 60)
    total = draw.uniform(2, 24) * 3600 * 100 * BYTES_PER_MBIT
    copied, path = 0.0, [0.0]
    while copied < total and len(path) < _MOST_MINUTES:
        copied += rates(start + len(path), copied / total) * BYTES_PER_MBIT * 60
        path.append(copied)
    if copied < total:
        return  # over four days: its end is not known here
    first = BEGIN + timedelta(minutes=start)
    end = first + timedelta(minutes=len(path) - 1)
    samples = [
        _sample(first + timedelta(minutes=minute), int(path[minute]), int(total))
        for minute in range(0, len(path) - 1, 5)
    ]
    for count in range(6, len(samples), 6):
        now = samples[count].at
        seen = [each for each in samples[: count + 1] if each.at >= now - _LOOK_BACK]
        left = int(total) - (seen[-1].done_bytes or 0)
        found = estimate(
            left,
            now,
            measured=measure(seen),
            limits=Limits(),
            alone=profile != "shared line",
        )
        if isinstance(found, Eta):
            yield found, now, end


def _sample(at: datetime, done: int, total: int) -> Sample:
    return Sample(
        source_id="s",
        at=at,
        name="s",
        phase="replicating",
        state="replicate",
        stage="replicating",
        task_id="t",
        task_state="RUNNING",
        connected=True,
        done_bytes=done,
        total_bytes=total,
        speed=None,
        error_code=None,
        step=None,
        step_percent=None,
        trace=None,
    )


def main() -> None:
    """Print the table."""
    seeds, first = (
        (*map(int, sys.argv[1:3]), 40, _FIRST_SEED)[:2]
        if len(sys.argv) != 2
        else (
            int(sys.argv[1]),
            _FIRST_SEED,
        )
    )
    print("| profile | confidence | estimates | inside | median width |")
    print("|---|---|---|---|---|")
    for profile in PROFILES:
        told = [each for seed in range(first, first + seeds) for each in estimates(profile, seed)]
        for confidence in ("high", "medium", "low"):
            rows = [each for each in told if each[0].confidence == confidence]
            if not rows:
                continue
            inside = sum(eta.earliest <= end <= eta.latest for eta, _, end in rows) / len(rows)
            width = median((e.latest - e.earliest) / (end - now) for e, now, end in rows)
            print(f"| {profile} | {confidence} | {len(rows)} | {inside:.0%} | {width:.0%} |")


if __name__ == "__main__":
    main()
