"""The error of a task or a failed server, out of the JSON text that the service wraps it in.

``error_json`` is JSON inside a string, and its ``error_param`` is JSON inside a string once more.
Lists of failed servers cut the text off after 255 characters, and quotes inside a parameter are
not always escaped. What can be read is read, and :attr:`TaskError.complete` says whether that is
all there was.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

_CODE = re.compile(r'"error_code"\s*:\s*"([^"\\]+)"')
# The value of error_param up to the quote that ends it, or up to where the text was cut off.
_PARAMS = re.compile(r'"error_param"\s*:\s*(?:"((?:\\.|[^"\\])*)|(\[.*))', re.DOTALL)
_ESCAPED = re.compile(r'\\(["\\/])')
_BARE_CODE = re.compile(r"[A-Z]+\.\d+")
# An element of a damaged list: quoted text up to the quote that a comma or bracket follows.
_ELEMENT = re.compile(r'"((?:\\.|[^\\])*?)"(?=\s*[,\]])', re.DOTALL)
# Salvaging takes quadratic time at worst; the service itself keeps 1,024 characters at most.
_LONGEST = 1024
_NOTHING: tuple[Any, ...] = (None, "", "null", [], "[]", {}, "{}")


@dataclass(frozen=True, slots=True)
class TaskError:
    """What ``error_json`` says. Texts are a stranger's: clean them before they are shown."""

    code: str | None
    """Such as ``SMS.0515``; None where there is no error, or none that can be read."""
    params: tuple[str, ...] = ()
    """What the error's message is filled with, by position."""
    raw: str = ""
    """The text as it came."""
    complete: bool = True
    """Whether all of the text could be read; if not, parameters may be missing."""
    empty: bool = False
    """Whether the text says nothing at all, as ``{}`` does: then there is no error."""


def decode_error_json(text: str | None) -> TaskError:
    """The error in *text*. Never raises; no text, or an empty one, is an error without a code."""
    raw = text or ""
    if raw.strip() in ("", "null"):
        return TaskError(None, raw=raw, empty=True)
    if _BARE_CODE.fullmatch(raw.strip()):
        return TaskError(raw.strip(), raw=raw)
    outer = _parsed(raw)
    if isinstance(outer, str):  # encoded once more than usual
        outer = _parsed(outer)
    if outer in ([], ""):
        return TaskError(None, raw=raw, empty=True)
    if not isinstance(outer, dict):
        code, params = _salvaged(raw)
        return TaskError(code, params, raw, complete=False)
    code = outer.get("error_code")
    params, whole = _params(outer.get("error_param"))
    empty = all(value in _NOTHING for value in outer.values())
    return TaskError(str(code) if code else None, params, raw, complete=whole, empty=empty)


def _parsed(text: str) -> Any:
    """The JSON value of *text*, or None."""
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None


def _params(value: Any) -> tuple[tuple[str, ...], bool]:
    """The parameters in the value of ``error_param``, and whether these are all."""
    if value is None or value == "":
        return (), True
    if isinstance(value, str):
        inner = _parsed(value)
        if inner is None and value.lstrip().startswith("["):
            return _elements(value[:_LONGEST]), False
        value = value if inner is None else inner
    if not isinstance(value, list):
        value = [value]
    return tuple(item if isinstance(item, str) else json.dumps(item) for item in value), True


def _salvaged(text: str) -> tuple[str | None, tuple[str, ...]]:
    """The code and the whole parameters of a text that is cut off or damaged."""
    text = text[:_LONGEST]
    code = _CODE.search(text)
    params = _PARAMS.search(text)
    if params is None:
        return code and code[1], ()
    inner, plain_list = params.groups()
    # Inside the outer string the list is escaped once more.
    listed = _ESCAPED.sub(r"\1", inner) if inner is not None else plain_list
    return code and code[1], _elements(listed + "]")


def _elements(text: str) -> tuple[str, ...]:
    """The whole elements of a list of texts that is no valid JSON."""
    found = _ELEMENT.findall(text)
    decoded = [_parsed(f'"{element}"') for element in found]
    return tuple(
        value if isinstance(value, str) else element
        for element, value in zip(found, decoded, strict=True)
    )
