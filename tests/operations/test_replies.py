"""Junk anywhere in a reply costs that one field: everything else of the reply is still read."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sms_tools.operations import CATALOGUE

WIRE = Path(__file__).parents[1] / "wire"
JUNK: tuple[Any, ...] = (None, "n/a", "", -1, 2**70, 0.5, True, [], {}, [None], ["n/a"], {"a": 1})

replies = pytest.mark.parametrize(
    ("name", "sample"),
    [
        pytest.param(path.stem, sample, id=f"{path.stem}-{number}")
        for path in sorted(WIRE.glob("*.json"))
        for number, sample in enumerate(json.loads(path.read_text(encoding="utf-8"))["replies"])
    ],
)


def places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place inside *value*; of a list the first item stands for all."""
    inside = value.items() if isinstance(value, dict) else enumerate(value[:1])
    for key, item in inside:
        yield (*place, key)
        if isinstance(item, dict | list):
            yield from places(item, (*place, key))


def spoilt(sample: Any, place: tuple[Any, ...], junk: Any) -> Any:
    """*sample* with *junk* at *place*."""
    result = copy.deepcopy(sample)
    parent = result
    for key in place[:-1]:
        parent = parent[key]
    parent[place[-1]] = junk
    return result


def without(value: Any, place: tuple[Any, ...]) -> Any:
    """*value* without what stands at *place*; a list there loses its first item as a whole."""
    if not place or not value:
        return value
    if isinstance(value, list):
        return [without(value[0], place[1:]), *value[1:]] if place[1:] else value[1:]
    kept = {key: item for key, item in value.items() if key != place[0]}
    return {**kept, place[0]: without(value.get(place[0]), place[1:])} if place[1:] else kept


def counted(value: Any, place: tuple[Any, ...]) -> int:
    """How many items the list at *place* has."""
    for key in place:
        value = value[key]
    return len(value)


@replies
def test_junk_at_any_place_leaves_the_rest_of_a_reply_readable(name: str, sample: Any) -> None:
    result = CATALOGUE[name].__spec__.result
    whole = result.read(sample).model_dump()

    # An item that is junk itself leaves its list, and the next one moves up.
    for place in (place for place in places(sample) if not isinstance(place[-1], int)):
        for junk in JUNK:
            reply = result.read(spoilt(sample, place, junk)).model_dump()
            assert without(reply, place) == without(whole, place), (place, junk)


@replies
def test_a_junk_item_of_a_list_leaves_the_other_items(name: str, sample: Any) -> None:
    result = CATALOGUE[name].__spec__.result
    whole = result.read(sample).model_dump()

    for place in (place for place in places(sample) if isinstance(place[-1], int)):
        reply = result.read(spoilt(sample, place, "junk")).model_dump()
        assert counted(reply, place[:-1]) >= counted(whole, place[:-1]) - 1, place


@pytest.mark.parametrize("name", CATALOGUE)
@pytest.mark.parametrize("payload", [None, "", "gateway error", 0, [], {}, [{}]], ids=repr)
def test_an_answer_that_is_no_object_is_read_as_empty(name: str, payload: Any) -> None:
    assert CATALOGUE[name].__spec__.result.read(payload).model_fields_set == set()
