"""What may pass, what a person is asked about, what never passes: a pure decision.

The order, so that a rule's effect can be told by reading it:

1. ``--read-only`` and ``--no-destructive`` block. Nothing loosens them.
2. A rule for the tool, else a rule for the kind, else the default gives the decision.
3. Rules for targets (a name or an id) make it stricter; of several, the strictest counts.
4. A target rule that says ``allow`` turns *ask* into *allow*, but never lifts a block, and only
   where it says for which tools or kinds, and only if every target of the call falls under such
   a rule. A target whose name could not be read counts as matched by what is stricter and as not
   matched by what is looser.

For a plan the policy is asked about every step, and the strictest answer holds.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any, Final, TypeVar

from sms_tools.errors import SettingsError
from sms_tools.guard.freezing import Freeze
from sms_tools.guard.subject import Subject, Target, ids_of
from sms_tools.operation import Kind, Operation
from sms_tools.text import clean


class Decision(StrEnum):
    """What the policy says about a call, mildest first."""

    ALLOW = "allow"
    ASK = "ask"
    BLOCK = "block"


_STRICTNESS: Final = {Decision.ALLOW: 0, Decision.ASK: 1, Decision.BLOCK: 2}

DEFAULTS: Final[Mapping[Kind, Decision]] = {
    Kind.READ: Decision.ALLOW,
    Kind.WRITE: Decision.ALLOW,
    Kind.DESTRUCTIVE: Decision.ASK,
    Kind.SECRET: Decision.ASK,
    Kind.AGENT: Decision.ASK,
}


@dataclass(frozen=True, slots=True)
class Ruling:
    """A decision and the rule that it came from, in words."""

    decision: Decision
    reason: str


@dataclass(frozen=True, slots=True)
class TargetRule:
    """A rule for whatever has a name or an id that matches a pattern (`*` and `?`)."""

    pattern: str
    decision: Decision
    tools: frozenset[str] = frozenset()
    kinds: frozenset[Kind] = frozenset()

    def covers(self, tool: str, kind: Kind) -> bool:
        """Whether the rule speaks about this tool and kind; one without either covers all."""
        return (not self.tools or tool in self.tools) and (not self.kinds or kind in self.kinds)

    def matches(self, target: Target) -> bool | None:
        """Whether *target* matches; None when only its name could tell and it is not known."""
        if self._fits(target.id):
            return True
        name = _raw_name(target)
        return None if name is None else self._fits(name)

    def holds(self, targets: Sequence[Target]) -> bool:
        """Whether the rule may speak about one of *targets*, as a stricter rule must assume.

        A rule for everything holds a call without a target too: nothing to look at is no
        permission.
        """
        if not self.pattern.strip("*"):
            return True
        return any(self.matches(target) is not False for target in targets)

    def _fits(self, text: str) -> bool:
        # Only `*` and `?` are special; a bracket stands for itself, as names hold them.
        literal = _seen(self.pattern).replace("[", "[[]")
        return fnmatchcase(_seen(text), literal)


@dataclass(frozen=True, slots=True)
class Policy:
    """What whoever starts the server has laid down. Nothing changes it while it runs."""

    read_only: bool = False
    no_destructive: bool = False
    kinds: Mapping[Kind, Decision] = field(default_factory=dict)
    tools: Mapping[str, Decision] = field(default_factory=dict)
    targets: Sequence[TargetRule] = ()
    secrets_inline: bool = False
    """Whether an approved secret may stand in the tool's result."""
    four_eyes: bool = False
    """Whether an approval needs somebody other than whoever asked."""
    freezes: Sequence[Freeze] = ()
    """Windows in which nothing is launched."""

    @property
    def without_targets(self) -> "Policy":
        """The same without the rules for targets, for whoever does not know any."""
        return replace(self, targets=()) if self.targets else self


def both(one: Policy, other: Policy) -> Policy:
    """What holds where two policies do: the server's and an account's own.

    Where both say something of a kind or a tool, the stricter holds; the rules for targets of
    both hold.
    """
    return Policy(
        read_only=one.read_only or other.read_only,
        no_destructive=one.no_destructive or other.no_destructive,
        kinds=_stricter(one.kinds, other.kinds),
        tools=_stricter(one.tools, other.tools),
        targets=(*one.targets, *other.targets),
        secrets_inline=one.secrets_inline and other.secrets_inline,
        four_eyes=one.four_eyes or other.four_eyes,
        freezes=(*one.freezes, *other.freezes),
    )


K = TypeVar("K")


def _stricter(one: Mapping[K, Decision], other: Mapping[K, Decision]) -> Mapping[K, Decision]:
    found = dict(one)
    for key, decision in other.items():
        found[key] = max(found.get(key, decision), decision, key=_STRICTNESS.__getitem__)
    return found


_BLANK: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Letters that show nothing although Unicode does not count them among the invisible."""


def is_invisible(letter: str) -> bool:
    """Whether nobody sees *letter*, so that a name with it looks like one without."""
    return bool(_BLANK.match(letter)) or clean(letter) != letter or letter in "\n\t"


def _seen(text: str) -> str:
    """*text* as a reader sees it: without invisible letters and blanks at the ends, case folded."""
    shown = _BLANK.sub("", " ".join(clean(text).split()))
    return unicodedata.normalize("NFC", shown).casefold().strip()


class PolicyError(SettingsError):
    """A policy file that cannot be read; the message names the line."""

    advice = "Correct the file; nothing was started."


def decide(
    subject: Subject,
    policy: Policy,
    targets: Sequence[Target] | None = None,
    places: Sequence[Target] = (),
) -> Ruling:
    """What *policy* says about *subject*.

    *targets* are what the call acts on, as read from the service; left out, they are the ids
    that stand in the arguments, with names unknown. *places* are the projects that it moves them
    between.
    """
    known = targets if targets is not None else [Target(each) for each in subject.ids]
    ruling = _decide(subject.tool, subject.kind, known, policy)
    if ruling.decision is Decision.ALLOW and (
        rule := _renamed_under(subject, known, policy, places)
    ):
        reason = f"a name or place that the policy's rule for {rule.pattern!r} goes by would change"
        return Ruling(Decision.ASK, reason)
    # The names that were read for the plan as a whole serve its steps.
    for step in subject.steps:
        names = {target.id: target for target in known}
        its = [names.get(each, Target(each)) for each in ids_of(step)]
        one = _decide(step.__spec__.name, step.danger, its, policy)
        if _STRICTNESS[one.decision] > _STRICTNESS[ruling.decision]:
            ruling = replace(one, reason=f"step {step.__spec__.name}: {one.reason}")
    return ruling


def effect(tool: str, kinds: Sequence[Kind], policy: Policy) -> Mapping[Kind, Decision]:
    """What *policy* does with *tool*, for each of the *kinds* that its calls can have."""
    return {kind: _decide(tool, kind, (), policy).decision for kind in kinds}


def needs_names(subject: Subject, policy: Policy) -> bool:
    """Whether the decision can depend on what the call's targets are called."""
    if policy.targets and _changes_names(subject):
        return True
    calls = [(subject.tool, subject.kind)]
    calls += [(step.__spec__.name, step.danger) for step in subject.steps]
    return any(
        rule.covers(tool, kind)
        for tool, kind in calls
        if kind is not Kind.READ  # a read has no target that it would do something to
        for rule in policy.targets
    )


def refused_read(operation: Operation[Any], policy: Policy) -> str | None:
    """Why *operation*, a read that nobody can be asked about, must not be made; None if it may."""
    ruling = _without_names(operation, policy)
    return None if ruling.decision is Decision.ALLOW else ruling.reason


def is_barred(operation: Operation[Any], policy: Policy) -> bool:
    """Whether *operation* is never made, whatever it is about and whoever agrees."""
    return _without_names(operation, policy).decision is Decision.BLOCK


def _without_names(operation: Operation[Any], policy: Policy) -> Ruling:
    return _decide(operation.__spec__.name, operation.danger, (), policy.without_targets)


_RENAMING: Final = frozenset(
    {"update_source_server", "update_template", "update_migration_project"}
)
"""Calls that can change, by their `name`, what rules for targets go by."""
_MOVES_TO: Final = "migprojectid"


def _changes_names(subject: Subject) -> bool:
    renames = subject.tool in _RENAMING and bool(subject.arguments.get("name"))
    return renames or bool(subject.arguments.get(_MOVES_TO))


def _renamed_under(
    subject: Subject, targets: Sequence[Target], policy: Policy, places: Sequence[Target]
) -> TargetRule | None:
    """The rule that a rename or a move leads into or out of; a rule for other tools counts too."""
    touched: list[Target] = []
    new = str(subject.arguments.get("name") or "") if subject.tool in _RENAMING else ""
    if new and not (targets and new == _raw_name(targets[0])):  # the first is what is renamed
        touched += [*targets, Target(new, new)]
    if to := subject.arguments.get(_MOVES_TO):
        touched += [*targets, *places, *([] if places else [Target(str(to))])]
    if not touched:
        return None
    return next((rule for rule in policy.targets if rule.holds(touched)), None)


def _raw_name(target: Target) -> str | None:
    return target.name if target.raw is None else target.raw


def _decide(tool: str, kind: Kind, targets: Sequence[Target], policy: Policy) -> Ruling:
    if policy.read_only and kind is not Kind.READ:
        return Ruling(Decision.BLOCK, "the server was started read-only")
    if policy.no_destructive and kind not in (Kind.READ, Kind.WRITE):
        return Ruling(Decision.BLOCK, "the server was started with --no-destructive")
    ruling = _base(tool, kind, policy)
    rules = [rule for rule in policy.targets if rule.covers(tool, kind)]
    for rule in rules:
        if _STRICTNESS[rule.decision] > _STRICTNESS[ruling.decision] and rule.holds(targets):
            ruling = Ruling(rule.decision, f"the policy's rule for {rule.pattern!r}")
    if ruling.decision is Decision.ASK:
        return _loosened(ruling, rules, targets)
    return ruling


def _base(tool: str, kind: Kind, policy: Policy) -> Ruling:
    if tool in policy.tools:
        return Ruling(policy.tools[tool], f"the policy's rule for the tool {tool}")
    if kind in policy.kinds:
        return Ruling(policy.kinds[kind], f"the policy's rule for {kind} calls")
    return Ruling(DEFAULTS[kind], f"the default for {kind} calls")


def _loosened(ruling: Ruling, rules: Sequence[TargetRule], targets: Sequence[Target]) -> Ruling:
    """An *ask* becomes *allow* where scoped allow rules, and no stricter ones, hold everywhere."""
    allows = [r for r in rules if r.decision is Decision.ALLOW and (r.tools or r.kinds)]
    stricter = [rule for rule in rules if rule.decision is not Decision.ALLOW]
    if not allows or not targets:
        return ruling
    if any(rule.holds(targets) for rule in stricter):
        return ruling
    if all(any(rule.matches(target) is True for rule in allows) for target in targets):
        patterns = ", ".join(repr(rule.pattern) for rule in allows)
        return Ruling(Decision.ALLOW, f"the policy's rule for {patterns}")
    return ruling
