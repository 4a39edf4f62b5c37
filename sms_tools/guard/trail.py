"""What the audit is told of a call: that it was held back, that it begins, and how it went."""

import logging
from collections.abc import Callable
from typing import Any

import anyio

from sms_tools.guard.audit import Audit, AuditError
from sms_tools.guard.caller import Caller
from sms_tools.guard.passage import Go
from sms_tools.guard.subject import Subject
from sms_tools.operation import JSON

log = logging.getLogger(__name__)


class Trail:
    """Writes the lines of one server's calls."""

    def __init__(self, audit: Audit) -> None:
        """*audit* keeps them."""
        self._audit = audit

    async def held(self, subject: Subject, caller: Caller, **more: JSON) -> None:
        """Write down a refusal. A refusal stands even if it cannot be written down."""
        try:
            await self._audit.record("held", **_about(subject, caller), **more)
        except AuditError as error:
            log.warning("%s", error)

    async def begins(self, go: Go) -> None:
        """Write down a call before it is made.

        Raises:
            AuditError: it cannot be written down, so the call must not be made.
        """
        await self._audit.record("call", **_facts(go), reason=go.reason)

    async def ended(
        self, go: Go, outcome: str, answer: Any, unrecorded: Callable[[str], None]
    ) -> None:
        """Write down how a call went. The call is made: failing here must not hide its answer."""
        request_id = getattr(answer, "request_id", None)
        code = getattr(answer, "code", None)
        with anyio.CancelScope(shield=True):  # nor must a client that has gone away
            try:
                await self._audit.record(
                    "outcome",
                    tool=go.subject.tool,
                    account=str(go.subject.account),
                    caller=str(go.caller),
                    caller_id=go.caller.key,
                    plan_id=go.plan_id or go.subject.arguments.get("plan_id"),
                    approval_id=go.approval.id if go.approval else None,
                    outcome=outcome,
                    request_id=request_id,
                    error_code=code,
                )
            except AuditError as error:
                unrecorded(
                    "The call was made and its beginning is in the audit; its outcome could not "
                    f"be written there: {error}"
                )


def _about(subject: Subject, caller: Caller) -> dict[str, JSON]:
    return {
        "account": str(subject.account),
        "tool": subject.tool,
        "kind": str(subject.kind),
        "caller": str(caller),
        "caller_id": caller.key,
        **({"subject": caller.subject} if caller.subject else {}),
        "plan_id": subject.arguments.get("plan_id"),
        "arguments": subject.shown_arguments,
    }


def _facts(go: Go) -> dict[str, JSON]:
    how = go.approval.how if go.approval else "policy"
    approval_id = go.approval.id if go.approval else None
    about = _about(go.subject, go.caller)
    plan_id = go.plan_id or about["plan_id"]
    by = {"approved_by": go.approval.decided_by} if go.approval and go.approval.decided_by else {}
    return {**about, "plan_id": plan_id, "how": how, "approval_id": approval_id, **by}
