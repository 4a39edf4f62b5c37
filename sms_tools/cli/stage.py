"""What the demo plays on: real calls to the server, shown as they are made, and their replies.

Every call is shown with its arguments; of every reply it is said how large it was and what of it
is on the screen.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from mcp import Client
from mcp_types import CallToolResult

from sms_tools.cli.person import Person
from sms_tools.cli.screen import Screen
from sms_tools.errors import SmsToolsError
from sms_tools.operation import JSON
from sms_tools.text import one_line

Cell = Callable[[Mapping[str, Any]], JSON]

_NAMES: Final = 3
_BAR: Final = 24
_COLOURS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("failed", "inconsistent", "not_ready", "unavailable", "misses"), "red"),
    **dict.fromkeys(("warning", "partial", "stale", "never", "unreadable", "tight"), "yellow"),
    **dict.fromkeys(("paused", "not_confirmed", "unknown", "cannot_tell"), "yellow"),
    **dict.fromkeys(("finished", "clean", "ready", "fits"), "green"),
}


class DemoError(SmsToolsError):
    """The conversation cannot go on."""


@dataclass
class Reply:
    """What a call came back with."""

    tool: str
    data: Mapping[str, Any]
    size: int
    """Bytes of the whole reply's text."""
    seconds: float
    refused: bool = False
    """Whether the server calls it an error."""
    shown: list[str] = field(default_factory=list)
    """Which parts of it are on the screen."""

    def rows(self, key: str) -> Sequence[Mapping[str, Any]]:
        """The objects in the list *key*; none if there is no such list."""
        found = self.data.get(key)
        return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []

    def counts(self, key: str) -> Mapping[str, int]:
        """The numbers in the object *key* that are not 0, largest first."""
        found = self.data.get(key)
        whole = found if isinstance(found, dict) else {}
        counts = {name: n for name, n in whole.items() if isinstance(n, int) and n}
        return dict(sorted(counts.items(), key=lambda each: -each[1]))

    @property
    def observed_at(self) -> datetime:
        """When the service was looked at, by its own clock."""
        try:
            return datetime.fromisoformat(str(self.data.get("observed_at")))
        except ValueError:
            return datetime.now(UTC)


@dataclass
class Stage:
    """One client, one screen, one person."""

    client: Client
    screen: Screen
    person: Person
    scenes: int = 0

    async def scene(self, question: str) -> None:
        """A person asks: the next part of the conversation."""
        if self.scenes:
            await self.person.read()
        self.scenes += 1
        self.screen.line()
        self.screen.say(question, "bold", "cyan", first=f"{self.scenes}. ")

    def aside(self, text: str, *styles: str) -> None:
        """The demo speaks about what is seen."""
        self.screen.say(text, *(styles or ("dim",)), indent=3)

    async def call(self, tool: str, arguments: Mapping[str, JSON] | None = None) -> Reply:
        """Make the call; show it and the summary of its reply.

        Raises:
            DemoError: the server has no answer to it.
        """
        arguments = dict(arguments or {})
        self.screen.say(f"{tool} {_json(arguments)}", "blue", first="   → ")
        reply = await self.ask(tool, arguments)
        if reply.refused:
            raise DemoError(f"{tool} could not be answered: {_said(reply)}")
        if summary := reply.data.get("summary"):
            reply.shown.append("the summary")
            self.screen.say(str(summary), first="   ← ")
        return reply

    async def refused_call(self, tool: str, arguments: Mapping[str, JSON]) -> Reply:
        """Make a call that the server is to refuse, and show its words."""
        self.screen.say(f"{tool} {_json(dict(arguments))}", "blue", first="   → ")
        reply = await self.ask(tool, dict(arguments))
        self.screen.say(_said(reply), "red" if reply.refused else "yellow", first="   ← ")
        reply.shown.append("the summary")
        return reply

    async def ask(self, tool: str, arguments: Mapping[str, JSON]) -> Reply:
        """Make the call without showing anything."""
        began = time.monotonic()
        result = await self.client.call_tool(
            tool, dict(arguments), progress_callback=self._progress
        )
        text = _text(result)
        data = result.structured_content
        return Reply(
            tool=tool,
            data=data if isinstance(data, dict) else {"summary": text},
            size=len(text.encode()),
            seconds=time.monotonic() - began,
            refused=result.is_error,
        )

    async def _progress(self, progress: float, total: float | None, message: str | None) -> None:
        of = f"/{total:g}" if total else ""
        self.aside(f"… {progress:g}{of} {one_line(message or '', 200)}")

    def table(
        self,
        reply: Reply,
        key: str,
        columns: Mapping[str, Cell],
        *,
        most: int = 5,
        rows: Sequence[Mapping[str, Any]] | None = None,
        numbers: Sequence[str] = (),
    ) -> None:
        """The first *most* rows of the list *key* (or *rows*, chosen from it) as a table."""
        every = reply.rows(key)
        chosen = (every if rows is None else rows)[:most]
        if not chosen:
            return
        cells = [[shown(column(row)) for column in columns.values()] for row in chosen]
        self.screen.line()
        self.screen.table(list(columns), cells, indent=5, numbers=numbers)
        reply.shown.append(f"{len(chosen)} of {len(every)} {key}")

    def bars(self, reply: Reply, key: str) -> None:
        """The counts under *key*, each with a bar."""
        counts = reply.counts(key)
        if not counts:
            return
        longest, largest = max(map(len, counts)), max(counts.values())
        self.screen.line()
        for name, count in counts.items():
            bar = "█" * max(1, round(_BAR * count / largest))
            styles = (_COLOURS.get(name, "blue"),)
            self.screen.line(f"     {name:{longest}} {count:4}  {self.screen.paint(bar, *styles)}")
        reply.shown.append(key)

    def fact(self, label: str, value: JSON) -> None:
        """One line of a reply beside its label."""
        if value not in (None, "", [], {}):
            self.screen.say(shown(value), first=f"     {label:12} ")

    def size(self, reply: Reply) -> None:
        """How large the reply was, and how much of it was shown."""
        parts = ", ".join(reply.shown) or "nothing of it"
        self.screen.line()
        self.aside(f"The reply: {reply.size:,} bytes after {reply.seconds:.1f} s. Shown: {parts}.")


def shown(value: JSON) -> str:
    """A value of a reply, short enough for a cell."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, dict):
        return shown(value.get("name") or value.get("id") or _json(value))
    if isinstance(value, list):
        more = f" +{len(value) - _NAMES}" if len(value) > _NAMES else ""
        return ", ".join(map(shown, value[:_NAMES])) + more
    return one_line(str(value), 400)


def field_of(*path: str) -> Cell:
    """A cell with the value at *path*, or nothing if it leads nowhere."""

    def cell(row: Mapping[str, Any]) -> JSON:
        found: Any = row
        for key in path:
            found = found.get(key) if isinstance(found, dict) else None
        return found

    return cell


def _said(reply: Reply) -> str:
    return one_line(str(reply.data.get("summary") or _json(dict(reply.data))), 600)


def _text(result: CallToolResult) -> str:
    return "\n".join(getattr(part, "text", "") for part in result.content)


def _json(value: JSON) -> str:
    return json.dumps(value, ensure_ascii=False)
