"""What can be read by address: servers, tasks, projects, error codes, the reference, the audit."""

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ResourceNotFoundError
from mcp.shared.exceptions import MCPError
from mcp_types import INTERNAL_ERROR, INVALID_PARAMS

from sms_tools.errors import NotFound, SmsToolsError
from sms_tools.operation import JSON, Operation
from sms_tools.server.accounts import Accounts
from sms_tools.server.completion import add_completion
from sms_tools.server.dialog import AnyContext
from sms_tools.server.meant import with_ids
from sms_tools.server.output import compact, describe
from sms_tools.server.refusals import no_such
from sms_tools.server.runtime import Runtime
from sms_tools.server.watch import latest

_LAST: Final = 50
_JSON: Final = "application/json"

Read = Callable[[Runtime, str], Awaitable[str]]
"""Reads what one value (an id, a code) stands for."""


@dataclass(frozen=True, slots=True)
class Page:
    """One kind of thing with an address."""

    path: str
    """What stands behind ``sms://``, or behind the account where there are several; its variable in
    braces."""
    title: str
    description: str
    read: Read
    mime_type: str = _JSON
    of_account: bool = True
    """Whether each account has its own."""

    @property
    def name(self) -> str:
        """What lists call it."""
        return self.path.partition("/")[0]

    @property
    def variable(self) -> str | None:
        """What its address has a value for."""
        return found[0] if (found := re.findall(r"\{(\w+)\}", self.path)) else None


def account_in(uri: str) -> str | None:
    """The account that *uri* is of, where there are several; None for what is of none."""
    scheme, found, rest = uri.partition("://")
    first = rest.partition("/")[0]
    of_none = {page.name for page in _PAGES if not page.of_account}
    return first if found and scheme == "sms" and first not in of_none else None


def listened_for(params: Mapping[str, Any] | None) -> Sequence[str]:
    """The addresses that a client wants to hear of, in either era's words."""
    given = params or {}
    notifications = given.get("notifications")
    wanted = notifications.get("resourceSubscriptions") if isinstance(notifications, dict) else ()
    several = wanted if isinstance(wanted, list) else ()
    return [str(uri) for uri in (*several, *([given["uri"]] if "uri" in given else ()))]


def add_resources(
    server: MCPServer[Any], runtime: Runtime, accounts: Accounts | None = None
) -> None:
    """Register the resources and their templates with *server*.

    With several *accounts*, addresses of what is an account's begin with its name.
    """
    for page in _PAGES:
        several = accounts is not None and page.of_account
        names = [name for name in ("account" if several else None, page.variable) if name]
        register = server.resource(
            f"sms://{'{account}/' if several else ''}{page.path}",
            name=page.name,
            title=page.title,
            description=page.description,
            mime_type=page.mime_type,
        )
        register(_with_arguments(names, _reader(page, runtime, accounts), context=several))
    add_completion(server, runtime, accounts)


def _reader(
    page: Page, runtime: Runtime, accounts: Accounts | None
) -> Callable[..., Awaitable[str]]:
    async def read(
        account: str | None = None, context: AnyContext | None = None, **values: str
    ) -> str:
        chosen = runtime
        if accounts is not None and account is not None and context is not None:
            chosen = accounts.chosen(account, context)
        return await page.read(chosen, values.get(page.variable or "", ""))

    return read


def _with_arguments(
    names: Sequence[str], read: Callable[..., Awaitable[str]], *, context: bool
) -> Callable[..., Awaitable[str]]:
    """*read* as a function with the arguments that the SDK wants of a template, or with none."""

    async def shown(**values: Any) -> str:
        return await read(**values)

    kinds: dict[str, Any] = dict.fromkeys(names, str)
    if context:
        kinds["context"] = Context
    keyword = inspect.Parameter.KEYWORD_ONLY
    arguments = [inspect.Parameter(name, keyword, annotation=kind) for name, kind in kinds.items()]
    shown.__signature__ = inspect.Signature(arguments, return_annotation=str)  # type: ignore[attr-defined]
    shown.__annotations__ = {**kinds, "return": str}
    return shown


async def _source(runtime: Runtime, id: str) -> str:
    from sms_tools.operations.source_servers import GetSourceServer

    return await _read(runtime, GetSourceServer, "source_id", id)


async def _task(runtime: Runtime, id: str) -> str:
    from sms_tools.operations.tasks import GetMigrationTask

    return await _read(runtime, GetMigrationTask, "task_id", id)


async def _project(runtime: Runtime, id: str) -> str:
    from sms_tools.operations.projects import GetMigrationProject

    return await _read(runtime, GetMigrationProject, "mig_project_id", id)


async def _audit(runtime: Runtime, _: str) -> str:
    entries = list(await runtime.guard.audit.read(last=_LAST, account=runtime.audited))
    return _shown(runtime, {"entries": entries})


async def _watch(runtime: Runtime, _: str) -> str:
    try:
        return _shown(runtime, await latest(runtime))
    except SmsToolsError as error:
        raise _failed(runtime, error) from error


async def _report(runtime: Runtime, id: str) -> str:
    from sms_tools.remediation.report import read_report

    try:
        return await read_report(runtime.desk, id)
    except SmsToolsError as error:
        raise _failed(runtime, error) from error


def _shown(runtime: Runtime, data: Mapping[str, JSON]) -> str:
    return compact(runtime.exit.cleaned(data))


async def _read(
    runtime: Runtime, operation: type[Operation[Any]], argument: str, named: str
) -> str:
    """What *operation* reads of what is *named*, by its id or its name."""
    try:
        meant, _ = await with_ids({argument: named}, operation, runtime, reads=True)
        answer = await runtime.api.send(operation.model_validate(meant))
    except SmsToolsError as error:
        raise _failed(runtime, error) from error
    observed = {"observed_at": answer.observed_at.isoformat()}
    return _shown(runtime, {**observed, **(answer.payload or {})})


def _failed(runtime: Runtime, error: SmsToolsError) -> MCPError:
    """*error* as the protocol wants it: a sentence for the reader, and the rest as data."""
    told = runtime.exit.cleaned(describe(error))
    parts = [str(told[part]) for part in ("summary", "what_to_do") if told.get(part)]
    sentences = [f"{part.removesuffix('.')}." for part in parts]
    code = INVALID_PARAMS if isinstance(error, NotFound) else INTERNAL_ERROR
    return MCPError(code=code, message=" ".join(sentences), data=told)


async def _error(runtime: Runtime, id: str) -> str:
    from sms_tools.knowledge import explain

    return _shown(runtime, asdict(explain(id)))


async def _operation(runtime: Runtime, id: str) -> str:
    from sms_tools.operations import CATALOGUE
    from sms_tools.server.reference import page

    found = page(id)
    if found is None:
        raise ResourceNotFoundError(no_such("operation", id, CATALOGUE))
    return _shown(runtime, found)


_PAGES: Final = (
    Page("servers/{id}", "Source server", "One source server as it is now.", _source),
    Page("tasks/{id}", "Migration task", "One migration task as it is now.", _task),
    Page("projects/{id}", "Migration project", "One migration project.", _project),
    Page(
        "errors/{code}",
        "Error code",
        "What an error code means and asks for.",
        _error,
        of_account=False,
    ),
    Page(
        "reference/{operation}",
        "Operation",
        "What an operation takes and returns, its kind of danger, its traps.",
        _operation,
        of_account=False,
    ),
    Page(
        "audit/latest",
        "Audit",
        f"The last {_LAST} calls that were made or held back, and who decided.",
        _audit,
    ),
    Page(
        "watch/latest",
        "Watch",
        "What a watch (`sms-tools watch`, `serve --watch`) saw last and what changed.",
        _watch,
    ),
    Page("reports/{id}", "Report", "A report that export_report wrote.", _report, "text/plain"),
)
