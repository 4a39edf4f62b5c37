"""Windows of the day in which copies may run, and when work that fits into them is done.

A window is written ``22:00-06:00+08:00``: from, to, and the zone as its distance from UTC. Without
windows the whole day is one.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator

_WINDOW: Final = re.compile(
    r"(?P<start>\d{1,2}:\d{2})\s*(?:-|–|to)\s*(?P<end>\d{1,2}:\d{2})\s*"
    r"(?P<zone>Z|UTC|[+-]\d{2}:?\d{2})",
    re.IGNORECASE,
)
_DAY: Final = 24 * 60
_MOST_DAYS: Final = 400


@dataclass(frozen=True, slots=True)
class Window:
    """A part of every day, in minutes since midnight of its zone; it may go over midnight."""

    start: int
    end: int
    zone: timezone

    @property
    def minutes(self) -> int:
        """How long it is open every day."""
        return (self.end - self.start) % _DAY or _DAY

    def on(self, day: datetime) -> tuple[datetime, datetime]:
        """When it opens and closes on the day of *day* in its zone."""
        midnight = day.astimezone(self.zone).replace(hour=0, minute=0, second=0, microsecond=0)
        opens = midnight + timedelta(minutes=self.start)
        return opens, opens + timedelta(minutes=self.minutes)


def read_window(text: str) -> Window:
    """The window that *text* spells.

    Raises:
        ValueError: it spells none.
    """
    found = _WINDOW.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text[:60]!r} is not a window; write e.g. 22:00-06:00+08:00")
    zone = found["zone"].upper()
    offset = "+00:00" if zone in ("Z", "UTC") else zone
    try:
        moment = datetime.strptime(offset, "%z")
    except ValueError:
        raise ValueError(f"{zone} is not a zone; write e.g. +08:00") from None
    away = moment.utcoffset() or timedelta()
    return Window(_minutes(found["start"]), _minutes(found["end"]), timezone(away))


def _minutes(time: str) -> int:
    hours, minutes = (int(part) for part in time.split(":"))
    if minutes > 59 or hours > 24 or hours * 60 + minutes > _DAY:
        raise ValueError(f"{time} is no time of day")
    return (hours * 60 + minutes) % _DAY


def _checked(texts: list[str]) -> list[str]:
    for text in texts:
        read_window(text)
    return texts


Windows = Annotated[list[str], AfterValidator(_checked)]


@dataclass(frozen=True, slots=True)
class Calendar:
    """When copies may run."""

    windows: Sequence[Window] = ()

    def finish(self, start: datetime, seconds: float, *, meanwhile: float = 0.0) -> datetime | None:
        """When *seconds* of work that begins at *start* are done; None if that takes a year.

        *meanwhile* is how fast it goes on while no window is open, as a part of the usual.
        """
        reached = start
        for opens, closes in self._openings(start):
            trickled = (opens - reached).total_seconds() * meanwhile
            if meanwhile and seconds <= trickled:
                return reached + timedelta(seconds=seconds / meanwhile)
            seconds, reached = seconds - trickled, closes
            open_for = (closes - opens).total_seconds()
            if seconds <= open_for:
                return opens + timedelta(seconds=seconds)
            seconds -= open_for
        return None

    def next_open(self, moment: datetime) -> datetime:
        """The first moment from *moment* on at which a copy may run."""
        return next((opens for opens, _ in self._openings(moment)), moment)

    def next_close(self, moment: datetime) -> datetime:
        """The end of the window that is open at *moment*, or of the next one."""
        reached: datetime | None = None
        for opens, closes in self._openings(moment):
            if reached is not None and opens > reached:
                break
            reached = closes
        return reached or moment

    def open_seconds(self, start: datetime, end: datetime) -> float:
        """How long copies may run between two moments."""
        total = 0.0
        for opens, closes in self._openings(start):
            if opens >= end:
                break
            total += (min(closes, end) - opens).total_seconds()
        return total

    def _openings(self, start: datetime) -> Iterator[tuple[datetime, datetime]]:
        """What is open from *start* on, in order, none overlapping."""
        if not self.windows:
            yield start, start + timedelta(days=_MOST_DAYS)
            return
        reached = start
        for day in range(-1, _MOST_DAYS):
            moment = start + timedelta(days=day)
            for opens, closes in sorted(window.on(moment) for window in self.windows):
                opens = max(opens, reached)
                if closes > opens:
                    yield opens, closes
                    reached = closes

    def limits(self, mbit_s: int) -> list[Mapping[str, Any]]:
        """Rate limits for `limits`: *mbit_s* while a window is open, 1 otherwise, never 0.

        The hours are those of the first window's zone; none goes over midnight.
        """
        if not self.windows:
            return [_segment(0, _DAY, mbit_s)]
        zone = self.windows[0].zone
        open_at = [False] * _DAY
        for window in self.windows:
            away = (zone.utcoffset(None) or timedelta()) - (
                window.zone.utcoffset(None) or timedelta()
            )
            shift = round(away.total_seconds() / 60)
            for minute in range(window.minutes):
                open_at[(window.start + shift + minute) % _DAY] = True
        edges = [m for m in range(1, _DAY) if open_at[m] != open_at[m - 1]]
        bounds = [0, *edges, _DAY]
        return [
            _segment(begin, end, mbit_s if open_at[begin] else 1) for begin, end in pairwise(bounds)
        ]


def _segment(begin: int, end: int, mbit_s: int) -> Mapping[str, Any]:
    return {"start": _clock(begin), "end": _clock(min(end, _DAY - 1)), "speed": mbit_s}


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _one_is_a_list(value: object) -> object:
    return [value] if isinstance(value, str) and not value.lstrip().startswith("[") else value


GivenWindows = Annotated[Windows, BeforeValidator(_one_is_a_list)]
