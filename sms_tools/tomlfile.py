"""Reading a TOML file that a person wrote: what it says exactly, or what is wrong and where.

Used for the files of a server: its policy, its accounts, its tokens.
"""

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from sms_tools.errors import SettingsError


class Part(BaseModel):
    """A table of such a file: nothing unknown in it, nothing converted."""

    model_config = ConfigDict(extra="forbid", strict=True)


P = TypeVar("P", bound=Part)


def text_of(path: Path) -> str:
    """What stands in the file.

    Raises:
        SettingsError: it cannot be read; the caller says which file.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise SettingsError(f"it is not UTF-8: {error}.") from error
    except OSError as error:
        raise SettingsError(f"it cannot be read: {error.strerror}.") from error


def parse(text: str, model: type[P]) -> P:
    """What *text* says, as *model* wants it.

    Raises:
        SettingsError: it is not TOML, or says something that means nothing here, and on which
            line; no value of it is repeated that may be a secret.
    """
    try:
        return model.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"it is not TOML: {error}.") from error
    except ValidationError as error:
        faults = [_in_words(fault, text) for fault in error.errors(include_url=False)]
        raise SettingsError("; ".join(faults) + ".") from error


_SAID: Final = {
    "extra_forbidden": "there is no such key here",
    "missing": "it is missing",
    "bool_type": "it is true or false",
    "list_type": "it is a list",
    "dict_type": "it is a table",
    "model_type": "it is a table",
    "string_type": "it is a text",
}


def _in_words(fault: Any, text: str) -> str:
    place = tuple(part for part in fault["loc"] if part != "[key]")
    said = _SAID.get(fault["type"], fault["msg"].removeprefix("Value error, "))
    if fault["type"] == "literal_error":
        said = f"{fault['input']!r} is none of {fault['ctx']['expected']}"
    named = ".".join(f"number {part + 1}" if isinstance(part, int) else part for part in place)
    return f"line {_line_of(place, text)}, {named}: {said}"


def _line_of(place: Sequence[int | str], text: str) -> int:
    """The line of *text* on which what stands at *place* is written, or its table begins."""
    lines = text.splitlines()
    begin = 0
    table = str(place[0]) if place else ""
    nth = next((part for part in place if isinstance(part, int)), 0)
    heads = [
        number
        for number, line in enumerate(lines)
        if re.match(rf"\s*\[\[?\s*[\"']?{re.escape(table)}[\"']?\s*[\].]", line)
    ]
    if heads:
        begin = heads[min(nth, len(heads) - 1)]
    names = [str(part) for part in place if isinstance(part, str)]
    for name in reversed(names):
        for number in range(begin, len(lines)):
            if number > begin and lines[number].lstrip().startswith("["):
                break
            if re.match(rf"\s*[\"']?{re.escape(name)}[\"']?\s*=", lines[number]):
                return number + 1
    return begin + 1
