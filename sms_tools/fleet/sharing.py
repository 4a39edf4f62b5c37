"""One reading serves all who ask for it: while it is under way, and for a while afterwards.

Whoever waits while something is read gets what that reading gives, or its error, and sends
nothing. The life of a reading counts from its end, however long it took: half a minute for lists
and what questions read, a second for what a caller asks the service for itself.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf
from typing import Any, Final, Generic, TypeVar, cast

import anyio
from anyio.lowlevel import checkpoint

from sms_tools.errors import SmsToolsError
from sms_tools.fleet.desk import Desk
from sms_tools.operation import Operation

__all__ = ["SHARED_SECONDS", "Shared", "asked_once", "at_hand", "shared"]

SHARED_SECONDS: Final = 30
"""How long one reading of a list, or of the service's overview, serves every question."""
MOMENT: Final = timedelta(seconds=1)
"""How long the answer to a single read serves whoever asks the same."""

V = TypeVar("V")


@dataclass
class Shared(Generic[V]):
    """What one key is read for, and what came of it."""

    under_way: anyio.Event | None = None
    """Set when the reading that is under way ends; None where none is."""
    value: V | None = None
    marks: object = None
    """What :attr:`value` was true of: with other marks it serves nobody."""
    failure: SmsToolsError | None = None
    """Why the latest reading failed; None where it did not."""
    ended_at: datetime | None = None
    """When :attr:`value` was read to its end."""
    began: float = -inf
    """When the latest reading that ended was begun, as ``desk.elapsed`` counts."""
    ended: int = 0
    """How many readings ended."""

    def recent(self, now: datetime, lasts: timedelta, marks: object) -> V | None:
        """What was read, if that is less than *lasts* ago and of the same *marks*."""
        if self.ended_at is None or now - self.ended_at >= lasts or self.marks != marks:
            return None
        return self.value


async def shared(
    desk: Desk,
    key: str,
    read: Callable[[], Awaitable[V]],
    *,
    since: float | None = None,
    lasts: timedelta = timedelta(seconds=SHARED_SECONDS),
    marks: object = None,
    among: dict[str, object] | None = None,
) -> tuple[V, bool]:
    """What *read* gives, or gave less than *lasts* ago for the same *marks*; and whether it is new.

    Whoever waits while it is read shares it. With *since*, seconds as ``desk.elapsed`` counts them,
    only a reading that was begun later serves. Readings are kept *among* those of their kind,
    the desk's own unless others are named.

    Raises:
        SmsToolsError: it could not be read.
    """
    kept_among = desk.shared if among is None else among
    slot = cast("Shared[V]", kept_among.setdefault(key, Shared[V]()))
    seen = slot.ended
    while True:
        if since is None and (recent := slot.recent(desk.now(), lasts, marks)) is not None:
            return recent, False
        if slot.marks == marks and (slot.ended > seen if since is None else slot.began > since):
            if slot.failure:
                raise slot.failure
            if slot.value is not None:
                return slot.value, False
        if slot.under_way is None:
            return await _read_anew(desk, slot, read, marks), True
        await slot.under_way.wait()


async def _read_anew(
    desk: Desk, slot: Shared[V], read: Callable[[], Awaitable[V]], marks: object
) -> V:
    """What *read* gives, kept in *slot* for whoever waits meanwhile and comes soon."""
    ended = slot.under_way = anyio.Event()
    slot.value = slot.failure = None
    began = desk.elapsed()
    try:
        await checkpoint()  # whoever asks at the same moment waits for this reading
        slot.value = await read()
    except SmsToolsError as error:
        slot.failure = error
        raise
    finally:
        # Whoever gave up half-way leaves neither value nor failure: the next one reads.
        slot.began, slot.marks, slot.under_way = began, marks, None
        slot.ended, slot.ended_at = slot.ended + 1, desk.now()
        ended.set()
    return slot.value


def at_hand(
    desk: Desk,
    key: str,
    *,
    lasts: timedelta,
    marks: object = None,
    among: dict[str, object] | None = None,
) -> object | None:
    """What *key* was read for less than *lasts* ago, for the same *marks*; reads nothing."""
    slot = (desk.shared if among is None else among).get(key)
    return slot.recent(desk.now(), lasts, marks) if isinstance(slot, Shared) else None


async def asked_once(desk: Desk, asked: Operation[Any], read: Callable[[], Awaitable[V]]) -> V:
    """What *read* makes of the reply to *asked*: once for all who ask the same within a second.

    Raises:
        SmsToolsError: it did not get through, or the service said no.
    """

    async def read_anew() -> V:
        _drop_outlived(desk)
        return await read()

    key = f"{asked.__spec__.name} {asked.model_dump_json()}"
    return (await shared(desk, key, read_anew, lasts=MOMENT, among=desk.moments))[0]


def _drop_outlived(desk: Desk) -> None:
    """Forget the replies whose moment is over: other questions would never replace them."""
    for key, slot in list(desk.moments.items()):
        is_read_now = isinstance(slot, Shared) and slot.under_way is not None
        if not is_read_now and at_hand(desk, key, lasts=MOMENT, among=desk.moments) is None:
            del desk.moments[key]
