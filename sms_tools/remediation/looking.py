"""What is there now, and whether it is what a step was to bring about.

:func:`look` reads; everything else is pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal

from sms_tools.api import Api
from sms_tools.errors import NotFound
from sms_tools.fleet.finding import Evidence
from sms_tools.fleet.server import Server
from sms_tools.knowledge import legality
from sms_tools.operation import JSON
from sms_tools.operations.source_servers import GetSourceServer
from sms_tools.operations.tasks import (
    GetMigrationRateLimits,
    GetMigrationTask,
    MigrationTask,
)
from sms_tools.operations.tasks.records import RateLimit
from sms_tools.remediation.plan import Before, Step
from sms_tools.text import one_line

Verdict = Literal["seen", "underway", "not_yet", "failed"]

_RUNNING: Final = frozenset(
    {"initializing", "replicating", "syncing", "cutting_over", "cloning", "finished"}
)
_LIMITS_TOOL: Final = "set_migration_rate_limits"
_ACTIONS: Final = {
    "delete_migration_task": "delete_task",
    "delete_source_server": "delete_source",
}


@dataclass(frozen=True, slots=True)
class Facts:
    """One server as far as plans need to know it."""

    at: datetime
    there: bool = True
    """Whether the source server's record exists."""
    phase: str = "unknown"
    state: str | None = None
    stage: str | None = None
    since: float | None = None
    """When the state last changed, in epoch seconds."""
    connected: bool | None = None
    task_id: str | None = None
    task_state: str | None = None
    code: str | None = None
    """The error code that the task shows."""
    own_task_gone: bool = False
    """The task that the step is about does not exist any more."""
    own_task_state: str | None = None
    clone: str | None = None
    clone_error: str | None = None
    limits: Sequence[tuple[str, str, int]] | None = None
    server: Server | None = None
    """The records themselves, for checks that look closer."""

    @classmethod
    def of(cls, server: Server, at: datetime) -> "Facts":
        """The facts of a server as diagnosis reads it."""
        clone = server.task.clone_server if server.task else None
        return cls(
            at=at,
            phase=server.phase,
            state=server.state,
            stage=server.stage,
            since=server.state_since.timestamp() if server.state_since else None,
            connected=server.connected,
            task_id=server.task_id,
            task_state=server.task_state,
            code=server.error.code if server.error else None,
            own_task_state=server.task_state,
            clone=clone.vm_id if clone else None,
            clone_error=server.clone_error,
            server=server,
        )

    def evidence(self) -> list[dict[str, JSON]]:
        """The facts as evidence, in the service's words."""
        if not self.there:
            return [_shown("source server", "not found", "get_source_server", self.at)]
        rows = [
            _shown("state", self.state, "get_source_server", self.at),
            _shown("task state", self.task_state, "get_migration_task", self.at),
        ]
        if self.code:
            rows.append(_shown("error code", self.code, "get_migration_task", self.at))
        if self.own_task_gone:
            rows.append(_shown("task", "not found", "get_migration_task", self.at))
        if self.clone_error:
            rows.append(_shown("clone error", self.clone_error, "get_migration_task", self.at))
        return rows

    def bound(self) -> dict[str, JSON]:
        """What an approval is bound to."""
        return {
            "phase": self.phase,
            "state": self.state,
            "stage": self.stage,
            "connected": self.connected,
            "task": [self.task_id, self.task_state],
            "code": self.code,
        }


def _shown(field: str, value: JSON, operation: str, at: datetime) -> dict[str, JSON]:
    return Evidence(field, value, operation, at).as_data()


async def look(api: Api, step: Step, at: datetime) -> Facts:
    """Read what *step* is about: the server, its current task, the task that the step names.

    Raises:
        SmsToolsError: it could not be read.
    """
    own_id = str(step.arguments.get("task_id") or "")
    try:
        source = await api(GetSourceServer(source_id=step.source_id))
    except NotFound:
        return Facts(at, there=False, own_task_gone=True)
    current = source.current_task.id if source.current_task else None
    task = await _task(api, current)
    facts = Facts.of(Server(source, task), at)
    own = task if own_id in ("", current) else await _task(api, own_id)
    limits = None
    if step.tool == _LIMITS_TOOL and own is not None:
        limits = segments((await api(GetMigrationRateLimits(task_id=own_id))).speed_limit or ())
    return replace(
        facts,
        own_task_gone=bool(own_id) and own is None,
        own_task_state=own.state if own else None,
        limits=limits,
    )


async def _task(api: Api, task_id: str | None) -> MigrationTask | None:
    if not task_id:
        return None
    try:
        return await api(GetMigrationTask(task_id=task_id))
    except NotFound:
        return None


def segments(rows: Sequence[RateLimit]) -> list[tuple[str, str, int]]:
    """Rate limits in a form that can be compared."""
    return sorted((_clock(row.start), _clock(row.end), row.speed or 0) for row in rows)


def _clock(text: str | None) -> str:
    return (text or "").rjust(5, "0")


def judge(step: Step, facts: Facts) -> Verdict:
    """Whether what *step* was to bring about is there."""
    return _JUDGES[step.wanted](step, facts)


def _running(step: Step, facts: Facts) -> Verdict:
    if facts.phase in _RUNNING:
        return "seen"
    return "failed" if _failed_anew(step, facts) else "not_yet"


def _paused(step: Step, facts: Facts) -> Verdict:
    if facts.phase == "paused":
        return "seen" if facts.state == "stopped" else "underway"
    return "failed" if _failed_anew(step, facts) else "not_yet"


def _launched(step: Step, facts: Facts) -> Verdict:
    if facts.phase == "finished":
        return "seen"
    if facts.phase == "cutting_over":
        return "underway"
    return "failed" if _failed_anew(step, facts) else "not_yet"


def _cloned(step: Step, facts: Facts) -> Verdict:
    if facts.phase == "cloning":
        return "underway"
    if facts.clone_error or _failed_anew(step, facts):
        return "failed"
    earlier = step.before.clone if step.before else None
    return "seen" if facts.clone and facts.clone != earlier else "not_yet"


def _task_gone(_: Step, facts: Facts) -> Verdict:
    if facts.own_task_gone:
        return "seen"
    return "underway" if "DELETING" in (facts.own_task_state, facts.task_state) else "not_yet"


def _rebuilt(_: Step, facts: Facts) -> Verdict:
    if not facts.task_id:
        return "not_yet"
    if facts.phase in _RUNNING:
        return "seen"
    return "failed" if facts.phase == "failed" else "underway"


def _limits(step: Step, facts: Facts) -> Verdict:
    if facts.limits is None:
        return "not_yet"
    wanted = segments([RateLimit(**row) for row in step.arguments["speed_limit"]])
    return "seen" if list(facts.limits) == wanted else "not_yet"


_JUDGES: Final = {
    "running": _running,
    "paused": _paused,
    "launched": _launched,
    "cloned": _cloned,
    "task_gone": _task_gone,
    "rebuilt": _rebuilt,
    "limits": _limits,
}


def _failed_anew(step: Step, facts: Facts) -> bool:
    """Whether the server failed after *step* was planned."""
    if facts.phase != "failed":
        return False
    before = step.before
    if before is None or "failed" not in before.phases:
        return True
    return bool(facts.since and before.since and facts.since > before.since)


def drift(before: Before | None, facts: Facts) -> str | None:
    """What is not as *before* says, in words; None if everything is."""
    if before is None:
        return None
    if not facts.there:
        return "The source server's record is gone."
    if facts.phase not in before.phases:
        planned = " or ".join(before.phases)
        return f"The phase was to be {planned}; it is {facts.phase}."
    if facts.task_id != before.task_id:
        return "The server has another task now." if facts.task_id else "The task is gone."
    if before.codes is not None and (facts.code or "") not in before.codes:
        return f"The error is another one now: {one_line(facts.code or 'none', 40)}."
    return None


def forbidden(step: Step, facts: Facts) -> str | None:
    """Why the service would refuse *step* now, or why nobody knows; None if it is legal."""
    action = _ACTIONS.get(step.tool) or (
        str(step.arguments["operation"]) if step.tool == "manage_migration_task" else None
    )
    if action is None:
        return None
    found = legality(
        action,
        source_state=facts.state,
        migration_cycle=facts.stage,
        task_state=facts.task_state,
        connected=facts.connected,
        tasks=1 if facts.task_id else 0,
    )
    return None if found.verdict == "legal" else f"{found.verdict}: {found.reason}"
