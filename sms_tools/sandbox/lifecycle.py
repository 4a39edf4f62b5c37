"""How a task lives: from one event to the next, and what it shows in between.

Every event happens at its own time (`Task.wake`), whenever the sandbox gets to look: a task that
is looked at once in three days has the same history as one that is looked at every second.
"""

from sms_tools.sandbox.model import Clone, Failure, Group, Mode, Step, Task, Trouble, Verification
from sms_tools.sandbox.pace import MINUTE
from sms_tools.sandbox.steps import SECOND, begin_group
from sms_tools.sandbox.work import bank, overspeed, reached

START_DELAY = 3 * SECOND
STOP_DELAY = 15 * SECOND
DELETE_DELAY = 10 * SECOND
RETRY = 20 * SECOND
"""How long it takes until a failure that is still there is met again."""
VERIFICATION = 2 * MINUTE

_TASK_STATE = {
    Mode.READY: "READY",
    Mode.RUNNING: "RUNNING",
    Mode.IDLE: "SYNCING",
    Mode.STOPPING: "ABORTING",
    Mode.PAUSED: "ABORT",
    Mode.FAILED: "MIGRATE_FAIL",
    Mode.FINISHED: "MIGRATE_SUCCESS",
    Mode.DELETING: "DELETING",
    Mode.GONE: "DELETING",
}
_SOURCE_STATE = {
    Mode.READY: "waiting",
    Mode.IDLE: "syncing",
    Mode.STOPPING: "stopping",
    Mode.PAUSED: "stopped",
    Mode.FAILED: "error",
    Mode.FINISHED: "finished",
    Mode.DELETING: "deleting",
    Mode.GONE: "deleting",
}


def shown(task: Task) -> tuple[str, str, str]:
    """What the wire shows: the task's state, the source's state, the source's migration stage."""
    mode = task.before if task.mode is Mode.STARTING else task.mode
    state = _TASK_STATE[mode]
    if mode is Mode.RUNNING and task.group in (Group.DELTA, Group.RESYNC, Group.CLONE):
        state = "SYNCING"
    source = _running_source(task) if mode is Mode.RUNNING else _SOURCE_STATE[mode]
    return state, source, _cycle(task, mode)


def _running_source(task: Task) -> str:
    if task.group is Group.CUTOVER:
        return "cutovering"
    if task.group is Group.CLONE:
        return "cloning"
    if task.group is not Group.REPLICATE:
        return "syncing"
    step = task.step
    return "replicate" if step and step.moves_data else "initialize"


def _cycle(task: Task, mode: Mode) -> str:
    if mode is Mode.READY:
        return "setting"
    if mode is Mode.FINISHED or (mode is Mode.DELETING and task.before is Mode.FINISHED):
        return "cutovered"
    if mode is Mode.FAILED and task.trouble and task.trouble.cycle:
        return task.trouble.cycle
    if task.group is None or (task.group is Group.REPLICATE and task.step):
        return "replicating"
    return "cutovering" if task.group is Group.CUTOVER and task.step else "syncing"


def note(task: Task, at: int) -> None:
    """Keep when the source's state and stage last changed."""
    _, state, cycle = shown(task)
    if state != task.source.state:
        task.source.state, task.source.state_at = state, at
        task.shown_state = None
    if cycle != task.source.cycle:
        task.source.cycle, task.source.stage_at = cycle, at


def advance(task: Task, now: int) -> None:
    """Let everything happen that is due by *now*."""
    while task.wake is not None and task.wake <= now:
        at = task.wake
        _EVENTS[task.mode](task, at)
        note(task, at)
        plan(task, at, now)


def plan(task: Task, at: int, until: int | None = None) -> None:
    """Set when something happens next. *until* allows to leap over idle rounds before it."""
    if task.mode is Mode.RUNNING:
        task.wake = _next_event(task)
    elif task.mode is Mode.IDLE:
        task.wake = _next_round(task, at, until)
    elif task.mode not in (Mode.STARTING, Mode.STOPPING, Mode.DELETING):
        task.wake = None


def start(task: Task, at: int) -> None:
    """Begin, resume or retry; it shows after three seconds."""
    task.before, task.mode, task.wake = task.mode, Mode.STARTING, at + START_DELAY


def stop(task: Task, at: int) -> None:
    """Pause; the Agent needs a moment."""
    bank(task, at)
    task.before, task.mode, task.wake = task.mode, Mode.STOPPING, at + int(STOP_DELAY * task.tempo)
    note(task, at)


def delete(task: Task, at: int) -> None:
    """Begin to delete the task."""
    bank(task, at)
    task.before, task.mode = task.mode, Mode.DELETING
    task.wake = at + int(DELETE_DELAY * task.tempo)
    note(task, at)


def run(task: Task, group: Group, at: int) -> None:
    """Begin a new run of sub-tasks: a launch, a sync, a clone."""
    begin_group(task, group)
    task.mode = Mode.RUNNING
    _begin_step(task, at)
    note(task, at)
    plan(task, at)


def replan(task: Task, at: int) -> None:
    """After a change from outside (limits, connection, a cause that is gone): look ahead anew."""
    if task.mode is Mode.RUNNING:
        plan(task, at)


def end_step(task: Task, at: int) -> None:
    """End the sub-task in work, however far it is."""
    step = task.todo.pop(0)
    step.start, step.end = step.start or at, at


def _begin_step(task: Task, at: int) -> None:
    step = task.step
    if step is not None:
        step.start = at if step.start is None else step.start
        step.since = at


def _next_event(task: Task) -> int | None:
    step = task.step
    if step is None:
        return None
    end = reached(task, step, step.work)
    hit = _next_trouble(task, step, end)
    times = (end, overspeed(task), hit[0] if hit else None)
    return min((t for t in times if t is not None), default=None)


def _next_trouble(task: Task, step: Step, end: int | None) -> tuple[int, Trouble] | None:
    """The first failure that *step* meets before its *end*, and when."""
    hits = []
    for trouble in task.source.troubles:
        if trouble.subtask != step.name or step.since is None:
            continue
        at = reached(task, step, step.work * trouble.percent / 100)
        if at is None:
            continue
        at = max(at, step.since + RETRY)
        at = at if end is None else min(at, end)
        if trouble.cause.active(at):
            hits.append((at, trouble))
    return min(hits, key=lambda hit: hit[0], default=None)


def _next_round(task: Task, at: int, until: int | None) -> int:
    """The next round of continuous sync; idle days are leapt over, not lived through."""
    past = (at - task.idle_since) // task.sync_every + 1
    wake = task.idle_since + past * task.sync_every
    source = task.source
    uneven = source.troubles or source.offline or source.profile or task.halts or task.limits
    if until is None or uneven:
        return wake
    leap = (
        until - wake
    ) // task.sync_every - 3  # as many rounds as the history keeps, and one more
    if leap > 0 and task.delta / task.rate + task.compare < task.sync_every:
        task.syncs += leap
        task.next_step_id += leap
        wake += leap * task.sync_every
    return wake


def _on_started(task: Task, at: int) -> None:
    if task.before is Mode.READY:
        task.started, task.locked = at, True
        begin_group(task, Group.REPLICATE)
    task.failure = task.trouble = None
    if task.step is None:
        task.mode, task.idle_since = Mode.IDLE, at
    else:
        task.mode = Mode.RUNNING
        _begin_step(task, at)


def _on_stopped(task: Task, _: int) -> None:
    task.mode = Mode.PAUSED


def _on_deleted(task: Task, at: int) -> None:
    task.mode, task.finished_at = Mode.GONE, at


def _on_round(task: Task, at: int) -> None:
    begin_group(task, Group.DELTA)
    task.mode = Mode.RUNNING
    _begin_step(task, at)


def _on_work(task: Task, at: int) -> None:
    """A step's end, a failure, or the service's own brake: whichever is due at this moment."""
    step = task.step
    assert step is not None  # noqa: S101 (a task that runs has a sub-task in work)
    hit = (
        _next_trouble(task, step, reached(task, step, step.work)) if task.source.troubles else None
    )
    if hit and hit[0] <= at:
        _fail(task, step, at, hit[1])
    elif overspeed(task) == at:
        bank(task, at)
        task.mode = Mode.PAUSED
        task.failure = task.source.failure = Failure("SMS.9007", (), at)
    else:
        _finish_step(task, step, at)


def _fail(task: Task, step: Step, at: int, trouble: Trouble) -> None:
    bank(task, at)
    step.done = min(step.done, step.work * trouble.percent / 100)
    if task.group is Group.CLONE:
        end_step(task, at)
        task.clone = Clone(state="ERROR", code=trouble.code, message=" ".join(trouble.params))
        task.mode, task.idle_since = Mode.IDLE, at
        return
    task.mode, task.trouble = Mode.FAILED, trouble
    task.failure = Failure(trouble.code, trouble.params, at, trouble.error_json)
    task.source.failure = task.failure


def _finish_step(task: Task, step: Step, at: int) -> None:
    step.done, step.since = step.work, None
    end_step(task, at)
    if step.name == "CREATE_CLOUD_SERVER":
        task.target_vm = task.target_vm or task.target_id[::-1]
    if task.step is not None:
        _begin_step(task, at)
        return
    _GROUP_ENDS[step.group](task, at)


def _copied(task: Task, at: int) -> None:
    verify(task, at)
    if task.syncing:
        _rest(task, at)
    else:
        begin_group(task, Group.CUTOVER)
        _begin_step(task, at)


def _synced(task: Task, at: int) -> None:
    verify(task, at)
    _rest(task, at, task.idle_since if task.group is Group.DELTA else at)


def _rest(task: Task, at: int, since: int | None = None) -> None:
    task.mode = Mode.IDLE
    task.idle_since = at if since is None else since


def _launched(task: Task, at: int) -> None:
    task.mode, task.finished_at, task.locked = Mode.FINISHED, at, False
    task.snapshot_id = task.target_id
    task.source.failure = None


def _cloned(task: Task, at: int) -> None:
    vm_id = f"{task.target_id[:24]}{task.clones:012d}"
    task.clone = Clone(vm_id, f"{task.target_name}-clone", "FINISHED")
    _rest(task, at)


def verify(task: Task, at: int) -> None:
    """Add what a verification finds after a copy or a round, for tasks that verify."""
    if task.verdict is None:
        return
    task.verifications.append(Verification(at + VERIFICATION, "success", list(task.verdict)))
    del task.verifications[:-3]


_EVENTS = {
    Mode.STARTING: _on_started,
    Mode.STOPPING: _on_stopped,
    Mode.DELETING: _on_deleted,
    Mode.IDLE: _on_round,
    Mode.RUNNING: _on_work,
}
_GROUP_ENDS = {
    Group.REPLICATE: _copied,
    Group.CUTOVER: _launched,
    Group.RESYNC: _synced,
    Group.DELTA: _synced,
    Group.CLONE: _cloned,
}
