"""What a person is shown, read from the sandbox: every dangerous call in its own words."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from sms_tools.errors import NotFound
from sms_tools.guard import Ask, Go, Guard, Held, Preview
from sms_tools.guard.after import seen_afterwards
from sms_tools.guard.calls import subject_of
from sms_tools.guard.previews import PREVIEWS, preview_of
from sms_tools.guard.subject import LOSSES
from sms_tools.operation import Kind
from sms_tools.operations import CATALOGUE
from sms_tools.operations.source_servers import ListSourceServers
from sms_tools.operations.templates import ListTemplates
from sms_tools.sandbox import Effect, Fault
from sms_tools.sandbox.model import CheckResult

from .account import CHANGING, DANGEROUS, World, example, open_world
from .conftest import CALLER

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with open_world() as world:
        yield world


def text(preview: Preview) -> str:
    return preview.text()


def losses(preview: Preview) -> str:
    return "\n".join(
        line for section in preview.sections if section.title == LOSSES for line in section.lines
    )


def test_every_dangerous_tool_has_words_of_its_own() -> None:
    assert set(DANGEROUS) <= set(PREVIEWS)
    assert set(PREVIEWS) <= set(CATALOGUE)


@pytest.mark.parametrize("tool", CHANGING)
async def test_a_preview_only_reads_and_asks_for_something_to_type(world: World, tool: str) -> None:
    operation = await example(tool, world)
    world.sent.clear()
    preview = await preview_of(operation, world.api)
    assert {CATALOGUE[each.operation].__spec__.kind for each in world.sent} <= {Kind.READ}
    assert preview.typed
    assert preview.headline.endswith(".")
    assert preview.to_dict() == Preview.from_dict(preview.to_dict()).to_dict()


@pytest.mark.parametrize("tool", DANGEROUS)
async def test_a_dangerous_call_says_what_it_would_lose_or_cost(world: World, tool: str) -> None:
    operation = await example(tool, world)
    preview = await preview_of(operation, world.api)
    titles = {section.title for section in preview.sections}
    assert titles & {LOSSES, "What will be billed"} or preview.impossible


async def test_a_preview_of_an_unchanged_world_has_the_same_fingerprint(world: World) -> None:
    operation = await world.manage("web-03", "test")
    first = await preview_of(operation, world.api)
    assert (await preview_of(operation, world.api)).fingerprint == first.fingerprint


async def test_a_launch_is_called_the_cutover_and_shows_the_consistency(world: World) -> None:
    preview = await world.action("web-03", "test")
    assert preview.typed == "launch web-03"
    assert "this is the cutover" in preview.headline
    assert "Consistency, clean, verified" in text(preview)
    assert "Verified directories:" in text(preview)
    assert "Readiness: all" in text(preview)
    assert "verdict" in preview.state


async def test_a_launch_says_when_nothing_was_ever_verified_or_could_be_read(world: World) -> None:
    world.sandbox.faults.add(Fault(Effect.STATUS, "get_consistency_results"))
    preview = await world.action("web-03", "test")
    assert "could not be read" in text(preview).lower()


async def test_a_launch_outside_continuous_sync_is_impossible(world: World) -> None:
    preview = await world.action("db-my-01", "test")
    assert preview.impossible
    assert preview.code == "SMS.7721"


async def test_a_rehearsal_says_that_the_clone_is_billed_and_stays(world: World) -> None:
    template = (await world.api(ListTemplates())).items[0]
    preview = await world.action("web-03", "clone_test", template_id=template.id)
    assert preview.typed == "web-03"
    assert "billed until somebody deletes it" in text(preview)
    assert "ECS console" in losses(preview)
    assert template.name
    assert template.name in text(preview)


async def test_a_restart_says_that_writes_on_the_target_are_overwritten(world: World) -> None:
    preview = await world.action("web-01", "restart")
    assert "overwritten" in losses(preview)
    assert preview.impossible is None


async def test_a_first_start_with_a_new_target_is_said_to_cost(world: World) -> None:
    template = (await world.api(ListTemplates())).items[0]
    preview = await world.first_start("new-01", vm_template_id=template.id)
    assert "billed" in text(preview)
    assert "erase" not in text(preview).lower()


async def test_a_first_start_on_an_existing_target_is_said_to_erase_it(world: World) -> None:
    preview = await world.first_start("new-02", vm_id="ecs-1")
    assert "ERASES" in preview.headline
    assert "ecs-1" in losses(preview)
    assert "everything on them is lost" in losses(preview)


async def test_a_task_that_launches_by_itself_says_so_before_it_starts(world: World) -> None:
    assert "launches automatically" in losses(await world.first_start("new-02", vm_id="ecs-1"))


async def test_a_start_that_goes_on_is_called_resuming(world: World) -> None:
    assert "Resume" in (await world.action("db-redis-01", "start")).headline


async def test_creating_a_task_for_an_existing_target_says_erased_and_launched(
    world: World,
) -> None:
    operation = await example("create_migration_task", world)
    arguments = operation.wire_arguments()
    arguments["target_server"]["vm_id"] = "ecs-1"
    arguments |= {"syncing": False, "auto_start": True, "exist_server": True}
    preview = await world.call("create_migration_task", **arguments)
    assert "erased" in losses(preview)
    assert "launches automatically" in losses(preview)
    assert "start it at once" in preview.headline
    assert "ecs-1" in {target.id for target in preview.targets}


async def test_a_batch_lists_every_item_and_wants_the_number_typed(world: World) -> None:
    names = ["db-ora-01", "db-ora-02", "db-my-01"]
    tasks = [(await world.task(name)).id for name in names]
    preview = await world.call("delete_migration_tasks", ids=[*tasks, "gone"])
    assert preview.typed == "delete 4"
    assert all(name in text(preview) for name in names)
    assert text(preview).count("will be deleted") == 2
    assert "the service would refuse it" in text(preview)
    assert "“gone” is in no list of tasks" in text(preview)
    assert preview.impossible is None


async def test_a_batch_of_which_nothing_is_possible_is_impossible(world: World) -> None:
    task = await world.task("db-my-01")
    assert (await world.call("delete_migration_tasks", ids=[task.id])).code == "SMS.7719"


async def test_a_source_server_with_a_task_cannot_be_deleted(world: World) -> None:
    source = await world.source("web-03")
    preview = await world.call("delete_source_server", source_id=source.id)
    assert preview.code == "SMS.7601"
    assert "task-web-03" in text(preview)


async def test_a_template_in_use_cannot_be_deleted_and_its_users_are_named(world: World) -> None:
    template = (await world.api(ListTemplates())).items[0]
    preview = await world.call("delete_template", template_id=template.id)
    assert preview.code == "SMS.7111"
    assert "web-0" in text(preview)


async def test_paths_that_will_not_be_copied_are_named_as_a_loss(world: World) -> None:
    task = await world.task("web-03")
    options = [{"config_key": "EXCLUDE_MIGRATE_PATH", "config_value": "/srv/data"}]
    preview = await world.call(
        "configure_migration_options", task_id=task.id, configurations=options
    )
    assert "Not copied" in losses(preview)
    assert "/srv/data" in losses(preview)


async def test_the_text_to_hash_is_nowhere_in_preview_arguments_or_ids(world: World) -> None:
    key = "11111111-2222-4333-8444-555555555555"
    subject = subject_of(CATALOGUE["calculate_sha256"].model_validate({"key": key}), world.api)
    preview = await subject.preview()
    assert key not in json.dumps([preview.to_dict(), subject.shown_arguments, list(subject.ids)])


async def test_a_password_in_the_arguments_is_not_shown(world: World) -> None:
    operation = await example("update_template", world)
    arguments = {**operation.wire_arguments(), "target_password": "Example-Password-1"}
    assert "Example-Password-1" not in text(await world.call("update_template", **arguments))


async def test_a_strangers_name_is_cleaned_cut_and_not_what_must_be_typed(world: World) -> None:
    sources = (await world.api(ListSourceServers())).items
    hostile = next(s for s in sources if s.name and "Ignore previous" in s.name)
    preview = await world.call(
        "update_source_server_state", source_id=hostile.id, copystate="ERROR"
    )
    assert preview.typed == hostile.id
    assert "\u202e" not in text(preview)
    assert "\n" not in preview.headline


@pytest.mark.parametrize("name", ["web-03", "WEB-03"])
async def test_a_name_that_another_server_has_too_is_not_what_must_be_typed(
    world: World, name: str
) -> None:
    source, other = await world.source("web-03"), await world.source("web-05")
    assert (await world.action("web-03", "test")).typed == "launch web-03"
    world.sandbox.cloud.sources[str(other.id)].name = name
    assert (await world.action("web-03", "test")).typed == f"launch {source.id}"


async def test_a_state_that_no_stage_allows_is_impossible(world: World) -> None:
    source = await world.source("web-03")
    preview = await world.call(
        "update_source_server_state",
        source_id=source.id,
        copystate="WAITING",
        migrationcycle="cutovered",
    )
    assert preview.code == "SMS.7728"


async def test_a_task_that_is_not_there_is_an_error_and_no_question(world: World) -> None:
    with pytest.raises(NotFound):
        await world.call("delete_migration_task", task_id="nowhere")


async def test_after_a_launch_the_state_now_is_reported(world: World, guard: Guard) -> None:
    operation = await world.manage("web-03", "test")
    ask = await guard.begin(subject_of(operation, world.api), CALLER)
    assert isinstance(ask, Ask)
    go = await guard.answer(ask, action="accept", typed="launch web-03")
    assert isinstance(go, Go)
    answer = await guard.perform(go, lambda: world.api.send(operation))
    assert not isinstance(answer, Held)
    seen = await seen_afterwards(operation, answer, world.api)
    assert seen is not None
    assert seen["source_state"] == "cutovering"
    assert (await guard.audit.read())[-1]["request_id"] == answer.request_id


async def test_a_server_that_moves_on_makes_the_approval_stale(world: World, guard: Guard) -> None:
    operation = await world.manage("web-03", "test")
    ask = await guard.begin(subject_of(operation, world.api), CALLER)
    assert isinstance(ask, Ask)
    go = await guard.answer(ask, action="accept", typed="launch web-03")
    assert isinstance(go, Go)
    await world.api.send(await world.manage("web-03", "stop"))
    world.sent.clear()
    held = await guard.perform(go, lambda: world.api.send(operation))
    assert isinstance(held, Held)
    assert held.status in ("stale", "blocked")
    assert {each.method for each in world.sent} == {"GET"}


async def test_after_a_deletion_it_is_said_what_is_gone(world: World) -> None:
    task = await world.task("db-ora-01")
    operation = CATALOGUE["delete_migration_task"].model_validate({"task_id": task.id})
    answer = await world.api.send(operation)
    seen = await seen_afterwards(operation, answer, world.api)
    assert seen is not None
    assert seen["gone"] + len(seen["still_there"]) == 1


async def test_after_a_change_of_a_source_server_its_state_now_is_reported(world: World) -> None:
    server = world.sandbox.cloud.by_name("web-03")
    renamed = {"source_id": server.id, "name": "web-03-new"}
    operation = CATALOGUE["update_source_server"].model_validate(renamed)
    answer = await world.api.send(operation)
    seen = await seen_afterwards(operation, answer, world.api)
    assert seen is not None
    assert (seen["name"], seen["phase"]) == ("web-03-new", "syncing")


GONE = "11111111-2222-3333-4444-555555555555"


async def new_task(world: World, name: str, **more: Any) -> Preview:
    """The preview of a new task for a server, by a template that is there and its own disks."""
    source = world.sandbox.cloud.show_source(world.sandbox.cloud.by_name(name).id)
    arguments = {
        **(await example("create_migration_task", world)).wire_arguments(),
        "source_server": {"id": source["id"]},
        "target_server": {"name": name, "disks": source["init_target_server"]["disks"]},
        "os_type": source["os_type"],
        "vm_template_id": next(iter(world.sandbox.cloud.templates)),
        "exist_server": False,
        **more,
    }
    return await world.call("create_migration_task", **arguments)


async def test_a_new_task_that_fits_its_source_is_possible(world: World) -> None:
    preview = await new_task(world, "new-01")
    assert preview.impossible is None


@pytest.mark.parametrize(
    ("name", "changes", "code", "says"),
    [
        ("web-03", {}, "SMS.6520", "a task already"),
        ("legacy-app", {}, "SMS.6520", "environment checks"),
        ("new-01", {"os_type": "WINDOWS"}, "SMS.6610", "operating system"),
        ("new-01", {"vm_template_id": None}, "SMS.6032", "no target"),
        ("new-01", {"vm_template_id": GONE}, "SMS.7101", "does not exist"),
    ],
)
async def test_a_new_task_that_cannot_work_is_impossible_before_anybody_is_asked(
    world: World, name: str, changes: dict[str, Any], code: str, says: str
) -> None:
    preview = await new_task(world, name, **changes)
    assert preview.code == code
    assert preview.impossible is not None
    assert says in preview.impossible


async def test_a_target_disk_smaller_than_the_sources_is_impossible(world: World) -> None:
    disk = {"name": "/dev/vda", "size": 60, "used_size": 50, "physical_volumes": []}
    preview = await new_task(world, "new-01", target_server={"name": "new-01", "disks": [disk]})
    assert preview.code == "SMS.6614"
    assert "/dev/vda" in (preview.impossible or "")


async def test_a_template_cannot_make_a_target_for_a_source_with_uefi(world: World) -> None:
    source = world.sandbox.cloud.by_name("new-01")
    source.spec = replace(source.spec, firmware="UEFI")
    preview = await new_task(world, "new-01")
    assert preview.code == "SMS.6535"


@pytest.mark.parametrize(
    ("template", "code"),
    [(None, "SMS.9001"), (" ", "SMS.9001"), ("..", "SMS.7101"), (GONE, "SMS.7101")],
)
async def test_a_rehearsal_without_a_template_that_is_there_is_impossible(
    world: World, template: str | None, code: str
) -> None:
    preview = await world.action("web-03", "clone_test", template_id=template)
    assert preview.code == code
    assert preview.impossible


async def test_blocks_of_a_kernel_that_does_not_support_them_are_impossible(world: World) -> None:
    source = world.sandbox.cloud.by_name("new-01")
    source.findings.append(CheckResult("LINUX_BLOCK_SUPPORT", "WARN", "SMS.6617"))
    assert (await new_task(world, "new-01", type="MIGRATE_BLOCK")).code == "SMS.6616"
    assert (await new_task(world, "new-01", type="MIGRATE_FILE")).impossible is None


async def test_a_start_that_is_the_launch_is_shown_and_typed_as_one(world: World) -> None:
    preview = await world.action("crm-01", "start")
    assert preview.typed == "launch crm-01"
    assert "this is the cutover" in preview.headline
    assert preview.impossible is None


async def test_a_start_that_launches_when_the_copy_ends_is_typed_as_a_launch(world: World) -> None:
    preview = await world.first_start("new-02", vm_id="ecs-1")
    assert preview.typed == "launch new-02"
    assert "which then launches" in preview.headline


async def test_the_launch_dialog_says_what_readiness_says_of_consistency(world: World) -> None:
    preview = await world.action("web-06", "test")
    assert "Consistency, stale" in text(preview)
    assert "NOT READY" in text(preview)
    assert "consistency_clean fails" in text(preview)


async def test_the_launch_dialog_names_what_the_copy_leaves_out(world: World) -> None:
    task = await world.task("web-03")
    options = [{"config_key": "EXCLUDE_MIGRATE_PATH", "config_value": "/var/lib/mysql"}]
    before = await world.action("web-03", "test")
    arguments = {"task_id": task.id, "configurations": options}
    await world.api.send(CATALOGUE["configure_migration_options"].model_validate(arguments))
    after = await world.action("web-03", "test")
    assert "/var/lib/mysql" in text(after)
    assert "NOT CONFIRMED" in text(after)
    assert after.fingerprint != before.fingerprint


async def test_a_template_that_was_changed_is_another_approval(world: World) -> None:
    template = (await world.api(ListTemplates())).items[0]
    before = await world.action("web-03", "clone_test", template_id=template.id)
    cloud = world.sandbox.cloud
    cloud.templates[str(template.id)].fields["flavor"] = "p3.48xlarge.99"
    after = await world.action("web-03", "clone_test", template_id=template.id)
    assert "p3.48xlarge.99" in text(after)
    assert after.fingerprint != before.fingerprint


async def test_a_template_with_a_password_a_project_without_sync_and_logs_ask(world: World) -> None:
    template = (await world.api(ListTemplates())).items[0]
    update = (await example("update_template", world)).wire_arguments()
    update |= {"template_id": template.id, "target_password": "Example-Password-1"}
    operation = CATALOGUE["update_template"].model_validate(update)
    assert operation.danger is Kind.DESTRUCTIVE
    shown = await preview_of(operation, world.api)
    assert "cannot be read back" in losses(shown)
    assert "Example-Password-1" not in text(shown)
    project = (await example("update_migration_project", world)).wire_arguments()
    quiet = CATALOGUE["update_migration_project"].model_validate({**project, "syncing": False})
    assert quiet.danger is Kind.DESTRUCTIVE
    assert "automatically" in losses(await preview_of(quiet, world.api))
    logs = await example("upload_migration_task_logs", world)
    assert logs.danger is Kind.DESTRUCTIVE
    assert "link" in losses(await preview_of(logs, world.api))
