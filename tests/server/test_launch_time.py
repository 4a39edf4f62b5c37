"""How long tonight's launch takes, against launches that the sandbox then carries out."""

import csv
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest

from sms_tools.sandbox import open_sandbox

from .night import Night, call, planned

pytestmark = pytest.mark.anyio

_NIGHT = "Cutover-Night"


@pytest.fixture(params=["auto", "legacy"])
def night(request: pytest.FixtureRequest, tmp_path: Path) -> Night:
    return Night(tmp_path / "state", request.param, scenario="cutover-night")


def at(night: Night, hours: float = 0) -> str:
    return (datetime.fromtimestamp(night.clock(), UTC) + timedelta(hours=hours)).isoformat()


def launch_minutes(night: Night) -> dict[str, float]:
    """How long each launch of the last hours took, from its first step to its last."""
    found = {}
    for task in night.sandbox.cloud.tasks.values():
        steps = [s for s in task.steps if s.name.startswith(("CONFIGURE", "DETTACH"))]
        if steps and all(s.end for s in steps):
            took = max(s.end or 0 for s in steps) - min(s.start or 0 for s in steps)
            found[task.source.name] = took / 60_000
    return found


async def test_launches_end_inside_their_ranges(tmp_path: Path) -> None:
    inside = total = 0
    for seed in range(4):
        night = Night(tmp_path / str(seed), "auto", scenario="cutover-night")
        night.sandbox = open_sandbox("cutover-night", 30, seed=seed, clock=night.clock, speed=1)
        async with night.client() as client:
            plan = await call(client, "plan_remediation", goal="cut_over", project=_NIGHT)
            told = plan["launch"]["by_server"]
            ranges = {r["name"]: (r["earliest_minutes"], r["latest_minutes"]) for r in told}
            for _ in range(8):
                done = await call(client, "apply_plan", plan_id=plan["plan_id"])
                if done["status"] == "done":
                    break
            took = launch_minutes(night)
            assert len(set(took) & set(ranges)) >= 5
            for name, (low, high) in ranges.items():
                if name in took:
                    total += 1
                    inside += low <= took[name] <= high
    assert inside >= 0.9 * total


async def test_the_answer_has_a_range_a_safe_start_and_where_there_is_no_way_back(
    night: Night,
) -> None:
    async with night.client() as client:
        answer = await call(client, "check_cutover_readiness", deadline=at(night, 6))
    launch = answer["launch"]
    assert launch["earliest_minutes"] < launch["latest_minutes"]
    assert launch["confidence"] == "low", "one launch in the reference is all that is known"
    start = datetime.fromisoformat(launch["last_safe_start"])
    assert start + timedelta(minutes=launch["latest_minutes"] + 0.1) >= datetime.fromisoformat(
        launch["deadline"]
    )
    assert "launch call" in launch["point_of_no_return"]
    ready = [row for row in answer["servers"] if row["verdict"] == "ready"]
    assert all(row["launch"]["latest_minutes"] for row in ready)
    assert {row["launch"]["batch"] for row in ready} <= set(range(1, launch["batches"] + 1))


async def test_who_agrees_after_the_last_safe_start_is_told(night: Night) -> None:
    async with night.client() as client:
        plan_id = await planned(client, goal="cut_over", project=_NIGHT, deadline=at(night, 2))
        night.clock.advance(2 * 3600)
        await call(client, "apply_plan", plan_id=plan_id)
    assert "TOO LATE for the window: the last safe start was" in night.asked[0]


async def test_databases_are_launched_before_applications_as_the_sheet_has_it(
    night: Night,
) -> None:
    rows: list[dict[str, Any]] = [
        {"server": "shop-web-01", "group": "applications", "order": 2},
        {"server": "shop-app-01", "group": "databases", "order": 1},
    ]
    async with night.client() as client:
        await call(client, "plan_migration", rows=rows)
        plan = await call(
            client, "plan_remediation", goal="cut_over", servers=["shop-web-01", "shop-app-01"]
        )
        assert plan["launch"]["batches"] == 2
        order = [row["server"]["name"] for row in plan["steps"] if row.get("launch")]
        assert order == ["shop-app-01", "shop-web-01"]
        await call(client, "apply_plan", plan_id=plan["plan_id"])
    begun = {
        task.source.name: step.start
        for task in night.sandbox.cloud.tasks.values()
        for step in task.steps
        if step.name.startswith("CONFIGURE")
    }
    database, application = begun["shop-app-01"], begun["shop-web-01"]
    assert database is not None
    assert application is not None
    assert database < application


async def test_the_change_record_holds_what_was_said_against_what_it_took(night: Night) -> None:
    async with night.client() as client:
        plan_id = await planned(client, goal="cut_over", servers=["shop-web-01"])
        for _ in range(10):
            if (await call(client, "apply_plan", plan_id=plan_id))["status"] == "done":
                break
        report = await call(client, "export_report", kind="change_record", format="csv")
        text = await anyio.Path(report["file"]).read_text(encoding="utf-8-sig")
    rows = [row for row in csv.DictReader(io.StringIO(text)) if row["section"].startswith("Plans")]
    (row,) = (row for row in rows if row["plan"] == plan_id)
    took = launch_minutes(night)["shop-web-01"]
    assert "The launch takes" in row["said"]
    assert float(row["minutes"]) >= took
    assert float(row["minutes"]) <= took + 1, "it was looked at every half-minute"
