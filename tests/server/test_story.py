"""The whole migration, told once: forty servers from their registration to the change record.

Everything goes over the public surface, as an assistant would do it; a person fills in the sheet,
reads every dialog and types what it asks for. What nobody can automate is done beside it: the
firewall is opened, rsync is installed, the targets are looked at. Each plan asks once; the server
is started anew in the middle of setting up and of launching.
"""

import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from mcp import Client
from mcp_types import ElicitResult

from sms_tools.sandbox import open_sandbox
from sms_tools.sandbox.scenarios.whole_wave import CLOSED_NETWORK, REPAIRED, TEMPLATE_OF, WAVE

from .night import Night, agree, call

pytestmark = pytest.mark.anyio

SERVERS: Final = 40
LINE: Final = 400
DATABASES: Final = ("shop-db-01",)


class Reader:
    """A person who reads every dialog before typing what it asks for."""

    def __init__(self) -> None:
        self.read: list[str] = []

    def __call__(self, message: str) -> ElicitResult:
        assert "How it ends" in message, "every plan says how it ends"
        self.read.append(message)
        return agree(message)


class Story:
    """The client of the moment, and what a person knows."""

    def __init__(self, folder: Path) -> None:
        self.person = Reader()
        self.night = Night(folder, "auto", scenario="whole-wave", say=self.person)
        self.night.sandbox = open_sandbox("whole-wave", SERVERS, clock=self.night.clock, speed=1)
        self.night.counts_waits = True  # a run is no longer than a client waits
        self.plans: list[str] = []

    @property
    def cloud(self) -> Any:
        return self.night.sandbox.cloud

    def at(self, hours: float) -> str:
        return (
            datetime.fromtimestamp(self.night.clock(), UTC) + timedelta(hours=hours)
        ).isoformat()

    def names(self, **wanted: str) -> set[str]:
        rows = [self.cloud.show_source(key) for key in list(self.cloud.sources)]
        return {r["name"] for r in rows if all(r[key] == value for key, value in wanted.items())}

    async def applied(self, plan: dict[str, Any], *, restarts: bool = False) -> dict[str, Any]:
        """Apply *plan* to its end; with *restarts* each run has a server of its own."""
        self.plans.append(plan["plan_id"])
        runs = 0
        while True:
            runs += 1
            assert runs < 120, "it never ends"
            async with self.night.client() as client:
                answer = await call(client, "apply_plan", plan_id=plan["plan_id"])
                while answer["status"] == "partly_done" and not restarts:
                    if "apply_plan" not in {a["tool"] for a in answer["suggested_actions"]}:
                        return answer
                    runs += 1
                    assert runs < 120, "it never ends"
                    answer = await call(client, "apply_plan", plan_id=plan["plan_id"])
            tools = {action["tool"] for action in answer["suggested_actions"]}
            if answer["status"] != "partly_done" or "apply_plan" not in tools:
                assert restarts is False or runs > 1, "it was interrupted"
                return answer

    async def until(self, hours: float, wanted: set[str]) -> None:
        """Let time pass until the copies of *wanted* are done, looking as an assistant would."""
        async with self.night.client() as client:
            for _ in range(int(hours)):
                self.night.clock.advance(3600)
                await call(client, "summarize_progress", project=WAVE)
                if wanted <= self.names(state="syncing"):
                    return
        raise AssertionError(
            f"not done after {hours} hours: {wanted - self.names(state='syncing')}"
        )


async def report(client: Client, **asked: Any) -> str:
    answer = await call(client, "export_report", **asked)
    (content,) = (await client.read_resource(answer["uri"])).contents
    text: str = content.text  # type: ignore[union-attr]
    return text


def filled_in(text: str) -> str:
    """What the team makes of the assessment's sheet in a spreadsheet: groups, order, exclusions."""
    rows = list(csv.DictReader(io.StringIO(text.lstrip("\ufeff"))))
    for row in rows:
        database = row["server"] in DATABASES
        row["group"], row["order"] = ("databases", "1") if database else ("applications", "2")
        row["template"] = TEMPLATE_OF.get(row["server"], "shop-web")
        row["consistency"] = "yes"
        row["exclude"] = "/var/cache|/tmp" if row["server"] == "shop-web-01" else ""
    sheet = io.StringIO()
    writer = csv.DictWriter(sheet, list(rows[0]), delimiter=";")
    writer.writeheader()
    writer.writerows(rows)
    return sheet.getvalue()


def shown(answer: dict[str, Any], key: str = "servers") -> Sequence[dict[str, Any]]:
    rows: Sequence[dict[str, Any]] = answer[key]
    return rows


async def test_forty_servers_from_registration_to_report_with_one_consent_a_plan(
    tmp_path: Path,
) -> None:
    story = Story(tmp_path / "state")
    night, cloud = story.night, story.cloud

    # They register, and are assessed; one lacks rsync, and somebody installs it.
    async with night.client() as client:
        early = await call(client, "assess_sources", project=WAVE, limit=200, detail="full")
        wrong = {r["name"] for r in shown(early) if r["verdict"] == "repair_first"}
        assert wrong == {REPAIRED}
    night.clock.advance(2 * 3600 + 300)
    async with night.client() as client:
        fit = await call(client, "assess_sources", project=WAVE)
        assert fit["verdicts"]["go"] + fit["verdicts"]["unknown"] == SERVERS
        sheet = filled_in(await report(client, kind="assessment", format="csv", project=WAVE))

        # Scheduled, and set up with its limits and started: one sheet, one plan, one consent.
        wave = await call(
            client, "schedule_wave", project=WAVE, line_mbit_s=LINE, deadline=story.at(72)
        )
        assert wave["limits"]
        assert wave["to_do"]
        plan = await call(
            client, "plan_migration", csv=sheet, defaults={"limits": wave["limits"]}, start=True
        )
        assert plan["planned"] == SERVERS, plan["rows"]
        assert plan["billed"]["made_target"] == SERVERS
    await story.applied(plan, restarts=True)
    assert f"type: start {SERVERS}" in story.person.read[-1]
    assert sorted(t.source.name for t in cloud.tasks.values()) == sorted(
        s.name for s in cloud.sources.values()
    ), "every server has one task, and none has two"

    # One network is closed: it is seen, opened by those whose it is, and a plan tries again.
    for _ in range(6):
        night.clock.advance(300)
        if story.names(state="error"):
            break
    stuck = story.names(state="error")
    assert stuck == set(DATABASES)
    async with night.client() as client:
        paths = await call(client, "check_network_paths", servers=list(DATABASES))
        assert paths["verdicts"]["open"] == 0
        (due,) = (
            action["arguments"]
            for action in paths["suggested_actions"]
            if action["arguments"].get("goal") == "measure_network"
        )
        measure = await call(client, "plan_remediation", **due)
    await story.applied(measure)
    async with night.client() as client:
        paths = await call(client, "check_network_paths", servers=list(DATABASES))
        assert paths["verdicts"] == {"closed": 1, "unknown": 0, "open": 0}
        failed = await call(client, "summarize_failed_servers", project=WAVE)
        assert "shop-db-01" in str(failed["groups"])
    night.repair(CLOSED_NETWORK)
    async with night.client() as client:
        retry = await call(client, "plan_remediation", servers=sorted(stuck))
    await story.applied(retry)
    await story.until(96, set(TEMPLATE_OF))

    # Verified, and one of them rehearsed with a clone.
    async with night.client() as client:
        verified = await call(client, "summarize_consistency_results", project=WAVE)
        assert verified["verdicts"]["clean"] == SERVERS, verified["verdicts"]
        rehearsal = await call(
            client, "plan_remediation", goal="rehearse_cutover", servers=["shop-web-02"]
        )
    await story.applied(rehearsal)
    night.clock.advance(3600)

    # Launched: databases first, five at a time, with a last safe start.
    async with night.client() as client:
        for _ in range(12):  # a synchronisation that is under way keeps one or the other back
            night.clock.advance(430)
            ready = await call(
                client, "check_cutover_readiness", project=WAVE, deadline=story.at(6)
            )
            if ready["verdict"] != "not_ready":
                break
        assert set(ready["gates_not_passed"]) == {"nothing_left_out"}, "a person decides that"
        assert ready["launch"]["last_safe_start"]
        everyone = sorted(s.name for s in cloud.sources.values())
        launch = await call(
            client, "plan_remediation", goal="cut_over", servers=everyone, deadline=story.at(6)
        )
        assert launch["launch"]["servers"] == SERVERS, launch["left_out"]
    await story.applied(launch, restarts=True)
    assert f"type: launch {SERVERS}" in story.person.read[-1]
    assert story.names(state="finished") == set(everyone)
    begun = {
        task.source.name: step.start
        for task in cloud.tasks.values()
        for step in task.steps
        if step.name.startswith("CONFIGURE") and step.start
    }
    assert max(begun[n] for n in DATABASES) < min(begun[n] for n in begun if n not in DATABASES)

    # Looked at, vouched for, cleaned up; and told to the change board.
    night.clock.advance(4 * 24 * 3600)
    async with night.client() as client:
        left = await call(client, "find_cleanup_candidates", project=WAVE)
        assert {row["vouched"] for row in left["may_be_deleted"]} == {"by nobody"}
        clean = await call(client, "plan_remediation", goal="clean_up", project=WAVE, batch=SERVERS)
    await story.applied(clean)
    assert "Whoever agrees to this plan vouches for it" in story.person.read[-1]
    assert cloud.tasks == {} or all(t.mode.name == "GONE" for t in cloud.tasks.values())
    async with night.client() as client:
        record = await report(client, kind="change_record", project=WAVE)
        head = await night.runtime.guard.audit.head()
        assert not (await night.runtime.guard.audit.verify()).problems
    assert head.hash in record
    for plan_id in story.plans:
        assert any(plan_id in line and "agreed" in line for line in record.splitlines())
    assert record.count("vouched") >= SERVERS

    # One consent a plan, whatever was interrupted, and none beside them.
    assert len(story.person.read) == len(story.plans)
    launches = [
        each.target
        for each in cloud.changes
        if each.operation == "manage_migration_task"
        and each.arguments.get("operation") == "test"
        and not each.refused
    ]
    assert len(launches) == len(set(launches)) == SERVERS
