"""Why one server fails, is slow or stands still: pure checks, from a close-up to hypotheses.

Each check looks at one kind of cause and says what speaks for it and what against. None of them
decides; :func:`explain_server` ranks what they found.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from sms_tools.diagnosis.causes import RUNS_AGAIN, failures_of
from sms_tools.diagnosis.closeup import CloseUp
from sms_tools.diagnosis.finding import Evidence
from sms_tools.diagnosis.limits import read_limits, steady
from sms_tools.diagnosis.movement import RUNNING, movement
from sms_tools.diagnosis.words import count_of, span
from sms_tools.knowledge import describe_phase, explain, is_legal_pair, normalize_code
from sms_tools.knowledge.facts import (
    NETWORK_EVENT_CODES,
    SOURCE_MAX_CPU_PERCENT,
    THROTTLED_MBIT_S,
)

Likelihood = Literal["certain", "likely", "possible"]
_RANK: Final = ("certain", "likely", "possible")
_SOURCE: Final = "list_source_servers"
_TASK: Final = "get_migration_task"
_LIMITS: Final = "get_migration_rate_limits"
_NEAR_THE_LIMIT: Final = 0.8


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One possible cause. ``certain`` is said only of what the service itself reports."""

    name: str
    likelihood: Likelihood
    says: str
    evidence: Sequence[Evidence] = ()
    against: Sequence[Evidence] = ()
    rules_out: Sequence[str] = ()
    unknown: Sequence[str] = ()
    next_step: str = ""
    actor: str = ""

    def as_data(self) -> dict[str, Any]:
        """The hypothesis as it stands in an answer; what is empty is left out."""
        parts: dict[str, Any] = {
            "hypothesis": self.name,
            "likelihood": self.likelihood,
            "says": self.says,
            "evidence": [each.as_data() for each in self.evidence],
            "against": [each.as_data() for each in self.against],
            "rules_out": list(self.rules_out),
            "unknown": list(self.unknown),
            "next_step": self.next_step,
            "actor": self.actor,
        }
        return {key: value for key, value in parts.items() if value}


def explain_server(close: CloseUp) -> Sequence[Hypothesis]:
    """Every hypothesis that a check raises, the likeliest first; never empty."""
    found = [hypothesis for check in _CHECKS for hypothesis in check(close)]
    found.sort(key=lambda each: _RANK.index(each.likelihood))
    return found or [_nothing_found(close)]


def _nothing_found(close: CloseUp) -> Hypothesis:
    phase = describe_phase(close.server.phase)
    return Hypothesis(
        "nothing_wrong_seen",
        "possible",
        f"Nothing that was read is out of the ordinary. {phase.meaning}",
        evidence=[_state(close)],
        next_step=phase.next,
    )


def _state(close: CloseUp) -> Evidence:
    server = close.server
    return Evidence("state", f"{server.stage}/{server.state}", _SOURCE, server.state_since)


def _step(close: CloseUp) -> Sequence[Evidence]:
    step = close.server.step
    if step is None or not step.name:
        return []
    return [Evidence("sub_task", f"{step.name} at {step.progress} %", _TASK, close.now)]


# What the service reports


def check_error(close: CloseUp) -> Sequence[Hypothesis]:
    """The error of the task, as long as the server has not gone on since."""
    server = close.server
    if server.phase in RUNS_AGAIN or not (server.error or server.phase == "failed"):
        return []
    code = server.error.code if server.error else None
    if not code:
        return [_error_without_a_code(close)]
    error = server.error
    known = explain(code, error.params if error else ())
    evidence = [Evidence("error_json.error_code", known.code, _TASK, server.state_since)]
    if error and error.params:
        evidence.append(Evidence("error_json.error_param", ", ".join(error.params), _TASK))
    evidence += [*_step(close), _state(close)]
    unknown = ["the error's text was cut off: parameters may be missing"]
    return [
        Hypothesis(
            known.code,
            "certain",
            f"The service reports {known.code}. {known.cause}",
            evidence=[*evidence, *_network_for(close, known.code)],
            against=_network_against(close, known.code),
            rules_out=_ruled_out_by_error(close),
            unknown=[] if error and error.complete else unknown,
            next_step=known.first_step
            + (" All data must be copied again." if known.full_copy_again else ""),
            actor=known.actor,
        )
    ]


def _error_without_a_code(close: CloseUp) -> Hypothesis:
    return Hypothesis(
        "failed_without_a_code",
        "certain",
        "The migration has failed, and no error code can be read.",
        evidence=[_state(close), *_step(close)],
        unknown=["the cause: error_json is empty, unreadable, or the task could not be read"],
        next_step="Look at the sub-task where it stopped; collect the logs if that says nothing.",
        actor="api",
    )


def _ruled_out_by_error(close: CloseUp) -> Sequence[str]:
    return [] if close.server.offline else ["an Agent that is offline: it is connected"]


def _network_for(close: CloseUp, code: str) -> Sequence[Evidence]:
    """What else points to the network, for a code that means a network error."""
    if code not in NETWORK_EVENT_CODES:
        return []
    found = []
    check = close.task.network_check_info if close.task else None
    if check and check.destination_connectivity is False:
        field = "network_check_info.destination_connectivity (age unknown)"
        found.append(Evidence(field, False, _TASK))
    if others := _same_network_errors(close):
        says = f"{count_of(others, 'other server')} failed with a network error as well"
        found.append(Evidence("other servers", says, _SOURCE))
    return found


def _network_against(close: CloseUp, code: str) -> Sequence[Evidence]:
    check = close.task.network_check_info if close.task else None
    if code not in NETWORK_EVENT_CODES or not check or not check.destination_connectivity:
        return []
    field = "network_check_info.destination_connectivity (age unknown)"
    return [Evidence(field, True, _TASK)]


def _same_network_errors(close: CloseUp) -> int:
    """How many other servers stand with network errors, as far as the fleet is at hand."""
    if close.fleet is None:
        return 0
    return sum(
        failure.code in NETWORK_EVENT_CODES
        and not failure.recovered
        and failure.server.id != close.server.id
        for failure in failures_of(close.fleet, ())
    )


def check_environment(close: CloseUp) -> Sequence[Hypothesis]:
    """The environment checks that failed: they keep a server from being migrated."""
    found = []
    for check in close.server.failed_checks:
        known = explain(check.error_code, check.params or ()) if check.error_code else None
        evidence = [Evidence(f"checks[{check.name}].result", check.result, _SOURCE, close.now)]
        if known:
            evidence.append(Evidence("checks[].error_code", known.code, _SOURCE))
        found.append(
            Hypothesis(
                known.code if known else "environment_check",
                "certain",
                known.cause if known else "An environment check of the source failed.",
                evidence=evidence,
                next_step=known.first_step
                if known
                else "Repair on the source what the check names, then restart the Agent.",
                actor=known.actor if known else "source",
            )
        )
    if not found and close.server.phase == "unavailable":
        found.append(
            Hypothesis(
                "unavailable_without_a_check",
                "certain",
                "The server may not be migrated, and no failed check says why.",
                evidence=[_state(close)],
                next_step="Restart the Agent, so that the checks are made again.",
                actor="source",
            )
        )
    return found


def check_rehearsal(close: CloseUp) -> Sequence[Hypothesis]:
    """A clone that failed: it does not stop the migration."""
    if not close.server.clone_error:
        return []
    known = explain(normalize_code(close.server.clone_error))
    return [
        Hypothesis(
            f"rehearsal failed: {known.code}",
            "certain",
            f"The clone for a rehearsal failed; the migration itself goes on. {known.cause}",
            evidence=[Evidence("clone_server.clone_error", known.code, _SOURCE, close.now)],
            next_step=known.first_step,
            actor=known.actor,
        )
    ]


def check_agent(close: CloseUp) -> Sequence[Hypothesis]:
    """An Agent that is offline explains that nothing moves."""
    server = close.server
    if not server.offline or server.phase in ("finished", "deleting"):
        return []
    since = server.connection_since
    lasting = f" for {span(close.now - since)}" if since and since <= close.now else ""
    return [
        Hypothesis(
            "agent_offline",
            "certain" if server.phase in RUNS_AGAIN else "likely",
            f"The Agent on the source has not been connected{lasting}; without it nothing is "
            "copied and no action is carried out.",
            evidence=[Evidence("connected", False, _SOURCE, since)],
            rules_out=["a copy that is stuck: there is nobody who copies"],
            unknown=["whether the machine, the Agent or the way to port 443 is down"],
            next_step="See on the source whether the machine and the Agent run and port 443 of "
            "the cloud can be reached. A restart of the Agent costs Windows and block-level "
            "migrations their copy.",
            actor="source",
        )
    ]


def check_pause(close: CloseUp) -> Sequence[Hypothesis]:
    """A pause without an error was asked for by somebody."""
    if close.server.phase != "paused" or close.server.error:
        return []
    return [
        Hypothesis(
            "paused",
            "certain",
            "The task is paused, or pausing; that does not happen by itself without an error.",
            evidence=[_state(close), Evidence("task.state", close.server.task_state, _TASK)],
            rules_out=["a copy that is stuck"],
            unknown=["who paused it, and why"],
            next_step="Ask who paused it; start resumes where it stopped.",
            actor="api",
        )
    ]


def check_waiting(close: CloseUp) -> Sequence[Hypothesis]:
    """Nothing moves because nothing has been started."""
    server = close.server
    if server.phase != "waiting":
        return []
    has_task = server.task_id is not None and not close.task_is_gone
    says = "Its task has not been started." if has_task else "It has no migration task."
    step = "Start the task." if has_task else "Create a migration task for it."
    return [
        Hypothesis(
            "not_started",
            "certain",
            says,
            evidence=[_state(close), Evidence("task.state", server.task_state, _SOURCE)],
            next_step=step,
            actor="api",
        )
    ]


def check_records(close: CloseUp) -> Sequence[Hypothesis]:
    """Records that contradict each other."""
    server = close.server
    found = []
    if close.task_is_gone:
        found.append(
            Hypothesis(
                "task_is_gone",
                "certain",
                "The source server names a task that does not exist any more.",
                evidence=[Evidence("current_task.id", server.task_id, _SOURCE, close.now)],
                next_step="Look for another task of it with list_migration_tasks "
                "(source_server_id); without one, create it anew.",
                actor="api",
            )
        )
    if is_legal_pair(server.stage, server.state) is False:
        found.append(
            Hypothesis(
                "contradicting_states",
                "likely",
                "Stage and state do not go together, so one of them is old or was forced.",
                evidence=[_state(close), Evidence("task.state", server.task_state, _TASK)],
                next_step="Read the server again in a minute; if it stays so, ask support.",
                actor="support",
            )
        )
    return found


# What the numbers suggest


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
            evidence=[*found.evidence, *_step(close)],
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
                Evidence("speed_limit", hours or bound, _LIMITS, close.now),
                Evidence("sub_tasks[].migrate_speed (Mbit/s)", rate, _TASK, close.now),
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
            evidence=[Evidence("total_cpu_usage", task.total_cpu_usage, _TASK, close.now)],
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
    evidence = [Evidence(field, check.loss_percentage, _TASK)]
    if check.network_delay:
        evidence.append(Evidence("network_check_info.network_delay", check.network_delay, _TASK))
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
    ended = [Evidence("sub_tasks[] last sync", last.name, _TASK, close.now)] if last else []
    return [
        Hypothesis(
            "waiting_for_launch",
            "certain",
            "The full copy is done and changes are copied now and then, until a person launches "
            "the target. An idle wait here is by design.",
            evidence=[_state(close), *ended],
            rules_out=["stuck"],
            next_step="See with check_cutover_readiness whether it can be launched.",
            actor="api",
        )
    ]


_CHECKS: Final[Sequence[Callable[[CloseUp], Sequence[Hypothesis]]]] = (
    check_error,
    check_environment,
    check_agent,
    check_records,
    check_pause,
    check_waiting,
    check_limits,
    check_movement,
    check_source_load,
    check_line,
    check_idle_sync,
    check_rehearsal,
)
