"""What the sandbox's service keeps: source servers, tasks, templates, projects and their kin.

Sizes are bytes, times are epoch milliseconds, rates are bytes per millisecond unless a name says
otherwise. The wire's two pairs of states (of the source and of the task) are not kept: they follow
from what a task is doing (`lifecycle.shown`).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from sms_tools.operation import JSON
from sms_tools.sandbox.pace import Halt, Pace, RateLimit
from sms_tools.sandbox.profiles import Profile

Record: TypeAlias = dict[str, JSON]


@dataclass(frozen=True, slots=True)
class DiskSpec:
    """One disk of a machine: sizes in GiB, and what stands on it."""

    size: int
    used: int
    file_system: str
    mount: str
    """Mount point on Linux, drive letter on Windows."""


@dataclass(frozen=True, slots=True)
class MachineSpec:
    """A kind of machine that several servers may share."""

    os_type: str
    os_version: str
    cpu: int
    memory: int
    """Bytes."""
    disks: tuple[DiskSpec, ...]
    firmware: str = "BIOS"
    lvm: bool = False
    btrfs: bool = False

    @property
    def linux(self) -> bool:
        """Whether this is Linux (else Windows)."""
        return self.os_type == "LINUX"


@dataclass(slots=True)
class Cause:
    """Why something goes wrong outside of the service, and when or by what that ends."""

    name: str
    fixed_at: int | None = None
    fixed_by: frozenset[str] = frozenset()
    """Calls that end it: ``recreate``, ``unlock``, ``limit``."""

    def active(self, moment: int) -> bool:
        """Whether the cause is still there."""
        return self.fixed_at is None or moment < self.fixed_at


@dataclass(slots=True)
class Trouble:
    """A failure that awaits a server: at this sub-task and percentage, while its cause lasts."""

    subtask: str
    percent: int
    code: str
    params: tuple[str, ...]
    cause: Cause
    cycle: str | None = None
    """The stage that the service reports, where it is not the one of the sub-task's group."""
    error_json: str | None = None
    """What stands on the wire, where it is not the usual double encoding."""


@dataclass(slots=True)
class Failure:
    """An error of a server as the service remembers it."""

    code: str
    params: tuple[str, ...]
    at: int
    error_json: str | None = None


@dataclass(slots=True)
class CheckResult:
    """A failed or doubtful environment check; all others are OK."""

    name: str
    result: str
    code: str
    params: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """What a measurement between a source and its target finds: ms, ms and percent."""

    delay: float = 18.4
    jitter: float = 1.3
    loss: float = 0.0


@dataclass(slots=True)
class Source:
    """A registered source server."""

    id: str
    name: str
    ip: str
    spec: MachineSpec
    added: int
    project_id: str
    hostname: str = ""
    agent_version: str = "25.1.0"
    has_tc: bool | None = True
    line: Line = Line()
    uplink: str = ""
    """The line that it shares with others, by its name; empty: it has its own."""
    profile: Profile | None = None
    """How its rate changes; None: never by itself."""
    ready: bool = True
    """Whether the environment checks let it migrate."""
    unchecked: bool = False
    """Whether the Agent has reported no checks yet."""
    findings: list[CheckResult] = field(default_factory=list)
    offline: list[Halt] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    failure: Failure | None = None
    """What GET /v3/errors still lists, whether or not the server runs again."""
    task_id: str | None = None
    state: str = ""
    cycle: str = ""
    state_at: int = 0
    stage_at: int = 0
    overrides: Record = field(default_factory=dict)
    """Disks, networks and other facts that an Agent reported or a person changed."""
    commands: list[Record] = field(default_factory=list)

    def connected(self, moment: int) -> bool:
        """Whether the Agent is connected."""
        return not any(a <= moment and (b is None or moment < b) for a, b in self.offline)

    def last_visit(self, moment: int) -> int:
        """When the connection last changed."""
        edges = [t for halt in self.offline for t in halt if t is not None and t <= moment]
        return max([self.added + 2_000, *edges])


class Mode(StrEnum):
    """What a task is doing."""

    READY = "ready"
    STARTING = "starting"
    RUNNING = "running"
    IDLE = "idle"
    """Continuous sync, between two rounds."""
    STOPPING = "stopping"
    PAUSED = "paused"
    FAILED = "failed"
    FINISHED = "finished"
    DELETING = "deleting"
    GONE = "gone"


class Group(StrEnum):
    """What a run of sub-tasks is for; its ``user_op`` is the group and a number."""

    REPLICATE = "REPLICATE"
    CUTOVER = "CUTOVER"
    RESYNC = "RESYNC"
    """After a launch, with the agent image attached again."""
    DELTA = "DELTA"
    """A round of continuous sync; its ``user_op`` is RESYNCn too."""
    CLONE = "CLONE"


@dataclass(slots=True)
class Step:
    """A sub-task. Its work is bytes where data moves and milliseconds elsewhere."""

    id: int
    name: str
    op: str
    group: Group
    work: float
    moves_data: bool = False
    compare: int = 0
    """Milliseconds of comparing files before any byte moves."""
    compared: float = 0
    """Milliseconds of comparing banked before `since`."""
    done: float = 0
    """Work banked before `since`."""
    since: int | None = None
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class DirectoryCheck:
    """Consistency of one directory, in files."""

    directory: str
    total: int
    different: int = 0
    missing: int = 0
    more: int = 0


@dataclass(slots=True)
class Verification:
    """One run of the consistency verification."""

    finished: int
    result: str
    directories: list[DirectoryCheck]


@dataclass(slots=True)
class Clone:
    """A cloned target server, or the failed attempt."""

    vm_id: str = ""
    name: str = ""
    state: str = ""
    code: str | None = None
    message: str | None = None


@dataclass(slots=True)
class Task:
    """A migration task."""

    id: str
    name: str
    source: Source
    type: str
    created: int
    fields: Record
    """What the creator said and the sandbox only repeats: region, project, migration IP …"""
    syncing: bool
    rate: float
    """Bytes per millisecond when nothing limits it."""
    total: int
    """Bytes of the full copy."""
    target_id: str
    target_vm: str = ""
    target_name: str = ""
    priority: int = 1
    speed_limit: int = 0
    share: float | None = None
    """Bytes per millisecond that it gets of a line shared with others."""
    limits: list[RateLimit] = field(default_factory=list)
    limits_readable: bool = True
    exist_server: bool = False
    check_consistency: bool = False
    verdict: list[DirectoryCheck] | None = None
    """What each verification finds."""
    verifications: list[Verification] = field(default_factory=list)
    mode: Mode = Mode.READY
    before: Mode = Mode.READY
    """The mode that STARTING and STOPPING came from."""
    group: Group | None = None
    steps: list[Step] = field(default_factory=list)
    todo: list[Step] = field(default_factory=list)
    """Those of `steps` that have not ended; the first is in work, or was when it stopped."""
    next_step_id: int = 3_000
    launches: int = 0
    syncs: int = 0
    clones: int = 0
    sync_every: int = 3_600_000
    delta: int = 200_000_000
    """Bytes of one round of continuous sync."""
    compare: int = 0
    """Milliseconds of comparing at the start of a file sync."""
    tempo: float = 1.0
    """How slow the cloud's own steps are for this task."""
    halts: list[Halt] = field(default_factory=list)
    """Stretches in which no byte moves although the Agent is connected."""
    wake: int | None = None
    """When something happens next."""
    started: int | None = None
    finished_at: int | None = None
    idle_since: int = 0
    trouble: Trouble | None = None
    """What made it fail."""
    failure: Failure | None = None
    clone: Clone | None = None
    snapshot_id: str | None = None
    locked: bool = False
    network: Record | None = None
    """What the last measurement of the network found."""
    network_next: Record | None = None
    """What the one under way will find, at `network_due`."""
    network_due: int = 0
    options: list[Record] = field(default_factory=list)
    log: Record = field(default_factory=dict)
    log_until: int = 0
    shown_state: str | None = None
    """A state that the wire shows instead of the real one."""
    orphan: bool = False
    """The wire's lists show no source server for it."""
    reported: Record = field(default_factory=dict)
    """What an Agent, or somebody in its name, reported."""

    @property
    def step(self) -> Step | None:
        """The sub-task in work, if any."""
        return self.todo[0] if self.todo else None

    def pace(self, step: Step) -> Pace:
        """How fast *step* gets on."""
        if not step.moves_data:
            return Pace(1.0, (), tuple(self.source.offline))
        return self._pace_of(step, math.inf if self.share is None else self.share)

    def pace_alone(self, step: Step) -> Pace:
        """How fast its bytes would move if nobody shared its line."""
        return self._pace_of(step, math.inf)

    def _pace_of(self, step: Step, most: float) -> Pace:
        limits = self.limits or ([RateLimit(0, 1440, self.speed_limit)] if self.speed_limit else [])
        if self.source.has_tc is False:
            limits = []  # without tc the Agent cannot slow itself down
        return Pace(
            self.rate,
            tuple(limits),
            (*self.source.offline, *self.halts),
            self.source.profile,
            step.work if step.group is Group.REPLICATE else 0.0,
            most,
        )

    @property
    def way(self) -> float:
        """Bytes per millisecond that the task's own way and its part of a shared line allow."""
        return self.rate if self.share is None else min(self.rate, self.share)


@dataclass(slots=True)
class Template:
    """A template for target servers, as it was sent."""

    id: str
    fields: Record


@dataclass(slots=True)
class Project:
    """A migration project, as it was sent."""

    id: str
    fields: Record
    default: bool = False


@dataclass(slots=True)
class Change:
    """A call that changes something, as it reached the service."""

    operation: str
    target: str
    at: int
    arguments: Mapping[str, JSON] = field(default_factory=dict)
    refused: str | None = None
    """The code of the refusal; None: it was done."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What is true of a server when a scenario begins: what the composite tools must find."""

    id: str
    name: str
    phase: str
    offline: bool = False
    failure: str | None = None
    recovered: bool = False
    verdict: str | None = None
    """The consistency verdict; None where none is to be expected yet."""
    readiness: str | None = None
    """``ready``, ``not_ready``, ``not_confirmed``; None where launching is out of the question."""
    stuck: bool = False
    group: str | None = None
    """The name of the cause that it shares with others."""
    project: str = ""
