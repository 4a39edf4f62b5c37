"""``export_report``: evidence for those who decide, as a file and as a resource.

The answers of the other questions, whole, as Markdown, CSV or HTML; the change record from the
audit, with the hash of its head. Nothing leaves that is a secret; no cell of a CSV runs in a
spreadsheet.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any, Final, Literal

import anyio.to_thread

from sms_tools.canonical import digest
from sms_tools.diagnosis.answer import Draft
from sms_tools.diagnosis.assessment import AssessSources
from sms_tools.diagnosis.failures import SummarizeFailedServers
from sms_tools.diagnosis.picture import Reading
from sms_tools.diagnosis.progress import SummarizeProgress
from sms_tools.diagnosis.question import Project, Question
from sms_tools.diagnosis.readiness import CheckCutoverReadiness
from sms_tools.errors import RequestRefused
from sms_tools.fleet.desk import Desk
from sms_tools.guard.audit import Audit
from sms_tools.operation import JSON
from sms_tools.redaction import redact
from sms_tools.state import private_file, private_folder
from sms_tools.text import guarded, one_line
from sms_tools.wording import count_of, iso, size

Kind = Literal["assessment", "status", "readiness", "failures", "change_record"]
Format = Literal["md", "csv", "html"]

_FOLDER: Final = "reports"
_ID: Final = re.compile(r"R[0-9a-f]{16}\.(md|csv|html)")
_PAGE: Final = 1_000
_LONGEST_CELL: Final = 2_000
_FIRST: Final = ("server", "id", "code", "count", "verdict", "template", "type", "project")
_ASSESSMENT_NAMES: Final = {"name": "server", "suggested_type": "type"}
_AUDIT: Final = ("time", "event", "account", "caller", "tool", "plan_id", "outcome")


class ExportReport(Question):
    """Write a report on the server migration for a file or a change board: assessment, status,
    readiness, failures, or change_record (who approved what, and what became of it). Answers with
    a resource and a file.
    """

    kind: Kind = "status"
    format: Format = "md"
    project: Project = None

    async def answer(self, desk: Desk) -> dict[str, Any]:
        """The report's resource and file, and what it holds in a sentence.

        Raises:
            StateError, OSError: it cannot be written.
            SmsToolsError: what it is about could not be read.
        """
        report = await (
            _record(desk, drawn=self.format == "html")
            if self.kind == "change_record"
            else self._asked(desk)
        )
        clean: dict[str, Any] = redact(report.as_data(), desk.api.secret_values())
        text = _WRITERS[self.format](Report(**clean))
        name = f"R{digest(text)[:16]}.{self.format}"  # the same report is the same file
        path = await anyio.to_thread.run_sync(_keep, desk.state.folder / _FOLDER, name, text)
        return Draft(
            summary=f"Report {self.kind}, {count_of(len(report.rows), 'row')}: {report.summary}",
            observed_at=desk.now(),
            data={
                "kind": self.kind,
                "format": self.format,
                "uri": f"sms://reports/{name}",
                "file": str(path),
                "row_count": len(report.rows),
            },
            incomplete=report.incomplete,
        ).fit()

    async def _read(self, desk: Desk) -> tuple[dict[str, Any], Reading | None]:
        """The answer of the question that this report is about, whole, and what it was read from.

        One reading serves table and drawings: they cannot disagree.
        """
        match self.kind:
            case "status":
                status = SummarizeProgress(project=self.project, detail="full")
                progress = await status.read(desk)
                return status.told(progress, whole=True), progress
            case "failures":
                failed = SummarizeFailedServers(project=self.project, detail="full")
                failures = await failed.read(desk)
                return failed.told(failures, whole=True), failures
            case "readiness":
                ready = CheckCutoverReadiness(project=self.project, detail="full")
                readings = await ready.read(desk)
                return ready.told(readings, whole=True), readings
            case _:
                return await self._assessment(desk), None

    async def _assessment(self, desk: Desk) -> dict[str, Any]:
        """The assessment with all of its rows, page by page."""
        rows: list[JSON] = []
        while True:
            asked = AssessSources(
                project=self.project, detail="full", limit=_PAGE, offset=len(rows)
            )
            answer = await asked.answer(desk)
            page = list(answer["servers"])
            rows += page
            left = [each for each in answer["omitted"] if each["what"] == "servers"]
            if not page or not any("for the next" in str(each.get("how")) for each in left):
                return {**answer, "servers": rows}

    async def _asked(self, desk: Desk) -> "Report":
        """The question's answer with all of its rows, and with its drawings in HTML."""
        answer, reading = await self._read(desk)
        key = "groups" if self.kind == "failures" else "servers"
        told = {"summary", "observed_at", key, "suggested_actions", "omitted", "incomplete"}
        human = self.format == "html"
        facts = {
            name: _cell(_humane(value, inside=True) if human else value)
            for name, value in answer.items()
            if name not in told
        }
        unseen = [str(each) for each in answer.get("not_checked", ())]
        facts.pop("not_checked", None)
        return Report(
            title=f"Server migration: {self.kind}",
            summary=str(answer["summary"]),
            observed_at=str(answer["observed_at"]),
            rows=[_flat(_humane(row) if human else row) for row in answer[key]],
            facts=facts,
            to_sign=unseen,
            incomplete=list(answer.get("incomplete", ())),
            figures=_drawn(reading, answer[key]) if human else (),
        )


def _drawn(reading: Reading | None, rows: Sequence[JSON]) -> Sequence[Sequence[str]]:
    """The drawings; the module that draws is loaded where something is drawn."""
    from sms_tools.remediation.figures import figures_of

    verdicts = Counter(row["verdict"] for row in rows if row.get("verdict"))
    return [(each.title, each.svg, each.says) for each in figures_of(reading, verdicts)]


@dataclass(frozen=True)
class Report:
    """What is written, whatever the format. Every value is text."""

    title: str
    summary: str
    observed_at: str
    rows: Sequence[Mapping[str, str]]
    facts: Mapping[str, str] = field(default_factory=dict)
    to_sign: Sequence[str] = ()
    """What nobody could see from here: each with a line for a name and a date."""
    incomplete: Sequence[str] = ()
    figures: Sequence[Sequence[str]] = ()
    """Drawings for HTML: each a title, an SVG, and what has to be known to read it."""

    def as_data(self) -> dict[str, Any]:
        """The report as plain data."""
        return {**vars(self), "rows": [dict(row) for row in self.rows]}

    @property
    def columns(self) -> Sequence[str]:
        """The columns of the table: those that people look for first."""
        names = list(dict.fromkeys(name for row in self.rows for name in row))
        return sorted(names, key=lambda n: _FIRST.index(n) if n in _FIRST else len(_FIRST))


async def _record(desk: Desk, *, drawn: bool) -> Report:
    from sms_tools.remediation.figures import of_record

    audit = Audit(desk.state, desk.now)
    entries, head, found = await audit.read(), await audit.head(), await audit.verify()
    rows = []
    for entry in entries:
        row = {name: _cell(entry.get(name)) for name in _AUDIT}
        more = {k: v for k, v in entry.items() if k not in (*_AUDIT, "previous")}
        rows.append({**row, "details": _cell(more)})
    whole = "whole" if not found.problems else "NOT whole: " + "; ".join(found.problems[:5])
    return Report(
        title="Server migration: change record",
        summary=f"The audit has {count_of(head.lines, 'line')} and is {whole}.",
        observed_at=iso(desk.now()),
        rows=rows,
        facts={"audit_lines": str(head.lines), "audit_head": head.hash},
        figures=[(f.title, f.svg, f.says) for f in of_record(entries)] if drawn else (),
    )


def _humane(value: JSON, *, inside: bool = False) -> JSON:
    """*value* for somebody who looks: sizes with units, and of gates only what does not pass.

    The drawing has every gate; sentences on what passes would hide the one on what does not.
    """
    if isinstance(value, list):
        return [_humane(each, inside=True) for each in value]
    if not isinstance(value, Mapping):
        return value
    found: dict[str, JSON] = {}
    for key, each in value.items():
        name = key.replace("_", " ") if inside else key
        if key == "findings" and isinstance(each, Mapping):
            found[name] = {k: v["says"] for k, v in each.items() if v["verdict"] != "pass"}
        elif key.endswith("_bytes") and not isinstance(each, Mapping):
            found[name.removesuffix("bytes").strip("_ ")] = None if each is None else size(each)
        elif key != "gates" or "findings" not in value:
            found[name] = _humane(each, inside=True)
    return found


def _flat(row: Mapping[str, JSON]) -> dict[str, str]:
    named = {_ASSESSMENT_NAMES.get(key, key): value for key, value in row.items()}
    if isinstance(named.get("template"), Mapping):
        named["template"] = named["template"].get("name")
    return {key: _cell(value) for key, value in named.items()}


def _cell(value: JSON) -> str:
    """A value as one cell of text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        parts = [f"{key}: {_cell(each)}" for key, each in value.items() if each not in (None, "")]
        return one_line("; ".join(parts), _LONGEST_CELL)
    if isinstance(value, list | tuple):
        return one_line(" | ".join(_cell(each) for each in value), _LONGEST_CELL)
    return one_line(str(value), _LONGEST_CELL)


def _as_csv(report: Report) -> str:
    sheet = io.StringIO()
    writer = csv.writer(sheet)
    writer.writerow(report.columns or [guarded(report.summary)])
    for row in report.rows:
        writer.writerow([guarded(row.get(name, "")) for name in report.columns])
    return "\ufeff" + sheet.getvalue()


def _as_md(report: Report) -> str:
    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(escape(c, quote=False).replace("|", "\\|") for c in cells) + " |"

    parts = [
        f"# {report.title}",
        escape(report.summary, quote=False),
        f"Read: {report.observed_at}",
    ]
    parts += [f"**Not read:** {escape(each, quote=False)}" for each in report.incomplete]
    parts += ["\n".join(f"- {k}: {escape(v, quote=False)}" for k, v in report.facts.items())]
    if report.rows:
        cells = [[row.get(name, "") for name in report.columns] for row in report.rows]
        head = [line(report.columns), line(["---"] * len(report.columns))]
        parts.append("\n".join([*head, *map(line, cells)]))
    if report.to_sign:
        rows = [line([each, "", ""]) for each in report.to_sign]
        head = [line(["Not checked from here", "Name", "Date"]), line(["---"] * 3)]
        parts.append("\n".join([*head, *rows]))
    return "\n\n".join(part for part in parts if part) + "\n"


def _as_html(report: Report) -> str:
    from sms_tools.drawing.document import Figure, Table, document  # only what is looked at draws

    return document(
        report.title,
        report.summary,
        report.observed_at,
        gaps=report.incomplete,
        figures=[Figure(*each) for each in report.figures],
        facts=report.facts,
        table=Table(report.columns, report.rows),
        to_sign=report.to_sign,
    )


_WRITERS: Final = {"md": _as_md, "csv": _as_csv, "html": _as_html}


def _keep(folder: Path, name: str, text: str) -> Path:
    path = private_folder(folder) / name
    private_file(path)
    path.write_text(text, encoding="utf-8", newline="")
    return path


async def read_report(folder: Path, name: str) -> str:
    """The text of a report that was written.

    Raises:
        RequestRefused: there is none of this name.
    """
    path = folder / _FOLDER / name
    if not _ID.fullmatch(name) or not path.is_file() or path.is_symlink():
        raise RequestRefused("There is no such report.", advice="export_report writes one.")
    return await anyio.to_thread.run_sync(lambda: path.read_text(encoding="utf-8"))
