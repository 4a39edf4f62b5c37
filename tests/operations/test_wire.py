"""Every operation against requests and replies taken from the reference (``tests/wire``).

A file has ``requests`` (arguments, and the method, path, query and body that they become),
``replies``, ``repaired`` (what was wrong with the printed sample) and ``undocumented`` (fields
that a sample shows and no table explains).
"""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from sms_tools.operation import Reply
from sms_tools.operations import CATALOGUE, route

WIRE = Path(__file__).parents[1] / "wire"


@cache
def wire(name: str) -> dict[str, Any]:
    sample: dict[str, Any] = json.loads((WIRE / f"{name}.json").read_text(encoding="utf-8"))
    return sample


def cases(part: str) -> list[Any]:
    """A test case for every request or reply of every file."""
    return [
        pytest.param(path.stem, case, id=f"{path.stem}-{number}")
        for path in sorted(WIRE.glob("*.json"))
        for number, case in enumerate(wire(path.stem)[part])
    ]


def unknown_fields(value: object) -> Iterator[str]:
    """The names of the fields, at any depth, that no reply model knows."""
    if isinstance(value, Reply):
        yield from value.model_extra or {}
        for name in type(value).model_fields:
            yield from unknown_fields(getattr(value, name))
    elif isinstance(value, list):
        for item in value:
            yield from unknown_fields(item)


def as_text(value: Any) -> Any:
    """*value* with numbers as text: the service writes some either way."""
    if isinstance(value, dict):
        return {key: as_text(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_text(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value if value is None or isinstance(value, bool) else str(value)


def without_ids_of_checks(name: str, sample: dict[str, Any]) -> dict[str, Any]:
    """*sample* as a list of source servers is read: the ids of its checks are needed nowhere."""
    if name != "list_source_servers":
        return sample
    servers = [dict(server) for server in sample["source_servers"]]
    for server in servers:
        checks = server.get("checks") or ()
        server["checks"] = [{k: v for k, v in each.items() if k != "id"} for each in checks]
    return {**sample, "source_servers": servers}


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_operation_has_a_request_from_the_reference(name: str) -> None:
    assert wire(name)["section"] == CATALOGUE[name].__spec__.section
    assert wire(name)["requests"]


def test_no_sample_is_of_an_unknown_operation() -> None:
    assert {path.stem for path in WIRE.glob("*.json")} <= set(CATALOGUE)


@pytest.mark.parametrize(("name", "case"), cases("requests"))
def test_arguments_become_the_request_of_the_reference(name: str, case: dict[str, Any]) -> None:
    request = CATALOGUE[name].model_validate(case["arguments"]).request()

    assert request.method == case["method"]
    assert request.path == case["path"]
    assert dict(request.query) == case["query"]
    assert request.body == case["body"]


@pytest.mark.parametrize(("name", "case"), cases("requests"))
def test_a_request_of_the_reference_becomes_the_operation_again(
    name: str, case: dict[str, Any]
) -> None:
    found = route(case["method"], case["path"])
    assert found is not None
    operation, parts = found
    path = {part: unquote(value) for part, value in parts.items()}

    assert operation is CATALOGUE[name]
    assert operation.from_wire(path, case["query"], case["body"]) == operation.model_validate(
        case["arguments"]
    )


@pytest.mark.parametrize(("name", "sample"), cases("replies"))
def test_a_reply_of_the_reference_is_read_without_loss(name: str, sample: dict[str, Any]) -> None:
    reply = CATALOGUE[name].__spec__.result.read(sample)

    told = reply.model_dump(by_alias=True, exclude_unset=True)
    assert as_text(told) == as_text(without_ids_of_checks(name, sample))
    assert set(unknown_fields(reply)) <= set(wire(name).get("undocumented", ()))
