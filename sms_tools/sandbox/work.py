"""How far the sub-task in work is, and when it gets where: the arithmetic under the lifecycle."""

from zlib import crc32

from sms_tools.sandbox.model import Group, Mode, Step, Task
from sms_tools.sandbox.pace import DAY, MINUTE, Pace

COMPARING = 6
"""The percentage at which a file sync stays while it compares: honest, not stuck."""
_OVERSPEED_DELAY = 30_000


def _comparing(task: Task) -> Pace:
    return Pace(1.0, (), tuple(task.source.offline))


def _moving_since(task: Task, step: Step) -> int | None:
    """From when on bytes move: at once, or after the comparison; None if never."""
    if step.since is None or step.compared >= step.compare:
        return step.since
    return _comparing(task).finished(step.since, step.compare - step.compared)


def work_at(task: Task, step: Step, moment: int) -> float:
    """The work of *step* that is done by *moment*."""
    since = _moving_since(task, step)
    if since is None or since >= moment:
        return step.done
    return min(step.work, step.done + task.pace(step).worked(since, moment, step.done))


def reached(task: Task, step: Step, work: float) -> int | None:
    """When *work* of the step is done, as things are now; None if never."""
    since = _moving_since(task, step)
    return None if since is None else task.pace(step).finished(since, work - step.done, step.done)


def bank(task: Task, at: int) -> None:
    """Fix what is done so far, and stop the clock of the sub-task in work."""
    step = task.step
    if step is None or step.since is None:
        return
    step.done = work_at(task, step, at)
    if step.compared < step.compare:
        compared = step.compared + _comparing(task).worked(step.since, at)
        step.compared = min(compared, step.compare)
    step.since = None


def rebase(task: Task, at: int) -> None:
    """Fix what is done so far and go on: before the pace changes."""
    step = task.step
    if step is not None and step.since is not None:
        bank(task, at)
        step.since = at


def progress(task: Task, step: Step, moment: int) -> int:
    """The percentage that the wire shows, 0 to 100."""
    if step.end is not None and step.done >= step.work:
        return 100
    share = work_at(task, step, moment) / step.work if step.work else 1.0
    if step.compare and step.start is not None:
        return COMPARING + int(share * (99 - COMPARING))
    return min(99, int(share * 100))


def rate(task: Task, moment: int) -> float:
    """The rate of the last five seconds in bytes per millisecond: jittery, as the Agent's is."""
    step = task.step
    if task.mode is not Mode.RUNNING or step is None or not step.moves_data:
        return 0.0
    since = _moving_since(task, step)
    if since is None or since > moment:
        return 0.0
    noise = crc32(f"{task.id}{moment // 5_000}".encode()) % 1_000 / 1_000
    return task.pace(step).at(moment, work_at(task, step, moment)) * (0.85 + 0.3 * noise)


def copied(task: Task, moment: int) -> tuple[int, int]:
    """Bytes of the full copy that are done, and all of it; (0, 0) where the wire shows none."""
    if task.mode is Mode.FINISHED or not task.steps:
        return 0, 0
    for step in task.steps:
        if step.group is Group.REPLICATE and step.moves_data:
            if step.start is None:
                return 0, 0
            return int(work_at(task, step, moment)), task.total
    return task.total, task.total


def overspeed(task: Task) -> int | None:
    """When the service pauses a task that runs faster than its limit and its threshold allow."""
    step = task.step
    if task.source.has_tc is not False or not task.limits or step is None:
        return None
    if not step.moves_data or step.since is None:
        return None
    times = []
    for limit in task.limits:
        if limit.threshold and task.way > limit.bytes_per_ms * (1 + limit.threshold / 100):
            midnight = step.since - step.since % DAY
            begin, end = midnight + limit.start * MINUTE, midnight + limit.end * MINUTE
            begin = begin if step.since < end else begin + DAY
            times.append(max(begin, step.since) + _OVERSPEED_DELAY)
    return min(times, default=None)
