"""Reading a policy file: what it says exactly, or what is wrong with it and on which line.

A rule that could never apply is refused: whoever wrote it believes that it protects something.
"""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, AwareDatetime, Field, model_validator

from sms_tools.errors import SettingsError
from sms_tools.guard.freezing import Freeze
from sms_tools.guard.policy import Decision, Policy, PolicyError, TargetRule, is_invisible
from sms_tools.operation import Kind, Operation
from sms_tools.operations import CATALOGUE
from sms_tools.tomlfile import Part, parse, text_of

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


class _Rule(Part):
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


class _Secrets(Part):
    inline: bool = False


class _Freeze(Part):
    begins: AwareDatetime = Field(alias="from")
    until: AwareDatetime
    reason: str = Field(default="", max_length=200)

    @model_validator(mode="after")
    def _lasts(self) -> Self:
        if self.until <= self.begins:
            raise ValueError("it ends before it begins")
        return self


class _File(Part):
    read_only: bool = False
    no_destructive: bool = False
    kinds: dict[_KindWord, _Word] = Field(default_factory=dict)
    tools: dict[_ToolName, _Word] = Field(default_factory=dict)
    targets: list[_Rule] = Field(default_factory=list)
    secrets: _Secrets = Field(default_factory=_Secrets)
    four_eyes: bool = False
    freeze: list[_Freeze] = Field(default_factory=list)


def _kinds_of(tool: str) -> set[Kind]:
    """The kinds that calls of *tool* can have: some tools are dangerous only by their arguments."""
    if tool == _APPLY_PLAN:
        return {Kind.DESTRUCTIVE}
    operation = CATALOGUE[tool]
    by_value = operation.danger is not Operation.danger
    return {operation.__spec__.kind, *(_UNCHANGED if by_value else ())}


def load_policy(path: Path, base: Policy | None = None) -> Policy:
    """The policy that the file at *path* makes of *base*, whose flags are only tightened.

    Raises:
        PolicyError: it cannot be read, or says something that means nothing here.
    """
    try:
        return parse_policy(text_of(path), base or Policy())
    except (PolicyError, SettingsError) as error:
        raise PolicyError(f"The policy file {path}: {error}") from error.__cause__


def parse_policy(text: str, base: Policy) -> Policy:
    """The policy that *text*, in TOML, makes of *base*.

    Raises:
        PolicyError: it is not TOML, or a key, tool, kind or decision is one that nobody knows.
    """
    try:
        said = parse(text, _File)
    except SettingsError as error:
        raise PolicyError(str(error)) from error.__cause__
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
        four_eyes=base.four_eyes or said.four_eyes,
        freezes=tuple(Freeze(each.begins, each.until, each.reason) for each in said.freeze),
    )
