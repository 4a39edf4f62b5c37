"""The schemas pass through real hosts' converters without loss: OpenAI's strict one, Gemini's."""

import copy
from typing import Any

import pytest
from agents.strict_schema import ensure_strict_json_schema
from google.genai.types import JSONSchema, Schema

from sms_tools.server.offer import Offered, offered_tools

EVERY = {tool.name: tool for which in ("all", "guided") for tool in offered_tools(which)}
every_tool = pytest.mark.parametrize("tool", EVERY.values(), ids=list(EVERY))


@every_tool
def test_openai_s_strict_converter_takes_every_tool(tool: Offered) -> None:
    strict = ensure_strict_json_schema(copy.deepcopy(tool.parameters))

    assert strict["additionalProperties"] is False
    assert set(strict["required"]) == set(tool.parameters["properties"])


@every_tool
def test_gemini_s_converter_keeps_every_field_and_type(tool: Offered) -> None:
    written = JSONSchema.model_validate(tool.parameters)
    converted = Schema.from_json_schema(
        json_schema=written, raise_error_on_unsupported_field=True
    ).model_dump(mode="json", exclude_none=True)

    _same(tool.parameters, converted, tool.name)


def _same(ours: dict[str, Any], theirs: dict[str, Any], place: str) -> None:
    assert theirs["type"].lower() == ours["type"], place
    assert theirs.get("enum") == ours.get("enum"), place
    assert theirs.get("properties", {}).keys() == ours.get("properties", {}).keys(), place
    for name, field in ours.get("properties", {}).items():
        _same(field, theirs["properties"][name], f"{place}.{name}")
    if "items" in ours:
        _same(ours["items"], theirs["items"], f"{place}[]")
