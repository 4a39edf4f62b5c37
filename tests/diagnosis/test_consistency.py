"""summarize_consistency_results: what a verification is worth, and for how long."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sms_tools.diagnosis.consistency import SummarizeConsistencyResults
from sms_tools.fleet.verification import judge
from sms_tools.operations.tasks import ConsistencyResults

pytestmark = pytest.mark.anyio

COPIED = datetime(2026, 1, 1, tzinfo=UTC)
NOW = COPIED + timedelta(hours=1)
_MS = int(COPIED.timestamp() * 1000)


def run(after: int | None = 60_000, result: Any = "success", **numbers: Any) -> dict[str, Any]:
    files = {"total": 10, "different": 0, "target_miss": 0, "target_more": 0, **numbers}
    return {
        "finished_time": None if after is None else _MS + after,
        "check_result": result,
        "consistency_result": [
            {"dir_check": "/srv", **{f"num_{key}_files": value for key, value in files.items()}}
        ],
    }


@pytest.mark.parametrize(
    ("verdict", "runs"),
    [
        ("never", []),
        ("never", None),
        ("clean", [run()]),
        ("warning", [run(target_more=3)]),
        ("inconsistent", [run(different=1)]),
        ("inconsistent", [run(target_miss=1)]),
        ("inconsistent", [run(result="failed")]),
        ("partial", [run(total=0)]),
        ("partial", [run(total=1_000_000)]),
        ("partial", [run(total=None)]),
        ("partial", [run(different=None)]),
        ("partial", [run(result=None)]),
        ("partial", [{**run(), "consistency_result": None}]),
        ("stale", [run(after=-1)]),
        ("stale", [run(after=-1, different=5)]),
        ("unreadable", [run(after=None)]),
        ("inconsistent", [run(after=None, different=5)]),
    ],
)
def test_the_verdict_follows_from_the_latest_run(verdict: str, runs: Any) -> None:
    assert judge(ConsistencyResults.read({"result_list": runs}), COPIED, NOW).verdict == verdict


def test_the_latest_run_counts_in_whatever_order_they_come() -> None:
    runs = [run(after=50_000), run(after=90_000, different=2), run(after=10_000)]
    assert (
        judge(ConsistencyResults.read({"result_list": runs}), COPIED, NOW).verdict == "inconsistent"
    )


def test_a_result_that_cannot_be_dated_against_the_copy_is_not_clean() -> None:
    assert (
        judge(ConsistencyResults.read({"result_list": [run()]}), None, NOW).verdict == "unreadable"
    )


@pytest.mark.parametrize("scenario", ["mixed", "cutover-night", "healthy"])
async def test_the_verdicts_are_those_of_the_truth(bureau: Any, scenario: str) -> None:
    place = bureau(scenario)
    answer = await place.ask(SummarizeConsistencyResults(detail="full"))
    found = {row["id"]: row["verdict"] for row in answer["servers"]}
    truths = [t for t in place.sandbox.cloud.truth.values() if t.verdict]
    assert {t.id: found[t.id] for t in truths} == {t.id: t.verdict for t in truths}
    assert sum(answer["verdicts"].values()) == len(found)
    assert len(found) + answer["copy_not_done_yet"] == answer["server_count"]


async def test_differences_are_shown_by_directory_and_what_is_not_proved_is_said(
    bureau: Any,
) -> None:
    answer = await bureau().ask(SummarizeConsistencyResults(servers=["web-05"]))
    (row,) = answer["servers"]
    assert row["directories"] == [
        {
            "directory": "/srv",
            "files": 18_402,
            "different": 14,
            "missing": 3,
            "extra": 0,
            "verdict": "inconsistent",
        }
    ]
    assert answer["directories"][0]["directory"] == "/srv"
    assert "contents" in answer["not_proved"][0]


async def test_only_servers_with_results_are_read_one_by_one(bureau: Any) -> None:
    place = bureau("cutover-night")
    await place.ask(SummarizeConsistencyResults())
    with_results = sum(bool(t.verifications) for t in place.sandbox.cloud.tasks.values())
    projects = len(place.sandbox.cloud.projects)
    assert place.desk.api.requests_made == 2 + with_results + 1 + projects


async def test_results_that_cannot_be_read_are_unreadable_and_said(serve: Any) -> None:
    task = {"id": "t", "source_server": {"id": "s"}, "sub_tasks": [], "state": "SYNCING"}
    source = {
        "id": "s",
        "name": "db",
        "state": "syncing",
        "migration_cycle": "syncing",
        "is_consistency_result_exist": True,
        "current_task": {"id": "t"},
    }
    place = serve(
        {
            "/v3/sources": {"count": 1, "source_servers": [source]},
            "/v3/tasks": {"count": 1, "tasks": [task]},
        }
    )
    answer = await place.ask(SummarizeConsistencyResults())
    assert answer["verdicts"]["unreadable"] == 1
    assert any("get_consistency_results" in gap for gap in answer["incomplete"])
