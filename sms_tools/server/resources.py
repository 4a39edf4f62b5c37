"""What can be read by address: servers, tasks, projects, error codes, the reference, the audit."""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import Any

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ResourceNotFoundError
from mcp.shared.exceptions import MCPError
from mcp_types import INTERNAL_ERROR, INVALID_PARAMS

from sms_tools.errors import NotFound, SmsToolsError
from sms_tools.operation import JSON, Operation
from sms_tools.server.completion import add_completion
from sms_tools.server.meant import with_ids
from sms_tools.server.output import compact, describe
from sms_tools.server.refusals import no_such
from sms_tools.server.runtime import Runtime
from sms_tools.server.watch import LATEST, latest

_LAST = 50
_JSON = "application/json"


def add_resources(server: MCPServer[Any], runtime: Runtime) -> None:
    """Register the resources and their templates with *server*."""

    def template(
        uri: str, title: str, description: str, read: Callable[[str], Awaitable[Mapping[str, JSON]]]
    ) -> None:
        async def shown(value: str) -> str:
            return compact(runtime.exit.cleaned(await read(value)))

        name, _, variable = uri.partition("://")[2].partition("/")
        register = server.resource(
            uri, name=name, title=title, description=description, mime_type=_JSON
        )
        register(_with_argument(variable.strip("{}"), shown))

    async def source(id: str) -> Mapping[str, JSON]:
        from sms_tools.operations.source_servers import GetSourceServer

        return await _read(runtime, GetSourceServer, "source_id", id)

    async def task(id: str) -> Mapping[str, JSON]:
        from sms_tools.operations.tasks import GetMigrationTask

        return await _read(runtime, GetMigrationTask, "task_id", id)

    async def project(id: str) -> Mapping[str, JSON]:
        from sms_tools.operations.projects import GetMigrationProject

        return await _read(runtime, GetMigrationProject, "mig_project_id", id)

    template("sms://servers/{id}", "Source server", "One source server as it is now.", source)
    template("sms://tasks/{id}", "Migration task", "One migration task as it is now.", task)
    template("sms://projects/{id}", "Migration project", "One migration project.", project)
    template("sms://errors/{code}", "Error code", "What an error code means and asks for.", _error)
    template(
        "sms://reference/{operation}",
        "Operation",
        "What an operation takes and returns, its kind of danger, its traps.",
        _operation,
    )

    @server.resource(
        "sms://audit/latest",
        name="audit",
        title="Audit",
        description=f"The last {_LAST} calls that were made or held back, and who decided.",
        mime_type=_JSON,
    )
    async def audit() -> str:
        entries = list(await runtime.guard.audit.read(last=_LAST))
        return compact(runtime.exit.cleaned({"entries": entries}))

    @server.resource(
        LATEST,
        name="watch",
        title="Watch",
        description="What a watch (`sms-tools watch`, `serve --watch`) saw last and what changed.",
        mime_type=_JSON,
    )
    async def watch() -> str:
        try:
            return compact(runtime.exit.cleaned(await latest(runtime)))
        except SmsToolsError as error:
            raise _failed(runtime, error) from error

    @server.resource(
        "sms://reports/{id}",
        name="reports",
        title="Report",
        description="A report that export_report wrote.",
        mime_type="text/plain",
    )
    async def report(id: str) -> str:
        from sms_tools.remediation.report import read_report

        try:
            return await read_report(runtime.desk.state.folder, id)
        except SmsToolsError as error:
            raise _failed(runtime, error) from error

    add_completion(server, runtime)


def _with_argument(
    name: str, read: Callable[[str], Awaitable[str]]
) -> Callable[..., Awaitable[str]]:
    """*read* as a function whose argument is called *name*, as the SDK wants of a template."""

    async def shown(**values: str) -> str:
        return await read(values[name])

    argument = inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=str)
    shown.__signature__ = inspect.Signature([argument], return_annotation=str)  # type: ignore[attr-defined]
    shown.__annotations__ = {name: str, "return": str}
    return shown


async def _read(
    runtime: Runtime, operation: type[Operation[Any]], argument: str, named: str
) -> Mapping[str, JSON]:
    """What *operation* reads of what is *named*, by its id or its name."""
    try:
        meant, _ = await with_ids({argument: named}, operation, runtime, reads=True)
        answer = await runtime.api.send(operation.model_validate(meant))
    except SmsToolsError as error:
        raise _failed(runtime, error) from error
    return {"observed_at": answer.observed_at.isoformat(), **(answer.payload or {})}


def _failed(runtime: Runtime, error: SmsToolsError) -> MCPError:
    """*error* as the protocol wants it: a sentence for the reader, and the rest as data."""
    told = runtime.exit.cleaned(describe(error))
    parts = [str(told[part]) for part in ("summary", "what_to_do") if told.get(part)]
    sentences = [f"{part.removesuffix('.')}." for part in parts]
    code = INVALID_PARAMS if isinstance(error, NotFound) else INTERNAL_ERROR
    return MCPError(code=code, message=" ".join(sentences), data=told)


async def _error(id: str) -> Mapping[str, JSON]:
    from sms_tools.knowledge import explain

    return asdict(explain(id))


async def _operation(id: str) -> Mapping[str, JSON]:
    from sms_tools.operations import CATALOGUE
    from sms_tools.server.reference import page

    found = page(id)
    if found is None:
        raise ResourceNotFoundError(no_such("operation", id, CATALOGUE))
    return found
