"""Arguments as models and hosts write them, made into what a class of arguments takes.

One rule for every tool. In a read, an optional argument that is empty was left out, a text where
a list is wanted is a list of one, and a limit above the maximum is brought down. In what changes
something, nothing is taken as left out that can mean *clear*. In both, a list or an object may
come as JSON text, and the words of an enumeration in any case. Whoever is asked to agree sees what
was decoded here.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from typing import Any, Final

from pydantic import BaseModel

from sms_tools.operation import JSON
from sms_tools.schema import full_schema

Schema = Mapping[str, Any]

_BOUNDED: Final = ("limit", "timeout_seconds")
"""What is brought down to its maximum in a read: how much to show, how long to wait."""
_PLACEHOLDER: Final = re.compile(
    r"^\s*(<[^<>]*>|\{[^{}]*\}|\[[^\[\]]*\]|(your|my|some|the)[_ -]([a-z]+[_ -]?){0,3}"
    r"(id|ids|name|names|here)|your[_ -](server|task|project|template|source)|"
    r"(task|server|source|template|project|mig_project)[_-]?id)\s*$",
    re.IGNORECASE,
)
_LONGEST_NAME: Final = 60
"""What is longer is neither a placeholder nor near anything."""
_DIGITS: Final = re.compile(r"\s*\d{1,18}\s*", re.ASCII)
_COMMA: Final = re.compile(r"[,，、;；\n]")
_MEANT: Final[Mapping[str, tuple[str, ...]]] = {
    "pause": ("stop", "ABORT"),
    "paused": ("ABORT",),
    "suspend": ("stop",),
    "halt": ("stop",),
    "resume": ("start", "resume_paused"),
    "retry": ("start", "retry_failed"),
    "launch": ("test", "cut_over"),
    "go_live": ("test", "cut_over"),
    "cutover": ("test", "cut_over"),
    "cut_over": ("test",),
    "test_copy": ("clone_test",),
    "rehearse": ("clone_test", "rehearse_cutover"),
    "rehearsal": ("clone_test", "rehearse_cutover"),
    "sync": ("restart",),
    "rollback": ("sync_failed_rollback",),
    "roll_back": ("sync_failed_rollback",),
    "failed": ("error", "MIGRATE_FAIL"),
    "failure": ("error", "MIGRATE_FAIL"),
    "success": ("MIGRATE_SUCCESS",),
    "running": ("replicate",),
    "throttle": ("fix_rate_window",),
    "delete": ("clean_up",),
    "from": ("start",),
    "begin": ("start",),
    "to": ("end",),
    "until": ("end",),
    "verbose": ("full",),
    "detailed": ("full",),
    "summary": ("concise",),
    "brief": ("concise",),
    "short": ("concise",),
}
"""What people say, and the service's words for it, of which the known ones are meant."""


@dataclass(frozen=True, slots=True)
class Taken:
    """Arguments as they are passed on, and what to tell the caller about them."""

    arguments: dict[str, JSON]
    notes: list[str] = field(default_factory=list)


def take(model: type[BaseModel], arguments: Mapping[str, JSON], *, reads: bool) -> Taken:
    """*arguments* of a tool whose class is *model*, decoded; *reads* if it changes nothing."""
    schema = schema_of(model)
    required = schema.get("required", ())
    taken = Taken({})
    for name, given in arguments.items():
        wanted = schema.get("properties", {}).get(name)
        if reads and name == "servers" and isinstance(given, str):
            given = _names_in(given)
        value = _decoded(given, wanted, reads) if wanted is not None else given
        if reads and wanted is not None:
            if name not in required and _is_left_out(name, value):
                continue
            value = _within(name, value, wanted, taken.notes)
        taken.arguments[name] = value
    return taken


@cache
def schema_of(model: type[BaseModel]) -> Schema:
    """The whole schema of *model*, made once."""
    return full_schema(model)


def placeholder_in(arguments: Mapping[str, JSON]) -> str | None:
    """The first argument whose value stands for one that was never filled in."""
    for name, value in arguments.items():
        if not _names_something(name):
            continue
        texts = value if isinstance(value, list) else [value]
        short = [text for text in texts if isinstance(text, str) and len(text) <= _LONGEST_NAME]
        if any(_PLACEHOLDER.match(text) for text in short):
            return name
    return None


def near(name: str, known: list[str]) -> list[str]:
    """Up to three of *known* that *name* may have meant, best first."""
    key = _key(name[:_LONGEST_NAME])
    keys = {_key(each): each for each in known}
    said = [word for word in _MEANT.get(key, ()) if word in known]
    inside = [each for each in known if key and (key in _key(each) or _key(each) in key)]
    close = [keys[each] for each in get_close_matches(key, list(keys), n=3, cutoff=0.65)]
    return list(dict.fromkeys([*said, *close, *inside]))[:3]


def schema_at(schema: Schema, place: tuple[int | str, ...]) -> Schema:
    """The schema of what stands at *place*; empty where there is none."""
    for step in place:
        inside = schema.get("items") if isinstance(step, int) else None
        schema = inside or schema.get("properties", {}).get(step) or {}
    return schema


def _names_in(text: str) -> JSON:
    """The names in a text where a list of them is wanted: none holds a comma."""
    found = from_text(text, list)
    if not isinstance(found, str):
        return found
    bare = text.strip()
    if bare.startswith("[") and bare.endswith("]"):  # a list whose names have no quotes
        bare = bare[1:-1]
    return [name.strip(" \"'") for name in _COMMA.split(bare)]


def _names_something(name: str) -> bool:
    return name in ("server", "servers", "project", "ids") or name.endswith("id")


def _is_left_out(name: str, value: JSON) -> bool:
    if isinstance(value, list):
        return all(_is_blank(each) for each in value)
    return _is_blank(value) or value == {} or (name == "limit" and value == 0)


def _within(name: str, value: JSON, wanted: Schema, notes: list[str]) -> JSON:
    most = wanted.get("maximum")
    if name not in _BOUNDED or most is None:
        return value
    number = int(value) if isinstance(value, str) and _DIGITS.fullmatch(value) else value
    if not isinstance(number, int) or number <= most:
        return value
    notes.append(f"{name} is at most {most}: {most} was used instead of {number}.")
    return int(most)


def _decoded(value: JSON, wanted: Schema, reads: bool) -> JSON:
    kind = wanted.get("type")
    if kind in ("array", "object") and isinstance(value, str):
        value = from_text(value, list if kind == "array" else dict)
    if kind == "array":
        return _as_list(value, wanted, reads)
    if kind == "object" and isinstance(value, dict):
        known = wanted.get("properties", {})
        return {
            name: _decoded(each, known[name], reads) if name in known else each
            for name, each in value.items()
        }
    if "enum" in wanted and isinstance(value, str):
        return _as_word(value, wanted["enum"])
    return value


def from_text(text: str, kind: type[Any]) -> JSON:
    """What *text* holds as JSON, if that is a *kind*; else *text* itself."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return found if isinstance(found, kind) else text


def _as_list(value: JSON, wanted: Schema, reads: bool) -> JSON:
    if reads and isinstance(value, str | int | float) and not isinstance(value, bool):
        value = [value]
    if not isinstance(value, list):
        return value
    items = [_decoded(each, wanted.get("items", {}), reads) for each in value]
    return [each for each in items if not _is_blank(each)] if reads else items


def _is_blank(value: JSON) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _as_word(value: str, words: list[str]) -> str:
    """The word of *words* that *value* is in another case; *value* itself if it is none."""
    if value in words:
        return value
    key = _key(value)
    found = [word for word in words if word and _key(word) == key]
    return found[0] if len(found) == 1 else value


def _key(text: str) -> str:
    return text.strip().casefold().replace("-", "_").replace(" ", "_")
