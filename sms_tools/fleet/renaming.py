"""What source servers were called before this server renamed them.

Whoever decides about a server may know it by its former name only. It is kept when the rename is
made, in the state that all processes share, for as long as it is told.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeGuard, TypeVar

from sms_tools.api import Answer, Api
from sms_tools.errors import SmsToolsError
from sms_tools.fleet.samples import account_of
from sms_tools.operation import Operation
from sms_tools.operations.source_servers import GetSourceServer, UpdateSourceServer
from sms_tools.redaction import redact
from sms_tools.settings import Settings
from sms_tools.state import Database, State, StateError

T = TypeVar("T", str, str | None)

TOLD_FOR: Final = timedelta(days=30)
"""So long a former name is kept and told."""
_STEPS: Final = (
    "CREATE TABLE renames (account TEXT NOT NULL, source_id TEXT NOT NULL, former TEXT,"
    " name TEXT NOT NULL, at REAL NOT NULL, PRIMARY KEY (account, source_id, at))",
)


@dataclass(frozen=True, slots=True)
class Rename:
    """One rename that was made through this server."""

    source_id: str
    former: str | None
    """None where it could not be read."""
    name: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Lately:
    """The renames of one account that are still told."""

    by_source: Mapping[str, Sequence[Rename]] = field(default_factory=dict)
    """By source id, latest first."""
    unread: str | None = None
    """Why they could not be read."""


class Renames:
    """What was renamed in one account."""

    def __init__(self, state: State, settings: Settings) -> None:
        """Use *state*; the table is made when it is missing."""
        self._state = state
        self._account = f"{account_of(settings)} {settings.sandbox or '-'}"
        self._state.prepare("renames", _STEPS)

    async def keep(self, rename: Rename) -> None:
        """Keep *rename*; those that are no longer told are forgotten.

        Raises:
            StateError: it cannot be kept.
        """
        oldest = (rename.at - TOLD_FOR).timestamp()
        at = rename.at.timestamp()
        row = (self._account, rename.source_id, rename.former, rename.name, at)

        def work(database: Database) -> None:
            database.execute("DELETE FROM renames WHERE at < ?", (oldest,))
            database.execute(
                "INSERT INTO renames VALUES (?, ?, ?, ?, ?) ON CONFLICT (account, source_id, at)"
                " DO UPDATE SET name = excluded.name",
                row,
            )

        await self._state.write(work)

    async def lately(self, now: datetime) -> Lately:
        """The renames of the last 30 days, or why they cannot be read."""
        values = (self._account, (now - TOLD_FOR).timestamp())
        query = "SELECT * FROM renames WHERE account = ? AND at >= ? ORDER BY at DESC"
        try:
            rows = await self._state.read(lambda database: database.execute(query, values))
        except StateError as error:
            return Lately(unread=str(error))
        found: dict[str, list[Rename]] = {}
        for row in rows:
            at = datetime.fromtimestamp(row["at"], UTC)
            rename = Rename(row["source_id"], row["former"], row["name"], at)
            found.setdefault(rename.source_id, []).append(rename)
        return Lately(found)


def renames(operation: Operation[Any]) -> TypeGuard[UpdateSourceServer]:
    """Whether *operation* gives a source server a name."""
    return isinstance(operation, UpdateSourceServer) and bool(operation.name)


async def send_rename(operation: UpdateSourceServer, api: Api, state: State) -> tuple[Answer, str]:
    """Send *operation* and keep the former name; the answer, and why it could not be kept.

    A rename whose answer is lost is kept too where the new name is there afterwards.

    Raises:
        SmsToolsError: the call failed.
    """
    former = await _name_of(operation.source_id, api)
    try:
        answer = await api.send(operation, decided=True)
    except SmsToolsError:
        if former and await _name_of(operation.source_id, api) == operation.name:
            await _keep(operation, former, api, state)
        raise
    return answer, await _keep(operation, former, api, state)


async def _name_of(source_id: str, api: Api) -> str | None:
    try:
        return (await api(GetSourceServer(source_id=source_id))).name
    except SmsToolsError:
        return None


def _shown(name: T, secrets: Sequence[str]) -> T:
    shown: T = redact(name, secrets)
    return shown


async def _keep(operation: UpdateSourceServer, former: str | None, api: Api, state: State) -> str:
    name = operation.name or ""
    if former == name:
        return ""
    secrets = api.secret_values()  # nothing keeps a secret that a stranger's name may carry
    rename = Rename(operation.source_id, _shown(former, secrets), _shown(name, secrets), api.now())
    try:
        await Renames(state, api.settings).keep(rename)
    except StateError as error:
        return f"The former name could not be kept, so no dialog will name it: {error}"
    return ""
