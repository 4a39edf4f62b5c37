"""schedule_wave: who copies when on a shared line, in ranges that hold."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sms_tools.diagnosis.answer import CONCISE_BYTES, compact_bytes
from sms_tools.diagnosis.rates import MeasuredRate
from sms_tools.diagnosis.schedule import Copy
from sms_tools.diagnosis.wave import ScheduleWave
from sms_tools.diagnosis.windows import Calendar, read_window
from sms_tools.fleet.grouping import Group, Grouping
from sms_tools.fleet.reading import read_fleet
from sms_tools.fleet.server import Server
from sms_tools.operations.source_servers import SourceServer
from sms_tools.operations.tasks import MigrationTask, SetMigrationRateLimits
from sms_tools.remediation.migrating import PlanMigration
from sms_tools.remediation.plan_tools import PlanRemediation
from sms_tools.sandbox.scenarios.whole_wave import CLOSED_NETWORK, REPAIRED, TEMPLATE_OF
from tests.bureau import Bureau

pytestmark = pytest.mark.anyio

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = 3600.0


def test_a_window_over_midnight_counts_in_its_own_zone() -> None:
    calendar = Calendar([read_window("22:00-06:00+08:00")])  # 14:00 to 22:00 UTC
    assert calendar.next_open(NOON) == NOON + timedelta(hours=2)
    assert calendar.finish(NOON, 3 * HOUR) == NOON + timedelta(hours=5)
    assert calendar.finish(NOON, 9 * HOUR) == NOON + timedelta(hours=2 + 24 + 1)
    assert calendar.open_seconds(NOON, NOON + timedelta(hours=4)) == 2 * HOUR


def test_windows_that_overlap_count_once() -> None:
    both = Calendar([read_window("08:00-12:00Z"), read_window("10:00-14:00Z")])
    midnight = NOON.replace(hour=0)
    assert both.open_seconds(midnight, midnight + timedelta(days=1)) == 6 * HOUR
    assert both.finish(midnight, 6 * HOUR) == midnight + timedelta(hours=14)


def test_limits_are_split_at_midnight_never_zero_and_valid() -> None:
    limits = Calendar([read_window("22:00-06:00+08:00")]).limits(50)
    assert limits == [
        {"start": "00:00", "end": "06:00", "speed": 50},
        {"start": "06:00", "end": "22:00", "speed": 1},
        {"start": "22:00", "end": "23:59", "speed": 50},
    ]
    SetMigrationRateLimits.model_validate({"task_id": "t", "speed_limit": limits})


@pytest.mark.parametrize("text", ["22:00-06:00", "25:00-06:00Z", "22:61-06:00Z", "night", ""])
def test_what_is_no_window_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"window|time"):
        read_window(text)


async def test_every_server_is_scheduled_or_said_to_be_out(bureau: Callable[..., Bureau]) -> None:
    place = bureau("new-fleet")
    answer = await place.ask(ScheduleWave(line_mbit_s=500, deadline=place.now, limit=100))
    known = len(place.sandbox.cloud.sources)
    assert compact_bytes(answer) <= CONCISE_BYTES
    assert sum(answer["deadline"][key] for key in ("fit", "miss", "not_known")) == known
    assert answer["deadline"]["miss"] > 0
    assert answer["would_help"]
    assert answer["concurrency"] * answer["share_mbit_s"] <= 500
    assert 1 <= answer["concurrency"] <= 100


async def test_what_is_kept_in_reserve_is_not_given_away(bureau: Callable[..., Bureau]) -> None:
    answer = await bureau("whole-wave").ask(ScheduleWave(line_mbit_s=400, reserve=50))
    assert answer["usable_mbit_s"] == 200
    assert answer["concurrency"] * answer["share_mbit_s"] <= 200


async def test_a_thousand_servers_stay_within_the_bound(bureau: Callable[..., Bureau]) -> None:
    answer = await bureau("large", servers=1000).ask(ScheduleWave(line_mbit_s=10_000))
    assert compact_bytes(answer) <= CONCISE_BYTES
    assert answer["concurrency"] == 100


def task_body(source: Mapping[str, Any], template_id: str) -> dict[str, Any]:
    linux = source["os_type"] == "LINUX"
    return {
        "name": source["name"],
        "type": "MIGRATE_FILE" if linux else "MIGRATE_BLOCK",
        "os_type": source["os_type"],
        "source_server": {"id": source["id"]},
        "target_server": {"disks": source["init_target_server"]["disks"]},
        "vm_template_id": template_id,
        "syncing": True,
        "auto_start": True,
    }


@pytest.mark.parametrize("windows", [None, ["20:00-06:00Z"]], ids=["always", "at night"])
@pytest.mark.parametrize("line", [400.0, 60.0])
@pytest.mark.parametrize("seed", [1, 2, 5])
async def test_the_ranges_hold_on_a_shared_line(
    bureau: Callable[..., Bureau], seed: int, line: float, windows: list[str] | None
) -> None:
    place = bureau("whole-wave", servers=30, seed=seed)
    cloud = place.sandbox.cloud
    rows = {row["id"]: cloud.show_source(row["id"]) for row in cloud.list_sources({})[1]}
    templates = {row["name"]: row for row in cloud.list_templates({})[1]}
    meant = {
        key: templates[TEMPLATE_OF.get(row["name"], "shop-web")]
        for key, row in rows.items()
        if row["name"] != REPAIRED
    }
    fit = [k for k, t in meant.items() if t["nics"][0]["name"] != CLOSED_NETWORK]
    ask = ScheduleWave(line_mbit_s=line, servers=fit, limit=100, windows=windows)
    answer = await place.ask(ask)
    schedule = {row["id"]: row for row in answer["servers"]}
    assert len(schedule) >= 12
    done: dict[str, datetime] = {}
    waiting = dict(schedule)
    started: set[str] = set()
    for _ in range(4_000):
        for key, row in list(waiting.items()):
            if "after" in row and row["after"]["id"] not in done:
                continue
            task_id = cloud.create_task(task_body(rows[key], meant[key]["id"]))
            limits = SetMigrationRateLimits.model_validate(
                {"task_id": task_id, "speed_limit": answer["limits"]}
            )
            await place.desk.api(limits)
            started.add(key)
            del waiting[key]
        place.clock.advance(300)
        for key in started - set(done):
            if cloud.show_source(key)["state"] == "syncing":
                done[key] = place.now
        if len(done) == len(schedule):
            break
    assert len(done) == len(schedule)
    slack = timedelta(minutes=5)
    held = [
        datetime.fromisoformat(row["eta"]["earliest"]) - slack
        <= done[key]
        <= datetime.fromisoformat(row["eta"]["latest"]) + slack
        for key, row in schedule.items()
    ]
    assert sum(held) / len(held) >= 0.9


async def test_without_the_lines_rate_nothing_is_made_up(bureau: Callable[..., Bureau]) -> None:
    answer = await bureau("whole-wave").ask(ScheduleWave(deadline="12h"))
    assert "line_mbit_s" in answer["summary"]
    assert {row["eta"] for row in answer["servers"]} == {None}
    assert {row["fits"] for row in answer["servers"]} == {None}
    assert answer["limits"] == []


async def test_groups_go_in_their_order_whatever_their_size(bureau: Callable[..., Bureau]) -> None:
    place = bureau("whole-wave")
    ids = {s.name: s.id for s in place.sandbox.cloud.sources.values()}
    small, large = "shop-cache-01", "shop-db-01"
    await Grouping(place.desk).keep({ids[small]: Group("first", 1), ids[large]: Group("apps", 2)})
    answer = await place.ask(ScheduleWave(line_mbit_s=30, servers=[small, large]))
    assert answer["concurrency"] == 1
    first, second = answer["servers"]
    assert (first["name"], first["group"], first["order"]) == (small, "first", 1)
    assert (second["name"], second["after"]["name"]) == (large, small)


async def test_who_starts_what_and_when_is_said(bureau: Callable[..., Bureau]) -> None:
    ask = ScheduleWave(line_mbit_s=60, windows=["22:00-06:00+08:00"])
    answer = await bureau("whole-wave").ask(ask)
    begin, *later = answer["to_do"]
    assert begin["do"].startswith("set the limits, then start ")
    assert any("pause what runs" in row["do"] for row in later)
    assert any(row["at"].startswith("when ") for row in later)
    assert "Nothing starts or pauses a copy by the clock" in answer["people"][0]
    assert "FAQ 13.1" in answer["faq_formula"]["says"]
    low, high = answer["faq_formula"]["hours"]
    assert low < high


@pytest.mark.parametrize("limit", [5, 12])
async def test_a_running_copy_with_a_limit_of_its_own_ends_in_its_range(
    bureau: Callable[..., Bureau], limit: int
) -> None:
    place = bureau("whole-wave")
    cloud = place.sandbox.cloud
    source = cloud.by_name("shop-web-01")
    templates = {row["name"]: row for row in cloud.list_templates({})[1]}
    task_id = cloud.create_task(
        task_body(cloud.show_source(source.id), templates["shop-web"]["id"])
    )
    rows = [{"start": "00:00", "end": "23:59", "speed": limit}]
    await place.desk.api(
        SetMigrationRateLimits.model_validate({"task_id": task_id, "speed_limit": rows})
    )
    for _ in range(12):
        place.clock.advance(300)
        await read_fleet(place.desk, fresh=True)
    answer = await place.ask(ScheduleWave(line_mbit_s=400, servers=["shop-web-01"]))
    (row,) = answer["servers"]
    assert row["running"] is True
    assert row["limit_now_mbit_s"] == limit
    assert any("limits of their own" in each["what"] for each in answer["omitted"])
    while cloud.show_source(source.id)["state"] != "syncing":
        place.clock.advance(300)
    earliest, latest = (datetime.fromisoformat(row["eta"][key]) for key in ("earliest", "latest"))
    assert earliest <= place.now <= latest + timedelta(minutes=5)


async def test_the_limits_are_ready_for_both_plans(bureau: Callable[..., Bureau]) -> None:
    place = bureau("whole-wave")
    ask = ScheduleWave(line_mbit_s=100, windows=["22:00-06:00+08:00"])
    limits = (await place.ask(ask))["limits"]
    row: dict[str, Any] = {"server": "shop-web-01", "template": "shop-web"}
    plan = await place.ask(PlanMigration(rows=[row], defaults={"limits": limits}))
    assert plan["planned"] == 1
    assert plan["by_tool"]["set_migration_rate_limits"] == 1
    remedy = PlanRemediation.model_validate({"goal": "fix_rate_window", "limits": limits})
    assert [dict(each) for each in limits] == [
        each.model_dump(exclude_none=True) for each in remedy.limits or ()
    ]


async def test_what_would_help_makes_the_wave_fit(bureau: Callable[..., Bureau]) -> None:
    place = bureau("whole-wave")
    tight = await place.ask(ScheduleWave(line_mbit_s=150, deadline=place.now + timedelta(hours=12)))
    assert tight["deadline"]["fit"] < 7
    (more,) = (each for each in tight["would_help"] if each.startswith("More line"))
    line = float(more.split("with ", 1)[1].split(" ", 1)[0].replace(",", ""))
    better = await place.ask(
        ScheduleWave(line_mbit_s=line, deadline=place.now + timedelta(hours=12))
    )
    assert better["deadline"]["miss"] == 0
    assert better["deadline"]["fit"] > tight["deadline"]["fit"]


def test_a_measured_rate_bounds_both_ends_by_its_own_range() -> None:
    rate = MeasuredRate(1.5, 2.0, 3.0, samples=9, span=timedelta(hours=1))
    source = SourceServer.read({"state": "replicate", "migration_cycle": "replicating"})
    copy = Copy(Server(source, MigrationTask.read({"state": "RUNNING"})), 3_300, None, rate)
    assert copy.running
    earliest, latest = copy.seconds(100) or (0, 0)
    assert earliest == pytest.approx(3_300 / (3.0 * 1.1))
    assert latest == pytest.approx(3_300 / (1.5 * 0.8))
