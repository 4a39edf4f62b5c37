"""Migration tasks: what is dangerous, what is refused, and what is read despite junk in it."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from sms_tools.operation import Kind
from sms_tools.operations.error_json import decode_error_json
from sms_tools.operations.tasks import (
    CheckNetworkAcl,
    CreateMigrationTask,
    DeleteMigrationTasks,
    ListMigrationTasks,
    ManageMigrationTask,
    ReportMigrationProgress,
    SetMigrationRateLimits,
    UnlockTargetServer,
    UpdateMigrationTask,
    UploadConsistencyResults,
    UploadMigrationTaskLogs,
)
from sms_tools.operations.tasks.records import (
    ConsistencyResults,
    MigrationTask,
    MigrationTaskDetail,
    RateLimits,
    TaskPage,
)

WIRE = Path(__file__).parents[1] / "wire"


def sample(tool: str, part: str, number: int = 0) -> dict[str, Any]:
    """A request's arguments or a reply from the reference."""
    case = json.loads((WIRE / f"{tool}.json").read_text(encoding="utf-8"))[part][number]
    found: dict[str, Any] = case["arguments"] if part == "requests" else case
    return found


@pytest.mark.parametrize("operation", ["stop", "network_check"])
def test_pausing_and_measuring_can_be_taken_back(operation: str) -> None:
    assert (
        ManageMigrationTask.model_validate({"task_id": "t", "operation": operation}).danger
        is Kind.WRITE
    )


@pytest.mark.parametrize(
    "operation",
    [
        *("start", "restart", "test", "clone_test"),
        *("cutover", "skip", "clear", "migration_test", "error_for_overspeed"),
    ],
)
def test_every_other_action_is_destructive(operation: str) -> None:
    assert (
        ManageMigrationTask.model_validate({"task_id": "t", "operation": operation}).danger
        is Kind.DESTRUCTIVE
    )


def test_an_unknown_action_is_refused() -> None:
    with pytest.raises(ValidationError):
        ManageMigrationTask.model_validate({"task_id": "t", "operation": "launch"})


def test_the_description_says_that_test_is_the_cutover() -> None:
    assert "test (newer regions: cutover): LAUNCHES" in ManageMigrationTask.__spec__.description


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"name": "wave-1"},
        {"priority": 2, "speed_limit": 100},
        {"start_target_server": False, "use_public_ip": True},
        {"state": None, "sub_tasks": None, "name": "wave-1"},
    ],
    ids=str,
)
def test_changing_settings_of_a_task_is_a_write(settings: dict[str, Any]) -> None:
    update = UpdateMigrationTask.model_validate({"task_id": "t", **settings})

    assert update.danger is Kind.WRITE


@pytest.mark.parametrize(
    "settings",
    [
        {"migration_ip": "192.168.0.1"},
        {"vm_template_id": "template"},
        {"exist_server": True},
        {"region_id": "elsewhere", "project_id": "p"},
    ],
    ids=str,
)
def test_another_target_for_a_task_needs_a_person(settings: dict[str, Any]) -> None:
    update = UpdateMigrationTask.model_validate({"task_id": "t", **settings})
    assert update.danger is Kind.DESTRUCTIVE
    assert not update.forges


@pytest.mark.parametrize(
    "record",
    [
        {"state": "MIGRATE_SUCCESS"},
        {"sub_tasks": []},
        {"error_json": ""},
        {"target_server": {"name": "", "os_type": "LINUX", "disks": []}},
        {"source_server": {"state": "syncing"}},
        {"clone_server": {}},
        {"remain_seconds": 0},
        {"migrate_speed": 0.0},
        {"connected": True},
        {"snapshot_ids": "a;b"},
    ],
    ids=str,
)
def test_writing_the_record_of_a_task_is_destructive(record: dict[str, Any]) -> None:
    update = UpdateMigrationTask.model_validate({"task_id": "t", "name": "wave-1", **record})

    assert update.danger is Kind.DESTRUCTIVE


def test_a_body_that_names_another_task_than_the_path_is_refused() -> None:
    with pytest.raises(ValidationError, match="same task"):
        UpdateMigrationTask(task_id="a", id="b")

    assert UpdateMigrationTask(task_id="a", id="a").request().body == {"id": "a"}


def test_a_target_to_be_made_from_a_template_needs_no_id() -> None:
    arguments = sample("create_migration_task", "requests")
    del arguments["target_server"]["vm_id"]

    created = CreateMigrationTask.model_validate({**arguments, "vm_template_id": "template"})

    assert "vm_id" not in created.request().body["target_server"]


@pytest.mark.parametrize(
    "change",
    [
        {"type": "MIGRATE_TAPE"},
        {"os_type": "SOLARIS"},
        {"speed_limit": 10_001},
        {"over_speed_threshold": 100.5},
        {"priority": -1},
        {"name": "x" * 256},
        {"source_server": {"id": "s", "nickname": "unknown field"}},
        {"target_server": {"name": "t", "vm_id": "v"}},
        {"target_server": {"name": "t", "disks": [], "volume_group_s": []}},
        {"is_need_consistency_result": True},
    ],
    ids=str,
)
def test_a_task_outside_its_bounds_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CreateMigrationTask.model_validate(
            {**sample("create_migration_task", "requests"), **change}
        )


def test_what_is_copied_from_a_source_server_is_checked() -> None:
    arguments = sample("create_migration_task", "requests")
    arguments["target_server"]["volume_groups"] = [{"name": "vg", "colour": "red"}]

    with pytest.raises(ValidationError, match="colour"):
        CreateMigrationTask.model_validate(arguments)


@pytest.mark.parametrize("bounds", [{"limit": 201}, {"offset": 65_536}, {"state": "PAUSED"}])
def test_a_list_outside_its_bounds_is_refused(bounds: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ListMigrationTasks.model_validate(bounds)


@pytest.mark.parametrize("state", ["ABORT", "SYNC_F_ROLLBACK_SUCCESS", "SYNC_FAIL", "RESETING"])
def test_tasks_can_be_listed_by_documented_and_newer_states(state: str) -> None:
    assert ListMigrationTasks.model_validate({"state": state}).request().query == [("state", state)]


def test_many_tasks_are_deleted_by_their_ids() -> None:
    with pytest.raises(ValidationError):
        DeleteMigrationTasks.model_validate({})


@pytest.mark.parametrize("time", ["00:00", "8:05", "23:58"])
def test_a_time_of_day_may_have_one_or_two_digits(time: str) -> None:
    SetMigrationRateLimits.model_validate(
        {"task_id": "t", "speed_limit": [{"start": time, "end": "23:59", "speed": 10_000}]}
    )


@pytest.mark.parametrize(
    "segment",
    [
        {"start": "24:00"},
        {"end": "12:60"},
        {"end": "noon"},
        {"end": "12:00\n"},
        {"start": "08:00:00"},
        {"speed": 10_001},
        {"speed": -1},
        {"over_speed_threshold": 101},
        {"over_speed_thresh old": 50},
    ],
    ids=str,
)
def test_a_rate_limit_outside_its_bounds_is_refused(segment: dict[str, Any]) -> None:
    whole = {"start": "00:00", "end": "23:59", "speed": 100}

    with pytest.raises(ValidationError):
        SetMigrationRateLimits.model_validate(
            {"task_id": "t", "speed_limit": [{**whole, **segment}]}
        )


@pytest.mark.parametrize("expire", [299, 64_801])
def test_the_link_to_the_logs_lasts_five_minutes_to_eighteen_hours(expire: int) -> None:
    with pytest.raises(ValidationError):
        UploadMigrationTaskLogs.model_validate(
            {"task_id": "t", "log_bucket": "b", "log_expire": expire}
        )


def test_the_network_check_names_project_and_subnet_in_its_path() -> None:
    request = CheckNetworkAcl(
        target_project_id="p", target_network_id="n", region_id="r", os_type="LINUX"
    ).request()

    assert request.path == "/v3/tasks/p/networkacl/n/check"
    assert dict(request.query) == {"region_id": "r", "os_type": "LINUX"}


def test_unlocking_sends_no_body() -> None:
    assert UnlockTargetServer(task_id="t").request().body is None


@pytest.mark.parametrize(
    "change", [{"subtask_name": "DETACH_AGENT_IMAGE"}, {"progress": 101}, {"totalsize": -1}]
)
def test_progress_outside_its_bounds_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ReportMigrationProgress.model_validate(
            {**sample("report_migration_progress", "requests"), **change}
        )


def test_more_than_a_million_files_in_a_directory_are_refused() -> None:
    arguments = sample("upload_consistency_results", "requests")
    arguments["consistency_result"][0]["num_total_files"] = 1_000_001

    with pytest.raises(ValidationError):
        UploadConsistencyResults.model_validate(arguments)


def test_a_task_without_a_source_server_is_read() -> None:
    page = TaskPage.read(sample("list_migration_tasks", "replies"))

    assert [task.source_server is None for task in page.items] == [False, False, True]
    assert page.items[2].target_server is not None
    assert page.items[2].target_server.name == "xxx-sms-target"


def test_the_history_of_a_task_keeps_what_started_each_sub_task() -> None:
    task = MigrationTaskDetail.read(sample("get_migration_task", "replies", 1))

    assert [step.user_op for step in task.sub_tasks or []][-4:] == [
        *("CUTOVER1", "RESYNC1", "RESYNC1", "RESYNC1"),
    ]
    assert task.source_server is not None
    assert task.source_server.migration_cycle == "syncing"
    assert task.target_server is not None
    assert task.target_server.disks is not None
    assert task.target_server.disks[0].relation_name == "/dev/vda"


@pytest.mark.parametrize("name", ["estimate_complete_time", "estimate_completion_time"])
def test_the_estimated_completion_is_read_under_either_name(name: str) -> None:
    assert MigrationTask.read({name: 1_600_391_014_000}).estimated_completion == 1_600_391_014_000


def test_an_unknown_state_and_an_unknown_field_pass_through() -> None:
    task = MigrationTask.read({"state": "HOVERING", "altitude": 7})

    assert task.state == "HOVERING"
    assert task.model_dump(exclude_unset=True) == {"state": "HOVERING", "altitude": 7}


def test_progress_beyond_a_hundred_per_cent_is_read() -> None:
    task = MigrationTask.read({"sub_tasks": [{"name": "MIGRATE_LINUX_FILE", "progress": 104}]})

    assert task.sub_tasks is not None
    assert task.sub_tasks[0].progress == 104


def test_junk_in_one_field_costs_that_field_and_no_other() -> None:
    page = TaskPage.read(
        {
            "count": 2,
            "tasks": [
                {"id": "a", "migrate_speed": "n/a", "sub_tasks": [{"progress": "half"}]},
                {"id": "b", "source_server": "gone", "target_server": {"totalsize": 5}},
            ],
        }
    )

    first, second = page.items
    assert (first.id, first.migrate_speed) == ("a", None)
    assert first.sub_tasks is not None
    assert first.sub_tasks[0].progress is None
    assert (second.id, second.source_server) == ("b", None)
    assert second.target_server is not None
    assert second.target_server.totalsize == 5


def test_the_error_of_a_task_can_be_decoded() -> None:
    error_json = '{"error_code":"SMS.0515","error_param":"[]"}'

    assert decode_error_json(MigrationTask.read({"error_json": error_json}).error_json).code == (
        "SMS.0515"
    )


def test_rate_limits_and_consistency_results_are_typed() -> None:
    limits = RateLimits.read(sample("get_migration_rate_limits", "replies"))
    results = ConsistencyResults.read(sample("get_consistency_results", "replies"))

    assert limits.speed_limit is not None
    assert (limits.speed_limit[0].speed, limits.speed_limit[0].over_speed_threshold) == (1000, 50.0)
    assert results.result_list is not None
    assert results.result_list[0].consistency_result is not None
    assert results.result_list[0].consistency_result[0].dir_check == "/root/sync"
