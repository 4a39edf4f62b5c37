"""Arguments that can never work are known as such, with the service's own code."""

from dataclasses import replace
from typing import Any

import pytest

from sms_tools.knowledge import explain
from sms_tools.knowledge.arguments import (
    DiskFacts,
    NewTask,
    obstacles_of_clone,
    obstacles_of_task,
)

GIB = 1024**3
DATA = DiskFacts("/dev/vdb", 100 * GIB)
GOOD = NewTask(
    os_type="LINUX",
    type="MIGRATE_FILE",
    source_os_type="LINUX",
    firmware="BIOS",
    has_task=False,
    failed_checks=False,
    block_supported=True,
    template_id="t-1",
    template_exists=True,
    source_disks=(DiskFacts("/dev/sda", 40 * GIB), DiskFacts("/dev/sdb", 100 * GIB)),
    target_disks=(DiskFacts("/dev/vda", 40 * GIB), DiskFacts("/dev/vdb", 100 * GIB)),
)


def codes(**changes: Any) -> list[str | None]:
    return [each.code for each in obstacles_of_task(replace(GOOD, **changes))]


def test_a_task_that_fits_its_source_has_no_obstacle() -> None:
    assert codes() == []


def test_what_is_not_known_is_no_obstacle() -> None:
    assert [each.code for each in obstacles_of_task(NewTask(template_id="t-1"))] == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"has_task": True}, "SMS.6520"),
        ({"failed_checks": True}, "SMS.6520"),
        ({"os_type": "WINDOWS"}, "SMS.6610"),
        ({"template_id": None}, "SMS.6032"),
        ({"template_exists": False}, "SMS.7101"),
        ({"vm_id": "ecs-1", "vm_taken": True}, "SMS.7605"),
        ({"firmware": "UEFI"}, "SMS.6535"),
        ({"type": "MIGRATE_BLOCK", "block_supported": False}, "SMS.6616"),
        ({"source_disks": (DiskFacts("/dev/sda", GIB),) * 24, "target_disks": ()}, "SMS.1311"),
        ({"target_disks": (DiskFacts("/dev/vda", 1_025 * GIB), DATA)}, "SMS.6537"),
        ({"target_disks": (DiskFacts("/dev/vda", 39 * GIB), DATA)}, "SMS.6614"),
        ({"target_disks": (DiskFacts("/dev/vda", 60, 40 * GIB), DATA)}, "SMS.6614"),
    ],
)
def test_an_impossible_task_is_named_with_the_services_code(
    changes: dict[str, Any], code: str
) -> None:
    assert codes(**changes) == [code]
    assert explain(code).known


def test_a_uefi_source_goes_to_an_existing_server() -> None:
    assert codes(firmware="UEFI", template_id=None, vm_id="ecs-1") == []


def test_a_linux_file_migration_may_shrink_a_disk_by_its_partitions_and_others_may_not() -> None:
    smaller = (DiskFacts("/dev/vda", 30 * GIB, 29 * GIB), DATA)
    assert codes(target_disks=smaller) == []
    assert codes(target_disks=smaller, type="MIGRATE_BLOCK") == ["SMS.6614"]
    windows = {"os_type": "WINDOWS", "source_os_type": "WINDOWS"}
    assert codes(target_disks=smaller, **windows) == ["SMS.6614"]


def test_disks_that_cannot_be_told_apart_are_not_compared() -> None:
    assert codes(target_disks=(DiskFacts("/dev/vda", GIB),)) == []


def test_a_disk_that_is_too_small_is_named() -> None:
    (found,) = obstacles_of_task(replace(GOOD, target_disks=(DiskFacts("/dev/vda", GIB), DATA)))
    assert "/dev/vda" in found.reason


@pytest.mark.parametrize(
    ("template_id", "exists", "code"),
    [(None, None, "SMS.9001"), (" ", None, "SMS.9001"), ("t-1", False, "SMS.7101")],
)
def test_a_clone_needs_a_template_that_is_there(
    template_id: str | None, exists: bool | None, code: str
) -> None:
    (found,) = obstacles_of_clone(template_id, exists)
    assert found.code == code
    assert found.field == "template_id"


@pytest.mark.parametrize("exists", [True, None])
def test_a_clone_with_a_template_has_no_obstacle(exists: bool | None) -> None:
    assert obstacles_of_clone("t-1", exists) == []


def test_what_just_fits_is_no_obstacle() -> None:
    system = DiskFacts("/dev/sda", 1_024 * GIB)
    disks = (system, *(DiskFacts(f"/dev/sd{number}", GIB) for number in range(22)))
    assert codes(source_disks=disks, target_disks=disks) == []
    assert codes(source_disks=disks, target_disks=()) == []
