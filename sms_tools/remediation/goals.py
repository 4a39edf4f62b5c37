"""From a goal and the servers to the steps: retry, resume, a rate window, and clean-up.

Each function writes the steps for servers that can be helped, and says of every other why not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sms_tools.errors import RequestRefused, SmsToolsError
from sms_tools.fleet.desk import Desk
from sms_tools.fleet.server import Server
from sms_tools.knowledge import ErrorKnowledge, explain
from sms_tools.knowledge.facts import NETWORK_EVENT_CODES, as_the_target_sees, migration_ports
from sms_tools.operations.tasks import (
    DeleteMigrationTask,
    GetMigrationRateLimits,
    ManageMigrationTask,
    SetMigrationRateLimits,
)
from sms_tools.operations.tasks.progress import RateLimitSetting
from sms_tools.remediation.asking import PlanRemediation
from sms_tools.remediation.plan import Actor, Before
from sms_tools.remediation.writing import Words, Writer, as_now
from sms_tools.text import one_line
from sms_tools.wording import count_of

OVERSPEED: Final = "SMS.9007"
_SHOWN: Final = 6

_RETRY: Final = Words(
    does="Starts the task again; the copy goes on where the service can resume it.",
    verified_by="get_migration_task: the task runs, and still does at the end of the plan.",
    undo="stop pauses it.",
    costs="The temporary disk of the target goes on being billed.",
)
_RESUME: Final = Words(
    does="Resumes the paused migration.",
    verified_by="get_migration_task: the task runs.",
    undo="stop pauses it again.",
)
_PAUSE: Final = Words(
    does="Pauses the migration: limits can be changed only while it stands still.",
    verified_by="get_source_server: stopped.",
    undo="start resumes it; a large Linux copy is compared again then.",
)
_LIMIT: Final = Words(
    does="Replaces all rate limits; the hours are the source's local time.",
    verified_by="get_migration_rate_limits: these segments and no others.",
    undo="Setting the former segments again.",
)
_CLEAN: Final = Words(
    does="Deletes the task of a migration that is finished.",
    verified_by="get_migration_task: not found.",
    undo="Nothing.",
    loses="The task, its settings and its history; another synchronisation would be a full copy.",
)


@dataclass(frozen=True, slots=True)
class Request:
    """What a goal works with."""

    question: PlanRemediation
    desk: Desk
    servers: Sequence[Server]
    named: bool
    """Whether the person chose the servers: by name, project or code."""


async def retry_failed(request: Request, write: Writer) -> None:
    """Start failed servers again, after what people have to repair."""
    chosen = []
    for server in request.servers:
        if server.phase != "failed":
            if server.phase == "unavailable":
                write.leave(server, _unavailable(server))
            elif request.question.servers:
                write.leave(server, f"It has not failed: it is {server.phase}.", _other(server))
            continue
        error = server.error
        known = explain(error.code, error.params) if error and error.code else None
        if (why := _no_retry(known, request)) is not None:
            write.leave(server, *why)
        elif write.may("start", server) and write.has_room_for(server):
            chosen.append(server)
    people = _people(chosen, write)
    for server in sorted(chosen, key=lambda each: _code(each)):
        write.call(
            ManageMigrationTask(task_id=str(server.task_id), operation="start"),
            server,
            "running",
            _RETRY,
            after=people.get(_code(server), ()),
        )


def _no_retry(known: ErrorKnowledge | None, request: Request) -> tuple[str, str | None] | None:
    """Why repeating does not help, and the goal that does; None where it may help."""
    if known is None:
        return None if request.named else ("The task names no error: look at it first.", None)
    if known.full_copy_again:
        return (
            f"{known.code}: starting again does not help; the task has to be built anew, and "
            "everything is copied again.",
            "rebuild",
        )
    if known.retry_safe is False:
        return f"{known.code}: starting again does not help. {known.first_step}", None
    if known.retry_safe is None and not request.named:
        return (
            f"{known.code}: nobody knows whether starting again helps. {known.first_step} Name the "
            "server to try all the same.",
            None,
        )
    return None


def _code(server: Server) -> str:
    return (server.error.code if server.error else None) or ""


def _unavailable(server: Server) -> str:
    codes = [check.error_code for check in server.failed_checks if check.error_code]
    what = f" ({one_line(', '.join(codes), 80)})" if codes else ""
    return f"Its environment check failed{what}: repair it on the source, restart the Agent."


def _other(server: Server) -> str | None:
    return {"paused": "resume_paused", "syncing": "cut_over", "finished": "clean_up"}.get(
        server.phase
    )


def _people(servers: Sequence[Server], write: Writer) -> dict[str, Sequence[int]]:
    """One step of people's work per code; gives the numbers by code."""
    by_code: dict[str, list[Server]] = {}
    for server in servers:
        by_code.setdefault(_code(server), []).append(server)
    steps: dict[str, Sequence[int]] = {}
    for code, group in sorted(by_code.items()):
        known = explain(code) if code else None
        if known and known.actor != "api":
            actor: Actor = known.actor
            does = f"{code}: {known.first_step}{_where(code, group)} Then say so."
            steps[code] = (write.person(actor, does, group),)
    return steps


def _where(code: str, group: Sequence[Server]) -> str:
    """From where to where, for what is a matter of the network."""
    if code not in NETWORK_EVENT_CODES:
        return ""
    lines = []
    for server in group[:_SHOWN]:
        target = server.task.migration_ip if server.task else None
        ports = migration_ports(server.os_type, server.task_type)
        numbers = ", ".join(str(port) for port in ports)
        source = as_the_target_sees(one_line(server.ip, 64) if server.ip else None)
        lines.append(f"{numbers} from {source} to {one_line(target or 'its target', 64)}")
    return f" Open TCP {'; '.join(dict.fromkeys(lines))}."


async def resume_paused(request: Request, write: Writer) -> None:
    """Resume what is paused."""
    for server in request.servers:
        if server.phase != "paused":
            if request.question.servers:
                write.leave(server, f"It is not paused: it is {server.phase}.")
        elif _code(server) == OVERSPEED:
            why = f"{OVERSPEED}: it was paused because its rate limit did not hold; it would be "
            write.leave(server, why + "paused again.", "fix_rate_window")
        elif write.may("start", server) and write.has_room_for(server):
            start = ManageMigrationTask(task_id=str(server.task_id), operation="start")
            write.call(start, server, "running", _RESUME)


async def fix_rate_window(request: Request, write: Writer) -> None:
    """Set rate limits; pause what runs for it, and start it again afterwards."""
    if request.question.limits is None and not request.named:
        write.first.append("Without `limits` only tasks that SMS.9007 paused are in this plan.")
    for server in request.servers:
        limits = request.question.limits
        overspeed = _code(server) == OVERSPEED
        if server.task_id is None or server.phase not in _HAS_A_RATE:
            if request.question.servers:
                write.leave(server, f"Limits do not matter here: it is {server.phase}.")
            continue
        if limits is None and overspeed:
            limits = await _without_threshold(request, server, write)
        if limits is None:
            if request.question.servers and not overspeed:
                write.leave(server, "Say which limits: `limits` with start, end and speed.")
            continue
        if write.has_room_for(server):
            _limit(server, limits, write)


_HAS_A_RATE: Final = frozenset({"waiting", "initializing", "replicating", "syncing", "paused"})


def _limit(server: Server, limits: Sequence[RateLimitSetting], write: Writer) -> None:
    task_id = str(server.task_id)
    runs = server.phase in ("initializing", "replicating")
    after: list[int] = []
    before = as_now(server, write.now)
    if runs:
        if not write.may("stop", server):
            return
        stop = ManageMigrationTask(task_id=task_id, operation="stop")
        after = [write.call(stop, server, "paused", _PAUSE)]
        before = Before(phases=("paused",), task_id=task_id)
    if server.source and server.source.has_tc is False:
        write.preconditions.append(
            f"{server.name} has no `tc`: limits do not bend its rate. They are set without a "
            "threshold, so that it is not paused for that."
        )
    setting = SetMigrationRateLimits(task_id=task_id, speed_limit=list(limits))
    after = [write.call(setting, server, "limits", _LIMIT, before=before, after=after)]
    if runs or _code(server) == OVERSPEED:
        start = ManageMigrationTask(task_id=task_id, operation="start")
        again = Before(phases=("paused",), task_id=task_id)
        write.call(start, server, "running", _RESUME, before=again, after=after)


async def _without_threshold(
    request: Request, server: Server, write: Writer
) -> list[RateLimitSetting] | None:
    """The limits that there are, without the threshold that paused the task."""
    try:
        found = await request.desk.api(GetMigrationRateLimits(task_id=str(server.task_id)))
    except SmsToolsError as error:
        write.leave(server, f"Its limits could not be read: {one_line(str(error), 160)}")
        return None
    return [
        RateLimitSetting(start=row.start or "00:00", end=row.end or "23:59", speed=row.speed or 0)
        for row in found.speed_limit or ()
    ]


async def clean_up(request: Request, write: Writer) -> None:
    """Delete the tasks of finished migrations."""
    write.preconditions.append(
        "The applications on the targets were accepted: after this, no changes of the source can "
        "be synchronised any more."
    )
    for server in request.servers:
        if server.phase != "finished":
            if request.question.servers:
                write.leave(server, f"Only what is finished is cleaned up; it is {server.phase}.")
        elif server.task_id is None:
            if request.question.servers:
                write.leave(server, "Its task is deleted already.")
        elif write.may("delete_task", server) and write.has_room_for(server):
            write.call(DeleteMigrationTask(task_id=server.task_id), server, "task_gone", _CLEAN)


def need_a_choice(request: Request, doing: str) -> None:
    """Refuse to act on the whole account where the person must choose.

    Raises:
        RequestRefused: neither servers nor a project were named.
    """
    if not (request.question.servers or request.question.project):
        raise RequestRefused(
            f"{doing} is planned for servers or a project that a person names, never for all.",
            advice=f"Ask which ones; {count_of(len(request.servers), 'server')} could be meant.",
        )
