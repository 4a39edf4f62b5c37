"""Reading one server closely: its record, its task in full, its rate limits, what was seen before.

Three requests, wherever the server is in however large a fleet: one filtered list to find it,
then its task and its limits at the same time.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Any, Final

from sms_tools.errors import NotFound, SmsToolsError
from sms_tools.fleet.desk import Desk
from sms_tools.fleet.reading import Fleet, read_fleet, recent_fleet, together
from sms_tools.fleet.samples import Sample, Samples
from sms_tools.fleet.selection import UnknownName, chosen
from sms_tools.fleet.server import Server
from sms_tools.operations.source_servers import ListSourceServers
from sms_tools.operations.source_servers.records import SourceServerPage
from sms_tools.operations.tasks import (
    GetMigrationRateLimits,
    GetMigrationTask,
    MigrationTaskDetail,
    RateLimits,
)
from sms_tools.text import one_line

_REMEMBERED: Final = timedelta(hours=12)
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


@dataclass(frozen=True)
class CloseUp:
    """All that is known of one server at :attr:`now`. What could not be read is in the gaps."""

    server: Server
    now: datetime
    task: MigrationTaskDetail | None = None
    task_is_gone: bool = False
    """The source server names a task that does not exist any more."""
    limits: RateLimits | None = None
    """None where they could not be read; without segments where there are none."""
    samples: Sequence[Sample] = ()
    """What was seen in the last 12 hours, oldest first, now included."""
    fleet: Fleet | None = None
    """The other servers, if they were read just before for another question."""
    gaps: Sequence[str] = ()


async def read_closely(desk: Desk, wanted: str) -> CloseUp:
    """Read the server that *wanted* names, by name, address or id.

    Raises:
        AmbiguousName, UnknownName: it does not name exactly one.
        SmsToolsError: the server itself could not be read; of all else a gap tells.
    """
    fleet = recent_fleet(desk)
    server, gaps = await _find(desk, wanted)
    now = desk.now()
    if not server.task_id:
        return await _with_samples(desk, CloseUp(server, now, fleet=fleet, gaps=gaps))
    task_id = server.task_id
    task, limits = await together(
        lambda: _attempt(desk, GetMigrationTask(task_id=task_id)),
        lambda: _attempt(desk, GetMigrationRateLimits(task_id=task_id)),
    )
    if isinstance(task, SmsToolsError) and not isinstance(task, NotFound):
        gaps.append(f"get_migration_task: could not be read ({one_line(str(task), 200)}).")
    if isinstance(limits, NotFound):
        limits = RateLimits()
    if isinstance(limits, SmsToolsError):
        gaps.append(f"get_migration_rate_limits: could not be read ({one_line(str(limits), 200)}).")
    detail = None if isinstance(task, SmsToolsError) else task
    close = CloseUp(
        server=Server(server.source, detail or server.task, server.other_tasks),
        now=now,
        task=detail,
        task_is_gone=isinstance(task, NotFound),
        limits=None if isinstance(limits, SmsToolsError) else limits,
        fleet=fleet,
        gaps=gaps,
    )
    return await _with_samples(desk, close)


async def _attempt(desk: Desk, operation: Any) -> Any:
    try:
        return await desk.api(operation)
    except SmsToolsError as error:
        return error


async def _with_samples(desk: Desk, close: CloseUp) -> CloseUp:
    samples = Samples(desk)
    await samples.record([close.server], close.now)
    series = await samples.series(close.server.id, close.now - _REMEMBERED, until=close.now)
    return CloseUp(**{**vars(close), "samples": series})


async def _find(desk: Desk, wanted: str) -> tuple[Server, list[str]]:
    """The server, through a filter if that finds it, else among all of them; and what is missing.

    Where the source servers cannot be read, the tasks name theirs.
    """
    if recent_fleet(desk) is None:
        page = await _attempt(desk, ListSourceServers(limit=200, **_filter(wanted)))
        try:
            if not isinstance(page, SmsToolsError) and page.items and _is_whole(page):
                return chosen([Server(source) for source in page.items], [wanted])[0], []
        except UnknownName:
            pass  # the filter is the service's own: it may match parts, or something else
    fleet = await read_fleet(desk, servers=[wanted])
    return fleet.servers[0], list(fleet.incomplete)


def _is_whole(page: SourceServerPage) -> bool:
    """Whether it holds all that the filter finds, each with the id that makes it somebody."""
    known = sum(bool(source.id) for source in page.items)
    return known == page.records and (page.count is None or page.count <= known)


def _filter(wanted: str) -> dict[str, Any]:
    text = wanted.strip()
    if _UUID.fullmatch(text):
        return {"id": text}
    try:
        ip_address(text)
    except ValueError:
        return {"name": text}
    return {"ip": text}
