"""Puts a server into a client's own file without losing anything that is there.

The file is somebody else's: it is copied first, replaced in one step, and left alone if it cannot
be understood.
"""

import copy
import difflib
import json
import os
import re
import shutil
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sms_tools.cli.clients import SERVER, ClientKind, Json, text_of
from sms_tools.errors import SettingsError
from sms_tools.moment import utc_now

_COMMENT_OR_STRING: Final = re.compile(r'"(?:\\.|[^"\\])*"|//[^\n]*|/\*.*?\*/', re.DOTALL)
_TRAILING_COMMA: Final = re.compile(r'("(?:\\.|[^"\\])*")|,(?=\s*[}\]])', re.DOTALL)
_HIDDEN: Final = "[hidden]"


@dataclass(frozen=True)
class Merge:
    """What writing would do. ``difference`` never shows a value of an environment or a header."""

    text: str
    difference: str
    notes: tuple[str, ...] = ()


def merge(kind: ClientKind, configuration: Json, path: Path) -> Merge:
    """The file at *path* with our server in it.

    Raises:
        SettingsError: the file cannot be read, or is not what its client documents.
    """
    try:
        old = path.read_text(encoding="utf-8-sig") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}.", advice=_UNTOUCHED) from error
    if kind.form == "toml":
        return _merge_toml(kind, configuration, old, path)
    return _merge_json(kind, configuration, old, path)


def write(path: Path, text: str) -> Path | None:
    """Replace *path* in one step; the copy of what was there, if anything was.

    Raises:
        OSError: it cannot be written; the file is then as it was.
    """
    path = path.resolve()  # a link keeps pointing to the file it points to
    path.parent.mkdir(parents=True, exist_ok=True)
    kept: Path | None = None
    if path.exists():
        kept = path.with_name(f"{path.name}.{utc_now():%Y%m%dT%H%M%S%fZ}.bak")
        shutil.copy2(path, kept)
    handle, scratch = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        if kept:
            shutil.copymode(path, scratch)
        Path(scratch).replace(path)
    except BaseException:
        Path(scratch).unlink(missing_ok=True)
        raise
    return kept


_UNTOUCHED: Final = "It was left as it is. Correct it, or give another with --file."


def _merge_json(kind: ClientKind, configuration: Json, old: str, path: Path) -> Merge:
    before, commented = _read_json(old, path)
    after = copy.deepcopy(before)
    for key, ours in configuration.items():
        if isinstance(ours, dict):
            theirs = after.setdefault(key, {})
            if not isinstance(theirs, dict):
                raise SettingsError(f"{path}: {key!r} is not an object.", advice=_UNTOUCHED)
            theirs.update(ours)
        else:
            theirs = after.setdefault(key, [])
            if not isinstance(theirs, list):
                raise SettingsError(f"{path}: {key!r} is not a list.", advice=_UNTOUCHED)
            names = {one["id"] for one in ours}
            theirs[:] = [
                one for one in theirs if not (isinstance(one, dict) and one.get("id") in names)
            ] + ours
    notes = ("The file's comments are kept in the copy only.",) if commented else ()
    return Merge(
        json.dumps(after, indent=2, ensure_ascii=False) + "\n",
        _difference(_shown(before, kind), _shown(after, kind), path),
        notes,
    )


def _read_json(text: str, path: Path) -> tuple[Json, bool]:
    """The object and whether comments or stray commas had to be taken out to read it."""
    if not text.strip():
        return {}, False
    commented = False
    try:
        found = json.loads(text)
    except ValueError:
        bare = _COMMENT_OR_STRING.sub(lambda m: m[0] if m[0].startswith('"') else " ", text)
        bare = _TRAILING_COMMA.sub(lambda m: m[1] or "", bare)
        commented = True
        try:
            found = json.loads(bare)
        except ValueError as error:
            raise SettingsError(f"{path} is not JSON: {error}.", advice=_UNTOUCHED) from error
    if not isinstance(found, dict):
        raise SettingsError(f"{path} does not hold an object.", advice=_UNTOUCHED)
    return found, commented


def _merge_toml(kind: ClientKind, configuration: Json, old: str, path: Path) -> Merge:
    """Our tables are taken out as text and put at the end: everything else keeps its comments."""
    try:
        before = tomllib.loads(old)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is not TOML: {error}.", advice=_UNTOUCHED) from error
    kept, ours = [], False
    for line in old.splitlines():
        if line.lstrip().startswith("["):
            name = re.escape(SERVER)
            ours = bool(re.match(rf'\s*\[\s*{kind.key}\s*\.\s*"?{name}"?\s*[.\]]', line))
        if not ours or line.lstrip().startswith("#"):
            kept.append(line)
    rest = "\n".join(kept).rstrip()
    text = f"{rest}\n\n" if rest else ""
    text += text_of(kind, configuration)
    expected = copy.deepcopy(before)
    try:
        expected.setdefault(kind.key, {})[SERVER] = _without_empty(configuration[kind.key][SERVER])
        understood = tomllib.loads(text) == expected
    except (tomllib.TOMLDecodeError, TypeError, AttributeError):
        understood = False
    if not understood:
        raise SettingsError(
            f"{path} writes its servers in a way that cannot be changed without risk.",
            advice="It was left as it is. Add what is printed above by hand.",
        )
    return Merge(text, _difference(_shown(before, kind), _shown(expected, kind), path))


def _without_empty(entry: Json) -> Json:
    return {key: value for key, value in entry.items() if value != {}}


def _shown(whole: Json, kind: ClientKind) -> list[str]:
    """Our part of the file: nobody else's entries, and no value that may be a key."""
    servers: Any = whole.get(kind.key, {})
    entry: Any = copy.deepcopy(servers.get(SERVER)) if isinstance(servers, dict) else None
    if entry is None:
        return []
    if isinstance(entry, dict):
        for part in ("env", "headers"):
            values = entry.get(part)
            if isinstance(values, dict):
                entry[part] = {key: _safe(str(value)) for key, value in values.items()}
    return json.dumps({SERVER: entry}, indent=2, ensure_ascii=False).splitlines()


def _safe(value: str) -> str:
    return value if "${" in value or "/" in value or "\\" in value else _HIDDEN


def _difference(before: list[str], after: list[str], path: Path) -> str:
    lines = difflib.unified_diff(before, after, f"{path} (now)", f"{path} (new)", lineterm="")
    return "\n".join(lines)
