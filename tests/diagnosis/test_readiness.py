"""check_cutover_readiness: ready only if every gate passes, and unknown is never ready."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sms_tools.diagnosis.readiness import CheckCutoverReadiness
from sms_tools.fleet.gates import gates_of
from sms_tools.fleet.reading import Server
from sms_tools.fleet.verification import Consistency
from sms_tools.operations.source_servers import SourceServer
from sms_tools.operations.tasks import MigrationTask

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
CLEAN = Consistency("clean", "agrees")


def ago(hours: float) -> int:
    return int((NOW - timedelta(hours=hours)).timestamp() * 1000)


def step(name: str, start: float, end: float | None, percent: int | None = 100) -> dict[str, Any]:
    return {
        "name": name,
        "progress": percent,
        "start_date": ago(start),
        "end_date": None if end is None else ago(end),
    }


COPY = [step("SSL_CONFIG", 50, 49.9), step("MIGRATE_LINUX_FILE", 49.9, 40)]
SYNC = step("SYNC_LINUX_FILE", 2, 1)


def server(source: dict[str, Any] | None = None, **task: Any) -> Server:
    known: dict[str, Any] = {
        "id": "s",
        "name": "db",
        "state": "syncing",
        "migration_cycle": "syncing",
        "connected": True,
        "current_task": {"id": "t"},
        "checks": [{"name": "CPU", "result": "OK"}],
    }
    row = {"id": "t", "state": "SYNCING", "error_json": "", "sub_tasks": [*COPY, SYNC]}
    row |= {"special_config": [], **task}
    return Server(SourceServer.read({**known, **(source or {})}), MigrationTask.read(row))


def test_a_server_that_passes_every_gate_is_ready() -> None:
    gates = gates_of(server(), CLEAN, NOW)
    assert gates.open == {}
    assert gates.verdict == "ready"


@pytest.mark.parametrize(
    ("gate", "source", "task"),
    [
        ("stage_syncing", {"migration_cycle": "replicating"}, {}),
        ("state_syncing", {"state": "stopped"}, {}),
        ("agent_connected", {"connected": False}, {}),
        ("no_error", {}, {"error_json": '{"error_code":"SMS.3802","error_param":"[]"}'}),
        ("no_error", {}, {"error_json": '{"error_code":"SMS.38'}),
        ("launch_allowed", {}, {"state": "DELETING"}),
        ("full_copy_done", {}, {"sub_tasks": [step("MIGRATE_LINUX_FILE", 5, None, 60)]}),
        ("full_copy_done", {}, {"sub_tasks": [step("MIGRATE_LINUX_FILE", 5, None, None)]}),
        ("last_sync_done", {}, {"sub_tasks": [*COPY, step("SYNC_LINUX_FILE", 1, None, 6)]}),
        ("no_clone_in_progress", {"state": "cloning"}, {}),
        ("environment_checks", {"checks": [{"name": "RSYNC", "result": "ERROR"}]}, {}),
    ],
)
def test_one_failed_gate_makes_it_not_ready(
    gate: str, source: dict[str, Any], task: dict[str, Any]
) -> None:
    gates = gates_of(server(source, **task), CLEAN, NOW)
    if task.get("state") == "DELETING":
        assert gates.findings[gate].verdict != "pass"
        assert gates.verdict != "ready"
    else:
        assert gates.findings[gate].verdict == "fail"
        assert gates.verdict == "not_ready"


@pytest.mark.parametrize(
    ("gate", "source", "task"),
    [
        ("agent_connected", {"connected": None}, {}),
        ("no_error", {}, {"error_json": None}),
        ("full_copy_done", {}, {"sub_tasks": None}),
        ("full_copy_done", {}, {"sub_tasks": [step("SOMETHING_NEW", 5, 4)]}),
        ("last_sync_done", {}, {"sub_tasks": [*COPY, step("SYNC_LINUX_FILE", 35, 30)]}),
        ("environment_checks", {"checks": None}, {}),
        ("launch_allowed", {}, {"state": None}),
        ("stage_syncing", {"migration_cycle": None}, {}),
    ],
)
def test_one_unknown_gate_makes_it_not_confirmed(
    gate: str, source: dict[str, Any], task: dict[str, Any]
) -> None:
    gates = gates_of(server(source, **task), CLEAN, NOW)
    assert gates.findings[gate].verdict == "unknown"
    assert gates.verdict == "not_confirmed"


@pytest.mark.parametrize(
    ("consistency", "verdict"),
    [
        ("clean", "ready"),
        ("inconsistent", "not_ready"),
        ("stale", "not_ready"),
        ("warning", "not_confirmed"),
        ("partial", "not_confirmed"),
        ("never", "not_confirmed"),
        ("unreadable", "not_confirmed"),
    ],
)
def test_consistency_decides_as_a_gate(consistency: Any, verdict: str) -> None:
    assert gates_of(server(), Consistency(consistency, ""), NOW).verdict == verdict


def test_a_copy_without_any_synchronisation_since_has_no_gap() -> None:
    gates = gates_of(server(sub_tasks=COPY), CLEAN, NOW)
    assert gates.findings["last_sync_done"].verdict == "pass"


def test_old_launches_in_the_history_do_not_count() -> None:
    history = [
        *COPY,
        step("CONFIGURE_LINUX_FILE", 30, 29.9),
        step("DETTACH_AGENT_IMAGE", 29.9, 29.8),
        step("SSL_CONFIG", 4, 3.9),
        step("ATTACH_AGENT_IMAGE", 3.9, 3.8),
        step("SYNC_LINUX_FILE", 3.8, None, 40),
    ]
    gates = gates_of(server(sub_tasks=history), CLEAN, NOW)
    assert gates.findings["full_copy_done"].verdict == "pass"
    assert gates.findings["last_sync_done"].verdict == "fail"


@pytest.mark.parametrize("scenario", ["mixed", "cutover-night", "healthy"])
async def test_the_verdicts_are_those_of_the_truth(bureau: Any, scenario: str) -> None:
    place = bureau(scenario)
    truths = [t for t in place.sandbox.cloud.truth.values() if t.readiness]
    ids = [truth.id for truth in truths]
    answer = await place.ask(CheckCutoverReadiness(servers=ids, detail="full"))
    found = {row["id"]: row["verdict"] for row in answer["servers"]}
    assert found == {truth.id: truth.readiness for truth in truths}


async def test_a_wave_is_as_ready_as_its_worst_server(bureau: Any) -> None:
    place = bureau("cutover-night")
    answer = await place.ask(CheckCutoverReadiness(project="Cutover-Night"))
    assert answer["verdict"] == "not_ready"
    assert answer["verdicts"] == {"not_ready": 4, "not_confirmed": 2, "ready": 6}
    assert any("balance" in each for each in answer["not_checked"])
    assert all(
        set(row["gates"].values()) <= {"pass", "fail", "unknown"} for row in answer["servers"]
    )
    ready = await place.ask(CheckCutoverReadiness(servers=["shop-web-01"]))
    assert ready["verdict"] == "ready"
    unverified = await place.ask(CheckCutoverReadiness(servers=["pay-batch-01"]))
    assert unverified["verdict"] == "not_confirmed"


async def test_launched_servers_are_not_judged_again(bureau: Any) -> None:
    answer = await bureau().ask(CheckCutoverReadiness(servers=["web-01"]))
    assert answer["already_launched"] == 1
    assert answer["servers"] == []
    assert answer["verdict"] != "ready"


@pytest.mark.parametrize("key", ["EXCLUDE_MIGRATE_PATH", "SYNC_EXCLUDE_DIR", "ONLY_SYNC_PATH"])
def test_a_path_left_out_of_the_copy_is_named_and_never_ready(key: str) -> None:
    options = [{"config_key": key, "config_value": "/var/lib/mysql,/srv/data"}]
    gates = gates_of(server(special_config=options), CLEAN, NOW)
    assert gates.verdict == "not_confirmed"
    assert "/var/lib/mysql" in gates.open["nothing_left_out"].says


def test_options_that_nobody_read_are_unknown() -> None:
    gates = gates_of(server(special_config=None), CLEAN, NOW)
    assert gates.findings["nothing_left_out"].verdict == "unknown"
    read = gates_of(server(special_config=None), CLEAN, NOW, options=[])
    assert read.verdict == "ready"


def test_a_failed_rehearsal_is_never_ready() -> None:
    failed = server(clone_server={"vm_id": "", "clone_error": "SMS.6526"})
    gates = gates_of(failed, CLEAN, NOW)
    assert gates.verdict == "not_confirmed"
    assert "SMS.6526" in gates.open["no_failed_rehearsal"].says


@pytest.mark.parametrize(("hours", "verdict"), [(2.5, "ready"), (3.5, "not_confirmed")])
def test_the_last_sync_is_judged_by_the_servers_own_interval(hours: float, verdict: str) -> None:
    hourly = [step("SYNC_LINUX_FILE", hours + n + 0.1, hours + n) for n in range(5, -1, -1)]
    steps = [
        {**each, "user_op": f"RESYNC{n}"} if n > 1 else {**each, "user_op": "REPLICATE"}
        for n, each in enumerate([*COPY, *hourly])
    ]
    assert gates_of(server(sub_tasks=steps), CLEAN, NOW).verdict == verdict


def test_a_sync_that_ends_in_the_future_is_unknown() -> None:
    ahead = server(sub_tasks=[*COPY, step("SYNC_LINUX_FILE", -1, -2)])
    gates = gates_of(ahead, CLEAN, NOW)
    assert gates.open["last_sync_done"].verdict == "unknown"
    assert "clock" in gates.open["last_sync_done"].says


def test_a_check_with_an_unknown_result_is_unknown() -> None:
    odd = server({"checks": [{"name": "CPU", "result": "SKIPPED"}]})
    assert gates_of(odd, CLEAN, NOW).findings["environment_checks"].verdict == "unknown"


@pytest.mark.parametrize(
    "text", ["{}", "[]", '{"error_code":null}', '{"error_code":"","error_param":"[]"}']
)
def test_an_empty_error_object_is_no_error(text: str) -> None:
    assert gates_of(server(error_json=text), CLEAN, NOW).verdict == "ready"
