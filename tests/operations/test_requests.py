"""Whatever the arguments: a request survives the wire, and no id leads to another operation."""

import json
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from sms_tools.errors import RequestRefused
from sms_tools.operations import CATALOGUE, AnyOperation, route

WIRE = Path(__file__).parents[1] / "wire"
HOSTILE = (
    *("", " ", "/", "//", ".", "..", "...", "../..", "a/../b", "%2e%2e", "%2E%2E%2F", "%2F", "\\"),
    *("a/b", "a?b=c", "?", "#", "a#b", ";", "a;b", "a%00b", "\x00", "\n", "\r\nHost: x", "{x}"),
    *("é", "例", "\u202e", "\u200b", "．．", "／", "＃", "😀", "delete", "overview", "default"),
)

every_operation = pytest.mark.parametrize(
    "operation", [pytest.param(operation, id=name) for name, operation in CATALOGUE.items()]
)
operations_with_a_path = pytest.mark.parametrize(
    "operation",
    [
        pytest.param(operation, id=name)
        for name, operation in CATALOGUE.items()
        if operation.__spec__.path_fields
    ],
)
quick = settings(
    max_examples=25,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)


def values(schema: dict[str, Any], definitions: dict[str, Any]) -> st.SearchStrategy[Any]:
    """JSON values that fit *schema*; an optional property is left out or present, never null."""
    if "$ref" in schema:
        return values(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    if "anyOf" in schema:
        options = [option for option in schema["anyOf"] if option != {"type": "null"}]
        return st.one_of([values(option, definitions) for option in options])
    if "const" in schema or "enum" in schema:
        return st.sampled_from(schema.get("enum", [schema.get("const")]))
    if schema.get("type") == "array":
        low = schema.get("minItems", 0)
        items = values(schema["items"], definitions)
        return st.lists(items, min_size=low, max_size=max(low, 2))
    if "properties" in schema:
        fields = {name: values(field, definitions) for name, field in schema["properties"].items()}
        mandatory = {name: fields.pop(name) for name in schema.get("required", [])}
        return st.fixed_dictionaries(mandatory, optional=fields)
    return scalars(schema)


def scalars(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Single values, and maps of text where *schema* leaves an object open."""
    alphabet = st.characters(exclude_categories=["Cs"])
    match schema.get("type"):
        case "boolean":
            return st.booleans()
        case "integer":
            return st.integers(schema.get("minimum", -(2**31)), schema.get("maximum", 2**63 - 1))
        case "number":
            low, high = schema.get("minimum", -1e6), schema.get("maximum", 1e6)
            return st.floats(low, high, allow_nan=False)
        case "string" if "contentMediaType" in schema:
            text = st.text(alphabet, max_size=5)
            return st.dictionaries(text, text, max_size=2)
        case "string" if "pattern" in schema:
            return st.from_regex(schema["pattern"], fullmatch=True)
        case "object":
            text = st.text(alphabet, max_size=5)
            return st.dictionaries(text, text, max_size=2)
    low = schema.get("minLength", 0)
    return st.text(alphabet, min_size=low, max_size=min(schema.get("maxLength", 20), low + 20))


@cache
def arguments_of(operation: type[AnyOperation]) -> st.SearchStrategy[dict[str, Any]]:
    """Arguments that fit the full schema of *operation*, bounds and all."""
    schema = operation.model_json_schema(by_alias=True)
    ids = st.from_regex(r"[A-Za-z0-9._-]{1,20}", fullmatch=True)
    in_path = st.fixed_dictionaries(dict.fromkeys(operation.__spec__.path_fields, ids))
    everything = values(schema, schema.get("$defs", {}))
    return st.builds(lambda given, path: {**given, **path}, everything, in_path)


def accepted(operation: type[AnyOperation], arguments: dict[str, Any]) -> Any:
    """The operation, or nothing where its own checks refuse what its schema allows."""
    try:
        built = operation.model_validate(arguments)
        built.check()
    except (ValidationError, RequestRefused):
        return None
    return built


@every_operation
@quick
@given(data=st.data())
def test_any_well_typed_arguments_survive_the_wire(
    operation: type[AnyOperation], data: st.DataObject
) -> None:
    built = accepted(operation, data.draw(arguments_of(operation)))
    assume(built is not None)
    request = built.request()
    body = json.loads(json.dumps(request.body, allow_nan=False))

    assert request.path.isascii()
    assert all(isinstance(text, str) for pair in request.query for text in pair)
    found = route(request.method, request.path)
    assert found is not None
    assert found[0] is operation
    path = {name: unquote(part) for name, part in found[1].items()}
    assert operation.from_wire(path, dict(request.query), body) == built


@cache
def sample_of(operation: type[AnyOperation]) -> dict[str, Any]:
    """Arguments of *operation* from the reference."""
    sample = json.loads((WIRE / f"{operation.__spec__.name}.json").read_text(encoding="utf-8"))
    arguments: dict[str, Any] = sample["requests"][0]["arguments"]
    return arguments


def stays_on_its_route(operation: type[AnyOperation], field: str, value: str) -> bool:
    """Whether *value* is refused, or arrives as it is at *operation* and nowhere else."""
    built = accepted(operation, {**sample_of(operation), field: value})
    if built is None:
        return True
    request = built.request()
    sent = httpx.URL(f"https://sms.example.com{request.path}")
    found = route(request.method, sent.raw_path.decode())
    return (
        sent.host == "sms.example.com"
        and found is not None
        and found[0] is operation
        and unquote(found[1][field]) == value
    )


@operations_with_a_path
def test_a_hostile_id_never_leads_to_another_operation(operation: type[AnyOperation]) -> None:
    for field in operation.__spec__.path_fields:
        for value in HOSTILE:
            assert stays_on_its_route(operation, field, value), ascii(value)


@operations_with_a_path
@quick
@given(value=st.text(st.sampled_from("./%?#2eEfF\\;: \t\nab"), max_size=8))
def test_no_mixture_of_dots_and_slashes_leads_to_another_operation(
    operation: type[AnyOperation], value: str
) -> None:
    for field in operation.__spec__.path_fields:
        assert stays_on_its_route(operation, field, value)


@operations_with_a_path
def test_what_no_id_holds_never_reaches_a_path(operation: type[AnyOperation]) -> None:
    for field in operation.__spec__.path_fields:
        for value in ("a/b", "a%2Fb", "a b", "a;b", "a\\b", "\u202ea", "é", "a\n"):
            built = operation.model_validate({**sample_of(operation), field: value})
            with pytest.raises(RequestRefused, match=f"{field} is not an id"):
                built.request()


@operations_with_a_path
def test_an_id_that_is_empty_or_dots_is_refused(operation: type[AnyOperation]) -> None:
    for field in operation.__spec__.path_fields:
        for value in ("", " ", ".", "..", "\t..\n"):
            with pytest.raises(ValidationError):
                operation.model_validate({**sample_of(operation), field: value})
