"""What holds a call back beside the policy: the caller's roles, and a freeze."""

from sms_tools.guard.caller import Caller
from sms_tools.guard.freezing import Freeze
from sms_tools.guard.people import Role
from sms_tools.guard.policy import Decision, Ruling
from sms_tools.guard.subject import Preview, Subject
from sms_tools.operation import Kind


def barred(subject: Subject, caller: Caller) -> Ruling | None:
    """Why *caller* may not even ask for *subject*; None if they may. Reads need no further role."""
    if caller.roles is None or subject.kind is Kind.READ or Role.OPERATOR in caller.roles:
        return None
    return Ruling(Decision.BLOCK, "the caller's roles: what changes something takes operator")


def launches(subject: Subject, preview: Preview) -> bool:
    """Whether the call launches a target, by itself or in a step of its plan, or may do so."""
    return subject.launches or preview.launches


def frozen(freeze: Freeze) -> Ruling:
    """That nothing is launched in *freeze*."""
    return Ruling(Decision.BLOCK, str(freeze))
