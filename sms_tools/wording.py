"""How things are said to a person: names, counts, sizes, spans of time, times. Each said once.

Dialogs, plans, answers, pages and the terminal all take their words from here, so that a server
never has 14 GiB in one and 15 GB in another. Data keeps whole bytes and full precision.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from sms_tools.moment import from_milliseconds
from sms_tools.text import one_line

_INNER: Final = str.maketrans(dict.fromkeys('“”„‟"«»‹›＂〝〞〟「」『』', "'"))
_UNITS: Final = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB")


def named(name: str | None, fallback: str | None = None) -> str:
    """A stranger's name in quotation marks, on one line, cut to a bearable length.

    Quotation marks inside it become apostrophes: a name cannot step out of its own.
    """
    shown = (one_line(name or "", 80) or one_line(fallback or "", 80)).translate(_INNER)
    return f"“{shown}”" if shown else "(unnamed)"


def plain(text: object, limit: int = 120) -> str:
    """A value as one clean line; "unknown" for none."""
    shown = one_line(str(text), limit) if text not in (None, "") else ""
    return shown or "unknown"


def count_of(number: int, singular: str, plural: str | None = None) -> str:
    """``1 server``, ``2 servers``."""
    return f"{number} {singular if number == 1 else plural or singular + 's'}"


def size(number: int | float | None) -> str:
    """Bytes in binary units, as the console counts disks: ``40 GiB``; "unknown" for None."""
    if number is None:
        return "unknown"
    value, unit = float(number), 0
    while value >= 1024 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{value:.3g} {_UNITS[unit]}" if value < 999.5 else f"{value:.0f} {_UNITS[unit]}"


def percent(done: int | float, total: int | float) -> int:
    """Whole per cent, rounded down: 100 only when it is all."""
    return int(100 * done / total) if total else 0


def span(time: timedelta) -> str:
    """A span of time in its largest fitting unit: ``40 seconds``, ``35 minutes``, ``3 days``."""
    seconds = max(time.total_seconds(), 0)
    if seconds < 100:
        return count_of(round(seconds), "second")
    minutes = seconds / 60
    if minutes < 120:
        return count_of(round(minutes), "minute")
    if minutes < 2 * 24 * 60:
        return f"{minutes / 60:.3g} hours"
    return f"{minutes / 60 / 24:.3g} days"


def listed(parts: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def iso(moment: datetime) -> str:
    """ISO 8601 in UTC, to the second: ``2026-01-31T09:30:00Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def when(milliseconds: int | float | None) -> str:
    """An epoch in milliseconds as a person reads it, in UTC; "unknown" for none or nonsense."""
    moment = from_milliseconds(milliseconds)
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else "unknown"
