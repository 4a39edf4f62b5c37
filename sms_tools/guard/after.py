"""What was seen after a call: an HTTP 200 says that a request was taken, not what became of it."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from sms_tools.api import Api
from sms_tools.errors import NotFound, SmsToolsError
from sms_tools.fleet.server import Server
from sms_tools.guard.previews.reader import Reader
from sms_tools.guard.subject import ids_of
from sms_tools.operation import JSON, Operation
from sms_tools.operations.options import ConfigureMigrationOptions, GetMigrationOptions
from sms_tools.operations.privacy import GetPrivacyAgreement, SignPrivacyAgreement
from sms_tools.operations.projects import GetMigrationProject
from sms_tools.operations.source_servers import GetSourceServer
from sms_tools.operations.tasks import GetMigrationTask
from sms_tools.operations.templates import GetTemplate

_MOST_READ = 20
"""Of a batch, so many items are looked up afterwards."""


async def seen_afterwards(
    operation: Operation[Any], answer: Any, api: Api
) -> dict[str, JSON] | None:
    """What is there now that *operation* was answered; None where there is nothing to look at.

    Never raises for a reading that fails: the call has been made, and that is said instead.
    """
    try:
        return await _seen(operation, answer, api)
    except Exception as error:  # noqa: BLE001 (the call was made: nothing may hide that)
        return {"unknown": f"it could not be read afterwards ({type(error).__name__})"}


async def _seen(operation: Operation[Any], answer: Any, api: Api) -> dict[str, JSON] | None:
    name = operation.__spec__.name
    if read := _GONE.get(name):
        return await _gone(api, [read(each) for each in ids_of(operation)])
    if isinstance(operation, SignPrivacyAgreement):
        return {"signed": (await api(GetPrivacyAgreement())).flag}
    if isinstance(operation, ConfigureMigrationOptions):
        now = await api(GetMigrationOptions(task_id=operation.task_id))
        return {"options": {str(o.config_key): o.config_value for o in now.configurations or ()}}
    return await _server(operation, answer, api)


_Read = Callable[[str], Operation[Any]]
_GONE: Final[Mapping[str, _Read]] = {
    "delete_migration_task": lambda each: GetMigrationTask(task_id=each),
    "delete_migration_tasks": lambda each: GetMigrationTask(task_id=each),
    "delete_source_server": lambda each: GetSourceServer(source_id=each),
    "delete_source_servers": lambda each: GetSourceServer(source_id=each),
    "delete_template": lambda each: GetTemplate(template_id=each),
    "delete_templates": lambda each: GetTemplate(template_id=each),
    "delete_migration_project": lambda each: GetMigrationProject(mig_project_id=each),
}
"""By the tool that deletes: the read that must find nothing afterwards."""

LOOKED_AT: Final = frozenset(
    {
        *_GONE,
        "sign_privacy_agreement",
        "configure_migration_options",
        "manage_migration_task",
        "create_migration_task",
        "update_migration_task",
        "update_source_server",
        "unlock_target_server",
        "update_source_server_state",
        "update_source_server_disks",
        "report_migration_progress",
        "upload_consistency_results",
        "get_agent_command",
        "report_agent_command_result",
        "report_network_measurement",
    }
)
"""Dangerous tools after which the state is read again; a server's by default."""

NOTHING_TO_SEE: Final[Mapping[str, str]] = {
    "register_source_server": "the answer names the new record",
    "get_certificate_passphrase": "nothing is changed by revealing",
    "get_certificate_and_private_key": "nothing is changed by revealing",
    "get_template_target_password": "nothing is changed by revealing",
    "calculate_sha256": "nothing is changed by computing",
}
"""Dangerous tools after which there is nothing to look at, each with its reason."""


async def _server(operation: Operation[Any], answer: Any, api: Api) -> dict[str, JSON] | None:
    """The task's and the source server's state now."""
    reader = Reader(api)
    created = operation.__spec__.name == "create_migration_task"
    payload = getattr(answer, "payload", None)
    task_id = getattr(operation, "task_id", None)
    if created and isinstance(payload, dict):
        task_id = payload.get("id")
    if task_id:
        return _states(await reader.server_of_task(str(task_id)), reader)
    source_id = getattr(operation, "source_id", None) or getattr(operation, "server_id", None)
    if source_id:
        return _states(await reader.server(str(source_id)), reader)
    return None


def _states(server: Server, reader: Reader) -> dict[str, JSON]:
    seen: dict[str, JSON] = {
        "name": server.name,
        "task_state": server.task_state,
        "source_state": server.state,
        "migration_cycle": server.stage,
        "phase": server.phase,
    }
    return {**seen, "unknown": list(reader.unread)} if reader.unread else seen


async def _gone(api: Api, reads: list[Operation[Any]]) -> dict[str, JSON]:
    """Which of the deleted things are no longer there, and which still are."""
    gone, still, unknown = 0, [], 0
    for read, found in zip(reads, await api.each(reads[:_MOST_READ]), strict=False):
        if isinstance(found, NotFound):
            gone += 1
        elif isinstance(found, SmsToolsError):
            unknown += 1
        else:
            still.append({"id": ids_of(read)[0], "state": getattr(found, "state", None)})
    looked = {"gone": gone, "still_there": still, "unknown": unknown}
    left = len(reads) - _MOST_READ
    return {**looked, "not_looked_at": left} if left > 0 else looked
