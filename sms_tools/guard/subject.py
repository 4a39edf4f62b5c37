"""What the guard decides about: a call, who makes it, and what a person is shown of it."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Self

from sms_tools.account import Account
from sms_tools.canonical import digest
from sms_tools.operation import JSON, Kind, Operation
from sms_tools.redaction import HIDDEN, redact
from sms_tools.text import one_line


@dataclass(frozen=True, slots=True)
class Target:
    """One thing that a call acts on. `name` is None when it could not be read."""

    id: str
    name: str | None = None
    raw: str | None = field(default=None, repr=False, compare=False)
    """The name as it came, for the policy alone: never shown and never kept."""


NOW: Final = "What is there now"
WILL: Final = "What will happen"
LOSSES: Final = "What will be lost or cannot be undone"
"""The title of the section that the approval page sets apart."""
COSTS: Final = "What will be billed"
HANGS: Final = "What depends on it"
SENT: Final = "What will be sent"
UNREAD: Final = "What could not be read"


@dataclass(frozen=True, slots=True)
class Section:
    """Some lines of a preview under one title."""

    title: str
    lines: Sequence[str]


@dataclass(frozen=True, slots=True)
class Preview:
    """What a person is shown before a call: what is there now and what would become of it.

    Everything in it was read when it was made, and what could not be read is said in it.
    """

    headline: str
    """One sentence: what will happen, to what."""
    typed: str
    """What the person must type to agree."""
    account: str = ""
    """On which account, in a person's words; the first line that they read."""
    sections: Sequence[Section] = ()
    state: Mapping[str, JSON] = field(default_factory=dict)
    """What the approval is bound to: identities, names, states; never bytes or rates."""
    targets: Sequence[Target] = ()
    places: Sequence[Target] = ()
    """The migration projects that the call moves its targets between, for the policy alone."""
    impossible: str | None = None
    """Why the service would refuse the call now; then nobody is asked."""
    code: str | None = None
    """The service's error code for `impossible`."""

    @property
    def fingerprint(self) -> str:
        """A digest of `state`."""
        return digest(self.state)

    @property
    def launches(self) -> bool:
        """Whether the call, or a step of the plan, launches a target or may do so."""
        steps = self.state.get("steps")
        calls = [self.state, *(steps.values() if isinstance(steps, Mapping) else ())]
        return any(call.get("launch", "no") != "no" for call in calls if isinstance(call, Mapping))

    def text(self) -> str:
        """The preview as plain text, whole."""
        lines = [f"Account: {one_line(self.account, 200)}"] if self.account else []
        return "\n".join([*lines, self.body()])

    def body(self) -> str:
        """The headline and the sections as plain text."""
        lines = [one_line(self.headline, 400)]
        for section in self.sections:
            if section.lines:
                lines += ["", section.title, *("- " + one_line(s, 2_000) for s in section.lines)]
        return "\n".join(lines)

    def bounded(self, most_bytes: int = 12_000) -> "Preview":
        """The same within about *most_bytes*; each section has its share, and says what it lacks.

        What a dialog and a tool's result carry: the page and the command show all of it.
        """
        left, parts = most_bytes, []
        for number, section in enumerate(self.sections):
            share = left // (len(self.sections) - number)
            lines, used = _within(section.lines, share)
            parts.append(Section(section.title, lines))
            left -= used
        return replace(self, sections=parts, targets=self.targets[:_MOST_TARGETS])

    def to_dict(self) -> dict[str, JSON]:
        """The preview as data, for a result and for the store."""
        return {
            "account": self.account,
            "headline": self.headline,
            "sections": [
                {"title": section.title, "lines": list(section.lines)} for section in self.sections
            ],
            "must_be_typed": self.typed,
            "state": dict(self.state),
            "targets": [{"id": target.id, "name": target.name} for target in self.targets],
            "impossible": self.impossible,
            "code": self.code,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The preview that :meth:`to_dict` wrote."""
        return cls(
            account=data.get("account", ""),
            headline=data["headline"],
            typed=data["must_be_typed"],
            sections=[Section(part["title"], part["lines"]) for part in data["sections"]],
            state=data["state"],
            targets=[Target(part["id"], part["name"]) for part in data["targets"]],
            impossible=data["impossible"],
            code=data["code"],
        )

    def shown(self) -> dict[str, JSON]:
        """The part of :meth:`to_dict` that belongs into a tool's result, bounded."""
        data = self.bounded().to_dict()
        shown = ("account", "headline", "sections", "must_be_typed", "targets")
        more = len(self.targets) - _MOST_TARGETS
        left_out: dict[str, JSON] = {"more_targets": more} if more > 0 else {}
        return {key: data[key] for key in shown} | left_out


_MOST_TARGETS: Final = 40
_MORE: Final = "and {} more (the approval page and the command list them all)"


def _within(lines: Sequence[str], most_bytes: int) -> tuple[Sequence[str], int]:
    """As many of *lines* as fit, and how many bytes they take."""
    kept: list[str] = []
    used = 0
    for line in lines:
        short = one_line(line, 600)
        size = len(short.encode())
        if used + size > most_bytes and kept:
            kept.append(_MORE.format(len(lines) - len(kept)))
            break
        kept.append(short)
        used += size
    return kept, used


@dataclass(frozen=True, slots=True)
class Subject:
    """A call that the guard is asked about."""

    tool: str
    kind: Kind
    """How dangerous this very call is, its arguments considered."""
    arguments: Mapping[str, JSON]
    """Canonical, with the wire's names, as they will be sent."""
    preview: Callable[[], Awaitable[Preview]]
    """Reads what is there now."""
    account: Account
    """Where it would be done: an approval of one account never serves another."""
    ids: Sequence[str] = ()
    """The ids that the arguments name."""
    steps: Sequence[Operation[Any]] = ()
    """A plan's calls: the policy holds for each."""
    launches: bool = False
    """Whether a step of the plan launches a target; a single call's preview says it."""
    hidden: frozenset[str] = frozenset()
    """Arguments that are secrets themselves."""
    secrets: Sequence[str] = field(default=(), repr=False)
    """What this installation was configured with: never shown."""

    @property
    def shown_arguments(self) -> dict[str, JSON]:
        """The arguments without secrets, for approvals and audit."""
        known = {k: HIDDEN if k in self.hidden else v for k, v in self.arguments.items()}
        shown: dict[str, JSON] = redact(known, self.secrets)
        return shown

    @property
    def secret(self) -> bool:
        """Whether the reply is for a person's eyes only."""
        return self.kind is Kind.SECRET

    @property
    def arguments_digest(self) -> str:
        """What the approval is bound to: the account, the tool and its exact arguments."""
        return digest([self.account.key, self.tool, self.arguments])


def secret_arguments(operation: Operation[Any]) -> frozenset[str]:
    """The arguments that the operation itself keeps out of its repr."""
    fields = type(operation).model_fields
    return frozenset(name for name, info in fields.items() if not info.repr)


def ids_of(operation: Operation[Any]) -> Sequence[str]:
    """The ids that *operation* names at the top level: what stands under `…_id`, `id` or `ids`."""
    named = operation.wire_arguments()
    found: list[str] = []
    for key, value in named.items():
        if key.endswith("_id") or key == "id":
            found.append(str(value))
        elif key == "ids" and isinstance(value, list):
            found.extend(str(each) for each in value)
    return tuple(dict.fromkeys(found))


def typeable(name: str | None, fallback: str) -> str:
    """What a person can be asked to type for a thing called *name*: its name, or *fallback*.

    A name is typed only if it can be typed with certainty and cannot be typed by habit: plain
    letters, digits, ``-``, ``_`` and ``.``, or Chinese characters, and none of the words with
    which people agree. Letters that do not print, combine or look like others are not typed.
    """
    return name if name and is_unmistakable(name) else fallback


def is_unmistakable(name: str) -> bool:
    """Whether a person who types *name* can mean nothing else by it."""
    if not _PLAIN.fullmatch(name):
        return False
    words = [word for word in re.split(r"[-_.]+", name.casefold()) if word]
    return bool(words) and not _COMMON.issuperset(words) and _WORDS_OF_ASKING.isdisjoint(words)


_PLAIN: Final = re.compile(r"[A-Za-z0-9._\-\u4e00-\u9fff]{3,64}")
_WORDS_OF_ASKING: Final = frozenset({"type", "agree", "approve", "approved", "approval", "confirm"})
"""Words of the question itself: a name that holds one of them could be read as part of it."""
_HABITUAL: Final = """
a accept agreed all allow any apply auto cancel close confirmed continue create default delete deny
do done enter execute false go good help i if it launch lets me migrate never next no none not now
ok okay okey on one please proceed ready refuse register reject remove request run send server sms
start stop submit sure sync target task test that the this to true tools unlock update want will y
yeah yep yes you ja nein oui non si sim da hai
是 否 好 好的 可以 确认 确定 同意 批准 取消 拒绝 是的 行
"""
_COMMON: Final = _WORDS_OF_ASKING | frozenset(_HABITUAL.split())
"""Words that are typed by habit. A name of nothing else is not what must be typed."""
