"""One thing that was found about a source server, what it weighs and who acts."""

from dataclasses import dataclass
from typing import Any, Literal

from sms_tools.knowledge.errors import Actor

Weight = Literal["other_method", "repair_first", "unknown", "note"]


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing that was found: what it is, what it weighs, who acts and how."""

    kind: str
    weight: Weight
    says: str
    actor: Actor
    how: str
    code: str | None = None

    def as_data(self) -> dict[str, Any]:
        """The remark as it stands in an answer."""
        row: dict[str, Any] = {
            "finding": self.says,
            "kind": self.kind,
            "weighs": self.weight,
            "actor": self.actor,
            "how": self.how,
        }
        return {**row, "code": self.code} if self.code else row
