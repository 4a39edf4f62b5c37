"""One operation as the guard is asked about it."""

from typing import Any

from sms_tools.fleet.renaming import Renames
from sms_tools.guard.previews import preview_of
from sms_tools.guard.subject import Preview, Subject, ids_of, secret_arguments
from sms_tools.operation import Operation
from sms_tools.state import State


def subject_of(operation: Operation[Any], api: Any, state: State | None = None) -> Subject:
    """The subject for one operation of the catalogue; its preview is read through *api*.

    With *state* the preview names what this server renamed lately.

    Raises:
        RequestRefused: the operation's path would hold what cannot be an id.
    """
    operation.check()

    async def preview() -> Preview:
        renames = None if state is None else Renames(state, api.settings)
        lately = await renames.lately(api.now()) if renames else None
        return await preview_of(operation, api, lately)

    return Subject(
        tool=operation.__spec__.name,
        kind=operation.danger,
        arguments=operation.wire_arguments(),
        preview=preview,
        account=api.settings.account,
        ids=ids_of(operation),
        hidden=secret_arguments(operation),
        secrets=api.secret_values(),
    )
