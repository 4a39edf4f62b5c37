"""`healthy`: everything goes well. `large`: any number of servers, cheaply."""

from collections.abc import Callable

from sms_tools.sandbox.cloud import Cloud
from sms_tools.sandbox.model import (
    Cause,
    MachineSpec,
    Project,
    Source,
    Task,
    Template,
    Trouble,
)
from sms_tools.sandbox.pace import DAY, HOUR, MINUTE
from sms_tools.sandbox.scenarios import machines
from sms_tools.sandbox.scenarios.story import CLEAN, CLEAN_WINDOWS, Story, go_offline, launch, stop

_PER_WAVE = 250
KINDS: tuple[MachineSpec, ...] = (
    machines.WEB,
    machines.API,
    machines.WEB,
    machines.APP,
    machines.WINDOWS_SMALL,
    machines.MYSQL,
    machines.WINDOWS,
)
_CAUSES = (
    ("SMS.3802", "MIGRATE_LINUX_FILE", ()),
    ("SMS.1105", "CREATE_CLOUD_SERVER", ("quota exceeded",)),
    ("SMS.5102", "SSL_CONFIG", ()),
)


def healthy(cloud: Cloud, servers: int, seed: int) -> None:
    """A wave that goes as it should: waiting, copying, in sync and verified, launched."""
    story = Story(cloud, seed)
    wave, template = story.wave("Wave-1"), story.template("wave-1", "subnet-wave-1")
    turns = (in_sync, replicating, in_sync, finished, replicating, waiting)
    for number in range(servers):
        name, kind = f"app-{number + 1:02d}", KINDS[number % len(KINDS)]
        turns[number % len(turns)](story, name, kind, wave, template)


def large(cloud: Cloud, servers: int, seed: int) -> None:
    """As many servers as one likes, in waves of 250, in the proportions of a real fleet."""
    story = Story(cloud, seed)
    template = story.template("standard", "subnet-migration")
    causes = [story.cause(f"{code} in the large fleet") for code, _, _ in _CAUSES]
    wave = cloud.projects[cloud.default_project]
    for number in range(servers):
        if number % _PER_WAVE == 0 and number // _PER_WAVE < 49:
            wave = story.wave(f"Wave-{number // _PER_WAVE + 1:02d}")
        name, kind = f"srv-{number + 1:05d}", story.random.choice(KINDS)
        turn = story.random.random()
        if turn < 0.04:
            failed(story, name, wave, template, causes)
        else:
            _turn(turn)(story, name, kind, wave, template)


Turn = Callable[[Story, str, MachineSpec, Project, Template], None]


def _turn(share: float) -> Turn:
    bounds: tuple[tuple[float, Turn], ...] = (
        (0.34, replicating),
        (0.64, in_sync),
        (0.70, paused),
        (0.72, offline),
        (0.90, finished),
    )
    return next((turn for bound, turn in bounds if share < bound), waiting)


def _new(
    story: Story, name: str, kind: MachineSpec, wave: Project, template: Template, **options: object
) -> tuple[Source, Task]:
    source = story.server(name, kind, wave, days=4 + story.random.random())
    mbit = story.random.randint(80, 400)
    return source, story.task(source, template, mbit=mbit, **options)  # type: ignore[arg-type]


def waiting(story: Story, name: str, kind: MachineSpec, wave: Project, _: Template) -> None:
    """A server without a task."""
    story.truth(story.server(name, kind, wave), "waiting")


def replicating(
    story: Story, name: str, kind: MachineSpec, wave: Project, template: Template
) -> None:
    """A server in its full copy."""
    source, task = _new(story, name, kind, wave, template)
    story.attach(story.copying(task, story.random.randint(3, 90)))
    story.truth(source, "replicating")


def in_sync(story: Story, name: str, kind: MachineSpec, wave: Project, template: Template) -> None:
    """A server in continuous sync, verified after every round."""
    verdict = CLEAN if kind.linux else CLEAN_WINDOWS
    source, task = _new(story, name, kind, wave, template, verdict=verdict)
    hours = story.random.randint(2, 60)
    story.attach(story.syncing(task, since=hours * HOUR + 30 * MINUTE))
    story.truth(source, "syncing", verdict="clean", readiness="ready")


def finished(story: Story, name: str, kind: MachineSpec, wave: Project, template: Template) -> None:
    """A server whose target was launched."""
    source, task = _new(story, name, kind, wave, template)
    story.syncing(task, since=DAY + 30 * MINUTE)
    story.attach(story.at(task, 20 * HOUR + 10 * MINUTE, launch))
    story.truth(source, "finished")


def paused(story: Story, name: str, kind: MachineSpec, wave: Project, template: Template) -> None:
    """A server whose copy was paused."""
    source, task = _new(story, name, kind, wave, template)
    story.copying(task, story.random.randint(10, 60), until=story.present - 5 * HOUR)
    story.attach(story.at(task, 5 * HOUR, stop))
    story.truth(source, "paused")


def offline(story: Story, name: str, kind: MachineSpec, wave: Project, template: Template) -> None:
    """A server whose Agent went offline while it copied."""
    source, task = _new(story, name, kind, wave, template)
    story.copying(task, story.random.randint(10, 60), until=story.present - 3 * HOUR)
    story.attach(story.at(task, 3 * HOUR, go_offline))
    story.truth(source, "replicating")


def failed(story: Story, name: str, wave: Project, template: Template, causes: list[Cause]) -> None:
    """A Linux server that failed for one of the causes of the fleet."""
    which = story.random.randrange(len(_CAUSES))
    code, subtask, params = _CAUSES[which]
    source, task = _new(story, name, machines.API, wave, template)
    trouble = Trouble(subtask, 30, code, params, causes[which])
    story.attach(story.failing(task, story.random.randint(1, 20) * HOUR, trouble))
    story.truth(source, "failed", failure=code, group=causes[which].name)
