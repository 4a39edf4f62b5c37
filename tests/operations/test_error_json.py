"""Doubly encoded errors: what can be read is read, and nothing makes the reader fail."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sms_tools.operations.error_json import TaskError, decode_error_json


def encoded(code: str, params: list[str]) -> str:
    return json.dumps({"error_code": code, "error_param": json.dumps(params)})


@given(st.from_regex(r"SMS\.\d{4}", fullmatch=True), st.lists(st.text()))
def test_what_was_encoded_twice_comes_back_whole(code: str, params: list[str]) -> None:
    text = encoded(code, params)

    assert decode_error_json(text) == TaskError(code, tuple(params), text, complete=True)


@pytest.mark.parametrize("text", [None, "", "  ", "null", "{}"])
def test_no_text_is_no_error(text: str | None) -> None:
    error = decode_error_json(text)

    assert error.code is None
    assert error.params == ()
    assert error.complete


def test_a_text_that_was_cut_off_keeps_its_code_and_its_whole_parameters() -> None:
    text = encoded("SMS.1302", ["/data", "/mnt/very-long-mount-point"])[:60]

    error = decode_error_json(text)

    assert (error.code, error.params, error.complete) == ("SMS.1302", ("/data",), False)
    assert error.raw == text


def test_a_code_that_was_cut_off_is_not_guessed() -> None:
    assert decode_error_json('{"error_code":"SMS.13').code is None


def test_parameters_without_escaped_quotes_are_read_as_far_as_possible() -> None:
    text = r'{"error_code":"SMS.1302", "error_param":"[\"/\"\", \"/mnt/vdb1\"]"}'

    error = decode_error_json(text)

    assert error.code == "SMS.1302"
    assert error.params[1] == "/mnt/vdb1"
    assert not error.complete


@pytest.mark.parametrize(
    ("param", "expected"),
    [(["a", 3], ("a", "3")), ("plain words", ("plain words",)), (None, ()), (7, ("7",))],
)
def test_parameters_may_come_in_other_shapes(param: object, expected: tuple[str, ...]) -> None:
    text = json.dumps({"error_code": "SMS.0515", "error_param": param})

    assert decode_error_json(text).params == expected


def test_a_bare_code_and_a_text_encoded_once_more_are_understood() -> None:
    assert decode_error_json("SMS.0515").code == "SMS.0515"
    assert decode_error_json(json.dumps(encoded("SMS.0515", ["x"]))).params == ("x",)


@given(st.text() | st.text(alphabet='[]{}",\\:aS.1').map(lambda t: '{"error_param":"' + t))
def test_no_text_makes_it_fail(text: str) -> None:
    assert decode_error_json(text).raw == text


def test_a_deeply_nested_text_is_unreadable_but_harmless() -> None:
    assert decode_error_json("[" * 100_000) == TaskError(None, (), "[" * 100_000, complete=False)


@given(st.lists(st.text()), st.integers(min_value=0))
def test_no_parameter_of_a_cut_text_is_an_invention(params: list[str], length: int) -> None:
    text = encoded("SMS.0515", params)
    error = decode_error_json(text[: length % len(text)])

    assert error.params == tuple(params)[: len(error.params)]
