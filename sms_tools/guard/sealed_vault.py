"""Secrets that wait for a person, sealed in the state that several servers share.

Any of them can show one, and one of them once. The database never has what opens a seal: its key
comes from one that is kept there and from the secrets that every server is configured with (the
account's keys, the database's password), so neither the tables nor a dump of them give a secret
away. Where a server is configured with none, what it read stays in its memory.
"""

import hashlib
import json
import logging
import os
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

import anyio
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sms_tools.errors import SmsToolsError
from sms_tools.guard.approvals import LIFETIME
from sms_tools.guard.keys import kept_key
from sms_tools.guard.timekeeping import TimedState
from sms_tools.guard.vault import InMemory
from sms_tools.moment import Clock
from sms_tools.operation import JSON
from sms_tools.state import Database, State, StateError

_STEPS: Final = (
    "CREATE TABLE sealed_secrets (id TEXT PRIMARY KEY, sealed TEXT NOT NULL,"
    " expires REAL NOT NULL)",
)
_NONCE_BYTES: Final = 12
_LOG: Final = logging.getLogger(__name__)


class SealedElsewhere(SmsToolsError):  # noqa: N818 (says what happened)
    """A secret waits that a server with other keys has sealed."""

    advice = "Load the page again until that server answers, within its ten minutes."


class SealedVault:
    """A vault that all servers of a state share."""

    def __init__(self, state: State, clock: Clock, configured: Callable[[], Sequence[str]]) -> None:
        """Use *state*; *configured* gives the secrets that its servers are configured with."""
        self._kept_in = state
        self._state = TimedState(state, clock, _end_all, None, component="secrets")
        state.prepare("secrets", _STEPS)
        self._configured = configured
        self._here = InMemory()
        self._sealing: AESGCM | None = None

    async def keep(self, delivery_id: str, secret: Mapping[str, JSON], now: datetime) -> str:
        """As :meth:`~sms_tools.guard.vault.Vault.keep`."""
        try:
            if (sealing := await self._seal()) is None:
                return await self._here.keep(delivery_id, secret, now)
            nonce = os.urandom(_NONCE_BYTES)
            text = json.dumps(dict(secret)).encode()
            sealed = b64encode(nonce + sealing.encrypt(nonce, text, delivery_id.encode())).decode()
            row = (delivery_id, sealed, (now + LIFETIME).timestamp())

            def keep(database: Database) -> None:
                _drop_old(database, now)
                database.execute(
                    "INSERT INTO sealed_secrets VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET"
                    " sealed = excluded.sealed, expires = excluded.expires",
                    row,
                )

            await self._state.write(keep)
        except StateError as error:
            _LOG.warning("a secret waits in this server's memory alone: %s", error)
            return await self._here.keep(delivery_id, secret, now)
        return "within ten minutes, by whichever server is asked"

    async def take(self, delivery_id: str, now: datetime) -> Mapping[str, JSON] | None:
        """As :meth:`~sms_tools.guard.vault.Vault.take`.

        Raises:
            SealedElsewhere: this server cannot open it; it goes on waiting.
            StateError: nobody can tell whether one waits.
        """
        if (secret := await self._here.take(delivery_id, now)) is not None:
            return secret
        sealing = await self._seal()

        def take(database: Database) -> Mapping[str, JSON] | None:
            _drop_old(database, now)
            query = "SELECT sealed FROM sealed_secrets WHERE id = ?"
            row = database.execute(query, (delivery_id,)).first
            if row is None:
                return None
            secret = _opened(sealing, row["sealed"], delivery_id)
            gone = database.execute("DELETE FROM sealed_secrets WHERE id = ?", (delivery_id,))
            return secret if gone.changed == 1 else None

        return await self._state.write(take)

    async def has(self, delivery_id: str, now: datetime) -> bool:
        """As :meth:`~sms_tools.guard.vault.Vault.has`."""
        if await self._here.has(delivery_id, now):
            return True
        query = "SELECT id FROM sealed_secrets WHERE id = ? AND expires > ?"
        values = (delivery_id, now.timestamp())
        rows = await self._state.read(lambda database: database.execute(query, values))
        return rows.first is not None

    async def _seal(self) -> AESGCM | None:
        """What seals and opens; None where no secret is known but to the database."""
        if self._sealing is None and (known := sorted(set(filter(None, self._configured())))):
            salt = await kept_key(self._kept_in, "secrets")
            words = json.dumps(known).encode()
            self._sealing = AESGCM(await anyio.to_thread.run_sync(_derived, words, salt))
        return self._sealing


def _drop_old(database: Database, now: datetime) -> None:
    database.execute("DELETE FROM sealed_secrets WHERE expires <= ?", (now.timestamp(),))


def _derived(words: bytes, salt: bytes) -> bytes:
    # Slow on purpose, once a process: a password among them may be one that can be guessed.
    return hashlib.scrypt(words, salt=salt, n=2**14, r=8, p=1, dklen=32)


def _opened(sealing: AESGCM | None, sealed: str, delivery_id: str) -> Mapping[str, JSON]:
    whole = b64decode(sealed)
    nonce, rest = whole[:_NONCE_BYTES], whole[_NONCE_BYTES:]
    try:
        if sealing is None:
            raise InvalidTag
        found = json.loads(sealing.decrypt(nonce, rest, delivery_id.encode()))
    except InvalidTag as error:
        raise SealedElsewhere(
            "This secret was read by a server that has other keys than this one, which cannot show "
            "it. Nothing was shown, and it still waits."
        ) from error
    secret: Mapping[str, JSON] = found
    return secret


def _end_all(database: Database, now: float) -> None:
    """End every secret: the clock was set back to *now*."""
    del now
    database.execute("DELETE FROM sealed_secrets")
