"""The plan that changes something, as MCP serves it."""

from typing import Any

from sms_tools.server.asking import AnyContext
from sms_tools.server.tools import ServedTool, ToolResult


class PlanTool(ServedTool[Any]):
    """Applies a plan after one approval of the whole."""

    async def _answer(self, call: Any, context: AnyContext) -> ToolResult:
        from sms_tools.server.plan_runs import apply  # loaded when a plan is first applied

        return await apply(str(call.plan_id), self._runtime, context)
