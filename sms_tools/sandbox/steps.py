"""Which sub-tasks a run consists of, and how long the service's own ones take."""

from sms_tools.sandbox.model import Group, Step, Task
from sms_tools.sandbox.pace import MINUTE

SECOND = 1_000
_DURATIONS = {
    "CREATE_CLOUD_SERVER": 4 * MINUTE,
    "SSL_CONFIG": 4 * SECOND,
    "ATTACH_AGENT_IMAGE": 3 * MINUTE,
    "DETTACH_AGENT_IMAGE": 74 * SECOND,
    "CLONE_VM": 10 * MINUTE,
}
_FORMAT = 25 * SECOND
_CONFIGURE = 111 * SECOND


def begin_group(task: Task, group: Group) -> None:
    """Append the sub-tasks of a new run to the task's history; none of them is started."""
    file_level = task.type == "MIGRATE_FILE"
    kind = (
        ("LINUX_FILE" if file_level else "LINUX_BLOCK")
        if task.source.spec.linux
        else ("WINDOWS_BLOCK")
    )
    system = kind if task.source.spec.linux else "WINDOWS"
    names: dict[Group, tuple[str, ...]] = {
        Group.REPLICATE: (
            *(() if task.exist_server else ("CREATE_CLOUD_SERVER",)),
            "SSL_CONFIG",
            "ATTACH_AGENT_IMAGE",
            f"FORMAT_DISK_{system}",
            f"MIGRATE_{kind}",
        ),
        Group.CUTOVER: (f"CONFIGURE_{system}", "DETTACH_AGENT_IMAGE"),
        Group.RESYNC: ("SSL_CONFIG", "ATTACH_AGENT_IMAGE", f"SYNC_{kind}"),
        Group.DELTA: (f"SYNC_{kind}",),
        Group.CLONE: ("CLONE_VM",),
    }
    op = _user_op(task, group)
    task.group = group
    for name in names[group]:
        task.steps.append(_step(task, task.next_step_id, name, op, group))
        task.next_step_id += 1
    if group is Group.DELTA:
        _forget_old_rounds(task)


def _user_op(task: Task, group: Group) -> str:
    if group is Group.CUTOVER:
        task.launches += 1
        return f"CUTOVER{task.launches - 1}"
    if group in (Group.RESYNC, Group.DELTA):
        task.syncs += 1
        return f"RESYNC{task.syncs - 1}"
    if group is Group.CLONE:
        task.clones += 1
        return f"CLONE{task.clones - 1}"
    return group.value


def _step(task: Task, number: int, name: str, op: str, group: Group) -> Step:
    if name.startswith("MIGRATE_"):
        return Step(number, name, op, group, work=task.total, moves_data=True)
    if name.startswith("SYNC_"):
        compare = task.compare if name == "SYNC_LINUX_FILE" else 0
        return Step(number, name, op, group, work=task.delta, moves_data=True, compare=compare)
    if name.startswith("FORMAT_DISK"):
        return Step(number, name, op, group, work=_FORMAT * task.tempo)
    if name.startswith("CONFIGURE"):
        return Step(number, name, op, group, work=_CONFIGURE * task.tempo)
    return Step(number, name, op, group, work=_DURATIONS[name] * task.tempo)


def _forget_old_rounds(task: Task, keep: int = 3) -> None:
    """Keep the history of continuous sync short, however long it goes on."""
    rounds = sorted(
        {s.op for s in task.steps if s.group is Group.DELTA}, key=lambda op: int(op[6:])
    )
    for op in rounds[:-keep]:
        task.steps = [s for s in task.steps if s.op != op]
