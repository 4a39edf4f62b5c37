"""The first wave of `mixed`: web servers on their last steps, with good and bad verifications."""

from collections.abc import Sequence

from sms_tools.sandbox.model import (
    Clone,
    DirectoryCheck,
    Project,
    Task,
    Template,
    Trouble,
    Verification,
)
from sms_tools.sandbox.pace import DAY, HOUR, MINUTE
from sms_tools.sandbox.scenarios import machines
from sms_tools.sandbox.scenarios.story import CLEAN, Story, clone, launch, retry

_INCONSISTENT = (DirectoryCheck("/etc/nginx", 214), DirectoryCheck("/srv", 18_402, 14, 3, 0))
_MORE = (DirectoryCheck("/srv", 18_402, 0, 0, 5),)
_EMPTY = (DirectoryCheck("/srv", 18_402), DirectoryCheck("/data/export", 0))
_CAPPED = (DirectoryCheck("/var/spool/orders", 1_000_000),)


def web(story: Story) -> None:
    """Tell the wave."""
    wave = story.wave("Wave-1-Web", description="web tier, launches this week")
    template = story.template("wave-1-web", "subnet-web")
    _launched(story, wave, template)
    _verified(story, wave, template)
    _moving(story, wave, template)
    _clones(story, wave, template)
    _recovered(story, wave, template)


def _in_sync(
    story: Story,
    name: str,
    wave: Project,
    template: Template,
    verdict: Sequence[DirectoryCheck] | None,
    *,
    tempo: float = 1.0,
) -> Task:
    source = story.server(name, machines.WEB, wave)
    task = story.task(source, template, mbit=240, verdict=verdict, tempo=tempo)
    return story.syncing(task, since=2 * DAY + 30 * MINUTE)


def _launched(story: Story, wave: Project, template: Template) -> None:
    for number, ago in ((1, 26 * HOUR), (2, 25 * HOUR)):
        task = _in_sync(story, f"web-{number:02d}", wave, template, CLEAN)
        story.attach(story.at(task, ago + 10 * MINUTE, launch))
        story.truth(task.source, "finished")
    task = _in_sync(story, "web-arch-01", wave, template, CLEAN)
    story.attach(story.at(task, 30 * HOUR, launch)).orphan = True
    story.truth(task.source, "finished")


def _verified(story: Story, wave: Project, template: Template) -> None:
    rows = (
        ("web-03", CLEAN, "clean", "ready"),
        ("web-04", CLEAN, "clean", "ready"),
        ("web-05", _INCONSISTENT, "inconsistent", "not_ready"),
        ("proxy-01", _MORE, "warning", None),
        ("proxy-02", _EMPTY, "partial", None),
        ("api-01", _CAPPED, "partial", None),
    )
    for name, found, verdict, readiness in rows:
        task = story.attach(_in_sync(story, name, wave, template, found))
        story.truth(task.source, "syncing", verdict=verdict, readiness=readiness)
        if name == "web-04":
            task.shown_state = "RUNNING"  # the service says so of some tasks in continuous sync
        if name == "web-03":
            task.clone = Clone(story.cloud.new_id(), "web-03-clone", "FINISHED")
    task = _in_sync(story, "web-06", wave, template, None)
    old = Verification(story.present - 26 * HOUR, "success", list(CLEAN))
    story.attach(task).verifications.append(old)
    story.truth(task.source, "syncing", verdict="stale", readiness="not_ready")


def _moving(story: Story, wave: Project, template: Template) -> None:
    task = _in_sync(story, "web-07", wave, template, CLEAN, tempo=60)
    story.attach(story.at(task, 10 * MINUTE, launch))
    story.truth(task.source, "cutting_over")


def _clones(story: Story, wave: Project, template: Template) -> None:
    task = _in_sync(story, "cache-01", wave, template, CLEAN, tempo=20)
    story.attach(story.at(task, 10 * MINUTE, clone))
    story.truth(task.source, "cloning")
    task = _in_sync(story, "api-02", wave, template, CLEAN)
    cause = story.cause("ECS quota of the account")
    params = ("Quota exceeded for cores",)
    task.source.troubles.append(Trouble("CLONE_VM", 15, "SMS.6526", params, cause))
    story.attach(story.at(task, 95 * MINUTE, clone))
    story.truth(task.source, "syncing", failure="SMS.6526", verdict="clean")


def _recovered(story: Story, wave: Project, template: Template) -> None:
    source = story.server("web-08", machines.WEB, wave)
    task = story.task(source, template, mbit=12)
    cause = story.cause("timeout in the web subnet", fixed_in=-3 * HOUR)
    trouble = Trouble("MIGRATE_LINUX_FILE", 11, "SMS.3805", (), cause)
    story.failing(task, 4 * HOUR, trouble)
    story.attach(story.at(task, 90 * MINUTE, retry))
    story.truth(source, "replicating", recovered=True)
