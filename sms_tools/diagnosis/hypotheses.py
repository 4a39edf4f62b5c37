"""Why one server fails, is slow or stands still: pure checks, from a close-up to hypotheses.

Each check looks at one kind of cause and says what speaks for it and what against. None of them
decides; :func:`explain_server` ranks what they found.
"""

from collections.abc import Callable, Sequence
from typing import Final

from sms_tools.diagnosis.causes import RUNS_AGAIN, failures_of
from sms_tools.diagnosis.hypothesis import (
    SOURCE,
    TASK,
    Hypothesis,
    state_evidence,
    step_evidence,
)
from sms_tools.diagnosis.slowness import (
    check_idle_sync,
    check_limits,
    check_line,
    check_movement,
    check_source_load,
)
from sms_tools.fleet.closeup import CloseUp
from sms_tools.fleet.finding import Evidence
from sms_tools.knowledge import describe_phase, explain, is_legal_pair, normalize_code
from sms_tools.knowledge.facts import (
    NETWORK_EVENT_CODES,
)
from sms_tools.wording import count_of, span

_RANK: Final = ("certain", "likely", "possible")


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
        evidence=[state_evidence(close)],
        next_step=phase.next,
    )


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
    evidence = [Evidence("error_json.error_code", known.code, TASK, server.state_since)]
    if error and error.params:
        evidence.append(Evidence("error_json.error_param", ", ".join(error.params), TASK))
    evidence += [*step_evidence(close), state_evidence(close)]
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
        evidence=[state_evidence(close), *step_evidence(close)],
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
        found.append(Evidence(field, False, TASK))
    if others := _same_network_errors(close):
        says = f"{count_of(others, 'other server')} failed with a network error as well"
        found.append(Evidence("other servers", says, SOURCE))
    return found


def _network_against(close: CloseUp, code: str) -> Sequence[Evidence]:
    check = close.task.network_check_info if close.task else None
    if code not in NETWORK_EVENT_CODES or not check or not check.destination_connectivity:
        return []
    field = "network_check_info.destination_connectivity (age unknown)"
    return [Evidence(field, True, TASK)]


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
        evidence = [Evidence(f"checks[{check.name}].result", check.result, SOURCE, close.now)]
        if known:
            evidence.append(Evidence("checks[].error_code", known.code, SOURCE))
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
                evidence=[state_evidence(close)],
                next_step="Restart the Agent, so that the checks are made again.",
                actor="source",
            )
        )
    return found


def check_rehearsal(close: CloseUp) -> Sequence[Hypothesis]:
    """A clone that failed: it does not stop the migration."""
    if not close.server.clone_error:
        return []
    known = explain(normalize_code(close.server.clone_error), close.server.clone_params)
    return [
        Hypothesis(
            f"rehearsal failed: {known.code}",
            "certain",
            f"The clone for a rehearsal failed; the migration itself goes on. {known.cause}",
            evidence=[Evidence("clone_server.clone_error", known.code, SOURCE, close.now)],
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
            evidence=[Evidence("connected", False, SOURCE, since)],
            rules_out=["a copy that is stuck: nothing is copying"],
            unknown=["whether the machine, the Agent or the way to port 443 is down"],
            next_step="Check on the source whether the machine and the Agent are running and "
            "whether port 443 of the cloud can be reached. A restart of the Agent costs Windows "
            "and block-level migrations their copy.",
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
            "The task is paused, or pausing; that does not happen automatically without an error.",
            evidence=[state_evidence(close), Evidence("task.state", close.server.task_state, TASK)],
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
            evidence=[state_evidence(close), Evidence("task.state", server.task_state, SOURCE)],
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
                "The source server names a task that no longer exists.",
                evidence=[Evidence("current_task.id", server.task_id, SOURCE, close.now)],
                next_step="Look for another task of it with list_migration_tasks "
                "(source_server_id); without one, create it again.",
                actor="api",
            )
        )
    if is_legal_pair(server.stage, server.state) is False:
        found.append(
            Hypothesis(
                "contradicting_states",
                "likely",
                "Stage and state do not go together, so one of them is old or was forced.",
                evidence=[state_evidence(close), Evidence("task.state", server.task_state, TASK)],
                next_step="Read the server again in a minute; if it stays so, ask support.",
                actor="support",
            )
        )
    return found


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
