"""The one rule for arguments, where it does not need a server to be seen."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from sms_tools.arguments import near, placeholder_in, take
from sms_tools.diagnosis.overview import MigrationOverview
from sms_tools.operations import CATALOGUE
from sms_tools.operations.tasks import ManageMigrationTask
from sms_tools.server.offer import offered_tools


@pytest.mark.parametrize(
    "name", ["the-app-01", "your-shop-db", "web-01", "8abda8635e09d185015e09d188dd0001", "id-77"]
)
def test_a_real_name_is_no_placeholder(name: str) -> None:
    assert placeholder_in({"servers": [name], "task_id": name}) is None


@pytest.mark.parametrize("name", ["<server>", "your_server", "your_server_name", "server_id"])
def test_a_placeholder_is_told_by_its_argument(name: str) -> None:
    assert placeholder_in({"limit": 1, "servers": [name]}) == "servers"


def test_a_name_that_reads_as_json_stays_a_name() -> None:
    taken = take(MigrationOverview, {"servers": "null", "project": "123"}, reads=True)
    assert taken.arguments == {"servers": ["null"], "project": "123"}


def test_blanks_within_a_list_are_left_out_of_a_read() -> None:
    taken = take(MigrationOverview, {"servers": ["", " web-01 ", None]}, reads=True)
    assert taken.arguments == {"servers": [" web-01 "]}


def test_a_write_keeps_what_is_empty() -> None:
    given = {"task_id": "t", "operation": "STOP", "template_id": ""}
    taken = take(ManageMigrationTask, given, reads=False)
    assert taken.arguments == {**given, "operation": "stop"}


@pytest.mark.parametrize(
    ("said", "known", "meant"),
    [
        ("pause", ["start", "stop", "test"], "stop"),
        ("Test-Copy", ["clone_test", "test"], "clone_test"),
        ("go live", ["start", "test"], "test"),
        ("project", ["name", "migproject"], "migproject"),
        ("sever", ["server", "project"], "server"),
    ],
)
def test_what_is_near_is_the_service_s_word_for_it(said: str, known: list[str], meant: str) -> None:
    assert near(said, known)[0] == meant


def test_nothing_is_near_what_is_not() -> None:
    assert near("colour", ["name", "limit"]) == []


ODD = ["9" * 5_000, "[" * 100_000, "{" * 100_000, '"\\ud800"', "the-" + "a" * 100_000, "NaN", "²"]
MODELS = [tool.model for tool in offered_tools("guided")] + list(CATALOGUE.values())
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=4,
)


@pytest.mark.parametrize("value", ODD, ids=lambda value: str(value)[:4])
@pytest.mark.parametrize("reads", [True, False])
def test_nothing_odd_breaks_the_taking(value: str, reads: bool) -> None:
    for model in MODELS:
        given = dict.fromkeys(model.model_fields, value)
        taken = take(model, given, reads=reads)
        placeholder_in(taken.arguments)
        with pytest.raises(ValidationError):
            model.model_validate({**taken.arguments, "unknown": 1})
    near(value, ["limit", "servers"])


@settings(
    max_examples=150,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(data=st.data())
def test_any_json_is_taken_or_refused_and_taking_it_twice_changes_nothing(
    data: st.DataObject,
) -> None:
    model = data.draw(st.sampled_from(MODELS))
    names = st.sampled_from([*model.model_fields, "unknown"])
    arguments: dict[str, Any] = data.draw(st.dictionaries(names, JSON_VALUES, max_size=4))
    reads = data.draw(st.booleans())
    once = take(model, arguments, reads=reads).arguments
    assert repr(take(model, once, reads=reads).arguments) == repr(once)
