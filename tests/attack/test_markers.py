"""What hides a secret in our answers is never sent back as if it were the secret."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sms_tools.errors import RequestRefused
from sms_tools.operation import hidden_in
from sms_tools.operations import CATALOGUE
from tests.server.dangerous import sample
from tests.server.world import open_world

pytestmark = pytest.mark.anyio


def marked(value: Any) -> Iterator[Any]:
    """*value* once for each text in it, with that text replaced by the marker."""
    if isinstance(value, str):
        yield "[hidden]"
    if isinstance(value, dict):
        for name, each in value.items():
            yield from ({**value, name: other} for other in marked(each))
    if isinstance(value, list):
        for number, each in enumerate(value):
            yield from ([*value[:number], other, *value[number + 1 :]] for other in marked(each))


@pytest.mark.parametrize("tool", CATALOGUE)
async def test_no_field_of_any_operation_takes_the_marker(tool: str, tmp_path: Path) -> None:
    async with open_world(tmp_path) as world, world.client("legacy") as client:
        attempts = list(marked(sample(tool)))
        for arguments in attempts:
            before = world.runtime.api.requests_made
            result = await client.call_tool(tool, arguments)
            assert result.is_error
            assert "was not called" in str(result.structured_content)
            assert world.runtime.api.requests_made == before
        assert await world.runtime.guard.approvals.waiting() == []


@pytest.mark.parametrize("tool", CATALOGUE)
def test_no_operation_is_sent_with_the_marker_whoever_made_it(tool: str) -> None:
    operation = CATALOGUE[tool]
    for arguments in marked(sample(tool)):
        try:
            call = operation.model_validate(arguments)
        except ValueError:
            continue  # not even a value of the class
        with pytest.raises(RequestRefused, match=r"holds \[hidden\]|is not an id"):
            call.request()


async def test_a_question_with_the_marker_is_refused_too(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world, world.client("legacy") as client:
        for tool, arguments in (
            ("diagnose_server", {"server": "[hidden]"}),
            ("migration_overview", {"servers": ["web-01", "x [hidden]"]}),
            ("apply_plan", {"plan_id": "[hidden]"}),
        ):
            result = await client.call_tool(tool, arguments)
            assert result.is_error
            assert "was not called" in str(result.structured_content)
        assert world.runtime.api.requests_made == 0


def test_the_place_of_the_marker_is_named() -> None:
    assert hidden_in({"a": [{"b": "x"}, {"c": "pw [hidden]"}]}) == "a[1].c"
    assert hidden_in({"a": {"[hidden]": 1}}) == "a.[hidden]"
    assert hidden_in({"a": ["hidden"], "b": None}) is None
