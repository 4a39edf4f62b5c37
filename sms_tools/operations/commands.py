"""Commands between the service and the Agent (reference 5.5)."""

from typing import Annotated, Literal

from pydantic import Field

from sms_tools.operation import Empty, Kind, Operation, Reply
from sms_tools.operations.common import JsonObject, SourceId


class CommandParameters(Reply):
    """What a command is about."""

    task_id: str | None = None
    bucket: str | None = None
    """The OBS bucket for logs."""


class AgentCommand(Reply):
    """A command that waits for an Agent; empty when none does."""

    command_name: str | None = None
    """``START``, ``STOP``, ``DELETE``, ``SYNC`` …"""
    command_param: CommandParameters | None = None


class GetAgentCommand(
    Operation[AgentCommand],
    method="GET",
    path="/v3/sources/{server_id}/command",
    kind=Kind.AGENT,
    section="5.5.1",
    idempotent=False,  # asking may take the command away
):
    """Agent only: fetch the next command that the server migration service has for one source
    server's Agent. Although a GET, it may take the command away from the Agent, which then never
    starts, stops or synchronises. To see what a server is doing use get_source_server or
    get_migration_task; to give a command use manage_migration_task.
    """

    server_id: SourceId


class ReportAgentCommandResult(
    Operation[Empty],
    method="POST",
    path="/v3/sources/{server_id}/command_result",
    kind=Kind.AGENT,
    section="5.5.2",
):
    """Agent only: report to the server migration service, in the Agent's name, how a command ended.
    Sent by anyone else it forges the Agent's word, and the service may believe that a start, stop
    or sync happened that did not. No undo. To start or stop a migration task use
    manage_migration_task.
    """

    server_id: SourceId
    command_name: Annotated[
        Literal["START", "STOP", "DELETE", "SYNC", "UPLOAD_LOG", "RSET_LOG_ACL"],
        Field(description="The command that was carried out."),
    ]
    result: Annotated[Literal["success", "fail"], Field(description="How it ended.")]
    result_detail: Annotated[
        JsonObject, Field(description="Details as JSON, kept by the service as they are.")
    ]
