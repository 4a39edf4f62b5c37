"""What was done through this server and what waits for a person, as answers may tell it.

The audit and the approvals know more than a model needs: links, typed texts and secrets stay here.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sms_tools.errors import SmsToolsError
from sms_tools.fleet.desk import Deed, Pending
from sms_tools.guard.approvals import Approvals
from sms_tools.guard.audit import Audit
from sms_tools.moment import Clock
from sms_tools.operation import Kind
from sms_tools.text import one_line

_LOOKED_AT: Final = 2_000
"""So many of the audit's last lines are looked at."""


class Journal:
    """The journal of one account, from its audit and its approvals."""

    def __init__(self, audit: Audit, approvals: Approvals, account: str, clock: Clock) -> None:
        """*account* as audit and previews name it; *clock* is the one that they follow."""
        self._audit = audit
        self._approvals = approvals
        self._account = account
        self._clock = clock

    async def deeds(self, ago: timedelta) -> Sequence[Deed] | None:
        """What was done since *ago*, oldest first; None where the audit cannot be read."""
        try:
            lines = await self._audit.read(_LOOKED_AT)
        except (SmsToolsError, OSError):
            return None
        since = self._clock() - ago
        mine = [line for line in lines if line.get("account") == self._account]
        found: list[Deed] = []
        open_calls: dict[tuple[Any, ...], int] = {}
        for line in mine:
            at = _time(line.get("time"))
            key = tuple(
                str(line.get(name)) for name in ("tool", "caller", "approval_id", "plan_id")
            )
            if line.get("event") == "call" and line.get("kind") != str(Kind.READ):
                if at and at >= since:
                    open_calls[key] = len(found)
                    found.append(_deed(line, at))
            elif line.get("event") == "outcome" and key in open_calls:
                index = open_calls.pop(key)
                found[index] = found[index].ended(_text(line.get("outcome")), _code(line))
        return found

    async def waiting(self) -> Sequence[Pending] | None:
        """What waits for a person; None where the approvals cannot be read."""
        try:
            every = await self._approvals.waiting()
        except SmsToolsError:
            return None
        return [
            Pending(
                id=each.id,
                tool=each.tool,
                says=one_line(each.preview.headline, 160),
                caller=one_line(each.caller, 80),
                since=each.created_at,
                until=each.expires_at,
            )
            for each in every
            if each.preview.account == self._account
        ]


def _deed(line: Mapping[str, Any], at: datetime) -> Deed:
    arguments = line.get("arguments")
    return Deed(
        at=at,
        tool=_text(line.get("tool")) or "unknown",
        action=_text(_value(arguments, "operation") or _value(arguments, "goal")),
        by=_text(line.get("caller")) or "unknown",
        agreed=_text(line.get("how")) or "unknown",
        plan_id=_text(line.get("plan_id")),
        about=frozenset(_texts(arguments)),
    )


def _value(arguments: Any, name: str) -> Any:
    return arguments.get(name) if isinstance(arguments, Mapping) else None


def _texts(value: Any, depth: int = 6) -> Sequence[str]:
    """Every text in *value*: ids among them tell which server it was about."""
    if isinstance(value, str):
        return [value]
    if depth and isinstance(value, Mapping):
        return [text for each in value.values() for text in _texts(each, depth - 1)]
    if depth and isinstance(value, list | tuple):
        return [text for each in value for text in _texts(each, depth - 1)]
    return []


def _text(value: Any) -> str | None:
    return one_line(value, 80) if isinstance(value, str) else None


def _code(line: Mapping[str, Any]) -> str | None:
    return _text(line.get("error_code"))


def _time(value: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
