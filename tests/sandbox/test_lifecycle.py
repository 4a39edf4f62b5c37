"""How tasks live: their sub-tasks, bytes and states over time, and what goes wrong on the way."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sms_tools.operation import JSON
from sms_tools.sandbox.clocks import ManualClock
from sms_tools.sandbox.cloud import Cloud, Refusal
from sms_tools.sandbox.pace import Pace, RateLimit
from sms_tools.sandbox.scenarios import build
from sms_tools.sandbox.source_calls import LEGAL_STATES

CLOCK = 1_767_225_600.0
HOUR = 3_600
GIB = 1024**3
TIB = 1024 * GIB


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(CLOCK)


def make(clock: ManualClock, *, start: bool = True, windows: bool = False, **task: JSON) -> Cloud:
    """A cloud with one server and its task: 40 GiB at 200 Mbit/s, about half an hour."""
    cloud = Cloud(clock, seed=7)
    system = "WINDOWS" if windows else "LINUX"
    source = cloud.register_source({"name": "one", "os_type": system, "has_tc": True})
    body = {
        "name": "task",
        "type": "MIGRATE_BLOCK" if windows else "MIGRATE_FILE",
        "source_server": {"id": source},
        "target_server": {"name": "target"},
        "vm_template_id": cloud.create_template({"name": "template", "is_template": True}),
        "syncing": True,
        "auto_start": start,
        **task,
    }
    only = cloud.tasks[cloud.create_task(body)]
    only.total, only.rate = 40 * GIB, 200 * 125.0
    return cloud


def state(cloud: Cloud) -> tuple[str, str, str]:
    source = cloud.list_sources({})[1][0]
    return source["current_task"]["state"], source["state"], source["migration_cycle"]


def only_task(cloud: Cloud) -> str:
    return next(iter(cloud.tasks))


def groups(cloud: Cloud) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for step in cloud.show_task(only_task(cloud))["sub_tasks"]:
        found.setdefault(step["user_op"], []).append(step["name"])
    return found


def test_a_task_goes_from_ready_to_continuous_sync(clock: ManualClock) -> None:
    cloud = make(clock)
    assert state(cloud) == ("READY", "waiting", "setting")
    seen = []
    for _ in range(60):
        clock.advance(60)
        if state(cloud) not in seen:
            seen.append(state(cloud))
    assert seen == [
        ("RUNNING", "initialize", "replicating"),
        ("RUNNING", "replicate", "replicating"),
        ("SYNCING", "syncing", "syncing"),
    ]


def test_a_started_task_shows_it_only_after_a_moment(clock: ManualClock) -> None:
    cloud = make(clock, start=False)
    cloud.manage(only_task(cloud), "start")
    assert state(cloud)[0] == "READY"
    with pytest.raises(Refusal, match=r"SMS\.7713"):
        cloud.manage(only_task(cloud), "start")
    clock.advance(5)
    assert state(cloud)[0] == "RUNNING"


def test_without_syncing_the_target_is_launched_by_itself(clock: ManualClock) -> None:
    cloud = make(clock, syncing=False)
    clock.advance(2 * HOUR)
    assert state(cloud) == ("MIGRATE_SUCCESS", "finished", "cutovered")
    assert groups(cloud)["CUTOVER0"] == ["CONFIGURE_LINUX_FILE", "DETTACH_AGENT_IMAGE"]


@pytest.mark.parametrize("windows", [False, True])
def test_the_full_copy_has_the_sub_tasks_of_its_system(clock: ManualClock, windows: bool) -> None:
    cloud = make(clock, windows=windows)
    clock.advance(HOUR / 6)
    system, data = ("WINDOWS", "WINDOWS_BLOCK") if windows else ("LINUX_FILE", "LINUX_FILE")
    assert groups(cloud) == {
        "REPLICATE": [
            "CREATE_CLOUD_SERVER",
            "SSL_CONFIG",
            "ATTACH_AGENT_IMAGE",
            f"FORMAT_DISK_{system}",
            f"MIGRATE_{data}",
        ]
    }


def test_a_lists_sub_tasks_do_not_say_their_operation(clock: ManualClock) -> None:
    cloud = make(clock)
    clock.advance(60)
    assert all("user_op" not in s for s in cloud.list_tasks({})[1][0]["sub_tasks"])


def test_launch_restart_and_launch_again_are_counted(clock: ManualClock) -> None:
    cloud = make(clock)
    clock.advance(HOUR)
    for operation, after in (
        ("test", ("MIGRATE_SUCCESS", "finished", "cutovered")),
        ("restart", ("SYNCING", "syncing", "syncing")),
        ("cutover", ("MIGRATE_SUCCESS", "finished", "cutovered")),
    ):
        cloud.manage(only_task(cloud), operation)
        clock.advance(600)
        assert state(cloud) == after
    assert [op for op in groups(cloud) if op.startswith("CUTOVER")] == ["CUTOVER0", "CUTOVER1"]
    assert ["SSL_CONFIG", "ATTACH_AGENT_IMAGE", "SYNC_LINUX_FILE"] in groups(cloud).values()


def test_a_clone_is_made_and_sync_goes_on(clock: ManualClock) -> None:
    cloud = make(clock)
    clock.advance(HOUR)
    template = cloud.create_template({"name": "clone"})
    cloud.manage(only_task(cloud), "clone_test", template_id=template)
    assert state(cloud) == ("SYNCING", "cloning", "syncing")
    clock.advance(900)
    assert state(cloud)[1] == "syncing"
    assert cloud.show_task(only_task(cloud))["clone_server"]["clone_error"] is None


def test_a_pause_keeps_the_bytes_and_a_start_goes_on_from_them(clock: ManualClock) -> None:
    cloud = make(clock)
    clock.advance(1_200)
    cloud.manage(only_task(cloud), "stop")
    assert state(cloud) == ("ABORTING", "stopping", "replicating")
    clock.advance(60)
    assert state(cloud) == ("ABORT", "stopped", "replicating")
    done = cloud.list_sources({})[1][0]["replicatesize"]
    clock.advance(5 * HOUR)
    assert cloud.list_sources({})[1][0]["replicatesize"] == done > 0
    cloud.manage(only_task(cloud), "start")
    clock.advance(63)
    assert cloud.list_sources({})[1][0]["replicatesize"] == pytest.approx(
        done + 60 * 25_000_000, rel=0.01
    )


def test_bytes_come_at_the_rate_and_what_is_left_is_told_from_it(clock: ManualClock) -> None:
    cloud = make(clock)
    clock.advance(900)
    before = cloud.list_sources({})[1][0]["replicatesize"]
    clock.advance(600)
    row = cloud.list_sources({})[1][0]
    assert row["replicatesize"] - before == pytest.approx(600 * 25_000_000, rel=0.001)
    left = row["totalsize"] - row["replicatesize"]
    told = row["current_task"]["remain_seconds"]
    assert told == pytest.approx(left / 25_000_000, rel=0.2)


def test_a_tasks_rate_is_in_megabytes_and_a_sub_tasks_in_megabits(clock: ManualClock) -> None:
    cloud = make(clock)
    clock.advance(900)
    detail = cloud.show_task(only_task(cloud))
    assert detail["sub_tasks"][-1]["migrate_speed"] == pytest.approx(
        8 * detail["migrate_speed"], rel=0.01
    )
    assert detail["migrate_speed"] == pytest.approx(25, rel=0.2)


def test_a_limit_bends_the_rate_in_its_hours_alone(clock: ManualClock) -> None:
    cloud = make(clock)
    clock.advance(900)  # 00:15 in UTC
    segment = {"start": "0:00", "end": "0:20", "speed": 20}
    cloud.set_rate_limits(only_task(cloud), [segment])
    before = cloud.list_sources({})[1][0]["replicatesize"]
    clock.advance(600)
    moved = cloud.list_sources({})[1][0]["replicatesize"] - before
    assert moved == pytest.approx(300 * 2_500_000 + 300 * 25_000_000, rel=0.001)
    assert cloud.rate_limits(only_task(cloud)) == [segment]


def test_a_limit_that_cannot_be_kept_pauses_the_task_and_lifting_it_helps(
    clock: ManualClock,
) -> None:
    cloud = make(clock)
    cloud.tasks[only_task(cloud)].source.has_tc = False
    clock.advance(900)
    limit = {"start": "00:00", "end": "23:59", "speed": 50, "over_speed_threshold": 50.0}
    cloud.set_rate_limits(only_task(cloud), [limit])
    clock.advance(60)
    assert state(cloud) == ("ABORT", "stopped", "replicating")
    assert "SMS.9007" in cloud.show_task(only_task(cloud))["error_json"]
    cloud.set_rate_limits(only_task(cloud), [])
    cloud.manage(only_task(cloud), "start")
    clock.advance(2 * HOUR)
    assert state(cloud)[1] == "syncing"


def test_an_agent_that_goes_offline_stops_the_bytes_until_it_is_back(clock: ManualClock) -> None:
    cloud = make(clock)
    clock.advance(900)
    source = next(iter(cloud.sources))
    cloud.disconnect(source)
    before = cloud.show_source(source)
    clock.advance(5 * HOUR)
    during = cloud.show_source(source)
    assert not during["connected"]
    assert during["replicatesize"] == before["replicatesize"]
    assert during["last_visit_time"] == round((CLOCK + 900) * 1000)
    cloud.reconnect(source)
    clock.advance(HOUR)
    assert state(cloud)[1] == "syncing"


def test_a_stalled_copy_is_connected_and_runs_but_does_not_move(clock: ManualClock) -> None:
    cloud = make(clock)
    clock.advance(900)
    cloud.stall(only_task(cloud))
    before = cloud.list_sources({})[1][0]
    clock.advance(HOUR)
    after = cloud.list_sources({})[1][0]
    assert after["connected"]
    assert after["state"] == "replicate"
    assert after["replicatesize"] == before["replicatesize"]
    assert after["current_task"]["migrate_speed"] == 0.0


def test_a_file_sync_compares_honestly_at_six_percent(clock: ManualClock) -> None:
    cloud = make(clock)
    cloud.tasks[only_task(cloud)].compare = 4 * HOUR * 1000
    clock.advance(HOUR)
    cloud.manage(only_task(cloud), "test")
    clock.advance(600)
    cloud.manage(only_task(cloud), "restart")
    clock.advance(3 * HOUR)
    sync = cloud.show_task(only_task(cloud))["sub_tasks"][-1]
    assert (sync["name"], sync["progress"]) == ("SYNC_LINUX_FILE", 6)
    clock.advance(2 * HOUR)
    assert state(cloud) == ("SYNCING", "syncing", "syncing")


def test_a_retry_fails_again_until_the_cause_is_over(clock: ManualClock) -> None:
    cloud = build("mixed", now=clock)
    source = cloud.by_name("db-ora-01")
    task = str(source.task_id)
    for _ in range(2):
        cloud.manage(task, "start")
        clock.advance(60)
        assert cloud.show_source(source.id)["state"] == "error"
    cloud.fix("port 22 and 8899 into subnet-db")
    cloud.manage(task, "start")
    clock.advance(60)
    row = cloud.show_source(source.id)
    assert row["state"] == "replicate"
    assert cloud.show_task(task)["error_json"] == ""
    listed = {e["source_id"] for e in cloud.list_errors(limit=100)[1]}
    assert source.id in listed  # the service's list of errors forgets late


def test_a_lost_change_tracking_is_mended_by_a_new_task_that_copies_everything_again(
    clock: ManualClock,
) -> None:
    cloud = build("mixed", now=clock)
    source = cloud.by_name("db-ora-03")
    cloud.manage(str(source.task_id), "start")
    clock.advance(60)
    assert cloud.show_source(source.id)["state"] == "error"
    cloud.delete_task(str(source.task_id))
    clock.advance(60)
    cloud.now()
    body = {
        "type": "MIGRATE_FILE",
        "source_server": {"id": source.id},
        "vm_template_id": next(iter(cloud.templates)),
        "auto_start": True,
    }
    cloud.create_task({**body, "syncing": True})
    clock.advance(20)
    assert cloud.show_source(source.id)["replicatesize"] == 0
    clock.advance(100 * HOUR)
    assert cloud.show_source(source.id)["state"] == "syncing"


def test_an_error_is_json_inside_of_json(clock: ManualClock) -> None:
    cloud = build("mixed", now=clock)
    task = cloud.show_task(str(cloud.by_name("erp-01").task_id))
    error = json.loads(task["error_json"])
    assert error["error_code"] == "SMS.1302"
    assert json.loads(error["error_param"]) == ["/", "/mnt/vdb1"]


def test_a_verification_follows_every_round_of_sync(clock: ManualClock) -> None:
    cloud = make(clock, is_need_consistency_check=True)
    clock.advance(6 * HOUR)
    runs = cloud.consistency_results(only_task(cloud))["result_list"]
    last = cloud.show_task(only_task(cloud))["sub_tasks"][-1]
    assert len(runs) == 3
    assert max(run["finished_time"] for run in runs) > last["end_date"]


def snapshot(cloud: Cloud) -> JSON:
    cloud.now()
    tasks = [cloud.show_task(task_id) for task_id in cloud.tasks]
    results = [cloud.consistency_results(task_id) for task_id in cloud.tasks]
    return json.dumps([cloud.list_sources({}), tasks, results, cloud.list_errors(limit=100)])


@settings(max_examples=15, deadline=None)
@given(
    scenario=st.sampled_from(["mixed", "cutover-night"]),
    steps=st.lists(st.integers(1, 30 * HOUR), min_size=2, max_size=12),
)
def test_jumping_days_is_the_same_as_stepping_through_them(scenario: str, steps: list[int]) -> None:
    stepped, jumped = ManualClock(CLOCK), ManualClock(CLOCK)
    one, other = build(scenario, now=stepped), build(scenario, now=jumped)
    for seconds in steps:
        stepped.advance(seconds)
        one.now()
    jumped.advance(sum(steps))
    assert snapshot(one) == snapshot(other)


@settings(max_examples=15, deadline=None)
@given(steps=st.lists(st.integers(1, 20_000), min_size=1, max_size=40))
def test_every_pair_of_state_and_stage_is_legal_at_every_moment(steps: list[int]) -> None:
    clock = ManualClock(CLOCK)
    cloud = build("mixed", now=clock)
    for seconds in steps:
        clock.advance(seconds)
        for row in cloud.list_sources({})[1]:
            assert row["state"] in LEGAL_STATES[row["migration_cycle"]], row["name"]


@given(
    rate=st.floats(0.5, 1e6),
    work=st.floats(1, 1e12),
    limits=st.lists(
        st.tuples(st.integers(0, 1439), st.integers(1, 600), st.integers(1, 1000)), max_size=3
    ),
    halt=st.integers(0, 10**8),
)
def test_what_is_finished_at_a_moment_was_worked_by_then_and_not_before(
    rate: float, work: float, limits: list[tuple[int, int, int]], halt: int
) -> None:
    rules = [RateLimit(a, min(1440, a + n), speed) for a, n, speed in limits]
    pace = Pace(rate, rules, [(halt, halt + 3_600_000)])
    end = pace.finished(0, work)
    assert end is not None
    if end < 10**11:
        assert pace.worked(0, end) >= work * (1 - 1e-6)
        assert pace.worked(0, end - 2) <= work * (1 + 1e-6)
