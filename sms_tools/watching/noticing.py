"""What is worth a message between two readings of the fleet. Pure: servers in, notices out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from sms_tools.fleet.reading import Fleet
from sms_tools.fleet.server import Server
from sms_tools.text import one_line
from sms_tools.wording import count_of, iso, listed

What = Literal[
    "failed", "recovered", "finished", "agent_gone", "agent_back", "stuck", "misses_deadline",
    "gone", "new",
]  # fmt: skip

_WORDS: Final[Mapping[What, str]] = {
    "failed": "failed",
    "recovered": "runs again",
    "finished": "launched",
    "agent_gone": "lost its Agent",
    "agent_back": "has its Agent back",
    "stuck": "does not move",
    "misses_deadline": "will miss the deadline",
    "gone": "is no longer listed",
    "new": "is new",
}


_NAMED: Final = 3
"""So many servers are named in a summary; more are a count."""

_MANY: Final = (
    ("is ", "are "),
    ("has its Agent", "have their Agents"),
    ("lost its Agent", "lost their Agents"),
    ("does ", "do "),
    ("runs", "run"),
)
"""How the words change for several servers."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing that changed."""

    what: What
    name: str
    id: str
    detail: str = ""

    def __str__(self) -> str:
        """The notice in a person's words; the name is a stranger's and stands in quotes."""
        detail = f" ({one_line(self.detail, 200)})" if self.detail else ""
        return f'"{one_line(self.name, 80)}" {_WORDS[self.what]}{detail}'

    def as_data(self) -> dict[str, Any]:
        """The notice as it stands in a message."""
        whole = {"what": self.what, "name": self.name, "id": self.id, "detail": self.detail}
        return {key: value for key, value in whole.items() if value}


@dataclass(frozen=True, slots=True)
class Seen:
    """What of one reading the next is compared with."""

    phase: str
    offline: bool | None
    code: str | None
    pace: str = ""
    fits: bool | None = None

    @classmethod
    def of(cls, server: Server, row: Mapping[str, Any] | None) -> "Seen":
        """*row* is the server's line in an answer of summarize_progress, where it has one."""
        offline = None if server.connected is None else not server.connected
        code = server.error.code if server.error else None
        row = row or {}
        return cls(server.phase, offline, code, str(row.get("pace") or ""), row.get("fits"))


Reading = Mapping[str, tuple[str, Seen]]
"""Name and what was seen of each server, by its id."""


def reading_of(fleet: Fleet, rows: Sequence[Mapping[str, Any]]) -> Reading:
    """What to keep of *fleet* for the next comparison."""
    by_id = {str(row["id"]): row for row in rows}
    return {s.id: (s.name, Seen.of(s, by_id.get(s.id))) for s in fleet.servers if s.id}


def notices(before: Reading, now: Reading, *, whole: bool) -> Sequence[Notice]:
    """What changed from *before* to *now*; only a *whole* reading shows that something is gone."""
    found = [notice for key in now for notice in _of_server(key, before, now)]
    if whole:
        found += [Notice("gone", name, key) for key, (name, _) in before.items() if key not in now]
    return found


def _of_server(key: str, before: Reading, now: Reading) -> Iterator[Notice]:
    name, seen = now[key]
    if key not in before:
        yield Notice("new", name, key, seen.phase)
        return
    _, was = before[key]
    if seen.phase == "failed" and (was.phase != "failed" or was.code != seen.code):
        yield Notice("failed", name, key, seen.code or "no code")
    if was.phase == "failed" and seen.phase not in ("failed", "unknown"):
        yield Notice("recovered", name, key, seen.phase)
    if seen.phase == "finished" and was.phase != "finished":
        yield Notice("finished", name, key)
    if seen.offline and was.offline is False:
        yield Notice("agent_gone", name, key)
    if seen.offline is False and was.offline:
        yield Notice("agent_back", name, key)
    if seen.pace == "stuck" and was.pace != "stuck":
        yield Notice("stuck", name, key)
    if seen.fits is False and was.fits is not False:
        yield Notice("misses_deadline", name, key)


def message_of(
    found: Sequence[Notice],
    at: datetime,
    account: str,
    incomplete: Sequence[str] = (),
    *,
    since: datetime | None = None,
) -> dict[str, Any]:
    """One message about one reading: a summary, each notice, and what could not be read.

    *since* is the reading that it was compared with.
    """
    names: dict[What, list[str]] = {}
    for notice in found:
        names.setdefault(notice.what, []).append(f'"{one_line(notice.name, 80)}"')
    parts = [
        f"{listed(each) if len(each) <= _NAMED else count_of(len(each), 'server')}"
        f" {_plural(what, len(each))}"
        for what, each in names.items()
    ]
    summary = f"{listed(parts)}." if parts else ""
    if incomplete:
        summary += " Part of the reading failed." if parts else "Not everything could be read."
    elif not parts:
        summary = "Everything could be read again."
    return {
        "summary": summary,
        "account": account,
        "observed_at": iso(at),
        **({"since": iso(since)} if since else {}),
        "notices": [notice.as_data() for notice in found],
        "incomplete": list(incomplete),
    }


def _plural(what: What, number: int) -> str:
    words = _WORDS[what]
    if number == 1:
        return words
    for one, many in _MANY:
        words = words.replace(one, many)
    return words
