"""Rates over time, small enough for a row: one character for each piece of a common window.

From our own samples alone. Where no two samples of the same copy are near enough, nobody looked,
and a dot says so: not a rate of zero.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from sms_tools.fleet.samples import Sample

PIECES: Final = 24
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_LONGEST: Final = timedelta(hours=24)
_SHORTEST: Final = timedelta(minutes=30)
_SEEN_GAP: Final = timedelta(minutes=90)
"""Two samples further apart than this do not tell of the time between them."""


@dataclass(frozen=True, slots=True)
class Window:
    """The time over which the rates of all servers are shown."""

    begin: datetime
    end: datetime

    @property
    def piece(self) -> timedelta:
        """How long one piece is."""
        return (self.end - self.begin) / PIECES


def window_of(series: Sequence[Sequence[Sample]], now: datetime) -> Window | None:
    """From the first sample, a day ago at most, until *now*; None without a pair of them."""
    begins = [samples[0].at for samples in series if len(samples) > 1]
    if not begins:
        return None
    earliest = max(min(begins), now - _LONGEST)
    return Window(min(earliest, now - _SHORTEST), now)


def rates_in(samples: Sequence[Sample], window: Window) -> str | None:
    """The rates of one server in *window*, scaled to its own peak; None where there are none."""
    moved, seen = [0.0] * PIECES, [0.0] * PIECES
    for before, after in pairwise(samples):
        if (gained := _gained(before, after)) is not None:
            _spread(gained, before.at, after.at, window, moved, seen)
    piece = window.piece.total_seconds()
    rates = [
        amount / time if time > piece / 4 else None
        for amount, time in zip(moved, seen, strict=True)
    ]
    known = [rate for rate in rates if rate is not None]
    if not known:
        return None
    peak = max(known) or 1.0
    top = len(_DIGITS) - 1
    return "".join("." if rate is None else _DIGITS[round(top * rate / peak)] for rate in rates)


def _gained(before: Sample, after: Sample) -> int | None:
    """Bytes copied between two samples; None where they do not tell."""
    if before.task_id != after.task_id or after.at - before.at > _SEEN_GAP:
        return None
    if before.done_bytes is None or after.done_bytes is None:
        return None
    gained = after.done_bytes - before.done_bytes
    return gained if gained >= 0 else None


def _spread(
    gained: int,
    begin: datetime,
    end: datetime,
    window: Window,
    moved: list[float],
    seen: list[float],
) -> None:
    """Add *gained* bytes to the pieces between *begin* and *end*, evenly."""
    took = (end - begin).total_seconds()
    if took <= 0:
        return
    piece = window.piece.total_seconds()
    start = max((begin - window.begin).total_seconds(), 0.0)
    stop = (end - window.begin).total_seconds()
    for index in range(int(start / piece), PIECES):
        inside = min(stop, (index + 1) * piece) - max(start, index * piece)
        if inside <= 0:
            break
        moved[index] += gained * inside / took
        seen[index] += inside
