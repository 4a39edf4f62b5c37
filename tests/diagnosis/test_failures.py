"""summarize_failed_servers: which failed and why, against what is true and against odd facts."""

import json
from typing import Any

import pytest

from sms_tools.diagnosis.answer import CONCISE_BYTES, compact_bytes
from sms_tools.diagnosis.causes import failures_of, group, kind_of_param
from sms_tools.diagnosis.failures import SummarizeFailedServers
from sms_tools.fleet.reading import Fleet, Server
from sms_tools.operations.source_servers import FailedServer, SourceServer
from sms_tools.operations.tasks import MigrationTask
from sms_tools.sandbox import Effect, Fault

pytestmark = pytest.mark.anyio

_MINUTE = 60_000
_START = 1_767_000_000_000


def _error(code: str, *params: str) -> str:
    return json.dumps({"error_code": code, "error_param": json.dumps(params)})


def _failed(
    number: int,
    error_json: str | None,
    *,
    at: int = 0,
    template: str = "t1",
    state: str = "error",
    **source: Any,
) -> Server:
    """A server that failed so many minutes after the start."""
    record = {
        "id": f"s{number}",
        "name": f"server-{number}",
        "state": state,
        "migration_cycle": "replicating",
        "state_action_time": _START + at * _MINUTE,
        "os_type": "LINUX",
        "current_task": {"id": f"t{number}", "vm_template_id": template},
        **source,
    }
    steps = [{"name": "MIGRATE_LINUX_FILE", "start_date": 1, "progress": 5}]
    task = {"id": f"t{number}", "error_json": error_json, "sub_tasks": steps}
    return Server(SourceServer.read(record), MigrationTask.read(task))


def _fleet(*servers: Server) -> Fleet:
    return Fleet(servers, observed_at=None)  # type: ignore[arg-type]  # the checks read no time


# Against the truth


async def test_every_failure_of_the_truth_is_found_and_nothing_else(bureau: Any) -> None:
    place = bureau()
    answer = await place.ask(SummarizeFailedServers())
    found = {
        server["id"]: set(each.get("codes", [each["code"]]))
        for each in answer["groups"]
        for server in each["servers"]
    }
    truths = place.sandbox.cloud.truth.values()
    assert set(found) == {truth.id for truth in truths if truth.failure}
    for truth in truths:
        if truth.failure:
            assert truth.failure in found[truth.id]
    assert answer["failed_servers"] == len(found)


async def test_servers_with_one_cause_stand_in_one_group(bureau: Any) -> None:
    place = bureau()
    answer = await place.ask(SummarizeFailedServers())
    event = {t.id for t in place.sandbox.cloud.truth.values() if t.group}
    first = answer["groups"][0]
    assert {server["id"] for server in first["servers"]} == event
    assert first["codes"] == ["SMS.3802", "SMS.2802"]
    assert first["shared"]["target_network"] == "subnet subnet-db"


async def test_an_error_entry_whose_server_runs_again_is_recovered(bureau: Any) -> None:
    place = bureau()
    answer = await place.ask(SummarizeFailedServers())
    expected = {t.id for t in place.sandbox.cloud.truth.values() if t.recovered}
    assert {row["id"] for row in answer["recovered"]} == expected
    assert answer["recovered"][0]["phase"] == "replicating"


async def test_a_group_says_cause_step_actor_and_whether_the_copy_is_lost(bureau: Any) -> None:
    answer = await bureau().ask(SummarizeFailedServers())
    groups = {each["code"]: each for each in answer["groups"]}
    assert groups["SMS.0515"]["full_copy_again"] is True
    assert groups["SMS.3802"]["full_copy_again"] is False
    assert groups["SMS.6526"]["sub_task"] == "CLONE_VM"
    for each in groups.values():
        assert each["actor"] in ("api", "source", "console", "support")
        assert each["cause"]
        assert each["first_step"]
        assert each["count"] == len(each["servers"])


async def test_an_unknown_code_is_said_to_be_unknown_and_shown_raw(bureau: Any) -> None:
    answer = await bureau().ask(SummarizeFailedServers())
    (unknown,) = [each for each in answer["groups"] if each["code"] == "SMS.4999"]
    assert unknown["known"] is False
    assert unknown["full_copy_again"] is None
    assert unknown["raw"].startswith("SMS.4999")
    assert "SMS.4999" in answer["summary"]


async def test_it_takes_the_fleet_the_error_list_and_the_templates(bureau: Any) -> None:
    place = bureau()
    await place.ask(SummarizeFailedServers())
    projects = len(place.sandbox.cloud.projects)
    assert place.desk.api.requests_made == 4 + 1 + projects


async def test_a_project_has_its_own_failures_only(bureau: Any) -> None:
    place = bureau()
    answer = await place.ask(SummarizeFailedServers(project="Wave-2-DB"))
    found = {server["id"] for each in answer["groups"] for server in each["servers"]}
    truths = place.sandbox.cloud.truth.values()
    assert found == {t.id for t in truths if t.failure and t.project == "Wave-2-DB"}


async def test_a_healthy_fleet_has_no_failures_and_says_so(bureau: Any) -> None:
    answer = await bureau("healthy").ask(SummarizeFailedServers())
    assert answer["groups"] == []
    assert answer["failed_servers"] == 0
    assert answer["summary"].startswith("No server has failed")


@pytest.mark.parametrize("scenario", ["mixed", "large"])
async def test_the_default_answer_is_bounded_and_no_count_shrinks(
    bureau: Any, scenario: str
) -> None:
    place = bureau(scenario, servers=700)
    answer = await place.ask(SummarizeFailedServers())
    assert compact_bytes(answer) <= CONCISE_BYTES
    truths = place.sandbox.cloud.truth.values()
    assert answer["failed_servers"] == sum(bool(truth.failure) for truth in truths)
    if scenario == "large":
        assert sum(each["count"] for each in answer["groups"]) == answer["failed_servers"]


async def test_groups_of_a_large_fleet_are_its_causes(bureau: Any) -> None:
    place = bureau("large", servers=700)
    answer = await place.ask(SummarizeFailedServers(detail="full"))
    causes: dict[str, set[str]] = {}
    for truth in place.sandbox.cloud.truth.values():
        if truth.group:
            causes.setdefault(truth.group, set()).add(truth.id)
    found = [{server["id"] for server in each["servers"]} for each in answer["groups"]]
    assert sorted(map(sorted, found)) == sorted(map(sorted, causes.values()))


async def test_without_the_error_list_the_answer_says_so(bureau: Any) -> None:
    place = bureau()
    place.sandbox.faults.add(Fault(Effect.STATUS, operation="list_failed_source_servers"))
    answer = await place.ask(SummarizeFailedServers())
    assert answer["incomplete"][0].startswith("list_failed_source_servers")
    assert "incomplete" in answer["summary"]
    assert answer["failed_servers"] > 0


async def test_the_full_answer_names_where_each_failure_was_read(bureau: Any) -> None:
    answer = await bureau().ask(SummarizeFailedServers(detail="full"))
    evidence = answer["groups"][0]["evidence"][0]
    assert {"source_state", "task_error", "error_list"} <= set(evidence["said_by"])
    assert "list_failed_source_servers" in evidence["from"]
    assert evidence["since"].endswith("Z")


# Pure: facts in, groups out


def test_a_code_that_is_cut_off_in_the_list_comes_from_the_task() -> None:
    server = _failed(1, _error("SMS.1105", "quota exceeded"))
    entry = FailedServer.read({"source_id": "s1", "error_json": '{"error_code":"SMS.11'})
    (failure,) = failures_of(_fleet(server), [entry])
    assert (failure.code, failure.params, failure.whole) == ("SMS.1105", ("quota exceeded",), True)
    assert failure.said_by == ["source_state", "task_error", "error_list"]


def test_a_cut_off_error_still_gives_its_code_and_says_that_it_is_cut() -> None:
    server = _failed(1, '{"error_code":"SMS.1105","error_param":"[\\"quota exc')
    (failure,) = failures_of(_fleet(server), [])
    assert (failure.code, failure.whole) == ("SMS.1105", False)


@pytest.mark.parametrize("text", [None, "", "null", "{", '{"error_code":null}', "[]", "7"])
def test_a_failure_without_a_readable_code_is_still_a_failure(text: str | None) -> None:
    (found,) = group(failures_of(_fleet(_failed(1, text)), []))
    assert found.codes == []
    assert found.knowledge() is None
    assert len(found.servers) == 1


def test_a_failed_task_of_a_server_that_seems_to_wait_is_a_failure() -> None:
    task = MigrationTask.read({"state": "MIGRATE_FAIL", "error_json": _error("SMS.0412")})
    server = Server(SourceServer.read({"id": "a", "state": "waiting"}), task)
    (failure,) = failures_of(_fleet(server), [])
    assert failure.said_by == ["task_state", "task_error"]


def test_an_entry_whose_server_is_not_listed_is_told_by_its_own_name() -> None:
    entry = FailedServer.read(
        {"source_id": "gone", "name": "old\u202e-1", "error_json": _error("SMS.0412")}
    )
    (failure,) = failures_of(_fleet(), [entry])
    assert failure.server.as_data() == {"name": "old-1", "id": "gone"}
    assert failures_of(Fleet((), None, narrowed=True), [entry]) == []  # type: ignore[arg-type]


def test_an_entry_of_a_server_that_is_paused_is_not_recovered() -> None:
    server = _failed(1, None, state="stopped")
    entry = FailedServer.read({"source_id": "s1", "error_json": _error("SMS.3802")})
    (failure,) = failures_of(_fleet(server), [entry])
    assert not failure.recovered


def test_network_errors_within_a_quarter_of_an_hour_in_one_network_are_one_event() -> None:
    fleet = _fleet(
        _failed(1, _error("SMS.3802"), at=0),
        _failed(2, _error("SMS.2802", "10.0.0.1"), at=14),
        _failed(3, _error("SMS.3802"), at=3, template="t2"),
    )
    groups = group(failures_of(fleet, []), {"t1": "subnet a", "t2": "subnet b"})
    assert [sorted(s.id for s in each.servers) for each in groups] == [["s1", "s2"], ["s3"]]
    assert groups[0].is_network_event
    assert groups[0].likely_one_cause
    assert not groups[1].likely_one_cause


def test_network_errors_of_different_codes_far_apart_in_time_stay_apart() -> None:
    fleet = _fleet(_failed(1, _error("SMS.3802")), _failed(2, _error("SMS.2802"), at=16))
    assert len(group(failures_of(fleet, []), {"t1": "subnet a"})) == 2


def test_other_errors_are_apart_by_what_their_first_parameter_is() -> None:
    fleet = _fleet(
        _failed(1, _error("SMS.1105", "quota exceeded")),
        _failed(2, _error("SMS.1105", "volume is in use")),
        _failed(3, _error("SMS.1105", "quota exceeded"), at=600),
    )
    groups = group(failures_of(fleet, []))
    assert [sorted(s.id for s in each.servers) for each in groups] == [["s1", "s3"], ["s2"]]


def test_three_servers_that_share_something_are_likely_one_cause_two_are_not() -> None:
    two = [_failed(n, _error("SMS.5102")) for n in (1, 2)]
    (pair,) = group(failures_of(_fleet(*two), []))
    assert not pair.likely_one_cause
    (three,) = group(failures_of(_fleet(*two, _failed(3, _error("SMS.5102"))), []))
    assert three.likely_one_cause
    assert three.shared["os_type"] == "LINUX"


@pytest.mark.parametrize(
    ("param", "kind"),
    [
        ("8f0dd1ee-d77c-46c0-884f-3dd6415af341", "<id>"),
        ("10.20.0.4", "<address>"),
        ("10.20.0.4:8899", "<address>"),
        ("/mnt/vdb1", "<path>"),
        ("C:\\Users", "<path>"),
        ("12.5 %".replace(" ", ""), "<number>"),
        ("Disk 3 is full", "disk # is full"),
    ],
)
def test_parameters_are_told_apart_by_their_kind(param: str, kind: str) -> None:
    assert kind_of_param(param) == kind


async def test_the_suggested_plan_fits_the_failure_and_names_many_by_their_code(
    bureau: Any,
) -> None:
    answer = await bureau().ask(SummarizeFailedServers())
    plan = answer["suggested_actions"][0]
    assert plan["tool"] == "plan_remediation"
    assert plan["arguments"] == {"servers": [s["id"] for s in answer["groups"][0]["servers"]]}
    goals = [each["arguments"].get("goal") for each in answer["suggested_actions"]]
    assert "rebuild" in goals
    project = "Wave-01"
    large = await bureau("large", servers=700).ask(SummarizeFailedServers())
    assert large["suggested_actions"][0]["arguments"] == {"group": large["groups"][0]["code"]}
    place = bureau("large", servers=700)
    cloud = place.sandbox.cloud
    wave = next(key for key, each in cloud.projects.items() if each.fields["name"] == project)
    for source in cloud.sources.values():
        source.project_id = wave
    narrow = await place.ask(SummarizeFailedServers(project=project))
    plans = [a["arguments"] for a in narrow["suggested_actions"] if "group" in a["arguments"]]
    assert plans
    assert all(each["project"] == project for each in plans)
