"""One server as diagnosis sees it: its source record and its task, joined.

Every value may be missing, new or contradict another; what the records do not settle is None or
``unknown``, never a guess.
"""

from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Final, TypeGuard

from sms_tools.knowledge import Legality, SubTaskKind, legality, phase_of, sub_task_kind
from sms_tools.knowledge.states import Phase
from sms_tools.moment import from_milliseconds
from sms_tools.operations.error_json import TaskError, decode_error_json
from sms_tools.operations.source_servers import CurrentTask, EnvironmentCheck, SourceServer
from sms_tools.operations.tasks import MigrationTask, SubTask
from sms_tools.text import one_line

SOAK: Final = timedelta(hours=72)
"""How long a launched target serves before its task, the way back, may be deleted (ours)."""
_LONGEST_NAME = 80
_LARGEST_SIZE = 2**60
"""Bytes, an exbibyte: a size above it is a mistake of the record, and counts as not given."""
_MOVES_DATA: frozenset[SubTaskKind] = frozenset({"copy", "sync"})
_OPENS_A_ROUND: frozenset[SubTaskKind] = frozenset({"sync", "configure", "clone"})
_CLOSES_A_ROUND: frozenset[SubTaskKind] = frozenset({"copy", "sync", "clone", "detach"})


@dataclass(frozen=True)
class Server:
    """A source server and the task that is current for it. Sizes are bytes."""

    source: SourceServer | None
    """None where the source servers could not be read and only the task is known."""
    task: MigrationTask | None = None
    """The current task; None where there is none, or the tasks could not be read."""
    other_tasks: Sequence[MigrationTask] = field(default=())
    """Older tasks of the same server."""
    launched_before: bool = False
    """Whether it was seen launched before its task was deleted: the service then calls it
    waiting again.
    """
    wave: str | None = None
    """The name of its migration project, where that was read."""

    @cached_property
    def id(self) -> str:
        """The source server's id."""
        named = self.source or (self.task and self.task.source_server)
        return (named and named.id) or ""

    @cached_property
    def name(self) -> str:
        """Its name, cleaned and short enough for a sentence; its address or id if it has none."""
        named = self.source or (self.task and self.task.source_server)
        return one_line((named and named.name) or self.ip or self.id or "(unnamed)", _LONGEST_NAME)

    @property
    def raw_name(self) -> str | None:
        """Its name as the service has it, for rules and for comparing; None if it has none."""
        named = self.source or (self.task and self.task.source_server)
        return (named and named.name) or None

    def as_data(self) -> dict[str, Any]:
        """How a server stands in every answer: name and id, and its project where it was read."""
        return {"name": self.name, "id": self.id, **self.in_project}

    @property
    def in_project(self) -> dict[str, str]:
        """Its project as answers have it; nothing where that was not read."""
        return {"project": one_line(self.wave, 60)} if self.wave else {}

    @property
    def ip(self) -> str | None:
        """Its address."""
        named = self.source or (self.task and self.task.source_server)
        return named.ip if named else None

    @property
    def os_type(self) -> str:
        """``LINUX`` or ``WINDOWS``; empty if unknown."""
        named = self.source or (self.task and self.task.source_server)
        own = (named and named.os_type) or (self.task and self.task.os_type) or ""
        return own.upper()

    @property
    def _brief(self) -> CurrentTask | None:
        """The current task as the source record has it."""
        return self.source.current_task if self.source else None

    @property
    def task_id(self) -> str | None:
        """The id of the current task, from either record."""
        return (self.task and self.task.id) or (self._brief and self._brief.id) or None

    @property
    def task_state(self) -> str | None:
        """The state of the current task, from either record."""
        return (self.task and self.task.state) or (self._brief and self._brief.state) or None

    @property
    def task_type(self) -> str | None:
        """``MIGRATE_FILE`` or ``MIGRATE_BLOCK``."""
        return (self.task and self.task.type) or (self._brief and self._brief.type) or None

    @property
    def template_id(self) -> str | None:
        """The template of the target, which tells its network."""
        own = getattr(self.task, "vm_template_id", None)
        return own or (self._brief.vm_template_id if self._brief else None)

    @property
    def target_id(self) -> str | None:
        """The target's ECS; None until there is one."""
        target = self.task.target_server if self.task else None
        brief = self._brief.target_server if self._brief else None
        return (target and target.vm_id) or (brief and brief.vm_id) or None

    @property
    def target_name(self) -> str | None:
        """The target's name, as the service has it."""
        target = self.task.target_server if self.task else None
        brief = self._brief.target_server if self._brief else None
        return (target and target.name) or (brief and brief.name) or None

    @property
    def has_existing_target(self) -> bool:
        """Whether the target is an ECS that was there before: one of which disks are erased."""
        if any(record.exist_server for record in (self.task, self._brief) if record):
            return True
        # Regions leave the flag out: a target that no template made was there before.
        return bool(self.target_id) and not self.template_id

    @property
    def syncing(self) -> bool | None:
        """Whether the task goes on synchronising; if not, the copy's end is the launch."""
        return self.task.syncing if self.task else None

    @property
    def clone_id(self) -> str | None:
        """The ECS of the rehearsal's clone, where there is one."""
        for record in (self.task, self._brief):
            if record and record.clone_server and record.clone_server.vm_id:
                return record.clone_server.vm_id
        return None

    @property
    def formatted(self) -> bool | None:
        """Whether this task has formatted the target's disks; None where nobody can tell."""
        if self.task is None or self.task.sub_tasks is None:
            return None
        return any(
            sub_task_kind(step.name) == "format" and (step.progress or 0) > 0
            for step in self.task.sub_tasks
        )

    @property
    def was_launched(self) -> bool:
        """Whether its target has been launched, as far as its state and stage tell."""
        return self.phase == "finished" or (self.stage or "").strip().lower() == "cutovered"

    @property
    def last_launch(self) -> int | None:
        """When the target was last started from its own disks, as epoch milliseconds."""
        ends = [e.end_date for e in self.sub_tasks if e.end_date and _is_launch(e)]
        return max(ends, default=None)

    @property
    def launched_at(self) -> datetime | None:
        """When its target was launched: by its sub-tasks, else since it is finished; or None."""
        if not self.was_launched:
            return None
        return from_milliseconds(self.last_launch) or self.state_since

    def legality(self, action: str, **more: Any) -> Legality:
        """May *action* be tried now? *more* as :func:`sms_tools.knowledge.legality` takes it."""
        return legality(
            action,
            source_state=self.state,
            migration_cycle=self.stage,
            task_state=self.task_state,
            connected=self.connected,
            **more,
        )

    @property
    def state(self) -> str | None:
        """The source's state as the service words it."""
        if self.source:
            return self.source.state
        return self.task.source_server.state if self.task and self.task.source_server else None

    @property
    def stage(self) -> str | None:
        """The source's `migration_cycle` as the service words it."""
        if self.source:
            return self.source.migration_cycle
        source = self.task.source_server if self.task else None
        return source.migration_cycle if source else None

    @cached_property
    def phase(self) -> Phase:
        """What it is doing, in the contract's words."""
        phase = phase_of(
            migration_cycle=self.stage, source_state=self.state, task_state=self.task_state
        )
        if phase == "waiting" and self.launched_before and not self.task_id:
            return "finished"
        return phase

    @property
    def connected(self) -> bool | None:
        """Whether the Agent is connected; None if nobody says."""
        if self.source and self.source.connected is not None:
            return self.source.connected
        return self.task.connected if self.task else None

    @property
    def offline(self) -> bool:
        """Whether the Agent is known to be disconnected."""
        return self.connected is False

    @property
    def state_since(self) -> datetime | None:
        """When the state last changed."""
        return from_milliseconds(self.source.state_action_time) if self.source else None

    @property
    def stage_since(self) -> datetime | None:
        """When the stage last changed."""
        return from_milliseconds(self.source.stage_action_time) if self.source else None

    @property
    def connection_since(self) -> datetime | None:
        """When the Agent last came or went: not a heartbeat."""
        return from_milliseconds(self.source.last_visit_time) if self.source else None

    @property
    def total_bytes(self) -> int | None:
        """How much there is to copy; None where the service gives none, or 0."""
        return self._size("totalsize") or None

    @property
    def done_bytes(self) -> int | None:
        """How much of :attr:`total_bytes` is copied, at most all of it; None without a total."""
        total, done = self.total_bytes, self._size("replicatesize")
        return None if total is None or done is None else min(done, total)

    @property
    def reported_bytes(self) -> int | None:
        """How much was copied as the service counts it, which may be more than the total.

        What is compared between readings is this: a copy past its announced total still moves.
        """
        return None if self.total_bytes is None else self._size("replicatesize")

    @property
    def above_total(self) -> bool:
        """Whether more was copied than the total that the service announced."""
        return (self.reported_bytes or 0) > (self.total_bytes or 0)

    def _size(self, name: str) -> int | None:
        if self.source and _is_size(size := getattr(self.source, name)):
            return size
        for record in (self.task.source_server, self.task.target_server) if self.task else ():
            if record and _is_size(size := getattr(record, name)):
                return size
        return None

    @property
    def migrate_speed(self) -> float | None:
        """The task's rate as sent. Its unit is in doubt: MB/s by the reference, else Mbit/s."""
        for record in (self.task, self._brief):
            if record and record.migrate_speed is not None:
                return record.migrate_speed
        return None

    @property
    def remain_seconds(self) -> int | None:
        """The service's own estimate, from a rate of five seconds."""
        for record in (self.task, self._brief):
            if record and record.remain_seconds is not None:
                return record.remain_seconds
        return None

    @cached_property
    def error(self) -> TaskError | None:
        """What the task says went wrong; None if it says nothing."""
        found = decode_error_json(self.task.error_json) if self.task else None
        return None if found is None or found.empty else found

    @property
    def clone_error(self) -> str | None:
        """The code of a rehearsal that failed; the source's brief record has it, lists do not."""
        return self._failed_clone[0]

    @property
    def clone_params(self) -> Sequence[str]:
        """What the service says beside that code."""
        return self._failed_clone[1]

    @property
    def _failed_clone(self) -> tuple[str | None, Sequence[str]]:
        for record in (self.task, self._brief):
            clone = record.clone_server if record else None
            if clone and clone.clone_error:
                return clone.clone_error, (clone.error_msg,) if clone.error_msg else ()
        return None, ()

    @property
    def failed_checks(self) -> Sequence[EnvironmentCheck]:
        """The environment checks of the source that did not pass."""
        checks = (self.source.checks or []) if self.source else []
        return [check for check in checks if (check.result or "").upper() == "ERROR"]

    @property
    def sub_tasks(self) -> Sequence[SubTask]:
        """The task's sub-tasks in the order in which they began; those to come at the end."""
        return in_order(self.task)

    @cached_property
    def rounds(self) -> Sequence[Sequence[SubTask]]:
        """The sub-tasks by round: full copy, syncs, launches, each anew."""
        return rounds(self.sub_tasks)

    @property
    def last_round(self) -> Sequence[SubTask]:
        """The sub-tasks of the latest round: the only ones that say what happens now."""
        return self.rounds[-1] if self.rounds else ()

    @cached_property
    def step(self) -> SubTask | None:
        """The sub-task that runs, or stopped half-way; None between rounds."""
        begun = [each for each in self.last_round if each.start_date and not each.end_date]
        if begun:
            return begun[-1]
        waiting = [e for e in self.last_round if not e.end_date and (e.progress or 0) < 100]
        return waiting[0] if waiting and self.last_round else None

    @property
    def step_name(self) -> str | None:
        """The name of :attr:`step`, or what the task's `subtask_info` says."""
        if self.step and self.step.name:
            return one_line(self.step.name, _LONGEST_NAME)
        for record in (self.task, self._brief):
            if record and record.subtask_info:
                return one_line(record.subtask_info.rpartition("-")[0] or record.subtask_info, 60)
        return None

    @property
    def last_sync(self) -> SubTask | None:
        """The latest sub-task that moved data and ended; its end is how fresh the copy is."""
        moved = [e for e in self.sub_tasks if sub_task_kind(e.name) in _MOVES_DATA and e.end_date]
        return max(moved, key=lambda each: each.end_date or 0, default=None)


def _is_size(number: int | None) -> TypeGuard[int]:
    return number is not None and 0 <= number <= _LARGEST_SIZE


def _is_launch(step: SubTask) -> bool:
    return sub_task_kind(step.name) in ("configure", "detach")


def in_order(task: MigrationTask | None) -> Sequence[SubTask]:
    """The sub-tasks of *task* as they began; those that have not begun keep their place last."""
    steps = (task.sub_tasks or []) if task else []
    return sorted(steps, key=lambda step: (not step.start_date, step.start_date or 0))


def rounds(steps: Sequence[SubTask]) -> Sequence[Sequence[SubTask]]:
    """*steps* split into rounds: by `user_op`, or where lists leave that out, by their names.

    A name that comes again begins a new round, and so does what follows upon moved data.
    """
    split: list[list[SubTask]] = []
    names: set[str | None] = set()
    for step in steps:
        if not split or _begins_anew(step, split[-1][-1], names):
            split.append([])
            names.clear()
        split[-1].append(step)
        names.add(step.name)
    return split


def _begins_anew(step: SubTask, before: SubTask, names: Set[str | None]) -> bool:
    """Whether *step* is the first of a new round; *names* are those of the current one."""
    if step.user_op and before.user_op:
        return step.user_op != before.user_op
    if step.name in names:
        return True
    return (
        sub_task_kind(step.name) in _OPENS_A_ROUND
        and sub_task_kind(before.name) in _CLOSES_A_ROUND
        # A task without continuous sync configures the target in the round of its copy.
        and not (sub_task_kind(before.name) == "copy" and not step.start_date)
    )
