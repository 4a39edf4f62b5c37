"""The heart of the sandbox's service: what it keeps, its time, and what was done to it.

No clock is read here: the caller passes one in (`sms_tools.sandbox.clocks`), be it real, faster
than real, or moved by a test.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from heapq import heappop, heappush
from random import Random
from typing import TypeVar
from uuid import UUID

from sms_tools.operation import JSON
from sms_tools.sandbox.clocks import Clock
from sms_tools.sandbox.lifecycle import advance, note, replan
from sms_tools.sandbox.model import (
    Cause,
    Change,
    Mode,
    Project,
    Record,
    Source,
    Task,
    Template,
    Truth,
)
from sms_tools.sandbox.pace import divide
from sms_tools.sandbox.refusal import Refusal
from sms_tools.sandbox.work import reached, rebase, work_at

R = TypeVar("R")

TEMPLATE_NOT_FOUND = "SMS.7101"
PROJECT_NOT_FOUND = "SMS.7301"
SOURCE_NOT_FOUND = "SMS.7602"
TASK_NOT_FOUND = "SMS.7703"


class Core:
    """State, time and the record of changes; the commands stand in the classes built on it."""

    def __init__(self, clock: Clock, *, seed: int = 0, quota: int = 1_000) -> None:
        """Make an empty account with a default project; *quota* bounds its source servers."""
        self._clock = clock
        self._random = Random(seed)  # noqa: S311 (made-up ids, not keys)
        self._due: list[tuple[int, str]] = []
        self._newcomers: list[tuple[int, int, Source]] = []
        self._moment = 0
        """The time of what is happening now."""
        self._divided: dict[str, int] = {}
        """By shared line: when a limit or a halt on it changes next."""
        self.quota = quota
        self.clone_quota: int | None = None
        """How many more clones the ECS quota allows; None is no bound."""
        self.sources: dict[str, Source] = {}
        self.tasks: dict[str, Task] = {}
        self.templates: dict[str, Template] = {}
        self.projects: dict[str, Project] = {}
        self.causes: dict[str, Cause] = {}
        self.uplinks: dict[str, float] = {}
        """Lines that servers share, in Mbit/s by their names."""
        self.closed_networks: dict[str, Cause] = {}
        """Target networks whose security groups do not let a migration in, and why."""
        self.privacy_signed = True
        self.changes: list[Change] = []
        """Every call that changes something, in the order in which it came."""
        self.truth: dict[str, Truth] = {}
        """What is true when a scenario begins, by server name (a second one: ``name (2)``)."""
        self.identity = ""
        """What the account was made from, where a scenario made it: the same again is the same."""
        default = self.new_project("SystemProject", default=True)
        self.default_project = default.id

    # Time

    def clock(self) -> int:
        """The time in epoch milliseconds."""
        return round(self._clock() * 1_000)

    def now(self) -> int:
        """The time in epoch milliseconds, with everything done that is due by then."""
        at = self.clock()
        while self._newcomers and self._newcomers[0][0] <= at:
            arrived, _, source = heappop(self._newcomers)
            self._register(source, arrived)
        while self._due and self._due[0][0] <= at:
            wake, key = heappop(self._due)
            self._moment = wake
            if self._divided.get(key) == wake:
                self._divide(key, wake)
            task = self.tasks.get(key)
            if task is None or task.wake != wake:
                continue
            # What shares a line lives event by event: each may change the others' rate.
            advance(task, wake if task.source.uplink else at)
            if task.mode is Mode.GONE:
                self.forget_task(task, task.finished_at or at)
            self.watch(task)
        self._moment = at
        return at

    def watch(self, task: Task) -> None:
        """Remember when something happens to *task* next."""
        if task.wake is not None and task.id in self.tasks:
            heappush(self._due, (task.wake, task.id))
        if task.source.uplink:
            self._divide(task.source.uplink, self._moment)

    def _divide(self, uplink: str, at: int) -> None:
        """Give each copy on a line its part from now on: what one cannot use goes to the others."""
        running = [t for t in self.tasks.values() if t.source.uplink == uplink and _sends(t)]
        running.sort(key=lambda t: t.id)
        shares = divide(self.uplinks[uplink] * 125, [_wanted(t, at) for t in running])
        for task, share in zip(running, shares, strict=True):
            if share and share != task.share:
                rebase(task, at)
                task.share = share
                replan(task, at)
                if task.wake is not None:
                    heappush(self._due, (task.wake, task.id))
        changes = [change for t in running if (change := _turns(t, at)) is not None]
        if changes and self._divided.get(uplink) != min(changes):
            self._divided[uplink] = min(changes)
            heappush(self._due, (min(changes), uplink))

    @contextmanager
    def change(self, operation: str, target: str, /, **arguments: JSON) -> Iterator[int]:
        """Record a call that changes something, refused or not; gives the time."""
        at = self.now()
        entry = Change(operation, target, at, arguments)
        self.changes.append(entry)
        try:
            yield at
        except Refusal as refusal:
            entry.refused = refusal.code
            raise

    # The outside world: what no call can do, and a test or a scenario does

    def fix(self, cause: str) -> None:
        """Let the cause of failures with this name be over, from now on."""
        at = self.now()
        self.causes[cause].fixed_at = at
        for task in self.tasks.values():
            if any(t.cause.name == cause for t in task.source.troubles):
                replan(task, at)
                self.watch(task)

    def expect(self, source: Source, at: int) -> None:
        """Let the Agent of a server start at that time, and register or report it anew."""
        heappush(self._newcomers, (at, len(self._newcomers), source))

    def _register(self, source: Source, at: int) -> None:
        known = self.sources.get(source.id)
        if known is None:
            source.added = at
            self.adopt(source, at)
        elif known.task_id is None:
            self.adopt(source, at)

    def disconnect(self, source_id: str, *, until: int | None = None) -> None:
        """Let the Agent of a server go offline now."""
        at = self.now()
        source = self.source(source_id)
        self._disturb(source, at)
        source.offline.append((at, until))
        self._settle_down(source, at)

    def reconnect(self, source_id: str) -> None:
        """Let the Agent of a server come back now."""
        at = self.now()
        source = self.source(source_id)
        self._disturb(source, at)
        source.offline = [(a, at if b is None or b > at else b) for a, b in source.offline]
        self._settle_down(source, at)

    def stall(self, task_id: str, *, until: int | None = None) -> None:
        """Let the bytes of a copy stop although its Agent is connected."""
        at = self.now()
        task = self.task(task_id)
        self._disturb(task.source, at)
        task.halts.append((at, until))
        self._settle_down(task.source, at)

    def _disturb(self, source: Source, at: int) -> None:
        task = self.task_of(source)
        if task:
            rebase(task, at)

    def _settle_down(self, source: Source, at: int) -> None:
        task = self.task_of(source)
        if task:
            replan(task, at)
            self.watch(task)

    # Finding

    def source(self, source_id: str) -> Source:
        """The source server. Refuses with SMS.7602."""
        return _found(self.sources, source_id, SOURCE_NOT_FOUND)

    def task(self, task_id: str) -> Task:
        """The task. Refuses with SMS.7703."""
        return _found(self.tasks, task_id, TASK_NOT_FOUND)

    def template(self, template_id: str) -> Template:
        """The template. Refuses with SMS.7101."""
        return _found(self.templates, template_id, TEMPLATE_NOT_FOUND)

    def project(self, project_id: str) -> Project:
        """The migration project. Refuses with SMS.7301."""
        return _found(self.projects, project_id, PROJECT_NOT_FOUND)

    def task_of(self, source: Source) -> Task | None:
        """The task of a source server, if it has one."""
        return self.tasks.get(source.task_id) if source.task_id else None

    def by_name(self, name: str) -> Source:
        """The first source server of that name as it is now, for tests."""
        self.now()
        return next(s for s in self.sources.values() if s.name == name)

    # Making and forgetting

    def new_id(self) -> str:
        """An id that follows from the seed."""
        return str(UUID(int=self._random.getrandbits(128), version=4))

    def new_project(self, name: str, *, default: bool = False, **fields: JSON) -> Project:
        """Add a migration project; a default one takes the place of the one before."""
        settings: Record = {
            "name": name,
            "description": "",
            "region": "ap-southeast-3",
            "start_target_server": True,
            "speed_limit": 0,
            "use_public_ip": True,
            "exist_server": False,
            "type": "MIGRATE_FILE",
            "enterprise_project": "default",
            "syncing": True,
            "start_network_check": False,
            **fields,
        }
        project = Project(self.new_id(), settings)
        self.projects[project.id] = project
        if default:
            self.make_default(project)
        return project

    def make_default(self, project: Project) -> None:
        """New Agents register in this project from now on."""
        for other in self.projects.values():
            other.default = other is project
        self.default_project = project.id

    def adopt(self, source: Source, at: int) -> None:
        """Take in a source server in the state that its environment checks give."""
        self.sources[source.id] = source
        source.state = "waiting" if source.ready else "unavailable"
        source.cycle = "checking"
        source.state_at = source.stage_at = at

    def attach(self, task: Task, at: int) -> None:
        """Take in a task that belongs to a source server of this account."""
        self.tasks[task.id] = task
        task.source.task_id = task.id
        note(task, at)
        self.watch(task)

    def forget_task(self, task: Task, at: int) -> None:
        """Drop a task; its source waits for another, and its own template goes with it."""
        del self.tasks[task.id]
        source = task.source
        source.task_id, source.failure = None, None
        source.state, source.cycle = "waiting" if source.ready else "unavailable", "checking"
        source.state_at = source.stage_at = at
        template = self.templates.get(str(task.fields.get("vm_template_id")))
        if template and not template.fields.get("is_template") and not self._uses(template.id):
            del self.templates[template.id]

    def _uses(self, template_id: str) -> Sequence[Task]:
        return [t for t in self.tasks.values() if t.fields.get("vm_template_id") == template_id]


def _sends(task: Task) -> bool:
    """Whether the task is at a sub-task that sends bytes, be it held up just now or not."""
    return task.mode is Mode.RUNNING and task.step is not None and task.step.moves_data


def _wanted(task: Task, at: int) -> float:
    """What it would send if nobody shared its line."""
    assert task.step is not None  # noqa: S101 (it sends)
    return task.pace_alone(task.step).at(at, work_at(task, task.step, at))


def _turns(task: Task, at: int) -> int | None:
    """When that changes next, by time or by what is done."""
    step = task.step
    assert step is not None  # noqa: S101 (it sends)
    times = [task.pace_alone(step).next_change(at)]
    if task.source.profile and task.source.profile.tail_from < 1:
        times.append(reached(task, step, task.source.profile.tail_from * step.work))
    return min((t for t in times if t is not None and t > at), default=None)


def _found(records: Mapping[str, R], record_id: str, code: str) -> R:
    record = records.get(record_id)
    if record is None:
        raise Refusal(code, record_id)
    return record
