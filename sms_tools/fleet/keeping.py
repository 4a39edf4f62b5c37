"""What was read of single tasks serves questions about a fleet for ten minutes.

Only while the lists, which are read each time, say that the task has not moved. What changes
without a trace in them may be missed meanwhile, so each reading carries its time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Generic, TypeVar, cast

from sms_tools.errors import SmsToolsError
from sms_tools.fleet.desk import Desk
from sms_tools.fleet.server import Server
from sms_tools.operation import Operation, Reply

KEPT: Final = timedelta(minutes=10)
"""How long a reading serves."""
_BY: Final = "readings of tasks"

R = TypeVar("R", bound=Reply)


@dataclass(frozen=True, slots=True)
class Reading(Generic[R]):
    """A reply, or why there is none, and when that was."""

    reply: R | SmsToolsError
    at: datetime


async def read_each(
    desk: Desk, wanted: Sequence[tuple[Server, Operation[R]]], *, anew: bool
) -> Sequence[Reading[R]]:
    """The reply to each operation, which is about the task of its server, in their order.

    Without *anew* a reading of the last ten minutes serves where the task has not moved.
    """
    found: dict[int, Reading[R]] = {}
    for index, (server, operation) in enumerate(wanted):
        reading = None if anew else known(desk, server, operation)
        if reading:
            found[index] = reading
    missing = [index for index in range(len(wanted)) if index not in found]
    replies = await desk.api.each([wanted[index][1] for index in missing])
    for index, reply in zip(missing, replies, strict=True):
        server, operation = wanted[index]
        found[index] = Reading(reply, desk.now())
        if server.id and not isinstance(reply, SmsToolsError):
            _kept(desk)[_key(server, operation)] = (_marks(server), found[index])
    return [found[index] for index in range(len(wanted))]


def known(desk: Desk, server: Server, operation: Operation[R]) -> Reading[R] | None:
    """A reading of the last ten minutes, if the task of *server* has not moved; reads nothing."""
    marks, reading = _kept(desk).get(_key(server, operation), (None, None))
    if reading is None or marks != _marks(server) or desk.now() - reading.at > KEPT:
        return None
    return reading


def _kept(desk: Desk) -> dict[str, tuple[object, Reading[Any]]]:
    return cast("dict[str, tuple[object, Reading[Any]]]", desk.shared.setdefault(_BY, {}))


def _key(server: Server, operation: Operation[Any]) -> str:
    return f"{operation.__spec__.name} {server.id}"


def _marks(server: Server) -> object:
    """What the lists tell of a task that moved: a state, a stage, a step that began or ended."""
    steps = [(s.name, s.start_date, s.end_date) for s in server.sub_tasks]
    source = server.source
    times = (source.state_action_time, source.stage_action_time) if source else ()
    return (server.task_id, server.task_state, server.state, server.stage, times, steps)
