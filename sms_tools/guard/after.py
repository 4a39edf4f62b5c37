"""What was seen after a call: an HTTP 200 says that a request was taken, not what became of it."""

from typing import Any

from sms_tools.api import Api
from sms_tools.errors import NotFound, SmsToolsError
from sms_tools.fleet.server import Server
from sms_tools.guard.previews.reader import Reader
from sms_tools.guard.subject import ids_of
from sms_tools.operation import JSON, Operation
from sms_tools.operations.options import ConfigureMigrationOptions, GetMigrationOptions
from sms_tools.operations.privacy import GetPrivacyAgreement, SignPrivacyAgreement
from sms_tools.operations.projects import DeleteMigrationProject, GetMigrationProject
from sms_tools.operations.source_servers import (
    DeleteSourceServer,
    DeleteSourceServers,
    GetSourceServer,
)
from sms_tools.operations.tasks import (
    DeleteMigrationTask,
    DeleteMigrationTasks,
    GetMigrationTask,
)
from sms_tools.operations.templates import DeleteTemplate, DeleteTemplates, GetTemplate

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
    if isinstance(operation, DeleteMigrationTask | DeleteMigrationTasks):
        return await _gone(api, [GetMigrationTask(task_id=each) for each in ids_of(operation)])
    if isinstance(operation, DeleteSourceServer | DeleteSourceServers):
        return await _gone(api, [GetSourceServer(source_id=each) for each in ids_of(operation)])
    if isinstance(operation, DeleteTemplate | DeleteTemplates):
        return await _gone(api, [GetTemplate(template_id=each) for each in ids_of(operation)])
    if isinstance(operation, DeleteMigrationProject):
        return await _gone(api, [GetMigrationProject(mig_project_id=operation.mig_project_id)])
    if isinstance(operation, SignPrivacyAgreement):
        return {"signed": (await api(GetPrivacyAgreement())).flag}
    if isinstance(operation, ConfigureMigrationOptions):
        now = await api(GetMigrationOptions(task_id=operation.task_id))
        return {"options": {str(o.config_key): o.config_value for o in now.configurations or ()}}
    return await _server(operation, answer, api)


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
