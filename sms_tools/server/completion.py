"""Completion of arguments, for prompts and resource templates alike.

What an argument is called says what it stands for, so one table serves both. Names come from the
reading of the fleet that questions share; where nothing can be read, nothing is offered.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, get_args

from mcp.server.mcpserver import MCPServer
from mcp_types import (
    Completion,
    CompletionArgument,
    CompletionContext,
    PromptReference,
    ResourceTemplateReference,
)

from sms_tools.errors import SmsToolsError
from sms_tools.prompting import LANGUAGES
from sms_tools.server.accounts import Accounts
from sms_tools.server.runtime import Runtime

_MOST: Final = 100
"""As many values as the protocol lets one answer hold."""

Choice = tuple[str, str]
"""A value, and other words by which it is found."""
_Source = Callable[[Runtime], Awaitable[Sequence[Choice]]]


def add_completion(
    server: MCPServer[Any], runtime: Runtime, accounts: Accounts | None = None
) -> None:
    """Register the one handler for all completions."""

    @server.completion()  # type: ignore[no-untyped-call, untyped-decorator]
    async def complete(
        ref: PromptReference | ResourceTemplateReference,
        argument: CompletionArgument,
        context: CompletionContext | None,
    ) -> Completion:
        name = argument.name if isinstance(ref, PromptReference) else _of_template(ref.uri)
        if accounts is None or name in _OF_NO_ACCOUNT:
            return await completed(name, argument.value, runtime)
        if argument.name == "account":
            return _begun(argument.value, list(accounts.open))
        # The SDK does not say who asks, so only what everybody may see is offered.
        account = (context.arguments or {}).get("account", "") if context else ""
        chosen = accounts.open.get(account)
        return await completed(name, argument.value, chosen) if chosen else Completion(values=[])


def _of_template(uri: str) -> str:
    """The kind of value that a resource template takes: ``server_id`` for ``sms://servers/…``."""
    kind = uri.partition("://")[2].removeprefix("{account}/").partition("/")[0]
    return {"servers": "server_id", "tasks": "task_id", "projects": "project_id"}.get(
        kind, {"errors": "code", "reference": "operation"}.get(kind, "")
    )


def _begun(typed: str, values: Sequence[str]) -> Completion:
    return Completion(values=[each for each in values if each.startswith(typed)][:_MOST])


async def completed(name: str, typed: str, runtime: Runtime) -> Completion:
    """The values for the argument *name* that begin with, or contain, what was *typed*."""
    source = _SOURCES.get(name)
    if source is None:
        return Completion(values=[])
    before, part = "", typed
    if name == "servers":  # a list by comma: the last one is being typed
        before, comma, part = typed.rpartition(",")
        before = f"{before}{comma} " if comma else ""
    try:
        choices = await source(runtime)
    except SmsToolsError:
        return Completion(values=[])
    key = part.strip().casefold()
    found = [c for c in choices if key in c[0].casefold() or key in c[1].casefold()]
    found.sort(key=lambda choice: not choice[0].casefold().startswith(key))
    values = [before + value for value in dict.fromkeys(value for value, _ in found)]
    return Completion(values=values[:_MOST], total=len(values), has_more=len(values) > _MOST)


async def _servers(runtime: Runtime) -> Sequence[Choice]:
    from sms_tools.fleet.reading import read_fleet  # loaded at the first completion

    return [(server.name, server.ip or "") for server in (await read_fleet(runtime.desk)).servers]


async def _server_ids(runtime: Runtime) -> Sequence[Choice]:
    from sms_tools.fleet.reading import read_fleet

    return [(server.id, server.name) for server in (await read_fleet(runtime.desk)).servers]


async def _task_ids(runtime: Runtime) -> Sequence[Choice]:
    from sms_tools.fleet.reading import read_fleet

    fleet = await read_fleet(runtime.desk)
    return [(server.task_id, server.name) for server in fleet.servers if server.task_id]


async def _projects(runtime: Runtime) -> Sequence[Choice]:
    return [(name, key) for name, key in await _read_projects(runtime) if name]


async def _project_ids(runtime: Runtime) -> Sequence[Choice]:
    return [(key, name) for name, key in await _read_projects(runtime) if key]


async def _read_projects(runtime: Runtime) -> Sequence[Choice]:
    from sms_tools.fleet.reading import read_shared
    from sms_tools.operations.projects import ListMigrationProjects
    from sms_tools.text import one_line

    listing, _ = await read_shared(runtime.desk, "projects", ListMigrationProjects(limit=100))
    return [(one_line(each.name or "", 80), each.id or "") for each in listing.items]


async def _codes(_: Runtime) -> Sequence[Choice]:
    from sms_tools.knowledge import all_codes

    return [(code, "") for code in all_codes()]


async def _operations(_: Runtime) -> Sequence[Choice]:
    from sms_tools.operations import CATALOGUE

    return [(name, "") for name in CATALOGUE]


async def _goals(_: Runtime) -> Sequence[Choice]:
    from sms_tools.remediation.request import Goal

    return [(goal, "") for goal in get_args(Goal)]


async def _languages(_: Runtime) -> Sequence[Choice]:
    return [(LANGUAGES[0], "en"), (LANGUAGES[1], "zh Chinese")]


_SOURCES: Final[Mapping[str, _Source]] = {
    "server": _servers,
    "servers": _servers,
    "server_id": _server_ids,
    "task_id": _task_ids,
    "project": _projects,
    "project_id": _project_ids,
    "code": _codes,
    "operation": _operations,
    "goal": _goals,
    "language": _languages,
}
_OF_NO_ACCOUNT: Final = frozenset({"code", "operation", "goal", "language"})
