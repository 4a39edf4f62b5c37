"""Is the server alive, and can it do its work: what a load balancer and a monitor ask.

Both answers are open to everybody who reaches the port, so they hold no name, address or secret,
and whoever asks again and again makes the service be read once a minute at most.
"""

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import anyio

from sms_tools.errors import RequestRefused, SmsToolsError
from sms_tools.moment import utc_now
from sms_tools.server.observing import Watcher
from sms_tools.server.runtime import Runtime
from sms_tools.state import StateError

if TYPE_CHECKING:
    from sms_tools.api import Exchange
    from sms_tools.state import Database

FRESH_SECONDS: Final = 60.0
"""How long the last call tells how the service is, and how often it is read at most."""
_PATIENCE_SECONDS: Final = 5.0
_UNAUTHORIZED: Final = 401
_WELL: Final = frozenset({"reachable", "not known"})
"""Not known is how the service is where the policy holds back the read that would tell."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """How the last request to the service went."""

    status: int | None
    at: datetime
    moment: float

    @property
    def words(self) -> str:
        if self.status is None:
            return "unreachable"
        if self.status == _UNAUTHORIZED:
            return "refuses the credentials"
        return "failing" if self.status >= 500 else "reachable"


class Health(Watcher):
    """Knows from every request to the service how it is, and reads only where nobody did."""

    def __init__(self, runtimes: Mapping[str | None, Runtime]) -> None:
        """Tell of *runtimes*, which share one state."""
        self._runtimes = runtimes
        self._seen: dict[str, _Seen] = {}
        self._read_at: dict[str, float] = {}
        self._reading = anyio.Lock()
        self.is_stopping = False

    def exchanged(self, account: str, exchange: "Exchange") -> None:
        """The service of *account* was asked for something."""
        self._seen[account] = _Seen(exchange.status, utc_now(), time.monotonic())

    async def ready(self, exclude: Collection[str] = ()) -> tuple[bool, dict[str, Any]]:
        """Whether the server can do its work, and what is wrong where it cannot.

        *exclude* names parts that do not matter to whoever asks (`service`): a load balancer takes
        no server out for what all of them share.
        """
        state = await self._state()
        told: dict[str, Any] = {"state": state}
        well = state == "reachable" and not self.is_stopping
        if "service" not in exclude:
            service = await self._services()
            told |= service
            well = well and service["service"] in _WELL
        status = "stopping" if self.is_stopping else "ready" if well else "not ready"
        return well, {"status": status, **told}

    async def state_is_reachable(self) -> bool:
        """Whether the state can be read within a few seconds."""
        return await self._state() == "reachable"

    async def _state(self) -> str:
        try:
            with anyio.fail_after(_PATIENCE_SECONDS):
                await next(iter(self._runtimes.values())).state.read(_look)
        except (StateError, TimeoutError):
            return "unreachable"
        return "reachable"

    async def _services(self) -> dict[str, Any]:
        """How the service is; with several accounts well where one of them can be worked with."""
        async with self._reading:  # who waits for another's reading has it then
            for name, runtime in self._runtimes.items():
                await self._look_at(name or "", runtime)
        found = {name or "": self._seen.get(name or "") for name in self._runtimes}
        words = [seen.words if seen else "not known" for seen in found.values()]
        times = [seen.at.astimezone(UTC) for seen in found.values() if seen]
        told: dict[str, Any] = {"service": "reachable" if "reachable" in words else words[0]}
        if times:
            told["service_seen_at"] = max(times).isoformat(timespec="seconds")
        if len(words) > 1:
            told["accounts"] = {each: words.count(each) for each in sorted(set(words))}
        return told

    async def _look_at(self, account: str, runtime: Runtime) -> None:
        """Read from the service where nobody did within a minute."""
        now = time.monotonic()
        seen, read_at = self._seen.get(account), self._read_at.get(account)
        if seen is not None and now - seen.moment < FRESH_SECONDS:
            return
        if read_at is not None and now - read_at < FRESH_SECONDS:
            return
        self._read_at[account] = now
        from sms_tools.operations.source_servers import ListSourceServers

        try:
            with anyio.move_on_after(_PATIENCE_SECONDS):
                await runtime.api.send(ListSourceServers(limit=1))
        except RequestRefused:
            return  # the policy holds reads back: nothing is known, and nothing is wrong
        except SmsToolsError:
            if self._seen.get(account) is seen:  # it never left: no connection, no credentials
                self._seen[account] = _Seen(None, utc_now(), time.monotonic())


def _look(database: "Database") -> None:
    database.execute("SELECT 1")
