"""The scenarios: reproducible, of the promised size, and as their truth says."""

import json
import re
import time
from argparse import ArgumentParser
from pathlib import Path

import pytest

from sms_tools.cli.options import add_sandbox_options
from sms_tools.operation import JSON
from sms_tools.sandbox.clocks import ManualClock
from sms_tools.sandbox.cloud import Cloud
from sms_tools.sandbox.identity import USUAL_SIZE
from sms_tools.sandbox.scenarios import SCENARIOS, build
from sms_tools.sandbox.source_calls import OVERVIEW
from sms_tools.sandbox.task_rules import check_new_task

PHASES = {
    "unavailable": "unavailable",
    "waiting": "waiting",
    "initialize": "initializing",
    "replicate": "replicating",
    "syncing": "syncing",
    "stopping": "paused",
    "stopped": "paused",
    "error": "failed",
    "cloning": "cloning",
    "cutovering": "cutting_over",
    "finished": "finished",
    "deleting": "deleting",
}


def fleet(cloud: Cloud) -> JSON:
    return json.dumps([cloud.list_sources({}), cloud.list_tasks({}), cloud.list_projects()])


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_same_seed_gives_the_same_fleet_and_another_seed_another(name: str) -> None:
    fleets = [fleet(build(name, now=ManualClock(), servers=50, seed=s)) for s in (3, 3, 4)]
    assert fleets[0] == fleets[1] != fleets[2]


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_server_is_in_the_phase_that_its_truth_says(name: str) -> None:
    cloud = build(name, now=ManualClock(), servers=60)
    rows = {row["id"]: row for row in cloud.list_sources({})[1]}
    assert {truth.id for truth in cloud.truth.values()} == set(rows)
    for key, truth in cloud.truth.items():
        row = rows[truth.id]
        assert PHASES[row["state"]] == truth.phase, key
        assert row["connected"] is not truth.offline, key
        assert row["name"] == truth.name


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_failure_of_the_truth_is_on_the_wire(name: str) -> None:
    cloud = build(name, now=ManualClock(), servers=60)
    for key, truth in cloud.truth.items():
        wire = json.dumps(cloud.show_source(truth.id))
        source = cloud.sources[truth.id]
        if source.task_id:
            wire += cloud.show_task(source.task_id)["error_json"]
        if truth.failure:
            assert truth.failure in wire, key


def test_the_consistency_verdicts_of_the_truth_follow_from_the_results() -> None:
    for name in ("mixed", "cutover-night"):
        cloud = build(name, now=ManualClock())
        for key, truth in cloud.truth.items():
            if truth.verdict:
                assert _verdict(cloud, truth.id) == truth.verdict, key


def _verdict(cloud: Cloud, source_id: str) -> str:
    task_id = str(cloud.sources[source_id].task_id)
    runs = cloud.consistency_results(task_id)["result_list"]
    if not runs:
        return "never"
    last = max(runs, key=lambda run: run["finished_time"])
    found = last["consistency_result"]
    copied = [
        s["end_date"]
        for s in cloud.show_task(task_id)["sub_tasks"]
        if s["name"].startswith(("MIGRATE_", "SYNC_"))
    ]
    if last["finished_time"] < max(copied):
        return "stale"
    if any(d["num_different_files"] or d["num_target_miss_files"] for d in found):
        return "inconsistent"
    if any(d["num_total_files"] in (0, 1_000_000) for d in found):
        return "partial"
    return "warning" if any(d["num_target_more_files"] for d in found) else "clean"


def test_mixed_has_every_state_and_a_dozen_different_failures() -> None:
    cloud = build("mixed", now=ManualClock())
    assert 38 <= len(cloud.sources) <= 52
    overview = cloud.overview()
    assert {state for state in OVERVIEW if not overview[state]} == {"skipping"}
    codes = {truth.failure for truth in cloud.truth.values() if truth.failure}
    assert len(codes) >= 12
    cycles = {s.cycle for s in cloud.sources.values() if s.state == "error"}
    assert cycles == {"replicating", "syncing", "cutovering", "cutovered"}
    verdicts = {t.verdict for t in cloud.truth.values()} - {None}
    assert verdicts == {"clean", "warning", "inconsistent", "partial", "stale", "never"}


def test_mixed_has_one_network_event_that_passes_in_half_an_hour() -> None:
    clock = ManualClock()
    cloud = build("mixed", now=clock)
    hit = [t for t in cloud.truth.values() if t.group and t.group.startswith("port 22")]
    times = [cloud.show_source(t.id)["state_action_time"] for t in hit]
    assert len(hit) == 4
    assert max(times) - min(times) < 15 * 60_000
    clock.advance(31 * 60)
    for truth in hit:
        cloud.manage(str(cloud.sources[truth.id].task_id), "start")
    clock.advance(120)
    assert {cloud.show_source(t.id)["state"] for t in hit} == {"replicate"}


def test_mixed_has_the_wires_awkward_cases() -> None:
    cloud = build("mixed", now=ManualClock())
    tasks = cloud.list_tasks({}, limit=200)[1]
    errors = cloud.list_errors(limit=100)[1]
    assert any(task["source_server"] is None for task in tasks)
    assert any(len(error["error_json"]) == 255 for error in errors)  # cut off
    assert any("\u202e" in row["name"] for row in cloud.list_sources({})[1])
    assert cloud.list_sources({"name": "app-server"})[0] == 2
    recovered = next(t for t in cloud.truth.values() if t.recovered)
    assert recovered.id in {error["source_id"] for error in errors}
    assert cloud.show_source(recovered.id)["state"] == "replicate"


def test_cutover_night_is_mostly_ready_and_partly_not() -> None:
    cloud = build("cutover-night", now=ManualClock())
    assert len(cloud.sources) == 12
    readiness = [truth.readiness for truth in cloud.truth.values()]
    assert readiness.count("ready") == 6
    assert readiness.count("not_ready") == 4
    assert readiness.count("not_confirmed") == 2


def test_large_is_as_large_as_asked_for_and_quick() -> None:
    began = time.process_time()
    cloud = build("large", now=ManualClock(), servers=2_000)
    assert time.process_time() - began < 3
    assert cloud.list_sources({}, limit=1)[0] == 2_000
    assert len(cloud.list_projects(limit=100)[1]) <= 50


@pytest.mark.parametrize(("name", "servers"), [("nothing", 5), ("large", 0), ("large", 60_001)])
def test_an_unknown_scenario_or_size_is_an_error(name: str, servers: int) -> None:
    with pytest.raises(ValueError, match=r"scenario|servers"):
        build(name, now=ManualClock(), servers=servers)


def test_the_closed_network_of_mixed_opens_when_its_cause_is_over() -> None:
    clock = ManualClock()
    cloud = build("mixed", now=clock)
    (network,) = cloud.closed_networks
    assert not cloud.network_open(network)
    clock.advance(31 * 60)
    assert cloud.network_open(network)


def test_mixed_has_a_task_that_would_erase_a_server_and_one_that_launches_by_itself() -> None:
    clock = ManualClock()
    cloud = build("mixed", now=clock)
    row = cloud.list_sources({"name": "new-04"})[1][0]
    assert row["current_task"]["exist_server"]
    assert row["current_task"]["target_server"]["vm_id"]
    assert cloud.by_name("mail-01").state == "initialize"
    clock.advance(24 * 3_600)
    assert cloud.by_name("mail-01").state == "finished"


@pytest.mark.parametrize("name", SCENARIOS)
def test_no_task_of_a_scenario_is_one_that_the_service_would_refuse(name: str) -> None:
    cloud = build(name, now=ManualClock(), servers=60)
    for task in cloud.tasks.values():
        template = cloud.templates.get(str(task.fields.get("vm_template_id")))
        target = {"vm_id": task.target_vm} if task.exist_server else {}
        body = {"type": task.type, "target_server": target}
        check_new_task(task.source, body, template.fields if template else None)


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_same_identity_is_the_same_account_in_the_next_process(name: str) -> None:
    first, again = (build(name, now=ManualClock(), seed=5) for _ in range(2))
    other = build(name, now=ManualClock(), seed=6)
    assert first.identity == again.identity != other.identity
    assert list(first.sources) == list(again.sources) != list(other.sources)
    assert set(USUAL_SIZE) == set(SCENARIOS)


def test_the_readme_and_the_help_name_every_scenario() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    (row,) = [line for line in readme.splitlines() if line.startswith("| `sms-tools sandbox`")]
    parser = ArgumentParser()
    add_sandbox_options(parser)
    text = re.sub(r"-\n +", "-", parser.format_help())
    for name in SCENARIOS:
        assert re.search(rf"\b{name}\b", row), name
        assert re.search(rf"\b{name}\b", text), name
