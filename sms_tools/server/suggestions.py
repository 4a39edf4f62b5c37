"""What an answer may propose: calls that work with the tools that this server offers.

A short list reaches the rest through ``run_operation``, so a proposed call is wrapped in it. A
server that was started read-only proposes nothing that changes anything.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sms_tools.arguments import from_text
from sms_tools.operation import JSON, Kind
from sms_tools.server.leading import led_on
from sms_tools.server.offer import Offered, offered_tools
from sms_tools.server.output import compact

Document = dict[str, JSON]

_NAME: Final = re.compile(r"\b[a-z][a-z0-9]*(?:_[a-z0-9]+)+\b")
_RUN: Final = "run_operation"


def reached(name: str, arguments: Mapping[str, JSON]) -> Document:
    """The call of run_operation that makes a call of *name*, as its schema wants it."""
    return {"tool": _RUN, "arguments": {"name": name, "arguments": compact(arguments)}}


class Suggestions:
    """The rule for one server: its *selection* of tools, and whether it was started read-only."""

    def __init__(self, selection: str, *, read_only: bool) -> None:
        """Look the selection up."""
        self._selection = selection
        self._read_only = read_only
        self._offered = {tool.name: tool for tool in offered_tools(selection)}
        self._every = {**{tool.name: tool for tool in offered_tools()}, **self._offered}

    @property
    def offered(self) -> Sequence[str]:
        """The names of the tools that are offered, in their order."""
        return list(self._offered)

    @property
    def reached(self) -> Sequence[str]:
        """The names of the tools that a call can reach: while read-only, those that only read."""
        tools = self._every if self._reaches else self._offered
        reads = Kind.READ if self._read_only else None
        return [name for name, tool in tools.items() if reads in (None, tool.kind)]

    def exists(self, name: str) -> bool:
        """Whether *name* is a tool that only this selection leaves out."""
        return name in self._every and name not in self._offered

    def unlisted(self, name: str, arguments: Mapping[str, JSON]) -> Document:
        """That *name* exists and how it is reached."""
        said = f"{name} exists, but is not offered with --tools {self._selection}"
        if _RUN not in self._offered:
            advice = "Start the server with --tools all, or with its area."
            return {"status": "not_offered", "summary": f"{said}.", "what_to_do": advice}
        return {
            "status": "not_offered",
            "summary": f"{said}; reach it with {_RUN}.",
            "corrected_call": reached(name, arguments),
        }

    def adapted(
        self, name: str, arguments: Mapping[str, JSON], document: Mapping[str, JSON]
    ) -> Document:
        """*document*, the result of a call of *name*: a refusal with the next call, proposals that
        work here, and the way to tools that it only names.
        """
        shown = dict(document)
        if called := self._called(name, arguments):
            shown = led_on(*called, shown)
        actions = shown.get("suggested_actions")
        if isinstance(actions, list):
            shown["suggested_actions"] = [
                adapted for each in actions if (adapted := self._action(each)) is not None
            ]
        call = shown.get("corrected_call")
        if isinstance(call, dict) and self.exists(str(call.get("tool"))) and self._reaches:
            shown["corrected_call"] = reached(call["tool"], call.get("arguments") or {})
        if len(self._offered) < len(self._every) and (way := self._way(_texts(shown))):
            shown["not_listed"] = way
        return shown

    def _called(
        self, name: str, arguments: Mapping[str, JSON]
    ) -> tuple[Offered, Mapping[str, JSON]] | None:
        """The tool and the arguments that a call is really of: those that run_operation runs."""
        if name == _RUN:
            name = str(arguments.get("name")).strip()
            inner = arguments.get("arguments")
            inner = from_text(inner, dict) if isinstance(inner, str) else inner
            arguments = inner if isinstance(inner, dict) else {}
        tool = self._every.get(name)
        return (tool, arguments) if tool is not None else None

    def described(self, tool: Offered) -> str:
        """The description of *tool*, with the way to tools that it names and that are not here."""
        way = self._way([tool.description]) if tool.role != "guide" else ""
        return f"{tool.description} {way}" if way else tool.description

    @property
    def _reaches(self) -> bool:
        return _RUN in self._offered

    def _way(self, texts: Sequence[str]) -> str:
        names = dict.fromkeys(name for text in texts for name in _NAME.findall(text))
        missing = [name for name in names if self.exists(name)]
        if not missing:
            return ""
        return f"{'By ' + _RUN if self._reaches else 'Not offered here'}: {', '.join(missing)}."

    def _action(self, action: Any) -> Any:
        tool = self._every.get(str(action.get("tool"))) if isinstance(action, dict) else None
        if tool is None:
            return action
        if self._read_only and tool.kind is not Kind.READ:
            return None
        if not self.exists(tool.name):
            return action
        if not self._reaches:
            return None
        return {**action, **reached(tool.name, action["arguments"])}


def _texts(document: Mapping[str, JSON]) -> list[str]:
    """The sentences of *document*: what stands beside them is data, whose words are not advice."""
    found: list[str] = []
    waiting: list[JSON] = [value for key, value in document.items() if key != "suggested_actions"]
    while waiting:
        value = waiting.pop(0)
        if isinstance(value, str) and " " in value:
            found.append(value)
        elif isinstance(value, dict):
            waiting += [each for key, each in value.items() if key != "arguments"]
        elif isinstance(value, list):
            waiting += value
    return found
