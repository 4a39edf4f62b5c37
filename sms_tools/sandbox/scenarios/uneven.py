"""`uneven`: copies at the rates of real ones, so that estimates can be proved wrong.

Each profile of `sms_tools.sandbox.profiles` twice, two copies under limits by the hour, and three
on one line; all in their full copy when it begins, and for hours or days to come.
"""

from typing import Final

from sms_tools.sandbox.cloud import Cloud
from sms_tools.sandbox.model import MachineSpec, Project, Template
from sms_tools.sandbox.pace import HOUR, RateLimit
from sms_tools.sandbox.profiles import PROFILES
from sms_tools.sandbox.scenarios import machines
from sms_tools.sandbox.scenarios.story import MBIT, Story

UPLINK: Final = "branch office"
UPLINK_MBIT_S: Final = 60.0
_KINDS: Final = (machines.APP, machines.WINDOWS)
_BY_DAY: Final = RateLimit(8 * 60, 20 * 60, 10)


def uneven(cloud: Cloud, servers: int, seed: int) -> None:
    """A wave of copies whose rates change; more servers are more of the same."""
    story = Story(cloud, seed)
    wave, template = story.wave("Wave-Uneven"), story.template("uneven", "subnet-uneven")
    cloud.now()  # the line is divided from now on
    cloud.uplinks[UPLINK] = UPLINK_MBIT_S
    turns = [*PROFILES, *PROFILES, "limited", "limited", "shared", "shared", "shared"]
    for number in range(servers):
        turn, kind = turns[number % len(turns)], _KINDS[number % len(_KINDS)]
        if turn == "slow end":
            kind = machines.APP  # blocks are copied in their order, files are not
        name = f"{turn.lower().replace(' ', '-')}-{number + 1:02d}"
        _copying(story, name, kind, turn, wave=wave, template=template)


def _copying(
    story: Story, name: str, kind: MachineSpec, turn: str, *, wave: Project, template: Template
) -> None:
    source = story.server(name, kind, wave, days=9)
    task = story.task(source, template)
    task.rate = task.total / (story.random.uniform(12, 60) * HOUR)
    if turn == "shared":
        source.uplink = UPLINK
        task.rate = UPLINK_MBIT_S * MBIT
    elif turn == "limited":
        task.limits = [_BY_DAY]
    else:
        source.profile = PROFILES[turn](story.random)
    story.attach(story.copying(task, story.random.uniform(1, 8)))
    story.truth(source, "replicating")
