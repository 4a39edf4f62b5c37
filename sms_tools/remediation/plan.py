"""A plan as data: an ordered list of exact calls and of what people must do, with a digest of all.

A plan never changes after it was made. What became of its steps stands in the journal of the
store, so that the same plan can be shown, approved and taken up again at any time.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Literal

from sms_tools.canonical import digest
from sms_tools.fleet.effect import Launch
from sms_tools.operation import JSON, Operation
from sms_tools.operations import CATALOGUE
from sms_tools.redaction import redact

Actor = Literal["api", "source", "console", "support", "person"]
Wanted = Literal[
    "running",
    "paused",
    "cloned",
    "launched",
    "task_gone",
    "created",
    "limits",
    "options",
    "measured",
    "nothing",
]
"""What a step is to bring about; `nothing` for what people do outside of this service."""


class Result:
    """What became of a step, in the words that are shown."""

    SEEN: Final = "done and seen"
    NOT_SEEN: Final = "done, not yet seen"
    FAILED: Final = "failed"
    SKIPPED: Final = "skipped"
    NOT_NEEDED: Final = "not needed"
    """Another step has done, or does, what this one was for."""
    NOT_REACHED: Final = "not reached"


@dataclass(frozen=True, slots=True)
class Before:
    """What must still be so when a step is reached; anything else is drift."""

    phases: Sequence[str]
    task_id: str | None
    """The server's current task; None where it must have none."""
    codes: Sequence[str] | None = None
    """The error code that the task shows; None where that does not matter."""
    since: float | None = None
    """When the state last changed, in epoch seconds, as it was planned."""
    clone: str | None = None
    """The clone that there was already."""
    measured: str | None = None
    """What told the latest measurement of the network from others; empty where there was none."""


@dataclass(frozen=True, slots=True)
class Step:
    """One call, or one thing that people must do before the calls that follow."""

    number: int
    actor: Actor
    does: str
    server: str = ""
    """The name of the source server, cleaned."""
    source_id: str = ""
    tool: str = ""
    arguments: Mapping[str, JSON] = field(default_factory=dict)
    wanted: Wanted = "nothing"
    before: Before | None = None
    undo: str = ""
    loses: str = ""
    costs: str = ""
    verified_by: str = ""
    after: Sequence[int] = ()
    """Steps that must be seen to be done before this one."""
    servers: Sequence[Sequence[str]] = ()
    """Names and ids of the servers that people's work is about: beside the sentence, not in it."""
    launch: Launch = "no"
    """Whether the call launches the target, as it was judged when the plan was made."""
    open_gates: Sequence[str] = ()
    """Gates before a launch that nobody could tell and that the person accepted by naming it."""
    bound: Mapping[str, JSON] | None = None
    """What its preview showed and what must still be so at the call; None if nothing was shown."""
    batch: int = 0
    """Launches of one batch go on side by side; the next begins when all of it is seen."""
    task_of: int | None = None
    """The step that creates the task which this call acts on."""
    unless: int | None = None
    """The step that makes this one needless, unless the service refuses it."""

    @property
    def is_call(self) -> bool:
        """Whether this step is a call, and not a person's work."""
        return bool(self.tool)

    @property
    def launches(self) -> bool:
        """Whether a person has to know this call as a launch."""
        return self.launch != "no"

    @property
    def operation(self) -> Operation[Any]:
        """The call, checked by its class."""
        return CATALOGUE[self.tool].model_validate(self.arguments)

    def without(self, secrets: Sequence[str]) -> "Step":
        """This step with secrets out of its words; its arguments are sent as they stand."""
        words = ("server", "does", "undo", "loses", "costs", "verified_by", "servers", "open_gates")
        return replace(self, **{each: redact(getattr(self, each), secrets) for each in words})

    def on_task(self, task_id: str) -> "Step":
        """This step with the id of a task that was only created by an earlier one."""
        return replace(self, arguments={**self.arguments, "task_id": task_id})

    def shown(self) -> dict[str, JSON]:
        """The step as it stands in an answer; what does not apply is left out."""
        whole: dict[str, JSON] = {
            "step": self.number,
            "actor": self.actor,
            "tool": self.tool,
            "arguments": dict(self.arguments),
            "server": {"name": self.server, "id": self.source_id} if self.source_id else None,
            "servers": [{"name": name, "id": key} for name, key in self.servers],
            "does": self.does,
            "undo": self.undo,
            "loses": self.loses,
            "costs": self.costs,
            "verified_by": self.verified_by,
            "after": list(self.after),
            "launch": "" if self.launch == "no" else self.launch,
            "open_gates": list(self.open_gates),
            "only_if_refused": self.unless,
        }
        return {key: value for key, value in whole.items() if value}


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps towards one goal."""

    id: str
    goal: str
    made_at: datetime
    expires_at: datetime
    steps: Sequence[Step]
    stops_at_failure: bool
    """Whether one step that does not work ends the whole plan."""
    first: Sequence[str] = ()
    """What has to be said before all else, such as that everything is copied again."""
    account: str = ""
    """The key of the account on which it was made; it serves on no other."""
    asked: Mapping[str, JSON] = field(default_factory=dict)
    """What was asked for besides the servers: to plan the same again for some of them."""
    last_safe_start: str = ""
    """When its launches have to begin to be over in their window, ISO 8601; empty: not known."""

    @property
    def calls(self) -> Sequence[Step]:
        """The steps that are calls."""
        return [step for step in self.steps if step.is_call]

    @property
    def people(self) -> Sequence[Step]:
        """The steps that people do."""
        return [step for step in self.steps if not step.is_call]

    @property
    def digest(self) -> str:
        """A digest of every step."""
        steps = [asdict(step) for step in self.steps]
        return digest([self.id, self.goal, self.account, self.first, self.last_safe_start, steps])

    def without(self, secrets: Sequence[str]) -> "Plan":
        """This plan with secrets out of its words; a step whose arguments hold one is in none."""
        return replace(
            self,
            steps=tuple(step.without(secrets) for step in self.steps),
            first=redact(list(self.first), secrets),
            asked=redact(dict(self.asked), secrets),
        )

    def to_json(self) -> str:
        """The plan for the store."""
        whole = asdict(self)
        whole |= {"made_at": self.made_at.isoformat(), "expires_at": self.expires_at.isoformat()}
        return json.dumps(whole, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "Plan":
        """The plan that :meth:`to_json` wrote."""
        whole = json.loads(text)
        for moment in ("made_at", "expires_at"):
            whole[moment] = datetime.fromisoformat(whole[moment])
        whole["steps"] = [
            Step(**{**row, "before": Before(**row["before"]) if row["before"] else None})
            for row in whole["steps"]
        ]
        return cls(**whole)
