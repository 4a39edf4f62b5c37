"""MCP Apps: which tools have a board, who sees which tool, and the board as a resource.

A client without Apps gets the same list and the same results as before: the four tools that have a
board name it in their ``_meta``, and nothing else differs. One that declares the extension is told
of every other tool that it is for the model alone, and gets the board's data with a result.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from mcp.server.apps import APP_MIME_TYPE, Apps, client_supports_apps
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.mcpserver.resources import FunctionResource
from mcp_types import CallToolResult

from sms_tools.operation import JSON
from sms_tools.server.dialog import AnyContext
from sms_tools.server.output import Exit

if TYPE_CHECKING:
    from sms_tools.diagnosis.picture import Drawn
    from sms_tools.diagnosis.question import Question
    from sms_tools.fleet.desk import Desk

BOARD_URI: Final = "ui://sms/board"
DATA: Final = "sms-tools/board"
"""Where in a result's ``_meta`` the board's data stands."""
WITH_BOARD: Final = frozenset(
    {
        "migration_overview",
        "summarize_progress",
        "summarize_failed_servers",
        "check_cutover_readiness",
    }
)
_ABOUT_THE_PAGE: Final[Mapping[str, Any]] = {
    "ui": {
        # Nothing is loaded from anywhere: said in full, for hosts differ in what silence means.
        "csp": {"connectDomains": [], "resourceDomains": [], "frameDomains": []},
        "prefersBorder": True,
    }
}


def board() -> Apps:
    """The extension with the board; its page is made when it is first read."""

    def page() -> str:
        from sms_tools.board.page import page

        return page()

    apps = Apps()
    apps.add_resource(
        FunctionResource(
            uri=BOARD_URI,
            name="board",
            title="Fleet board",
            description="The migration at a glance: phases, servers, failures, readiness.",
            mime_type=APP_MIME_TYPE,
            meta=dict(_ABOUT_THE_PAGE),
            fn=page,
        )
    )
    return apps


def meta_of(tool: str) -> dict[str, Any] | None:
    """What every client reads in the list about *tool*."""
    return {"ui": {"resourceUri": BOARD_URI}} if tool in WITH_BOARD else None


async def for_the_model_alone(
    ctx: ServerRequestContext[Any, Any], call_next: CallNext
) -> HandlerResult:
    """Middleware: tells a client with Apps that a page may call no tool but the four."""
    result = await call_next(ctx)
    if ctx.method != "tools/list" or not client_supports_apps(ctx):
        return result
    if isinstance(result, dict):
        for tool in result.get("tools", ()):
            if tool.get("name") not in WITH_BOARD:
                tool["_meta"] = {**tool.get("_meta", {}), "ui": {"visibility": ["model"]}}
    return result


def wants_a_board(question: "Question", context: AnyContext) -> bool:
    """Whether an answer to *question* goes to a client that shows its board."""
    return question.__tool__ in WITH_BOARD and client_supports_apps(context)


async def drawn(question: "Question", desk: "Desk", leave: Exit) -> CallToolResult:
    """The answer to *question*, with the board's data in its ``_meta``."""
    from sms_tools.board.document import document_of
    from sms_tools.diagnosis.picture import answered

    answer, picture = await answered(cast("Drawn", question), desk)
    result = leave.result(answer)
    data: JSON = leave.cleaned({DATA: document_of(picture)})
    return result.model_copy(update={"meta": data})
