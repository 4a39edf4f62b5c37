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

from sms_tools.errors import SmsToolsError, UnreadableReply
from sms_tools.operation import Operation, Page, Reply

LAST_OFFSET: Final = 65_535
"""The largest offset that the service takes."""

_DEFAULT_PAGE: Final = 100
_WAVE: Final = 32
"""Pages that are asked for together: a wrong count costs one such wave, not thousands."""

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
    unreadable: int = 0
    """Records that came and are not among ``items``: without an id nobody can say what they are
    about. A list that holds some is not complete."""


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
    unreadable: int = 0
    odd_count: str | None = None
    """What stood where a count belongs, if it was none: then pages are read until one is empty."""

    def __post_init__(self) -> None:
        self.start = self.position = int(getattr(self.operation, "offset", None) or 0)
        asked = int(getattr(self.operation, "limit", None) or 0)
        self.size = asked or largest_page(type(self.operation))

    async def run(self) -> None:
        """Read the first page, then those that must follow together, then what came up since."""
        got = self._take(self.position, await self._page(self.position))
        ends = min(self.counts[-1], LAST_OFFSET + 1) if self.counts else 0
        offsets = range(self.position, ends, got) if got else range(0)
        for wave in range(0, len(offsets), _WAVE):
            known = len(self.found)
            together = offsets[wave : wave + _WAVE]
            pages = await at_once([partial(self._page, at) for at in together])
            for at, page in zip(together, pages, strict=True):
                if page.records:
                    await self._close_gap(at)
                self._take(at, page)
            if len(self.found) == known or not pages[-1].records:
                break  # the count promises more than comes
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
        if self.odd_count is not None:
            return True
        return self.position < self.counts[-1] if self.counts else got >= self.size

    async def _page(self, offset: int, size: int | None = None) -> Page[T]:
        self.requests += 1
        where = {"offset": offset, "limit": size or self.size}
        return await self.read(self.operation.model_copy(update=where))

    def _take(self, offset: int, page: Page[T]) -> int:
        """Keep a page's records, the newer of two with one id; return how many there were."""
        readable = 0
        for item in page.items:
            key = _identity(item)
            if key is None:
                continue
            readable += 1
            self.repeated += key in self.found
            self.found[key] = item
        self.unreadable += page.records - readable
        if page.count is not None:
            self.counts.append(page.count)
        self.odd_count = page.odd_count or self.odd_count
        self.position = max(self.position, offset + page.records)
        return page.records

    @property
    def moved(self) -> bool:
        """Whether there are signs that the list changed under the reading."""
        return self.repeated > 0 or len(set(self.counts)) > 1

    @property
    def cut_off(self) -> bool:
        """Whether the list goes on where no offset reaches."""
        return self.position > LAST_OFFSET and self._expected() != self._seen

    @property
    def complete(self) -> bool:
        """Whether the records add up; a list that only grew at its end does so as well."""
        grew_at_most = self.counts == sorted(self.counts)
        odd = self.repeated or self.unreadable or self.odd_count is not None
        return not odd and grew_at_most and self._seen == self._expected()

    @property
    def _seen(self) -> int:
        """Records that came, readable or not."""
        return len(self.found) + self.unreadable

    def _expected(self) -> int | None:
        """How many records there should be; without a count, as many as there are."""
        if self.counts:
            return max(self.counts[-1] - self.start, 0)
        return None if self.position > LAST_OFFSET else self._seen

    def listing(self, now: datetime, notes: Sequence[str] = ()) -> Listing[T]:
        """What this pass came to.

        Raises:
            UnreadableReply: the service counts records and gave none that can be read, so nothing
                is known about the list.
        """
        count = self.counts[-1] if self.counts and self.odd_count is None else None
        if not self.found and (self.unreadable or self.odd_count or self._expected()):
            raise UnreadableReply(f"{self.operation.__spec__.name}: {self._nothing_read()}")
        return Listing(
            items=tuple(self.found.values()),
            count=count,
            complete=self.complete,
            note=" ".join([*notes, *self._differences()]),
            requests=self.requests,
            observed_at=now,
            unreadable=self.unreadable,
        )

    def _nothing_read(self) -> str:
        if self.unreadable:
            return f"none of the {self.unreadable} records that came has an id; none was read."
        counted = self.odd_count or self._expected()
        return f"the service counts {counted} records and gave none of them; the list is not known."

    def _differences(self) -> Sequence[str]:
        read, expected = self._seen, self._expected()
        if self.cut_off:
            return [
                f"The service pages no further than offset {LAST_OFFSET}: {read} of "
                f"{'an unknown number' if expected is None else expected} records were read. "
                "Use a filter to shorten the list."
            ]
        notes = []
        if len(set(self.counts)) > 1:
            notes.append(f"The count went from {self.counts[0]} to {self.counts[-1]} meanwhile.")
        if self.repeated:
            notes.append(f"{self.repeated} records came twice.")
        if self.unreadable:
            notes.append(f"{_records(self.unreadable)} without a usable id could not be read.")
        if self.odd_count is not None:
            notes.append(
                f"The service counts {self.odd_count} records, which does not fit: "
                f"{len(self.found)} were read, until no more came."
            )
        elif read != expected:
            notes.append(f"The service counts {expected} records and gave {read} different ones.")
        return notes


def _identity(item: Reply) -> object | None:
    """What makes a record the same one on another page: its id, or the server and all it says.

    None where it has neither: such a record is about nobody knows what.
    """
    own = getattr(item, "id", None)
    if isinstance(own, str | int) and str(own).strip():
        return own
    source = getattr(item, "source_id", None)
    return item.model_dump_json() if isinstance(source, str) and source.strip() else None


def _records(number: int) -> str:
    return "1 record" if number == 1 else f"{number} records"
