"""Every answer says in which migration project each server is, within its bound."""

from collections import Counter
from typing import Any

import pytest

from sms_tools.diagnosis.answer import CONCISE_BYTES, compact_bytes
from sms_tools.diagnosis.assessment import AssessSources
from sms_tools.diagnosis.changes import WhatChanged
from sms_tools.diagnosis.cleanup import FindCleanupCandidates
from sms_tools.diagnosis.consistency import SummarizeConsistencyResults
from sms_tools.diagnosis.diagnose import DiagnoseServer
from sms_tools.diagnosis.failures import SummarizeFailedServers
from sms_tools.diagnosis.network import CheckNetworkPaths
from sms_tools.diagnosis.overview import MigrationOverview
from sms_tools.diagnosis.progress import SummarizeProgress
from sms_tools.diagnosis.question import Question
from sms_tools.diagnosis.readiness import CheckCutoverReadiness
from sms_tools.diagnosis.waiting import WaitForProgress
from sms_tools.diagnosis.wave import ScheduleWave
from sms_tools.remediation.plan_tools import PlanRemediation
from sms_tools.sandbox import Effect, Fault

pytestmark = pytest.mark.anyio

ABOUT_FEW: list[Question] = [
    SummarizeProgress(limit=3),
    SummarizeConsistencyResults(limit=3),
    CheckCutoverReadiness(limit=3),
    MigrationOverview(limit=3, servers=["web-01", "web-02", "web-03"]),
    SummarizeFailedServers(project="Wave-2-DB"),
    FindCleanupCandidates(servers=["web-01", "web-02", "db-ora-01"]),
    AssessSources(limit=3),
    ScheduleWave(line_mbit_s=500, limit=3),
    CheckNetworkPaths(limit=3),
    WaitForProgress(servers=["web-03", "db-my-01"], timeout_seconds=1),
    PlanRemediation(goal="retry_failed", servers=["web-03", "web-05"]),
    DiagnoseServer(server="web-01"),
    SummarizeProgress(detail="full", limit=1000),
    FindCleanupCandidates(detail="full", limit=1000),
    WhatChanged(detail="full", limit=1000),
    DiagnoseServer(server="web-01", detail="full"),
]
OF_ALL: list[Question] = [
    MigrationOverview(),
    SummarizeFailedServers(),
    SummarizeProgress(),
    CheckCutoverReadiness(),
    SummarizeConsistencyResults(),
    FindCleanupCandidates(),
    AssessSources(),
    ScheduleWave(line_mbit_s=5_000),
    CheckNetworkPaths(),
    WaitForProgress(timeout_seconds=1),
    PlanRemediation(),
]


def title(question: Any) -> str:
    return f"{type(question).__name__}-{question.model_dump(exclude_defaults=True)}"


def named_servers(value: Any) -> list[dict[str, Any]]:
    """Every object of *value* that names a server of the account."""
    if isinstance(value, list):
        return [found for each in value for found in named_servers(each)]
    if not isinstance(value, dict):
        return []
    own = [value] if {"name", "id"} <= value.keys() else []
    return own + [found for each in value.values() for found in named_servers(each)]


@pytest.mark.parametrize("question", ABOUT_FEW, ids=title)
async def test_each_server_has_its_project(bureau: Any, question: Question) -> None:
    place = bureau()
    cloud = place.sandbox.cloud
    answer = await place.ask(question)
    rows = [row for row in named_servers(answer) if row["id"] in cloud.sources]
    assert rows
    for row in rows:
        project = cloud.projects[cloud.sources[row["id"]].project_id]
        assert row.get("project") == project.fields["name"], row


@pytest.mark.parametrize("question", OF_ALL, ids=title)
async def test_where_rows_are_cut_the_servers_of_each_project_are_counted(
    bureau: Any, question: Question
) -> None:
    place = bureau("large", servers=1_000)
    cloud = place.sandbox.cloud
    answer = await place.ask(question)
    assert compact_bytes(answer) <= CONCISE_BYTES
    names = {each.fields["name"] for each in cloud.projects.values()}
    rows = [row for row in named_servers(answer) if row["id"] in cloud.sources]
    if "projects" in answer:
        assert set(answer["projects"]) <= names
    else:
        assert all(row["project"] in names for row in rows)


async def test_the_overview_counts_all_servers_by_project(bureau: Any) -> None:
    place = bureau()
    cloud = place.sandbox.cloud
    answer = await place.ask(MigrationOverview())
    names = [cloud.projects[each.project_id].fields["name"] for each in cloud.sources.values()]
    assert answer["projects"] == Counter(names)


async def test_the_projects_serve_for_ten_minutes_and_a_new_server_is_looked_for(
    bureau: Any,
) -> None:
    place = bureau()
    await place.ask(WhatChanged())
    made = place.desk.api.requests_made
    place.clock.advance(60)
    await place.ask(WhatChanged())
    assert place.desk.api.requests_made - made == 2
    place.clock.advance(601)
    await place.ask(WhatChanged())
    assert place.desk.api.requests_made - made == 4 + 1 + len(place.sandbox.cloud.projects)


async def test_above_a_thousand_servers_it_is_read_where_everything_is_asked_for(
    bureau: Any,
) -> None:
    place = bureau("large", servers=1_001)
    answer = await place.ask(MigrationOverview())
    assert "projects" not in answer
    assert any("detail=full" in gap for gap in answer["incomplete"])
    assert not answer["summary"].startswith("Read in part")
    whole = await place.ask(MigrationOverview(detail="full"))
    assert sum(whole["projects"].values()) == 1_001
    again = await place.ask(MigrationOverview())  # what is known now costs nothing
    assert sum(again["projects"].values()) == 1_001


async def test_projects_that_cannot_be_read_are_missing_and_nothing_else_is(bureau: Any) -> None:
    place = bureau()
    place.sandbox.faults.add(Fault(Effect.STATUS, operation="list_migration_projects"))
    answer = await place.ask(MigrationOverview())
    assert any("list_migration_projects" in gap for gap in answer["incomplete"])
    assert answer["server_count"] == 49
    assert not answer["summary"].startswith("Read in part")
