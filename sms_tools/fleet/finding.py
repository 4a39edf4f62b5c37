"""What a check finds: a verdict, what speaks for it, what it rules out, what stays unknown.

Checks are pure: facts and the time go in, findings come out. Evidence names the field, its value,
the operation that it was read with and when, so that a reader can look for himself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sms_tools.operation import JSON
from sms_tools.text import one_line
from sms_tools.wording import iso

_LONGEST_VALUE = 160


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing that was read. *value* may be a stranger's text; it is cleaned when shown."""

    field: str
    value: JSON
    operation: str
    at: datetime | None = None
    """When it was read, or since when it has been so."""

    def as_data(self) -> dict[str, Any]:
        """The evidence as it stands in an answer."""
        value = one_line(self.value, _LONGEST_VALUE) if isinstance(self.value, str) else self.value
        shown = {"field": self.field, "value": value, "from": self.operation}
        return shown if self.at is None else {**shown, "when": iso(self.at)}


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check makes of the facts.

    *verdict* is a word of the question's own (``stuck``, ``pass`` …), *says* a sentence in our
    words, without a stranger's text in it.
    """

    verdict: str
    says: str
    evidence: Sequence[Evidence] = ()
    rules_out: Sequence[str] = ()
    unknown: Sequence[str] = ()

    def as_data(self) -> dict[str, Any]:
        """The finding as it stands in an answer; empty parts are left out."""
        parts: dict[str, Any] = {
            "verdict": self.verdict,
            "says": self.says,
            "evidence": [each.as_data() for each in self.evidence],
            "rules_out": list(self.rules_out),
            "unknown": list(self.unknown),
        }
        return {key: value for key, value in parts.items() if value}
