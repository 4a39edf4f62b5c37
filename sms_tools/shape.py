"""Whether a successful reply is an answer to what was asked: its JSON, and its shape.

What was not read must never count as zero. So a reply is read only if it has the shape of its
operation: a page holds its records' list (or counts 0), an object holds something that the
operation knows, and nothing holds an error. Inside the shape every field may be missing or odd
(:meth:`Reply.read <sms_tools.operation.Reply.read>`): one odd record costs that record.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sms_tools.operation import JSON, Kind, Operation, Page, Spec, whole_count

DEEPEST: Final = 64
"""Levels of nesting. The deepest documented reply has eight."""

_NOT_BRACKETS: Final = bytes(byte for byte in range(256) if byte not in b"[]{}")
_HALF_PAIR: Final = re.compile("[\ud800-\udfff]")
_ERROR_PAIRS: Final = (("error_code", "error_msg"), ("code", "message"))


class UnreadableBody(ValueError):  # noqa: N818 (says what it is)
    """A body that is no JSON we take; the message says why, in a few words."""


def read_json(body: bytes) -> JSON:
    """What *body* holds, None where it is empty.

    NaN, Infinity and numbers beyond a double become None, integers beyond 64 bits a float, halves
    of surrogate pairs U+FFFD: what is passed on is JSON that every client can read.

    Raises:
        UnreadableBody: it is not JSON, or nested deeper than :data:`DEEPEST`.
    """
    if not body.strip():
        return None
    try:
        text = body.decode(json.detect_encoding(body), "replace")
        payload = json.loads(
            text, parse_int=_integer, parse_float=_float, parse_constant=lambda _: None
        )
    except RecursionError:
        raise UnreadableBody(f"is nested deeper than {DEEPEST} levels") from None
    except ValueError:
        raise UnreadableBody("is not JSON") from None
    if _may_be_deep(body) and _depth(payload) > DEEPEST:
        raise UnreadableBody(f"is nested deeper than {DEEPEST} levels")
    # Decoding has replaced the halves that came as bytes; those left came as escapes.
    return _without_halves(payload) if "\\u" in text else payload


def misfit(operation: Operation[Any], payload: JSON, status: int) -> str | None:
    """Why *payload* cannot be the reply of *operation*, or None where it can be.

    An empty body is the documented success of the operations that answer nothing, and 204 says so
    for every change.
    """
    spec = operation.__spec__
    if payload is None:
        if not spec.result.model_fields or _says_nothing_well(spec, status):
            return None
        return "is empty"
    if not isinstance(payload, dict):
        return f"is {_name(payload)} where an object is wanted"
    if issubclass(spec.result, Page):
        return _page_misfit(operation, spec.result, payload)
    if spec.name in _NEEDED:
        return _needed_misfit(payload, _NEEDED[spec.name])
    fields = spec.result.model_fields
    if not fields or spec.method == "PUT" or spec.name == "get_agent_command":
        return None  # get_agent_command: nothing in it means that there is no command
    return None if fields.keys() & payload.keys() else f"holds no {_or(list(fields))}"


def holds_error(payload: JSON, spec: Spec) -> bool:
    """Whether *payload* says that something went wrong, whatever its HTTP status says."""
    if not isinstance(payload, dict):
        return False
    known = spec.result.model_fields
    if any(_is_said(payload.get(name)) for name in _ERROR_PAIRS[0] if name not in known):
        return True
    code, message = _ERROR_PAIRS[1]
    if not {code, message} & known.keys() and all(map(_is_said, map(payload.get, (code, message)))):
        return True
    inner = payload.get("error")
    return isinstance(inner, dict) and any(
        _is_said(inner.get(name)) for pair in _ERROR_PAIRS for name in pair
    )


_NEEDED: Final[Mapping[str, str]] = {
    "list_api_versions": "versions",
    "get_consistency_results": "result_list",
    "get_migration_rate_limits": "speed_limit",
    "get_migration_options": "configurations",
}
"""Lists that are all that a reply is about: without them it would read as an empty one."""


def _says_nothing_well(spec: Spec, status: int) -> bool:
    changes = spec.kind in (Kind.WRITE, Kind.DESTRUCTIVE, Kind.AGENT)
    return changes and (status == 204 or spec.method != "POST" or spec.kind is Kind.AGENT)


def _needed_misfit(payload: Mapping[str, JSON], key: str) -> str | None:
    if key not in payload:
        return f"holds no {key}"
    value = payload[key]
    if value is None or isinstance(value, list):
        return None
    return f"holds {_name(value)} as {key}, where a list is wanted"


def _page_misfit(
    operation: Operation[Any], page: type[Page[Any]], payload: Mapping[str, JSON]
) -> str | None:
    key = page.records_key()
    records = payload.get(key)
    if isinstance(records, list):
        return None
    count = whole_count(payload.get("count"))
    if count is not None and records is None:
        offset = getattr(operation, "offset", None) or 0
        if count <= offset:
            return None
        return f"counts {count} records and holds no {key}"
    if records is None:
        return f"holds neither {key} nor a count"
    return f"holds {_name(records)} as {key}, where a list is wanted"


def _is_said(value: JSON) -> bool:
    """Whether a field that tells of an error does so: null, blanks, 0 and {} are no error."""
    if isinstance(value, str):
        return value.strip() not in ("", "0")
    return bool(value)


def _integer(text: str) -> JSON:
    return int(text) if len(text) < 19 or abs(int(text[:20])) < 2**63 else _float(text)


def _float(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None


def _may_be_deep(body: bytes) -> bool:
    """False where the brackets alone show that *body* is shallow; takes away level after level."""
    brackets = body.translate(None, _NOT_BRACKETS)
    for _ in range(DEEPEST):
        fewer = brackets.replace(b"[]", b"").replace(b"{}", b"")
        if not fewer:
            return False
        if len(fewer) == len(brackets):
            return True  # brackets inside texts: nothing is proved
        brackets = fewer
    return True


def _depth(payload: JSON) -> int:
    depth, level = 0, [payload]
    while level and depth <= DEEPEST:
        level = [
            inner
            for item in level
            if isinstance(item, dict | list)
            for inner in (item.values() if isinstance(item, dict) else item)
        ]
        depth += 1
    return depth


def _without_halves(value: JSON) -> JSON:
    if isinstance(value, str):
        return value if value.isascii() else _HALF_PAIR.sub("\ufffd", value)
    if isinstance(value, list):
        return [_without_halves(item) for item in value]
    if isinstance(value, dict):
        return {_without_halves(key): _without_halves(item) for key, item in value.items()}
    return value


def _name(value: JSON) -> str:
    match value:
        case None:
            return "null"
        case list():
            return "an array"
        case dict():
            return "an object"
        case str():
            return "a text"
        case bool():
            return "true or false"
    return "a number"


def _or(names: Sequence[str]) -> str:
    shown = list(names[:4])
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} or {shown[-1]}"
