"""What a server over HTTP can be seen doing: calls, requests to the service, lines of the audit.

Whoever wants to know is a :class:`Watcher`: metrics, log lines, spans and readiness are some. Each
HTTP request has an id, which its answer, the result in it and every log line about it carry.
"""

import time
from collections.abc import Collection, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import anyio
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS
from pydantic import BaseModel

from sms_tools.operation import JSON
from sms_tools.server.resources import listened_for
from sms_tools.server.runtime import Runtime, name_in, token_in

if TYPE_CHECKING:
    from sms_tools.api import Exchange

REQUEST_ID: Final = "sms-tools/request_id"
"""Where in a result's ``_meta``, and in an ASGI scope, the id of the HTTP request stands."""
MOST_SUBSCRIPTIONS: Final = 100
"""Resources that one stream may listen for."""

current_request: ContextVar[str | None] = ContextVar("current_request", default=None)
"""The id of the HTTP request that is being served, also in what it started."""

OUTCOMES: Final = frozenset(
    {"answered", "error", "invalid_arguments", "approval_required", "declined", "blocked", "stale"}
)
"""How a tool's call may end, beside `asked` (a dialog), `failed` and `cancelled`."""


@dataclass(frozen=True, slots=True)
class Called:
    """One tool call that has ended."""

    tool: str
    """`unknown` where there is no tool of that name."""
    outcome: str
    seconds: float
    subject: str | None
    """Whose token came with it."""


class Watcher:
    """Wants to know what happens. Must be quick, and must not raise."""

    def called(self, call: Called) -> None:
        """A tool call has ended."""

    def exchanged(self, account: str, exchange: "Exchange") -> None:
        """A request to the service of *account* has ended; the name is empty where it is one."""

    def audited(self, entry: Mapping[str, JSON]) -> None:
        """This process has written a line of the audit."""


class Observing:
    """Middleware of the MCP server that tells the watchers, and bounds what is listened for."""

    def __init__(self, tools: Collection[str], watchers: Sequence[Watcher]) -> None:
        """Tell *watchers* of calls of *tools*."""
        self._tools = frozenset(tools)
        self._watchers = watchers

    def attach(self, runtimes: Mapping[str | None, Runtime]) -> None:
        """Tell the watchers of what *runtimes* do, by the names of their accounts."""
        heard: list[Any] = []
        for name, runtime in runtimes.items():
            runtime.parts.on_request = partial(self._exchanged, name or "")
            if runtime.guard.audit not in heard:  # one for all accounts
                heard.append(runtime.guard.audit)
                runtime.guard.audit.listeners.append(self._audited)

    async def __call__(
        self, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        """Pass one message on, and tell of it."""
        request = getattr(ctx, "request", None)
        request_id = request.scope.get(REQUEST_ID) if request is not None else None
        token = current_request.set(request_id)
        try:
            if ctx.method == "subscriptions/listen":
                _refuse_too_many(ctx.params)
            if ctx.method != "tools/call":
                return await call_next(ctx)
            return _with_id(await self._timed(ctx, call_next, request), request_id)
        finally:
            current_request.reset(token)

    async def _timed(
        self, ctx: ServerRequestContext[Any, Any], call_next: CallNext, request: Any
    ) -> HandlerResult:
        name = (ctx.params or {}).get("name")
        tool = name if isinstance(name, str) and name in self._tools else "unknown"
        known = token_in(request)
        subject = name_in(known) if known else None
        began, outcome = time.perf_counter(), "failed"
        try:
            result = await call_next(ctx)
            outcome = outcome_of(result)
        except anyio.get_cancelled_exc_class():
            outcome = "cancelled"
            raise
        finally:
            call = Called(tool, outcome, time.perf_counter() - began, subject)
            for watcher in self._watchers:
                watcher.called(call)
        return result

    def _exchanged(self, account: str, exchange: "Exchange") -> None:
        for watcher in self._watchers:
            watcher.exchanged(account, exchange)

    def _audited(self, entry: Mapping[str, JSON]) -> None:
        for watcher in self._watchers:
            watcher.audited(entry)


def outcome_of(result: Any) -> str:
    """How a call ended, in one of a few words; *result* as it goes over the wire."""
    whole = result if isinstance(result, dict) else _wire(result)
    if "inputRequests" in whole or "requestState" in whole:
        return "asked"
    shown = whole.get("structuredContent")
    status = shown.get("status") if isinstance(shown, dict) else None
    if status in OUTCOMES:
        return str(status)
    return "error" if whole.get("isError") else "answered"


def _wire(result: Any) -> Mapping[str, Any]:
    if isinstance(result, BaseModel):
        return result.model_dump(by_alias=True, exclude_none=True)
    return {}


def _with_id(result: HandlerResult, request_id: str | None) -> HandlerResult:
    """*result* with the id that the log lines about it carry."""
    if request_id is None or not isinstance(result, dict) or "content" not in result:
        return result
    return {**result, "_meta": {**result.get("_meta", {}), REQUEST_ID: request_id}}


def _refuse_too_many(params: Mapping[str, Any] | None) -> None:
    """Refuse a stream that listens for more than it can use.

    Raises:
        MCPError: it names too many resources.
    """
    wanted = listened_for(params)
    if len(wanted) > MOST_SUBSCRIPTIONS:
        raise MCPError(
            INVALID_PARAMS,
            f"One stream may listen for {MOST_SUBSCRIPTIONS} resources; this one names "
            f"{len(wanted)}. Listen for fewer.",
        )
