"""The JSON schema that a tool publishes for a model of request fields.

Published schemas are paid for in every conversation, so they say what helps a caller to choose
and nothing else: no titles, no ``null`` alternatives or defaults, no bounds without meaning. What
is left out here is still checked when the arguments arrive.
"""

from typing import Any, Final

from pydantic import BaseModel

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
    if definitions:
        for definition in definitions.values():
            definition.pop("description", None)  # the fields that use it carry one
        schema["$defs"] = dict(sorted(definitions.items()))
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
    return {
        key: _compact(value, is_properties=key in ("properties", "$defs"))
        for key, value in node.items()
        if not _says_nothing(key, value)
    }


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
