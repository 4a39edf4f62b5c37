"""Rehearsing a cutover with clones, and launching targets that pass every gate."""

from collections.abc import Mapping
from typing import Final

from sms_tools.diagnosis.night import read_night
from sms_tools.fleet.gates import Gates
from sms_tools.fleet.launching import POINT_OF_NO_RETURN, Night
from sms_tools.fleet.readiness import read_readiness
from sms_tools.fleet.reading import recent_fleet
from sms_tools.guard.previews.acting import FAILS_BEFORE_A_NEW_TRY
from sms_tools.knowledge.facts import CUTOVER_UNKNOWABLE
from sms_tools.operations.tasks import ManageMigrationTask
from sms_tools.remediation.plan import Step
from sms_tools.remediation.request import Request
from sms_tools.remediation.showing import Shown
from sms_tools.remediation.writing import Words, Writer
from sms_tools.text import one_line

_CLONE: Final = Words(
    does="Makes a clone of the target to try out; synchronisation pauses meanwhile.",
    verified_by="get_migration_task: it names a clone and no error.",
    undo="Deleting the clone on the ECS console; no call here does that.",
)
_LAUNCH: Final = Words(
    does="Launches the target: the cutover. Before it, every gate is looked at once more.",
    verified_by="get_source_server: finished.",
    undo="Nothing here; plan_remediation with back_out describes the way back to the source.",
)


async def rehearse(request: Request, write: Writer) -> None:
    """Clone targets of servers in continuous sync."""
    request.need_a_choice("A rehearsal costs money and")
    for server in request.servers:
        template = request.template_id or server.template_id
        if server.phase != "syncing":
            write.leave(server, f"Only continuous sync can be cloned; it is {server.phase}.")
        elif server.clone_id and not server.clone_error:
            write.leave(
                server,
                f"Its clone exists already and is billed: ECS {one_line(server.clone_id, 64)}. Try "
                "that one out, or delete it on the ECS console first.",
            )
        elif template is None:
            write.leave(server, "It has no template of its own: say which, with template_id.")
        elif write.may("clone_test", server) and write.has_room_for(server):
            clone = ManageMigrationTask(
                task_id=str(server.task_id), operation="clone_test", template_id=template
            )
            write.call(clone, server, "cloned", _CLONE)
    if any(step.is_call for step in write.steps):
        write.preconditions.append("Somebody tries the clones out, and deletes them afterwards.")
        does = "Try out each clone, report the result, then delete it on the ECS console."
        write.person("console", does, later=True)


async def cut_over(request: Request, write: Writer) -> None:
    """Launch the targets of servers that pass every gate, in batches."""
    request.need_a_choice("A launch ends synchronisation and")
    since = request.desk.elapsed()
    syncing = [server for server in request.servers if server.phase == "syncing"]
    found = await read_readiness(request.desk, syncing, since=since)
    write.gaps += found.incomplete
    whole = recent_fleet(request.desk)
    every = whole.servers if whole else request.servers
    able = [s for s in found.servers.values() if not_ready(found.gates[s.id], request) is None]
    near = [*found.servers.values(), *every]
    night = await read_night(request.desk, able, near, write.gaps, since=since)
    order = [server.id for batch in night.batches for server in batch]
    chosen = []
    for server in sorted(request.servers, key=lambda s: order.index(s.id) if s.id in order else -1):
        if server.phase != "syncing":
            write.leave(server, f"Only continuous sync can be launched; it is {server.phase}.")
            continue
        gates = found.gates[server.id]
        if why := not_ready(gates, request):
            write.leave(server, why)
        elif write.may("test", server) and write.has_room_for(server):
            chosen.append(server.id)
    if not chosen:
        return
    night = night.only(chosen)
    ask = write.person(
        "person",
        f"Settle what cannot be seen from here: {'; '.join(CUTOVER_UNKNOWABLE[:3])}; "
        f"{CUTOVER_UNKNOWABLE[4]}. Stop the services on the sources. Then say so.",
    )
    for number, batch in enumerate(night.batches, 1):
        for server in batch:
            launch = ManageMigrationTask(task_id=str(server.task_id), operation="test")
            write.call(
                launch,
                server,
                "launched",
                _LAUNCH,
                after=(ask,),
                batch=number,
                open_gates=tuple(found.gates[server.id].open),
            )
    _tell(night, request, write)
    does = "After the launch: test the targets, then switch DNS and addresses."
    write.person("person", does, later=True)


def _tell(night: Night, request: Request, write: Writer) -> None:
    """How long the launches take, where there is no way back, and until when to begin."""
    now = request.desk.now()
    write.first.append(night.says(request.deadline, now))
    write.first.append(POINT_OF_NO_RETURN)
    write.last_safe_start = night.last_safe_start(request.deadline) if request.deadline else None
    said = {
        k: v for k, v in night.as_data(request.deadline, now).items() if k != "point_of_no_return"
    }
    write.told["launch"] = {
        **said,
        "by_server": [
            {**server.as_data(), "batch": number, **night.times[server.id].as_data(full=False)}
            for number, batch in enumerate(night.batches, 1)
            for server in batch
        ],
    }


def not_ready(found: Gates, request: Request) -> str | None:
    """Why a plan must not launch a server; None if every gate passes, or a person who named it
    may decide about those that nobody can tell.
    """
    if found.verdict == "ready" or (request.by_name and found.verdict == "not_confirmed"):
        return None
    says = " ".join(finding.says for finding in list(found.open.values())[:3])
    more = " Name the server to decide about that in the dialog."
    return one_line(f"{found.verdict}: {says}", 400) + (
        more if found.verdict == "not_confirmed" else ""
    )


def gates_in(step: Step, shown: Shown) -> Mapping[str, str]:
    """Each gate's verdict in a launch's preview, without those that a second try mends."""
    found = shown.state.get("gates")
    again = step.arguments.get("operation") == "start"
    return {
        name: verdict
        for name, verdict in (found.items() if isinstance(found, Mapping) else ())
        if not (again and name in FAILS_BEFORE_A_NEW_TRY)
    }


def closed(step: Step, shown: Shown) -> list[str]:
    """The gates that hold a launch back: they fail, or nobody accepted that they are open."""
    return [
        name
        for name, verdict in gates_in(step, shown).items()
        if verdict != "pass" and (verdict == "fail" or name not in step.open_gates)
    ]
