"""Previews of what a task can be made to do: start, launch, rehearse, synchronise again, pause."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from sms_tools.api import Api
from sms_tools.guard.previews.building import preview, sent_by
from sms_tools.guard.previews.deleting import template_line
from sms_tools.guard.previews.facts import Reader, Server
from sms_tools.guard.previews.fitting import may_clone, template_of
from sms_tools.guard.subject import Preview
from sms_tools.knowledge import Legality
from sms_tools.knowledge.facts import TEMPORARY_DISK_GB
from sms_tools.operation import JSON
from sms_tools.operations.tasks import (
    ConsistencyResults,
    GetConsistencyResults,
    ListMigrationTasks,
    ManageMigrationTask,
)
from sms_tools.wording import count_of, named, plain, size, when

_BILLED_TARGET: Final = (
    f"The ECS with its disks, and a temporary {TEMPORARY_DISK_GB} GB pay-per-use disk, are billed "
    "from now on."
)
_ALIAS: Final = {"cutover": "test"}


async def manage(operation: ManageMigrationTask, api: Api) -> Preview:
    """One action on one task, each in its own words."""
    reader = Reader(api)
    server = await reader.server_of_task(operation.task_id)
    action = _ALIAS.get(operation.operation, operation.operation)
    return await _ACTIONS.get(action, _other)(operation, server, reader)


async def _start(operation: ManageMigrationTask, server: Server, reader: Reader) -> Preview:
    target = server.task.target_server if server.task else None
    existing = bool(target and target.vm_id)
    formatted = server.formatted()
    will, losses, costs = [], [], []
    if formatted:
        will.append("The copy goes on where it stopped, or is tried again.")
        what = "Resume the migration"
    elif existing:
        what = "Start the migration, which ERASES the target"
        losses.append(
            f"The disks of the target {server.target_words()} are formatted and partitioned anew: "
            "everything on them is lost."
        )
        losses += _disk_lines(server)
        if formatted is None:
            losses.append("If an earlier start has formatted them already, the copy goes on.")
    else:
        what = "Start the migration"
        will.append("A target server is created from the task's template.")
        costs.append(_BILLED_TARGET)
    syncing = await _keeps_synchronising(server, reader)
    if syncing is False:
        losses.append(
            "The task does not keep synchronising: when the copy ends, the target is launched by "
            "itself, without anybody being asked again."
        )
    if syncing is None:
        reader.unread.append("Whether the target will be launched by itself after the copy")
    return _of(
        operation,
        server,
        reader,
        f"{what} of {named(server.name, server.id)}.",
        will=[*will, "The Agent reads all data of the source; that uses its network and disks."],
        losses=losses,
        costs=costs,
        state={"formatted": formatted, "syncing": syncing},
    )


async def _launch(operation: ManageMigrationTask, server: Server, reader: Reader) -> Preview:
    results = await reader.want(
        "the consistency results", GetConsistencyResults(task_id=operation.task_id)
    )
    lines, verdict = consistency(results)
    return _of(
        operation,
        server,
        reader,
        f"Launch the target of {named(server.name, server.id)}: this is the cutover.",
        typed=f"launch {server.typed}",
        will=[
            "Continuous synchronisation ends, and the target starts from its own disks.",
            "What is written on the source from now on does not reach the target.",
            "Source and target can both take writes: stop the source's services first.",
        ],
        losses=[
            "The snapshot of an earlier launch is replaced.",
            "Nothing here goes back: a rollback is a disk snapshot on the EVS console; a later "
            "restart synchronises again and overwrites what the target wrote.",
        ],
        hangs=lines,
        state={"verdict": verdict},
    )


async def _clone(operation: ManageMigrationTask, server: Server, reader: Reader) -> Preview:
    template, exists = await template_of(reader, "the template of the clone", operation.template_id)
    costs = ["A further ECS with its disks is created and billed until somebody deletes it."]
    if template and template.publicip:
        costs.append(f"Its elastic IP, {template.publicip.bandwidth_size} Mbit/s, is billed too.")
    return _of(
        operation,
        server,
        reader,
        f"Rehearse: make a billed clone of the target of {named(server.name, server.id)}.",
        will=[
            *([template_line(template) + "."] if template else []),
            "Synchronisation stands still while the clone is made, then goes on.",
        ],
        losses=["No call here deletes the clone: that is done on the ECS console."],
        costs=costs,
        state={"template": template.name if template else None},
        allowed=may_clone(server.legality("clone_test"), operation.template_id, exists),
    )


async def _restart(operation: ManageMigrationTask, server: Server, reader: Reader) -> Preview:
    return _of(
        operation,
        server,
        reader,
        f"Synchronise {named(server.name, server.id)} again, over its launched target.",
        will=[
            f"The target {server.target_words()} goes down and is started from the Agent's disk.",
            "Changes of the source since the launch are copied onto it.",
        ],
        losses=[
            "What was written on the target since it was launched is overwritten. "
            f"Latest launch ended: {when(server.last_launch())}.",
            "The target serves nobody until it is launched again.",
        ],
    )


async def _stop(operation: ManageMigrationTask, server: Server, reader: Reader) -> Preview:
    return _of(
        operation,
        server,
        reader,
        f"Pause the migration of {named(server.name, server.id)}.",
        will=["The copy pauses; start resumes it. A large Linux copy is compared again then."],
    )


async def _network_check(operation: ManageMigrationTask, server: Server, reader: Reader) -> Preview:
    return _of(
        operation,
        server,
        reader,
        f"Measure the network between {named(server.name, server.id)} and its target.",
        will=["Test data is sent for a short while."],
    )


async def _other(operation: ManageMigrationTask, server: Server, reader: Reader) -> Preview:
    """An action that is newer than the reference: what it does is said as far as it is known."""
    known = {
        "skip": "The running consistency verification is skipped: differences stay unseen.",
        "clear": "The snapshots of the migration are deleted; a rollback to them is over.",
        "migration_test": "A migration drill is started; what it creates may be billed.",
        "error_for_overspeed": "The task is put into an error for copying too fast.",
    }
    what = known.get(operation.operation, "What it does is not documented.")
    return _of(
        operation,
        server,
        reader,
        f"Action {operation.operation} on the migration of {named(server.name, server.id)}.",
        will=[what],
        losses=[
            "The reference does not describe this action; whether it can be undone is not known."
        ],
    )


def _of(
    operation: ManageMigrationTask,
    server: Server,
    reader: Reader,
    headline: str,
    *,
    typed: str = "",
    will: Sequence[str] = (),
    losses: Sequence[str] = (),
    costs: Sequence[str] = (),
    hangs: Sequence[str] = (),
    state: Mapping[str, JSON] | None = None,
    allowed: Legality | None = None,
) -> Preview:
    """What all actions have in common."""
    return preview(
        headline,
        typed or server.typed,
        now=server.lines(),
        will=will,
        losses=losses,
        costs=costs,
        hangs=hangs,
        sent=sent_by(operation, "task_id", "operation"),
        unread=reader.unread,
        state={**server.facts(), **(state or {})},
        targets=server.targets(),
        allowed=allowed or server.legality(operation.operation),
    )


_Action = Callable[[ManageMigrationTask, Server, Reader], Awaitable[Preview]]
_ACTIONS: Final[Mapping[str, _Action]] = {
    "start": _start,
    "test": _launch,
    "clone_test": _clone,
    "restart": _restart,
    "stop": _stop,
    "network_check": _network_check,
}


def consistency(results: ConsistencyResults | None) -> tuple[list[str], str]:
    """The latest verification in words, and as the verdict that an approval is bound to."""
    if results is None:
        return ["Consistency: could not be read."], "unreadable"
    runs = [run for run in results.result_list or () if run.consistency_result is not None]
    if not runs:
        return ["Consistency: never verified."], "never"
    latest = max(runs, key=lambda run: run.finished_time or 0)
    places = latest.consistency_result or []
    total = sum(place.num_total_files or 0 for place in places)
    differ = sum(
        (place.num_different_files or 0)
        + (place.num_target_miss_files or 0)
        + (place.num_target_more_files or 0)
        for place in places
    )
    empty = [plain(place.dir_check) for place in places if not place.num_total_files]
    lines = [
        f"Consistency: {count_of(total, 'file')} compared in "
        f"{count_of(len(places), 'directory', 'directories')}, {differ} differ, are missing or are "
        f"extra; finished {when(latest.finished_time)}."
    ]
    if empty:
        lines.append(f"Nothing was compared in: {', '.join(empty[:10])}.")
    verdict = "differs" if differ else "partial" if empty or not total else "clean"
    return lines, f"{verdict} {latest.finished_time}"


async def _keeps_synchronising(server: Server, reader: Reader) -> bool | None:
    """Whether the task waits for a launch; only lists of tasks tell in some regions."""
    if server.task is None or server.task.syncing is not None or not server.task.id:
        return server.task.syncing if server.task else None
    page = await reader.want("the task in the list", ListMigrationTasks(id=server.task.id))
    own = [task for task in (page.items if page else ()) if task.id == server.task.id]
    return own[0].syncing if own else None


def _disk_lines(server: Server) -> list[str]:
    disks = getattr(server.task.target_server, "disks", None) if server.task else None
    return [
        f"Disk {plain(disk.name, 60)} ({plain(disk.disk_id, 64)}), {size(disk.size)}: erased."
        for disk in disks or ()
    ]
