"""What holds for every operation: it is the documented one, it is described, its schema is strict.

``operations.json`` beside this file lists the documented operations: it is the contract that
clients rely on, and stands apart from the code on purpose. ``sdk`` is the method of the official
SDK, where it has the operation.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from sms_tools.operation import Kind, Page, Reply
from sms_tools.operations import AREAS, CATALOGUE, AnyOperation, area_of, route
from sms_tools.schema import input_schema

DOCUMENTED: list[dict[str, str | None]] = json.loads(
    (Path(__file__).parent / "operations.json").read_text(encoding="utf-8")
)
SIZE_BUDGET = 62_000
"""Bytes that names, descriptions and input schemas of all tools may take together."""

SHOUTS = re.compile(r"\b(important|crucial|ignore|must always|always call)\b", re.IGNORECASE)
BARE_SMS = re.compile(r"\bSMS\b(?!\.\d)")

every_operation = pytest.mark.parametrize(
    "operation", [pytest.param(operation, id=name) for name, operation in CATALOGUE.items()]
)


def listing() -> str:
    """Names, descriptions and input schemas as a client receives them."""
    tools = [
        {
            "name": name,
            "description": operation.__spec__.description,
            "inputSchema": input_schema(operation),
        }
        for name, operation in CATALOGUE.items()
    ]
    return json.dumps(tools, separators=(",", ":"), ensure_ascii=False)


def schemas_in(node: Any, *, names: bool = False) -> Iterator[dict[str, Any]]:
    """Every schema inside *node*; under ``properties`` and ``$defs`` the keys are just names."""
    if isinstance(node, list):
        for item in node:
            yield from schemas_in(item)
    elif isinstance(node, dict):
        if not names:
            yield node
        for key, value in node.items():
            yield from schemas_in(value, names=not names and key in ("properties", "$defs"))


def test_the_catalogue_holds_exactly_the_documented_operations_in_their_order() -> None:
    ours = [
        {
            "name": name,
            "method": operation.__spec__.method,
            "path": operation.__spec__.path,
            "kind": operation.__spec__.kind.value,
            "section": operation.__spec__.section,
        }
        for name, operation in CATALOGUE.items()
    ]

    assert ours == [{key: row[key] for key in ours[0]} for row in DOCUMENTED]
    assert len(ours) == 51


def test_all_tools_together_stay_within_their_size_budget() -> None:
    assert len(listing().encode()) <= SIZE_BUDGET


def test_the_listing_is_the_same_in_every_process() -> None:
    program = (
        "import json; from sms_tools.operations import CATALOGUE;"
        "from sms_tools.schema import input_schema;"
        "print(json.dumps([input_schema(o) for o in CATALOGUE.values()]))"
    )
    printed = subprocess.run(  # noqa: S603 (our own program)
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONHASHSEED": "4711", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert printed.strip() == json.dumps([input_schema(o) for o in CATALOGUE.values()])


@every_operation
def test_an_operation_says_what_it_does(operation: type[AnyOperation]) -> None:
    spec = operation.__spec__

    assert 120 <= len(spec.description) <= 700
    assert not SHOUTS.search(spec.description)
    assert not BARE_SMS.search(spec.description), "'SMS' alone reads as text messages"
    assert "PLACEHOLDER" not in spec.description
    assert spec.title[:1].isupper()


@every_operation
def test_the_tools_that_a_description_names_exist(operation: type[AnyOperation]) -> None:
    verbs = "create|delete|get|list|manage|update|set|report|upload|unlock|register|configure"
    named = set(re.findall(rf"\b(?:{verbs})_[a-z0-9_]+", operation.__spec__.description))

    assert named <= set(CATALOGUE)


@every_operation
def test_an_operation_has_a_kind_an_area_and_a_reply(operation: type[AnyOperation]) -> None:
    spec = operation.__spec__

    assert isinstance(spec.kind, Kind)
    assert area_of(operation) in AREAS
    assert issubclass(spec.result, Reply)
    if issubclass(spec.result, Page):
        assert spec.result.read({}).items == []
    if spec.kind is Kind.READ:
        assert spec.method == "GET"
        assert spec.idempotent


@every_operation
def test_placeholders_of_the_path_are_mandatory_fields(operation: type[AnyOperation]) -> None:
    for name in operation.__spec__.path_fields:
        assert operation.model_fields[name].is_required()


@every_operation
def test_the_path_of_an_operation_leads_back_to_it(operation: type[AnyOperation]) -> None:
    spec = operation.__spec__

    found = route(spec.method, spec.path.replace("{", "").replace("}", ""))

    assert found is not None
    assert found[0] is operation
    assert set(found[1]) == set(spec.path_fields)


@every_operation
def test_a_schema_is_valid_and_strict(operation: type[AnyOperation]) -> None:
    schema = input_schema(operation)

    Draft202012Validator.check_schema(schema)
    assert schema["type"] == "object"
    assert schema["additionalProperties"] is False
    assert not schema.keys() & {"anyOf", "oneOf", "allOf", "title", "description"}
    for node in schemas_in(schema):
        assert "title" not in node
        assert node.get("additionalProperties", False) is False


@every_operation
def test_every_field_is_described(operation: type[AnyOperation]) -> None:
    for node in schemas_in(input_schema(operation, whole=True)):
        for name, field in node.get("properties", {}).items():
            assert field.get("description"), name
            assert len(field["description"]) <= 200, name
            assert not SHOUTS.search(field["description"]), name


@every_operation
def test_every_argument_is_described(operation: type[AnyOperation]) -> None:
    for name, field in input_schema(operation)["properties"].items():
        assert field.get("description"), name


@every_operation
def test_published_fields_carry_wire_names(operation: type[AnyOperation]) -> None:
    assert set(input_schema(operation)["properties"]) == set(operation.model_fields)
