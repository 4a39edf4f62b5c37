"""`cutover-night`: twelve servers in continuous sync, and not all of them are ready."""

from collections.abc import Sequence

from sms_tools.sandbox.cloud import Cloud
from sms_tools.sandbox.model import DirectoryCheck, Project, Task, Template, Trouble, Verification
from sms_tools.sandbox.pace import DAY, HOUR, MINUTE
from sms_tools.sandbox.scenarios import fleets, machines
from sms_tools.sandbox.scenarios.story import CLEAN, Story, clone, go_offline

_READY = ("shop-web-01", "shop-web-02", "shop-app-01", "shop-app-02", "pay-api-01", "pay-api-02")
_DIFFERENT = (DirectoryCheck("/srv/invoices", 9_118, 27, 0, 1),)


def cutover_night(cloud: Cloud, servers: int, seed: int) -> None:
    """A wave on the evening of its cutover; more than twelve servers are ready ones."""
    story = Story(cloud, seed)
    wave = story.wave("Cutover-Night", description="shop and payment, launch tonight")
    template = story.template("shop", "subnet-shop")
    for name in _READY:
        task = story.attach(_in_sync(story, name, wave, template, CLEAN))
        story.truth(task.source, "syncing", verdict="clean", readiness="ready")
    _not_verified(story, wave, template)
    _not_well(story, wave, template)
    for number in range(len(cloud.sources), servers):
        fleets.in_sync(story, f"shop-more-{number + 1:03d}", machines.WEB, wave, template)


def _in_sync(
    story: Story,
    name: str,
    wave: Project,
    template: Template,
    verdict: Sequence[DirectoryCheck] | None,
) -> Task:
    task = story.task(story.server(name, machines.API, wave), template, verdict=verdict)
    return story.syncing(task, since=DAY + 30 * MINUTE)


def _not_verified(story: Story, wave: Project, template: Template) -> None:
    """Three whose verification does not say that all is well."""
    task = story.attach(_in_sync(story, "shop-inv-01", wave, template, _DIFFERENT))
    story.truth(task.source, "syncing", verdict="inconsistent", readiness="not_ready")
    task = story.attach(_in_sync(story, "shop-cache-01", wave, template, None))
    old = Verification(story.present - 20 * HOUR, "success", list(CLEAN))
    task.verifications.append(old)
    story.truth(task.source, "syncing", verdict="stale", readiness="not_ready")
    task = story.attach(_in_sync(story, "pay-batch-01", wave, template, None))
    story.truth(task.source, "syncing", verdict="never", readiness="not_confirmed")


def _not_well(story: Story, wave: Project, template: Template) -> None:
    """One offline, one whose rehearsal failed, one that failed itself."""
    task = _in_sync(story, "shop-db-01", wave, template, CLEAN)
    story.attach(story.at(task, 15 * MINUTE, go_offline))
    story.truth(task.source, "syncing", verdict="clean", readiness="not_ready")

    task = _in_sync(story, "shop-db-02", wave, template, CLEAN)
    cause = story.cause("ECS quota of the account")
    params = ("Quota exceeded for cores",)
    task.source.troubles.append(Trouble("CLONE_VM", 15, "SMS.6526", params, cause))
    story.attach(story.at(task, 150 * MINUTE, clone))
    story.truth(
        task.source, "syncing", failure="SMS.6526", verdict="clean", readiness="not_confirmed"
    )

    task = _in_sync(story, "pay-db-01", wave, template, CLEAN)
    cause = story.cause("firewall before pay-db-01", fixed_in=20 * MINUTE)
    trouble = Trouble("SYNC_LINUX_FILE", 20, "SMS.3805", (), cause)
    story.attach(story.failing_later(task, 50 * MINUTE, trouble))
    story.truth(task.source, "failed", failure="SMS.3805", readiness="not_ready")
