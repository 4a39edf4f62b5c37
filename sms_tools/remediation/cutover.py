"""Rehearsing a cutover with clones, and launching targets that pass every gate."""

from typing import Final

from sms_tools.fleet.desk import Desk
from sms_tools.fleet.gates import Gates
from sms_tools.fleet.readiness import read_gates_anew
from sms_tools.fleet.server import Server
from sms_tools.knowledge.facts import CUTOVER_UNKNOWABLE
from sms_tools.operations.tasks import ManageMigrationTask
from sms_tools.remediation.goals import Request, need_a_choice
from sms_tools.remediation.writing import Words, Writer
from sms_tools.text import one_line

GOALS: Final = frozenset({"rehearse_cutover", "cut_over"})

_CLONE: Final = Words(
    does="Makes a clone of the target, to be tried out; synchronisation stands still meanwhile.",
    verified_by="get_migration_task: a clone is named, without an error.",
    undo="Deleting the clone on the ECS console; no call here does that.",
    costs="A further ECS with its disks is billed until somebody deletes it.",
)
_LAUNCH: Final = Words(
    does="Launches the target: the cutover. Before it, every gate is looked at once more.",
    verified_by="get_source_server: finished.",
    undo="Nothing here: a rollback is a disk snapshot on the EVS console.",
    loses="Synchronisation ends: what is written on the source from now on stays there. The "
    "snapshot of an earlier launch is replaced.",
)


async def rehearse(request: Request, write: Writer) -> None:
    """Clone targets of servers in continuous sync."""
    need_a_choice(request, "A rehearsal costs money and")
    for server in request.servers:
        template = request.question.template_id or server.template_id
        if server.phase != "syncing":
            write.leave(server, f"Only continuous sync can be cloned; it is {server.phase}.")
        elif template is None:
            write.leave(server, "It has no template of its own: say which, with template_id.")
        elif write.may("clone_test", server) and write.has_room_for(server):
            write.call(
                ManageMigrationTask(
                    task_id=str(server.task_id), operation="clone_test", template_id=template
                ),
                server,
                "cloned",
                _CLONE,
            )
    if any(step.is_call for step in write.steps):
        write.preconditions.append("Somebody tries the clones out, and deletes them afterwards.")
        write.person("console", "Try out each clone, then delete it on the ECS console.")


async def cut_over(request: Request, write: Writer) -> None:
    """Launch the targets of servers that pass every gate."""
    need_a_choice(request, "A launch ends synchronisation and")
    chosen = []
    for server in request.servers:
        if server.phase != "syncing":
            write.leave(server, f"Only continuous sync can be launched; it is {server.phase}.")
        elif write.has_room_for(server):
            why = not_ready(await gates(request.desk, server))
            if why:
                write.leave(server, why)
                write.give_back(server)
            elif write.may("test", server):
                chosen.append(server)
    if not chosen:
        return
    ask = write.person(
        "person",
        f"Settle what nobody can see from here: {'; '.join(CUTOVER_UNKNOWABLE[:3])}; "
        f"{CUTOVER_UNKNOWABLE[4]}. Stop the services on the sources. Then say so.",
    )
    for server in chosen:
        launch = ManageMigrationTask(task_id=str(server.task_id), operation="test")
        write.call(launch, server, "launched", _LAUNCH, after=(ask,))
    write.person("person", "After the launch: test the targets, then switch DNS and addresses.")


async def gates(desk: Desk, server: Server) -> Gates | None:
    """The gates of *server* as they stand now; None if it could not be read closely."""
    return await read_gates_anew(desk, server)


def not_ready(found: Gates | None) -> str | None:
    """Why a server must not be launched by a plan; None if every gate passes."""
    if found is None:
        return "not_confirmed: its task could not be read."
    if found.verdict == "ready":
        return None
    says = " ".join(finding.says for finding in list(found.open.values())[:3])
    return one_line(f"{found.verdict}: {says}", 400)
