"""One look after another at one account's fleet, and a message where something changed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sms_tools.diagnosis.progress import SummarizeProgress
from sms_tools.errors import RequestRefused, SmsToolsError
from sms_tools.fleet.desk import Desk
from sms_tools.fleet.reading import Fleet, read_fleet
from sms_tools.fleet.samples import account_of
from sms_tools.state import StateError
from sms_tools.watching.kept import Kept, Look
from sms_tools.watching.noticing import Notice, message_of, notices, reading_of

_REMEMBERED: Final = timedelta(hours=24)
"""A reading that is older is not compared with: the list would be long, and old news."""

Message = Mapping[str, Any]


@dataclass
class Watcher:
    """Looks when it is told to. What cannot be read is told and ends nothing."""

    desk: Desk
    account: str
    """In a person's words, for the message."""
    every: int
    """Seconds from one look to the next."""
    cleaned: Callable[[dict[str, Any]], dict[str, Any]]
    """What takes secrets and control characters out of a message."""
    project: str | None = None
    deadline: datetime | None = None
    kept: Kept = field(init=False)
    _before: Look | None = field(default=None, init=False)
    _began: bool = field(default=False, init=False)
    _lacked: Sequence[str] = field(default=(), init=False)
    """What the last look could not read."""
    _fault: str = field(default="", init=False)
    """Why the last look could not be kept."""

    def __post_init__(self) -> None:
        """Nothing is read before the first look."""
        self.kept = Kept(self.desk.state, account_of(self.desk.api.settings))

    @property
    def watched(self) -> int | None:
        """How many servers the last look saw; None before one succeeded."""
        return None if self._before is None else len(self._before.reading)

    def forget(self) -> None:
        """Compare the next look with what was kept: another process has looked meanwhile."""
        self._before, self._began = None, False

    async def look(self) -> Message | None:
        """Read once; a message if something changed, or is read no longer or again, else None.

        Raises:
            RequestRefused: the first look finds no such project.
        """
        if not self._began:
            self._before = await self._remembered()
            self._began = True
            self._lacked = self._before.incomplete if self._before else ()
        before = self._before
        try:
            fleet, rows = await self._read()
        except RequestRefused as error:
            if before is None:
                raise
            return self._message([], [f"nothing could be read: {error}"])
        except SmsToolsError as error:
            return self._message([], [f"nothing could be read: {error}"])
        seen = reading_of(fleet, rows)
        whole = fleet.sources_read and not fleet.problems
        found = notices(before.reading, seen, whole=whole) if before else []
        message = self._message(found, fleet.incomplete)
        # A partial reading must not make those that it lacks look new the next time.
        reading = seen if whole or before is None else {**before.reading, **seen}
        self._before = Look(self.desk.now(), self.every, reading, fleet.incomplete)
        return await self._keep(self._before, message)

    async def _read(self) -> tuple[Fleet, Sequence[dict[str, Any]]]:
        fleet = await read_fleet(self.desk, project=self.project, fresh=True)
        question = SummarizeProgress.model_validate(
            {"project": self.project, "limit": 1000, "detail": "full", "deadline": self.deadline}
        )
        answer = await question.answer(self.desk)
        return fleet, answer["servers"]

    def _message(self, found: Sequence[Notice], incomplete: Sequence[str]) -> dict[str, Any] | None:
        """What is to be told; that the same thing cannot be read is told once."""
        lacked, self._lacked = self._lacked, incomplete
        if not found and _kinds(incomplete) == _kinds(lacked):
            return None
        since = self._before.at if self._before else None
        return self.cleaned(
            message_of(found, self.desk.now(), self.account, incomplete, since=since)
        )

    async def _remembered(self) -> Look | None:
        try:
            return await self.kept.before(self.project or "", self.desk.now() - _REMEMBERED)
        except StateError:
            return None  # nothing was kept; what follows says so when it cannot be either

    async def _keep(self, look: Look, message: dict[str, Any] | None) -> dict[str, Any] | None:
        """Keep what was seen; that it cannot be kept is told once."""
        try:
            await self.kept.keep(self.project or "", look, message)
        except StateError as error:
            return self._unkept(message, f"what was read could not be kept: {error}")
        self._fault = ""
        return message

    def _unkept(self, message: dict[str, Any] | None, fault: str) -> dict[str, Any] | None:
        told, self._fault = self._fault, fault
        if message is None and told == fault:
            return None
        if message is None:
            return self.cleaned(message_of([], self.desk.now(), self.account, [fault]))
        return {**message, "incomplete": [*message["incomplete"], fault]}


def _kinds(incomplete: Sequence[str]) -> Sequence[str]:
    """What could not be read, without the brackets in which each request has its own id."""
    return [note.partition(" (")[0] for note in incomplete]
