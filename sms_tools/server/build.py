"""One MCP server out of the catalogue, the questions, the plans, the prompts and the resources."""

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Literal

from mcp.server.caching import CacheHint
from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver import server as sdk
from mcp.server.mcpserver.exceptions import ResourceNotFoundError
from mcp.server.mcpserver.tools import Tool
from mcp.server.stdio import stdio_server
from mcp.server.subscriptions import (
    InMemorySubscriptionBus,
    ResourceUpdated,
    SubscriptionBus,
)
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, CallToolResult, GetPromptResult, InputRequiredResult

from sms_tools import __version__
from sms_tools.server.apps import board, for_the_model_alone
from sms_tools.server.dialog import AnyContext
from sms_tools.server.lines import AnsweredLines
from sms_tools.server.offer import Offered, offered_tools
from sms_tools.server.prompts import add_prompts
from sms_tools.server.reach import served
from sms_tools.server.refusals import no_such_tool
from sms_tools.server.resources import add_resources
from sms_tools.server.runtime import Runtime
from sms_tools.server.suggestions import Suggestions
from sms_tools.text import one_line

INSTRUCTIONS: Final = """\
Migrations of servers to Huawei Cloud with the Server Migration Service (SMS; not text messages).
One call answers most questions: migration_overview (how is it going), summarize_failed_servers \
(what failed and why), summarize_progress (how far, when done), summarize_consistency_results (are \
the copies consistent), diagnose_server (one server), check_cutover_readiness (can we launch), \
explain_error_code, what_changed, find_cleanup_candidates. A migration from its start: \
assess_sources (which servers are fit), plan_migration (tasks from rows or a pasted sheet), \
schedule_wave (who is copied when), check_network_paths, export_report (a file as evidence). To \
fix or launch something: plan_remediation. Show a plan, then apply_plan. The other tools are the \
service's single operations.
In manage_migration_task, `test` launches the target server: it is the cutover. A call that comes \
back with status approval_required waits for a person, whom you give its command and its link; no \
argument of yours stands in for that. Report "unknown" as unknown."""

_READ_ONLY: Final = """\
This server was started read-only: it answers questions and changes nothing; every call that would \
change something is blocked. Do not propose one: say what a person would have to do.
"""
_GUIDED: Final = """
Only the everyday tools are listed. find_operation finds any other by words, run_operation runs \
it; a tool that a text names and that is not listed is reached the same way."""
_AN_HOUR_MS: Final = 3_600_000


def _log_plainly(level: str = "INFO") -> None:
    """Lines on standard error, as the SDK writes them where rich is not installed."""
    logging.basicConfig(level=level, format="%(message)s", handlers=[logging.StreamHandler()])


# The SDK would draw its log with rich, whose import takes longer than all the rest of a start.
sdk.configure_logging = _log_plainly  # type: ignore[attr-defined] # its own module knows it


class ToolServer(MCPServer[Any]):
    """The SDK's server, with unknown names as errors that can be read in both eras."""

    def __init__(self, runtime: Runtime, selection: str, **settings: Any) -> None:
        """A server of the tools of *selection* over *runtime*."""
        self._leave = runtime.exit
        self._suggest = Suggestions(selection, read_only=runtime.guard.policy.read_only)
        offered = [
            replace(tool, description=self._suggest.described(tool))
            for tool in offered_tools(selection)
        ]
        self._changes: SubscriptionBus = settings.pop("subscriptions", InMemorySubscriptionBus())
        self._runtime = runtime
        super().__init__(
            "sms-tools",
            tools=self._tools_of(offered),
            subscriptions=self._changes,
            extensions=[board()],
            middleware=[for_the_model_alone],
            **settings,
        )

    def _tools_of(self, offered: Sequence[Offered]) -> list[Tool]:
        return [served(tool, self._runtime) for tool in offered]

    @property
    def tool_names(self) -> Collection[str]:
        """The tools that are offered here."""
        return tuple(self._suggest.offered)

    async def changed(self, uri: str) -> None:
        """Tell the clients that listen for it that the resource *uri* has changed."""
        await self._changes.publish(ResourceUpdated(uri))

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: AnyContext | None = None
    ) -> CallToolResult | InputRequiredResult:
        """The answer of the tool called *name*."""
        if self._suggest.exists(name):
            return self._leave.result(self._suggest.unlisted(name, arguments), is_error=True)
        if name not in self._suggest.offered:
            refusal = no_such_tool(name, arguments, self._suggest.reached)
            shown = self._suggest.adapted(name, arguments, refusal)
            return self._leave.result(shown, is_error=True)
        result = await super().call_tool(name, arguments, context)
        if not isinstance(result, CallToolResult) or result.structured_content is None:
            return result
        shown = result.structured_content
        adapted = self._suggest.adapted(name, arguments, shown)
        if adapted == shown:
            return result
        return self._leave.instead(result, adapted)

    async def read_resource(
        self, uri: Any, context: AnyContext | None = None
    ) -> Iterable[ReadResourceContents] | InputRequiredResult:
        """The resource at *uri*; a report has the MIME type of its form.

        Raises:
            ResourceNotFoundError: there is nothing at *uri*; says what can be read.
        """
        try:
            contents = await super().read_resource(uri, context)
        except ResourceNotFoundError as error:
            if str(error) != f"Unknown resource: {uri}":
                raise  # worded by whoever looked
            raise ResourceNotFoundError(await self._nothing_at(str(uri))) from None
        _, found, name = str(uri).rpartition("/reports/")
        if not found or isinstance(contents, InputRequiredResult):
            return contents
        from sms_tools.remediation.report import mime_of

        return [replace(each, mime_type=mime_of(name) or each.mime_type) for each in contents]

    async def _nothing_at(self, uri: str) -> str:
        """That nothing stands at *uri*, and what does elsewhere."""
        known = [str(each.uri) for each in await self.list_resources()]
        known += [each.uri_template for each in await self.list_resource_templates()]
        return f"There is nothing at {one_line(uri, 80)!r}. What can be read: {', '.join(known)}."

    async def run_stdio_async(self) -> None:
        """Serve the client on standard input and output; a line that is no message is answered."""
        async with stdio_server() as (read, write):
            await self._lowlevel_server.run(
                AnsweredLines(read, write),
                write,
                self._lowlevel_server.create_initialization_options(),
            )

    async def get_prompt(
        self,
        name: str,
        arguments: dict[str, Any] | None = None,
        context: AnyContext | None = None,
    ) -> GetPromptResult | InputRequiredResult:
        """The prompt called *name*."""
        known = [prompt.name for prompt in await self.list_prompts()]
        if name not in known:
            message = f"There is no prompt {one_line(name, 80)!r}; there are {', '.join(known)}."
            raise MCPError(code=INVALID_PARAMS, message=message)
        return await super().get_prompt(name, arguments, context)


def instructions_of(selection: str, *, read_only: bool) -> str:
    """What the client tells its model of the server as a whole."""
    return (
        (_READ_ONLY if read_only else "")
        + INSTRUCTIONS
        + (_GUIDED if selection == "guided" else "")
    )


def build_server(runtime: Runtime, tools: str = "all", **shared: Any) -> ToolServer:
    """The server for *runtime* with the tools of the selection *tools*.

    *shared* is what replicas of it have in common, as the SDK's server takes it.
    """
    server = ToolServer(runtime, tools, **told_of(runtime, tools, scope="public"), **shared)
    add_prompts(server, runtime)
    add_resources(server, runtime)
    return server


def told_of(
    runtime: Runtime, tools: str, *, scope: Literal["public", "private"]
) -> Mapping[str, Any]:
    """What a client is told of the server as a whole.

    *scope* is private where lists differ by caller. That of the tools always does: a client with
    Apps is told more of them than one without.
    """
    hint = CacheHint(ttl_ms=_AN_HOUR_MS, scope=scope)
    hints = dict.fromkeys(("prompts/list", "resources/list", "resources/templates/list"), hint)
    return {
        "title": "Server migration to Huawei Cloud",
        "version": __version__,
        "instructions": instructions_of(tools, read_only=runtime.guard.policy.read_only),
        "log_level": "WARNING",
        "cache_hints": {"tools/list": CacheHint(ttl_ms=_AN_HOUR_MS, scope="private"), **hints},
    }
