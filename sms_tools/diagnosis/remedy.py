"""Which plan suits servers that do not go on: the call that an answer suggests next."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sms_tools.diagnosis.answer import Action
from sms_tools.fleet.server import Server
from sms_tools.knowledge import ErrorKnowledge

_NAMED: Final = 10
_RETRY: Final = "retry_failed"


def goal_for(servers: Sequence[Server], known: ErrorKnowledge | None) -> str | None:
    """The goal of plan_remediation for *servers*; None where no call of ours is the way on."""
    phases = {server.phase for server in servers}
    if known and known.full_copy_again:
        return "rebuild"
    if phases == {"failed"}:
        return _RETRY
    return "resume_paused" if phases == {"paused"} else None


def plan_action(
    servers: Sequence[Server],
    known: ErrorKnowledge | None,
    why: str,
    *,
    codes: Sequence[str] = (),
    scope: Mapping[str, Any] | None = None,
) -> Action | None:
    """The plan for *servers*; many of them are named by their *codes* within *scope*."""
    goal = goal_for(servers, known)
    if goal is None:
        return None
    arguments: dict[str, Any] = {} if goal == _RETRY else {"goal": goal}
    ids = [server.id for server in servers if server.id]
    if len(ids) > _NAMED and codes:
        arguments |= {"group": ",".join(codes[:_NAMED]), **(scope or {})}
    else:
        arguments["servers"] = ids[:_NAMED]
    return Action("plan_remediation", arguments, why)
