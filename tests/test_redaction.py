"""Secrets leave by no reply, whatever its shape; the shape itself stays."""

import json
import time
from typing import Any, get_args, get_origin

import pytest
from pydantic import BaseModel

from sms_tools.operation import JSON
from sms_tools.operations import CATALOGUE
from sms_tools.redaction import HIDDEN, is_secret_name, redact

SECRET_FIELDS = {
    "target_password",
    "passphrase",
    "private_key",
    "target_mgmt_private_key",
    "target_data_private_key",
    "log_share_url",
    "encoded_authorization_message",
    "encoded_authorized_message",
}


def example(kind: Any, depth: int = 0) -> JSON:
    """A value for a type, every text in it saying which field it stands in."""
    arms = [arm for arm in get_args(kind) if arm is not type(None)]
    if get_origin(kind) is list:
        return [example(arms[0], depth + 1)]
    if arms and not isinstance(kind, type):
        return example(arms[0], depth + 1)
    if isinstance(kind, type) and issubclass(kind, BaseModel) and depth < 12:
        return {
            (info.alias or name): _field(info.alias or name, info.annotation, depth)
            for name, info in kind.model_fields.items()
        }
    return {int: 7, float: 7.5, bool: True, dict: {}}.get(kind, "text")


def _field(name: str, kind: Any, depth: int) -> JSON:
    value = example(kind, depth + 1)
    return f"the value of {name}" if value == "text" else value


@pytest.mark.parametrize("tool", list(CATALOGUE))
def test_no_secret_field_of_any_reply_gets_out(tool: str) -> None:
    reply = example(CATALOGUE[tool].__spec__.result)
    text = json.dumps(redact(reply))
    for field in SECRET_FIELDS:
        assert f"the value of {field}" not in text


@pytest.mark.parametrize("tool", list(CATALOGUE))
def test_what_is_no_secret_stays_as_it_was(tool: str) -> None:
    reply = example(CATALOGUE[tool].__spec__.result)
    hidden = {name for name in _names(reply) if is_secret_name(name)}
    assert hidden <= SECRET_FIELDS
    assert _shape(redact(reply)) == _shape(reply)


def _names(value: JSON) -> set[str]:
    if isinstance(value, dict):
        return set(value).union(*map(_names, value.values()))
    return set().union(*map(_names, value)) if isinstance(value, list) else set()


def _shape(value: JSON) -> JSON:
    if isinstance(value, dict):
        return {key: _shape(each) for key, each in value.items()}
    return [_shape(each) for each in value] if isinstance(value, list) else type(value)


def test_secrets_are_found_at_every_depth_and_in_every_spelling() -> None:
    value = {
        "a": [{"targetPassword": "Example-1"}, {"X-Auth-Token": "Example-2"}],
        "SK": "Example-3",
    }
    assert "Example" not in json.dumps(redact(value))


def test_everything_under_a_secret_name_is_hidden() -> None:
    assert redact({"credentials": {"user": "me", "list": ["a", 7]}}) == {
        "credentials": {"user": HIDDEN, "list": [HIDDEN, HIDDEN]}
    }


def test_null_empty_and_flags_say_nothing_and_stay() -> None:
    kept = {"target_password": None, "passphrase": "", "has_password": True}
    assert redact(kept) == kept


@pytest.mark.parametrize(
    "text",
    [
        "mount -o user=x,password=Example-1 failed",
        '{"target_password": "Example-1"}',
        r'"{\"target_password\": \"Example-1\"}"',
        "X-Auth-Token: Example-1",
        "-----BEGIN RSA PRIVATE KEY-----\nExample-1\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nExample-1 and cut",
        "https://bucket.example/log?security_token=Example-1&x=1",
        '{"adminPass": "Example-1"}',
        'password = "two words Example-1"',
        r"{\"password\":\"two words Example-1\"}",
        "Authorization: Bearer Example-1",
        "Authorization: SDK-HMAC-SHA256 Access=x, SignedHeaders=host, Signature=Example-1",
        "ak=x sk=Example-1",
    ],
)
def test_a_secret_inside_a_text_is_hidden(text: str) -> None:
    assert "Example-1" not in redact({"message": text})["message"]


@pytest.mark.parametrize("piece", ["a", "-", "token=", 'token="', "password ", "authorization: "])
def test_a_long_text_of_a_stranger_does_not_hold_the_server_up(piece: str) -> None:
    before = time.process_time()
    redact(piece * (100_000 // len(piece)))
    assert time.process_time() - before < 2  # milliseconds, unless it grows faster than the text


def test_configured_secrets_are_hidden_wherever_they_stand() -> None:
    secrets = ["example-secret-key", "abc"]
    found = redact({"m": ["no example-secret-key here, abc"], "id example-secret-key": 1}, secrets)
    assert found["m"] == [f"no {HIDDEN} here, abc"]
    assert f"id {HIDDEN}" in found


def test_a_secret_split_by_invisible_characters_is_hidden_too() -> None:
    assert redact("exam\u200bple-secret-key", ["example-secret-key"]) == HIDDEN


def test_ordinary_words_are_left_alone() -> None:
    text = "A token of appreciation: disk: 40, risk: high, task=3, and no password was given."
    assert redact(text) == text
