"""Keys of a server that its replicas share: made once, kept in the state."""

import secrets
from typing import Final

from sms_tools.state import Database, State

_STEPS: Final = ("CREATE TABLE server_keys (purpose TEXT PRIMARY KEY, value TEXT NOT NULL)",)


async def kept_key(state: State, purpose: str) -> bytes:
    """The key for *purpose*: 32 bytes, the same for every server that shares *state*.

    Raises:
        StateError: it cannot be read or kept.
    """
    state.prepare("server_keys", _STEPS)

    def key(database: Database) -> str:
        database.execute(
            "INSERT INTO server_keys VALUES (?, ?) ON CONFLICT (purpose) DO NOTHING",
            (purpose, secrets.token_hex(32)),
        )
        query = "SELECT value FROM server_keys WHERE purpose = ?"
        row = database.execute(query, (purpose,)).first
        return str(row["value"]) if row else ""

    return bytes.fromhex(await state.write(key))
