"""Which plan suits servers that do not go on: the call that an answer suggests next.

A suggestion has to lead somewhere: only goals are named here that plan at least one step.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sms_tools.diagnosis.answer import Action
from sms_tools.fleet.effect import effect_of
from sms_tools.fleet.server import Server
from sms_tools.knowledge import ErrorKnowledge
from sms_tools.wording import listed

_NAMED: Final = 10
_RETRY: Final = "retry_failed"
_OVERSPEED: Final = "SMS.9007"


def goal_for(server: Server, known: ErrorKnowledge | None) -> str | None:
    """The goal of plan_remediation for *server*; None where no call of ours is the way on."""
    if server.phase == "failed":
        if known and known.full_copy_again:
            # A target that was there before is a person's to choose again.
            return None if server.has_existing_target else "rebuild"
        if known and known.retry_safe is False:
            return None
        return _RETRY if server.legality("start").verdict == "legal" else None
    if server.phase == "paused":
        if server.error and server.error.code == _OVERSPEED:
            return "fix_rate_window"
        return "resume_paused" if server.legality("start").verdict == "legal" else None
    return None


def plan_action(
    servers: Sequence[Server],
    known: ErrorKnowledge | None,
    why: str,
    *,
    codes: Sequence[str] = (),
    scope: Mapping[str, Any] | None = None,
) -> Action | None:
    """The plan for those of *servers* that the goal of most fits; many are named by *codes*."""
    by_goal: dict[str, list[Server]] = {}
    for server in servers:
        if server.id and (goal := goal_for(server, known)):
            by_goal.setdefault(goal, []).append(server)
    if not by_goal:
        return None
    goal, fitting = max(by_goal.items(), key=lambda item: len(item[1]))
    arguments: dict[str, Any] = {} if goal == _RETRY else {"goal": goal}
    if len(fitting) > _NAMED and codes:
        arguments |= {"group": ",".join(codes[:_NAMED]), **(scope or {})}
    else:
        arguments["servers"] = [server.id for server in fitting[:_NAMED]]
    return Action("plan_remediation", arguments, why + _launching(goal, fitting))


def _launching(goal: str, servers: Sequence[Server]) -> str:
    """Which of *servers* the plan would launch: whoever asks for it sees that word."""
    if goal not in (_RETRY, "resume_paused"):
        return ""
    launched = [s.name for s in servers[:_NAMED] if effect_of(s, "start").launch == "now"]
    later = [s.name for s in servers[:_NAMED] if effect_of(s, "start").launch == "after_copy"]
    said = f"; starting {listed(launched)} LAUNCHES the target" if launched else ""
    return said + (f"; {listed(later)} launches when the copy ends" if later else "")
