"""One operation as the guard is asked about it."""

from typing import Any

from sms_tools.guard.previews import preview_of
from sms_tools.guard.subject import Subject, ids_of, secret_arguments
from sms_tools.operation import Operation


def subject_of(operation: Operation[Any], api: Any) -> Subject:
    """The subject for one operation of the catalogue; its preview is read through *api*.

    Raises:
        RequestRefused: the operation's path would hold what cannot be an id.
    """
    operation.check()
    return Subject(
        tool=operation.__spec__.name,
        kind=operation.danger,
        arguments=operation.wire_arguments(),
        preview=lambda: preview_of(operation, api),
        account=api.settings.account,
        ids=ids_of(operation),
        hidden=secret_arguments(operation),
        secrets=api.secret_values(),
    )
