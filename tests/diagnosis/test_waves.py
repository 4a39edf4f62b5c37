"""With everything asked for, an answer says in which migration project each server is."""

from typing import Any

import pytest

from sms_tools.diagnosis.changes import WhatChanged
from sms_tools.diagnosis.cleanup import FindCleanupCandidates
from sms_tools.diagnosis.diagnose import DiagnoseServer
from sms_tools.diagnosis.progress import SummarizeProgress
from sms_tools.diagnosis.question import Question

pytestmark = pytest.mark.anyio

QUESTIONS: list[Question] = [
    SummarizeProgress(detail="full", limit=1000),
    FindCleanupCandidates(detail="full", limit=1000),
    WhatChanged(detail="full", limit=1000),
    DiagnoseServer(server="web-01", detail="full"),
]


def named_servers(value: Any) -> list[dict[str, Any]]:
    """Every object of *value* that names a server of the account."""
    if isinstance(value, list):
        return [found for each in value for found in named_servers(each)]
    if not isinstance(value, dict):
        return []
    own = [value] if {"name", "id"} <= value.keys() else []
    return own + [found for each in value.values() for found in named_servers(each)]


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda each: type(each).__name__)
async def test_each_server_of_a_full_answer_has_its_project(
    bureau: Any, question: Question
) -> None:
    place = bureau()
    cloud = place.sandbox.cloud
    answer = await place.ask(question)
    rows = [row for row in named_servers(answer) if row["id"] in cloud.sources]
    assert rows
    for row in rows:
        project = cloud.projects[cloud.sources[row["id"]].project_id]
        assert row.get("project") == project.fields["name"], row


async def test_a_concise_answer_spends_no_request_on_it(bureau: Any) -> None:
    place = bureau()
    answer = await place.ask(WhatChanged())
    assert place.desk.api.requests_made == 2
    assert all("project" not in row for row in named_servers(answer))
