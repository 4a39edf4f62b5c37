"""Holding a call back: it is written into the audit, and the caller is told why and what now.

One method for each way in which a call is held: by policy, by the state of things, by a person who
said no, and until a person says something.
"""

from collections.abc import Sequence
from typing import Final

from sms_tools.guard.approvals import Approval
from sms_tools.guard.audit import AuditError
from sms_tools.guard.caller import Caller
from sms_tools.guard.passage import Held
from sms_tools.guard.policy import Ruling
from sms_tools.guard.subject import Preview, Subject
from sms_tools.guard.trail import Trail
from sms_tools.guard.ways import Ways
from sms_tools.wording import iso

_WHO: Final = {
    "dialog": "A person said no in the client's dialog",
    "page": "A person said no on the approval page",
    "command": "A person said no at a terminal",
}


class Holder:
    """Makes the results of one server's held calls."""

    def __init__(self, trail: Trail, ways: Ways) -> None:
        """*trail* is told of each; *ways* says how a person comes to decide."""
        self._trail = trail
        self._ways = ways

    async def waiting(
        self, subject: Subject, caller: Caller, approval: Approval, status: str, why: str
    ) -> Held:
        """A person has to decide, and nobody has answered yet; *why* is said first."""
        url = await self._ways.link(approval)
        command = self._ways.line("approve", approval.id, subject)
        page = f", or opens {url} {self._ways.lifetime}{self._ways.entrance}" if url else ""
        await self._trail.held(subject, caller, status=status, approval_id=approval.id)
        return Held(
            {
                "status": status,
                "summary": f"{why}Nothing has been done. A person runs `{command}` in a "
                f"terminal{_proof(approval)}{page}; after that, the same call with the same "
                "arguments goes through, once.",
                "tool": subject.tool,
                "preview": approval.preview.shown(),
                "approval_id": approval.id,
                "approval_command": command,
                "approval_url": url,
                "expires_at": iso(approval.expires_at),
            }
        )

    async def declined(self, subject: Subject, caller: Caller, approval: Approval) -> Held:
        """A person said no: they are left in peace, and can still say yes of their own accord."""
        how = approval.how or "page"
        who_said = _WHO.get(how, "A person said no")
        since = approval.decided_at or approval.created_at
        url = await self._ways.link(approval)
        command = self._ways.line("approve", approval.id, subject)
        page = f" or opens {url} {self._ways.entrance}" if url else ""
        await self._trail.held(subject, caller, status="declined", approval_id=approval.id, how=how)
        return Held(
            {
                "status": "declined",
                "summary": f"{who_said}, at {since:%H:%M} UTC. Nothing has been done. Nobody "
                f"is asked about the same call again before {approval.expires_at:%H:%M} UTC; "
                f"do not repeat it. A person who changes their mind runs `{command}`"
                f"{_proof(approval)}{page}.",
                "tool": subject.tool,
                "how": how,
                "declined_at": iso(since),
                "approval_id": approval.id,
                "approval_command": command,
                "approval_url": url,
                "expires_at": iso(approval.expires_at),
            }
        )

    async def undecided(
        self, subject: Subject, caller: Caller, approval: Approval, why: str, how: str
    ) -> Held:
        """Somebody answered, and it was neither a yes nor a no."""
        await self._trail.held(subject, caller, status="declined", approval_id=approval.id, how=how)
        summary = f"{why} Nothing has been done."
        return Held({"status": "declined", "summary": summary, "tool": subject.tool, "how": how})

    async def blocked(
        self, subject: Subject, caller: Caller, ruling: Ruling, by: str = "policy"
    ) -> Held:
        """What was decided beforehand keeps the call from being made; nobody is asked."""
        await self._trail.held(subject, caller, status="blocked", reason=ruling.reason, how=by)
        remedy = {
            "policy": "only whoever starts the server can change this.",
            "waiting": "they have to be answered or expire first.",
            "role": "somebody with that role has to ask.",
            "freeze": "it has to be over first, or ended by whoever runs the server.",
        }
        return Held(
            {
                "status": "blocked",
                "summary": f"Blocked: {ruling.reason}. Nothing has been done; {remedy[by]}",
                "tool": subject.tool,
                "blocked_by": by,
                "reason": ruling.reason,
            }
        )

    async def impossible(self, subject: Subject, caller: Caller, preview: Preview) -> Held:
        """The service would refuse the call as things are; nobody is asked."""
        reason = preview.impossible or ""
        await self._trail.held(subject, caller, status="blocked", reason=reason, how="state")
        return Held(
            {
                "status": "blocked",
                "summary": f"The service would refuse this now: {reason} Nothing has been done "
                "and no approval was asked for.",
                "tool": subject.tool,
                "blocked_by": "state",
                "reason": reason,
                "error_code": preview.code,
                "preview": preview.shown(),
            }
        )

    async def gone_stale(
        self, subject: Subject, caller: Caller, preview: Preview, changed: Sequence[str]
    ) -> Held:
        """A person has agreed, and what is there now makes the call impossible."""
        reason = preview.impossible or ""
        await self._trail.held(subject, caller, status="stale", reason=reason, how="state")
        return Held(
            {
                "status": "stale",
                "summary": f"What was approved has changed since: {'; '.join(changed)}. The "
                f"service would refuse the call now: {reason} Nothing has been done.",
                "tool": subject.tool,
                "reason": reason,
                "error_code": preview.code,
                "preview": preview.shown(),
            }
        )

    def without_audit(self, error: AuditError) -> Held:
        """The call cannot be written down, so it is not made."""
        return Held(
            {
                "status": "blocked",
                "summary": f"Nothing has been done: {str(error).rstrip('.')}, and nothing is "
                "changed without it. `sms-tools check` says what is wrong.",
                "what_to_do": error.advice,
                "blocked_by": "audit",
            }
        )


def _proof(approval: Approval) -> str:
    """What the command takes besides, where a person proves who they are."""
    if not approval.terms.named:
        return ""
    whose = "another approver" if approval.terms.four_eyes else "an approver"
    return f" (with `--auth` as this server was started with it, and the token of {whose})"
