"""The JSON schema that a tool publishes for a model of request fields.

Published schemas are paid for in every conversation, so they say what helps a caller to choose
and nothing else: no titles, no ``null`` alternatives or defaults, no bounds without meaning. What
is left out here is still checked when the arguments arrive.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from pydantic import BaseModel, JsonValue

COPIED: Final[dict[str, JsonValue]] = {"x-copied": True}
"""``json_schema_extra`` of a field whose value is copied from what another tool has read, or that
only an Agent fills: published as an object or list of objects without their fields."""
_MEANINGLESS: Final[dict[str, set[int]]] = {
    "minLength": {0, 1},
    "maxLength": {254, 255, 256, 1024, 65_535, 16_384, 1_048_576},
    "minimum": {0},
    "maximum": {2**31 - 1, 2**63 - 1, 65_535},
    "minItems": {0},
    "maxItems": {255, 65_535},
}


def input_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The compact schema of *model*: an object that admits no other properties."""
    schema: dict[str, Any] = _compact(model.model_json_schema(by_alias=True))
    schema.pop("description", None)  # the tool carries it
    definitions = schema.pop("$defs", {})
    for definition in definitions.values():
        definition.pop("description", None)  # the fields that use it carry one
    used = Counter(_references(schema, definitions))
    once = {name for name, times in used.items() if times == 1}
    schema = _in_place(schema, definitions, once)
    if shared := sorted(used.keys() - once):
        schema["$defs"] = {name: _in_place(definitions[name], definitions, once) for name in shared}
    schema.setdefault("properties", {})
    schema["additionalProperties"] = False
    return schema


def _compact(node: Any, *, is_properties: bool = False) -> Any:
    if isinstance(node, list):
        return [_compact(item) for item in node]
    if not isinstance(node, dict):
        return node
    if is_properties:  # keys are field names here, and a field may well be called `title`
        return {name: _compact(schema) for name, schema in node.items()}
    node = _without_null(node)
    if "x-copied" in node:
        shape = {"type": "object"}
        inside = {"type": "array", "items": shape} if "items" in node else shape
        return {**inside, "description": node["description"]}
    return {
        key: _compact(value, is_properties=key in ("properties", "$defs"))
        for key, value in node.items()
        if not _says_nothing(key, value) and not (key == "type" and "enum" in node)
    }


def _references(node: Any, definitions: dict[str, Any]) -> list[str]:
    """The definitions that *node* uses, directly or through another, once per place."""
    found: list[str] = []
    waiting = [node]
    while waiting:
        for name in _referred(waiting.pop()):
            if name not in found:
                waiting.append(definitions[name])
            found.append(name)
    return found


def _referred(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for item in node:
            yield from _referred(item)
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield _name(node["$ref"])
        for value in node.values():
            yield from _referred(value)


def _name(reference: str) -> str:
    return reference.rpartition("/")[2]


def _in_place(node: Any, definitions: dict[str, Any], names: set[str]) -> Any:
    """*node* with every definition of *names* written where it is referred to."""
    if isinstance(node, list):
        return [_in_place(item, definitions, names) for item in node]
    if not isinstance(node, dict):
        return node
    name = _name(node["$ref"]) if isinstance(node.get("$ref"), str) else None
    if name in names:
        rest = {key: value for key, value in node.items() if key != "$ref"}
        node = {**definitions[name], **rest}
    return {key: _in_place(value, definitions, names) for key, value in node.items()}


def _without_null(node: dict[str, Any]) -> dict[str, Any]:
    """*node* with ``anyOf: [X, null]`` folded into X: leaving a field out is how to say null."""
    options = [option for option in node.get("anyOf", []) if option != {"type": "null"}]
    if len(options) == len(node.get("anyOf", [])):
        return node
    rest = {key: value for key, value in node.items() if key != "anyOf"}
    return {**options[0], **rest} if len(options) == 1 else {"anyOf": options, **rest}


def _says_nothing(key: str, value: Any) -> bool:
    if key == "title" or (key == "default" and value is None):
        return True
    return key in _MEANINGLESS and value in _MEANINGLESS[key]
