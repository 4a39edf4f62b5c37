"""A check passes only for values known to be good; whatever else stands there is unknown."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sms_tools.fleet.fitness import assess, verdict_of
from sms_tools.fleet.gates import gates_of
from sms_tools.fleet.machine import SourceFacts
from sms_tools.fleet.paths import Rules, Subnet, ways_of
from sms_tools.fleet.server import Server
from sms_tools.fleet.verification import Consistency, judge
from sms_tools.knowledge.states import phase_of
from sms_tools.operations.source_servers import SourceServer, SourceServerDetail
from sms_tools.operations.tasks import ConsistencyResults, MigrationTask

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
GIB = 1024**3
CLEAN = Consistency("clean", "agrees")


def ago(hours: float) -> int:
    return int((NOW - timedelta(hours=hours)).timestamp() * 1000)


def step(name: str, start: float, end: float | None, percent: Any = 100) -> dict[str, Any]:
    ended = None if end is None else ago(end)
    return {"name": name, "progress": percent, "start_date": ago(start), "end_date": ended}


COPY = [step("SSL_CONFIG", 50, 49.9), step("MIGRATE_LINUX_FILE", 49.9, 40)]
SYNC = step("SYNC_LINUX_FILE", 2, 1)
SOURCE: Mapping[str, Any] = {
    "id": "s",
    "name": "db",
    "state": "syncing",
    "migration_cycle": "syncing",
    "connected": True,
    "current_task": {"id": "t"},
    "checks": [{"name": "CPU", "result": "OK"}],
}
TASK: Mapping[str, Any] = {
    "id": "t",
    "state": "SYNCING",
    "error_json": "",
    "sub_tasks": [*COPY, SYNC],
    "special_config": [],
}


def server(source: Mapping[str, Any], task: Mapping[str, Any] | None) -> Server:
    detail = None if task is None else MigrationTask.read({**TASK, **task})
    return Server(SourceServer.read({**SOURCE, **source}), detail)


def test_all_that_is_known_to_be_good_is_ready() -> None:
    assert gates_of(server({}, {}), CLEAN, NOW).verdict == "ready"


OPTION = {"config_key": "EXCLUDE_MIGRATE_PATH", "config_value": "/srv"}
NO_FLAG: tuple[Any, ...] = (None, "n/a", [])
NO_TEXT: tuple[Any, ...] = (None, [], {})
NO_NUMBER: tuple[Any, ...] = (None, -1, "n/a", [])
NO_LIST: tuple[Any, ...] = (None, [])
NO_RESULT: tuple[Any, ...] = (
    *NO_LIST,
    [{"name": "CPU", "result": None}],
    [{"name": "CPU", "result": "SKIPPED"}],
    [{"name": "CPU", "result": "OK"}, {"name": "NEW"}],
)
UNKNOWN: list[tuple[str, Mapping[str, Any], Mapping[str, Any] | None]] = [
    *(("stage_syncing", {"migration_cycle": each}, {}) for each in (None, "", "synchronizing", 7)),
    *(("state_syncing", {"state": each}, {}) for each in (None, "", "in_sync", "syncing2")),
    *(("agent_connected", {"connected": each}, {}) for each in NO_FLAG),
    *(("no_error", {}, {"error_json": each}) for each in NO_TEXT),
    ("no_error", {}, None),
    *(("launch_allowed", {}, {"state": each}) for each in (None, "", "SYNCED", "RESYNCING")),
    *(("launch_allowed", {}, {"state": each}) for each in ("MIGRATE_SUCCESS", "ABORT", "DELETING")),
    ("launch_allowed", {"migration_cycle": "synchronizing"}, {}),
    ("full_copy_done", {}, {"sub_tasks": None}),
    ("full_copy_done", {}, {"sub_tasks": []}),
    ("full_copy_done", {}, {"sub_tasks": [step("COPY_LINUX", 5, 4)]}),
    ("full_copy_done", {}, {"sub_tasks": [*COPY, step("COPY_MORE", 39, 38)]}),
    *(
        ("full_copy_done", {}, {"sub_tasks": [step("MIGRATE_LINUX_FILE", 50, 40, each), SYNC]})
        for each in (None, -1, 137, "n/a")
    ),
    ("last_sync_done", {}, {"sub_tasks": None}),
    ("last_sync_done", {}, {"sub_tasks": [*COPY, SYNC, step("RESYNC_NEW", 0.5, 0.4)]}),
    *(
        ("last_sync_done", {}, {"sub_tasks": [*COPY, step("SYNC_LINUX_FILE", 2, 1, each)]})
        for each in (None, -1, 137)
    ),
    ("last_sync_done", {}, {"sub_tasks": [*COPY, step("SYNC_LINUX_FILE", -1, -2)]}),
    ("last_sync_done", {}, {"sub_tasks": [*COPY, {"name": "SYNC_LINUX_FILE", "progress": 100}]}),
    ("no_clone_in_progress", {"state": "in_sync"}, {}),
    ("no_clone_in_progress", {"state": None}, {}),
    ("no_clone_in_progress", {}, {"sub_tasks": None}),
    ("nothing_left_out", {}, {"special_config": None}),
    ("nothing_left_out", {}, {"special_config": [OPTION]}),
    ("nothing_left_out", {}, {"special_config": [{**OPTION, "config_key": "NEW_OPTION"}]}),
    ("nothing_left_out", {}, {"special_config": [{**OPTION, "config_key": None}]}),
    ("no_failed_rehearsal", {"current_task": None}, {}),
    ("no_failed_rehearsal", {"current_task": None}, None),
    ("no_failed_rehearsal", {}, {"clone_server": {"clone_error": "SMS.6526"}}),
    *(("environment_checks", {"checks": each}, {}) for each in NO_RESULT),
]


@pytest.mark.parametrize(("gate", "source", "task"), UNKNOWN, ids=ascii)
def test_a_gate_is_unknown_for_what_is_not_known_to_be_good(
    gate: str, source: Mapping[str, Any], task: Mapping[str, Any] | None
) -> None:
    gates = gates_of(server(source, task), CLEAN, NOW)
    assert gates.findings[gate].verdict == "unknown"
    assert gates.verdict != "ready"


def test_every_gate_but_consistency_has_a_row_above() -> None:
    gates = gates_of(server({}, {}), CLEAN, NOW).findings
    assert {gate for gate, _, _ in UNKNOWN} == {*gates} - {"consistency_clean"}


DIRECTORY: Mapping[str, Any] = {
    "dir_check": "/srv",
    "num_total_files": 100,
    "num_different_files": 0,
    "num_target_miss_files": 0,
    "num_target_more_files": 0,
}
RUN: Mapping[str, Any] = {"finished_time": ago(0.5), "check_result": "success"}


def verdict(run: Mapping[str, Any], directory: Mapping[str, Any] | None) -> str:
    rows = [] if directory is None else [{**DIRECTORY, **directory}]
    record = {**RUN, "consistency_result": rows, **run}
    reply = ConsistencyResults.read({"result_list": [record]})
    return judge(reply, NOW - timedelta(hours=1), NOW).verdict


@pytest.mark.parametrize(
    ("run", "directory", "found"),
    [
        ({}, {}, "clean"),
        ({}, {"num_target_more_files": 3}, "warning"),
        *(({"check_result": each}, {}, "partial") for each in (None, "", " ")),
        *(({"check_result": each}, {}, "inconsistent") for each in ("failed", "succeeded", "ok")),
        *(({"finished_time": each}, {}, "unreadable") for each in (None, 0, "n/a")),
        ({"finished_time": ago(-24)}, {}, "unreadable"),
        ({}, None, "partial"),
        ({"consistency_result": None}, None, "partial"),
        *(
            ({}, {name: each}, "partial")
            for name in DIRECTORY
            if name.startswith("num_")
            for each in NO_NUMBER
        ),
        ({}, {"num_total_files": 0}, "partial"),
        ({}, {"num_total_files": 1_000_000}, "partial"),
        ({}, {"num_total_files": 10**30}, "partial"),
    ],
    ids=ascii,
)
def test_a_verification_is_clean_only_with_every_number_there(
    run: Mapping[str, Any], directory: Mapping[str, Any] | None, found: str
) -> None:
    assert verdict(run, directory) == found


FIT: Mapping[str, Any] = {
    "id": "s",
    "name": "db",
    "state": "waiting",
    "migration_cycle": "checking",
    "connected": True,
    "os_type": "LINUX",
    "os_version": "UBUNTU_22_4_64BIT",
    "firmware": "BIOS",
    "has_tc": True,
    "checks": [{"name": "CPU", "result": "OK"}],
}
PART: Mapping[str, Any] = {
    "name": "/dev/vda1",
    "mount_point": "/",
    "file_system": "ext4",
    "device_use": "OS",
    "size": 40 * GIB,
    "used_size": 10 * GIB,
}


def assessed(record: Mapping[str, Any], part: Mapping[str, Any], **disk: Any) -> tuple[str, str]:
    """The verdict, and the kinds of remarks."""
    disks = [{"name": "/dev/vda", "size": 40 * GIB, "physical_volumes": [{**PART, **part}], **disk}]
    detail = SourceServerDetail.read({**FIT, "disks": disks, **record})
    remarks = assess(SourceFacts(Server(detail), NOW, detail))
    return verdict_of(remarks), " ".join(each.kind for each in remarks)


def test_a_server_of_which_all_is_known_and_good_is_fit() -> None:
    assert assessed({}, {}) == ("go", "")


@pytest.mark.parametrize(
    ("record", "part", "kind"),
    [
        *(({"firmware": each}, {}, "firmware_unknown") for each in (None, "", "OPENFIRMWARE", 7)),
        *(({"checks": each}, {}, "no_checks") for each in NO_LIST),
        *(
            ({"checks": [{"name": "CPU", "result": each}]}, {}, "check_unclear")
            for each in (None, "", "SKIPPED")
        ),
        *(({"connected": each}, {}, "connection_unknown") for each in (None, "n/a")),
        *(({"state": each}, {}, "phase_unknown") for each in (None, "", "prepared")),
        ({"migration_cycle": "planning"}, {}, "phase_unknown"),
        *(({"os_version": each}, {}, "system_unknown") for each in (None, "", "PLAN9")),
        *(({"os_type": each}, {}, "system_unknown") for each in (None, "", "AIX")),
        *(({}, {"file_system": each}, "file_system_unknown") for each in (None, "", "raw")),
        *(({}, {name: None}, "space_unknown") for name in ("size", "used_size")),
        ({"disks": []}, {}, "no_disks"),
        ({"disks": [{"name": "/dev/vda", "size": 40 * GIB}]}, {}, "disks_incomplete"),
        ({"disks": [{"name": "/dev/vda", "physical_volumes": [PART]}]}, {}, "disks_incomplete"),
    ],
    ids=ascii,
)
def test_a_server_is_fit_only_for_what_is_known_to_be_good(
    record: Mapping[str, Any], part: Mapping[str, Any], kind: str
) -> None:
    found, kinds = assessed(record, part)
    assert found == "unknown"
    assert kind in kinds


@pytest.mark.parametrize("system", ["XENIX", "btrfs2", "refs"])
def test_a_file_system_that_is_not_known_to_be_migrated_is_none(system: str) -> None:
    assert assessed({}, {"file_system": system})[0] == "other_method"


@pytest.mark.parametrize(
    ("connected", "found"), [(True, "open"), (None, "unknown"), (False, "unknown")]
)
def test_a_copy_shows_its_way_open_only_while_the_agent_is_known_to_be_there(
    connected: bool | None, found: str
) -> None:
    copying = {"state": "replicate", "migration_cycle": "replicating", "os_type": "LINUX"}
    one = server({**copying, "connected": connected}, {"state": "RUNNING"})
    subnet = Subnet("n", "net", "p", "r")
    ways = ways_of(one, "MIGRATE_FILE", subnet, "", Rules({}), None)
    assert {way.verdict for way in ways} == {found}


@pytest.mark.parametrize(
    ("stage", "state", "task", "phase"),
    [
        ("synchronizing", "syncing", "SYNCING", "unknown"),
        ("cutover_new", "finished", "MIGRATE_SUCCESS", "unknown"),
        ("syncing", "finished", "SYNCING", "unknown"),
        ("syncing", "in_sync", "SYNCING", "unknown"),
        ("anything", "error", None, "failed"),
        ("anything", "stopped", None, "paused"),
        (None, "syncing", None, "syncing"),
        (None, None, "DONE", "unknown"),
        ("anything", None, "RUNNING", "unknown"),
    ],
)
def test_a_phase_comes_from_words_that_are_known(
    stage: str | None, state: str | None, task: str | None, phase: str
) -> None:
    assert phase_of(migration_cycle=stage, source_state=state, task_state=task) == phase


@pytest.mark.parametrize(
    ("system", "position", "terabytes", "kind", "code", "says"),
    [
        ("LINUX", 0, 2, "system_disk_over_limit", "SMS.6537", "Its system disk has"),
        ("WINDOWS", 0, 2, "system_disk_over_limit", "SMS.6537", "Its system disk has"),
        ("LINUX", 1, 40, "linux_disk_over_limit", None, "Its disk /dev/vdb has"),
        ("WINDOWS", 1, 40, None, None, ""),
        ("LINUX", 1, 2, None, None, ""),
    ],
)
def test_a_disk_over_the_limit_is_named_with_what_it_is(
    system: str, position: int, terabytes: int, kind: str | None, code: str | None, says: str
) -> None:
    disks = [
        {"name": f"/dev/vd{letter}", "size": 40 * GIB, "physical_volumes": [PART]}
        for letter in "ab"
    ]
    disks[position] |= {"size": terabytes * 1024 * GIB}
    detail = SourceServerDetail.read({**FIT, "os_type": system, "disks": disks})
    remarks = assess(SourceFacts(Server(detail), NOW, detail))
    found = [each for each in remarks if each.kind.endswith("_over_limit")]
    assert [each.kind for each in found] == ([kind] if kind else [])
    for each in found:
        assert each.code == code
        assert each.says.startswith(says)
        assert each.weight == "repair_first"


def test_a_disk_over_the_limit_that_is_full_goes_another_way() -> None:
    full = {**PART, "size": 2048 * GIB, "used_size": 2000 * GIB}
    disks = [{"name": "/dev/vda", "size": 2048 * GIB, "physical_volumes": [full]}]
    detail = SourceServerDetail.read({**FIT, "disks": disks})
    remark = next(
        r for r in assess(SourceFacts(Server(detail), NOW, detail)) if "over_limit" in r.kind
    )
    assert remark.weight == "other_method"
    assert "in use" in remark.says
