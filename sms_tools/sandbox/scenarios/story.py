"""How a scenario tells the life of a server up to the present.

Every task is lived through from its start in the past, by the same rules that carry it on: its
history, its bytes and its times fit together. What a scenario chooses is when it started and how
fast it went, so that it stands where the scenario wants it now.
"""

from collections.abc import Callable, Sequence
from random import Random
from typing import TypeAlias

from sms_tools.sandbox import lifecycle
from sms_tools.sandbox.cloud import Cloud
from sms_tools.sandbox.hardware import copy_size
from sms_tools.sandbox.model import (
    Cause,
    CheckResult,
    DirectoryCheck,
    Group,
    MachineSpec,
    Project,
    Source,
    Task,
    Template,
    Trouble,
    Truth,
)
from sms_tools.sandbox.pace import DAY, HOUR, MINUTE
from sms_tools.sandbox.steps import SECOND, names, work_of
from sms_tools.sandbox.work import rebase

Scenario: TypeAlias = Callable[[Cloud, int, int], None]
"""Fills a cloud: with how many servers, from which seed."""

REGION = "ap-southeast-3"
REGION_PROJECT = "0example0project0000000000000001"
CLEAN = (DirectoryCheck("/etc/nginx", 214), DirectoryCheck("/srv", 18_402))
CLEAN_WINDOWS = (DirectoryCheck("D:\\Data", 42_117),)
MBIT = 125.0
"""One Mbit/s in bytes per millisecond."""


class Story:
    """One scenario while it is told: the cloud, the present, and what the next server gets."""

    def __init__(self, cloud: Cloud, seed: int) -> None:
        """Begin at the cloud's present."""
        self.cloud = cloud
        self.random = Random(seed)  # noqa: S311 (a made-up fleet, not keys)
        self.present = cloud.clock()
        self._addresses = 0

    # The account

    def wave(self, name: str, *, description: str = "") -> Project:
        """A migration project for the servers of one wave."""
        return self.cloud.new_project(name, description=description)

    def template(self, name: str, subnet: str, *, flavor: str = "s6.xlarge.2") -> Template:
        """A template for targets in a subnet; its password is an example."""
        cidr = f"10.20.{sum(map(ord, subnet)) % 200}.0/24"
        fields = {
            "name": name,
            "is_template": True,
            "region": REGION,
            "projectid": REGION_PROJECT,
            "target_server_name": "",
            "availability_zone": f"{REGION}a",
            "volumetype": "SSD",
            "flavor": flavor,
            "vpc": {"id": self.cloud.new_id(), "name": "vpc-migration", "cidr": "10.20.0.0/16"},
            "nics": [{"id": self.cloud.new_id(), "name": subnet, "cidr": cidr, "ip": ""}],
            "security_groups": [{"id": self.cloud.new_id(), "name": "sg-migration"}],
            "publicip": None,
            "disk": [],
            "data_volume_type": "SSD",
            "target_password": "EXAMPLE-password",
            "image_id": "",
        }
        template = Template(self.cloud.new_id(), fields)
        self.cloud.templates[template.id] = template
        return template

    def cause(self, name: str, *, fixed_in: int | None = None, fixed_by: str = "") -> Cause:
        """A cause of failures that ends so many milliseconds from now, or by a call, or never."""
        fixed_at = None if fixed_in is None else self.present + fixed_in
        cause = Cause(name, fixed_at, frozenset({fixed_by} - {""}))
        self.cloud.causes[name] = cause
        return cause

    # A server

    def server(
        self,
        name: str,
        spec: MachineSpec,
        project: Project,
        *,
        days: float = 6,
        findings: Sequence[CheckResult] = (),
        has_tc: bool | None = None,
        network: str = "192.168",
    ) -> Source:
        """A server that registered so many days ago; a finding of ERROR makes it unavailable."""
        added = self.present - int(days * DAY)
        source = self._machine(name, spec, project, added, network)
        source.has_tc = spec.linux if has_tc is None else has_tc
        source.ready = all(finding.result != "ERROR" for finding in findings)
        source.findings = list(findings)
        self.cloud.adopt(source, added + MINUTE)
        return source

    def newcomer(self, name: str, spec: MachineSpec, project: Project, *, after: int) -> Source:
        """A server whose Agent registers it so many milliseconds from now."""
        at = self.present + after
        source = self._machine(name, spec, project, at, "192.168")
        source.has_tc = spec.linux
        self.cloud.expect(source, at)
        return source

    def _machine(
        self, name: str, spec: MachineSpec, project: Project, added: int, network: str
    ) -> Source:
        self._addresses += 1
        number = self._addresses
        return Source(
            id=self.cloud.new_id(),
            name=name,
            hostname=name,
            ip=f"{network}.{10 + number // 250}.{1 + number % 250}",
            spec=spec,
            added=added,
            project_id=project.id,
        )

    def task(
        self,
        source: Source,
        template: Template | None,
        *,
        mbit: float = 200,
        block: bool = False,
        syncing: bool = True,
        verdict: Sequence[DirectoryCheck] | None = None,
        tempo: float = 1.0,
        existing: str = "",
    ) -> Task:
        """A task for *source*, not yet started; *existing* is the id of an ECS to migrate to."""
        kind = "MIGRATE_BLOCK" if block or not source.spec.linux else "MIGRATE_FILE"
        fields = {
            "region_id": REGION,
            "region_name": REGION,
            "project_id": REGION_PROJECT,
            "project_name": REGION,
            "migration_ip": f"10.20.{len(self.cloud.tasks) // 250}.{len(self.cloud.tasks) % 250}",
            "vm_template_id": template.id if template else None,
            "use_public_ip": False,
            "start_target_server": True,
        }
        total = copy_size(source, kind)
        return Task(
            id=self.cloud.new_id(),
            name=f"task-{source.name}"[:64],
            source=source,
            type=kind,
            created=source.added + HOUR,
            fields=fields,
            syncing=syncing,
            rate=mbit * MBIT,
            total=total,
            target_id=self.cloud.new_id(),
            target_vm=existing,
            target_name=source.name,
            exist_server=bool(existing),
            check_consistency=verdict is not None,
            verdict=None if verdict is None else list(verdict),
            tempo=tempo,
            delta=max(20_000_000, total // 2_000),
        )

    def truth(
        self,
        source: Source,
        phase: str,
        *,
        failure: str | None = None,
        verdict: str | None = None,
        readiness: str | None = None,
        group: str | None = None,
        stuck: bool = False,
        recovered: bool = False,
    ) -> None:
        """Note what must be found of *source*."""
        key, number = source.name, 1
        while key in self.cloud.truth:
            number += 1
            key = f"{source.name} ({number})"
        self.cloud.truth[key] = Truth(
            id=source.id,
            name=source.name,
            phase=phase,
            offline=not source.connected(self.present),
            failure=failure,
            recovered=recovered,
            verdict=verdict,
            readiness=readiness,
            stuck=stuck,
            group=group,
            project=str(self.cloud.projects[source.project_id].fields["name"]),
        )

    # A task's life up to now

    def attach(self, task: Task) -> Task:
        """Live the task up to the present and hand it to the cloud."""
        lifecycle.advance(task, self.present)
        self.cloud.attach(task, task.created)
        return task

    def begin(self, task: Task, at: int) -> None:
        """Start a task that waits."""
        task.created = min(task.created, at - 5 * MINUTE)
        task.source.added = min(task.source.added, task.created - MINUTE)
        lifecycle.note(task, task.created)
        lifecycle.start(task, at)

    def copying(self, task: Task, percent: float, *, until: int | None = None) -> Task:
        """Start it so that its full copy is at *percent* now, or was at *until*."""
        at = self.present if until is None else until
        copied = int(task.total * percent / 100 / task.rate)
        self.begin(task, at - copied - setup_time(task))
        lifecycle.advance(task, at)
        return task

    def syncing(self, task: Task, *, since: int) -> Task:
        """Start it so that its full copy ended *since* milliseconds ago."""
        return self.copying(task, 100, until=self.present - since)

    def at(self, task: Task, ago: int, act: Callable[[Task, int], None]) -> Task:
        """Live the task to so many milliseconds ago, let *act* happen, live on to now."""
        moment = self.present - ago
        lifecycle.advance(task, moment)
        rebase(task, moment)
        act(task, moment)
        lifecycle.replan(task, moment)
        lifecycle.advance(task, self.present)
        return task

    def failing(self, task: Task, ago: int, trouble: Trouble) -> Task:
        """Start it so that its full copy met *trouble* so many milliseconds ago."""
        task.source.troubles.append(trouble)
        failed = self.present - ago
        self.begin(task, failed - failure_time(task, trouble))
        lifecycle.advance(task, failed)
        return task

    def failing_later(self, task: Task, ago: int, trouble: Trouble) -> Task:
        """Let the first round of continuous sync meet *trouble* from so long ago on."""
        moment = self.present - ago
        lifecycle.advance(task, moment)
        task.source.troubles.append(trouble)
        lifecycle.plan(task, moment)
        return task


def launch(task: Task, at: int) -> None:
    """Launch the target."""
    lifecycle.run(task, Group.CUTOVER, at)


def clone(task: Task, at: int) -> None:
    """Clone the target."""
    lifecycle.run(task, Group.CLONE, at)


def resync(task: Task, at: int) -> None:
    """Sync again what changed since the launch."""
    lifecycle.run(task, Group.RESYNC, at)


def stop(task: Task, at: int) -> None:
    """Pause the task."""
    lifecycle.stop(task, at)


def retry(task: Task, at: int) -> None:
    """Start the task again."""
    lifecycle.start(task, at)


def go_offline(task: Task, at: int) -> None:
    """Let the Agent of the task's source go offline for good."""
    task.source.offline.append((at, None))


def setup_time(task: Task) -> int:
    """How long a task takes from its start to the first byte."""
    works = (work_of(task, name) for name in names(task, Group.REPLICATE))
    return lifecycle.START_DELAY + sum(-int(-work // 1) for work, moves in works if not moves)


def failure_time(task: Task, trouble: Trouble) -> int:
    """How long a task takes from its start to a trouble in its full copy."""
    passed = lifecycle.START_DELAY
    for name in names(task, Group.REPLICATE):
        work, moves = work_of(task, name)
        length = int(work / (task.rate if moves else 1))
        if name == trouble.subtask:
            return passed + min(max(length * trouble.percent // 100, 20 * SECOND), length)
        passed += length
    raise ValueError(f"{trouble.subtask} is no sub-task of this full copy")
