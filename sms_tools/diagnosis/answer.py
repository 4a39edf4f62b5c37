"""The shape that all answers share: a summary, when it was seen, what to do next, what is left out.

An answer is drafted whole and then made to fit: lists lose rows from their end until the compact
JSON is within its bound, and what was left out is said with the way to get it.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sms_tools.diagnosis.question import Question
from sms_tools.operation import JSON, Kind, Operation
from sms_tools.wording import iso

__all__ = [
    "CONCISE_BYTES",
    "FULL_BYTES",
    "NONE_READ",
    "Action",
    "Draft",
    "Rows",
    "compact_bytes",
    "iso",
]

CONCISE_BYTES: Final = 8_000
"""The bound of a default answer, whatever the fleet's size."""
FULL_BYTES: Final = 64_000
"""The bound of an answer that was asked for in full."""
NONE_READ: Final = "nothing is known about any source server, not even whether there are any."
"""The rest of a summary where no server was read and the reading has gaps."""
_ROWS: Final = 20
_FULL_ROWS: Final = 200
_NESTED_KEEP: Final = 3
_ACTIONS: Final = 3
_INCOMPLETE: Final = 6
_PROJECTS: Final = 12


@dataclass(frozen=True, slots=True)
class Action:
    """A call that helps next: a tool that exists, with complete arguments, and why."""

    tool: str
    arguments: Mapping[str, JSON]
    why: str
    kind: Kind = Kind.READ

    @classmethod
    def of(cls, call: Operation[Any] | Question, why: str) -> "Action":
        """The action that makes *call*, whose arguments have been checked by its class."""
        arguments = call.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        if isinstance(call, Question):
            return cls(call.__tool__, arguments, why)
        return cls(call.__spec__.name, arguments, why, call.danger)

    def as_data(self) -> dict[str, Any]:
        """The action as it stands in an answer; a destructive one says so."""
        return {
            "tool": self.tool,
            "arguments": dict(self.arguments),
            "why": self.why,
            "destructive": self.kind not in (Kind.READ, Kind.WRITE),
        }


@dataclass
class Rows:
    """A list of an answer that may be shortened from its end.

    ``rows`` is the very list that stands in the answer's data; ``total`` is how many there are in
    all, shown or not. ``keep`` rows stay whatever the bound. ``inside`` is the row of another list
    that this one stands in: it counts as left out with that row.
    """

    what: str
    rows: list[Any]
    total: int
    how: str
    keep: int = 1
    inside: object = None

    @property
    def left_out(self) -> int:
        """How many rows the answer does not show."""
        return self.total - len(self.rows)


@dataclass
class Draft:
    """An answer being written.

    ``data`` is the answer's own part, in the order in which it is shown. ``actions`` are taken in
    order, three of them, each once. ``notes`` go into ``omitted`` as they are: what was left out
    for other reasons than room. ``incomplete`` says which parts of the reading failed, each as
    "operation: what is missing (why); what follows": the summary's first sentence speaks of them.
    """

    summary: str
    observed_at: datetime
    data: dict[str, JSON]
    actions: Sequence[Action] = ()
    lists: list[Rows] = field(default_factory=list)
    notes: Sequence[str] = ()
    incomplete: Sequence[str] = ()
    whole: bool = False
    """Whether nothing is left out for want of room: for a file, never for a conversation."""

    def page(
        self,
        what: str,
        every: Sequence[Any],
        *,
        limit: int | None = None,
        offset: int = 0,
        full: bool = False,
        keep: int = 1,
    ) -> list[Any]:
        """The rows of *every* that this answer shows, as a list that :meth:`fit` may shorten.

        To be put into ``data``. *limit* is 20 if not given, 200 in full.
        """
        size = len(every) if self.whole else limit or (_FULL_ROWS if full else _ROWS)
        rows = list(every[offset : offset + size])
        self.lists.append(Rows(what, rows, len(every), "", keep))
        return rows

    def part(
        self, what: str, every: Sequence[Any], size: int, how: str, *, inside: object = None
    ) -> list[Any]:
        """The first *size* rows of a lesser list; *how* says how to get the rest.

        A list inside of a row loses rows before any other does, down to three; another lesser
        list may lose them all.
        """
        rows = list(every if self.whole else every[:size])
        keep = _NESTED_KEEP if inside is not None else 0
        self.lists.append(Rows(what, rows, len(every), how, keep, inside))
        return rows

    def fit(self, *, offset: int = 0, full: bool = False) -> dict[str, Any]:
        """The answer within its bound: 8,000 bytes, or 64,000 in full."""
        if self.whole:
            return self.document(offset=offset, full=full)
        bound = FULL_BYTES if full else CONCISE_BYTES
        if not full and compact_bytes(self.document(offset=offset, full=full)) > bound:
            self._count_projects()
        while True:
            document = self.document(offset=offset, full=full)
            excess = compact_bytes(document) - bound
            if excess <= 0 or not self._shorten(excess):
                return document

    def _count_projects(self) -> None:
        """Say how many of the servers shown are in each project, instead of beside each of them.

        A row that would be left out for want of room says more than the project in the others.
        """
        counts: Counter[str] = Counter()
        for row in _naming(self.data):
            if isinstance(project := row.pop("project", None), str):
                counts[project] += 1
        if counts:
            self.data.setdefault("projects", dict(counts.most_common(_PROJECTS)))

    def document(self, *, offset: int = 0, full: bool = False) -> dict[str, Any]:
        actions: dict[str, dict[str, Any]] = {}
        for action in self.actions:
            shown = action.as_data()
            actions.setdefault(json.dumps([shown["tool"], shown["arguments"]]), shown)
        document: dict[str, Any] = {
            "summary": f"{lacking(self.incomplete)}{self.summary}{_as_of(self.observed_at)}",
            "observed_at": iso(self.observed_at),
            **self.data,
            "suggested_actions": list(actions.values())[:_ACTIONS],
            "omitted": self._omitted(offset, full),
        }
        if self.incomplete:
            document["incomplete"] = list(self.incomplete[:_INCOMPLETE])
        return document

    def _omitted(self, offset: int, full: bool) -> list[dict[str, JSON]]:
        told: dict[tuple[str, str], int] = {}
        for rows in self.lists:
            if rows.left_out > 0 and self._is_shown(rows):
                how = rows.how or _next_page(rows, offset, full)
                told[rows.what, how] = told.get((rows.what, how), 0) + rows.left_out
        left_out: list[dict[str, JSON]] = [
            {"what": what, "left_out": count, "how": how} for (what, how), count in told.items()
        ]
        return [*left_out, *({"what": note} for note in self.notes)]

    def _is_shown(self, rows: Rows) -> bool:
        """Whether the row that *rows* stands in is itself still there."""
        if rows.inside is None:
            return True
        return any(rows.inside is row for other in self.lists for row in other.rows)

    def _shorten(self, excess: int) -> bool:
        """Drop rows of the largest list; False when there is nothing left to drop."""
        able = [r for r in self.lists if len(r.rows) > r.keep and self._is_shown(r)]
        if not able:
            return False
        nested = [rows for rows in able if rows.inside is not None]
        largest = max(nested or able, key=lambda rows: compact_bytes(rows.rows))
        dropped = 0
        while dropped < excess and len(largest.rows) > largest.keep:
            dropped += compact_bytes(largest.rows.pop()) + 1
            if len(able) > 1 and dropped >= excess // 2:
                break  # look again which list is the largest now
        return True


_READ_BY: Final = {
    "list_source_servers": "the source servers",
    "list_migration_tasks": "the migration tasks",
    "list_failed_source_servers": "the service's list of errors",
    "list_templates": "the templates",
    "get_source_server": "the source server",
    "get_migration_task": "the task",
    "get_migration_options": "the options of tasks",
    "get_consistency_results": "the verifications",
}
_NOT_IN_THE_SUMMARY: Final = frozenset(
    {"samples", "get_migration_rate_limits", "list_migration_projects", "waves"}
)
"""What is not of the service, what only estimates rest on, each of which says so, and what is
missing in rows alone: in whose project a server is."""
_BRIEF: Final = re.compile(r" \(|; |\.( |$)")
_LACKS: Final = 3


def _as_of(moment: datetime) -> str:
    """When what a summary tells was read: a quoted sentence has to carry it along."""
    return f" (Read {moment:%Y-%m-%d %H:%M} UTC.)"


def lacking(gaps: Sequence[str]) -> str:
    """How a summary begins whose reading has *gaps*; empty where everything was read."""
    told = []
    for gap in gaps:
        operation, _, says = gap.partition(": ")
        if operation not in _NOT_IN_THE_SUMMARY:
            brief = _BRIEF.split(says or operation, maxsplit=1)[0]
            told.append(f"{_READ_BY.get(operation, operation)}: {brief}" if says else brief)
    if not told:
        return ""
    more = f"; and {len(told) - _LACKS} more" if len(told) > _LACKS else ""
    return f"Read in part, see incomplete ({'; '.join(told[:_LACKS])}{more}): "


def _naming(value: JSON) -> Iterator[dict[str, JSON]]:
    """Every object inside of *value* that names a server by name and id."""
    if isinstance(value, Mapping):
        if isinstance(value, dict) and {"name", "id"} <= value.keys():
            yield value
        for each in value.values():
            yield from _naming(each)
    elif isinstance(value, list):
        for each in value:
            yield from _naming(each)


def compact_bytes(value: JSON) -> int:
    """How many bytes *value* takes as compact JSON."""
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def _next_page(rows: Rows, offset: int, full: bool) -> str:
    shown_until = offset + len(rows.rows)
    if shown_until >= rows.total:
        return "offset=0 for those before"
    how = f"offset={shown_until} for the next"
    return how if full else f"{how}, detail=full for more at a time"
