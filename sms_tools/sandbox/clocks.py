"""Clocks for a sandbox: the caller's own, a faster one made of it, and one that a test steps.

A clock is a callable that gives epoch seconds. The sandbox reads none by itself.
"""

from collections.abc import Callable
from datetime import datetime

Clock = Callable[[], float]
"""Gives epoch seconds."""


class AcceleratedClock:
    """Runs *speed* times as fast as *base*; both agree at the moment this clock is made."""

    def __init__(self, base: Clock, speed: float) -> None:
        """Start now.

        Raises:
            ValueError: *speed* is not positive and finite.
        """
        if not 0 < speed < float("inf"):
            raise ValueError("a clock's speed must be positive")
        self._base = base
        self._speed = speed
        self._origin = base()

    def __call__(self) -> float:
        """The moment, in epoch seconds."""
        return self._origin + (self._base() - self._origin) * self._speed


class ManualClock:
    """Stands still until a test moves it."""

    def __init__(self, moment: datetime | float = 1_767_225_600.0) -> None:
        """Start at *moment*; by default at the beginning of 2026, UTC."""
        self._moment = moment.timestamp() if isinstance(moment, datetime) else float(moment)

    def __call__(self) -> float:
        """The moment, in epoch seconds."""
        return self._moment

    def advance(self, seconds: float) -> None:
        """Move on by *seconds*.

        Raises:
            ValueError: *seconds* is negative; time does not run backwards here.
        """
        if seconds < 0:
            raise ValueError("time does not run backwards")
        self._moment += seconds
