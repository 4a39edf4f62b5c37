"""What a person is shown before a call: read live, in words of its own for each operation."""

from typing import Any

from sms_tools.guard.subject import Preview, Section, Target, arguments_of, ids_of, typeable
from sms_tools.operation import Operation
from sms_tools.redaction import redact
from sms_tools.text import one_line


async def preview_of(operation: Operation[Any], api: Any) -> Preview:  # noqa: ARG001
    """The preview of *operation*, read through *api*."""
    title, ids = operation.__spec__.title, ids_of(operation)
    values = [f"{k}: {one_line(str(v))}" for k, v in redact(arguments_of(operation)).items()]
    return Preview(
        headline=f"{title} ({operation.danger})",
        typed=typeable(ids[0] if ids else None, operation.__spec__.name),
        sections=[Section("What will be sent", values)],
        state=dict.fromkeys(ids),
        targets=[Target(each) for each in ids],
    )
