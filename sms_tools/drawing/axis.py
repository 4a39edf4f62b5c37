"""From times to places on a drawing, and the times that are written beneath."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

_STEPS: Final = [
    *(timedelta(minutes=m) for m in (1, 2, 5, 10, 15, 30)),
    *(timedelta(hours=h) for h in (1, 2, 3, 6, 12)),
    *(timedelta(days=d) for d in (1, 2, 7, 14, 30, 90, 365)),
]


@dataclass(frozen=True, slots=True)
class Axis:
    """Where a time stands between *left* and *right*."""

    begin: datetime
    end: datetime
    left: float
    right: float

    def __call__(self, at: datetime) -> float:
        """The place of *at*; what is outside stands at the edge."""
        whole = (self.end - self.begin).total_seconds() or 1.0
        share = (at - self.begin).total_seconds() / whole
        return self.left + (self.right - self.left) * min(max(share, 0.0), 1.0)


def ticks_of_time(begin: datetime, end: datetime, most: int) -> Sequence[tuple[datetime, str]]:
    """About *most* round times between *begin* and *end*, with their words in UTC."""
    most = max(most, 2)
    step = next((each for each in _STEPS if (end - begin) / each <= most), _STEPS[-1])
    seconds = step.total_seconds()
    first = -(-begin.timestamp() // seconds) * seconds
    times: list[datetime] = []
    at = datetime.fromtimestamp(first, UTC)
    while at <= end and len(times) <= most:
        times.append(at)
        at += step
    form = "%m-%d" if step >= timedelta(days=1) else "%H:%M"
    return [(each, _words(each, form, index, times)) for index, each in enumerate(times)]


def _words(at: datetime, form: str, index: int, times: Sequence[datetime]) -> str:
    """The time, with its date where a new day begins."""
    new_day = index == 0 or at.date() != times[index - 1].date()
    return f"{at:%m-%d %H:%M}" if form == "%H:%M" and new_day else f"{at:{form}}"
