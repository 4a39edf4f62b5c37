"""The one place that reads the clock; everything else is handed a :data:`Clock`."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Gives the time, with its zone."""


def utc_now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)
