"""Nothing destructive happens without a person.

Every call passes here. The policy says what may pass, what a person is asked about, and what
never passes; the preview is what the person is shown; an approval binds the answer to this very
call and to the state that was shown; the audit keeps who decided what. Nothing in here knows how
a question reaches the person: a dialog, the approval page and the command all give the same
answer to the same :class:`Guard`.
"""

from sms_tools.guard.approvals import Approval, Approvals
from sms_tools.guard.audit import Audit, AuditError
from sms_tools.guard.caller import Caller
from sms_tools.guard.command import Command
from sms_tools.guard.gate import Guard
from sms_tools.guard.passage import Ask, Go, Held
from sms_tools.guard.policy import (
    Decision,
    Policy,
    PolicyError,
    Ruling,
    decide,
    effect,
)
from sms_tools.guard.subject import Preview, Section, Subject, Target

__all__ = [
    "Approval",
    "Approvals",
    "Ask",
    "Audit",
    "AuditError",
    "Caller",
    "Command",
    "Decision",
    "Go",
    "Guard",
    "Held",
    "Policy",
    "PolicyError",
    "Preview",
    "Ruling",
    "Section",
    "Subject",
    "Target",
    "decide",
    "effect",
]
