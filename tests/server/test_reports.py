"""Reports through a real client: the sheet that is read back, the change record, the MIME types."""

import csv
import io
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client

from sms_tools.guard.answers import Answers
from sms_tools.remediation.report_forms import MIME
from sms_tools.sandbox import open_sandbox
from sms_tools.sandbox.scenarios.new_fleet import TEMPLATE_OF, TROUBLES

from .night import Night, call, planned, refuse, task_of

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["auto", "legacy"])
def night(request: pytest.FixtureRequest, tmp_path: Path) -> Night:
    return Night(tmp_path / "state", request.param)


async def read(client: Client, answer: dict[str, Any]) -> tuple[str, str | None]:
    """The report's text and MIME type, as a client reads the resource."""
    (content,) = (await client.read_resource(answer["uri"])).contents
    return content.text, content.mime_type  # type: ignore[union-attr]


@pytest.mark.parametrize("shape", MIME)
async def test_a_report_has_the_mime_type_of_its_form(night: Night, shape: str) -> None:
    async with night.client() as client:
        answer = await call(client, "export_report", kind="change_record", format=shape)
        text, mime = await read(client, answer)
        kept = await anyio.Path(answer["file"]).read_bytes()
    assert mime == {"md": "text/markdown", "csv": "text/csv", "html": "text/html"}[shape]
    assert text.encode() == kept


async def test_the_assessments_sheet_filled_in_is_what_plan_migration_reads_back(
    tmp_path: Path,
) -> None:
    night = Night(tmp_path / "state", "auto", scenario="new-fleet")
    night.sandbox = open_sandbox("new-fleet", 60, clock=night.clock, speed=1)
    async with night.client() as client:
        answer = await call(client, "export_report", kind="assessment", format="csv")
        text, _ = await read(client, answer)
        rows = list(csv.DictReader(io.StringIO(text.lstrip("\ufeff"))))
        assert {"server", "template", "group", "order", "limits", "exclude"} <= set(rows[0])
        for row in rows:  # what a team fills in: who goes first, and what nobody suggested
            row["group"], row["order"] = "all", "1"
        sheet = io.StringIO()
        writer = csv.DictWriter(sheet, list(rows[0]), delimiter=";")
        writer.writeheader()
        writer.writerows(rows)
        plan = await call(client, "plan_migration", csv=sheet.getvalue())
        again = await call(client, "export_report", kind="assessment", format="csv")
        text, _ = await read(client, again)
        kept = list(csv.DictReader(io.StringIO(text.lstrip("\ufeff"))))
        assert {(row["group"], row["order"]) for row in kept if row["verdict"] == "go"} == {
            ("all", "1")
        }, "what the sheet said is in the next one too"
    cloud = night.sandbox.cloud
    names = {key: project.fields["name"] for key, project in cloud.projects.items()}
    fit = [s for s in cloud.sources.values() if s.name not in TROUBLES]
    assert {names[s.project_id] for s in fit} == set(TEMPLATE_OF)
    assert plan["planned"] >= min(len(fit), 50)
    assert plan["rejected"] + plan["planned"] == len(rows)
    said = [each["what"] for each in plan["omitted"] if "Unknown columns" in each["what"]]
    assert len(said) == 1, "what the sheet says besides is reported, and kept out"
    assert "verdict" in said[0]
    assert "id" not in said[0].split(": ", 1)[1].split(", ")


async def test_of_two_servers_with_one_name_the_id_in_the_sheet_tells_which(
    tmp_path: Path,
) -> None:
    night = Night(tmp_path / "state", "auto", scenario="new-fleet")
    twins = [s for s in night.sandbox.cloud.sources.values() if s.name == "twin-01"]
    rows = [{"server": "twin-01", "id": each.id, "template": "datacentre"} for each in twins]
    async with night.client() as client:
        plan = await call(client, "plan_migration", rows=rows)
    assert {row["server"]["id"] for row in plan["rows"]} == {each.id for each in twins}
    assert plan["planned"] == 2


async def test_the_change_record_has_what_a_board_asks_for(night: Night) -> None:
    async with night.client() as client:
        plan_id = await planned(client, goal="clean_up", servers=["web-01"], soak_hours=0)
        await call(client, "apply_plan", plan_id=plan_id)
        night.say = refuse
        other = await planned(client, goal="clean_up", servers=["web-02"], soak_hours=0)
        await call(client, "apply_plan", plan_id=other)
        setting = {"config_key": "EXCLUDE_MIGRATE_PATH", "config_value": "/var/cache"}
        night.sandbox.cloud.tasks[task_of(night, "web-03")].options.append(setting)
        answer = await call(client, "export_report", kind="change_record")
        text, _ = await read(client, answer)
        head = await night.runtime.guard.audit.head()
    assert head.hash in text
    approvals = [line for line in text.splitlines() if plan_id in line and "agreed" in line]
    assert approvals, "who approved what"
    assert "done" in approvals[0], "what became of it"
    assert any(other in line and "declined" in line for line in text.splitlines())
    assert any("done and seen" in line and "web-01" in line for line in text.splitlines())
    assert any("web-03" in line and "/var/cache" in line for line in text.splitlines())
    assert any("made_target" in line for line in text.splitlines())
    vouched = text.split("## Who vouched", 1)[1].split("## Audit", 1)[0]
    assert "web-01" in vouched
    assert plan_id in vouched
    signs = text.split("| Name | Date |", 1)[1]
    assert "whether the target of web-02 boots and serves" in signs
    assert "whether databases are stopped, not only paused" in signs
    assert "RAID" in signs
    assert "Estimates and how they did" in text


async def test_an_answer_at_the_terminal_stands_in_the_record_before_it_is_used(
    night: Night,
) -> None:
    async with night.client(dialog=False) as client:
        plan_id = await planned(client, goal="clean_up", servers=["web-01"], soak_hours=0)
        held = await call(client, "apply_plan", plan_id=plan_id)
        guard = night.runtime.guard
        (approval,) = await guard.approvals.waiting()
        await Answers(guard.approvals, guard.audit).deny(approval, "command")
        text, _ = await read(client, await call(client, "export_report", kind="change_record"))
    assert held["status"] == "approval_required"
    line = next(line for line in text.splitlines() if "| denied |" in line)
    assert approval.id in line
    assert "command" in line
