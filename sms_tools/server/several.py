"""One server for several accounts: each tool takes ``account``, and every result names it.

Nothing is remembered between calls, and an account that a caller may not use does not exist for
that caller: it is in no list, no schema and no error. A caller who may use one account sees the
same tools as on a server of one.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any, Final

import anyio
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.mcpserver.tools import Tool
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    CallToolResult,
    InputRequiredResult,
    PaginatedRequestParams,
)
from pydantic import PrivateAttr

from sms_tools.arguments import near
from sms_tools.operation import JSON
from sms_tools.server.accounts import Accounts
from sms_tools.server.build import ToolServer, told_of
from sms_tools.server.dialog import AnyContext
from sms_tools.server.offer import Offered
from sms_tools.server.output import compact
from sms_tools.server.prompts import add_prompts
from sms_tools.server.reach import served
from sms_tools.server.refusals import no_such
from sms_tools.server.resources import account_in, add_resources, listened_for
from sms_tools.server.runtime import Runtime
from sms_tools.server.tools import ServedTool, ToolResult
from sms_tools.text import one_line

ARGUMENT: Final = "account"
_EVERYWHERE: Final = "migration_overview"
"""The one question that may be asked of all accounts at once."""
_BOUND: Final = 8_000
_KEPT: Final = ("summary", "observed_at", "server_count", "phases", "offline", "problems")


class AccountTool(Tool):
    """A tool of several accounts: takes the call to the one that it names."""

    _inner: Mapping[str, ServedTool[Any]] = PrivateAttr()

    @classmethod
    def make(cls, offered: Offered, runtimes: Mapping[str, Runtime]) -> "AccountTool":
        """The tool that serves *offered* on each of *runtimes*."""
        inner = {name: served(offered, runtime) for name, runtime in runtimes.items()}
        one = next(iter(inner.values()))
        tool = cls(**dict(one))  # as it is listed for one account; the call is taken by `run`
        tool._inner = inner
        return tool

    async def run(
        self,
        arguments: dict[str, Any],
        context: AnyContext,
        convert_result: bool = False,  # noqa: ARG002 (the SDK passes it; ours is converted)
    ) -> Any:
        """The answer of the account that the server chose."""
        rest = dict(arguments)
        return await self._inner[rest.pop(ARGUMENT)].run(rest, context)


class ServerOfAccounts(ToolServer):
    """The server with several accounts behind it."""

    def __init__(self, accounts: Accounts, selection: str, **settings: Any) -> None:
        """A server of the tools of *selection* over *accounts*."""
        self._accounts = accounts
        super().__init__(accounts.first, selection, **settings)
        self.middleware.append(self._listening_to_theirs)

    def _tools_of(self, offered: Sequence[Offered]) -> list[Tool]:
        return [AccountTool.make(tool, self._accounts.runtimes) for tool in offered]

    async def _listening_to_theirs(
        self, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        """Middleware: nobody hears that something changed in an account that is not theirs.

        Raises:
            MCPError: a resource is of no account that the caller may use.
        """
        if ctx.method in ("subscriptions/listen", "resources/subscribe"):
            usable = self._accounts.admitted(getattr(ctx, "request", None))
            for account in filter(None, map(account_in, listened_for(ctx.params))):
                if account not in usable:
                    raise MCPError(INVALID_PARAMS, no_such("account", account, usable))
        return await call_next(ctx)

    async def _handle_list_tools(self, ctx: Any, params: PaginatedRequestParams | None) -> Any:
        listed = await super()._handle_list_tools(ctx, params)
        names = list(self._accounts.admitted(ctx.request))
        if len(names) < 2:
            return listed
        tools = [
            tool.model_copy(
                update={"input_schema": with_account(tool.name, tool.input_schema, names)}
            )
            for tool in listed.tools
        ]
        return listed.model_copy(update={"tools": tools})

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: AnyContext | None = None
    ) -> CallToolResult | InputRequiredResult:
        """The answer of the tool called *name*, on the account that *arguments* name."""
        request = getattr(context.request_context, "request", None) if context else None
        usable = self._accounts.admitted(request)
        given = dict(arguments)
        wanted = given.pop(ARGUMENT, None)
        if len(usable) == 1 and wanted in (None, ""):
            wanted = next(iter(usable))
        if isinstance(wanted, str) and wanted in usable and name not in self._suggest.offered:
            return self._named(await super().call_tool(name, given, context), wanted)
        if isinstance(wanted, str) and wanted in usable:
            result = await super().call_tool(name, {**given, ARGUMENT: wanted}, context)
            return self._named(result, wanted)
        if wanted in (None, "") and name == _EVERYWHERE and usable and context:
            return await self._everywhere(given, usable, context)
        refusal = refused_account(name, wanted, given, list(usable))
        return self._leave.result(refusal, is_error=True)

    def _named(self, result: ToolResult, account: str) -> ToolResult:
        """*result* with the account that it is of, in what it proposes too."""
        if not isinstance(result, CallToolResult) or result.structured_content is None:
            return result
        return self._leave.instead(result, named(result.structured_content, account))

    async def _everywhere(
        self, arguments: dict[str, Any], usable: Mapping[str, Runtime], context: AnyContext
    ) -> CallToolResult:
        """The overview of every account that the caller may use, told apart."""
        found: dict[str, Mapping[str, JSON]] = {}

        async def ask(account: str) -> None:
            given = {**arguments, ARGUMENT: account}
            result = await super(ServerOfAccounts, self).call_tool(_EVERYWHERE, given, context)
            if isinstance(result, CallToolResult) and result.structured_content:
                found[account] = named(result.structured_content, account)

        async with anyio.create_task_group() as group:
            for account in usable:
                group.start_soon(ask, account)
        return self._leave.result(joined({name: found[name] for name in usable if name in found}))


def build_server_of_accounts(
    accounts: Accounts, tools: str = "all", **shared: Any
) -> ServerOfAccounts:
    """The server of several accounts, with the tools of the selection *tools*.

    *shared* is what replicas of it have in common, as the SDK's server takes it.
    """
    first = accounts.first
    told = told_of(first, tools, scope="private")
    server = ServerOfAccounts(accounts, tools, **told, **shared)
    add_prompts(server, first)
    add_resources(server, first, accounts)
    return server


def with_account(tool: str, schema: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """*schema* with the argument that says which account."""
    whole = deepcopy(dict(schema))
    every = tool == _EVERYWHERE
    said = "Which account; left out, all of them." if every else "Which account."
    argument = {"type": "string", "enum": list(names), "description": said}
    whole["properties"] = {ARGUMENT: argument, **whole.get("properties", {})}
    if not every:
        whole["required"] = [ARGUMENT, *whole.get("required", [])]
    return whole


def refused_account(
    tool: str, wanted: object, arguments: Mapping[str, JSON], usable: Sequence[str]
) -> dict[str, JSON]:
    """Why the call was not made: which accounts there are, and the call that may be meant."""
    if not usable:
        return {
            "status": "error",
            "summary": "You may use none of this server's accounts.",
            "what_to_do": "Ask whoever runs the server: the file of accounts says who uses which.",
        }
    there = f"This server reaches {', '.join(usable)}."
    if wanted in (None, ""):
        return {
            "status": "error",
            "summary": f"{tool} needs `{ARGUMENT}`: which one is meant? {there}",
            "what_to_do": "Ask the person if it is not clear, then make the same call with it.",
            "accounts": list(usable),
        }
    said = one_line(str(wanted), 60)
    refusal: dict[str, JSON] = {
        "status": "error",
        "summary": f"There is no account {said!r}. {there}",
        "what_to_do": "Make the same call with one of these.",
        "accounts": list(usable),
    }
    if likely := near(said, list(usable)):
        call = {"tool": tool, "arguments": {ARGUMENT: likely[0], **arguments}}
        return {**refusal, "corrected_call": call}
    return refusal


def named(document: Mapping[str, JSON], account: str) -> dict[str, JSON]:
    """*document* with its account, which the calls that it proposes carry on."""
    shown: dict[str, JSON] = {ARGUMENT: account, **document}
    actions = shown.get("suggested_actions")
    if isinstance(actions, list):
        shown["suggested_actions"] = [_called_on(account, action) for action in actions]
    if isinstance(call := shown.get("corrected_call"), dict):
        shown["corrected_call"] = _called_on(account, call)
    uri = shown.get("uri")
    if isinstance(uri, str) and uri.startswith("sms://reports/"):
        shown["uri"] = uri.replace("sms://", f"sms://{account}/", 1)
    return shown


def _called_on(account: str, call: Any) -> Any:
    if not isinstance(call, dict) or not isinstance(call.get("arguments"), dict):
        return call
    return {**call, "arguments": {ARGUMENT: account, **call["arguments"]}}


def joined(found: Mapping[str, Mapping[str, JSON]]) -> dict[str, JSON]:
    """One answer out of the overviews of several accounts, within the bound of an answer.

    Numbers of different accounts are not added up: they are different migrations.
    """
    summary = " ".join(f"{name}: {_first_sentence(each)}" for name, each in found.items())
    seen = [str(each["observed_at"]) for each in found.values() if "observed_at" in each]
    lacking = [f"{name}: {note}" for name, each in found.items() for note in _lacked(each)]
    actions = [
        action
        for each in found.values()
        if isinstance(proposed := each.get("suggested_actions"), list)
        for action in proposed[:1]
    ]
    whole: dict[str, JSON] = {
        "summary": summary,
        **({"observed_at": min(seen)} if seen else {}),
        "suggested_actions": actions[:3],
        "omitted": [{"what": "details of each account", "how": f"{_EVERYWHERE} with its account"}],
        **({"incomplete": lacking} if lacking else {}),
    }
    for kept in (_KEPT, _KEPT[:-1], _KEPT[:1], ()):
        rows = [
            {ARGUMENT: name, **{key: each[key] for key in kept if key in each}}
            for name, each in found.items()
        ]
        answer = {**whole, "accounts": rows}
        if len(compact(answer).encode()) <= _BOUND:
            return answer
    return {**answer, "summary": f"{len(found)} accounts were read; ask for them one by one."}


def _first_sentence(answer: Mapping[str, JSON]) -> str:
    text = str(answer.get("summary", ""))
    end = text.find(". ")
    return text if end < 0 else text[: end + 1]


def _lacked(answer: Mapping[str, JSON]) -> Sequence[str]:
    if answer.get("status"):
        return [str(answer.get("summary"))]
    notes = answer.get("incomplete")
    return [str(note) for note in notes] if isinstance(notes, list) else []
