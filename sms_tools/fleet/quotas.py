"""What the account holds of what is limited: records, projects, templates, copies at a time."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sms_tools.errors import SmsToolsError
from sms_tools.fleet.desk import Desk
from sms_tools.fleet.reading import Fleet, read_shared, service_counts
from sms_tools.knowledge.facts import (
    MAX_CONCURRENT_TASKS,
    MAX_PROJECTS,
    MAX_SOURCE_RECORDS,
    MAX_TEMPLATES,
    TASKS_PAGE,
)
from sms_tools.operation import JSON
from sms_tools.operations.tasks import ListMigrationTasks
from sms_tools.paging import Listing

_UNDER_WAY: Final = frozenset({"RUNNING", "SYNCING"})


async def quotas_of(
    desk: Desk,
    fleet: Fleet,
    projects: Listing[Any] | None,
    templates: Listing[Any] | None,
) -> Sequence[JSON]:
    """Each quota with what is used of it; ``used`` is null where that could not be read."""
    used: Mapping[str, tuple[int | None, int]] = {
        "source_servers": (await _records(desk, fleet), MAX_SOURCE_RECORDS),
        "migration_projects": (_count(projects), MAX_PROJECTS),
        "templates": (_count(templates), MAX_TEMPLATES),
        "tasks_at_a_time": (await _running(desk), MAX_CONCURRENT_TASKS),
    }
    return [
        {"quota": name, "used": count, "of": most, "left": None if count is None else most - count}
        for name, (count, most) in used.items()
    ]


def _count(listing: Listing[Any] | None) -> int | None:
    if listing is None:
        return None
    return listing.count if listing.count is not None else len(listing.items)


async def _records(desk: Desk, fleet: Fleet) -> int | None:
    if not fleet.project and fleet.listed is not None:
        return fleet.listed
    try:
        overview = await service_counts(desk)
    except SmsToolsError:
        return None
    counts = [count for count in overview.model_dump().values() if isinstance(count, int)]
    return sum(counts) if counts else None


async def _running(desk: Desk) -> int | None:
    try:
        tasks, _ = await read_shared(desk, "tasks", ListMigrationTasks(limit=TASKS_PAGE))
    except SmsToolsError:
        return None
    return sum((task.state or "").upper() in _UNDER_WAY for task in tasks.items)
