"""`new-fleet`: every trouble that is planted shows on the wire, and no other."""

from typing import Any

import pytest

from sms_tools.knowledge import explain
from sms_tools.knowledge.facts import MAX_DISKS_PER_SOURCE, MAX_SYSTEM_DISK_GB
from sms_tools.operation import JSON
from sms_tools.sandbox.clocks import ManualClock
from sms_tools.sandbox.cloud import Cloud, Refusal
from sms_tools.sandbox.scenarios import build
from sms_tools.sandbox.scenarios.new_fleet import CLOSED_NETWORK, TEMPLATE_OF, TROUBLES

GIB, MIB = 1024**3, 1024**2
DAY = 86_400_000
SUPPORTED = {"ext2", "ext3", "ext4", "xfs", "vfat", "ntfs", "btrfs"}
KNOWN_SYSTEMS = ("CENTOS", "UBUNTU", "SUSE", "REDHAT", "WINDOWS")


@pytest.fixture
def cloud(clock: ManualClock) -> Cloud:
    return build("new-fleet", now=clock)


def volumes(row: dict[str, Any]) -> list[dict[str, Any]]:
    return [volume for disk in row["disks"] for volume in disk["physical_volumes"]]


def free(row: dict[str, Any]) -> list[int]:
    return [volume["size"] - volume["used_size"] for volume in volumes(row)]


def check(row: dict[str, Any], result: str) -> set[str]:
    return {each["error_code"] for each in row["checks"] if each["result"] == result}


def template_sizes(cloud: Cloud, row: dict[str, Any]) -> list[int]:
    project = cloud.projects[cloud.sources[row["id"]].project_id].fields["name"]
    (found,) = cloud.list_templates({"name": TEMPLATE_OF[project]})[1]
    return [disk["size"] * GIB for disk in found["disk"]]


def seen(cloud: Cloud, row: dict[str, Any], names: list[str], now: int) -> set[str]:
    """The troubles that can be read off one server's record, by their kinds."""
    sizes = [disk["size"] for disk in row["disks"]]
    linux = row["os_type"] == "LINUX"
    made = template_sizes(cloud, row)
    away = not row["connected"]
    stale = away and now - row["last_visit_time"] > 30 * DAY
    least = 200 * MIB if linux else 320 * MIB
    roots = free({"disks": row["disks"][:1]})[1:]
    rules = {
        "too_many_disks": len(sizes) > MAX_DISKS_PER_SOURCE,
        "system_disk_over_limit": sizes[0] > MAX_SYSTEM_DISK_GB * GIB,
        "linux_disk_over_limit": linux and max(sizes) > 16 * 1024 * GIB,
        "uefi": row["firmware"] == "UEFI",
        "windows_by_template": not linux,
        "btrfs": bool(row["btrfs_list"]),
        "file_system_unsupported": any(
            volume["file_system"].lower() not in SUPPORTED for volume in volumes(row)
        ),
        "little_space_for_agent": linux and min(roots) < least,
        "little_space_for_vss": not linux and min(roots) < least,
        "system_unknown": not row["os_version"].startswith(KNOWN_SYSTEMS),
        "system_unsupported": "SMS.6504" in check(row, "ERROR"),
        "template_disks_too_small": any(
            there < needed for there, needed in zip(made, sizes, strict=False)
        ),
        "failed_check": bool(check(row, "ERROR") & {"SMS.6517", "SMS.6510"}),
        "no_block_level": "SMS.6617" in check(row, "WARN"),
        "no_traffic_control": linux and row["has_tc"] is False,
        "stale_record": stale,
        "offline": away and not stale,
        "no_checks": not row["checks"],
        "name_twice": names.count(row["name"]) > 1,
    }
    return {kind for kind, there in rules.items() if there}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_is_planted_is_all_that_shows(clock: ManualClock, seed: int) -> None:
    cloud = build("new-fleet", now=clock, seed=seed)
    rows = [cloud.show_source(row["id"]) for row in cloud.list_sources({})[1]]
    names = [row["name"] for row in rows]
    assert len(rows) == 40
    for row in rows:
        planted = {each.kind for each in TROUBLES.get(row["name"], ())}
        assert seen(cloud, row, names, cloud.now()) == planted, row["name"]


def test_each_kind_of_trouble_is_there_and_half_of_the_fleet_is_fit(cloud: Cloud) -> None:
    kinds = {planted.kind for planted in (each for row in TROUBLES.values() for each in row)}
    assert len(kinds) == 19
    fit = [row for row in cloud.list_sources({})[1] if row["name"] not in TROUBLES]
    assert len(fit) >= 18


def test_no_server_has_a_task_and_each_is_new(cloud: Cloud) -> None:
    rows = cloud.list_sources({})[1]
    assert cloud.list_tasks({})[0] == 0
    assert {row["current_task"] is None for row in rows} == {True}
    assert {row["state"] for row in rows} == {"waiting", "unavailable"}


def test_the_codes_of_the_planted_troubles_are_explained() -> None:
    codes = {each.code for row in TROUBLES.values() for each in row if each.code}
    assert all(explain(code).known for code in codes)
    assert all(each.verdicts for row in TROUBLES.values() for each in row)


def test_three_networks_and_one_of_them_is_closed(cloud: Cloud) -> None:
    subnets = {t["nics"][0]["name"]: t["nics"][0]["id"] for t in cloud.list_templates({})[1]}
    assert len(subnets) == 3
    closed = [name for name, network in subnets.items() if not cloud.network_open(network)]
    assert closed == [CLOSED_NETWORK]
    assert len({row["ip"].partition(".")[0] for row in cloud.list_sources({})[1]}) == 3


def body(cloud: Cloud, row: dict[str, Any]) -> dict[str, JSON]:
    project = cloud.projects[cloud.sources[row["id"]].project_id].fields["name"]
    (template,) = cloud.list_templates({"name": TEMPLATE_OF[project]})[1]
    return {
        "type": "MIGRATE_FILE" if row["os_type"] == "LINUX" else "MIGRATE_BLOCK",
        "os_type": row["os_type"],
        "source_server": {"id": row["id"]},
        "target_server": {"disks": row["init_target_server"]["disks"]},
        "vm_template_id": template["id"],
        "syncing": True,
    }


def test_what_cannot_be_set_up_is_refused_and_what_is_fit_is_not(cloud: Cloud) -> None:
    refused = {}
    for row in cloud.list_sources({})[1]:
        detail = cloud.show_source(row["id"])
        try:
            cloud.create_task(body(cloud, detail))
        except Refusal as refusal:
            refused[row["name"]] = refusal.code
    assert refused == {
        "store-01": "SMS.1311",
        "dwh-01": "SMS.6537",
        "kvm-uefi-01": "SMS.6535",
        "crm-big-01": "SMS.6614",
        "legacy-fs-01": "SMS.6520",
        "centos5-01": "SMS.6520",
        "no-rsync-01": "SMS.6520",
        "win-oem-01": "SMS.6520",
    }


def test_more_servers_are_fit_ones(clock: ManualClock) -> None:
    cloud = build("new-fleet", now=clock, servers=120)
    rows = cloud.list_sources({})[1]
    assert len(rows) == 120
    assert sum(row["name"] in TROUBLES for row in rows) == len(TROUBLES) + 1


def test_a_measurement_asked_for_at_creation_gives_its_result_once_it_has_ended(
    cloud: Cloud, clock: ManualClock
) -> None:
    fit = [row for row in cloud.list_sources({})[1] if row["name"] not in TROUBLES]
    by_way = {cloud.show_source(row["id"])["id"]: body(cloud, row) for row in fit}
    tasks = [cloud.create_task({**each, "start_network_check": True}) for each in by_way.values()]
    assert {str(cloud.show_task(task)["network_check_info"]) for task in tasks} == {"None"}
    clock.advance(5 * 60)
    found = [cloud.show_task(task)["network_check_info"] for task in tasks]
    assert {each["destination_connectivity"] for each in found} == {True, False}, "one is closed"
    assert all(each["loss_percentage"] == 100 for each in found if not each["migration_speed"])


def test_a_system_that_is_not_the_sources_and_a_task_without_a_target_are_refused(
    cloud: Cloud,
) -> None:
    row = next(row for row in cloud.list_sources({})[1] if row["name"] not in TROUBLES)
    right = body(cloud, cloud.show_source(row["id"]))
    with pytest.raises(Refusal) as wrong_system:
        cloud.create_task({**right, "os_type": "WINDOWS"})
    with pytest.raises(Refusal) as no_target:
        cloud.create_task({**right, "vm_template_id": None})
    assert (wrong_system.value.code, no_target.value.code) == ("SMS.6610", "SMS.6032")
