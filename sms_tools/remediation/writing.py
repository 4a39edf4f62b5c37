"""Writing the steps of a plan: numbered in order, each server counted against the batch."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sms_tools.diagnosis.answer import Action
from sms_tools.fleet.server import Server
from sms_tools.operation import Operation
from sms_tools.remediation.plan import Actor, Before, Step, Wanted
from sms_tools.remediation.request import Goal


@dataclass(frozen=True, slots=True)
class Words:
    """What is said of one kind of call; losses and costs come from the call's preview."""

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
    gaps: list[str] = field(default_factory=list)
    """What the plan rests on and could not be read, as "operation: what is missing"."""
    again: bool = False
    """Whether people's work comes first, and the plan is made again after it."""
    choices: list[Action] = field(default_factory=list)
    """Calls of which a person chooses one, each guarded by itself."""
    told: dict[str, Any] = field(default_factory=dict)
    """What the answer says besides of the whole plan, by key."""
    last_safe_start: datetime | None = None
    """When a launch has to begin to be over in its window; None where nobody can tell."""

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

    def leave(self, server: Server, why: str, goal: Goal | None = None) -> None:
        """Say why *server* is not in the plan, and which goal would fit instead."""
        row = {"server": server.as_data(), "why": why}
        self.left_out.append({**row, "goal": goal} if goal else row)

    def may(self, action: str, server: Server, tasks: int | None = None) -> bool:
        """Whether *action* is legal for *server* now; if not, it is left out with the reason."""
        found = server.legality(action, tasks=tasks)
        if found.verdict != "legal":
            self.leave(server, f"{action} is {found.verdict} now. {found.reason}")
        return found.verdict == "legal"

    def person(
        self, actor: Actor, does: str, servers: Sequence[Server] = (), *, later: bool = False
    ) -> int:
        """Add something that people do on *servers*, *later* for after the calls; its number."""
        verified = "A person says so: approving the plan says that it is done."
        if later:
            verified = "A person says so when it is done."
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
        **more: Any,
    ) -> int:
        """Add a call; *before* is what is there now unless given. Gives its number.

        *more* are further fields of :class:`~sms_tools.remediation.plan.Step`.
        """
        step = Step(
            number=len(self.steps) + 1,
            actor="api",
            does=words.does,
            server=server.name,
            source_id=server.id,
            tool=operation.__spec__.name,
            arguments=operation.wire_arguments(),
            wanted=wanted,
            before=before or as_now(server),
            undo=words.undo,
            loses=words.loses,
            costs=words.costs,
            verified_by=words.verified_by,
            after=tuple(after),
            **more,
        )
        self.steps.append(step)
        return step.number

    def drop(self, source_id: str, why: str) -> None:
        """Take a server's calls out again, and number what stays anew."""
        gone = {step.number for step in self.steps if step.source_id == source_id}
        row = next(step for step in self.steps if step.source_id == source_id)
        self.left_out.append({"server": {"name": row.server, "id": source_id}, "why": why})
        self.taken.discard(source_id)
        kept = [step for step in self.steps if step.number not in gone]
        needed = {number for step in kept for number in step.after}
        kept = [s for s in kept if s.is_call or s.number in needed or not _is_about(s, source_id)]
        new = {step.number: place for place, step in enumerate(kept, 1)}
        self.steps[:] = [_renumbered(step, new, source_id) for step in kept]


def _is_about(step: Step, source_id: str) -> bool:
    """Whether people's work is about this one server alone."""
    return [key for _, key in step.servers] == [source_id]


def _renumbered(step: Step, new: dict[int, int], without: str) -> Step:
    return replace(
        step,
        number=new[step.number],
        after=tuple(new[number] for number in step.after if number in new),
        unless=new.get(step.unless) if step.unless else None,
        task_of=new.get(step.task_of) if step.task_of else None,
        servers=tuple(each for each in step.servers if each[1] != without),
    )


def as_now(server: Server) -> Before:
    """What must still be so when the step is reached: all that is so now."""
    return Before(
        phases=(server.phase,),
        task_id=server.task_id,
        codes=((server.error.code if server.error else None) or "",),
        since=server.state_since.timestamp() if server.state_since else None,
        clone=server.clone_id,
    )
