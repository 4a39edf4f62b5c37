"""From an offered row to the tool that serves it, and the two tools that reach every other one.

``run_operation`` is the tool that it runs: that one's validation, policy, preview, consent and
audit are crossed under that one's own name.
"""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import PrivateAttr

from sms_tools.server.dialog import AnyContext
from sms_tools.server.offer import Offered, Role, offered_tools
from sms_tools.server.plans import PlanTool
from sms_tools.server.refusals import no_such_tool
from sms_tools.server.runtime import Runtime
from sms_tools.server.tools import OperationTool, QuestionTool, ServedTool, ToolResult


class GuideTool(ServedTool[Any]):
    """Finds an operation by words, or hands a call over to the tool that it names."""

    _inner: dict[str, ServedTool[Any]] = PrivateAttr(default_factory=dict)

    async def _answer(self, call: Any, context: AnyContext) -> ToolResult:
        from sms_tools.server.guide import FindOperation, found  # loaded at the first call

        if isinstance(call, FindOperation):
            return self._runtime.exit.result(found(call.query))
        inner = self._tool_of(call.name.strip())
        if inner is None:
            every = [tool.name for tool in offered_tools()]
            refusal = no_such_tool(call.name, call.arguments, every)
            return self._runtime.exit.result(refusal, is_error=True)
        result: ToolResult = await inner.run(call.arguments, context)
        return result

    def _tool_of(self, name: str) -> ServedTool[Any] | None:
        if name not in self._inner:
            offered = next((each for each in offered_tools() if each.name == name), None)
            if offered is None:
                return None
            self._inner[name] = served(offered, self._runtime)
        return self._inner[name]


_TOOLS: Final[Mapping[Role, type[ServedTool[Any]]]] = {
    "operation": OperationTool,
    "question": QuestionTool,
    "plan": PlanTool,
    "guide": GuideTool,
}


def served(offered: Offered, runtime: Runtime) -> ServedTool[Any]:
    """The tool that serves *offered*."""
    return _TOOLS[offered.role].make(offered, runtime)
