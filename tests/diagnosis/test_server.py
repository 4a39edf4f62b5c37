"""diagnose_server: hypotheses against what is true, and honest where one look is not enough."""

from dataclasses import replace
from typing import Any

import httpx
import pytest

from sms_tools.diagnosis.answer import CONCISE_BYTES, compact_bytes
from sms_tools.diagnosis.diagnose import DiagnoseServer
from sms_tools.diagnosis.hypotheses import explain_server
from sms_tools.diagnosis.overview import MigrationOverview
from sms_tools.errors import SmsToolsError
from sms_tools.fleet.closeup import CloseUp
from sms_tools.fleet.selection import AmbiguousName, UnknownName
from sms_tools.fleet.server import Server
from sms_tools.moment import from_milliseconds
from sms_tools.operations.source_servers import SourceServer
from sms_tools.operations.tasks import MigrationTaskDetail
from sms_tools.sandbox import Effect, Fault
from sms_tools.wording import iso

pytestmark = pytest.mark.anyio


def _names(answer: dict[str, Any]) -> list[str]:
    return [each["hypothesis"] for each in answer["hypotheses"]]


@pytest.mark.parametrize(
    ("server", "first"),
    [
        ("db-ora-01", "SMS.3802"),
        ("db-my-03", "SMS.1414"),
        ("db-log-01", "SMS.9007"),
        ("win-app-02", "SMS.4999"),
        ("legacy-2003", "SMS.6504"),
        ("db-pg-02", "agent_offline"),
        ("db-redis-01", "paused"),
        ("db-pg-03", "throttled"),
        ("db-mongo-01", "comparing"),
        ("web-03", "waiting_for_launch"),
        ("new-01", "not_started"),
        ("new-04", "not_started"),
        ("web-01", "nothing_wrong_seen"),
    ],
)
async def test_the_likeliest_hypothesis_is_what_is_true(
    bureau: Any, server: str, first: str
) -> None:
    answer = await bureau().ask(DiagnoseServer(server=server))
    assert _names(answer)[0] == first
    assert answer["server"]["name"] == server
    assert compact_bytes(answer) <= CONCISE_BYTES


async def test_one_look_suspects_and_a_later_look_finds_it_stuck(bureau: Any) -> None:
    place = bureau()
    first = await place.ask(DiagnoseServer(server="db-my-02"))
    assert _names(first) == ["suspect"]
    assert first["hypotheses"][0]["likelihood"] == "possible"
    place.clock.advance(10 * 60)
    second = await place.ask(DiagnoseServer(server="db-my-02"))
    assert _names(second) == ["suspect"]
    place.clock.advance(6 * 60)
    third = await place.ask(DiagnoseServer(server="db-my-02"))
    assert _names(third) == ["stuck"]
    assert third["samples"] == 3


async def test_a_copy_that_moves_is_not_suspected(bureau: Any) -> None:
    place = bureau()
    await place.ask(DiagnoseServer(server="db-my-01"))
    place.clock.advance(1200)
    answer = await place.ask(DiagnoseServer(server="db-my-01"))
    assert _names(answer) == ["nothing_wrong_seen"]
    assert answer["rate_mbit_s"] == pytest.approx(160, rel=0.2)


async def test_a_failed_rehearsal_stands_beside_the_migration_that_goes_on(bureau: Any) -> None:
    answer = await bureau().ask(DiagnoseServer(server="api-02"))
    assert _names(answer) == ["waiting_for_launch", "rehearsal failed: SMS.6526"]


async def test_it_takes_three_requests_in_a_fleet_of_any_size_and_one_a_project(
    bureau: Any,
) -> None:
    place = bureau("large", servers=650)
    name = next(t.name for t in place.sandbox.cloud.truth.values() if t.phase == "replicating")
    await place.ask(DiagnoseServer(server=name))
    projects = len(place.sandbox.cloud.projects)
    assert place.desk.api.requests_made == 3 + 1 + projects


async def test_a_fleet_that_was_just_read_finds_the_server_and_its_fellows(bureau: Any) -> None:
    place = bureau()
    await place.ask(MigrationOverview())
    before = place.desk.api.requests_made
    answer = await place.ask(DiagnoseServer(server="db-ora-01"))
    assert place.desk.api.requests_made - before == 2
    evidence = answer["hypotheses"][0]["evidence"]
    assert {"field": "other servers"}.items() <= evidence[-1].items()
    assert evidence[-1]["value"].startswith("3 other servers")


async def test_an_ambiguous_name_lists_the_candidates(bureau: Any) -> None:
    with pytest.raises(AmbiguousName):
        await bureau().ask(DiagnoseServer(server="app-server"))


async def test_a_name_in_another_case_is_found_and_an_unknown_one_is_not(bureau: Any) -> None:
    answer = await bureau().ask(DiagnoseServer(server="DB-ORA-01"))
    assert answer["server"]["name"] == "db-ora-01"
    with pytest.raises(UnknownName, match="db-ora-01"):
        await bureau().ask(DiagnoseServer(server="db-ora-1"))


@pytest.mark.parametrize("field", ["ip", "id"])
async def test_a_server_is_found_by_address_and_by_id(bureau: Any, field: str) -> None:
    place = bureau()
    source = next(s for s in place.sandbox.cloud.sources.values() if s.name == "web-05")
    answer = await place.ask(DiagnoseServer(server=getattr(source, field)))
    assert answer["server"]["id"] == source.id


async def test_the_timeline_is_newest_first_and_says_what_is_left_out(bureau: Any) -> None:
    place = bureau()
    answer = await place.ask(DiagnoseServer(server="web-03"))
    times = [event["at"] for event in answer["timeline"]]
    assert times == sorted(times, reverse=True)
    full = await place.ask(DiagnoseServer(server="web-03", detail="full"))
    assert len(full["timeline"]) > len(times)
    (left,) = answer["omitted"]
    assert left["left_out"] == len(full["timeline"]) - len(times)
    assert full["timeline"][-1]["event"] == "registered"
    source = next(s for s in place.sandbox.cloud.sources.values() if s.name == "web-03")
    (stage,) = (event for event in full["timeline"] if event["event"] == "stage")
    changed = from_milliseconds(source.stage_at)
    assert changed
    assert stage["at"] == iso(changed)


async def test_a_task_that_cannot_be_read_leaves_a_gap_that_is_said(bureau: Any) -> None:
    place = bureau()
    place.sandbox.faults.add(Fault(Effect.STATUS, operation="get_migration_task"))
    answer = await place.ask(DiagnoseServer(server="db-ora-01"))
    assert answer["incomplete"][0].startswith("get_migration_task")
    assert _names(answer) == ["failed_without_a_code"]


async def test_limits_that_cannot_be_read_are_no_failure(bureau: Any) -> None:
    place = bureau()
    answer = await place.ask(DiagnoseServer(server="db-my-01"))  # the service refuses its limits
    assert _names(answer) == ["nothing_wrong_seen"]


async def test_a_task_that_does_not_exist_any_more_is_said_to_be_gone(serve: Any) -> None:
    source: dict[str, Any] = {"id": "a", "name": "one", "connected": True}
    source |= {"state": "replicate", "migration_cycle": "replicating"}
    source |= {"current_task": {"id": "t", "state": "RUNNING"}}
    refusal = {"error_code": "SMS.7703", "error_msg": "The task does not exist."}
    replies = {
        "/v3/sources": {"count": 1, "source_servers": [source]},
        "/v3/migprojects": {"count": 0, "migprojects": []},
        "/v3/tasks/t": httpx.Response(400, json=refusal),
        "/v3/tasks/t/speed-limit": httpx.Response(400, json=refusal),
    }
    answer = await serve(replies).ask(DiagnoseServer(server="one"))
    assert _names(answer) == ["task_is_gone"]
    assert "incomplete" not in answer


async def test_a_server_that_cannot_be_read_is_an_error(bureau: Any) -> None:
    place = bureau()
    place.sandbox.faults.add(Fault(Effect.STATUS))
    with pytest.raises(SmsToolsError):
        await place.ask(DiagnoseServer(server="db-ora-01"))


# Pure: facts in, hypotheses out

_at = from_milliseconds(1_767_225_600_000)
assert _at
_NOW = _at


def _explain(source: dict[str, Any], task: dict[str, Any] | None = None) -> list[str]:
    detail = MigrationTaskDetail.read(task) if task is not None else None
    server = Server(SourceServer.read({"id": "a", "name": "one", **source}), detail)
    return [each.name for each in explain_server(CloseUp(server, _NOW, detail))]


def test_nothing_but_nulls_is_no_claim() -> None:
    assert _explain({}) == ["nothing_wrong_seen"]
    assert _explain({"state": "dancing", "checks": [{"name": None}]}, {}) == ["nothing_wrong_seen"]


def test_a_server_that_runs_again_is_not_explained_by_its_old_error() -> None:
    task = {"error_json": '{"error_code":"SMS.3802"}'}
    running = {"state": "replicate", "migration_cycle": "replicating", "connected": True}
    assert "SMS.3802" not in _explain(running, task)
    assert _explain({**running, "state": "error"}, task)[0] == "SMS.3802"


def test_states_that_contradict_each_other_are_said_to() -> None:
    found = _explain({"state": "waiting", "migration_cycle": "cutovered"})
    assert "contradicting_states" in found


def test_every_failed_environment_check_is_a_hypothesis() -> None:
    checks = [
        {"name": "RSYNC", "result": "ERROR", "error_code": "SMS.6517"},
        {"name": "NEW_CHECK", "result": "error"},
        {"name": "CPU", "result": "OK"},
    ]
    found = _explain({"state": "unavailable", "checks": checks})
    assert found == ["SMS.6517", "environment_check"]
    assert _explain({"state": "unavailable"}) == ["unavailable_without_a_check"]


def test_lost_packets_and_a_busy_source_are_possible_causes_while_it_runs() -> None:
    step = {"name": "MIGRATE_LINUX_FILE", "start_date": 1, "progress": 5}
    task = {
        "sub_tasks": [step],
        "total_cpu_usage": 93.0,
        "network_check_info": {"loss_percentage": 2.5, "network_delay": 80},
    }
    running = {"state": "replicate", "migration_cycle": "replicating", "connected": True}
    assert _explain(running, task) == ["source_overloaded", "poor_line"]
    assert _explain({**running, "connected": False}, task) == ["agent_offline"]


def test_a_network_check_speaks_for_or_against_a_network_error() -> None:
    source = {"state": "error", "migration_cycle": "replicating", "connected": True}
    for reached in (True, False):
        task = MigrationTaskDetail.read(
            {
                "error_json": '{"error_code":"SMS.3802","error_param":"[]"}',
                "network_check_info": {"destination_connectivity": reached},
            }
        )
        server = Server(SourceServer.read(source), task)
        (found,) = explain_server(CloseUp(server, _NOW, task))
        sides = found.against if reached else found.evidence
        assert any("destination_connectivity" in each.field for each in sides)


@pytest.mark.parametrize(
    ("params", "succeeded"),
    [
        (("vol-1", "periodic volume cannot be deleted"), True),
        (("vol-1", "EVS.5400 volume is in-use"), False),
    ],
)
async def test_a_disk_that_stays_is_judged_by_what_the_service_says_of_it(
    bureau: Any, params: tuple[str, ...], succeeded: bool
) -> None:
    place = bureau()
    task = place.sandbox.cloud.tasks[place.sandbox.cloud.by_name("erp-02").task_id]
    task.failure = replace(task.failure, params=params)
    first = str((await place.ask(DiagnoseServer(server="erp-02")))["hypotheses"][0])
    assert "SMS.1106" in first
    assert ("migration itself succeeded" in first) is succeeded
    assert ("yearly" in first) is succeeded


async def test_a_rehearsal_that_a_quota_stopped_says_so(bureau: Any) -> None:
    answer = await bureau().ask(DiagnoseServer(server="api-02"))
    (rehearsal,) = [each for each in answer["hypotheses"] if "SMS.6526" in each["hypothesis"]]
    assert "quota" in rehearsal["next_step"]
    assert "billing" not in rehearsal["next_step"]
