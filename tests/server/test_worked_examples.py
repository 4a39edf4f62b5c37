"""The reference's three worked examples (4.1 to 4.3), each walked through as one story."""

import json
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from .world import ERAS, Person, open_world, status_of

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("era", ERAS)]

_WIRE = Path(__file__).parents[1] / "wire"


def sample(tool: str) -> dict[str, Any]:
    read = json.loads((_WIRE / f"{tool}.json").read_text(encoding="utf-8"))
    arguments: dict[str, Any] = read["requests"][0]["arguments"]
    return arguments


async def done(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    assert isinstance(result.structured_content, dict)
    return result.structured_content


async def test_4_1_a_task_is_created_for_a_registered_server_and_seen(
    era: str, tmp_path: Path
) -> None:
    person = Person()
    async with open_world(tmp_path) as world, world.client(era, person) as client:
        registered = await done(
            client, "register_source_server", **sample("register_source_server")
        )
        source_id = str(registered["id"])
        source = await done(client, "get_source_server", source_id=source_id)
        arguments = sample("create_migration_task")
        arguments |= {"source_server": {"id": source_id}, "syncing": False, "auto_start": False}
        arguments["target_server"]["disks"] = source["init_target_server"]["disks"]
        created = await done(client, "create_migration_task", **arguments)
        task = await done(client, "get_migration_task", task_id=str(created["id"]))
    assert task["state"] == "READY"
    assert task["source_server"]["id"] == source_id
    assert "in an Agent's place" in person.read[0]
    assert "are erased" in person.read[1]
    assert "launches automatically" in person.read[1]
    assert world.service.changing == ["register_source_server", "create_migration_task"]


@pytest.mark.parametrize(("name", "was"), [("db-ora-01", "MIGRATE_FAIL"), ("db-redis-01", "ABORT")])
async def test_4_2_a_failed_or_paused_task_is_looked_at_started_and_seen_to_run(
    era: str, tmp_path: Path, name: str, was: str
) -> None:
    person = Person()
    async with open_world(tmp_path) as world, world.client(era, person) as client:
        task_id = world.cloud.by_name(name).task_id
        assert task_id
        assert (await done(client, "get_migration_task", task_id=task_id))["state"] == was
        await done(client, "manage_migration_task", task_id=task_id, operation="start")
        world.sandbox.clock.advance(10)  # type: ignore[attr-defined]  # the tests' own clock
        assert (await done(client, "get_migration_task", task_id=task_id))["state"] == "RUNNING"
    assert name in person.read[0]
    assert "Account: sandbox" in person.read[0]
    assert world.service.changing == ["manage_migration_task"]


async def test_4_3_a_running_task_is_paused_seen_to_be_and_deleted(
    era: str, tmp_path: Path
) -> None:
    person = Person()
    async with open_world(tmp_path) as world, world.client(era, person) as client:
        task_id = world.cloud.by_name("db-my-01").task_id
        assert task_id
        refused = await client.call_tool("delete_migration_task", {"task_id": task_id})
        assert status_of(refused) == "blocked", "a running task cannot be deleted"
        await done(client, "manage_migration_task", task_id=task_id, operation="stop")
        world.sandbox.clock.advance(600)  # type: ignore[attr-defined]  # the tests' own clock
        paused = await done(client, "get_migration_task", task_id=task_id)
        assert paused["state"] == "ABORT"
        deleted = await done(client, "delete_migration_task", task_id=task_id)
        assert deleted["seen_afterwards"]["gone"] + len(deleted["seen_afterwards"]["still_there"])
    assert len(person.read) == 1, "a pause asks nobody"
    assert "db-my-01" in person.read[0]
