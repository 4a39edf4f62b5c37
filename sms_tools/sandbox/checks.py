"""What the service says about a request that does not fit its operation.

The operation class is the parser; a ``ValidationError`` of it becomes the service's own error,
with the field that is wrong as its parameter.
"""

from collections.abc import Mapping
from typing import Final

from pydantic import ValidationError

from sms_tools.operations import AnyOperation
from sms_tools.sandbox.refusal import Refusal

INVALID = "SMS.9001"

_WORDS: Final[Mapping[str, str]] = {
    "SMS.7711": "Invalid task name.",
    "SMS.7712": "Invalid task type.",
    "SMS.7724": "No project ID found.",
    "SMS.7725": "No region information found.",
    "SMS.7727": (
        "Failed to update the migration status or stage for the source server. "
        "Field copystate or migrationcycle in the request body is empty."
    ),
    "SMS.8102": "The target server is missing.",
    INVALID: "Invalid parameters.",
}

_MISSING: Final[Mapping[tuple[str, str], str]] = {
    ("create_migration_task", "name"): "SMS.7711",
    ("create_migration_task", "type"): "SMS.7712",
    ("create_migration_task", "project_id"): "SMS.7724",
    ("create_migration_task", "region_id"): "SMS.7725",
    ("create_migration_task", "target_server"): "SMS.8102",
}
_WRONG: Final[Mapping[tuple[str, str], str]] = {
    ("create_migration_task", "name"): "SMS.7711",
    ("create_migration_task", "type"): "SMS.7712",
    ("update_migration_task", "name"): "SMS.7711",
}
_EMPTY: Final[Mapping[tuple[str, str], str]] = {
    ("update_source_server_state", "copystate"): "SMS.7727",
    ("update_source_server_state", "migrationcycle"): "SMS.7727",
}


def parameter_refusal(operation: type[AnyOperation], error: ValidationError) -> Refusal:
    """The service's error for the first thing that is wrong with a request of *operation*.

    The parameter names the field the way the request spells it, ``volume_groups.0.name``.
    """
    first = error.errors(include_url=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    place = (operation.__spec__.name, where)
    if first["type"] == "missing":
        code = _MISSING.get(place, INVALID)
    elif first.get("input") in ("", None):
        code = _EMPTY.get(place, _WRONG.get(place, INVALID))
    else:
        code = _WRONG.get(place, INVALID)
    return Refusal(code, where or operation.__spec__.name, message=_WORDS[code])
