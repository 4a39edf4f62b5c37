"""Commands between the service and the Agent."""

from typing import Any

import pytest
from pydantic import ValidationError

from sms_tools.operation import Kind
from sms_tools.operations.commands import AgentCommand, GetAgentCommand, ReportAgentCommandResult

REPORT: dict[str, Any] = {
    "server_id": "s",
    "command_name": "UPLOAD_LOG",
    "result": "success",
    "result_detail": {"msg": "done", "files": [1, 2]},
}


def test_fetching_a_command_is_the_agent_s_and_cannot_be_repeated_safely() -> None:
    assert GetAgentCommand.__spec__.kind is Kind.AGENT
    assert not GetAgentCommand.__spec__.idempotent


def test_details_of_a_result_travel_as_they_are() -> None:
    body = ReportAgentCommandResult.model_validate(REPORT).request().body

    assert body == {key: REPORT[key] for key in REPORT if key != "server_id"}


@pytest.mark.parametrize(
    "change", [{"result": "ok"}, {"command_name": "RESTART"}, {"result_detail": "text"}]
)
def test_an_undocumented_result_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ReportAgentCommandResult.model_validate({**REPORT, **change})


def test_no_waiting_command_is_an_empty_reply() -> None:
    assert AgentCommand.read(None).command_name is None
    assert AgentCommand.read({"command_name": "SYNC", "command_param": None}).command_param is None
