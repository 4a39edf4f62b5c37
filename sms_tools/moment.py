"""Times: the one place that reads the clock, and the service's epoch milliseconds as times."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Gives the time, with its zone. Everything but this module is handed one."""


def utc_now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def from_milliseconds(milliseconds: int | float | None) -> datetime | None:
    """The service's epoch milliseconds as a time; None for null, 0 and what is no date."""
    if not milliseconds or milliseconds < 0:
        return None
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, OSError, ValueError):
        return None
