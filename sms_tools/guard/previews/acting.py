"""Previews of what a task can be made to do: start, launch, rehearse, synchronise again, pause.

What a call does is judged by :mod:`sms_tools.fleet.effect`; here it is put into words.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from sms_tools.api import Api
from sms_tools.fleet.effect import Effect, effect_of
from sms_tools.fleet.server import Server
from sms_tools.guard.previews.building import preview, sent_by
from sms_tools.guard.previews.describing import (
    bound,
    bound_gates,
    bound_options,
    bound_template,
    erased_lines,
    gate_lines,
    left_out_lines,
    lines,
    target_words,
    targets,
    template_costs,
    template_lines,
    typed,
)
from sms_tools.guard.previews.fitting import may_clone, template_of
from sms_tools.guard.previews.reader import Reader
from sms_tools.guard.subject import Preview
from sms_tools.knowledge import Legality
from sms_tools.knowledge.facts import NETWORK_CHECK_MINUTES, TEMPORARY_DISK_GB
from sms_tools.operation import JSON
from sms_tools.operations.options import MigrationOption
from sms_tools.operations.tasks import ManageMigrationTask
from sms_tools.wording import named, when

BILLED_TARGET: Final = (
    f"The ECS with its disks, and a temporary {TEMPORARY_DISK_GB} GB pay-per-use disk, are billed "
    "from now on."
)
_NO_WAY_BACK: Final = (
    "This cannot be undone here: going back means starting the source again, or a disk snapshot on "
    "the EVS console. A later restart synchronises again and overwrites what the target wrote."
)
_ALIAS: Final = {"cutover": "test"}


async def manage(operation: ManageMigrationTask, api: Api) -> Preview:
    """One action on one task, each in its own words."""
    reader = Reader(api)
    server = await reader.server_of_task(operation.task_id)
    action = _ALIAS.get(operation.operation, operation.operation)
    if action == "start" and effect_of(server, action).launch == "now":
        action = "test"
    return await _ACTIONS.get(action, _other)(operation, server, reader)


async def _start(operation: ManageMigrationTask, server: Server, reader: Reader) -> Preview:
    effect = effect_of(server, "start")
    will, losses, costs = [], [], []
    wanted = server.template_id if effect.makes_target else None
    template, _ = await template_of(reader, "the template of the target", wanted)
    if effect.erases is not False:
        what = "Start the migration, which ERASES the target"
        losses += _erasing(server, effect)
    elif effect.makes_target and not server.formatted:
        what = "Start the migration"
        will.append("A target server is created from the task's template.")
        will += template_lines(template) if template else []
        costs += [BILLED_TARGET, *template_costs(template)]
    elif effect.overwrites_target:
        what = "Resume the synchronisation over the launched target"
        losses.append(_overwritten(server))
    else:
        will.append("The copy goes on where it stopped, or is tried again.")
        what = "Resume the migration"
    if effect.is_unverified_launch:
        what += ", which then launches" if effect.launch == "after_copy" else ", which may launch"
        losses.append(effect.words())
    options = await reader.options(server) if effect.is_unverified_launch else None
    return _of(
        operation,
        server,
        reader,
        f"{what}: {named(server.raw_name, server.id)}.",
        effect=effect,
        will=[*will, "The Agent reads all data of the source; that uses its network and disks."],
        losses=[*losses, *_left_out(options)],
        costs=costs,
        state={
            "formatted": server.formatted,
            "template": bound_template(template),
            "options": bound_options(options),
        },
    )


async def _launch(operation: ManageMigrationTask, server: Server, reader: Reader) -> Preview:
    effect = effect_of(server, operation.operation)
    again = operation.operation == "start"
    gates, consistency = await reader.readiness(server)
    verified = f", verified {when_verified}" if (when_verified := consistency.when()) else ""
    directories = consistency.directory_names()
    return _of(
        operation,
        server,
        reader,
        f"Launch the target of {named(server.raw_name, server.id)}: this is the cutover"
        f"{', tried again after it failed' if again else ''}.",
        effect=effect,
        will=[
            "Continuous synchronisation ends, and the target starts from its own disks.",
            "What is written on the source from now on does not reach the target.",
            "Source and target can both take writes: stop the source's services first.",
        ],
        losses=["The snapshot of an earlier launch is replaced.", _NO_WAY_BACK],
        hangs=[
            *gate_lines(gates, without=FAILS_BEFORE_A_NEW_TRY if again else ()),
            f"Consistency, {consistency.verdict}{verified}: {consistency.why}",
            *([f"Verified directories: {', '.join(directories)}."] if directories else []),
        ],
        state={
            "verdict": f"{consistency.verdict} {consistency.when()}",
            "gates": bound_gates(gates),
            "left_out": gates.findings["nothing_left_out"].says,
        },
    )


FAILS_BEFORE_A_NEW_TRY: Final = ("stage_syncing", "state_syncing", "no_error", "launch_allowed")
"""Gates that a server which failed while cutting over cannot pass: the new try is what mends it."""


async def _clone(operation: ManageMigrationTask, server: Server, reader: Reader) -> Preview:
    template, exists = await template_of(reader, "the template of the clone", operation.template_id)
    return _of(
        operation,
        server,
        reader,
        f"Rehearse: make a billed clone of the target of {named(server.raw_name, server.id)}.",
        effect=effect_of(server, "clone_test"),
        will=[
            *(template_lines(template) if template else []),
            "Synchronisation stops while the clone is made, then continues.",
        ],
        losses=["No call here deletes the clone: that is done on the ECS console."],
        costs=[
            "A further ECS with its disks is created and billed until somebody deletes it.",
            *template_costs(template),
        ],
        hangs=[f"There is a clone already: ECS {server.clone_id}, billed."]
        if server.clone_id
        else [],
        state={"template": bound_template(template)},
        allowed=may_clone(server.legality("clone_test"), operation.template_id, exists),
    )


async def _restart(operation: ManageMigrationTask, server: Server, reader: Reader) -> Preview:
    effect = effect_of(server, operation.operation)
    return _of(
        operation,
        server,
        reader,
        f"Synchronise {named(server.raw_name, server.id)} again, over its launched target.",
        effect=effect,
        will=[
            f"The target {target_words(server)} goes down and is started from the Agent's disk.",
            "Changes of the source since the launch are copied onto it.",
        ],
        losses=[
            _overwritten(server),
            "The target is offline until it is launched again.",
            *([effect.words()] if effect.is_unverified_launch else []),
        ],
    )


def _overwritten(server: Server) -> str:
    return (
        "What was written on the target since it was launched is overwritten. "
        f"Latest launch ended: {when(server.last_launch)}."
    )


def _erasing(server: Server, effect: Effect) -> list[str]:
    doubt = "If an earlier start has formatted them already, the copy goes on."
    return [
        f"The disks of the target {target_words(server)} are formatted and partitioned again: "
        "everything on them is lost.",
        *erased_lines(server),
        *([doubt] if effect.erases is None else []),
    ]


def _left_out(options: Sequence[MigrationOption] | None) -> list[str]:
    return [f"The task's option {line}" for line in left_out_lines(options)]


async def _stop(operation: ManageMigrationTask, server: Server, reader: Reader) -> Preview:
    return _of(
        operation,
        server,
        reader,
        f"Pause the migration of {named(server.raw_name, server.id)}.",
        will=["The copy pauses; start resumes it. A large Linux copy is then compared again."],
    )


async def _network_check(operation: ManageMigrationTask, server: Server, reader: Reader) -> Preview:
    return _of(
        operation,
        server,
        reader,
        f"Measure the network between {named(server.raw_name, server.id)} and its target.",
        will=[
            f"Test data is sent for {NETWORK_CHECK_MINUTES[0]} to {NETWORK_CHECK_MINUTES[1]} "
            "minutes, in which the rate limits do not hold.",
        ],
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
        f"Action {operation.operation} on the migration of {named(server.raw_name, server.id)}.",
        effect=effect_of(server, operation.operation),
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
    effect: Effect | None = None,
    will: Sequence[str] = (),
    losses: Sequence[str] = (),
    costs: Sequence[str] = (),
    hangs: Sequence[str] = (),
    state: Mapping[str, JSON] | None = None,
    allowed: Legality | None = None,
) -> Preview:
    """What all actions have in common. A launch, under whatever name, is typed as one."""
    launches = effect is not None and effect.launches
    return preview(
        headline,
        f"launch {typed(server)}" if launches else typed(server),
        now=lines(server),
        will=will,
        losses=losses,
        costs=costs,
        hangs=hangs,
        sent=sent_by(operation, "task_id", "operation"),
        unread=reader.unread,
        state={**bound(server), "launch": effect.launch if effect else "no", **(state or {})},
        targets=targets(server),
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
