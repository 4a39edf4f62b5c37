"""export_report: every kind in every format, safe in a spreadsheet, read back as a sheet."""

import csv
import io
from collections import Counter
from collections.abc import Callable
from typing import Any, get_args

import pytest

from sms_tools.errors import RequestRefused
from sms_tools.guard.audit import Audit
from sms_tools.remediation.report import ExportReport, Kind, read_report
from sms_tools.remediation.report_forms import Format
from sms_tools.remediation.sheet import sheet_of_csv
from tests.bureau import Bureau

pytestmark = pytest.mark.anyio


async def written(place: Bureau, **asked: Any) -> str:
    answer = await place.ask(ExportReport(**asked))
    name = answer["uri"].removeprefix("sms://reports/")
    text = await read_report(place.desk, name)
    assert answer["file"].endswith(name)
    return text


@pytest.mark.parametrize("kind", get_args(Kind))
@pytest.mark.parametrize("shape", get_args(Format))
async def test_every_kind_is_written_in_every_format(
    bureau: Callable[..., Bureau], kind: str, shape: str
) -> None:
    assert len(await written(bureau("mixed"), kind=kind, format=shape)) > 30


async def test_the_assessments_sheet_has_every_server_and_is_read_back(
    bureau: Callable[..., Bureau],
) -> None:
    place = bureau("new-fleet", servers=150)
    sheet = sheet_of_csv(await written(place, kind="assessment", format="csv"))
    assert len(sheet.rows) == len(place.sandbox.cloud.sources)
    assert all(row.problems == () or row.problems == [] for row in sheet.rows)
    assert any(row.wish.template == "datacentre" for row in sheet.rows)


@pytest.mark.parametrize("shape", ["csv", "html", "md"])
async def test_a_strangers_name_runs_nowhere(bureau: Callable[..., Bureau], shape: str) -> None:
    place = bureau("new-fleet")
    name = "=cmd|<script>"
    next(iter(place.sandbox.cloud.sources.values())).name = name
    text = await written(place, kind="assessment", format=shape)
    assert "<script>" not in text or shape == "csv"
    if shape == "csv":
        cells = [cell for row in csv.reader(io.StringIO(text.lstrip("\ufeff"))) for cell in row]
        assert not [cell for cell in cells if cell[:1] in ("=", "+", "-", "@")]
        assert "'" + name in cells


async def test_the_change_record_names_the_head_of_the_audit(
    bureau: Callable[..., Bureau],
) -> None:
    place = bureau("mixed")
    audit = Audit(place.desk.state, place.desk.now)
    await audit.record("call", tool="delete_template", outcome="done", password="EXAMPLE-pass")
    text = await written(place, kind="change_record", format="md")
    assert (await audit.head()).hash in text
    assert "delete_template" in text
    assert "EXAMPLE-pass" not in text


async def test_the_change_record_draws_what_was_done_once_anything_was(
    bureau: Callable[..., Bureau],
) -> None:
    place = bureau("mixed")
    drawn = "What was done, and when"
    assert drawn not in await written(place, kind="change_record", format="html")
    audit = Audit(place.desk.state, place.desk.now)
    await audit.record("call", tool="delete_template")
    assert drawn not in await written(place, kind="change_record", format="html")
    await audit.record("outcome", tool="delete_template", outcome="done")
    page = await written(place, kind="change_record", format="html")
    assert "delete_template" in page[page.index(drawn) :]
    marks = page.split("<svg")[-1].split("</svg>")[0]
    assert ("✓" in marks, "✕" in marks) == (True, False)


@pytest.mark.parametrize("name", ["../audit.jsonl", "R0123456789abcdef.md", "x", ""])
async def test_only_reports_are_read(bureau: Callable[..., Bureau], name: str) -> None:
    with pytest.raises(RequestRefused):
        await read_report(bureau("mixed").desk, name)


async def test_the_course_of_the_copies_is_drawn_from_the_second_reading_on(
    bureau: Callable[..., Bureau],
) -> None:
    place = bureau("mixed")
    once = "read together only once, so there is nothing to draw yet"
    assert once in await written(place, kind="status", format="html")
    for _ in range(3):
        place.clock.advance(1800)
        page = await written(place, kind="status", format="html")
    assert once not in page
    assert "The fan leads to the end of the slowest" in page


async def test_a_page_is_for_eyes_and_a_sheet_for_programs(
    bureau: Callable[..., Bureau],
) -> None:
    place = bureau("mixed")
    page = await written(place, kind="status", format="html")
    sheet = await written(place, kind="status", format="csv")
    assert "<td>342 GiB</td>" in page
    assert "<i>copied percent:</i>" in page
    assert "done_bytes" not in page
    assert "367391500000" not in page
    assert ",done_bytes,total_bytes,copied_percent," in sheet
    assert ",367391500000," in sheet
    gates = await written(place, kind="readiness", format="html")
    assert "The state is not syncing." in gates
    assert "earliest minutes: " in gates
    assert "earliest_minutes" not in gates
    assert "The stage is continuous sync." not in gates  # it passes
    assert "<i>gates:</i>" not in gates
    every = await written(place, kind="readiness", format="csv")
    assert "The stage is continuous sync." in every
    assert ",gates,findings," in every
    grid = gates[gates.index("Gates before a launch") :]
    rows = list(csv.DictReader(io.StringIO(every.lstrip("\ufeff"))))
    names = Counter(row["server"] for row in rows)
    at = {row["server"]: grid.index(f">{row['server']}<") for row in rows}
    ready = [row["server"] for row in rows if row["verdict"] == "ready"]
    other = [row["server"] for row in rows if row["verdict"] == "not_ready"]
    assert max(at[name] for name in ready) < min(
        at[name] for name in other if names[name] == 1
    )  # the readiest first
