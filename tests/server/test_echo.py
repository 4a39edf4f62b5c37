"""What our own tools return can be sent back as it is: every structure of every read, in every
scenario, into every write that takes one of that name.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from sms_tools.guard.policy import Decision, Policy
from sms_tools.operation import Kind
from sms_tools.operations import CATALOGUE
from sms_tools.sandbox.scenarios import SCENARIOS

from .world import World, everything_in, open_world, status_of

pytestmark = pytest.mark.anyio

WRITES = [each for each in CATALOGUE.values() if each.__spec__.kind is not Kind.READ]
OTHERWISE_CALLED = {"volume_groups": ("volumegroups",), "subvolume": ("subvolumn",)}
"""Keys of replies that a request spells differently."""
READS = {
    "list_source_servers": ("get_source_server", "source_servers", "source_id"),
    "list_migration_tasks": ("get_migration_task", "tasks", "task_id"),
    "list_templates": ("get_template", "templates", "id"),
    "list_migration_projects": ("get_migration_project", "migprojects", "mig_project_id"),
}
OF_A_TASK = ("get_migration_rate_limits", "get_consistency_results", "get_migration_options")


NOT_COPIES = {
    ("get_source_server", "target_server"): "the target of its task, by name and address alone",
    ("get_source_server", "disks", "update_source_server"): "choices by id, with new sizes",
    ("get_source_server", "volume_groups", "update_source_server"): "choices by id",
    ("get_migration_task", "btrfs_list"): "the names alone",
    ("get_migration_task", "disks", "update_source_server"): "choices by id, with new sizes",
    ("get_migration_task", "volume_groups", "update_source_server"): "choices by id",
}
"""What has the same name and is something else."""


def takers() -> Mapping[str, list[tuple[str, Any]]]:
    """By the name of a structure: the writes that take it, and the class of each."""
    found: dict[str, list[tuple[str, Any]]] = {}
    for write in WRITES:
        shown = write.model_json_schema()["properties"]
        for name in write.model_fields:
            kinds = [shown[name], *shown[name].get("anyOf", [])]
            if any(k.get("type") in ("array", "object") or "$ref" in k for k in kinds):
                found.setdefault(name, []).append((write.__spec__.name, write))
    return found


TAKERS = takers()


def structures(read: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Every structure of a reply with the key that it stands under, at every depth."""
    if isinstance(read, dict | list) and key:
        for name in (key, *OTHERWISE_CALLED.get(key, ())):
            yield name, read
    if isinstance(read, dict):
        for name, value in read.items():
            yield from structures(value, name)
    elif isinstance(read, list):
        for value in read:
            yield from structures(value)


def complaints(write: Any, name: str, value: Any) -> list[str]:
    """What *write* has against *value* as its argument *name*."""
    try:
        write.model_validate({name: value}, context={"dropped": set()})
    except ValidationError as error:
        return [
            f"{'.'.join(map(str, found['loc']))}: {found['msg']}"
            for found in error.errors()
            if found["loc"][:1] == (name,)
        ]
    return []


@pytest.fixture(params=sorted(SCENARIOS))
async def world(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[World]:
    async with open_world(tmp_path, scenario=request.param) as world:
        yield world


async def replies(world: World) -> list[tuple[str, dict[str, Any]]]:
    """Every record of an account as it is read one by one, and what belongs to its tasks."""
    found: list[tuple[str, dict[str, Any]]] = []
    async with world.client("auto") as client:

        async def read(tool: str, **arguments: Any) -> dict[str, Any]:
            result = await client.call_tool(tool, arguments)
            return {} if result.is_error else result.structured_content or {}

        for listing, (one, key, argument) in READS.items():
            page = await read(listing, limit=50)
            for record in page[key]:
                found.append((one, await read(one, **{argument: record["id"]})))
                more = OF_A_TASK if key == "tasks" else ()
                found += [(tool, await read(tool, task_id=record["id"])) for tool in more]
    return found


async def test_every_structure_that_is_read_is_taken_as_it_was_read(world: World) -> None:
    tried = 0
    refused: dict[tuple[str, str, str], list[str]] = {}
    for tool, reply in await replies(world):
        for name, value in structures(reply):
            for taker, write in TAKERS.get(name, ()):
                tried += 1
                if (tool, name) in NOT_COPIES or (tool, name, taker) in NOT_COPIES:
                    continue
                if said := complaints(write, name, value):
                    refused.setdefault((tool, name, taker), said[:3])
    assert not refused
    assert tried > 100


async def test_a_task_s_own_target_goes_back_whole_and_the_note_says_what_was_left_out(
    tmp_path: Path,
) -> None:
    policy = Policy(kinds={Kind.DESTRUCTIVE: Decision.ALLOW})
    async with open_world(tmp_path, policy=policy) as world, world.client("auto") as client:
        page = await client.call_tool("list_migration_tasks", {"limit": 50})
        noted = 0
        for task in (page.structured_content or {})["tasks"]:
            read = await client.call_tool("get_migration_task", {"task_id": task["id"]})
            target = (read.structured_content or {})["target_server"]
            if not target.get("btrfs_list"):
                continue
            sent = {"task_id": task["id"], "target_server": target}
            result = await client.call_tool("update_migration_task", sent)
            assert status_of(result) != "invalid_arguments", result.content
            noted += "btrfs_list" in everything_in(result)
        assert noted
