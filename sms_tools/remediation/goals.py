"""From a goal and the servers to the steps: retry, resume, and clean-up.

Each function writes the steps for servers that can be helped, and says of every other why not.
What a start does is judged by :mod:`sms_tools.fleet.effect`: one that launches is a launch, takes
the gates of a launch, and is never planned unless the server was named.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from sms_tools.errors import SmsToolsError
from sms_tools.fleet.effect import Effect, effect_of
from sms_tools.fleet.server import Server
from sms_tools.fleet.vouching import ASKED
from sms_tools.knowledge import ErrorKnowledge, explain
from sms_tools.knowledge.facts import NETWORK_EVENT_CODES, as_the_target_sees, migration_ports
from sms_tools.operations.tasks import DeleteMigrationTask, GetMigrationTask, ManageMigrationTask
from sms_tools.remediation.plan import Actor, Wanted
from sms_tools.remediation.request import Goal, Request
from sms_tools.remediation.writing import Words, Writer
from sms_tools.text import one_line
from sms_tools.wording import span

OVERSPEED: Final = "SMS.9007"
_SHOWN: Final = 6

_RETRY: Final = Words(
    does="Starts the task again; the copy goes on where the service can resume it.",
    verified_by="get_migration_task: the task runs, and still does at the end of the plan.",
    undo="stop pauses it.",
    costs="The temporary disk of the target continues to be billed.",
)
_LAUNCH_AGAIN: Final = Words(
    does="LAUNCHES the target: it failed while it was being cut over, and a start is the next try.",
    verified_by="get_source_server: finished.",
    undo="Nothing here.",
)
_RESUME: Final = Words(
    does="Resumes the paused migration.",
    verified_by="get_migration_task: the task runs.",
    undo="stop pauses it again.",
)
_CLEAN: Final = Words(
    does="Deletes the task of a migration that is finished.",
    verified_by="get_migration_task: not found.",
    undo="Nothing.",
    loses="The task, its settings and its history; another synchronisation would be a full copy.",
)


async def retry_failed(request: Request, write: Writer) -> None:
    """Start failed servers again, after what people have to repair."""
    chosen = []
    for server in request.servers:
        if server.phase != "failed":
            if server.phase == "unavailable":
                write.leave(server, _unavailable(server))
            elif request.by_name:
                write.leave(server, f"It has not failed: it is {server.phase}.", other_goal(server))
            continue
        error = server.error
        known = explain(error.code, error.params) if error and error.code else None
        if (why := _no_retry(known, request)) is not None:
            write.leave(server, *why)
        elif may_start(request, server, write) and write.has_room_for(server):
            chosen.append(server)
    people = _people(chosen, write)
    for server in sorted(chosen, key=lambda each: _code(each)):
        start(server, write, _RETRY, after=people.get(_code(server), ()))


def may_start(request: Request, server: Server, write: Writer) -> bool:
    """Whether a start of *server* belongs into this plan; if not, it is left out with the reason.

    A start that launches is planned only for a server that the person named.
    """
    effect = effect_of(server, "start")
    if effect.launches and not request.by_name:
        why = "Starting it launches its target." if effect.launch == "now" else effect.words()
        write.leave(server, f"{why} Such a start is planned only for a server that is named.")
        return False
    return write.may("start", server)


def start(server: Server, write: Writer, words: Words, *, after: Sequence[int] = ()) -> int:
    """Add the start of *server* in the words of what it does; gives its number."""
    effect = effect_of(server, "start")
    wanted: Wanted = "launched" if effect.launch == "now" else "running"
    if effect.launches:
        write.first.append(f"{server.name}: {_launching(effect)}")
    return write.call(
        ManageMigrationTask(task_id=str(server.task_id), operation="start"),
        server,
        wanted,
        _LAUNCH_AGAIN if effect.launch == "now" else words,
        after=after,
    )


def _launching(effect: Effect) -> str:
    if effect.launch == "now":
        return "starting it again LAUNCHES its target; it failed while it was being cut over."
    return effect.words()


def _no_retry(known: ErrorKnowledge | None, request: Request) -> tuple[str, Goal | None] | None:
    """Why repeating does not help, and the goal that does; None where it may help."""
    if known is None:
        return None if request.narrowed else ("The task names no error: look at it first.", None)
    if known.full_copy_again:
        return (
            f"{known.code}: starting again does not help; the task has to be rebuilt, and "
            "everything is copied again.",
            "rebuild",
        )
    if known.retry_safe is False:
        return f"{known.code}: starting again does not help. {known.first_step}", None
    if known.retry_safe is None and not request.narrowed:
        return (
            f"{known.code}: whether starting again helps is unknown. {known.first_step} Name the "
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


def other_goal(server: Server) -> Goal | None:
    """The goal that fits a server which has not failed."""
    if server.phase == "paused":
        if _code(server) == OVERSPEED:
            return "fix_rate_window"
        return "resume_paused" if server.legality("start").verdict == "legal" else None
    if server.phase == "failed":
        code = _code(server)
        return "rebuild" if code and explain(code).full_copy_again else None
    return _OTHER.get(server.phase)


_OTHER: Final[Mapping[str, Goal]] = {"syncing": "cut_over", "finished": "clean_up"}


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
            if request.by_name:
                why = f"It is not paused: it is {server.phase}."
                write.leave(server, why, other_goal(server))
        elif _code(server) == OVERSPEED:
            why = f"{OVERSPEED}: it was paused because its rate limit did not hold; it would be "
            write.leave(server, why + "paused again.", "fix_rate_window")
        elif may_start(request, server, write) and write.has_room_for(server):
            start(server, write, _RESUME)


async def clean_up(request: Request, write: Writer) -> None:
    """Delete the tasks of finished migrations, when the targets have served for a while."""
    write.preconditions.append(
        "The applications on the targets were accepted: after this, no changes of the source can "
        "be synchronised any longer."
    )
    chosen = []
    for server in request.servers:
        if server.phase != "finished":
            if request.by_name:
                why = f"Only what is finished is cleaned up; it is {server.phase}."
                write.leave(server, why, other_goal(server))
        elif server.task_id is None:
            if request.by_name:
                write.leave(server, "Its task is deleted already.")
        elif (why_not := await _too_early(request, server, write)) is not None:
            write.leave(server, why_not)
        elif write.may("delete_task", server) and write.has_room_for(server):
            chosen.append(server)
    if not chosen:
        return
    seen = write.person("person", ASKED, chosen)
    for server in chosen:
        delete = DeleteMigrationTask(task_id=server.task_id or "")
        write.call(delete, server, "task_gone", _CLEAN, after=(seen,))


async def _too_early(request: Request, server: Server, write: Writer) -> str | None:
    """Why the task of a launched server has to stay for now: with it goes the way back."""
    if not request.soak:
        return None
    launched = await _launched_at(request, server, write)
    wait = f"Its task is the way back; it stays {span(request.soak)} (soak_hours)."
    if launched is None:
        return f"When it was launched is not known. {wait}"
    age = request.desk.now() - launched
    if age >= request.soak:
        return None
    return f"It was launched {span(age)} ago. {wait}"


async def _launched_at(request: Request, server: Server, write: Writer) -> datetime | None:
    """When it was launched; lists may leave out the sub-tasks that tell."""
    if server.last_launch is None and server.task_id is not None:
        try:
            task = await request.desk.api(GetMigrationTask(task_id=server.task_id))
        except SmsToolsError:
            write.gaps.append(
                f"get_migration_task: the launch of {server.name} could not be read; the time of "
                "its state counts."
            )
            return server.launched_at
        return Server(server.source, task).launched_at
    return server.launched_at
