"""Where a secret waits for a person: in memory, handed out once, gone after ten minutes."""

import threading
from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from sms_tools.guard.approvals import LIFETIME
from sms_tools.operation import JSON


class Vault(Protocol):
    """Secrets that wait for a person: each is handed out once, and gone after ten minutes."""

    async def keep(self, delivery_id: str, secret: Mapping[str, JSON], now: datetime) -> str:
        """Hold *secret* under *delivery_id*; says, for a person, how long that is."""

    async def take(self, delivery_id: str, now: datetime) -> Mapping[str, JSON] | None:
        """The secret, for the first who asks in time."""

    async def has(self, delivery_id: str, now: datetime) -> bool:
        """Whether a secret waits under *delivery_id*."""


class InMemory:
    """The vault of one server: what it holds is never written down."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[datetime, Mapping[str, JSON]]] = {}
        self._lock = threading.Lock()

    async def keep(self, delivery_id: str, secret: Mapping[str, JSON], now: datetime) -> str:
        """As :meth:`Vault.keep`."""
        with self._lock:
            self._drop_old(now)
            self._held[delivery_id] = (now + LIFETIME, dict(secret))
        return "and only while this server runs"

    async def take(self, delivery_id: str, now: datetime) -> Mapping[str, JSON] | None:
        """As :meth:`Vault.take`."""
        with self._lock:
            self._drop_old(now)
            held = self._held.pop(delivery_id, None)
        return held[1] if held else None

    async def has(self, delivery_id: str, now: datetime) -> bool:
        """As :meth:`Vault.has`."""
        with self._lock:
            self._drop_old(now)
            return delivery_id in self._held

    def _drop_old(self, now: datetime) -> None:
        self._held = {key: held for key, held in self._held.items() if held[0] > now}
