"""How the rate of a real copy changes: lasting noise, a slow end, busy hours, a sleeping Agent.

A profile is a factor on a machine's own rate, constant within slots of five minutes. It follows
from its seed and the time alone, so that jumping over three days gives exactly what small steps
give. What limits by the hour and a shared line add stands in `sms_tools.sandbox.pace`.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import Final

MINUTE: Final = 60_000
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
SLOT: Final = 5 * MINUTE
_SLOTS: Final = DAY // SLOT
_EVERY_DAY: Final = frozenset(range(7))
_EPOCH_DAY: Final = 3
"""1970-01-01 was a Thursday."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A factor on a rate by time and by the share that is copied. The default changes nothing."""

    seed: int = 0
    noise: float = 0.0
    """Standard deviation of the rate's logarithm: an AR(1) process."""
    memory: int = 0
    """Milliseconds after which the noise has forgotten all but 1/e; at most five hours."""
    tail_from: float = 1.0
    """The share of the copy from which on it is slower: small files come last."""
    tail: float = 1.0
    """The factor from there on."""
    busy: tuple[int, int] = (0, 0)
    """Milliseconds since midnight between which the source has other things to do."""
    busy_factor: float = 1.0
    busy_days: frozenset[int] = _EVERY_DAY
    """The days of the week on which it has, Monday is 0."""
    zone: int = 0
    """Milliseconds by which the source's midnight comes before that of UTC."""
    every: int = 0
    """Once in so many milliseconds the Agent sleeps; a multiple of the slot."""
    asleep: int = 0
    """So long, at the beginning of each; a multiple of the slot."""

    def factor(self, moment: float, share: float) -> float:
        """What the rate is multiplied by at *moment* (epoch ms) with *share* of the copy done."""
        if self.every and moment % self.every < self.asleep:
            return 0.0
        factor = self.tail if share >= self.tail_from else 1.0
        here = moment + self.zone
        if self.busy[0] <= here % DAY < self.busy[1] and _weekday(here) in self.busy_days:
            factor *= self.busy_factor
        if self.noise:
            day, rest = divmod(moment, DAY)
            factor *= _noise(self.seed, self.noise, self.memory, int(day))[int(rest) // SLOT]
        return factor

    def next_change(self, moment: float) -> int | None:
        """When the factor may change next by time; None if it never does."""
        edges: list[float] = []
        if self.noise:
            edges.append(moment - moment % SLOT + SLOT)
        if self.every:
            begun = moment - moment % self.every
            edges += [begun + self.asleep, begun + self.every]
        if self.busy[0] < self.busy[1]:
            midnight = moment - (moment + self.zone) % DAY
            edges += [midnight + self.busy[0], midnight + self.busy[1], midnight + DAY]
        return min((int(edge) for edge in edges if edge > moment), default=None)


def _weekday(moment: float) -> int:
    return (int(moment // DAY) + _EPOCH_DAY) % 7


@lru_cache(maxsize=4096)
def _noise(seed: int, sigma: float, memory: int, day: int) -> tuple[float, ...]:
    """The noise of one day by slots; the day before it is what it remembers."""
    keep = math.exp(-SLOT / memory) if memory else 0.0
    fresh, state = math.sqrt(1 - keep**2), _shocks(seed, day - 2)[-1]
    for shock in _shocks(seed, day - 1):
        state = keep * state + fresh * shock
    path = []
    for shock in _shocks(seed, day):
        state = keep * state + fresh * shock
        path.append(math.exp(sigma * state - sigma**2 / 2))
    return tuple(path)


@lru_cache(maxsize=4096)
def _shocks(seed: int, day: int) -> tuple[float, ...]:
    draw = Random(f"{seed} {day}")  # noqa: S311 (weather, not keys)
    return tuple(draw.gauss(0, 1) for _ in range(_SLOTS))


def _draw_noise(draw: Random) -> Profile:
    memory = draw.randrange(10 * MINUTE, 180 * MINUTE)
    return Profile(draw.randrange(2**32), draw.uniform(0.05, 0.4), memory)


def _draw_slow_end(draw: Random) -> Profile:
    return Profile(tail_from=draw.uniform(0.6, 0.95), tail=draw.uniform(0.1, 0.6))


def _draw_business_hours(draw: Random) -> Profile:
    """Ten hours from eight on, in one of the world's time zones."""
    begin = draw.randrange(0, 15) * HOUR
    return Profile(busy=(begin, begin + 10 * HOUR), busy_factor=draw.uniform(0.2, 0.7))


def _draw_weekend(draw: Random) -> Profile:
    """Business hours from Monday to Friday, or backups at the weekend, in any time zone."""
    zone, factor = draw.randrange(-11, 13) * HOUR, draw.uniform(0.2, 0.7)
    if draw.random() < 0.5:
        night = (0, 12 * HOUR)
        return Profile(busy=night, busy_factor=factor, busy_days=frozenset({5, 6}), zone=zone)
    office = (8 * HOUR, 18 * HOUR)
    return Profile(busy=office, busy_factor=factor, busy_days=frozenset(range(5)), zone=zone)


def _draw_sleeping(draw: Random) -> Profile:
    every, asleep = draw.randrange(12, 72) * SLOT, draw.randrange(1, 9) * SLOT
    return Profile(every=every, asleep=asleep)


PROFILES: Final[Mapping[str, Callable[[Random], Profile]]] = {
    "constant": lambda _draw: Profile(),
    "noise": _draw_noise,
    "slow end": _draw_slow_end,
    "business hours": _draw_business_hours,
    "weekend": _draw_weekend,
    "sleeping Agent": _draw_sleeping,
}
"""Profiles by name, each drawn at random within what has been seen of real copies."""
