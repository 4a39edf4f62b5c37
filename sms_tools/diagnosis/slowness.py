"""Why a server that runs is slow or stands still: what the numbers suggest."""

from collections.abc import Mapping, Sequence
from typing import Final

from sms_tools.diagnosis.hypothesis import (
    LIMITS,
    TASK,
    Hypothesis,
    Likelihood,
    state_evidence,
    step_evidence,
)
from sms_tools.diagnosis.limits import read_limits, steady
from sms_tools.diagnosis.movement import RUNNING, movement
from sms_tools.fleet.closeup import CloseUp
from sms_tools.fleet.finding import Evidence
from sms_tools.knowledge.facts import SOURCE_MAX_CPU_PERCENT, THROTTLED_MBIT_S

_NEAR_THE_LIMIT: Final = 0.8

_STANDING: Final[Mapping[str, tuple[Likelihood, str, str]]] = {
    "stuck": (
        "likely",
        "On the source look at the Agent's process, disk and network; collect the logs with "
        "upload_migration_task_logs (needs an OBS bucket).",
        "source",
    ),
    "suspect": ("possible", "Look again after a few minutes, or use wait_for_progress.", "api"),
    "comparing": ("likely", "Leave it alone, and look again in half an hour.", "api"),
    "throttled": (
        "likely",
        "If more is wanted, change the limits with set_migration_rate_limits, which replaces all "
        "of them; possible while paused or waiting for sync.",
        "api",
    ),
    "not_converging": (
        "possible",
        "Raise the rate, or migrate while the source writes less.",
        "source",
    ),
}
"""Verdicts of :func:`movement` that explain a slow or still server: likelihood, step, actor."""


def check_movement(close: CloseUp) -> Sequence[Hypothesis]:
    """What the samples show: stuck, or a standstill with an innocent explanation."""
    if not is_running(close):
        return []
    found = movement(close.samples, limit_mbit_s=steady_limit(close))
    if found.verdict not in _STANDING:
        return []
    likelihood, next_step, actor = _STANDING[found.verdict]
    doubt = ["what the Agent on the source is doing: only its logs tell"]
    return [
        Hypothesis(
            found.verdict,
            likelihood,
            found.says,
            evidence=[*found.evidence, *step_evidence(close)],
            rules_out=found.rules_out,
            unknown=doubt if found.verdict == "stuck" else found.unknown,
            next_step=next_step,
            actor=actor,
        )
    ]


def is_running(close: CloseUp) -> bool:
    """Whether a sub-task ought to be moving now."""
    server = close.server
    return server.phase in RUNNING and not server.offline and server.step is not None


def steady_limit(close: CloseUp) -> float | None:
    """The rate limit in Mbit/s, if it is the same all day; None if there is none or it changes."""
    if close.limits and close.limits.speed_limit:
        return read_limits(close.limits).steady_mbit_s
    return steady(close.task.speed_limit if close.task else None).steady_mbit_s


def check_limits(close: CloseUp) -> Sequence[Hypothesis]:
    """A rate limit that bounds the rate, or may do so at some hours."""
    limit, rate = steady_limit(close), rate_mbit_s(close)
    if not is_running(close) or (limit is not None and limit <= THROTTLED_MBIT_S):
        return []  # check_movement tells of a limit that holds it almost still
    segments = (close.limits.speed_limit or []) if close.limits else []
    speeds = [each.speed for each in segments if each.speed]
    bound = limit or (min(speeds) if speeds else None)
    if bound is None or rate is None or rate < _NEAR_THE_LIMIT * bound:
        return []
    hours = "; ".join(f"{each.start}-{each.end}: {each.speed} Mbit/s" for each in segments)
    return [
        Hypothesis(
            "limited",
            "likely" if limit else "possible",
            f"Its rate limit of {bound:g} Mbit/s is what bounds its rate.",
            evidence=[
                Evidence("speed_limit", hours or bound, LIMITS, close.now),
                Evidence("sub_tasks[].migrate_speed (Mbit/s)", rate, TASK, close.now),
            ],
            unknown=[] if limit else ["which hour it is on the source: limits are in its time"],
            next_step=_STANDING["throttled"][1],
            actor="api",
        )
    ]


def rate_mbit_s(close: CloseUp) -> float | None:
    """The rate of the running sub-task, which is in Mbit/s beyond doubt; the task's is not."""
    step = close.server.step
    return round(step.migrate_speed, 2) if step and step.migrate_speed is not None else None


def check_source_load(close: CloseUp) -> Sequence[Hypothesis]:
    """A source that has no time for the Agent."""
    task = close.task
    if not task or not is_running(close) or task.total_cpu_usage is None:
        return []
    if task.total_cpu_usage < SOURCE_MAX_CPU_PERCENT:
        return []
    return [
        Hypothesis(
            "source_overloaded",
            "possible",
            "The source's processors are busy, which slows the Agent down.",
            evidence=[Evidence("total_cpu_usage", task.total_cpu_usage, TASK, close.now)],
            next_step="Migrate at quieter hours, or give the source room.",
            actor="source",
        )
    ]


def check_line(close: CloseUp) -> Sequence[Hypothesis]:
    """A line that loses packets, by the latest measurement, whose age nobody knows."""
    check = close.task.network_check_info if close.task else None
    if not check or not check.loss_percentage or not is_running(close):
        return []
    field = "network_check_info.loss_percentage (age unknown)"
    evidence = [Evidence(field, check.loss_percentage, TASK)]
    if check.network_delay:
        evidence.append(Evidence("network_check_info.network_delay", check.network_delay, TASK))
    return [
        Hypothesis(
            "poor_line",
            "possible",
            "The latest measurement of the line shows lost packets.",
            evidence=evidence,
            unknown=["when it was measured: the service does not say"],
            next_step="Measure again with manage_migration_task (network_check) while it is "
            "paused, and have the line looked at.",
            actor="console",
        )
    ]


def check_idle_sync(close: CloseUp) -> Sequence[Hypothesis]:
    """Continuous sync between two rounds waits for a person, by design."""
    server = close.server
    if server.phase != "syncing" or server.step is not None or server.offline:
        return []
    last = server.last_sync
    ended = [Evidence("sub_tasks[] last sync", last.name, TASK, close.now)] if last else []
    return [
        Hypothesis(
            "waiting_for_launch",
            "certain",
            "The full copy is done and changes are copied now and then, until a person launches "
            "the target. An idle wait here is by design.",
            evidence=[state_evidence(close), *ended],
            rules_out=["stuck"],
            next_step="See with check_cutover_readiness whether it can be launched.",
            actor="api",
        )
    ]
