"""What the journal keeps of a step: what it came to, what was read, what the service said."""

from collections.abc import Mapping, Sequence
from typing import Final

from sms_tools.errors import (
    InvalidRequest,
    InvalidState,
    ServiceError,
    ServiceUnreachable,
    SmsToolsError,
)
from sms_tools.fleet.finding import Evidence
from sms_tools.knowledge.facts import NETWORK_CHECK_MINUTES
from sms_tools.operation import JSON
from sms_tools.remediation.looking import Look, Verdict, judge
from sms_tools.remediation.plan import Result, Step
from sms_tools.text import one_line

NEW_TASK: Final = "new task"
"""The field under which the id of a task that a step has created is kept."""
_MEASURED_BY: Final = 2 * 60.0 * NETWORK_CHECK_MINUTES[1]
"""Seconds after which a measurement of the network has ended."""


def result_of(verdict: Verdict) -> str:
    """What a step came to, by what was seen of it."""
    if verdict == "seen":
        return Result.SEEN
    return Result.FAILED if verdict == "failed" else Result.NOT_SEEN


def evidence_of(step: Step, found: Look, begun: float | None = None) -> list[dict[str, JSON]]:
    """What was read, with what a rehearsal or a new task is called.

    *begun* is when a measurement was asked for, in epoch seconds.
    """
    rows = found.evidence()
    if step.wanted == "cloned":
        rows += found.clone()
    unread = found.limits is None if step.wanted == "limits" else found.options is None
    if step.wanted == "measured":
        rows += found.measurement()
        if judge(step, found) != "seen" and begun and found.at.timestamp() - begun > _MEASURED_BY:
            says = "It has surely ended, and the numbers are those of before: it found the same, "
            rows.append({"says": f"{says}or nothing. The service does not tell.", "final": True})
    if step.wanted in ("limits", "options") and unread and found.is_known:
        says = (
            "The service accepted the call but does not show what it now holds, so nothing was "
            "verified."
        )
        rows.append({"says": says, "final": True})
    if step.wanted == "created" and found.server.task_id:
        seen = Evidence(NEW_TASK, found.server.task_id, "get_source_server", found.at)
        rows.append(seen.as_data())
    return rows


def asked_for(
    evidence: Sequence[Mapping[str, JSON]],
) -> tuple[Sequence[Mapping[str, JSON]], float | None]:
    """The row that says when a measurement was asked for, and that moment in epoch seconds."""
    rows = [row for row in evidence if "since" in row]
    return rows, float(rows[0]["since"]) if rows else None


def is_a_refusal(error: SmsToolsError) -> bool:
    """Whether the service took the call and will not do it as things are."""
    kinds = (ServiceError, InvalidState, InvalidRequest)
    return isinstance(error, ServiceError) and type(error) in kinds and error.status == 400


def saying(text: str) -> dict[str, JSON]:
    """A row of words of our own."""
    return {"says": text}


def words_of(error: SmsToolsError) -> dict[str, JSON]:
    """What the service said, in its own words."""
    said: dict[str, JSON] = {"says": one_line(str(error), 400)}
    if isinstance(error, ServiceError):
        said |= {"error_code": error.code, "request_id": error.request_id}
    if isinstance(error, ServiceUnreachable) and error.outcome_unknown:
        said["unknown"] = "whether the service has carried it out"
    return {key: value for key, value in said.items() if value}
