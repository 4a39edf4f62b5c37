"""How fast a migration task goes: rate limits, and the progress that the Agent reports."""

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from sms_tools.operation import Empty, Fields, Kind, Operation
from sms_tools.operations.common import Long, Megabits, TaskId
from sms_tools.operations.tasks.records import RateLimits

SubTaskName = Literal[
    "CREATE_CLOUD_SERVER",
    "SSL_CONFIG",
    "ATTACH_AGENT_IMAGE",
    "DETTACH_AGENT_IMAGE",  # sic, on the wire
    "FORMAT_DISK_LINUX",
    "FORMAT_DISK_LINUX_FILE",
    "FORMAT_DISK_LINUX_BLOCK",
    "FORMAT_DISK_WINDOWS",
    "MIGRATE_LINUX_FILE",
    "MIGRATE_LINUX_BLOCK",
    "MIGRATE_WINDOWS_BLOCK",
    "CLONE_VM",
    "SYNC_LINUX_FILE",
    "SYNC_LINUX_BLOCK",
    "SYNC_WINDOWS_BLOCK",
    "CONFIGURE_LINUX",
    "CONFIGURE_LINUX_BLOCK",
    "CONFIGURE_LINUX_FILE",
    "CONFIGURE_WINDOWS",
]
Percent = Annotated[int, Field(ge=0, le=100)]
Share = Annotated[float, Field(ge=0, le=100)]
"""Per cent with a fraction."""
Rate = Annotated[float, Field(ge=0, le=10_000)]
Megabytes = Annotated[float, Field(ge=0, le=1_048_576)]
TimeOfDay = Annotated[
    str, Field(max_length=5, pattern=r"^([01]?\d|2[0-3]):[0-5]\d$", description="HH:MM.")
]
OverSpeedThreshold = Annotated[
    Share | None, Field(description="Per cent over the limit at which the task stops itself.")
]


class ReportMigrationProgress(
    Operation[Empty],
    method="PUT",
    path="/v3/tasks/{task_id}/progress",
    kind=Kind.AGENT,
    section="5.4.8",
):
    """Agent only: report the progress and rate of a migration task's sub-task, as the Agent on the
    source server does while it copies. It changes no data and moves nothing: it only overwrites
    what the service believes, so that later progress and readiness answers are false. To read
    progress use get_migration_task.
    """

    task_id: TaskId
    subtask_name: Annotated[SubTaskName, Field(description="Which one.")]
    progress: Annotated[Percent, Field(description="Per cent done.")]
    replicatesize: Annotated[Long, Field(description="Bytes copied.")]
    totalsize: Annotated[Long, Field(description="Bytes to copy in all.")]
    process_trace: Annotated[str, Field(max_length=2048, description="Details as free text.")]
    migrate_speed: Annotated[Rate | None, Field(description="Mbit/s.")] = None
    compress_rate: Annotated[Rate | None, Field(description="Compression rate.")] = None
    remain_time: Annotated[
        int | None, Field(ge=0, le=2**31 - 1, description="Time left, in seconds.")
    ] = None
    total_cpu_usage: Annotated[Share | None, Field(description="Server's CPU, %.")] = None
    agent_cpu_usage: Annotated[Share | None, Field(description="Agent's CPU, %.")] = None
    total_mem_usage: Annotated[Megabytes | None, Field(description="Server's memory, MB.")] = None
    agent_mem_usage: Annotated[Megabytes | None, Field(description="Agent's memory, MB.")] = None
    total_disk_io: Annotated[Rate | None, Field(description="Server's disk I/O, MB/s.")] = None
    agent_disk_io: Annotated[Rate | None, Field(description="Agent's disk I/O, MB/s.")] = None
    need_migration_test: Annotated[bool | None, Field(description="Drill wanted.")] = None
    agent_time: Annotated[
        str | None, Field(max_length=30, description="Source server's local time.")
    ] = None


class GetMigrationRateLimits(
    Operation[RateLimits],
    method="GET",
    path="/v3/tasks/{task_id}/speed-limit",
    kind=Kind.READ,
    section="5.4.9",
):
    """Is a migration task throttled, and how much bandwidth may it use (带宽上限, 限速多少)? Its
    rate limits (cap): Mbit/s by time of day, and the overspeed threshold that pauses the task. Use
    it when a copy is slow or before set_migration_rate_limits, which replaces all of them. The
    actual rate is in get_migration_task. Known to fail on some valid tasks.
    """

    task_id: TaskId


class RateLimitSetting(Fields):
    """The limit to set for one part of the day."""

    start: TimeOfDay
    end: TimeOfDay
    speed: Annotated[Megabits, Field(description="Mbit/s; 0 is no limit; usually up to 1000.")]
    over_speed_threshold: OverSpeedThreshold = None


def _one_limit_at_a_time(limits: list[RateLimitSetting]) -> list[RateLimitSetting]:
    for each in limits:
        if _minutes(each.end) <= _minutes(each.start):
            raise ValueError(
                f"{each.start} to {each.end} does not end after it starts; a segment over midnight "
                f'is two: {{"start": "{each.start}", "end": "23:59", …}} and '
                f'{{"start": "00:00", "end": "{each.end}", …}}'
            )
    ordered = sorted(limits, key=lambda each: _minutes(each.start))
    for first, second in pairwise(ordered):
        if _minutes(second.start) < _minutes(first.end):
            raise ValueError(
                f"{first.start} to {first.end} and {second.start} to {second.end} overlap; at "
                "any time of the day one limit holds"
            )
    return limits


def _minutes(time: str) -> int:
    hours, _, minutes = time.partition(":")
    return int(hours) * 60 + int(minutes)


DayOfLimits = Annotated[list[RateLimitSetting], AfterValidator(_one_limit_at_a_time)]
"""The segments of a day: none over midnight, none overlapping."""


class SetMigrationRateLimits(
    Operation[Empty],
    method="POST",
    path="/v3/tasks/{task_id}/speed-limit",
    kind=Kind.WRITE,
    section="5.4.10",
    idempotent=True,
    replaces=True,
):
    """Throttle (slow down, cap, limit) a copy so that it leaves the line free for others: set the
    bandwidth of a migration task by time of day, such as office hours or night (限速, 白天,
    控制带宽), in the source server's local time. Replaces every existing segment (an empty list
    removes all): read them first with get_migration_rate_limits and send those that stay; none over
    midnight, none overlapping. E.g. {"task_id": "…", "speed_limit": [{"start": "00:00", "end":
    "23:59", "speed": 50}]}. A threshold pauses the task when it copies faster. Linux sources need
    `tc`. For several servers use plan_remediation (goal=fix_rate_window).
    """

    task_id: TaskId
    speed_limit: Annotated[
        DayOfLimits,
        Field(max_length=65_535, description="All segments of the day; [] removes the limits."),
    ]
