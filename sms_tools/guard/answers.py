"""A person's answer from the page or the command: written into the audit, then into the approval.

In that order: an approval that cannot be traced is not given.
"""

from dataclasses import dataclass

from sms_tools.guard.approvals import Approval, Approvals, Verdict, is_consent
from sms_tools.guard.audit import Audit
from sms_tools.guard.people import Person


@dataclass(frozen=True, slots=True)
class Answers:
    """Takes answers for one store of approvals."""

    approvals: Approvals
    audit: Audit

    async def approve(
        self, approval: Approval, typed: str | None, how: str, by: Person | None = None
    ) -> Verdict:
        """Approve, if *typed* is what the preview asks for and the approval still waits.

        *by* is who says it, where they proved it.

        Raises:
            AuditError: the answer cannot be written down, so it does not count.
        """
        if approval.terms.fault(by):
            return Verdict.NOT_ALLOWED
        if not is_consent(approval.preview, typed):
            return Verdict.WRONG_TEXT
        await self._record(approval, "approved", how, by)
        return await self.approvals.approve(approval.id, typed, how, by)

    async def deny(self, approval: Approval, how: str, by: Person | None = None) -> Verdict:
        """Say no. A no counts even where it cannot be written down."""
        verdict = await self.approvals.deny(approval.id, how)
        await self._record(approval, "denied", how, by)
        return verdict

    async def _record(self, approval: Approval, answer: str, how: str, by: Person | None) -> None:
        await self.audit.record(
            "answer",
            account=approval.preview.account,
            tool=approval.tool,
            caller=approval.caller,
            approval_id=approval.id,
            answer=answer,
            how=how,
            **({"by": by.name} if by else {}),
        )
