"""Rate limits by hour: set them, and pause for it only where the service refuses.

Whether limits can be set while a copy runs is written nowhere, so the plan tries it first. What it
pauses it starts again, whatever becomes of the limits in between.
"""

from collections.abc import Sequence
from typing import Final

from pydantic import ValidationError

from sms_tools.errors import SmsToolsError
from sms_tools.fleet.server import Server
from sms_tools.knowledge import explain
from sms_tools.operations.tasks import (
    GetMigrationRateLimits,
    ManageMigrationTask,
    SetMigrationRateLimits,
)
from sms_tools.operations.tasks.progress import RateLimitSetting
from sms_tools.operations.tasks.records import RateLimit
from sms_tools.remediation.goals import OVERSPEED, may_start, other_goal, start
from sms_tools.remediation.plan import Before
from sms_tools.remediation.request import Request
from sms_tools.remediation.writing import Words, Writer, as_now
from sms_tools.text import one_line

_SET: Final = Words(
    does="Replaces all rate limits; the hours are the source's local time.",
    verified_by="get_migration_rate_limits: these segments and no others.",
    undo="Setting the former segments again.",
    loses="The former limits, unless somebody noted them.",
)
_PAUSE: Final = Words(
    does="Pauses the migration, because the service did not take the limits while it runs.",
    verified_by="get_source_server: stopped.",
    undo="start resumes it; a large Linux copy is compared again then.",
)
_RESUME: Final = Words(
    does="Starts it again, whatever happened to the limits.",
    verified_by="get_migration_task: the task runs.",
    undo="stop pauses it again.",
)
_GO_ON: Final = Words(
    does="Resumes the migration that its limit had paused.",
    verified_by="get_migration_task: the task runs.",
    undo="stop pauses it again.",
)
_HAS_A_RATE: Final = frozenset({"waiting", "initializing", "replicating", "syncing", "paused"})
_RUNS: Final = frozenset({"initializing", "replicating"})


async def fix_rate_window(request: Request, write: Writer) -> None:
    """Set rate limits on tasks, and let those go on that their limit had paused."""
    if request.limits is None and not request.narrowed:
        write.first.append(f"Without `limits` only tasks that {OVERSPEED} paused are in this plan.")
    for server in request.servers:
        overspeed = server.error is not None and server.error.code == OVERSPEED
        if server.task_id is None or server.phase not in _HAS_A_RATE:
            if request.by_name:
                why = f"Limits do not matter here: it is {server.phase}."
                write.leave(server, why, other_goal(server))
        elif request.limits is None and not overspeed:
            if request.by_name:
                write.leave(server, "Say which limits: `limits` with start, end and speed.")
        elif _lacks_tc(server) and (overspeed or request.limits):
            _people_first(server, write)
        elif write.has_room_for(server):
            await _limit(request, server, write, overspeed=overspeed)


def _lacks_tc(server: Server) -> bool:
    return server.source is not None and server.source.has_tc is False


def _people_first(server: Server, write: Writer) -> None:
    """Without tc no limit holds, and without its threshold nothing would hold the copy back."""
    write.first.append(
        f"{server.name} has no `tc`: limits do not slow it down, and its threshold is the only "
        "thing that protects the line. Nothing is set before that is fixed."
    )
    does = f"{OVERSPEED}: {explain(OVERSPEED).first_step} Do not start it; plan again instead."
    write.person("source", does, [server])
    write.again = True


async def _limit(request: Request, server: Server, write: Writer, *, overspeed: bool) -> None:
    limits = request.limits
    if limits is None:
        limits = await _without_threshold(request, server, write)
    if limits is None or (overspeed and not may_start(request, server, write)):
        write.give_back(server)
        return
    if server.source is None or server.source.has_tc is None:
        write.preconditions.append(
            f"Whether {server.name} has `tc` is not known; without it limits do not slow it down."
        )
    task_id = str(server.task_id)
    setting = SetMigrationRateLimits(task_id=task_id, speed_limit=list(limits))
    done = write.call(setting, server, "limits", _SET)
    if server.phase in _RUNS:
        _with_a_pause(server, write, setting, done)
    elif overspeed:
        start(server, write, _GO_ON, after=(done,))


def _with_a_pause(
    server: Server, write: Writer, setting: SetMigrationRateLimits, tried: int
) -> None:
    """What is done only where the service refuses: pause, set, and start whatever came of it."""
    stop = ManageMigrationTask(task_id=setting.task_id, operation="stop")
    before = as_now(server)
    paused = write.call(stop, server, "paused", _PAUSE, before=before, unless=tried)
    still = Before(phases=("paused",), task_id=server.task_id)
    write.call(setting, server, "limits", _SET, before=still, after=(paused,), unless=tried)
    again = ManageMigrationTask(task_id=setting.task_id, operation="start")
    write.call(again, server, "running", _RESUME, before=still, after=(paused,), unless=tried)


async def _without_threshold(
    request: Request, server: Server, write: Writer
) -> Sequence[RateLimitSetting] | None:
    """The limits that there are, without the threshold that paused the task."""
    try:
        found = await request.desk.api(GetMigrationRateLimits(task_id=str(server.task_id)))
    except SmsToolsError as error:
        write.leave(server, f"Its limits could not be read: {one_line(str(error), 160)}")
        return None
    try:
        return [_without(row) for row in found.speed_limit or ()]
    except ValidationError:
        write.leave(server, "Its limits make no sense as read: give them with `limits`.")
        return None


def _without(row: RateLimit) -> RateLimitSetting:
    return RateLimitSetting(
        start=row.start or "00:00", end=row.end or "23:59", speed=row.speed or 0
    )
