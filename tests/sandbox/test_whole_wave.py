"""`whole-wave`: a wave that is walked from its first server to its clean-up."""

from collections.abc import Sequence
from typing import Any

import pytest

from sms_tools.operation import JSON
from sms_tools.sandbox.clocks import ManualClock
from sms_tools.sandbox.cloud import Cloud, Refusal
from sms_tools.sandbox.lifecycle import replan
from sms_tools.sandbox.scenarios import build
from sms_tools.sandbox.scenarios.whole_wave import (
    CLOSED_FOR,
    CLOSED_NETWORK,
    LATE,
    REPAIRED,
    REPAIRED_AFTER,
    TEMPLATE_OF,
    UPLINK_MBIT_S,
    WAVE,
)

MINUTE, HOUR = 60, 3_600
FRESH = [name for name in TEMPLATE_OF if name not in LATE]
WEB = ("shop-web-01", "shop-web-02", "shop-web-03")


@pytest.fixture
def cloud(clock: ManualClock) -> Cloud:
    return build("whole-wave", now=clock)


def names(cloud: Cloud, **filters: JSON) -> set[str]:
    return {row["name"] for row in cloud.list_sources(filters)[1]}


def set_up(cloud: Cloud, name: str) -> str:
    """The task that a plan would make of a server: by its template, with the source's disks."""
    row = cloud.show_source(cloud.by_name(name).id)
    (template,) = cloud.list_templates({"name": TEMPLATE_OF[name]})[1]
    return cloud.create_task(
        {
            "name": f"task-{name}",
            "type": "MIGRATE_FILE" if row["os_type"] == "LINUX" else "MIGRATE_BLOCK",
            "os_type": row["os_type"],
            "source_server": {"id": row["id"]},
            "target_server": {"name": name, "disks": row["init_target_server"]["disks"]},
            "vm_template_id": template["id"],
            "syncing": True,
            "is_need_consistency_check": True,
        }
    )


def copying(cloud: Cloud, clock: ManualClock, chosen: Sequence[str]) -> list[str]:
    """The tasks of servers whose full copies have begun."""
    tasks = [set_up(cloud, name) for name in chosen]
    for task in tasks:
        cloud.manage(task, "start")
    clock.advance(9 * MINUTE)
    assert {row["state"] for row in sources(cloud, chosen)} == {"replicate"}
    return tasks


def sources(cloud: Cloud, chosen: Sequence[str]) -> list[dict[str, Any]]:
    return [row for row in cloud.list_sources({})[1] if row["name"] in chosen]


def mbit_s(cloud: Cloud, task: str) -> float:
    """The rate that the line gives, without the jitter of the last five seconds."""
    cloud.now()
    found = cloud.tasks[task]
    assert found.step is not None
    return found.pace(found.step).at(cloud.now()) / 125


def endless(cloud: Cloud, mbit: float) -> None:
    """Let every copy have more to do than any test waits for, over a way as wide as the line."""
    at = cloud.now()
    for task in cloud.tasks.values():
        assert task.step is not None
        task.rate, task.step.work = mbit * 125, 1e14
    for task in cloud.tasks.values():
        replan(task, at)
        cloud.watch(task)


def test_it_begins_with_servers_without_tasks_in_the_default_project(cloud: Cloud) -> None:
    assert names(cloud) == set(FRESH)
    assert cloud.list_tasks({})[0] == 0
    (project,) = [p for p in cloud.list_projects()[1] if p["isdefault"]]
    assert project["name"] == WAVE
    assert names(cloud, migproject=project["id"]) == set(FRESH)


def test_servers_register_while_the_work_goes_on(cloud: Cloud, clock: ManualClock) -> None:
    clock.advance(16 * MINUTE)
    assert names(cloud) - set(FRESH) == {"shop-web-04"}
    clock.advance(2 * HOUR)
    assert names(cloud) == set(TEMPLATE_OF)
    late = cloud.by_name("shop-report-01")
    assert late.added == late.state_at
    assert names(cloud, migproject=late.project_id) == set(TEMPLATE_OF)


def test_a_failed_check_is_over_once_the_agent_is_restarted(
    cloud: Cloud, clock: ManualClock
) -> None:
    assert cloud.by_name(REPAIRED).state == "unavailable"
    with pytest.raises(Refusal, match=r"SMS\.6520"):
        set_up(cloud, REPAIRED)
    clock.advance(REPAIRED_AFTER / 1_000 + 1)
    row = cloud.show_source(cloud.by_name(REPAIRED).id)
    assert row["state"] == "waiting"
    assert {check["result"] for check in row["checks"]} == {"OK"}
    set_up(cloud, REPAIRED)


def test_copies_at_the_same_time_share_one_line(cloud: Cloud, clock: ManualClock) -> None:
    tasks = copying(cloud, clock, ("shop-app-01", "shop-app-02", *WEB))
    rates = [mbit_s(cloud, task) for task in tasks]
    assert sum(rates) <= UPLINK_MBIT_S + 0.001
    assert sum(rates) >= UPLINK_MBIT_S - 0.001


def test_a_copy_that_pauses_leaves_its_part_to_the_others(cloud: Cloud, clock: ManualClock) -> None:
    one, *others = copying(cloud, clock, ("shop-app-01", "shop-app-02", *WEB))
    before = [mbit_s(cloud, task) for task in others]
    cloud.manage(one, "stop")
    after = [mbit_s(cloud, task) for task in others]
    assert sum(after) > sum(before)
    assert sum(after) <= UPLINK_MBIT_S + 0.001


def test_an_agent_that_goes_offline_leaves_its_part_to_the_others(
    cloud: Cloud, clock: ManualClock
) -> None:
    one, *others = copying(cloud, clock, ("shop-app-01", "shop-app-02", *WEB))
    before = sum(mbit_s(cloud, task) for task in others)
    cloud.disconnect(cloud.tasks[one].source.id)
    assert sum(mbit_s(cloud, task) for task in others) > before


def test_a_copy_alone_goes_at_the_rate_of_its_own_way(cloud: Cloud, clock: ManualClock) -> None:
    (task,) = copying(cloud, clock, ["shop-app-01"])
    assert mbit_s(cloud, task) == min(cloud.tasks[task].rate / 125, UPLINK_MBIT_S)


def test_looking_often_and_looking_once_find_the_same(clock: ManualClock) -> None:
    def history(step: int) -> list[Any]:
        time = ManualClock()
        cloud = build("whole-wave", now=time)
        for name in ("shop-app-01", "shop-app-02", "shop-cache-01", *WEB):
            cloud.manage(set_up(cloud, name), "start")
        limited = str(cloud.by_name("shop-app-01").task_id)
        cloud.set_rate_limits(limited, [{"start": "08:00", "end": "20:00", "speed": 30}])
        away = cloud.by_name("shop-cache-01").id
        cloud.disconnect(away, until=cloud.now() + 1_800_000)
        for _ in range(12 * HOUR // step):
            time.advance(step)
            cloud.now()
        return [
            (task["name"], [(sub["name"], sub["end_date"]) for sub in task["sub_tasks"]])
            for task in cloud.list_tasks({})[1]
        ]

    assert history(5 * MINUTE) == history(12 * HOUR)


def test_the_database_waits_until_its_network_is_open(cloud: Cloud, clock: ManualClock) -> None:
    (template,) = cloud.list_templates({"name": "shop-db"})[1]
    assert template["nics"][0]["name"] == CLOSED_NETWORK
    assert not cloud.network_open(template["nics"][0]["id"])
    task = set_up(cloud, "shop-db-01")
    cloud.manage(task, "network_check")
    clock.advance(5 * MINUTE)
    assert cloud.show_task(task)["network_check_info"]["destination_connectivity"] is False
    cloud.manage(task, "start")
    clock.advance(30 * MINUTE)
    assert "SMS.3802" in cloud.show_task(task)["error_json"]
    clock.advance(CLOSED_FOR / 1_000)
    assert cloud.network_open(template["nics"][0]["id"])
    cloud.manage(task, "start")
    clock.advance(30 * MINUTE)
    assert cloud.by_name("shop-db-01").state == "replicate"


def test_a_way_that_loses_packets_is_measured_as_such(cloud: Cloud, clock: ManualClock) -> None:
    task = set_up(cloud, "shop-cache-01")
    cloud.manage(task, "network_check")
    clock.advance(5 * MINUTE)
    found = cloud.show_task(task)["network_check_info"]
    assert found["destination_connectivity"] is True
    assert found["loss_percentage"] > 1
    assert found["evaluation_result"] == "abnormal"


@pytest.mark.parametrize("seed", [1, 2])
def test_the_wave_can_be_walked_from_its_first_server_to_its_clean_up(
    clock: ManualClock, seed: int
) -> None:
    cloud = build("whole-wave", now=clock, seed=seed)
    clock.advance(CLOSED_FOR / 1_000 + MINUTE)
    assert names(cloud, state="waiting") == set(TEMPLATE_OF)
    tasks = {name: set_up(cloud, name) for name in TEMPLATE_OF}
    for task in tasks.values():
        cloud.set_rate_limits(task, [{"start": "00:00", "end": "23:59", "speed": 300}])
        cloud.manage(task, "start")
    clock.advance(24 * HOUR)
    assert names(cloud, state="syncing") == set(TEMPLATE_OF)
    for name, task in tasks.items():
        (*_, run) = cloud.consistency_results(task)["result_list"]
        assert all(found["num_different_files"] == 0 for found in run["consistency_result"])
        (template,) = cloud.list_templates({"name": TEMPLATE_OF[name]})[1]
        cloud.manage(task, "clone_test", template_id=template["id"])
    clock.advance(2 * HOUR)
    assert all(cloud.show_task(task)["clone_server"]["vm_id"] for task in tasks.values())
    for task in tasks.values():
        cloud.manage(task, "test")
    clock.advance(2 * HOUR)
    assert names(cloud, state="finished") == set(TEMPLATE_OF)
    cloud.delete_tasks(list(tasks.values()))
    clock.advance(5 * MINUTE)
    assert cloud.list_tasks({})[0] == 0
    cloud.delete_sources([row["id"] for row in cloud.list_sources({})[1]])
    assert cloud.list_sources({})[0] == 0
    assert {t["name"] for t in cloud.list_templates({})[1]} == set(TEMPLATE_OF.values())


def test_what_a_limited_copy_does_not_use_goes_to_the_others_in_its_hours(
    cloud: Cloud, clock: ManualClock
) -> None:
    one, *others = copying(cloud, clock, ("shop-app-01", "shop-app-02", *WEB))
    endless(cloud, UPLINK_MBIT_S)
    free = UPLINK_MBIT_S / 5
    cloud.set_rate_limits(one, [{"start": "08:00", "end": "20:00", "speed": 20}])
    by_hour = {}
    for _ in range(48):
        clock.advance(HOUR / 2)
        hour = cloud.now() // 3_600_000 % 24
        by_hour[hour] = [round(mbit_s(cloud, task), 3) for task in (one, *others)]
    limited = [20.0, *[(UPLINK_MBIT_S - 20) / 4] * 4]
    assert by_hour[3] == [free] * 5
    assert by_hour[12] == limited
    assert by_hour[22] == [free] * 5


def test_an_agent_that_comes_back_by_itself_gets_its_part_again(
    cloud: Cloud, clock: ManualClock
) -> None:
    one, *others = copying(cloud, clock, ("shop-app-01", "shop-app-02", *WEB))
    endless(cloud, UPLINK_MBIT_S)
    before = [mbit_s(cloud, task) for task in (one, *others)]
    cloud.disconnect(cloud.tasks[one].source.id, until=cloud.now() + 600_000)
    assert mbit_s(cloud, one) == 0
    clock.advance(11 * MINUTE)
    assert [mbit_s(cloud, task) for task in (one, *others)] == before


def test_a_task_that_is_deleted_leaves_its_part_to_the_others(
    cloud: Cloud, clock: ManualClock
) -> None:
    one, *others = copying(cloud, clock, ("shop-app-01", "shop-app-02", *WEB))
    endless(cloud, UPLINK_MBIT_S)
    cloud.tasks[one].source.offline.append((cloud.now(), None))  # a running one stays otherwise
    before = sum(mbit_s(cloud, task) for task in others)
    cloud.delete_task(one)
    assert sum(mbit_s(cloud, task) for task in others) > before
