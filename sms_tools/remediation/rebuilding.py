"""Building a task anew: for servers whose change tracking or target was lost (SMS.0515 …).

The old task is deleted and a new one created, which `recreating` writes. It is created without
being started; the old one's limits and options are put back first.
"""

from collections.abc import Sequence
from typing import Any, Final

from pydantic import ValidationError

from sms_tools.errors import SmsToolsError
from sms_tools.fleet.effect import effect_of_creation
from sms_tools.fleet.server import Server
from sms_tools.guard.previews.fitting import obstacles_in
from sms_tools.knowledge import explain
from sms_tools.knowledge.facts import TARGET_GONE_CODES, TEMPORARY_DISK_GB
from sms_tools.operations.options import (
    ConfigureMigrationOptions,
    GetMigrationOptions,
    MigrationOption,
    OptionSetting,
)
from sms_tools.operations.source_servers import GetSourceServer
from sms_tools.operations.tasks import (
    CreateMigrationTask,
    DeleteMigrationTask,
    GetMigrationRateLimits,
    GetMigrationTask,
    ManageMigrationTask,
    MigrationTaskDetail,
    SetMigrationRateLimits,
)
from sms_tools.operations.tasks.progress import RateLimitSetting
from sms_tools.operations.tasks.records import RateLimit
from sms_tools.operations.templates import GetTemplate
from sms_tools.remediation.plan import Before
from sms_tools.remediation.recreating import written_again
from sms_tools.remediation.request import Request
from sms_tools.remediation.writing import Words, Writer
from sms_tools.text import one_line
from sms_tools.wording import size

_NO_TASK: Final = Before(phases=("waiting",), task_id=None)
_NOT_STARTED: Final = Before(phases=("waiting",), task_id="")
"""Of the new task, whose id is known when it is there."""
_NEEDS_A_NEW_RECORD: Final = frozenset({"SMS.0515", "SMS.0519"})
"""Codes after which the source's record shows its disks only when the Agent was restarted."""
_MOST_OPTIONS: Final = 10

_CREATE: Final = Words(
    does="Creates the task again with the old one's settings, without starting it.",
    verified_by="get_source_server: it has a new task.",
    undo="Deleting the new task.",
)
_LIMITS: Final = Words(
    does="Puts the old task's hourly rate limits back.",
    verified_by="get_migration_rate_limits: these segments and no others.",
    undo="Setting other segments.",
)
_OPTIONS: Final = Words(
    does="Puts the old task's options back: what it leaves out and how much it may use.",
    verified_by="get_migration_options: these values.",
    undo="Setting other values.",
)
_START: Final = Words(
    does="Starts the new task: everything is copied from the beginning.",
    verified_by="get_migration_task: the task runs.",
    undo="stop pauses it.",
    costs="A new target ECS with its disks, and a temporary "
    f"{TEMPORARY_DISK_GB} GB disk, are billed from then on.",
)


async def rebuild(request: Request, write: Writer) -> None:
    """Delete the task and create it again; everything is copied from the beginning."""
    for server in request.servers:
        code = (server.error.code if server.error else None) or ""
        known = explain(code) if code else None
        lost = bool(known and known.full_copy_again)
        if server.phase != "failed":
            if request.by_name:
                write.leave(server, f"Only a failed server is rebuilt; it is {server.phase}.")
        elif not lost:
            if request.by_name:
                _leave(server, code, write)
        elif code in _NEEDS_A_NEW_RECORD and not _was_reported_since(server):
            _people_first(server, code, write)
        elif write.may("delete_task", server) and write.has_room_for(server):
            await _one(request, server, code, write)


def _leave(server: Server, code: str, write: Writer) -> None:
    """Say why a failed server is not built anew, without claiming more than is known."""
    known = explain(code) if code else None
    if known is None:
        write.leave(server, "The task names no error; whether it needs a new task is not known.")
    elif known.full_copy_again is None:
        write.leave(
            server,
            f"{code}: whether a new task is needed is not known. {one_line(known.first_step, 400)}",
        )
    else:
        retry = known.retry_safe is not False and server.legality("start").verdict == "legal"
        write.leave(server, f"{code} does not need a new task.", "retry_failed" if retry else None)


def _was_reported_since(server: Server) -> bool:
    """Whether the Agent has come back since the failure: then the record shows today's disks."""
    came, failed = server.connection_since, server.state_since
    return server.connected is not False and bool(came and failed and came > failed)


def _people_first(server: Server, code: str, write: Writer) -> None:
    """The record is older than the failure: a task made from it would have the old disks."""
    write.first.append(
        f"Everything on {server.name} has to be copied again, but its record is older than the "
        "failure: a new task would get the old disks. Nothing is deleted before the Agent has "
        "reported them; plan again then."
    )
    known = explain(code)
    write.person(
        "source" if known.actor == "api" else known.actor,
        f"{code}: {known.cause} {known.by_hand} Then plan again.",
        [server],
    )
    write.again = True


async def _one(request: Request, server: Server, code: str, write: Writer) -> None:
    try:
        task = await request.desk.api(GetMigrationTask(task_id=str(server.task_id)))
        source = await request.desk.api(GetSourceServer(source_id=server.id))
        anew = written_again(server, task, source, await _template(request, task))
    except SmsToolsError as error:
        anew = f"It could not be read: {one_line(str(error), 160)}"
    except ValidationError as error:
        anew = f"Its record makes no sense: {_odd(error)}. A person must create the new task."
    if not isinstance(anew, str):
        # Nothing is deleted for a task that the service would then refuse.
        wrong = obstacles_in(anew, source, has_task=False, template_exists=True)
        anew = " ".join(each.reason for each in wrong) or anew
    if isinstance(anew, str):
        write.leave(server, anew)
        write.give_back(server)
        return
    _say_first(server, write)
    known = explain(code)
    before_all = write.person(
        "source" if known.actor == "api" else known.actor,
        f"{code}: {known.cause} {known.by_hand} Then say so.",
        [server],
    )
    deleted = write.call(
        DeleteMigrationTask(task_id=str(server.task_id)),
        server,
        "task_gone",
        Words(
            does="Deletes the failed task with its target configuration.",
            verified_by="get_migration_task: not found.",
            undo="Nothing.",
            loses=f"The copy made so far: {_copied(server)}.",
            costs=_old_target(code, task),
        ),
        after=(before_all,),
    )
    created = write.call(anew, server, "created", _CREATE, before=_NO_TASK, after=(deleted,))
    await _put_back_and_start(request, server, anew, created, write)


async def _put_back_and_start(
    request: Request, server: Server, anew: CreateMigrationTask, created: int, write: Writer
) -> None:
    """Limits and options of the old task, then the start: never at full speed by the way."""
    limits, options = await _limits_of(request, server), await _options_of(request, server)
    task_id = f"new-task-of-step-{created}"
    after = created
    more: dict[str, Any] = {"before": _NOT_STARTED, "task_of": created}
    if limits:
        setting = SetMigrationRateLimits(task_id=task_id, speed_limit=list(limits))
        after = write.call(setting, server, "limits", _LIMITS, after=(after,), **more)
    for start in range(0, len(options or ()), _MOST_OPTIONS):
        some = list(options or ())[start : start + _MOST_OPTIONS]
        putting = ConfigureMigrationOptions(task_id=task_id, configurations=some)
        after = write.call(putting, server, "options", _OPTIONS, after=(after,), **more)
    if limits is None or options is None:
        what = "hourly rate limits" if limits is None else "options, with the paths it left out,"
        write.first.append(
            f"The {what} of the old task of {server.name} could not be read: the new task is "
            "created and NOT started."
        )
        does = (
            f"The old {what} could not be read: set them on the new task (set_migration_rate_limits"
            ", configure_migration_options), then start it with manage_migration_task."
        )
        write.person("person", does, [server], later=True)
        return
    effect = effect_of_creation(starts=True, syncing=anew.syncing, existing_target=False)
    if effect.launches:
        write.first.append(f"{server.name}: {effect.words()}")
    begin = ManageMigrationTask(task_id=task_id, operation="start")
    write.call(begin, server, "running", _START, after=(after,), launch=effect.launch, **more)


async def _limits_of(request: Request, server: Server) -> Sequence[RateLimitSetting] | None:
    """The old task's limits by hour; None where they cannot be read or said again."""
    try:
        found = await request.desk.api(GetMigrationRateLimits(task_id=str(server.task_id)))
        return [_segment(row) for row in found.speed_limit or ()]
    except (SmsToolsError, ValidationError):
        return None


def _segment(row: RateLimit) -> RateLimitSetting:
    return RateLimitSetting(
        start=row.start or "",
        end=row.end or "",
        speed=row.speed or 0,
        over_speed_threshold=row.over_speed_threshold,
    )


async def _options_of(request: Request, server: Server) -> Sequence[OptionSetting] | None:
    """The old task's options; None where they cannot be read."""
    listed: Sequence[MigrationOption] | None
    try:
        read = await request.desk.api(GetMigrationOptions(task_id=str(server.task_id)))
        listed = read.configurations or []
    except SmsToolsError:
        listed = server.task.special_config if server.task else None
    if listed is None:
        return None
    return [
        OptionSetting(config_key=each.config_key, config_value=each.config_value)
        for each in listed
        if each.config_key and each.config_value
    ]


def _odd(error: ValidationError) -> str:
    """Which fields of a record are missing or odd."""
    names = [".".join(str(part) for part in each["loc"]) for each in error.errors()[:3]]
    return one_line(", ".join(names), 200)


def _old_target(code: str, task: MigrationTaskDetail) -> str:
    """What stays of the target when its task goes, and is billed."""
    if code in TARGET_GONE_CODES:
        return (
            f"The old target is gone already ({code}); a temporary {TEMPORARY_DISK_GB} GB disk may "
            "be left of it, billed until somebody deletes it on the EVS console."
        )
    target = task.target_server
    old = f"ECS {one_line(target.vm_id, 64)}" if target and target.vm_id else "it"
    return (
        f"The old target is not deleted: {old} is billed, with its temporary disk, until somebody "
        "deletes it on the ECS console."
    )


def _say_first(server: Server, write: Writer) -> None:
    everything = size(server.total_bytes) if server.total_bytes else "all data"
    write.first.append(
        f"Everything on {server.name} is copied again from the beginning: {everything}."
    )


def _copied(server: Server) -> str:
    return "size not known" if server.done_bytes is None else size(server.done_bytes)


async def _template(request: Request, task: MigrationTaskDetail) -> bool | None:
    """Whether the task's template outlives the task; None without one."""
    if not task.vm_template_id:
        return None
    reply = await request.desk.api(GetTemplate(template_id=task.vm_template_id))
    kept = reply.template.is_template if reply.template else None
    return str(kept).lower() == "true"
