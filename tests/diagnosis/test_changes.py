"""what_changed: what happened between two readings, and nothing that nobody saw."""

from datetime import timedelta
from typing import Any

import pytest

from sms_tools.diagnosis.changes import WhatChanged
from sms_tools.diagnosis.overview import MigrationOverview
from sms_tools.errors import RequestRefused

pytestmark = pytest.mark.anyio


def names(rows: list[dict[str, Any]]) -> set[str]:
    return {row["name"] for row in rows}


async def test_without_an_earlier_sample_it_says_so_and_counts_nothing(bureau: Any) -> None:
    answer = await bureau().ask(WhatChanged())
    assert "no earlier sample" in answer["summary"]
    assert answer["compared_with"] is None
    assert answer["copied_bytes"] is None
    assert answer["new_failures"] == answer["recovered"] == answer["gone"] == []
    # The service itself knows when a server registered.
    assert all(row["what"] == ["appeared"] for row in answer["transitions"])
    assert answer["changed_by_the_services_clock"]


async def test_recovered_finished_and_new_failures_are_told_apart(bureau: Any) -> None:
    place = bureau()
    cloud, since = place.sandbox.cloud, place.now
    await place.ask(MigrationOverview())
    place.clock.advance(1_900)
    for truth in cloud.truth.values():
        if truth.group and truth.group.startswith("port 22"):
            cloud.manage(str(cloud.sources[truth.id].task_id), "start")
    cloud.manage(str(cloud.by_name("web-03").task_id), "test")
    cloud.manage(str(cloud.by_name("erp-01").task_id), "start")
    cloud.disconnect(cloud.by_name("win-file-01").id)
    await place.ask(MigrationOverview())
    place.clock.advance(1_800)
    answer = await place.ask(WhatChanged(since=since))
    assert names(answer["recovered"]) == {"db-ora-01", "db-ora-02", "db-pg-01", "db-sql-01"}
    assert names(answer["finished"]) == {"web-03"}
    offline = [row for row in answer["transitions"] if "went_offline" in row["what"]]
    assert names(offline) == {"win-file-01"}
    launched = next(row for row in answer["transitions"] if row["name"] == "web-03")
    assert (launched["from"], launched["via"], launched["to"]) == (
        "syncing",
        ["cutting_over"],
        "finished",
    )
    assert launched["after"] < launched["by"]
    assert answer["copied_bytes"] > 0


async def test_a_server_that_fails_is_a_new_failure_with_its_cause(bureau: Any) -> None:
    place = bureau("cutover-night")
    cloud = place.sandbox.cloud
    task = str(cloud.by_name("pay-db-01").task_id)
    place.clock.advance(25 * 60)
    cloud.manage(task, "start")
    place.clock.advance(60)
    await place.ask(MigrationOverview())
    since = place.now
    cloud.causes["firewall before pay-db-01"].fixed_at = None
    place.clock.advance(2 * 3_600)
    answer = await place.ask(WhatChanged(since=since))
    (failure,) = answer["new_failures"]
    assert (failure["name"], failure["code"]) == ("pay-db-01", "SMS.3805")
    assert failure["cause"]
    assert answer["suggested_actions"][0]["tool"] == "summarize_failed_servers"


async def test_a_sample_that_is_too_young_is_used_and_said(bureau: Any) -> None:
    place = bureau("healthy")
    first = place.now
    await place.ask(MigrationOverview())
    place.clock.advance(600)
    answer = await place.ask(WhatChanged(since=first - timedelta(days=1)))
    assert answer["compared_with"] == first.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert "no sample as old" in answer["summary"]


async def test_a_server_that_is_no_longer_listed_is_gone_and_a_new_one_has_appeared(
    bureau: Any,
) -> None:
    place = bureau()
    cloud, since = place.sandbox.cloud, place.now
    await place.ask(MigrationOverview())
    place.clock.advance(60)
    cloud.delete_source(cloud.by_name("new-01").id)
    answer = await place.ask(WhatChanged(since=since))
    assert names(answer["gone"]) == {"new-01"}
    narrowed = await place.ask(WhatChanged(since=since, project="Wave-2-DB"))
    assert narrowed["gone"] == []


async def test_a_time_to_come_is_refused(bureau: Any) -> None:
    place = bureau("healthy")
    with pytest.raises(RequestRefused, match="future"):
        await place.ask(WhatChanged(since=place.now + timedelta(hours=1)))
