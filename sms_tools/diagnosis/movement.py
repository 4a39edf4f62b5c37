"""Whether a migration moves: from what two readings or more show of one server.

Standing still is normal in many ways: paused, offline, waiting for a launch, throttled, comparing
files. Stuck is what is left, and only after nothing changed for long enough.
"""

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Final

from sms_tools.fleet.finding import Evidence, Finding
from sms_tools.fleet.samples import Sample
from sms_tools.knowledge import sub_task_kind
from sms_tools.knowledge.facts import (
    LINUX_DIFF_PERCENT,
    STUCK_CONFIGURE_MINUTES,
    STUCK_COPY_MINUTES,
    STUCK_LINUX_FILE_SYNC_MINUTES,
    STUCK_PREPARE_MINUTES,
    THROTTLED_MBIT_S,
)

RUNNING: Final = frozenset({"initializing", "replicating", "syncing", "cutting_over", "cloning"})
"""The phases in which something may move."""
_CLOSING: Final = frozenset({"configure", "detach"})
_MOVES_DATA: Final = frozenset({"copy", "sync"})
_GROWTH_SAMPLES: Final = 3
_OPERATION: Final = "list_source_servers, list_migration_tasks"


def movement(samples: Sequence[Sample], *, limit_mbit_s: float | None = None) -> Finding:
    """What one server's *samples* (oldest first, the last is the present) say about its progress.

    Verdicts: ``moving``, ``stuck``, ``suspect`` (one sample, or not long enough), ``throttled``,
    ``comparing``, ``not_converging``, ``idle``, ``offline``, ``paused``, ``at_rest``, ``unknown``.
    *limit_mbit_s* is the limit of this hour, if it is known.
    """
    if not samples:
        return Finding("unknown", "There is no sample of it.")
    last = samples[-1]
    return _standing(last) or _running(samples, last, limit_mbit_s)


def _standing(last: Sample) -> Finding | None:
    """Why it may stand still without being stuck; None if it should move."""
    if last.phase not in RUNNING:
        if last.phase in ("paused", "unknown"):
            return Finding(last.phase, f"Its phase is {last.phase}.")
        return Finding("at_rest", f"Nothing is under way: its phase is {last.phase}.")
    if last.connected is False:
        return Finding(
            "offline",
            "The Agent is disconnected, so nothing can move.",
            [Evidence("connected", False, _OPERATION, last.at)],
        )
    if last.phase == "syncing" and last.step is None:
        return Finding("idle", "Continuous sync rests between rounds, until a person launches.")
    if last.step == "SYNC_LINUX_FILE" and (last.step_percent or 0) <= LINUX_DIFF_PERCENT:
        return Finding(
            "comparing",
            f"Linux file sync compares both sides at about {LINUX_DIFF_PERCENT} %; that takes long "
            "and is normal.",
            [Evidence(f"sub_tasks {last.step}", last.step_percent, _OPERATION, last.at)],
            rules_out=["stuck"],
        )
    return None


def _running(samples: Sequence[Sample], last: Sample, limit: float | None) -> Finding:
    if limit is not None and limit <= THROTTLED_MBIT_S and _kind(last) in _MOVES_DATA:
        return Finding(
            "throttled",
            f"Its rate is limited to {limit:g} Mbit/s.",
            [Evidence("speed_limit", limit, "get_migration_rate_limits", last.at)],
            rules_out=["stuck"],
        )
    same = unchanged(samples)
    if len(same) > 1:
        return _still(same, last)
    if len(samples) == 1:
        if last.phase == "replicating" and last.speed == 0:
            return Finding(
                "suspect",
                "The service reports rate 0. One reading does not tell whether it is stuck.",
                [Evidence("migrate_speed", 0, "list_migration_tasks", last.at)],
            )
        return Finding("unknown", "One reading does not tell whether it moves.")
    return _growing(samples) or Finding("moving", "Something changed between two readings.")


def _still(same: Sequence[Sample], last: Sample) -> Finding:
    still = last.at - same[0].at
    bound = patience(last)
    minutes = round(still.total_seconds() / 60)
    evidence = [
        Evidence("replicatesize", last.done_bytes, "list_source_servers", same[0].at),
        Evidence(f"sub_tasks {last.step}", last.step_percent, "list_migration_tasks", same[0].at),
    ]
    if still < bound:
        return Finding(
            "suspect",
            f"Nothing changed for {minutes} min; it counts as stuck after "
            f"{round(bound.total_seconds() / 60)} min.",
            evidence,
        )
    return Finding(
        "stuck",
        f"Connected and running, but step, bytes and trace did not change for {minutes} min, over "
        f"{len(same)} readings.",
        evidence,
        rules_out=["offline", "paused", "idle", "comparing"],
    )


def unchanged(samples: Sequence[Sample]) -> Sequence[Sample]:
    """The latest samples that all show the same, oldest first: at least the last one."""
    last = samples[-1]
    seen = _signs(last)
    count = 0
    for sample in reversed(samples):
        if _signs(sample) != seen or sample.connected is False:
            break
        count += 1
    return samples[len(samples) - max(count, 1) :]


def _signs(sample: Sample) -> tuple[object, ...]:
    """What changes when a migration moves."""
    return (
        sample.task_id,
        sample.phase,
        sample.step,
        sample.step_percent,
        sample.done_bytes,
        sample.trace,
    )


def patience(sample: Sample) -> timedelta:
    """How long nothing may change before it is stuck."""
    kind = _kind(sample)
    if kind == "sync" and "LINUX_FILE" in (sample.step or ""):
        return timedelta(minutes=STUCK_LINUX_FILE_SYNC_MINUTES)
    if kind in _MOVES_DATA:
        return timedelta(minutes=STUCK_COPY_MINUTES)
    if kind in _CLOSING:
        return timedelta(minutes=STUCK_CONFIGURE_MINUTES)
    if kind == "unknown":
        return timedelta(minutes=STUCK_LINUX_FILE_SYNC_MINUTES)
    return timedelta(minutes=STUCK_PREPARE_MINUTES)


def _kind(sample: Sample) -> str:
    if sample.step is None and sample.phase == "replicating":
        return "copy"
    return sub_task_kind(sample.step)


def _growing(samples: Sequence[Sample]) -> Finding | None:
    """What is left grew from sample to sample: the source changes faster than it is copied."""
    left = [
        (each, each.total_bytes - each.done_bytes)
        for each in samples[-_GROWTH_SAMPLES:]
        if each.phase == "replicating"
        and each.total_bytes is not None
        and each.done_bytes is not None
    ]
    if len(left) < _GROWTH_SAMPLES:
        return None
    if not all(later > before for (_, before), (_, later) in pairwise(left)):
        return None
    return Finding(
        "not_converging",
        "What is left to copy grew over the last readings: the source changes faster than it is "
        "copied, or its total is still being counted.",
        [Evidence("totalsize - replicatesize", size, _OPERATION, each.at) for each, size in left],
    )
