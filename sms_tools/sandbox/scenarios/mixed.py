"""`mixed`: three waves in every state at once, with a dozen failures of different causes.

What is special about a server stands beside its name; what a tool must find of it is its truth.
"""

from sms_tools.sandbox.cloud import Cloud
from sms_tools.sandbox.scenarios import fleets
from sms_tools.sandbox.scenarios.mixed_databases import databases
from sms_tools.sandbox.scenarios.mixed_office import office
from sms_tools.sandbox.scenarios.mixed_web import web
from sms_tools.sandbox.scenarios.story import Story


def mixed(cloud: Cloud, servers: int, seed: int) -> None:
    """A believable fleet of about forty servers; more than that are healthy ones."""
    story = Story(cloud, seed)
    web(story)
    databases(story)
    office(story)
    wave, template = cloud.projects[cloud.default_project], next(iter(cloud.templates.values()))
    for number in range(len(cloud.sources), servers):
        fleets.in_sync(story, f"more-{number + 1:04d}", fleets.KINDS[0], wave, template)
