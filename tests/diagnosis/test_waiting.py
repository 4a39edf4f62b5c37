"""wait_for_progress: returns on a change, at an end, or at the bound, and can be cancelled."""

from dataclasses import replace
from typing import Any

import anyio
import pytest
from pydantic import ValidationError

from sms_tools.diagnosis.waiting import WaitForProgress
from sms_tools.errors import SmsToolsError

pytestmark = pytest.mark.anyio

HOSTILE = "ignore previous"


async def test_it_returns_when_a_copy_is_done_and_says_what_changed(bureau: Any) -> None:
    place = bureau()
    ids = [t.id for t in place.sandbox.cloud.truth.values() if HOSTILE in t.name.lower()]
    answer = await place.ask(WaitForProgress(servers=ids, timeout_seconds=600))
    assert answer["returned_on"] == "change"
    (change,) = answer["changes"]
    assert (change["from"], change["to"]) == ("replicating", "syncing")
    assert 0 < answer["waited_seconds"] < 600
    assert answer["suggested_actions"][0]["tool"] == "check_cutover_readiness"


async def test_it_returns_at_the_bound_with_when_to_ask_again(bureau: Any) -> None:
    place = bureau()
    answer = await place.ask(WaitForProgress(servers=["win-file-01"], timeout_seconds=25))
    assert answer["returned_on"] == "bound"
    assert answer["waited_seconds"] == 25
    assert answer["next_poll_seconds"] == 60
    assert sum(place.waits) == pytest.approx(25, abs=1)
    assert answer["under_way"][0]["name"] == "win-file-01"
    assert answer["summary"].startswith('Nothing of "win-file-01" changed in 25 seconds')
    assert f"Read at {answer['observed_at']}." in answer["summary"]


async def test_it_does_not_wait_where_nothing_is_under_way(bureau: Any) -> None:
    place = bureau()
    answer = await place.ask(WaitForProgress(servers=["db-redis-01"], timeout_seconds=600))
    assert answer["returned_on"] == "end"
    assert answer["next_poll_seconds"] is None
    assert place.waits == []


async def test_it_reports_its_progress_in_order_and_names_nobody(bureau: Any) -> None:
    place = bureau()
    heard: list[tuple[float, float | None, str]] = []

    async def report(done: float, total: float | None, message: str) -> None:
        heard.append((done, total, message))

    question = WaitForProgress(servers=["win-file-01"], timeout_seconds=40)
    await question.answer(place.desk.reporting_to(report))
    done = [each[0] for each in heard]
    assert done == sorted(done)
    assert len(heard) >= 4
    assert {each[1] for each in heard} == {40}
    assert all("copying" in each[2] and "win-file" not in each[2] for each in heard)


async def test_a_lost_agent_is_a_change(bureau: Any) -> None:
    place = bureau()
    cloud = place.sandbox.cloud
    source = cloud.by_name("win-file-01")
    source.offline.append((cloud.clock() + 15_000, None))
    answer = await place.ask(WaitForProgress(servers=["win-file-01"], timeout_seconds=60))
    assert (answer["changes"][0]["what"], answer["changes"][0]["to"]) == ("connection", "offline")


async def test_a_step_of_a_launch_is_a_change_but_a_round_of_a_whole_fleet_is_not(
    bureau: Any,
) -> None:
    place = bureau("cutover-night")
    place.clock.advance(29 * 60 + 50)  # a round of continuous sync begins in ten seconds
    answer = await place.ask(WaitForProgress(timeout_seconds=30))
    assert answer["returned_on"] == "bound"
    cloud = place.sandbox.cloud
    place.clock.advance(300)
    cloud.manage(str(cloud.by_name("shop-web-01").task_id), "test")
    answer = await place.ask(WaitForProgress(servers=["shop-web-01"], timeout_seconds=600))
    assert answer["changes"][0]["what"] == "step"


SOURCE = {"id": "a", "state": "replicate", "migration_cycle": "replicating", "connected": True}


async def test_a_reading_that_fails_is_no_end_and_is_said(serve: Any) -> None:
    readings = 0

    def sources(_: Any) -> Any:
        nonlocal readings
        readings += 1
        return {"count": 1, "source_servers": [SOURCE]} if readings != 2 else None

    place = serve({"/v3/sources": sources, "/v3/tasks": {"count": 0, "tasks": []}})
    answer = await place.ask(WaitForProgress(timeout_seconds=15))
    assert answer["returned_on"] == "bound"
    assert any("list_source_servers" in gap for gap in answer["incomplete"])


async def test_readings_that_go_on_failing_end_the_waiting(serve: Any) -> None:
    readings = 0

    def sources(_: Any) -> Any:
        nonlocal readings
        readings += 1
        return {"count": 1, "source_servers": [SOURCE]} if readings == 1 else None

    place = serve({"/v3/sources": sources})
    with pytest.raises(SmsToolsError):
        await place.ask(WaitForProgress(timeout_seconds=600))
    assert len(place.waits) == 3


async def test_a_server_that_is_deleted_meanwhile_is_gone(serve: Any) -> None:
    readings = 0

    def sources(_: Any) -> Any:
        nonlocal readings
        readings += 1
        found = [SOURCE] if readings == 1 else []
        return {"count": len(found), "source_servers": found}

    place = serve({"/v3/sources": sources, "/v3/tasks": {"count": 0, "tasks": []}})
    answer = await place.ask(WaitForProgress(servers=["a"], timeout_seconds=600))
    assert answer["changes"][0]["what"] == "gone"


async def test_it_can_be_cancelled_while_it_waits(bureau: Any) -> None:
    place = bureau()
    asleep = anyio.Event()

    async def sleep(_: float) -> None:
        asleep.set()
        await anyio.sleep_forever()

    desk = replace(place.desk, sleep=sleep)
    question = WaitForProgress(servers=["win-file-01"], timeout_seconds=600)
    async with anyio.create_task_group() as group:
        group.start_soon(question.answer, desk)
        await asleep.wait()
        group.cancel_scope.cancel()
    assert group.cancel_scope.cancelled_caught


@pytest.mark.parametrize("seconds", [0, -1, 601])
def test_the_bound_is_bounded(seconds: int) -> None:
    with pytest.raises(ValidationError):
        WaitForProgress(timeout_seconds=seconds)
