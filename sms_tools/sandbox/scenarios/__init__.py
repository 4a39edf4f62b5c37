"""Fleets to begin with, by name. The same name, size, seed and time give the same fleet.

cloud = build("mixed", now=clock)
cloud.truth["db-ora-01"].failure       # what a tool that looks at the fleet must find
"""

from collections.abc import Mapping

from sms_tools.sandbox.clocks import Clock
from sms_tools.sandbox.cloud import Cloud
from sms_tools.sandbox.identity import USUAL_SIZE, identity_of
from sms_tools.sandbox.scenarios.cutover_night import cutover_night
from sms_tools.sandbox.scenarios.fleets import healthy, large
from sms_tools.sandbox.scenarios.mixed import mixed
from sms_tools.sandbox.scenarios.new_fleet import new_fleet
from sms_tools.sandbox.scenarios.story import Scenario
from sms_tools.sandbox.scenarios.uneven import uneven
from sms_tools.sandbox.scenarios.whole_wave import whole_wave

SCENARIOS: Mapping[str, Scenario] = {
    "healthy": healthy,
    "mixed": mixed,
    "cutover-night": cutover_night,
    "large": large,
    "new-fleet": new_fleet,
    "whole-wave": whole_wave,
    "uneven": uneven,
}
DEFAULT = "mixed"
"""The scenario of whoever names none."""
MOST_SERVERS = 60_000
"""The offset of the service's lists ends at 65,535."""


def build(name: str = DEFAULT, *, now: Clock, servers: int | None = None, seed: int = 1) -> Cloud:
    """A cloud as the scenario *name* begins.

    *now* gives epoch seconds. *servers* is the size where the scenario can be larger or smaller:
    `healthy` and `large` apart, scenarios keep the servers that make them what they are, and
    are filled up with healthy ones.

    Raises:
        ValueError: there is no such scenario, or *servers* is not within 1 and 60,000.
    """
    if name not in SCENARIOS:
        raise ValueError(f"no scenario {name!r}; there are {', '.join(SCENARIOS)}")
    size = USUAL_SIZE[name] if servers is None else servers
    if not 1 <= size <= MOST_SERVERS:
        raise ValueError(f"servers must be between 1 and {MOST_SERVERS}")
    cloud = Cloud(now, seed=seed, quota=max(1_000, size))
    cloud.identity = identity_of(name, size, seed)
    SCENARIOS[name](cloud, size, seed)
    return cloud
