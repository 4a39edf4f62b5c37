"""What the sandbox refuses because the service documents it as refused."""

from collections.abc import Mapping
from typing import Any

import pytest

from sms_tools.knowledge import explain
from sms_tools.knowledge.arguments import DiskFacts, NewTask, obstacles_of_task
from sms_tools.operation import JSON
from sms_tools.sandbox.clocks import ManualClock
from sms_tools.sandbox.cloud import Cloud, Refusal
from sms_tools.sandbox.hardware import GIB
from sms_tools.sandbox.model import Cause, CheckResult

MINUTE = 60


def disk(number: int, size: int, partition: int | None = None) -> dict[str, JSON]:
    name = f"/dev/sd{chr(ord('a') + number)}"
    volumes = [{"name": f"{name}1", "size": (partition or size) * GIB, "used_size": GIB}]
    return {"name": name, "size": size * GIB, "used_size": GIB, "physical_volumes": volumes}


class Account:
    """An account with one source server, a template, and a task that may be asked for."""

    def __init__(
        self, clock: ManualClock, *, sizes: tuple[int, ...] = (40, 100), **source: JSON
    ) -> None:
        self.cloud = Cloud(clock, seed=3)
        disks = [disk(number, size) for number, size in enumerate(sizes)]
        reported = {"name": "one", "os_type": "LINUX", "firmware": "BIOS", "disks": disks}
        self.source = self.cloud.register_source({**reported, **source})
        self.template = self.cloud.create_template({"name": "t", "nics": [{"id": "subnet-1"}]})
        self.body: dict[str, Any] = {
            "type": "MIGRATE_FILE",
            "os_type": self.cloud.sources[self.source].spec.os_type,
            "source_server": {"id": self.source},
            "target_server": {"name": "target"},
            "vm_template_id": self.template,
        }

    def refusal(self, **changes: JSON) -> str | None:
        """The code with which the task is refused, or None where it is created."""
        body = {key: value for key, value in {**self.body, **changes}.items() if value is not None}
        code: str | None = None
        try:
            self.cloud.create_task(body)
        except Refusal as refusal:
            code = refusal.code
        assert self.cloud.changes[-1].refused == code
        assert code is None or explain(code).known
        return code


def target(*disks: Mapping[str, JSON], **more: JSON) -> dict[str, JSON]:
    return {"name": "target", "disks": list(disks), **more}


def test_a_task_that_fits_its_source_is_created(clock: ManualClock) -> None:
    assert Account(clock).refusal() is None


def test_a_server_has_one_task(clock: ManualClock) -> None:
    account = Account(clock)
    assert [account.refusal(), account.refusal()] == [None, "SMS.6520"]


def test_a_task_for_another_system_is_refused(clock: ManualClock) -> None:
    assert Account(clock).refusal(os_type="WINDOWS") == "SMS.6610"


def test_a_task_without_any_target_is_refused(clock: ManualClock) -> None:
    assert Account(clock).refusal(vm_template_id=None) == "SMS.6032"


def test_a_template_that_is_unknown_or_deleted_is_refused(clock: ManualClock) -> None:
    account = Account(clock)
    assert account.refusal(vm_template_id="nowhere") == "SMS.7101"
    account.cloud.delete_template(account.template)
    assert account.refusal() == "SMS.7101"


def test_a_uefi_source_gets_no_target_from_a_template_but_may_have_an_existing_one(
    clock: ManualClock,
) -> None:
    account = Account(clock, firmware="UEFI")
    assert account.refusal() == "SMS.6535"
    assert account.refusal(vm_template_id=None, target_server={"vm_id": "ecs-1"}) is None


@pytest.mark.parametrize(
    "disks",
    [
        (disk(0, 30, 40), disk(1, 100)),
        (disk(0, 40), {"name": "/dev/vdb", "size": 60}),
    ],
)
def test_target_disks_that_are_too_small_are_refused(
    clock: ManualClock, disks: tuple[dict[str, JSON], ...]
) -> None:
    assert Account(clock).refusal(target_server=target(*disks)) == "SMS.6614"


def test_a_linux_file_migration_may_shrink_and_a_block_migration_may_not(
    clock: ManualClock,
) -> None:
    smaller = target(disk(0, 30), disk(1, 100))
    account = Account(clock)
    assert account.refusal(target_server=smaller, type="MIGRATE_BLOCK") == "SMS.6614"
    assert account.refusal(target_server=smaller) is None


def test_a_template_whose_disks_are_too_small_is_refused(clock: ManualClock) -> None:
    account = Account(clock)
    small = [{"index": 0, "size": 40}, {"index": 1, "size": 80}]
    account.cloud.update_template(account.template, {"disk": small})
    assert account.refusal() == "SMS.6614"
    enough = [{"index": 1, "size": 100}, {"index": 0, "size": 40}]
    account.cloud.update_template(account.template, {"disk": enough})
    assert account.refusal() is None


def test_fewer_disks_than_the_source_has_are_refused_but_not_those_left_out(
    clock: ManualClock,
) -> None:
    account = Account(clock)
    assert account.refusal(target_server=target(disk(0, 40))) == "SMS.1311"
    account.cloud.update_source(
        account.source, {"disks": [{"id": "/dev/sdb", "need_migration": False, "adjust_size": 0}]}
    )
    assert account.refusal(target_server=target(disk(0, 40))) is None


def test_more_disks_than_a_target_takes_are_refused(clock: ManualClock) -> None:
    assert Account(clock, sizes=(40, *[10] * 23)).refusal() == "SMS.1311"
    assert Account(clock, sizes=(40, *[10] * 22)).refusal() is None


def test_a_system_disk_over_the_limit_is_refused(clock: ManualClock) -> None:
    assert Account(clock, sizes=(1_025,)).refusal() == "SMS.6537"
    assert Account(clock, sizes=(1_024, 2_000)).refusal() is None


def test_blocks_of_a_system_that_does_not_support_them_are_refused(clock: ManualClock) -> None:
    account = Account(clock)
    finding = CheckResult("LINUX_BLOCK_SUPPORT", "WARN", "SMS.6616")
    account.cloud.sources[account.source].findings.append(finding)
    assert account.refusal(type="MIGRATE_BLOCK") == "SMS.6616"
    assert account.refusal(type="MIGRATE_FILE") is None


def test_a_clone_needs_a_template_that_is_there(clock: ManualClock) -> None:
    account = Account(clock)
    task = account.cloud.create_task({**account.body, "syncing": True, "auto_start": True})
    clock.advance(24 * 60 * MINUTE)
    for template, code in ((None, "SMS.9001"), ("nowhere", "SMS.7101")):
        with pytest.raises(Refusal, match=code):
            account.cloud.manage(task, "clone_test", template_id=template)


WRONG: list[dict[str, Any]] = [
    {},
    {"os_type": "WINDOWS"},
    {"vm_template_id": None},
    {"vm_template_id": "nowhere"},
    {"target_server": target(disk(0, 30, 40), disk(1, 100))},
    {"target_server": target(disk(0, 40), {"name": "/dev/vdb", "size": GIB})},
]


@pytest.mark.parametrize("firmware", ["BIOS", "UEFI"])
@pytest.mark.parametrize("changes", WRONG)
def test_what_the_rules_of_the_tools_foresee_is_what_the_service_refuses(
    clock: ManualClock, changes: dict[str, Any], firmware: str
) -> None:
    account = Account(clock, firmware=firmware)
    body = {**account.body, **changes}
    source = account.cloud.show_source(account.source)
    wanted = [
        DiskFacts(
            each["name"],
            each["size"],
            sum(volume["size"] for volume in each.get("physical_volumes", ())) or None,
        )
        for each in body["target_server"].get("disks", ())
    ]
    foreseen = obstacles_of_task(
        NewTask(
            os_type=body["os_type"],
            type=body["type"],
            source_os_type=source["os_type"],
            firmware=source["firmware"],
            has_task=source["current_task"] is not None,
            template_id=body["vm_template_id"],
            template_exists=body["vm_template_id"] in account.cloud.templates,
            source_disks=[DiskFacts(each["name"], each["size"]) for each in source["disks"]],
            target_disks=wanted,
        )
    )
    refused = account.refusal(**changes)
    assert bool(foreseen) == (refused is not None)
    assert refused is None or refused in {each.code for each in foreseen}


# The network


def closed(account: Account) -> Cause:
    cause = Cause("security group of subnet-1")
    account.cloud.causes[cause.name] = account.cloud.closed_networks["subnet-1"] = cause
    return cause


@pytest.mark.parametrize(("system", "code"), [("LINUX", "SMS.3802"), ("WINDOWS", "SMS.2802")])
def test_a_task_into_a_closed_network_fails_until_somebody_opens_it(
    clock: ManualClock, system: str, code: str
) -> None:
    account = Account(clock, os_type=system)
    cause = closed(account)
    task = account.cloud.create_task({**account.body, "syncing": True, "auto_start": True})
    clock.advance(30 * MINUTE)
    assert code in account.cloud.show_task(task)["error_json"]
    account.cloud.fix(cause.name)
    account.cloud.manage(task, "start")
    clock.advance(24 * 60 * MINUTE)
    assert account.cloud.show_source(account.source)["state"] == "syncing"


def test_a_measurement_takes_minutes_and_tells_loss_jitter_and_rate(clock: ManualClock) -> None:
    account = Account(clock)
    task = account.cloud.create_task(account.body)
    account.cloud.manage(task, "network_check")
    clock.advance(3 * MINUTE)
    assert account.cloud.show_task(task)["network_check_info"] is None
    clock.advance(2 * MINUTE)
    found = account.cloud.list_tasks({})[1][0]["network_check_info"]
    assert found == account.cloud.show_task(task)["network_check_info"]
    assert found["destination_connectivity"] is True
    assert found["loss_percentage"] == 0
    assert found["network_jitter"] > 0
    assert found["migration_speed"] > 1


def test_a_measurement_into_a_closed_network_loses_everything_and_a_new_one_replaces_it(
    clock: ManualClock,
) -> None:
    account = Account(clock)
    cause = closed(account)
    task = account.cloud.create_task(account.body)
    account.cloud.manage(task, "network_check")
    clock.advance(5 * MINUTE)
    found = account.cloud.show_task(task)["network_check_info"]
    assert (found["destination_connectivity"], found["loss_percentage"]) == (False, 100)
    account.cloud.fix(cause.name)
    account.cloud.manage(task, "network_check")
    assert account.cloud.show_task(task)["network_check_info"] == found
    clock.advance(5 * MINUTE)
    assert account.cloud.show_task(task)["network_check_info"]["destination_connectivity"] is True


def test_the_network_is_not_measured_while_a_copy_runs(clock: ManualClock) -> None:
    account = Account(clock)
    task = account.cloud.create_task({**account.body, "auto_start": True})
    clock.advance(MINUTE)
    with pytest.raises(Refusal, match=r"SMS\.9001"):
        account.cloud.manage(task, "network_check")


def test_a_limit_is_taken_while_a_copy_runs_and_holds_at_once(clock: ManualClock) -> None:
    account = Account(clock)
    task = account.cloud.create_task({**account.body, "auto_start": True})
    account.cloud.tasks[task].total = 10**12
    clock.advance(20 * MINUTE)
    assert account.cloud.show_task(task)["migrate_speed"] > 1
    segment = {"start": "00:00", "end": "23:59", "speed": 1}
    account.cloud.set_rate_limits(task, [segment])
    assert account.cloud.show_task(task)["migrate_speed"] < 0.2
