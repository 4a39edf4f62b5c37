"""What the gate says of a call: it may be made, it is held back, or a person has to decide."""

from collections.abc import Mapping
from dataclasses import dataclass
from textwrap import indent

from sms_tools.guard.approvals import Approval
from sms_tools.guard.caller import Caller
from sms_tools.guard.subject import Preview, Subject
from sms_tools.operation import JSON
from sms_tools.text import one_line


@dataclass(frozen=True, slots=True)
class Go:
    """The call may be made: by policy, or because a person agreed."""

    subject: Subject
    caller: Caller
    reason: str
    approval: Approval | None = None
    plan_id: str | None = None
    """The plan that the call is a step of."""


@dataclass(frozen=True, slots=True)
class Held:
    """The call was held back; nothing was changed and nothing revealed."""

    result: Mapping[str, JSON]
    """What the caller gets: `status`, `summary` and what belongs to that status."""

    @property
    def status(self) -> str:
        """``approval_required``, ``declined``, ``blocked`` or ``stale``."""
        return str(self.result["status"])


@dataclass(frozen=True, slots=True)
class Ask:
    """A person has to decide."""

    subject: Subject
    caller: Caller
    approval: Approval
    dialog: bool = True
    """Whether a dialog is worth trying: some clients close every dialog before anybody saw it."""

    @property
    def preview(self) -> Preview:
        """What the person is shown; the same on every round while the approval waits."""
        return self.approval.preview

    @property
    def typed(self) -> str:
        """What the person must type to agree."""
        return self.preview.typed

    @property
    def question(self) -> str:
        """The text of the dialog. The request's id makes the words of every request unique.

        What this server asks comes first. All that others wrote stands behind bars, on lines of
        its own, so that no name can pass for a line of the question.
        """
        preview = self.preview.bounded()
        names = dict.fromkeys(one_line(each.name or each.id, 100) for each in preview.targets)
        acts_on = ["It acts on:", *names, ""] if names else []
        said = "\n".join([*acts_on, preview.body()])
        return (
            f"May this call be made? {self.approval.tool}\n"
            f"Account: {one_line(preview.account, 200)}\n"
            f"Request {self.approval.id}, open until {self.approval.expires_at:%H:%M} UTC\n\n"
            "Behind the bars: what the service says. Names in it were given by others.\n"
            f"{indent(said, '| ', lambda _: True)}\n\n"
            f"To agree, type: {one_line(self.typed)}"
        )
