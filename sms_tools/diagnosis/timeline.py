"""What happened to one server, as far as its records tell: pure, the newest first."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sms_tools.fleet.closeup import CloseUp
from sms_tools.moment import from_milliseconds
from sms_tools.operations.tasks import SubTask
from sms_tools.text import one_line
from sms_tools.wording import iso


def timeline(close: CloseUp) -> Sequence[dict[str, Any]]:
    """Sub-tasks, and the latest change of state, stage and connection, newest first.

    The service keeps only the latest change of each; earlier ones are told by the sub-tasks.
    """
    server, source = close.server, close.server.source
    events: list[tuple[datetime | None, dict[str, Any]]] = [
        (from_milliseconds(step.start_date), _of_step(step)) for step in server.sub_tasks
    ]
    if source:
        connection = {True: "connected", False: "disconnected"}.get(bool(server.connected))
        events += [
            (from_milliseconds(source.add_date), {"event": "registered"}),
            (server.state_since, {"event": "state", "to": one_line(server.state or "", 40)}),
            (server.stage_since, {"event": "stage", "to": one_line(server.stage or "", 40)}),
        ]
        if server.connected is not None:
            events.append((server.connection_since, {"event": "agent", "to": connection}))
    if close.task:
        events.append((from_milliseconds(close.task.create_date), {"event": "task_created"}))
    dated = [(at, event) for at, event in events if at]
    dated.sort(key=lambda each: each[0], reverse=True)
    return [{"at": iso(at), **event} for at, event in dated]


def _of_step(step: SubTask) -> dict[str, Any]:
    ended = from_milliseconds(step.end_date)
    event: dict[str, Any] = {"event": "sub_task", "name": one_line(step.name or "", 60)}
    if step.user_op:
        event["round"] = one_line(step.user_op, 50)
    if ended:
        event["ended_at"] = iso(ended)
    else:
        event["percent"] = step.progress
    return event
