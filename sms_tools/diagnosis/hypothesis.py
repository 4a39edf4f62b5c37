"""One possible cause of what is wrong with a server, and the evidence that most of them share."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from sms_tools.fleet.closeup import CloseUp
from sms_tools.fleet.finding import Evidence

Likelihood = Literal["certain", "likely", "possible"]
SOURCE: Final = "list_source_servers"
TASK: Final = "get_migration_task"
LIMITS: Final = "get_migration_rate_limits"
"""Where evidence was read."""


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One possible cause. ``certain`` is said only of what the service itself reports."""

    name: str
    likelihood: Likelihood
    says: str
    evidence: Sequence[Evidence] = ()
    against: Sequence[Evidence] = ()
    rules_out: Sequence[str] = ()
    unknown: Sequence[str] = ()
    next_step: str = ""
    actor: str = ""

    def as_data(self) -> dict[str, Any]:
        """The hypothesis as it stands in an answer; what is empty is left out."""
        parts: dict[str, Any] = {
            "hypothesis": self.name,
            "likelihood": self.likelihood,
            "says": self.says,
            "evidence": [each.as_data() for each in self.evidence],
            "against": [each.as_data() for each in self.against],
            "rules_out": list(self.rules_out),
            "unknown": list(self.unknown),
            "next_step": self.next_step,
            "actor": self.actor,
        }
        return {key: value for key, value in parts.items() if value}


def state_evidence(close: CloseUp) -> Evidence:
    """Stage and state of the source server, and since when."""
    server = close.server
    return Evidence("state", f"{server.stage}/{server.state}", SOURCE, server.state_since)


def step_evidence(close: CloseUp) -> Sequence[Evidence]:
    """The sub-task of the moment, if there is one."""
    step = close.server.step
    if step is None or not step.name:
        return []
    return [Evidence("sub_task", f"{step.name} at {step.progress} %", TASK, close.now)]
