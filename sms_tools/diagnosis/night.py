"""A night of launches: what is read to say how long it takes, in which order, and until when."""

from collections.abc import Mapping, Sequence
from typing import Final

from sms_tools.diagnosis.limits import Limits, read_limits
from sms_tools.errors import SmsToolsError
from sms_tools.fleet.desk import Desk
from sms_tools.fleet.grouping import Group, Grouping
from sms_tools.fleet.keeping import read_each
from sms_tools.fleet.launching import Night, launch_times, night_of
from sms_tools.fleet.server import Server
from sms_tools.knowledge import sub_task_kind
from sms_tools.operations.tasks import GetMigrationRateLimits
from sms_tools.state import StateError
from sms_tools.wording import count_of

_MOST_LIMITS: Final = 50
"""Of so many servers the limits are read: no plan launches more."""


async def read_groups(desk: Desk, gaps: list[str]) -> Mapping[str, Group]:
    """The groups of the account's servers; where they cannot be read, *gaps* says so."""
    try:
        return await Grouping(desk).read()
    except StateError as error:
        gaps.append(f"groups of servers: could not be read ({error}); no order is kept.")
        return {}


async def read_night(
    desk: Desk,
    servers: Sequence[Server],
    every: Sequence[Server],
    gaps: list[str],
    *,
    since: float | None = None,
) -> Night:
    """How long the launch of *servers* takes; *every* are those whose history counts.

    Their limits are read, one request each for up to fifty; *gaps* says what is missing. Limits of
    the last ten minutes serve for tasks that have not moved; with *since*, when the question was
    asked by ``desk.elapsed``, none that were read earlier.
    """
    asked = [server for server in servers if server.task_id][:_MOST_LIMITS]
    wanted = [(each, GetMigrationRateLimits(task_id=each.task_id or "")) for each in asked]
    slowed: dict[str, float | None] = {}
    failed = 0
    for server, reading in zip(asked, await read_each(desk, wanted, since=since), strict=True):
        if isinstance(reading.reply, SmsToolsError):
            failed += 1
        else:
            slowed[server.id] = _slowed(server, read_limits(reading.reply))
    if failed:
        of = count_of(failed, "task")
        gaps.append(f"get_migration_rate_limits: the limits by hour of {of} could not be read.")
    unread = len(servers) - len(asked) + failed
    times = launch_times(servers, every, desk.now(), slowed=slowed)
    return night_of(servers, times, await read_groups(desk, gaps), unread)


def _slowed(server: Server, limits: Limits) -> float | None:
    """How many times slower the last synchronisation may be than the earlier ones were."""
    if not limits.by_the_hour:
        return 1.0
    speeds = [
        step.migrate_speed
        for step in server.sub_tasks
        if sub_task_kind(step.name) == "sync" and step.migrate_speed
    ]
    lowest = min(each.mbit_s for each in limits.segments)
    if speeds:
        return max(1.0, max(speeds) / lowest)
    if limits.cover_the_day:
        return max(1.0, max(each.mbit_s for each in limits.segments) / lowest)
    return None
