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


def names(task: Task, group: Group) -> tuple[str, ...]:
    """The sub-tasks of a run, in order."""
    linux = task.source.spec.linux
    level = "FILE" if task.type == "MIGRATE_FILE" else "BLOCK"
    data = f"LINUX_{level}" if linux else "WINDOWS_BLOCK"
    system = data if linux else "WINDOWS"
    if group is Group.REPLICATE:
        copy = ("SSL_CONFIG", "ATTACH_AGENT_IMAGE", f"FORMAT_DISK_{system}", f"MIGRATE_{data}")
        return copy if task.exist_server else ("CREATE_CLOUD_SERVER", *copy)
    if group is Group.CUTOVER:
        return (f"CONFIGURE_{system}", "DETTACH_AGENT_IMAGE")
    if group is Group.RESYNC:
        return ("SSL_CONFIG", "ATTACH_AGENT_IMAGE", f"SYNC_{data}")
    return (f"SYNC_{data}",) if group is Group.DELTA else ("CLONE_VM",)


def begin_group(task: Task, group: Group) -> None:
    """Append the sub-tasks of a new run to the task's history; none of them is started."""
    op = _user_op(task, group)
    task.group = group
    for name in names(task, group):
        step = _step(task, name, op, group)
        task.steps.append(step)
        task.todo.append(step)
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


def _step(task: Task, name: str, op: str, group: Group) -> Step:
    compare = task.compare if name == "SYNC_LINUX_FILE" else 0
    return Step(task.next_step_id, name, op, group, *work_of(task, name), compare)


def work_of(task: Task, name: str) -> tuple[float, bool]:
    """How much a sub-task has to do, and whether that is bytes (else milliseconds)."""
    if name.startswith("MIGRATE_"):
        return task.total, True
    if name.startswith("SYNC_"):
        return task.delta, True
    if name.startswith("FORMAT_DISK"):
        return _FORMAT * task.tempo, False
    if name.startswith("CONFIGURE"):
        return _CONFIGURE * task.tempo, False
    return _DURATIONS[name] * task.tempo, False


def _forget_old_rounds(task: Task, keep: int = 3) -> None:
    """Keep the history of continuous sync short, however long it goes on."""
    rounds = [index for index, step in enumerate(task.steps) if step.group is Group.DELTA]
    for index in reversed(rounds[:-keep]):
        del task.steps[index]
