"""What is there now, and whether it is what a step was to bring about.

:func:`look` reads; everything else is pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from sms_tools.api import Api
from sms_tools.canonical import digest
from sms_tools.errors import NotFound, SmsToolsError
from sms_tools.fleet.finding import Evidence
from sms_tools.fleet.server import Server
from sms_tools.knowledge import Legality
from sms_tools.operation import JSON
from sms_tools.operations.options import GetMigrationOptions
from sms_tools.operations.source_servers import GetSourceServer
from sms_tools.operations.tasks import (
    GetMigrationRateLimits,
    GetMigrationTask,
    MigrationTask,
)
from sms_tools.operations.tasks.records import NetworkCheckInfo, RateLimit
from sms_tools.remediation.plan import Before, Step
from sms_tools.text import one_line

Verdict = Literal["seen", "underway", "not_yet", "failed"]

_RUNNING: Final = frozenset(
    {"initializing", "replicating", "syncing", "cutting_over", "cloning", "finished"}
)
_ACTIONS: Final = {
    "delete_migration_task": "delete_task",
    "delete_source_server": "delete_source",
}
_NOBODY: Final = Server(source=None)


@dataclass(frozen=True, slots=True)
class Look:
    """One reading of a server, and of the task that a step is about."""

    at: datetime
    server: Server = _NOBODY
    """As it is now; without records where it could not be read or is gone."""
    there: bool = True
    """Whether the source server's record exists, as far as was read."""
    own_task_gone: bool = False
    """The task that the step is about does not exist any more."""
    own_task_state: str | None = None
    limits: Sequence[tuple[str, str, int]] | None = None
    """The rate limits of the step's task; None where nobody asked, or they cannot be read."""
    options: Mapping[str, str] | None = None
    """Its advanced options, likewise."""

    @property
    def is_known(self) -> bool:
        """Whether anything was read."""
        return self.server is not _NOBODY or not self.there

    @property
    def phase(self) -> str:
        """The server's phase."""
        return self.server.phase

    @property
    def code(self) -> str | None:
        """The error code that the task shows."""
        return self.server.error.code if self.server.error else None

    @property
    def since(self) -> float | None:
        """When the state last changed, in epoch seconds."""
        return self.server.state_since.timestamp() if self.server.state_since else None

    def evidence(self) -> list[dict[str, JSON]]:
        """The reading as evidence, in the service's words."""
        if not self.there:
            return [_shown("source server", "not found", "get_source_server", self.at)]
        server = self.server
        rows = [
            _shown("state", server.state, "get_source_server", self.at),
            _shown("task state", server.task_state, "get_migration_task", self.at),
        ]
        if self.code:
            rows.append(_shown("error code", self.code, "get_migration_task", self.at))
        if self.own_task_gone:
            rows.append(_shown("task", "not found", "get_migration_task", self.at))
        if server.clone_error:
            rows.append(_shown("clone error", server.clone_error, "get_migration_task", self.at))
        return rows

    def measurement(self) -> list[dict[str, JSON]]:
        """The latest measurement of the network; the service does not say when it was made."""
        info = self.server.task.network_check_info if self.server.task else None
        shown = {
            "target reached": info.destination_connectivity if info else None,
            "loss in per cent": info.loss_percentage if info else None,
            "jitter in ms": info.network_jitter if info else None,
            "delay in ms": info.network_delay if info else None,
            "rate in Mbit/s": info.migration_speed if info else None,
        }
        rows = [_shown(k, v, "get_migration_task", self.at) for k, v in shown.items()]
        return [row for row in rows if row["value"] is not None]

    def clone(self) -> list[dict[str, JSON]]:
        """The rehearsal's clone by name and ECS id: what somebody tries out and then deletes."""
        task = self.server.task
        name = task.clone_server.name if task and task.clone_server else None
        rows = [
            _shown("clone", one_line(name, 80) if name else None, "get_migration_task", self.at),
            _shown("clone ECS", self.server.clone_id, "get_migration_task", self.at),
        ]
        return [row for row in rows if row["value"]]


def _shown(field: str, value: JSON, operation: str, at: datetime) -> dict[str, JSON]:
    return Evidence(field, value, operation, at).as_data()


async def look(api: Api, step: Step, at: datetime) -> Look:
    """Read what *step* is about: the server, its current task, the task that the step names.

    Limits and options that cannot be read are None: the service is known to refuse that reading.

    Raises:
        SmsToolsError: server or task could not be read.
    """
    own_id = "" if step.task_of else str(step.arguments.get("task_id") or "")
    try:
        source = await api(GetSourceServer(source_id=step.source_id))
    except NotFound:
        return Look(at, there=False, own_task_gone=True)
    current = source.current_task.id if source.current_task else None
    task = await _task(api, current)
    own = task if own_id in ("", current) else await _task(api, own_id)
    settled = own_id or current or ""
    return Look(
        at,
        Server(source, task),
        own_task_gone=bool(own_id) and own is None,
        own_task_state=own.state if own else None,
        limits=await _limits_of(api, settled) if step.wanted == "limits" and own else None,
        options=await _options_of(api, settled) if step.wanted == "options" and own else None,
    )


async def _task(api: Api, task_id: str | None) -> MigrationTask | None:
    if not task_id:
        return None
    try:
        return await api(GetMigrationTask(task_id=task_id))
    except NotFound:
        return None


async def _limits_of(api: Api, task_id: str) -> Sequence[tuple[str, str, int]] | None:
    try:
        return segments((await api(GetMigrationRateLimits(task_id=task_id))).speed_limit or ())
    except SmsToolsError:
        return None


async def _options_of(api: Api, task_id: str) -> Mapping[str, str] | None:
    try:
        found = (await api(GetMigrationOptions(task_id=task_id))).configurations or ()
    except SmsToolsError:
        return None
    return {each.config_key or "": each.config_value or "" for each in found}


def numbers_of(measured: NetworkCheckInfo | None) -> str:
    """What tells one measurement from another; empty for none."""
    return digest(measured.model_dump(mode="json")) if measured else ""


def segments(rows: Sequence[RateLimit]) -> list[tuple[str, str, int]]:
    """Rate limits in a form that can be compared."""
    return sorted((_clock(row.start), _clock(row.end), row.speed or 0) for row in rows)


def _clock(text: str | None) -> str:
    return (text or "").rjust(5, "0")


def judge(step: Step, found: Look) -> Verdict:
    """Whether what *step* was to bring about is there."""
    return _JUDGES[step.wanted](step, found)


def _running(step: Step, found: Look) -> Verdict:
    if found.phase in _RUNNING:
        return "seen"
    return "failed" if _failed_anew(step, found) else "not_yet"


def _paused(step: Step, found: Look) -> Verdict:
    if found.phase == "paused":
        return "seen" if found.server.state == "stopped" else "underway"
    return "failed" if _failed_anew(step, found) else "not_yet"


def _launched(step: Step, found: Look) -> Verdict:
    if found.phase == "finished":
        return "seen"
    if found.phase == "cutting_over":
        return "underway"
    return "failed" if _failed_anew(step, found) else "not_yet"


def _cloned(step: Step, found: Look) -> Verdict:
    if found.phase == "cloning":
        return "underway"
    if found.server.clone_error or _failed_anew(step, found):
        return "failed"
    earlier = step.before.clone if step.before else None
    clone = found.server.clone_id
    return "seen" if clone and clone != earlier else "not_yet"


def _task_gone(_: Step, found: Look) -> Verdict:
    if found.own_task_gone:
        return "seen"
    states = (found.own_task_state, found.server.task_state)
    return "underway" if "DELETING" in states else "not_yet"


def _created(_: Step, found: Look) -> Verdict:
    if not found.server.task_id:
        return "not_yet"
    return "failed" if found.phase == "failed" else "seen"


def _limits(step: Step, found: Look) -> Verdict:
    if found.limits is None:
        return "not_yet"
    wanted = segments([RateLimit(**row) for row in step.arguments["speed_limit"]])
    return "seen" if list(found.limits) == wanted else "not_yet"


def _options(step: Step, found: Look) -> Verdict:
    if found.options is None:
        return "not_yet"
    wanted = {row["config_key"]: row["config_value"] for row in step.arguments["configurations"]}
    return "seen" if wanted.items() <= found.options.items() else "not_yet"


def _measured(step: Step, found: Look) -> Verdict:
    task = found.server.task
    now = numbers_of(task.network_check_info if task else None)
    before = (step.before.measured if step.before else None) or ""
    return "seen" if now and now != before else "underway"


_JUDGES: Final = {
    "running": _running,
    "paused": _paused,
    "launched": _launched,
    "cloned": _cloned,
    "task_gone": _task_gone,
    "created": _created,
    "limits": _limits,
    "options": _options,
    "measured": _measured,
}


def _failed_anew(step: Step, found: Look) -> bool:
    """Whether the server failed after *step* was planned."""
    if found.phase != "failed":
        return False
    before = step.before
    if before is None or "failed" not in before.phases:
        return True
    return bool(found.since and before.since and found.since > before.since)


def drift(before: Before | None, found: Look) -> str | None:
    """What is not as *before* says, in words; None if everything is."""
    if before is None:
        return None
    if not found.there:
        return "The source server's record is gone."
    if found.phase not in before.phases:
        planned = " or ".join(before.phases)
        return f"The phase was expected to be {planned}; it is {found.phase}."
    if found.server.task_id != before.task_id:
        return "The server has another task now." if found.server.task_id else "The task is gone."
    if before.codes is not None and (found.code or "") not in before.codes:
        return f"The error is a different one now: {one_line(found.code or 'none', 40)}."
    return None


def legal(step: Step, server: Server) -> Legality | None:
    """Whether the states let the service take *step* now; None where no rule is known."""
    action = _ACTIONS.get(step.tool) or (
        str(step.arguments["operation"]) if step.tool == "manage_migration_task" else None
    )
    if action is None:
        return None
    return server.legality(action, tasks=1 if server.task_id else 0)


def forbidden(step: Step, found: Look) -> str | None:
    """Why the service would refuse *step* now, or why nobody knows; None if it is legal."""
    ruling = legal(step, found.server)
    if ruling is None or ruling.verdict == "legal":
        return None
    return f"{ruling.verdict}: {ruling.reason}"
