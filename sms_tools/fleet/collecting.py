"""Letting Python's garbage collector rest while many records are made, and an answer out of them.

Ten thousand servers are some millions of objects, none of them in a cycle. With its usual
thresholds the collector walks all of them again and again while they are made, which takes longer
than making them.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_SELDOM: Final = (200_000, 50, 1_000)


class _Users:
    """How many readings are under way, and the thresholds to return to."""

    count = 0
    usual = gc.get_threshold()


@contextmanager
def collecting_seldom() -> Iterator[None]:
    """Collect seldom while the block runs. Blocks may overlap; the last one to end restores."""
    if not _Users.count:
        _Users.usual = gc.get_threshold()
        gc.set_threshold(*_SELDOM)
    _Users.count += 1
    try:
        yield
    finally:
        _Users.count -= 1
        if not _Users.count:
            gc.set_threshold(*_Users.usual)
