"""What a person is shown before a call: read live, in words of its own for each operation.

Every call that a person is asked about by default has an entry in the table; for the others, which
only a policy makes a question, :func:`~sms_tools.guard.previews.speaking.anything` does.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from sms_tools.api import Api
from sms_tools.fleet.renaming import Lately
from sms_tools.guard.previews import acting, configuring, deleting, settings, speaking
from sms_tools.guard.previews.recalling import recalled
from sms_tools.guard.previews.twins import told_apart
from sms_tools.guard.subject import Preview
from sms_tools.operation import Operation

_Previewer = Callable[[Any, Api], Awaitable[Preview]]

PREVIEWS: Final[Mapping[str, _Previewer]] = {
    "manage_migration_task": acting.manage,
    "create_migration_task": configuring.create_task,
    "update_migration_task": configuring.update_task,
    "update_source_server": configuring.update_source,
    "configure_migration_options": configuring.configure_options,
    "unlock_target_server": configuring.unlock,
    "update_template": settings.update_template,
    "update_migration_project": settings.update_project,
    "upload_migration_task_logs": settings.upload_logs,
    "delete_migration_task": deleting.delete_task,
    "delete_migration_tasks": deleting.delete_tasks,
    "delete_source_server": deleting.delete_source,
    "delete_source_servers": deleting.delete_sources,
    "delete_template": deleting.delete_template,
    "delete_templates": deleting.delete_templates,
    "delete_migration_project": deleting.delete_project,
    "sign_privacy_agreement": speaking.privacy,
    "get_certificate_passphrase": speaking.task_secret,
    "get_certificate_and_private_key": speaking.task_secret,
    "get_template_target_password": speaking.template_password,
    "calculate_sha256": speaking.sha256,
    "register_source_server": speaking.register,
    "update_source_server_state": speaking.agent_word,
    "update_source_server_disks": speaking.agent_word,
    "report_migration_progress": speaking.agent_word,
    "upload_consistency_results": speaking.agent_word,
    "get_agent_command": speaking.agent_word,
    "report_agent_command_result": speaking.agent_word,
    "report_network_measurement": speaking.agent_word,
}
"""By the name of the tool."""


async def preview_of(
    operation: Operation[Any],
    api: Api,
    lately: Lately | None = None,
    *,
    of_a_plan: bool = False,
) -> Preview:
    """The preview of *operation*, read through *api*; it names what was renamed *lately*.

    For a step *of_a_plan* it is not read whether a name stands for one server alone: what is typed
    for a plan is a count.

    Raises:
        SmsToolsError: what the call acts on is not there, or cannot be read at all.
    """
    previewer = PREVIEWS.get(operation.__spec__.name)
    shown = previewer(operation, api) if previewer else speaking.anything(operation, api)
    found = recalled(await shown, lately) if lately else await shown
    return found if of_a_plan else await told_apart(found, api)
