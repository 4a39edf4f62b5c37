"""A server and a template as a person reads them before a call, and what an approval is bound to.

What is shown is bound: identities, names, addresses, states, settings, disks, the template's
whole content. Bytes copied, rates and times move by themselves and are not.
"""

from collections.abc import Sequence

from sms_tools.fleet.gates import Gates
from sms_tools.fleet.server import Server
from sms_tools.guard.subject import Target, typeable
from sms_tools.knowledge import describe_phase
from sms_tools.operation import JSON
from sms_tools.operations.options import MigrationOption
from sms_tools.operations.tasks.records import TargetDisk
from sms_tools.operations.templates import Template
from sms_tools.wording import named, plain, size, when


def typed(server: Server) -> str:
    """What a person types for this server: its name, or an id where that cannot be typed."""
    return typeable(server.raw_name, server.id or server.task_id or "this one")


def targets(server: Server) -> list[Target]:
    """The things that a call on this server acts on, for the policy's rules."""
    found = [Target(server.id, server.raw_name)] if server.id else []
    if server.task_id:
        found.append(Target(server.task_id, server.raw_name))
    if server.target_id:
        found.append(Target(server.target_id, server.target_name))
    return found


def bound(server: Server) -> dict[str, JSON]:
    """What an approval about *server* is bound to: all that a person is shown of it."""
    task = server.task
    return {
        "source": {
            "id": server.id,
            "name": server.raw_name,
            "ip": server.ip,
            "os": server.os_type,
            "state": server.state,
            "stage": server.stage,
            "connected": server.connected,
        },
        "task": {
            "id": server.task_id,
            "name": task.name if task else None,
            "type": server.task_type,
            "state": server.task_state,
            "syncing": server.syncing,
            "start_target_server": task.start_target_server if task else None,
            "existing_target": server.has_existing_target,
            "template": server.template_id,
            "region": getattr(task, "region_id", None),
            "project": getattr(task, "project_id", None),
            "migration_ip": task.migration_ip if task else None,
        },
        "target": {
            "vm_id": server.target_id,
            "name": server.target_name,
            "ip": task.target_server.ip if task and task.target_server else None,
            "disks": [[d.name, d.disk_id, d.size] for d in target_disks(server)],
        },
        "clone": server.clone_id,
    }


def bound_template(template: Template | None) -> JSON:
    """A template's whole content, without its password."""
    if template is None:
        return None
    return template.model_dump(mode="json", exclude={"target_password"}, exclude_none=True)


def bound_options(options: Sequence[MigrationOption] | None) -> JSON:
    """The task's options by name; None where they could not be read."""
    if options is None:
        return None
    return {str(each.config_key): each.config_value for each in options}


def bound_gates(gates: Gates) -> JSON:
    """Each gate's verdict."""
    return {name: finding.verdict for name, finding in gates.findings.items()}


def short(server: Server) -> str:
    """The server in one line, for a list."""
    who, state = f"{named(server.raw_name, _fallback(server))} {_address(server)}", server.state
    agent = _yes_no(server.connected, "connected", "not connected")
    return f"{who}: state {plain(state, 30)}, Agent {agent}, {_copied(server)}"


def lines(server: Server) -> list[str]:
    """What is there now, in a few lines."""
    found = [
        f"Source server {named(server.raw_name, server.id)} {_address(server)}: {_saying(server)}.",
        f"Agent: {_yes_no(server.connected, 'connected', 'not connected')}.",
    ]
    task = server.task
    if task is None:
        what = "could not be read" if server.task_id else "is known for it"
        return [*found, f"{'Its' if server.task_id else 'No'} migration task {what}."]
    copied, last = _copied(server), server.last_sync
    return [
        *found,
        f"Migration task {named(task.name, task.id)}, state {plain(server.task_state)}.",
        f"{copied[:1].upper()}{copied[1:]}.",
        f"Last synchronisation ended: {when(last.end_date if last else None)}.",
        f"Target server: {target_words(server)}.",
        *(
            [f"Target address for the migration: {plain(task.migration_ip, 64)}."]
            if task.migration_ip
            else []
        ),
    ]


def target_words(server: Server) -> str:
    """The target by name and id."""
    if not (server.target_id or server.target_name):
        return "none yet"
    where = f" (ECS {plain(server.target_id, 64)})" if server.target_id else " (not created yet)"
    return named(server.target_name, server.target_id) + where


def target_disks(server: Server) -> Sequence[TargetDisk]:
    """The target's disks, where the task's details name them."""
    target = server.task.target_server if server.task else None
    return getattr(target, "disks", None) or ()


def erased_lines(server: Server) -> list[str]:
    """The target's disks, each with what becomes of it."""
    return [
        f"Disk {plain(disk.name, 60)} ({plain(disk.disk_id, 64)}), {size(disk.size)}: erased."
        for disk in target_disks(server)
    ]


def template_line(template: Template) -> str:
    """A template in one line."""
    eip = ", with an elastic IP" if template.publicip else ""
    return (
        f"Template {named(template.name, template.id)}: flavor {plain(template.flavor, 40)}, "
        f"region {plain(template.region, 40)}{eip}"
    )


def template_lines(template: Template) -> list[str]:
    """What a template makes: flavor and region, disks, network, address, image."""
    found = [f"{template_line(template)}."]
    disks = [
        f"{plain(disk.name, 40)} {disk.size} GB {plain(disk.disktype, 20)}"
        for disk in template.disk or ()
    ]
    if disks:
        found.append(f"Its disks: {', '.join(disks[:24])}.")
    if template.vpc and template.vpc.name:
        nets = [plain(nic.name, 60) for nic in template.nics or ()]
        groups = [plain(group.name, 60) for group in template.security_groups or ()]
        found.append(
            f"Its network: VPC {plain(template.vpc.name, 60)}, subnet "
            f"{', '.join(nets) or 'unknown'}, security group {', '.join(groups) or 'unknown'}."
        )
    if template.image_id:
        found.append(f"Its image: {plain(template.image_id, 64)}.")
    return found


def template_costs(template: Template | None) -> list[str]:
    """What a template makes and bills beside the ECS and its disks."""
    if template is None or template.publicip is None:
        return []
    return [f"An elastic IP of {template.publicip.bandwidth_size} Mbit/s is billed too."]


def gate_lines(gates: Gates, *, without: Sequence[str] = ()) -> list[str]:
    """The readiness verdict and each gate that does not pass, with its reason.

    Those of *without* cannot pass before a launch that failed is tried again: they are named.
    """
    open_gates = {name: f for name, f in gates.open.items() if name not in without}
    if not gates.open:
        return [f"Readiness: all {len(gates.findings)} gates pass."]
    words = {"not_ready": "NOT READY", "not_confirmed": "NOT CONFIRMED", "ready": "ready"}
    kept = [name for name in gates.open if name not in open_gates]
    besides = f", besides those that the failed launch keeps closed ({', '.join(kept)})"
    return [
        f"Readiness: {words[gates.verdict]}. {len(open_gates)} of {len(gates.findings)} gates do "
        f"not pass{besides if kept else ''}{':' if open_gates else '.'}",
        *(
            f"{name} {'fails' if finding.verdict == 'fail' else 'is unknown'}: {finding.says}"
            for name, finding in open_gates.items()
        ),
    ]


def left_out_lines(options: Sequence[MigrationOption] | None) -> list[str]:
    """The options that leave something out of the copy or of the verification."""
    return [
        f"{plain(each.config_key, 60)}: {plain(each.config_value, 400)}"
        for each in options or ()
        if each.config_value
    ]


def _fallback(server: Server) -> str | None:
    return server.id or server.task_id


def _address(server: Server) -> str:
    return f"({plain(server.ip, 64)}, {plain(server.os_type, 20)})"


def _saying(server: Server) -> str:
    meaning = describe_phase(server.phase).meaning.rstrip(".")
    stage = f", stage {plain(server.stage, 30)}" if server.stage else ""
    return f"state {plain(server.state, 30)}{stage} ({meaning[:1].lower()}{meaning[1:]})"


def _copied(server: Server) -> str:
    if server.total_bytes is None:
        return "how much is copied is not known"
    if server.above_total:
        return f"copied {size(server.reported_bytes)}, more than the announced total"
    return f"copied {size(server.done_bytes)} of {size(server.total_bytes)}"


def _yes_no(value: bool | None, yes: str, no: str) -> str:
    return "not known" if value is None else yes if value else no
