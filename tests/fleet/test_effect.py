"""What a call really does is judged by the server's stage and the task's settings."""

from dataclasses import replace
from typing import Any

import pytest

from sms_tools.fleet.effect import effect_of, effect_of_creation
from sms_tools.fleet.server import Server
from sms_tools.operations.source_servers import SourceServer
from sms_tools.operations.tasks import MigrationTask


def server(stage: str | None = "replicating", state: str = "error", **task: Any) -> Server:
    source = {"id": "s", "name": "db", "state": state, "migration_cycle": stage}
    row = {"id": "t", "state": "MIGRATE_FAIL", "syncing": True, "sub_tasks": [], **task}
    return Server(SourceServer.read(source), MigrationTask.read(row))


def formatted(percent: int) -> list[dict[str, Any]]:
    return [{"name": "FORMAT_DISK_LINUX", "progress": percent, "start_date": 1}]


EXISTING: dict[str, Any] = {"exist_server": True, "target_server": {"vm_id": "ecs-1"}}


def test_starting_a_server_that_failed_while_cutting_over_is_the_launch() -> None:
    effect = effect_of(server("cutovering"), "start")
    assert effect.launch == "now"
    assert "cutover" in effect.words()


@pytest.mark.parametrize(
    ("syncing", "launch"), [(True, "no"), (False, "after_copy"), (None, "unknown")]
)
@pytest.mark.parametrize("stage", ["replicating", "setting", "syncing"])
def test_a_start_launches_by_itself_where_the_task_does_not_keep_synchronising(
    stage: str | None, syncing: bool | None, launch: str
) -> None:
    effect = effect_of(server(stage, syncing=syncing), "start")
    assert effect.launch == launch
    assert effect.is_unverified_launch is (launch != "no")
    assert bool(effect.words()) is (launch != "no")


@pytest.mark.parametrize("stage", [None, "", "launching"])
def test_where_no_known_stage_is_read_what_is_tried_again_may_be_the_launch(
    stage: str | None,
) -> None:
    effect = effect_of(server(stage), "start")
    assert effect.launch == "unknown"
    assert "now or when the copy ends" in effect.words()
    assert effect_of(server(stage, syncing=False), "start").launch == "after_copy"
    waits = server(stage, "waiting", id="t")
    assert waits.task
    waits = replace(waits, task=waits.task.model_copy(update={"state": "READY"}))
    assert effect_of(waits, "start").launch == "no"


@pytest.mark.parametrize(
    ("sub_tasks", "erases"),
    [([], True), (formatted(0), True), (formatted(1), False), (None, None)],
)
def test_the_first_start_on_an_existing_target_erases_it(sub_tasks: Any, erases: Any) -> None:
    effect = effect_of(server(sub_tasks=sub_tasks, **EXISTING), "start")
    assert effect.erases is erases
    assert not effect.makes_target


def test_a_target_that_no_template_made_was_there_before() -> None:
    bare = server(target_server={"vm_id": "ecs-1"})
    assert effect_of(bare, "start").erases is True


def test_a_start_with_a_template_makes_a_target() -> None:
    effect = effect_of(server(vm_template_id="tpl"), "start")
    assert effect.makes_target
    assert effect.erases is False


def test_a_start_over_a_launched_target_overwrites_it() -> None:
    assert effect_of(server("cutovered"), "start").overwrites_target


def test_restart_overwrites_and_sync_does_so_after_a_launch() -> None:
    assert effect_of(server(), "restart").overwrites_target
    assert not effect_of(server("syncing", "syncing"), "sync").overwrites_target
    assert effect_of(server("cutovered", "finished"), "sync").overwrites_target


@pytest.mark.parametrize("action", ["test", "cutover"])
def test_the_launch_is_the_launch_under_either_name(action: str) -> None:
    assert effect_of(server("syncing", "syncing"), action).launch == "now"


@pytest.mark.parametrize("action", ["stop", "network_check"])
def test_a_pause_and_a_measurement_do_no_harm(action: str) -> None:
    effect = effect_of(server(syncing=False), action)
    assert not effect.launches
    assert effect.erases is False


def test_an_action_that_nobody_knows_rules_nothing_out() -> None:
    effect = effect_of(server(), "migration_test")
    assert effect.launches
    assert effect.erases is None


@pytest.mark.parametrize(
    ("starts", "syncing", "launch"),
    [
        (False, False, "no"),
        (True, True, "no"),
        (True, False, "after_copy"),
        (True, None, "after_copy"),
    ],
)
def test_a_new_task_launches_only_if_it_starts_and_does_not_synchronise(
    starts: bool, syncing: bool | None, launch: str
) -> None:
    effect = effect_of_creation(starts=starts, syncing=syncing, existing_target=False)
    assert effect.launch == launch
    assert effect.makes_target is starts
