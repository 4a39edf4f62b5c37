"""Writing the steps of a plan: numbered in order, each server counted against the batch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sms_tools.fleet.server import Server
from sms_tools.knowledge import legality
from sms_tools.operation import JSON, Operation
from sms_tools.remediation.looking import Facts
from sms_tools.remediation.plan import Actor, Before, Step, Wanted


@dataclass(frozen=True, slots=True)
class Words:
    """What is said of one kind of call."""

    does: str
    verified_by: str
    undo: str = ""
    loses: str = ""
    costs: str = ""


@dataclass
class Writer:
    """Collects the steps of a plan and why servers are not in it."""

    now: datetime
    most: int
    """How many servers one plan may touch."""
    steps: list[Step] = field(default_factory=list)
    left_out: list[dict[str, Any]] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)
    """The servers that have a place in this plan."""
    waiting: list[Server] = field(default_factory=list)
    """Servers for a later plan: this one is full."""
    first: list[str] = field(default_factory=list)
    preconditions: list[str] = field(default_factory=list)

    def has_room_for(self, server: Server) -> bool:
        """Take a place for *server*; if there is none, it is kept for a later plan."""
        if server.id not in self.taken and len(self.taken) >= self.most:
            self.waiting.append(server)
            return False
        self.taken.add(server.id)
        return True

    def give_back(self, server: Server) -> None:
        """Free the place of a server that will not be in the plan after all."""
        self.taken.discard(server.id)

    def leave(self, server: Server, why: str, goal: str | None = None) -> None:
        """Say why *server* is not in the plan, and which goal would fit instead."""
        row = {"server": server.as_data(), "why": why}
        self.left_out.append({**row, "goal": goal} if goal else row)

    def may(self, action: str, server: Server, tasks: int | None = None) -> bool:
        """Whether *action* is legal for *server* now; if not, it is left out with the reason."""
        found = legality(
            action,
            source_state=server.state,
            migration_cycle=server.stage,
            task_state=server.task_state,
            connected=server.connected,
            tasks=tasks,
        )
        if found.verdict != "legal":
            self.leave(server, f"{action} is {found.verdict} now. {found.reason}")
        return found.verdict == "legal"

    def person(self, actor: Actor, does: str, servers: Sequence[Server] = ()) -> int:
        """Add something that people do on *servers*; gives its number."""
        verified = "A person says so: approving the plan says that it is done."
        about = tuple((server.name, server.id) for server in servers)
        step = Step(len(self.steps) + 1, actor, does, verified_by=verified, servers=about)
        self.steps.append(step)
        return step.number

    def call(
        self,
        operation: Operation[Any],
        server: Server,
        wanted: Wanted,
        words: Words,
        *,
        before: Before | None = None,
        after: Sequence[int] = (),
    ) -> int:
        """Add a call; *before* is what is there now unless given. Gives its number."""
        step = Step(
            number=len(self.steps) + 1,
            actor="api",
            does=words.does,
            server=server.name,
            source_id=server.id,
            tool=operation.__spec__.name,
            arguments=arguments_of(operation),
            wanted=wanted,
            before=before or as_now(server, self.now),
            undo=words.undo,
            loses=words.loses,
            costs=words.costs,
            verified_by=words.verified_by,
            after=tuple(after),
        )
        self.steps.append(step)
        return step.number


def as_now(server: Server, now: datetime) -> Before:
    """What must still be so when the step is reached: all that is so now."""
    facts = Facts.of(server, now)
    return Before(
        phases=(facts.phase,),
        task_id=facts.task_id,
        codes=(facts.code or "",),
        since=facts.since,
        clone=facts.clone,
    )


def arguments_of(operation: Operation[Any]) -> Mapping[str, JSON]:
    """The arguments of *operation* under their wire names, without those left out."""
    return operation.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude_none=True)
