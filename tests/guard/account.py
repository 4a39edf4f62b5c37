"""An account of 49 servers in every state, and the reference's samples aimed at things in it."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sms_tools.api import Api, Exchange
from sms_tools.guard import Preview
from sms_tools.guard.previews import preview_of
from sms_tools.operation import Kind, Operation
from sms_tools.operations import CATALOGUE
from sms_tools.operations.source_servers import ListSourceServers, SourceServer
from sms_tools.operations.tasks import ListMigrationTasks, ManageMigrationTask, MigrationTask
from sms_tools.operations.templates import ListTemplates
from sms_tools.sandbox import ManualClock, Sandbox, open_sandbox
from sms_tools.settings import Settings

WIRE = Path(__file__).parents[1] / "wire"
DANGEROUS = [n for n, o in CATALOGUE.items() if o.__spec__.kind not in (Kind.READ, Kind.WRITE)]
CHANGING = [n for n, o in CATALOGUE.items() if o.__spec__.kind is not Kind.READ]


@dataclass
class World:
    """An account of 49 servers in every state, and a client that keeps what it sent."""

    sandbox: Sandbox
    api: Api
    sent: list[Exchange] = field(default_factory=list)

    async def source(self, name: str) -> SourceServer:
        return next(s for s in (await self.api(ListSourceServers())).items if s.name == name)

    async def task(self, name: str) -> MigrationTask:
        tasks = (await self.api(ListMigrationTasks(limit=200))).items
        return next(t for t in tasks if t.source_server and t.source_server.name == name)

    async def manage(self, name: str, action: str, **more: Any) -> ManageMigrationTask:
        task = await self.task(name)
        return ManageMigrationTask.model_validate({"task_id": task.id, "operation": action, **more})

    async def first_start(self, name: str, vm_id: str | None = None, **more: Any) -> Preview:
        """The preview of the start of a new task on a server that has none."""
        sample = (await example("create_migration_task", self)).wire_arguments()
        source = await self.source(name)
        arguments = {**sample, "source_server": {"id": source.id}, "auto_start": False, **more}
        arguments |= {"syncing": False, "exist_server": vm_id is not None}
        arguments["target_server"]["vm_id"] = vm_id
        created: Any = await self.api(CATALOGUE["create_migration_task"].model_validate(arguments))
        return await self.call("manage_migration_task", task_id=created.id, operation="start")

    async def action(self, name: str, action: str, **more: Any) -> Preview:
        return await preview_of(await self.manage(name, action, **more), self.api)

    async def call(self, tool: str, **arguments: Any) -> Preview:
        return await preview_of(CATALOGUE[tool].model_validate(arguments), self.api)


@asynccontextmanager
async def open_world() -> AsyncIterator[World]:
    """A world that stands still."""
    clock = ManualClock()
    sandbox = open_sandbox("mixed", clock=clock, speed=1)
    sent: list[Exchange] = []
    api = Api(
        Settings.for_sandbox(),
        transport=sandbox.transport(),
        clock=lambda: datetime.fromtimestamp(clock(), UTC),
        on_request=sent.append,
    )
    async with api:
        yield World(sandbox, api, sent)


async def example(tool: str, world: World) -> Operation[Any]:
    """The reference's own sample of a call, aimed at things of this account."""
    sample = json.loads((WIRE / f"{tool}.json").read_text(encoding="utf-8"))
    arguments = dict(sample["requests"][0]["arguments"])
    if tool == "update_source_server":  # the sample is the harmless use of this tool
        arguments["disks"] = [{"id": "1", "adjust_size": 0, "need_migration": False}]
    source, task = await world.source("web-03"), await world.task("web-03")
    template = (await world.api(ListTemplates())).items[0]
    project = CATALOGUE["list_migration_projects"]()
    real = {
        "source_id": source.id,
        "server_id": source.id,
        "task_id": task.id,
        "template_id": template.id,
        "mig_project_id": (await world.api(project)).items[0].id,
        "vm_template_id": template.id,
        "source_server": {"id": source.id},
        "ids": {"task": [task.id], "temp": [template.id]}.get(tool[7:].split("_")[-1][:4])
        or [source.id],
    }
    return CATALOGUE[tool].model_validate(
        {
            key: real[key] if key in real and not _is_record(tool, key) else value
            for key, value in arguments.items()
        }
    )


def _is_record(tool: str, key: str) -> bool:
    return tool == "update_migration_task" and key == "source_server"
