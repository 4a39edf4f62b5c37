"""What every host takes: the schemas keep to the part of JSON Schema that converters know, and
what our own tools return can be sent back as it is.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp_types import Tool

from sms_tools.guard.policy import Decision, Policy
from sms_tools.operation import Kind
from sms_tools.operations import CATALOGUE
from sms_tools.server import build_server
from sms_tools.server.offer import offered_tools

from .world import World, open_world, status_of

pytestmark = pytest.mark.anyio

FORBIDDEN = {"$ref", "$defs", "anyOf", "oneOf", "allOf", "not", "const", "prefixItems"}
TYPES = {"object", "array", "string", "integer", "number", "boolean"}
KNOWN = {
    *("type", "description", "properties", "required", "additionalProperties", "items", "enum"),
    *("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems"),
    *("pattern", "format", "default"),
}


def nodes(node: dict[str, Any], place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    yield place, node
    for name, field in node.get("properties", {}).items():
        yield from nodes(field, f"{place}.{name}")
    if "items" in node:
        yield from nodes(node["items"], f"{place}[]")


async def listed(world: World, tools: str) -> list[Tool]:
    async with world.client("auto", server=build_server(world.runtime, tools)) as client:
        return (await client.list_tools()).tools


@pytest.mark.parametrize("tools", ["all", "guided"])
async def test_every_node_keeps_to_what_converters_know(world: World, tools: str) -> None:
    for tool in await listed(world, tools):
        for place, node in nodes(tool.input_schema, tool.name):
            assert not FORBIDDEN & node.keys(), place
            assert node.keys() <= KNOWN, place
            assert node.get("type") in TYPES, place
            if "enum" in node:
                assert node["type"] == "string", place
                assert all(isinstance(word, str) and word for word in node["enum"]), place
            if node["type"] == "array":
                assert node["items"], place
            if node["type"] == "object" and node is not tool.input_schema:
                assert node["properties"], place
                assert set(node.get("required", [])) <= node["properties"].keys(), place


async def test_no_description_repeats_a_title(world: World) -> None:
    for tool in await listed(world, "all"):
        assert tool.title
        assert tool.description
        assert not tool.description.casefold().startswith(tool.title.casefold() + "."), tool.name


SIBLINGS = [
    ("delete_source_servers", "delete_source_server"),
    ("delete_migration_tasks", "delete_migration_task"),
    ("delete_templates", "delete_template"),
    ("create_template", "create_migration_project"),
    ("update_template", "update_migration_project"),
    ("set_migration_rate_limits", "configure_migration_options"),
]


@pytest.mark.parametrize(("one", "other"), SIBLINGS)
async def test_siblings_have_the_same_hints(world: World, one: str, other: str) -> None:
    found = {tool.name: tool.annotations for tool in await listed(world, "all")}
    first, second = found[one], found[other]
    assert first
    assert second
    assert first.idempotent_hint is second.idempotent_hint
    assert first.destructive_hint is second.destructive_hint


@pytest.mark.parametrize(
    "name",
    [
        "update_template",
        "update_migration_project",
        "set_migration_rate_limits",
        "set_default_migration_project",
    ],
)
async def test_what_replaces_says_so_and_the_guard_s_kind_stays(world: World, name: str) -> None:
    hints = next(t.annotations for t in await listed(world, "all") if t.name == name)
    assert hints
    assert hints.destructive_hint is True
    assert CATALOGUE[name].__spec__.kind == "write"


@pytest.fixture
async def free(tmp_path: Path) -> Any:
    """A world where writes need nobody, so that what a tool takes shows at once."""
    policy = Policy(kinds={Kind.DESTRUCTIVE: Decision.ALLOW})
    async with open_world(tmp_path, policy=policy) as world:
        yield world


async def test_every_recommended_target_makes_a_task_as_it_was_read(free: World) -> None:
    made = 0
    async with free.client("auto") as client:
        page = await client.call_tool("list_source_servers", {"limit": 200})
        servers = (page.structured_content or {})["source_servers"]
        assert len(servers) == 49
        templates = await client.call_tool("list_templates", {})
        template = (templates.structured_content or {})["templates"][0]["id"]
        for server in servers:
            read = await client.call_tool("get_source_server", {"source_id": server["id"]})
            found = read.structured_content or {}
            target = {**found["init_target_server"], "name": server["name"]}
            target["btrfs_list"] = found.get("btrfs_list") or []
            result = await client.call_tool("create_migration_task", _task(found, target, template))
            assert status_of(result) != "invalid_arguments", (server["name"], result.content)
            made += status_of(result) == "done"
            if status_of(result) == "done" and found["os_type"] == "LINUX":
                assert "inode_nums" in (result.structured_content or {})["notes"][0]
    assert made


def _task(source: dict[str, Any], target: dict[str, Any], template: str) -> dict[str, Any]:
    return {
        "name": f"again-{source['name']}",
        "type": "MIGRATE_BLOCK",
        "os_type": source["os_type"],
        "source_server": {"id": source["id"]},
        "target_server": target,
        "vm_template_id": template,
        **dict.fromkeys(("region_name", "region_id", "project_name", "project_id"), "x"),
    }


async def test_every_template_is_updated_with_what_was_read(free: World) -> None:
    async with free.client("auto") as client:
        listing = await client.call_tool("list_templates", {})
        for template in (listing.structured_content or {})["templates"]:
            read = await client.call_tool("get_template", {"template_id": template["id"]})
            found = dict((read.structured_content or {})["template"])
            found.pop("target_password")  # hidden in what is read, so it cannot be sent
            result = await client.call_tool(
                "update_template", {"template_id": template["id"], **found}
            )
            assert status_of(result) == "done", result.content


async def test_an_update_that_names_another_template_is_refused(free: World) -> None:
    async with free.client("auto") as client:
        result = await client.call_tool(
            "update_template",
            {
                "template_id": "a",
                "id": "b",
                "name": "n",
                "is_template": True,
                "region": "r",
                "projectid": "p",
            },
        )
    assert status_of(result) == "invalid_arguments"


async def test_the_bodies_of_chapter_4_are_accepted_as_printed(free: World) -> None:
    registered = {
        "os_type": "LINUX",
        "name": "bike-centos",
        "os_version": "CENTOS_7_4_64BIT",
        "kernel_version": "3.10.0-1062.1.1.el7.x86_64",
        "virtualization_type": "HVM",
        "paravirtualization": True,
        "firmware": "BIOS",
        "has_rsync": True,
        "boot_loader": "GRUB",
        "disks": [
            {
                "name": "/dev/vda",
                "size": 42949672960,
                "device_use": "BOOT",
                "partition_style": "MBR",
                "physical_volumes": [
                    {
                        "name": "/dev/vda1",
                        "size": 42948624384,
                        "device_use": "OS",
                        "used_size": 2854862848,
                        "inode_size": "256",
                        "file_system": "ext4",
                        "mount_point": "/",
                    }
                ],
            }
        ],
        "volume_groups": [],
        "cpu_quantity": 1,
        "memory": 1038716928,
        "networks": [{"name": "eth0", "ip": "192.168.77.77", "mac": "ef05f391"}],
        "ip": "192.168.77.77",
        "agent_version": "1.2.3-beta",
    }
    created = {
        "auto_install_pvdriver": True,
        "auto_start": True,
        "syncing": False,
        "migration_ip": "172.16.0.1",
        "name": "MigrationTask",
        "os_type": "WINDOWS",
        "project_id": "05825205120026802",
        "project_name": "project_name",
        "region_id": "region_id",
        "region_name": "region_name",
        "source_server": {"id": "9a01cb97-3eec-440e"},
        "start_target_server": True,
        "target_server": {
            "name": "name",
            "vm_id": "6dac09d8-5835-4888",
            "disks": [
                {
                    "device_use": "NORMAL",
                    "disk_id": "ef409e5f",
                    "name": "Disk 1",
                    "physical_volumes": [
                        {
                            "file_system": "NTFS",
                            "index": 1,
                            "name": "D:\\",
                            "size": 53684994048,
                            "used_size": 3462647808,
                            "uuid": "{9f817be3}",
                        }
                    ],
                    "size": 53687091200,
                    "used_size": 53687091200,
                }
            ],
            "btrfs_list": None,
        },
        "type": "MIGRATE_BLOCK",
        "use_public_ip": False,
    }
    register = CATALOGUE["register_source_server"].model_validate(registered)
    assert register.request().body["networks"] == registered["networks"]
    create = CATALOGUE["create_migration_task"].model_validate(created)
    assert create.request().body["auto_install_pvdriver"] is True


@pytest.mark.parametrize(
    ("segments", "said"),
    [
        ([("00:00", "12:00"), ("11:00", "23:59")], "overlap"),
        ([("22:00", "06:00")], "over midnight"),
        ([("08:00", "08:00")], "over midnight"),
    ],
)
async def test_limits_that_contradict_each_other_ask_nobody(
    world: World, segments: list[tuple[str, str]], said: str
) -> None:
    limits = [{"start": start, "end": end, "speed": 50} for start, end in segments]
    async with world.client("auto") as client:
        for tool, arguments in (
            ("set_migration_rate_limits", {"task_id": "t", "speed_limit": limits}),
            ("plan_remediation", {"goal": "fix_rate_window", "limits": limits}),
        ):
            result = await client.call_tool(tool, arguments)
            assert status_of(result) == "invalid_arguments"
            assert said in str(result.content)
    assert world.service.arrived == []
    assert await world.runtime.guard.approvals.waiting() == []


def test_the_sizes_leave_room() -> None:
    every = offered_tools()
    assert sum(tool.size for tool in every if tool.role == "operation") <= 62_000
    assert sum(tool.size for tool in every) <= 80_000
    guided = offered_tools("guided")
    assert len(guided) <= 25
    assert sum(tool.size for tool in guided) <= 25_000
