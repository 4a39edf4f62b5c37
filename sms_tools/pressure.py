"""How many requests are on their way at once, and when none is sent at all.

``Places`` is the limit of one account: the service's 429 halves it, success raises it again, and
single calls keep places of their own beside long lists. ``Circuits`` opens after repeated failures:
then calls fail at once, with the time when the service is asked again.
"""

from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import anyio

from sms_tools.errors import CircuitOpen
from sms_tools.moment import Clock

_KEPT: Final = 4
"""One place in so many is kept for single calls."""
_FAILURES: Final = 5
_CLOSED_FOR: Final = timedelta(seconds=20)


class Places:
    """At most *most* requests at once; fewer after a 429, until the service takes more again."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._allowed = float(most)
        self._taken = 0
        self._bulk = 0
        self._round = 0
        self._single: deque[anyio.Event] = deque()
        self._many: deque[anyio.Event] = deque()

    @property
    def allowed(self) -> int:
        """How many may be on their way at once now."""
        return max(1, int(self._allowed))

    @asynccontextmanager
    async def place(self, *, bulk: bool) -> AsyncIterator[int]:
        """Hold a place; single calls come before those of a list (*bulk*). Gives the round."""
        await self._enter(bulk=bulk)
        try:
            yield self._round
        finally:
            self._leave(bulk=bulk)

    def throttled(self, began: int) -> None:
        """The service said 429 to a request that began in round *began*: halve, once a round."""
        if began == self._round:
            self._allowed = max(1.0, self._allowed / 2)
            self._round += 1

    def succeeded(self) -> None:
        """The service took a request: one more after as many successes as are allowed."""
        self._allowed = min(float(self.most), self._allowed + 1 / self._allowed)
        self._wake()

    def _is_free(self, *, bulk: bool) -> bool:
        if self._taken >= self.allowed:
            return False
        return not bulk or self._bulk < self.allowed - self.allowed // _KEPT

    async def _enter(self, *, bulk: bool) -> None:
        queue = self._many if bulk else self._single
        if not queue and self._is_free(bulk=bulk) and not (bulk and self._single):
            self._take(bulk=bulk)
            return
        turn = anyio.Event()
        queue.append(turn)
        try:
            await turn.wait()  # whoever wakes us has taken the place for us
        except BaseException:
            if turn.is_set():
                self._leave(bulk=bulk)
            else:
                queue.remove(turn)
                self._wake()
            raise

    def _take(self, *, bulk: bool) -> None:
        self._taken += 1
        self._bulk += bulk

    def _leave(self, *, bulk: bool) -> None:
        self._taken -= 1
        self._bulk -= bulk
        self._wake()

    def _wake(self) -> None:
        for queue, bulk in ((self._single, False), (self._many, True)):
            while queue and self._is_free(bulk=bulk):
                self._take(bulk=bulk)
                queue.popleft().set()


@dataclass(slots=True)
class _Circuit:
    failures: int = 0
    why: str = ""
    opened: datetime | None = None
    trying: bool = False


class Circuits:
    """What fails again and again, by name; *clock* tells until when it is left alone."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._circuits: dict[str, _Circuit] = {}

    def check(self, name: str, operation: str) -> bool:
        """Let a request through; True for the one that tries whether all is well again.

        Raises:
            CircuitOpen: *name* is left alone for now.
        """
        circuit = self._circuits.get(name)
        if circuit is None or circuit.opened is None:
            return False
        now = self._clock()
        until = circuit.opened + _CLOSED_FOR
        is_over = now >= until or now < circuit.opened  # a clock set back locks nobody out
        if is_over and not circuit.trying:
            circuit.trying = True
            return True
        seconds = max(1, round((until - now).total_seconds())) if not is_over else 1
        raise CircuitOpen(
            f"{operation}: not sent. {name} failed {circuit.failures} times in a row "
            f"({circuit.why}) and is asked again at {until:%H:%M:%S} UTC, in {seconds} s.",
            advice=f"Wait {seconds} seconds, then call again; `sms-tools check` tests the "
            "connection.",
        )

    def open(self) -> list[str]:
        """What is left alone now, by name."""
        now = self._clock()
        return [
            name
            for name, circuit in self._circuits.items()
            if circuit.opened is not None and circuit.opened <= now < circuit.opened + _CLOSED_FOR
        ]

    def failed(self, name: str, why: str) -> None:
        """*name* did not answer, or answered that it is broken."""
        circuit = self._circuits.setdefault(name, _Circuit())
        circuit.failures += 1
        circuit.why = why
        if circuit.failures >= _FAILURES or circuit.trying:
            circuit.opened = self._clock()
        circuit.trying = False

    def worked(self, name: str) -> None:
        """*name* answered: whatever was before is over."""
        self._circuits.pop(name, None)

    def ended(self, name: str) -> None:
        """The request that tried is over; where it told nothing, the next may try."""
        if circuit := self._circuits.get(name):
            circuit.trying = False
