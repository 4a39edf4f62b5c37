"""Whether a server stands still: pure, from its samples.

One sample shows nothing: a rate of 0 may be a pause between two files. Stuck is a server whose
sub-task, percentage, bytes and trace have all stayed the same in two samples or more for longer
than its kind of work may take.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sms_tools.diagnosis.samples import Sample
from sms_tools.diagnosis.servers import Server
from sms_tools.knowledge import sub_task_kind
from sms_tools.knowledge.facts import (
    LINUX_DIFF_PERCENT,
    STUCK_CONFIGURE_MINUTES,
    STUCK_COPY_MINUTES,
    STUCK_LINUX_FILE_SYNC_MINUTES,
    STUCK_PREPARE_MINUTES,
)

Movement = Literal["moves", "stuck", "too_early", "one_sample", "not_running"]


@dataclass(frozen=True, slots=True)
class Standstill:
    """What the samples show of a running sub-task."""

    movement: Movement
    since: datetime | None = None
    """Since when nothing has changed."""
    samples: int = 0
    """In how many samples nothing changed, the latest included."""
    after: timedelta = timedelta()
    """From when on a standstill of this sub-task counts as stuck."""


def standstill(server: Server, samples: Sequence[Sample]) -> Standstill:
    """How *server* moves, by *samples* (oldest first, the present one included).

    A server that is offline, paused or between two rounds of continuous sync is not running.
    """
    if not is_running(server):
        return Standstill("not_running")
    after = patience(server)
    alike: list[Sample] = []
    for sample in reversed(samples):
        if alike and not _is_alike(sample, alike[0]):
            break
        alike.append(sample)
    if len(samples) < 2 or not alike:
        return Standstill("one_sample", samples=len(samples), after=after)
    if len(alike) < 2:
        return Standstill("moves", samples=1, after=after)
    stood = alike[0].at - alike[-1].at
    movement: Movement = "stuck" if stood >= after else "too_early"
    return Standstill(movement, alike[-1].at, len(alike), after)


def is_running(server: Server) -> bool:
    """Whether a sub-task ought to be moving now."""
    return (
        server.phase in ("initializing", "replicating", "syncing", "cutting_over", "cloning")
        and not server.offline
        and server.step is not None
    )


def is_comparing(server: Server) -> bool:
    """Whether it is a Linux file-level sync at the percentage where both sides are compared."""
    step = server.step
    return (
        step is not None
        and (step.name or "").upper() == "SYNC_LINUX_FILE"
        and (step.progress or 0) <= LINUX_DIFF_PERCENT
    )


def patience(server: Server) -> timedelta:
    """How long the present sub-task may show no change before that counts as stuck."""
    name = (server.step_name or "").upper()
    kind = sub_task_kind(name)
    if name == "SYNC_LINUX_FILE":
        return timedelta(minutes=STUCK_LINUX_FILE_SYNC_MINUTES)
    if kind in ("copy", "sync"):
        return timedelta(minutes=STUCK_COPY_MINUTES)
    if kind in ("configure", "detach", "clone"):
        return timedelta(minutes=STUCK_CONFIGURE_MINUTES)
    return timedelta(minutes=STUCK_PREPARE_MINUTES)


def _is_alike(one: Sample, other: Sample) -> bool:
    return _marks(one) == _marks(other) and one.connected is not False


def _marks(sample: Sample) -> tuple[object, ...]:
    return (
        sample.phase,
        sample.task_id,
        sample.step,
        sample.step_percent,
        sample.done_bytes,
        sample.trace,
    )
