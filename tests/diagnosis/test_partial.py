"""What was read in part is answered in part: the first sentence says so, nothing is taken for 0."""

import json
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from sms_tools.diagnosis.changes import WhatChanged
from sms_tools.diagnosis.cleanup import FindCleanupCandidates
from sms_tools.diagnosis.consistency import SummarizeConsistencyResults
from sms_tools.diagnosis.failures import SummarizeFailedServers
from sms_tools.diagnosis.overview import MigrationOverview
from sms_tools.diagnosis.progress import SummarizeProgress
from sms_tools.diagnosis.question import FleetQuestion
from sms_tools.diagnosis.readiness import CheckCutoverReadiness
from sms_tools.diagnosis.wave import ScheduleWave
from sms_tools.errors import SmsToolsError
from sms_tools.sandbox import ManualClock, open_sandbox
from sms_tools.sandbox.faults import Effect, Fault

pytestmark = pytest.mark.anyio

KEYS = {"/v3/sources": "source_servers", "/v3/tasks": "tasks", "/v3/errors": "migration_errors"}
KINDS: tuple[type[FleetQuestion], ...] = (
    MigrationOverview,
    SummarizeFailedServers,
    SummarizeProgress,
    CheckCutoverReadiness,
    SummarizeConsistencyResults,
    WhatChanged,
    FindCleanupCandidates,
)
EMPTY = re.compile(
    r"no source servers here|(among|of|counts) 0 |\b0 of 0\b|Nothing is left|"
    r"\d+ of 0 |: 0 servers launched|No server has failed|Nothing differs",
)


class Altered(httpx.AsyncBaseTransport):
    """The sandbox, with the lists altered on their way."""

    def __init__(self, alter: Callable[[str, Any], tuple[int, Any]]) -> None:
        self.sandbox = open_sandbox("mixed", 24, clock=ManualClock(), speed=1)
        self.inner = self.sandbox.transport()
        self.alter = alter

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self.inner.handle_async_request(request)
        body = await response.aread()
        if response.status_code == 200 and request.url.path in KEYS:
            status, payload = self.alter(request.url.path, json.loads(body))
            return httpx.Response(status, json=payload)
        return httpx.Response(response.status_code, content=body)


def refused(payload: Any, key: str) -> tuple[int, Any]:
    return 400, {"error_code": "SMS.9001", "error_msg": "Internal error"}


def without_ids(payload: Any, key: str) -> tuple[int, Any]:
    records = [{**each, "id": None, "source_id": None} for each in payload[key] or []]
    return 200, {**payload, key: records}


def one_without_id(payload: Any, key: str) -> tuple[int, Any]:
    records = payload[key] or []
    nameless = [{**each, "id": "", "source_id": ""} for each in records[:1]]
    return 200, {**payload, key: [*nameless, *records[1:]]}


def counted_higher(payload: Any, key: str) -> tuple[int, Any]:
    return 200, {**payload, "count": len(payload[key] or []) + 7}


def counted_and_null(payload: Any, key: str) -> tuple[int, Any]:
    return 200, {"count": 49, key: None}


def unchanged(payload: Any, key: str) -> tuple[int, Any]:
    return 200, payload


ALTERATIONS = (refused, without_ids, one_without_id, counted_higher, counted_and_null)


@hypothesis_settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    kind=st.sampled_from(KINDS),
    how=st.fixed_dictionaries(
        {path: st.sampled_from([*ALTERATIONS, unchanged, unchanged]) for path in KEYS}
    ),
    arguments=st.fixed_dictionaries(
        {},
        optional={
            "detail": st.sampled_from(["concise", "full"]),
            "limit": st.integers(1, 50),
            "offset": st.integers(0, 60),
        },
    ),
)
async def test_no_answer_speaks_of_what_it_has_not_read(
    opener: Any, kind: type[FleetQuestion], how: dict[str, Any], arguments: dict[str, Any]
) -> None:
    transport = Altered(lambda path, payload: how[path](payload, KEYS[path]))
    place = opener.open(ManualClock(), transport, "")
    try:
        answer = await place.ask(kind(**arguments))
    except SmsToolsError:
        return  # nothing could be read: that is no answer
    spoilt = [path for path in ("/v3/sources", "/v3/tasks") if how[path] is not unchanged]
    if spoilt:
        assert answer["summary"].startswith("Read in part"), (spoilt, answer["summary"])
        assert answer["incomplete"]
    if "/v3/sources" in spoilt:
        assert not EMPTY.search(answer["summary"]), answer["summary"]
        assert answer.get("server_count") != 0


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
async def test_an_unread_page_of_tasks_stands_in_the_first_sentence(
    bureau: Any, kind: type[FleetQuestion]
) -> None:
    place = bureau()
    place.sandbox.faults.add(Fault(Effect.STATUS, operation="list_migration_tasks"))
    answer = await place.ask(kind())
    first = answer["summary"].split(". ")[0]
    assert "the migration tasks: could not be read" in first


async def test_without_the_page_of_tasks_nothing_is_ready(bureau: Any) -> None:
    place = bureau("cutover-night")
    before = await place.ask(CheckCutoverReadiness())
    assert before["verdicts"]["ready"]
    place.desk.forget()
    place.sandbox.faults.add(Fault(Effect.STATUS, operation="list_migration_tasks"))
    answer = await place.ask(CheckCutoverReadiness(detail="full"))
    assert answer["verdicts"]["ready"] == 0
    assert answer["verdict"] != "ready"
    for row in answer["servers"]:
        for gate in (
            "no_error",
            "full_copy_done",
            "last_sync_done",
            "no_clone_in_progress",
            "consistency_clean",
            "nothing_left_out",
        ):
            assert row["gates"][gate] != "pass", (row["name"], gate)


async def test_twelve_failed_and_sixteen_failures_are_bridged_in_one_sentence(
    bureau: Any,
) -> None:
    place = bureau()
    overview = (await place.ask(MigrationOverview()))["summary"].split(". ")[0]
    failures = (await place.ask(SummarizeFailedServers()))["summary"].split(". ")[0]
    for said in (overview, failures):
        assert "12" in said, said
        assert "16" in said, said


async def test_a_step_is_never_cut(bureau: Any) -> None:
    place = bureau()
    concise = (await place.ask(SummarizeFailedServers()))["groups"]
    full = (await place.ask(SummarizeFailedServers(detail="full")))["groups"]
    whole = {group["code"]: group["first_step"] for group in full}
    assert [group["first_step"] for group in concise] == [whole[g["code"]] for g in concise]
    causes = {group["code"]: group["cause"] for group in concise}
    assert "disk could not be deleted" in causes["SMS.1106"]


async def test_gates_that_pass_are_a_count_until_full_is_asked(bureau: Any) -> None:
    place = bureau()
    row = (await place.ask(CheckCutoverReadiness(limit=1)))["servers"][0]
    whole = (await place.ask(CheckCutoverReadiness(limit=1, detail="full")))["servers"][0]
    passed = sum(verdict == "pass" for verdict in whole["gates"].values())
    assert row["gates_passed"] == passed
    assert "pass" not in row["gates"].values()


async def test_a_second_look_at_a_fleet_costs_the_pages_alone(bureau: Any) -> None:
    place = bureau("cutover-night")
    await place.ask(SummarizeConsistencyResults())
    place.clock.advance(60)
    before = place.desk.api.requests_made
    second = await place.ask(SummarizeConsistencyResults())
    readings = place.desk.api.requests_made - before
    assert readings == 2
    read_at = {row["read_at"] for row in second["servers"] if "read_at" in row}
    assert read_at
    assert max(read_at) < second["observed_at"]


async def test_a_second_readiness_costs_the_pages_alone_also_where_lists_are_lean(
    opener: Any,
) -> None:
    """Regions leave sub-tasks and options out of their lists: then each task is read, once."""

    def lean(path: str, payload: Any) -> tuple[int, Any]:
        for record in payload.get("tasks") or []:
            record.pop("sub_tasks", None)
            record.pop("special_config", None)
        return 200, payload

    transport = Altered(lean)
    place = opener.open(transport.sandbox.clock, transport, "")
    first = await place.ask(CheckCutoverReadiness())
    made = place.desk.api.requests_made
    assert made > 2 + 3 * 8  # options, limits and a verification of each that could be launched
    place.clock.advance(60)
    second = await place.ask(CheckCutoverReadiness())
    assert place.desk.api.requests_made - made == 2
    assert second["verdicts"] == first["verdicts"]
    near = [row for row in second["servers"] if "read_at" in row]
    assert near
    assert all(row["read_at"] == first["observed_at"] for row in near)
    named = await place.ask(CheckCutoverReadiness(servers=[near[0]["name"]]))
    assert place.desk.api.requests_made - made > 4
    assert "read_at" not in named["servers"][0]
    place.clock.advance(660)
    made = place.desk.api.requests_made
    await place.ask(CheckCutoverReadiness())
    assert place.desk.api.requests_made - made > 2 + 3 * 8


async def test_servers_that_are_named_are_verified_anew_and_so_is_all_after_ten_minutes(
    bureau: Any,
) -> None:
    place = bureau("cutover-night")
    first = await place.ask(SummarizeConsistencyResults())
    name = next(row["name"] for row in first["servers"] if "read_at" in row)
    place.clock.advance(60)
    named = await place.ask(SummarizeConsistencyResults(servers=[name]))
    assert named["servers"][0]["read_at"] >= named["observed_at"]
    place.clock.advance(660)
    later = await place.ask(SummarizeConsistencyResults())
    dated = [row["read_at"] for row in later["servers"] if "read_at" in row]
    assert min(dated) >= later["observed_at"]


@pytest.mark.parametrize("part", ["list_source_servers", "list_migration_tasks"])
async def test_a_schedule_does_not_call_finished_what_was_not_read(bureau: Any, part: str) -> None:
    place = bureau("new-fleet")
    place.sandbox.faults.add(Fault(Effect.STATUS, part))
    answer = await place.ask(ScheduleWave(line_mbit_s=500))
    assert "incomplete" in answer
    assert "Nothing is left" not in answer["summary"]
