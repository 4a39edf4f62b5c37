"""What was read of single tasks serves questions about a fleet for ten minutes.

Only while the lists, which are read each time, say that the task has not moved. What changes
without a trace in them may be missed meanwhile, so each reading carries its time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, Generic, TypeVar, cast

from sms_tools.errors import ServerFault, ServiceError, SmsToolsError, Throttled
from sms_tools.fleet.desk import Desk
from sms_tools.fleet.server import Server
from sms_tools.fleet.sharing import at_hand, shared
from sms_tools.operation import Operation, Reply
from sms_tools.paging import at_once

KEPT: Final = timedelta(minutes=10)
"""How long a reading serves."""

R = TypeVar("R", bound=Reply)


@dataclass(frozen=True, slots=True)
class Reading(Generic[R]):
    """A reply, or why there is none, and when that was."""

    reply: R | SmsToolsError
    at: datetime


async def read_each(
    desk: Desk,
    wanted: Sequence[tuple[Server, Operation[R]]],
    *,
    since: float | None,
    beside: datetime | None = None,
) -> Sequence[Reading[R]]:
    """The reply to each operation, which is about the task of its server, in their order.

    A reading of the last ten minutes serves where the task has not moved; with *since*, when the
    question was asked by ``desk.elapsed``, only one that was begun later. What changes without a
    trace, such as limits, is read *beside* each reading of the lists, and serves with that one.
    """
    return await at_once([partial(_read, desk, *each, since, beside) for each in wanted])


async def _read(
    desk: Desk,
    server: Server,
    operation: Operation[R],
    since: float | None,
    beside: datetime | None,
) -> Reading[R]:
    async def read() -> Reading[R]:
        try:
            return Reading(await desk.api.bulk(operation), desk.now())
        except ServiceError as error:
            if beside is None or isinstance(error, Throttled | ServerFault):
                raise
            return Reading(error, desk.now())  # beside the lists its no serves like its yes

    try:
        if not server.id:
            return await read()
        key, marks, lasts = _key(server, operation), _marks(server), KEPT
        if beside is not None:
            key, marks, lasts = f"{key} beside the lists", (marks, beside), timedelta.max
        return (await shared(desk, key, read, since=since, lasts=lasts, marks=marks))[0]
    except SmsToolsError as error:
        return Reading(error, desk.now())


def known(desk: Desk, server: Server, operation: Operation[R]) -> Reading[R] | None:
    """A reading of the last ten minutes, if the task of *server* has not moved; reads nothing."""
    found = at_hand(desk, _key(server, operation), lasts=KEPT, marks=_marks(server))
    return cast("Reading[R] | None", found)


def _key(server: Server, operation: Operation[Any]) -> str:
    return f"of a task: {operation.__spec__.name} {server.id}"


def _marks(server: Server) -> object:
    """What the lists tell of a task that moved: a state, a stage, a step that began or ended."""
    steps = [(s.name, s.start_date, s.end_date) for s in server.sub_tasks]
    source = server.source
    times = (source.state_action_time, source.stage_action_time) if source else ()
    return (server.task_id, server.task_state, server.state, server.stage, times, steps)
