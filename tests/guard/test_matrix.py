"""Every dangerous call, in every way that is no consent: nothing is sent. With consent: once."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from sms_tools.errors import NotFound
from sms_tools.guard import Ask, Caller, Go, Guard, Held
from sms_tools.guard.answers import Answers
from sms_tools.guard.calls import subject_of
from sms_tools.operation import Kind, Operation
from sms_tools.operations import CATALOGUE
from sms_tools.operations.projects import CreateMigrationProject
from sms_tools.operations.templates import CreateTemplate

from .account import DANGEROUS, World, example, open_world
from .conftest import CALLER, Clock

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with open_world() as world:
        yield world


async def possible(tool: str, world: World) -> Operation[Any]:
    """A call of *tool* that the service would take now."""
    make = _TARGETS.get(tool)
    if make is None:
        return await example(tool, world)
    return CATALOGUE[tool].model_validate(await make(world))


async def _failed_task(world: World) -> dict[str, Any]:
    return {"task_id": (await world.task("db-ora-01")).id}


async def _failed_tasks(world: World) -> dict[str, Any]:
    names = ("db-ora-01", "db-ora-02")
    return {"ids": [(await world.task(name)).id for name in names]}


async def _free_source(world: World) -> dict[str, Any]:
    return {"source_id": (await world.source("new-01")).id}


async def _free_sources(world: World) -> dict[str, Any]:
    return {"ids": [(await world.source(name)).id for name in ("new-01", "new-02")]}


async def _launched_task(world: World) -> dict[str, Any]:
    return {"task_id": (await world.task("web-01")).id}


async def _new_template(world: World) -> str:
    template = CreateTemplate(name="spare", is_template=True, region="r", projectid="p")
    return str((await world.api(template)).id)


async def _spare_template(world: World) -> dict[str, Any]:
    return {"template_id": await _new_template(world)}


async def _spare_templates(world: World) -> dict[str, Any]:
    return {"ids": [await _new_template(world)]}


async def _empty_project(world: World) -> dict[str, Any]:
    project = CreateMigrationProject(
        name="spare",
        region="r",
        use_public_ip=True,
        exist_server=False,
        type="MIGRATE_FILE",
        syncing=True,
    )
    return {"mig_project_id": (await world.api(project)).id}


async def _new_task(world: World) -> dict[str, Any]:
    sample = (await example("create_migration_task", world)).wire_arguments()
    return {**sample, "source_server": {"id": (await world.source("new-01")).id}}


async def _legal_pair(world: World) -> dict[str, Any]:
    source = await world.source("web-03")
    return {"source_id": source.id, "copystate": "ERROR", "migrationcycle": "syncing"}


async def _launch(world: World) -> dict[str, Any]:
    return {"task_id": (await world.task("web-03")).id, "operation": "test"}


_TARGETS: dict[str, Callable[[World], Awaitable[dict[str, Any]]]] = {
    "delete_migration_task": _failed_task,
    "delete_migration_tasks": _failed_tasks,
    "delete_source_server": _free_source,
    "delete_source_servers": _free_sources,
    "unlock_target_server": _launched_task,
    "delete_template": _spare_template,
    "delete_templates": _spare_templates,
    "delete_migration_project": _empty_project,
    "manage_migration_task": _launch,
    "create_migration_task": _new_task,
    "update_source_server_state": _legal_pair,
}


def harmful(world: World) -> list[str]:
    """The requests sent that do more than read."""
    return [
        each.operation
        for each in world.sent
        if CATALOGUE[each.operation].__spec__.kind is not Kind.READ
    ]


@pytest.mark.parametrize("tool", DANGEROUS)
async def test_without_consent_nothing_is_sent(
    world: World, guard: Guard, answers: Answers, clock: Clock, tool: str
) -> None:
    operation = await possible(tool, world)
    subject = subject_of(operation, world.api)
    world.sent.clear()

    async def ask() -> Ask:
        asked = await guard.begin(subject, CALLER)
        assert isinstance(asked, Ask), asked
        return asked

    assert (await guard.hold(await ask())).status == "approval_required"
    for action, typed in [("cancel", None), ("accept", "yes"), ("accept", None), ("decline", None)]:
        held = await guard.answer(await ask(), action=action, typed=typed)  # type: ignore[arg-type]
        assert isinstance(held, Held)
        assert held.status == "declined"
    # After a no the same call is not put before the person again for ten minutes.
    assert isinstance(await guard.begin(subject, CALLER), Held)
    clock.pass_(minutes=10)
    # Approved, and then asked for with other arguments, or by another caller.
    await answers.approve((await ask()).approval, (await ask()).typed, "page")
    other = replace(subject, arguments={**subject.arguments, "force": 1})
    assert isinstance(await guard.begin(other, CALLER), Ask)
    assert isinstance(await guard.begin(subject, Caller("somebody else", "1.0", "http")), Ask)
    # Approved, and then too late.
    go = await guard.begin(subject, CALLER)
    assert isinstance(go, Go)
    clock.pass_(minutes=10)
    assert isinstance(await guard.perform(go, lambda: world.api.send(operation)), Held)
    assert harmful(world) == []


@pytest.mark.parametrize("tool", DANGEROUS)
async def test_with_consent_it_is_sent_exactly_once(world: World, guard: Guard, tool: str) -> None:
    operation = await possible(tool, world)
    asked = await guard.begin(subject_of(operation, world.api), CALLER)
    assert isinstance(asked, Ask), asked
    go = await guard.answer(asked, action="accept", typed=asked.typed)
    assert isinstance(go, Go)
    world.sent.clear()
    assert not isinstance(await guard.perform(go, lambda: world.api.send(operation)), Held)
    with contextlib.suppress(NotFound):  # what was deleted cannot be previewed again
        assert isinstance(await guard.perform(go, lambda: world.api.send(operation)), Held)
    assert harmful(world) == [tool]


@pytest.mark.parametrize("tool", [t for t in DANGEROUS if t in _TARGETS or "task" in t])
async def test_a_renamed_target_needs_a_new_look(world: World, guard: Guard, tool: str) -> None:
    operation = await possible(tool, world)
    asked = await guard.begin(subject_of(operation, world.api), CALLER)
    assert isinstance(asked, Ask), asked
    go = await guard.answer(asked, action="accept", typed=asked.typed)
    assert isinstance(go, Go)
    await _rename(world, operation)
    world.sent.clear()
    held = await guard.perform(go, lambda: world.api.send(operation))
    assert isinstance(held, Held)
    assert held.status == "stale"
    assert harmful(world) == []


async def _rename(world: World, operation: Operation[Any]) -> None:
    """Rename the server, template or project that *operation* acts on."""
    names = {"db-ora-01", "new-01", "web-01", "web-03"}
    template_id = getattr(operation, "template_id", None)
    project_id = getattr(operation, "mig_project_id", None)
    if operation.__spec__.name == "delete_templates":
        template_id = operation.ids[0]  # type: ignore[attr-defined]
    if template_id:
        change = {"template_id": template_id, "name": "renamed", "is_template": True}
        await _call(world, "update_template", **change, region="r", projectid="p")
        return
    if project_id:
        change = {"mig_project_id": project_id, "name": "renamed", "region": "r"}
        await _call(
            world,
            "update_migration_project",
            **change,
            use_public_ip=True,
            exist_server=False,
            type="MIGRATE_FILE",
            syncing=True,
        )
        return
    for name in names:
        source = await world.source(name)
        await _call(world, "update_source_server", source_id=source.id, name=f"{name}-renamed")


async def _call(world: World, tool: str, **arguments: Any) -> None:
    await world.api.send(CATALOGUE[tool].model_validate(arguments))
