"""What can be read by address: servers, tasks, projects, error codes, the reference, the audit."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import Any

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError

from sms_tools.errors import NotFound, SmsToolsError
from sms_tools.operation import JSON, Operation
from sms_tools.server.output import compact, describe
from sms_tools.server.runtime import Runtime

_LATEST = 50
_JSON = "application/json"


def add_resources(server: MCPServer[Any], runtime: Runtime) -> None:
    """Register the resources and their templates with *server*."""

    def template(
        uri: str, title: str, description: str, read: Callable[[str], Awaitable[Mapping[str, JSON]]]
    ) -> None:
        async def shown(id: str) -> str:
            return compact(runtime.exit.cleaned(await read(id)))

        name = uri.partition("://")[2].partition("/")[0]
        server.resource(uri, name=name, title=title, description=description, mime_type=_JSON)(
            shown
        )

    async def source(id: str) -> Mapping[str, JSON]:
        from sms_tools.operations.source_servers import GetSourceServer

        return await _read(runtime, GetSourceServer(source_id=id))

    async def task(id: str) -> Mapping[str, JSON]:
        from sms_tools.operations.tasks import GetMigrationTask

        return await _read(runtime, GetMigrationTask(task_id=id))

    async def project(id: str) -> Mapping[str, JSON]:
        from sms_tools.operations.projects import GetMigrationProject

        return await _read(runtime, GetMigrationProject(mig_project_id=id))

    template("sms://servers/{id}", "Source server", "One source server as it is now.", source)
    template("sms://tasks/{id}", "Migration task", "One migration task as it is now.", task)
    template("sms://projects/{id}", "Migration project", "One migration project.", project)
    template("sms://errors/{id}", "Error code", "What an error code means and asks for.", _error)
    template(
        "sms://reference/{id}",
        "Operation",
        "What an operation takes and returns, its kind of danger, its traps.",
        _operation,
    )

    @server.resource(
        "sms://audit/latest",
        name="audit",
        title="Audit",
        description=f"The last {_LATEST} calls that were made or held back, and who decided.",
        mime_type=_JSON,
    )
    def audit() -> str:
        return json.dumps(list(runtime.guard.audit.read(last=_LATEST)), ensure_ascii=False)


async def _read(runtime: Runtime, operation: Operation[Any]) -> Mapping[str, JSON]:
    try:
        answer = await runtime.api.send(operation)
    except NotFound as error:
        raise ResourceNotFoundError(str(error)) from error
    except SmsToolsError as error:
        raise ResourceError(compact(runtime.exit.cleaned(describe(error)))) from error
    return {"observed_at": answer.observed_at.isoformat(), **(answer.payload or {})}


async def _error(id: str) -> Mapping[str, JSON]:
    from sms_tools.knowledge import explain

    return asdict(explain(id))


async def _operation(id: str) -> Mapping[str, JSON]:
    from sms_tools.server.reference import page

    found = page(id)
    if found is None:
        raise ResourceNotFoundError(f"There is no operation {id!r}; sms-tools tools lists them.")
    return found
