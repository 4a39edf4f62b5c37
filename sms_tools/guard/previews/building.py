"""From facts to a preview: the parts that all previews have in common."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from sms_tools.guard.subject import (
    COSTS,
    HANGS,
    LOSSES,
    NOW,
    SENT,
    UNREAD,
    WILL,
    Preview,
    Section,
    Target,
    secret_arguments,
)
from sms_tools.knowledge import Legality
from sms_tools.operation import JSON, Operation
from sms_tools.redaction import HIDDEN, redact
from sms_tools.wording import plain

MAY_BE_REFUSED: Final = "Whether the service takes this call now"


def preview(
    headline: str,
    typed: str,
    *,
    now: Sequence[str] = (),
    will: Sequence[str] = (),
    losses: Sequence[str] = (),
    costs: Sequence[str] = (),
    hangs: Sequence[str] = (),
    sent: Sequence[str] = (),
    unread: Sequence[str] = (),
    state: Mapping[str, JSON],
    targets: Sequence[Target],
    allowed: Legality | None = None,
) -> Preview:
    """A preview with its sections in one order. *allowed* is the legal state of the call."""
    unsure = list(unread)
    if allowed is not None and allowed.verdict == "unknown":
        unsure.append(f"{MAY_BE_REFUSED}: {allowed.reason}")
    sections = [
        Section(NOW, now),
        Section(WILL, will),
        Section(LOSSES, losses),
        Section(COSTS, costs),
        Section(HANGS, hangs),
        Section(SENT, sent),
        Section(UNREAD, unsure),
    ]
    refused = allowed is not None and allowed.verdict == "illegal"
    return Preview(
        headline=headline,
        typed=typed,
        sections=[section for section in sections if section.lines],
        state=state,
        targets=targets,
        impossible=allowed.reason if allowed and refused else None,
        code=allowed.guard_code if allowed and refused else None,
    )


def values(fields: Mapping[str, Any], hidden: Collection[str] = ()) -> list[str]:
    """Arguments as lines, without secrets and without what fills pages."""
    lines = []
    for name, value in redact(dict(fields)).items():
        if isinstance(value, (list, dict)):
            value = f"{len(value)} entries" if len(str(value)) > 200 else value
        lines.append(f"{name}: {HIDDEN if name in hidden else plain(value, 200)}")
    return lines


def sent_by(operation: Operation[Any], *without: str) -> list[str]:
    """The arguments of *operation* as lines, leaving out *without*."""
    given = {k: v for k, v in operation.wire_arguments().items() if k not in without}
    return values(given, secret_arguments(operation))
