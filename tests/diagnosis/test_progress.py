"""summarize_progress: how far, until when, and what only seems to be stuck."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from sms_tools.diagnosis.movement import movement
from sms_tools.diagnosis.progress import SummarizeProgress
from sms_tools.fleet.reading import read_fleet
from sms_tools.fleet.samples import Sample, Samples

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def seen(minute: float, **other: Any) -> Sample:
    values: dict[str, Any] = {
        "source_id": "s",
        "at": NOW + timedelta(minutes=minute),
        "name": "db",
        "phase": "replicating",
        "state": "replicate",
        "stage": "replicating",
        "task_id": "t",
        "task_state": "RUNNING",
        "connected": True,
        "done_bytes": 500,
        "total_bytes": 1_000,
        "speed": 1.0,
        "error_code": None,
        "step": "MIGRATE_LINUX_FILE",
        "step_percent": 50,
        "trace": None,
    }
    return Sample(**{**values, **other})


def verdict(*samples: Sample, limit: float | None = None) -> str:
    return movement(samples, limit_mbit_s=limit).verdict


async def looked_at(place: Any, *, times: int = 8, minutes: int = 5) -> dict[str, Any]:
    for _ in range(times):
        await place.ask(SummarizeProgress(limit=1))
        place.clock.advance(minutes * 60)
    answer: dict[str, Any] = await place.ask(SummarizeProgress(detail="full"))
    return answer


def row_of(answer: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(row for row in answer["servers"] if row["name"] == name)
    return found


@pytest.mark.parametrize(
    ("minutes", "found"), [((0,), "unknown"), ((0, 14), "suspect"), ((0, 15), "stuck")]
)
def test_a_copy_is_stuck_after_a_quarter_of_an_hour_and_two_samples(
    minutes: tuple[int, ...], found: str
) -> None:
    assert verdict(*map(seen, minutes)) == found


@pytest.mark.parametrize("sign", ["step_percent", "done_bytes", "trace", "step", "task_id"])
def test_anything_that_changes_shows_that_it_moves(sign: str) -> None:
    changed = {"step_percent": 51, "done_bytes": 501, "trace": "x", "step": "Y", "task_id": "u"}
    assert verdict(seen(0), seen(60, **{sign: changed[sign]})) == "moving"


@pytest.mark.parametrize(
    ("found", "other"),
    [
        ("comparing", {"phase": "syncing", "step": "SYNC_LINUX_FILE", "step_percent": 6}),
        ("suspect", {"phase": "syncing", "step": "SYNC_LINUX_FILE", "step_percent": 7}),
        ("suspect", {"phase": "initializing", "step": "ATTACH_AGENT_IMAGE"}),
        ("idle", {"phase": "syncing", "step": None}),
        ("offline", {"connected": False}),
        ("paused", {"phase": "paused"}),
        ("at_rest", {"phase": "finished"}),
        ("unknown", {"phase": "unknown"}),
    ],
)
def test_what_stands_still_for_a_good_reason_is_not_stuck(found: str, other: Any) -> None:
    assert verdict(seen(0, **other), seen(25, **other)) == found


def test_a_throttled_copy_is_not_stuck() -> None:
    assert verdict(seen(0), seen(60), limit=1) == "throttled"
    assert verdict(seen(0), seen(60), limit=50) == "stuck"


def test_one_reading_with_rate_0_is_suspect_at_most() -> None:
    assert verdict(seen(0, speed=0)) == "suspect"


def test_a_total_that_runs_away_is_not_converging() -> None:
    growing = [seen(n, total_bytes=1_000 + 9 * n, done_bytes=500 + n) for n in (0, 5, 10)]
    assert verdict(*growing) == "not_converging"


def test_no_sample_at_all_is_unknown() -> None:
    assert verdict() == "unknown"


async def test_stuck_is_what_the_truth_says_and_nothing_else(bureau: Any) -> None:
    place = bureau()
    answer = await looked_at(place)
    assert {row["name"] for row in answer["stuck"]} == {
        truth.name for truth in place.sandbox.cloud.truth.values() if truth.stuck
    }
    assert row_of(answer, "db-pg-03")["pace"] == "throttled"
    assert row_of(answer, "db-mongo-01")["pace"] == "comparing"
    assert row_of(answer, "db-pg-02")["pace"] == "offline"


async def test_estimates_from_samples_hold_the_real_end(bureau: Any) -> None:
    place = bureau()
    answer = await looked_at(place)
    copying = [row for row in answer["servers"] if row["eta"] and row["name"] != "db-pg-03"]
    assert len(copying) >= 4
    for row in copying:
        task = place.sandbox.cloud.tasks[place.sandbox.cloud.sources[row["id"]].task_id]
        end = datetime.fromtimestamp(task.wake / 1000, UTC)
        earliest, latest = (datetime.fromisoformat(row["eta"][k]) for k in ("earliest", "latest"))
        assert earliest <= end <= latest
        # An hour's watching, of copies that may share a line, is not enough for more.
        assert row["eta"]["confidence"] in ("medium", "low")


async def test_a_summary_names_the_one_server_and_when_it_was_read(bureau: Any) -> None:
    place = bureau()
    answer = await place.ask(SummarizeProgress(servers=["db-my-01"]))
    assert answer["summary"].startswith('"db-my-01" is in the full copy. ')
    assert f"Read at {answer['observed_at']}." in answer["summary"]


async def test_samples_of_a_clock_that_was_ahead_are_no_part_of_an_estimate(bureau: Any) -> None:
    place = bureau()
    await looked_at(place)
    fleet = await read_fleet(place.desk)
    await Samples(place.desk).record(fleet.servers, place.now + timedelta(days=1))
    place.clock.advance(300)
    answer = await place.ask(SummarizeProgress(detail="full"))
    assert any(
        "own samples over 45 min" in (row["eta"] or {"basis": ""})["basis"]
        for row in answer["servers"]
    )


async def test_estimates_given_earlier_are_compared_with_the_ends_that_were_seen(
    bureau: Any,
) -> None:
    place = bureau("uneven")
    first = await place.ask(SummarizeProgress())
    assert "ended inside" not in first["summary"]
    assert first["estimates_so_far"]["open"] > 0
    for _ in range(9 * 8):
        place.clock.advance(3 * 3600)
        answer = await place.ask(SummarizeProgress(limit=1))
    record = answer["estimates_so_far"]
    ended = sum(record[each]["ended"] for each in record if each != "open")
    inside = sum(record[each]["inside"] for each in record if each != "open")
    assert ended > 50
    assert 0.75 * ended <= inside <= ended
    assert f"{inside} of {ended} ended inside their range" in answer["summary"]
    assert record["open"] == 0


async def test_a_first_reading_gives_the_services_estimate_marked_low(bureau: Any) -> None:
    answer = await bureau().ask(SummarizeProgress(servers=["db-my-01"]))
    (row,) = answer["servers"]
    assert row["eta"]["confidence"] == "low"
    assert row["rate_mbit_s"] == pytest.approx(160, rel=0.2)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("db-redis-01", "paused"),
        ("db-pg-02", "offline"),
        ("web-03", "idle"),
        ("new-01", "not started"),
        ("web-01", "finished"),
        ("erp-01", "failed"),
        ("db-my-02", "rate 0"),
        ("mail-01", "the copy has not begun"),
    ],
)
async def test_where_there_is_no_estimate_the_reason_stands(
    bureau: Any, name: str, reason: str
) -> None:
    answer = await bureau().ask(SummarizeProgress(servers=[name]))
    (row,) = answer["servers"]
    assert row["eta"] is None
    assert row["eta_reason"].startswith(reason)


async def test_a_deadline_is_judged_per_server_and_in_all(bureau: Any) -> None:
    place = bureau()
    await looked_at(place)
    names = ["订单-01", "web-03", "db-my-01"]
    later = SummarizeProgress(servers=names, deadline=place.now + timedelta(hours=1))
    answer = await place.ask(later)
    assert {row["name"]: row["deadline"] for row in answer["servers"]} == {
        "订单-01": "tight",
        "web-03": "fits",
        "db-my-01": "misses",
    }
    assert answer["deadline"]["verdict"] == "misses"
    much_later = SummarizeProgress(servers=names[:2], deadline=place.now + timedelta(hours=8))
    assert (await place.ask(much_later))["deadline"]["verdict"] == "fits"
    waiting = SummarizeProgress(servers=["new-01"], deadline=place.now + timedelta(hours=3))
    assert (await place.ask(waiting))["deadline"]["verdict"] == "cannot tell"


async def test_a_deadline_is_of_full_copies_and_names_who_failed_or_is_offline(bureau: Any) -> None:
    place = bureau()
    answer = await place.ask(SummarizeProgress(deadline=place.now + timedelta(hours=3)))
    assert ": full copies: " in answer["summary"]
    assert "failed all the same: " in answer["summary"]
    assert "Agent offline: " in answer["summary"]


def test_a_deadline_without_an_offset_is_refused() -> None:
    with pytest.raises(ValidationError):
        SummarizeProgress.model_validate({"deadline": "2026-01-01T10:00:00"})


async def test_limits_that_cannot_be_read_are_said_and_others_are_counted(bureau: Any) -> None:
    place = bureau()
    answer = await looked_at(place)
    assert any("1 task could not be read" in gap for gap in answer["incomplete"])
    assert "limit 1 Mbit/s counted" in row_of(answer, "db-pg-03")["eta"]["basis"]
    details = row_of(answer, "订单-01")
    assert details["speed_unit"] == "MB/s"
    assert "8" in answer["rate_note"]


async def test_of_a_very_large_fleet_less_is_looked_at_and_nothing_is_of_high_confidence(
    bureau: Any,
) -> None:
    place = bureau("large", servers=2_000)
    for _ in range(4):
        place.clock.advance(300)
        before = place.desk.api.requests_made
        answer = await place.ask(SummarizeProgress())
        asked = place.desk.api.requests_made - before
    assert answer["phases"]["replicating"] > 300
    pages = 2_000 // 200 + -(-len(place.sandbox.cloud.tasks) // 200)
    assert asked <= pages
    assert len(json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode()) <= 8_000
    copying = next(s for s in place.sandbox.cloud.sources.values() if s.state == "replicate")
    one = await place.ask(SummarizeProgress(servers=[copying.id]))
    assert "4 own samples over 15 min" in one["servers"][0]["eta"]["basis"]
    assert one["servers"][0]["eta"]["confidence"] != "high"
    assert answer["eta"]["confidence"] != "high"


async def test_samples_taken_under_another_limit_do_not_count(bureau: Any) -> None:
    place = bureau("uneven")
    cloud = place.sandbox.cloud
    source = cloud.by_name("constant-01")
    question = SummarizeProgress(servers=[source.id], detail="full")
    for _ in range(4):
        await place.ask(question)
        place.clock.advance(300)
    cloud.set_rate_limits(source.task_id, [{"start": "00:00", "end": "23:59", "speed": 2}])
    (row,) = (await place.ask(question))["servers"]
    assert "own samples" not in row["eta"]["basis"]
    for _ in range(3):
        place.clock.advance(300)
        (row,) = (await place.ask(question))["servers"]
    assert "4 own samples over 15 min" in row["eta"]["basis"]
    assert "limit 2 Mbit/s counted" in row["eta"]["basis"]
    assert row["rate_mbit_s"] == pytest.approx(2, rel=0.02)


async def test_a_large_fleet_takes_the_pages_and_nothing_else(bureau: Any) -> None:
    place = bureau("large", servers=400)
    await place.ask(SummarizeProgress())
    tasks = -(-len(place.sandbox.cloud.tasks) // 200)
    members = Counter(each.project_id for each in place.sandbox.cloud.sources.values())
    projects = sum(max(1, -(-members[key] // 200)) for key in place.sandbox.cloud.projects)
    made = place.desk.api.requests_made
    assert made == 2 + tasks + 1 + projects
    place.clock.advance(60)
    await place.ask(SummarizeProgress())
    assert place.desk.api.requests_made - made == 2 + tasks
