"""The arguments of the two tools that put everything within reach of a short list."""

from typing import Annotated, Any, ClassVar, Final

from pydantic import BeforeValidator, Field

from sms_tools.operation import JSON, Fields
from sms_tools.operations.common import JsonObject
from sms_tools.server.offer import Offered, offered_tools
from sms_tools.server.search import search
from sms_tools.server.suggestions import reached

_HITS: Final = 8
_WITH_SCHEMA: Final = 3


class FindOperation(Fields):
    """Find an operation that is not in this list, by words in English or Chinese (exclude a folder,
    unlock target, 删除模板). Returns the nearest of all that this server can do, with kind, what
    they need and the call that runs them.
    """

    __tool__: ClassVar[str] = "find_operation"
    query: Annotated[
        str, Field(min_length=1, max_length=500, description="What you want to do, in a few words.")
    ]


def _nothing(value: object) -> object:
    return {} if value is None or (isinstance(value, str) and not value.strip()) else value


class RunOperation(Fields):
    """Run an operation that is not in this list, by the name that find_operation gave. It is
    checked, shown to a person where one has to agree, and audited as that operation itself.
    """

    __tool__: ClassVar[str] = "run_operation"
    name: Annotated[str, Field(max_length=100, description="E.g. get_template.")]
    arguments: Annotated[
        JsonObject,
        BeforeValidator(_nothing),
        Field(
            default_factory=dict,
            description='Its arguments as JSON text, e.g. {"template_id": "…"}.',
        ),
    ]


def found(query: str) -> dict[str, JSON]:
    """The nearest tools for *query*, the first few with their schema."""
    every = offered_tools()
    hits = search(query, every, _HITS)
    if not hits:
        areas = ", ".join(dict.fromkeys(tool.area for tool in every))
        return {
            "summary": "No tool is described by these words. Try other words, or one of these "
            f"areas: {areas}.",
            "operations": [],
        }
    listed = {tool.name for tool in offered_tools("guided")}
    names = ", ".join(hit.name for hit in hits[:_WITH_SCHEMA])
    return {
        "summary": f"Nearest: {names}.",
        "operations": [_row(hit, hit.name in listed, rank) for rank, hit in enumerate(hits)],
    }


def _row(tool: Offered, listed: bool, rank: int) -> dict[str, Any]:
    needs = list(tool.parameters.get("required", []))
    blank: dict[str, JSON] = {name: f"<{name}>" for name in needs}
    row: dict[str, Any] = {
        "name": tool.name,
        "kind": f"{tool.kind} at most, by its arguments" if tool.by_value else str(tool.kind),
        "needs": needs,
        "description": tool.description,
        "call": {"tool": tool.name, "arguments": blank} if listed else reached(tool.name, blank),
    }
    return {**row, "schema": tool.parameters} if rank < _WITH_SCHEMA else row
