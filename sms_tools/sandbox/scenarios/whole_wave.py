"""`whole-wave`: one wave to walk from its first server to its clean-up.

Eight servers wait without a task when it begins, one of them with a failed check; others register
while the work goes on. All copies share one line out of the source's office. The database subnet
is closed for the first hours: a task that is started too early fails, and can be started again.
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from sms_tools.sandbox.cloud import Cloud
from sms_tools.sandbox.model import CheckResult, Line, MachineSpec
from sms_tools.sandbox.pace import HOUR, MINUTE
from sms_tools.sandbox.scenarios import machines
from sms_tools.sandbox.scenarios.story import Story

WAVE: Final = "Wave-Shop"
"""The migration project: the default one, so that Agents that start later register in it."""
UPLINK: Final = "shop office"
UPLINK_MBIT_S: Final = 400.0
CLOSED_NETWORK: Final = "subnet-shop-db"
CLOSED_FOR: Final = 3 * HOUR
REPAIRED: Final = "shop-mail-01"
"""Lacks rsync; somebody installs it and restarts the Agent after `REPAIRED_AFTER`."""
REPAIRED_AFTER: Final = 40 * MINUTE

TEMPLATE_OF: Final[Mapping[str, str]] = MappingProxyType(
    {
        "shop-web-01": "shop-web",
        "shop-web-02": "shop-web",
        "shop-web-03": "shop-web",
        "shop-app-01": "shop-app",
        "shop-app-02": "shop-app",
        "shop-cache-01": "shop-app",
        "shop-db-01": "shop-db",
        REPAIRED: "shop-app",
        "shop-web-04": "shop-web",
        "shop-app-03": "shop-app",
        "shop-report-01": "shop-app",
    }
)
"""By server: the template that is meant for it, whose disks are made like the source's."""

LATE: Final[Mapping[str, int]] = MappingProxyType(
    {
        "shop-web-04": 15 * MINUTE,
        "shop-app-03": 25 * MINUTE,
        "shop-report-01": 2 * HOUR,
    }
)
"""Servers whose Agents are started later, and how many milliseconds later."""

_SUBNETS: Final = {
    "shop-web": "subnet-shop-web",
    "shop-app": "subnet-shop-app",
    "shop-db": CLOSED_NETWORK,
}
_LOSSY: Final = "shop-cache-01"
"""Its way loses packets: a measurement says so."""


def _kind(name: str) -> MachineSpec:
    kinds = {
        "shop-web": machines.WEB,
        "shop-app": machines.APP,
        "shop-db-": machines.MYSQL,
        "shop-rep": machines.WINDOWS_SMALL,
    }
    return kinds.get(name[:8], machines.API)


def whole_wave(cloud: Cloud, servers: int, seed: int) -> None:
    """The wave before anything is set up; more servers are web servers like the others."""
    story = Story(cloud, seed)
    wave = story.wave(WAVE, description="the shop; moves as a whole")
    cloud.make_default(wave)
    cloud.uplinks[UPLINK] = UPLINK_MBIT_S
    for template, subnet in _SUBNETS.items():
        made = story.template(template, subnet)
        if subnet == CLOSED_NETWORK:
            cause = story.cause(f"security group of {subnet}", fixed_in=CLOSED_FOR)
            cloud.closed_networks[made.fields["nics"][0]["id"]] = cause
    more = [f"shop-more-{number + 1:03d}" for number in range(max(0, servers - len(TEMPLATE_OF)))]
    for name in [*TEMPLATE_OF, *more]:
        kind = machines.WEB if name in more else _kind(name)
        if name in LATE:
            source = story.newcomer(name, kind, wave, after=LATE[name])
        else:
            lacks = [CheckResult("RSYNC", "ERROR", "SMS.6517")] if name == REPAIRED else []
            source = story.server(name, kind, wave, days=0.2, findings=lacks)
            story.truth(
                source,
                "unavailable" if lacks else "waiting",
                failure="SMS.6517" if lacks else None,
            )
        source.uplink = UPLINK
        if name == _LOSSY:
            source.line = Line(delay=46.0, jitter=11.5, loss=2.4)
        if name == REPAIRED:
            repaired = replace(source, findings=[], ready=True)
            cloud.expect(repaired, story.present + REPAIRED_AFTER)
