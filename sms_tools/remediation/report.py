"""``export_report``: evidence for those who decide, as a file and as a resource.

The answers of the other questions, whole, as Markdown, CSV or HTML; the change record from the
audit, with the hash of its head. Nothing leaves that is a secret. The assessment's CSV is the sheet
that a team fills in: `plan_migration` reads it back.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import anyio.to_thread

from sms_tools.canonical import digest
from sms_tools.diagnosis.answer import Draft
from sms_tools.diagnosis.assessment import AssessSources
from sms_tools.diagnosis.failures import SummarizeFailedServers
from sms_tools.diagnosis.night import read_groups
from sms_tools.diagnosis.picture import Reading
from sms_tools.diagnosis.progress import SummarizeProgress
from sms_tools.diagnosis.question import Project, Question
from sms_tools.diagnosis.readiness import CheckCutoverReadiness
from sms_tools.errors import RequestRefused
from sms_tools.fleet.desk import Desk
from sms_tools.operation import JSON
from sms_tools.redaction import redact
from sms_tools.remediation.humane import fact, humane
from sms_tools.remediation.record import change_record
from sms_tools.remediation.report_forms import FORMS, MIME, Format, Report, Table, cell, row_of
from sms_tools.remediation.sheet import COLUMNS
from sms_tools.state import private_file, private_folder
from sms_tools.wording import count_of

Kind = Literal["assessment", "status", "readiness", "failures", "change_record"]

_FOLDER: Final = "reports"
_STEPS: Final = (
    "CREATE TABLE reports (account TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL,"
    " at INTEGER NOT NULL, PRIMARY KEY (account, name))",
)
_ID: Final = re.compile(r"R[0-9a-f]{16}\.(md|csv|html)")
_PAGE: Final = 1_000
_FIRST: Final = ("server", "id", "code", "count", "verdict", "template", "type", "project")
_SHEET_NAMES: Final = {"name": "server", "suggested_type": "type"}
"""What an assessment's row calls its cells, and what the sheet of a migration calls them."""


class ExportReport(Question):
    """Write a report (document, file, spreadsheet) on the migration to hand out to the boss,
    management, a change board or auditors (报告, 汇报, 文档, 导出): assessment, status, readiness,
    failures, or change_record (who approved what, and what became of it). Answers with a resource
    and a file.
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
        if self.kind == "change_record":
            report = await change_record(desk, self.project, drawn=self.format == "html")
        else:
            report = await self._asked(desk)
        clean: dict[str, Any] = redact(report.as_data(), desk.api.secret_values())
        text = FORMS[self.format](Report.from_data(clean))
        name = f"R{digest(text)[:16]}.{self.format}"  # the same report is the same file
        path = await anyio.to_thread.run_sync(_keep, _folder(desk), name, text)
        if desk.state.shared:
            await _keep_shared(desk, name, text)
        return Draft(
            summary=f"Report {self.kind}, {count_of(report.row_count, 'row')}: {report.summary}",
            observed_at=desk.now(),
            data={
                "kind": self.kind,
                "format": self.format,
                "uri": f"sms://reports/{name}",
                "file": str(path),
                "row_count": report.row_count,
            },
            incomplete=report.incomplete,
        ).fit()

    def _first(self, rows: Sequence[Mapping[str, JSON]]) -> Sequence[str]:
        """The columns that people look for first; of a sheet all that it may have, to fill in."""
        if self.kind == "assessment" and self.format == "csv":
            return COLUMNS
        there = {_SHEET_NAMES.get(name, name) for row in rows for name in row}
        return [name for name in _FIRST if name in there]

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
        rows: list[dict[str, JSON]] = []
        while True:
            asked = AssessSources(
                project=self.project, detail="full", limit=_PAGE, offset=len(rows)
            )
            answer = await asked.answer(desk)
            page = list(answer["servers"])
            rows += page
            left = [each for each in answer["omitted"] if each["what"] == "servers"]
            if not page or not any("for the next" in str(each.get("how")) for each in left):
                break
        gaps = list(answer.get("incomplete", ()))
        groups = await read_groups(desk, gaps)  # what an earlier sheet said is not lost in this one
        known = {key: group.as_data() for key, group in groups.items()}
        rows = [{**known.get(str(row["id"]), {}), **row} for row in rows]
        return {**answer, "servers": rows, **({"incomplete": gaps} if gaps else {})}

    async def _asked(self, desk: Desk) -> Report:
        """The question's answer with all of its rows, and with its drawings in HTML."""
        answer, reading = await self._read(desk)
        key = "groups" if self.kind == "failures" else "servers"
        rows: Sequence[Mapping[str, JSON]] = answer[key]
        told = {"summary", "observed_at", key, "suggested_actions", "omitted", "incomplete"}
        human = self.format == "html"
        facts = {
            name: cell(fact(value) if human else value)
            for name, value in answer.items()
            if name not in told
        }
        unseen = [str(each) for each in answer.get("not_checked", ())]
        facts.pop("not_checked", None)
        return Report(
            title=f"Server migration: {self.kind}",
            summary=str(answer["summary"]),
            observed_at=str(answer["observed_at"]),
            tables=[Table("", [_flat(humane(r) if human else r) for r in rows], self._first(rows))],
            facts=facts,
            to_sign=unseen,
            incomplete=list(answer.get("incomplete", ())),
            figures=_drawn(reading, rows) if human else (),
        )


def _drawn(reading: Reading | None, rows: Sequence[Mapping[str, JSON]]) -> Sequence[Sequence[str]]:
    """The drawings; the module that draws is loaded where something is drawn."""
    from sms_tools.remediation.figures import figures_of

    verdicts = Counter(str(row["verdict"]) for row in rows if row.get("verdict"))
    return [(each.title, each.svg, each.says) for each in figures_of(reading, verdicts)]


def _folder(desk: Desk) -> Path:
    """Where reports are kept: of several accounts each has its own."""
    folder = desk.state.folder / _FOLDER
    account = desk.api.settings.name
    return folder / account if account else folder


def _flat(row: Mapping[str, JSON]) -> dict[str, str]:
    named = {_SHEET_NAMES.get(key, key): value for key, value in row.items()}
    if isinstance(named.get("template"), Mapping):
        named["template"] = named["template"].get("name")
    return row_of(named)


def _keep(folder: Path, name: str, text: str) -> Path:
    path = private_folder(folder) / name
    private_file(path)
    path.write_text(text, encoding="utf-8", newline="")
    return path


async def _keep_shared(desk: Desk, name: str, text: str) -> None:
    """Where several servers share a state, each can read a report that one wrote."""
    desk.state.prepare("reports", _STEPS)
    row = (str(desk.api.settings.account), name, text, round(desk.now().timestamp()))
    statement = (
        "INSERT INTO reports VALUES (?, ?, ?, ?) ON CONFLICT (account, name)"
        " DO UPDATE SET at = excluded.at"
    )
    await desk.state.write(lambda database: database.execute(statement, row))


async def _read_shared(desk: Desk, name: str) -> str | None:
    desk.state.prepare("reports", _STEPS)
    query = "SELECT body FROM reports WHERE account = ? AND name = ?"
    values = (str(desk.api.settings.account), name)
    row = (await desk.state.read(lambda database: database.execute(query, values))).first
    return str(row["body"]) if row else None


def mime_of(name: str) -> str | None:
    """The MIME type of the report of this name; None where it is no report's."""
    found = _ID.fullmatch(name)
    forms: Mapping[str, str] = {str(form): mime for form, mime in MIME.items()}
    return forms[found[1]] if found else None


async def read_report(desk: Desk, name: str) -> str:
    """The text of a report that was written of this account.

    Raises:
        RequestRefused: there is none of this name.
    """
    path = _folder(desk) / name
    shared = await _read_shared(desk, name) if desk.state.shared else None
    if shared is not None:
        return shared
    if not _ID.fullmatch(name) or not path.is_file() or path.is_symlink():
        raise RequestRefused("There is no such report.", advice="export_report writes one.")
    return await anyio.to_thread.run_sync(lambda: path.read_bytes().decode("utf-8"))
