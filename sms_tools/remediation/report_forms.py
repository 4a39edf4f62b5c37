"""What a report holds, and its three forms: Markdown, CSV, HTML.

Every value is text. No cell of a CSV runs in a spreadsheet, nothing in a name is markup.
"""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any, Final, Literal

from sms_tools.operation import JSON
from sms_tools.text import guarded, one_line

Format = Literal["md", "csv", "html"]

MIME: Final[Mapping[Format, str]] = {"md": "text/markdown", "csv": "text/csv", "html": "text/html"}
_LONGEST_CELL: Final = 2_000
_SIGN: Final = ("To be settled by a person", "Name", "Date")


@dataclass(frozen=True)
class Table:
    """Rows under a title."""

    title: str
    rows: Sequence[Mapping[str, str]]
    first: Sequence[str] = ()
    """The columns that come first, whether or not a row has them."""

    @property
    def columns(self) -> Sequence[str]:
        """Its columns, in order."""
        return list(dict.fromkeys([*self.first, *(name for row in self.rows for name in row)]))

    @property
    def cells(self) -> Sequence[Sequence[str]]:
        """Its rows as cells, in the order of its columns."""
        return [[row.get(name, "") for name in self.columns] for row in self.rows]

    def as_data(self) -> dict[str, Any]:
        """The table as plain data."""
        return {
            "title": self.title,
            "rows": [dict(row) for row in self.rows],
            "first": list(self.first),
        }


@dataclass(frozen=True)
class Report:
    """What is written, whatever the form."""

    title: str
    summary: str
    observed_at: str
    tables: Sequence[Table]
    """The first is the main one; as CSV, several are one table with a column ``section``."""
    facts: Mapping[str, str] = field(default_factory=dict)
    to_sign: Sequence[str] = ()
    """What nobody could see from here: each with a line for a name and a date."""
    incomplete: Sequence[str] = ()
    figures: Sequence[Sequence[str]] = ()
    """Drawings for HTML: each a title, an SVG, and what has to be known to read it."""

    @property
    def row_count(self) -> int:
        """Rows of the main table."""
        return len(self.tables[0].rows) if self.tables else 0

    def as_data(self) -> dict[str, Any]:
        """The report as plain data, as :meth:`from_data` takes it."""
        return {**vars(self), "tables": [table.as_data() for table in self.tables]}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "Report":
        """The report that :meth:`as_data` gave."""
        return cls(**{**data, "tables": [Table(**table) for table in data["tables"]]})


def cell(value: JSON) -> str:
    """A value as one cell of text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        parts = [f"{key}: {cell(each)}" for key, each in value.items() if each not in (None, "")]
        return one_line("; ".join(parts), _LONGEST_CELL)
    if isinstance(value, list | tuple):
        return one_line(" | ".join(cell(each) for each in value), _LONGEST_CELL)
    return one_line(str(value), _LONGEST_CELL)


def row_of(values: Mapping[str, JSON]) -> dict[str, str]:
    """A row of cells."""
    return {key: cell(value) for key, value in values.items()}


def as_csv(report: Report) -> str:
    """One table; of several, each row names its section, and what is to be signed is one too."""
    table = report.tables[0] if report.tables else Table("", [])
    if len(report.tables) > 1:
        rows = [{"section": each.title, **row} for each in report.tables for row in each.rows]
        rows += [{"section": "facts", "fact": k, "value": v} for k, v in report.facts.items()]
        rows += [
            {"section": _SIGN[0], "to_sign": each, "name": "", "date": ""}
            for each in report.to_sign
        ]
        table = Table("", rows, ("section",))
    sheet = io.StringIO()
    writer = csv.writer(sheet)
    writer.writerow(table.columns or [guarded(report.summary)])
    for row in table.cells:
        writer.writerow([guarded(each) for each in row])
    return "\ufeff" + sheet.getvalue()


def as_md(report: Report) -> str:
    """Markdown, with a table a section."""

    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(escape(c, quote=False).replace("|", "\\|") for c in cells) + " |"

    def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
        return "\n".join([line(head), line(["---"] * len(head)), *map(line, rows)])

    parts = [
        f"# {report.title}",
        escape(report.summary, quote=False),
        f"Read: {report.observed_at}",
    ]
    parts += [f"**Not read:** {escape(each, quote=False)}" for each in report.incomplete]
    parts += ["\n".join(f"- {k}: {escape(v, quote=False)}" for k, v in report.facts.items())]
    for each in report.tables:
        parts.append(f"## {each.title}" if each.title else "")
        parts.append(table(each.columns, each.cells) if each.rows else "None.")
    if report.to_sign:
        parts.append(table(_SIGN, [[each, "", ""] for each in report.to_sign]))
    return "\n\n".join(part for part in parts if part) + "\n"


def as_html(report: Report) -> str:
    """One page without scripts or links, with the drawings; A4 in print."""
    from sms_tools.drawing import document  # only what is looked at draws

    return document.document(
        report.title,
        report.summary,
        report.observed_at,
        gaps=report.incomplete,
        figures=[document.Figure(*each) for each in report.figures],
        facts=report.facts,
        tables=[document.Table(t.title, t.columns, t.rows) for t in report.tables],
        to_sign=(_SIGN, report.to_sign),
    )


FORMS: Final[Mapping[Format, Callable[[Report], str]]] = {
    "md": as_md,
    "csv": as_csv,
    "html": as_html,
}
