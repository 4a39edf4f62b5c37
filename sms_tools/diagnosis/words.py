"""Numbers and lists as sentences have them. Data keeps whole bytes and full precision."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from sms_tools.diagnosis.question import FleetQuestion

_UNITS: Final = ("bytes", "kB", "MB", "GB", "TB", "PB")


def count_of(number: int, singular: str, plural: str = "") -> str:
    """``1 server``, ``2 servers``."""
    return f"{number} {singular if number == 1 else plural or singular + 's'}"


def size(number: int | float) -> str:
    """Bytes for people, in powers of 1,000: ``1.47 TB``."""
    value, unit = float(number), 0
    while value >= 1000 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.3g} {_UNITS[unit]}" if value < 999.5 else f"{value:.0f} {_UNITS[unit]}"


def percent(done: int | float, total: int | float) -> int:
    """Whole per cent, rounded down: 100 only when it is all."""
    return int(100 * done / total) if total else 0


def span(time: timedelta) -> str:
    """A span of time in its largest fitting unit: ``35 minutes``, ``4.5 hours``, ``3 days``."""
    minutes = max(time.total_seconds(), 0) / 60
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


def scope(question: FleetQuestion) -> Mapping[str, Any]:
    """The arguments that let another fleet tool look at the same servers."""
    named = {"servers": question.servers, "project": question.project}
    return {key: value for key, value in named.items() if value is not None}
