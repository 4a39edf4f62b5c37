"""The JSON schema that a tool publishes for a model of request fields.

Published schemas are paid for in every conversation, so they say what helps a caller to choose
and nothing else: no titles, no ``null`` alternatives or defaults, no bounds without meaning. What
is left out here is still checked when the arguments arrive.
"""

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
    full = model.model_json_schema(by_alias=True)
    schema: dict[str, Any] = _compact(full)
    definitions = schema.pop("$defs", {})
    schema.pop("description", None)  # the tool carries it
    used = set(_reachable(schema, definitions))
    for name in sorted(used):
        definitions[name].pop("description", None)  # the fields that use it carry one
    if used:
        schema["$defs"] = {name: definitions[name] for name in sorted(used)}
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


def _references(node: Any) -> list[str]:
    """The names of the definitions that *node* refers to, once per reference."""
    if isinstance(node, list):
        return [name for item in node for name in _references(item)]
    if not isinstance(node, dict):
        return []
    own = [node["$ref"].rpartition("/")[2]] if isinstance(node.get("$ref"), str) else []
    return own + [name for value in node.values() for name in _references(value)]


def _used_once(schema: Any, definitions: dict[str, Any]) -> set[str]:
    """The definitions that stand in one place only, and so need no name."""
    names = _references([schema, *definitions.values()])
    return {name for name in definitions if names.count(name) == 1}


def _in_place(node: Any, definitions: dict[str, Any], names: set[str]) -> Any:
    """*node* with every definition of *names* written where it is referred to."""
    if isinstance(node, list):
        return [_in_place(item, definitions, names) for item in node]
    if not isinstance(node, dict):
        return node
    name = node["$ref"].rpartition("/")[2] if isinstance(node.get("$ref"), str) else None
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


def _reachable(node: Any, definitions: dict[str, Any]) -> Iterator[str]:
    """The names of the definitions that *node* uses, directly or through another."""
    if isinstance(node, dict):
        if reference := node.get("$ref"):
            name = str(reference).rpartition("/")[2]
            yield name
            yield from _reachable(definitions[name], definitions)
        for value in node.values():
            yield from _reachable(value, definitions)
    elif isinstance(node, list):
        for item in node:
            yield from _reachable(item, definitions)


def _says_nothing(key: str, value: Any) -> bool:
    if key == "title" or (key == "default" and value is None):
        return True
    return key in _MEANINGLESS and value in _MEANINGLESS[key]
