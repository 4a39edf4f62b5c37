"""A whole list out of pages.

The first page tells how many records there are; the others are read at the same time. Records are
then counted, not trusted: pages may come short, and a list may change while it is read.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, partial
from typing import Any, Final, Generic, TypeVar

import anyio

from sms_tools.errors import SmsToolsError
from sms_tools.operation import Operation, Page, Reply

LAST_OFFSET: Final = 65_535
"""The largest offset that the service takes."""

_DEFAULT_PAGE: Final = 100

T = TypeVar("T", bound=Reply)
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """A list as far as it could be read.

    ``count`` is what the service says there is in all; ``complete`` whether ``items`` is all of
    it, as far as can be seen; ``note`` says what differed, and is empty where nothing did.
    """

    items: Sequence[T]
    count: int | None
    complete: bool
    note: str
    requests: int
    observed_at: datetime
    """When the reading began: what happened later may be missing."""


async def at_once(reads: Sequence[Callable[[], Awaitable[V]]]) -> list[V]:
    """All results, in order; the first failure cancels the rest and is raised as it is."""
    results: dict[int, V] = {}
    failures: list[SmsToolsError] = []

    async def one(index: int, read: Callable[[], Awaitable[V]]) -> None:
        try:
            results[index] = await read()
        except SmsToolsError as error:
            failures.append(error)
            group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        for index, read in enumerate(reads):
            group.start_soon(one, index, read)
    if failures:
        raise failures[0]
    return [results[index] for index in range(len(reads))]


@cache
def largest_page(operation: type[Operation[Any]]) -> int:
    """The documented maximum of the operation's `limit`."""
    schema = operation.model_json_schema()["properties"].get("limit", {})
    bounds = [part.get("maximum") for part in schema.get("anyOf", [schema])]
    return next((int(bound) for bound in bounds if bound), _DEFAULT_PAGE)


async def read_list(
    operation: Operation[Page[T]],
    read: Callable[[Operation[Page[T]]], Awaitable[Page[T]]],
    now: datetime,
) -> Listing[T]:
    """Read the list from the operation's `offset` on, in pages of its `limit`.

    A list that changed under the reading is read a second time, because a record may have slipped
    from one page to another unseen; what still differs then is said in the note.
    """
    first = _Pass(operation, read)
    await first.run()
    if first.complete or not first.moved:
        return first.listing(now)
    second = _Pass(operation, read, requests=first.requests)
    await second.run()
    return second.listing(now, ["The list changed while it was read, so it was read again."])


@dataclass
class _Pass(Generic[T]):
    """One way through the list. ``position`` is the offset up to which all pages were read."""

    operation: Operation[Page[T]]
    read: Callable[[Operation[Page[T]]], Awaitable[Page[T]]]
    requests: int = 0
    position: int = 0
    counts: list[int] = field(default_factory=list)
    """What each page says of the whole, in the order of the pages."""
    found: dict[object, T] = field(default_factory=dict)
    repeated: int = 0

    def __post_init__(self) -> None:
        self.start = self.position = int(getattr(self.operation, "offset", None) or 0)
        asked = int(getattr(self.operation, "limit", None) or 0)
        self.size = asked or largest_page(type(self.operation))

    async def run(self) -> None:
        """Read the first page, then those that must follow together, then what came up since."""
        got = self._take(self.position, await self._page(self.position))
        ends = min(self.counts[-1], LAST_OFFSET + 1) if self.counts else 0
        offsets = range(self.position, ends, got) if got else range(0)
        pages = await at_once([partial(self._page, at) for at in offsets])
        for at, page in zip(offsets, pages, strict=True):
            await self._close_gap(at)
            self._take(at, page)
        while got and self._more(got):
            known = len(self.found)
            got = self._take(self.position, await self._page(self.position))
            if len(self.found) == known:
                break

    async def _close_gap(self, until: int) -> None:
        """A page came short: go on behind its last record, up to the page that was read next."""
        while self.position < until:
            page = await self._page(self.position, until - self.position)
            if not self._take(self.position, page):
                return

    def _more(self, got: int) -> bool:
        if self.position > LAST_OFFSET:
            return False
        return self.position < self.counts[-1] if self.counts else got >= self.size

    async def _page(self, offset: int, size: int | None = None) -> Page[T]:
        self.requests += 1
        where = {"offset": offset, "limit": size or self.size}
        return await self.read(self.operation.model_copy(update=where))

    def _take(self, offset: int, page: Page[T]) -> int:
        """Keep a page's records, the newer of two with one id; return how many there were."""
        for item in page.items:
            key = _identity(item)
            self.repeated += key in self.found
            self.found[key] = item
        if page.count is not None:
            self.counts.append(page.count)
        self.position = max(self.position, offset + len(page.items))
        return len(page.items)

    @property
    def moved(self) -> bool:
        """Whether there are signs that the list changed under the reading."""
        return self.repeated > 0 or len(set(self.counts)) > 1

    @property
    def cut_off(self) -> bool:
        """Whether the list goes on where no offset reaches."""
        return self.position > LAST_OFFSET and self._expected() != len(self.found)

    @property
    def complete(self) -> bool:
        """Whether the records add up; a list that only grew at its end does so as well."""
        grew_at_most = self.counts == sorted(self.counts)
        return self.repeated == 0 and grew_at_most and len(self.found) == self._expected()

    def _expected(self) -> int | None:
        """How many records there should be; without a count, as many as there are."""
        if self.counts:
            return max(self.counts[-1] - self.start, 0)
        return None if self.position > LAST_OFFSET else len(self.found)

    def listing(self, now: datetime, notes: Sequence[str] = ()) -> Listing[T]:
        """What this pass came to."""
        count = self.counts[-1] if self.counts else None
        return Listing(
            items=tuple(self.found.values()),
            count=count,
            complete=self.complete,
            note=" ".join([*notes, *self._differences()]),
            requests=self.requests,
            observed_at=now,
        )

    def _differences(self) -> Sequence[str]:
        read, expected = len(self.found), self._expected()
        if self.cut_off:
            return [
                f"The service pages no further than offset {LAST_OFFSET}: {read} of "
                f"{'an unknown number' if expected is None else expected} records were read. "
                "A filter makes the list shorter."
            ]
        notes = []
        if len(set(self.counts)) > 1:
            notes.append(f"The count went from {self.counts[0]} to {self.counts[-1]} meanwhile.")
        if self.repeated:
            notes.append(f"{self.repeated} records came twice.")
        if read != expected:
            notes.append(f"The service counts {expected} records and gave {read} different ones.")
        return notes


def _identity(item: Reply) -> object:
    """What makes a record the same one on another page: its id, or the server and all it says.

    A record with neither is never taken for another.
    """
    own = getattr(item, "id", None)
    if own:
        return own
    return item.model_dump_json() if getattr(item, "source_id", None) else object()
