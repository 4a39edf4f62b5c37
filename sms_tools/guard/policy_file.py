"""Reading a policy file: what it says exactly, or what is wrong with it and on which line.

A rule that could never apply is refused: whoever wrote it believes that it protects something.
"""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from sms_tools.guard.policy import Decision, Policy, PolicyError, TargetRule, is_invisible
from sms_tools.operation import Kind, Operation
from sms_tools.operations import CATALOGUE

_APPLY_PLAN: Final = "apply_plan"
"""The one tool outside the catalogue that acts; the other composite tools only read."""
_LONGEST: Final = 255
_UNCHANGED: Final = (Kind.WRITE,)
"""What a call of a more dangerous tool can be by its arguments."""


def _tool(name: str) -> str:
    if name not in CATALOGUE and name != _APPLY_PLAN:
        raise ValueError(f"no tool is called {name!r}")
    return name


def _pattern(text: str) -> str:
    if not text:
        raise ValueError("it is empty: write a pattern for names or ids")
    if text != text.strip():
        raise ValueError(f"{text!r} has blanks at an end; remove them")
    if any(map(is_invisible, text)):
        raise ValueError(f"{text!a} holds invisible letters; remove them")
    if len(text) > _LONGEST:
        raise ValueError(f"no name has more than {_LONGEST} letters")
    return text


_Word = Literal["allow", "ask", "block"]
_KindWord = Literal["read", "write", "destructive", "secret", "agent"]
_ToolName = Annotated[str, AfterValidator(_tool)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Rule(_Part):
    match: Annotated[str, AfterValidator(_pattern)]
    decision: _Word
    tools: list[_ToolName] = Field(default_factory=list)
    kinds: list[_KindWord] = Field(default_factory=list)

    @model_validator(mode="after")
    def _applies(self) -> Self:
        if self.decision == "allow" and not (self.tools or self.kinds):
            raise ValueError("it allows, so it must say for which `tools` or `kinds`")
        if "read" in self.kinds:
            raise ValueError(
                "a read has no target: write `read` under [kinds], or its tool under [tools]"
            )
        for tool in self.tools:
            if not (_kinds_of(tool) - {Kind.READ}):
                raise ValueError(f"{tool} reads, and a read has no target: write it under [tools]")
            if self.kinds and not _kinds_of(tool) & set(map(Kind, self.kinds)):
                raise ValueError(f"no call of {tool} is of the kinds {', '.join(self.kinds)}")
        return self


class _Secrets(_Part):
    inline: bool = False


class _File(_Part):
    read_only: bool = False
    no_destructive: bool = False
    kinds: dict[_KindWord, _Word] = Field(default_factory=dict)
    tools: dict[_ToolName, _Word] = Field(default_factory=dict)
    targets: list[_Rule] = Field(default_factory=list)
    secrets: _Secrets = Field(default_factory=_Secrets)


def _kinds_of(tool: str) -> set[Kind]:
    """The kinds that calls of *tool* can have: some tools are dangerous only by their arguments."""
    if tool == _APPLY_PLAN:
        return {Kind.DESTRUCTIVE}
    operation = CATALOGUE[tool]
    by_value = operation.danger is not Operation.danger
    return {operation.__spec__.kind, *(_UNCHANGED if by_value else ())}


def read_policy(path: Path, base: Policy) -> Policy:
    """The policy that the file at *path* makes of *base*, whose flags are only tightened.

    Raises:
        PolicyError: it cannot be read, or says something that means nothing here.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise PolicyError(f"The policy file {path} is not UTF-8: {error}.") from error
    except OSError as error:
        raise PolicyError(f"The policy file {path} cannot be read: {error.strerror}.") from error
    try:
        return parse_policy(text, base)
    except PolicyError as error:
        raise PolicyError(f"The policy file {path}: {error}") from error.__cause__


def parse_policy(text: str, base: Policy) -> Policy:
    """The policy that *text*, in TOML, makes of *base*.

    Raises:
        PolicyError: it is not TOML, or a key, tool, kind or decision is one that nobody knows.
    """
    try:
        said = _File.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"it is not TOML: {error}.") from error
    except ValidationError as error:
        faults = [_in_words(fault, text) for fault in error.errors(include_url=False)]
        raise PolicyError("; ".join(faults) + ".") from error
    return replace(
        base,
        read_only=base.read_only or said.read_only,
        no_destructive=base.no_destructive or said.no_destructive,
        kinds={Kind(kind): Decision(word) for kind, word in said.kinds.items()},
        tools={tool: Decision(word) for tool, word in said.tools.items()},
        targets=tuple(
            TargetRule(
                rule.match,
                Decision(rule.decision),
                frozenset(rule.tools),
                frozenset(map(Kind, rule.kinds)),
            )
            for rule in said.targets
        ),
        secrets_inline=said.secrets.inline,
    )


_SAID: Final = {
    "extra_forbidden": "nothing is called that here",
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
