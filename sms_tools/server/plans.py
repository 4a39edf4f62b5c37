"""The plan that changes something, as MCP serves it."""

from sms_tools.remediation import ApplyPlan
from sms_tools.server.asking import AnyContext
from sms_tools.server.tools import ServedTool, ToolResult


class PlanTool(ServedTool[ApplyPlan]):
    """Applies a plan after one approval."""

    async def _answer(self, call: ApplyPlan, context: AnyContext) -> ToolResult:
        raise NotImplementedError
