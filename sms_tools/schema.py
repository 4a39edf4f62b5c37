"""The JSON schema that a tool publishes for a model of request fields.

Published schemas are paid for in every conversation, so they say what helps a caller to choose
and nothing else: no titles, no ``null`` alternatives or defaults, no bounds without meaning. What
is left out here is still checked when the arguments arrive.

They also pass through the converters of many hosts, which know a small part of JSON Schema. So
every node has exactly one ``type``, nothing is referred to or combined, a list says what it holds
and an object says what it is made of.
"""

from typing import Any, Final

from pydantic import BaseModel, JsonValue


def copied(*also: str, marked: bool = True) -> dict[str, JsonValue]:
    """``json_schema_extra`` of a field whose value is copied from what another tool has read, or
    that only an Agent fills.

    Its objects are published with the fields that they must have, with *also* those named here,
    and without words on any; more is taken than is shown. Unless *marked*, they do not say which
    ones they must have, and of what is inside them they show a name: an Agent knows.
    """
    return {"x-copied": {"also": list(also), "marked": marked}}


JSON_TEXT: Final = "application/json"
"""The ``contentMediaType`` of text that holds JSON; for us, and not published."""
COPIED: Final = copied()
AGENT: Final = copied(marked=False)
_MEANINGLESS: Final[dict[str, set[int]]] = {
    "minLength": {0, 1},
    "maxLength": {254, 255, 256, 1024, 65_535, 16_384, 1_048_576},
    "minimum": {0},
    "maximum": {2**31 - 1, 2**63 - 1, 65_535, 10_000, 1_048_576},
    "minItems": {0},
    "maxItems": {255, 65_535},
}
_NAMES: Final = ("name", "id", "vm_id")
"""What an object shows that need not have any field: the first of these that it knows."""


def input_schema(model: type[BaseModel], *, whole: bool = False) -> dict[str, Any]:
    """The compact schema of *model*: an object that admits no other properties.

    *whole* publishes copied structures with all their fields, for a reader of the reference.
    """
    schema = model.model_json_schema(by_alias=True)
    definitions = schema.pop("$defs", {})
    for definition in definitions.values():
        definition.pop("description", None)  # the fields that use it carry one
    schema.pop("description", None)  # the tool carries it
    compact: dict[str, Any] = _compact(_in_place(schema, definitions), whole)
    compact.setdefault("properties", {})
    compact["additionalProperties"] = False
    return compact


def full_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The schema of *model* with every field and bound, and with nothing referred to."""
    schema = model.model_json_schema(by_alias=True)
    definitions = schema.pop("$defs", {})
    whole: dict[str, Any] = _in_place(schema, definitions)
    return whole


def _in_place(node: Any, definitions: dict[str, Any]) -> Any:
    """*node* with every definition written where it is referred to, and without ``null``."""
    if isinstance(node, list):
        return [_in_place(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    if isinstance(node.get("$ref"), str):
        rest = {key: value for key, value in node.items() if key != "$ref"}
        node = {**definitions[node["$ref"].rpartition("/")[2]], **rest}
    return _without_null({key: _in_place(value, definitions) for key, value in node.items()})


def _without_null(node: dict[str, Any]) -> dict[str, Any]:
    """*node* with ``anyOf: [X, null]`` folded into X: leaving a field out is how to say null."""
    every = node.get("anyOf")
    if not isinstance(every, list):  # it may be a field's name
        return node
    options = [option for option in every if option != {"type": "null"}]
    rest = {key: value for key, value in node.items() if key != "anyOf"}
    return {**options[0], **rest} if len(options) == 1 else {"anyOf": options, **rest}


def _compact(node: Any, whole: bool, *, inside: bool = False) -> Any:
    if isinstance(node, list):
        return [_compact(item, whole, inside=inside) for item in node]
    if not isinstance(node, dict):
        return node
    how = node.get("x-copied")
    if how is not None and not whole:
        return {**_bare(node, **how), "description": node["description"]}
    return {
        key: _fields(value, whole, inside=inside)
        if key == "properties"
        else _words(value)
        if key == "enum"
        else _compact(value, whole, inside=inside)
        for key, value in node.items()
        if not _says_nothing(key, value)
    }


def _fields(fields: dict[str, Any], whole: bool, *, inside: bool) -> dict[str, Any]:
    """*fields*, compact; *inside* a structure, without a text that only repeats the name."""
    compact = {name: _compact(schema, whole, inside=True) for name, schema in fields.items()}
    for name, schema in compact.items() if inside and not whole else ():
        said = schema.get("description", "").casefold().strip(".").split()
        if said and set(said) <= set(name.split("_")):
            del schema["description"]
    return compact


def _bare(
    node: dict[str, Any], also: list[str], marked: bool, *, inside: bool = False
) -> dict[str, Any]:
    """*node* as types alone; its objects with what they must have, and what *also* names."""
    if node.get("type") == "array":
        return {"type": "array", "items": _bare(node["items"], also, marked, inside=inside)}
    if node.get("type") != "object":
        return {"type": node["type"]}
    fields = node["properties"]
    required = node.get("required", []) if marked or not inside else []
    more = also if marked or not inside else []
    shown = [*required, *(name for name in more if name in fields and name not in required)]
    shown = shown or [next(name for name in (*_NAMES, *fields) if name in fields)]
    parts = {name: _bare(fields[name], also, marked, inside=True) for name in shown}
    bare: dict[str, Any] = {"type": "object", "properties": parts}
    return {**bare, "required": required} if required and marked else bare


def _words(values: list[Any]) -> list[Any]:
    """The values of an enumeration without the empty text, which stands for leaving it out."""
    return [value for value in values if value != ""]


def _says_nothing(key: str, value: Any) -> bool:
    if key in ("title", "x-copied", "contentMediaType") or (key == "default" and value is None):
        return True
    return key in _MEANINGLESS and value in _MEANINGLESS[key]
