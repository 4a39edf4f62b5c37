"""No composite answers about what it has not read, and none fails as a whole.

Whatever the replies: a composite says what it lacks, and where one part of the service can be read
it answers from that.
"""

import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from sms_tools.diagnosis import QUESTIONS
from sms_tools.diagnosis.assessment import AssessSources
from sms_tools.diagnosis.changes import WhatChanged
from sms_tools.diagnosis.cleanup import FindCleanupCandidates
from sms_tools.diagnosis.consistency import SummarizeConsistencyResults
from sms_tools.diagnosis.diagnose import DiagnoseServer
from sms_tools.diagnosis.errors import ExplainErrorCode
from sms_tools.diagnosis.failures import SummarizeFailedServers
from sms_tools.diagnosis.network import CheckNetworkPaths
from sms_tools.diagnosis.overview import MigrationOverview
from sms_tools.diagnosis.progress import SummarizeProgress
from sms_tools.diagnosis.question import Question
from sms_tools.diagnosis.readiness import CheckCutoverReadiness
from sms_tools.diagnosis.waiting import WaitForProgress
from sms_tools.diagnosis.wave import ScheduleWave
from sms_tools.errors import SmsToolsError
from sms_tools.remediation.migrating import PlanMigration
from sms_tools.remediation.plan_tools import PlanRemediation
from sms_tools.remediation.report import ExportReport
from tests.spoiling import PARTLY, UNREADABLE, Spoil, Spoiling, records

pytestmark = pytest.mark.anyio

Asked = tuple[str, Question]
"""A scenario, and what is asked about it."""
IN_MIXED: tuple[Question, ...] = (
    MigrationOverview(),
    SummarizeFailedServers(),
    SummarizeProgress(),
    CheckCutoverReadiness(),
    SummarizeConsistencyResults(),
    WhatChanged(),
    FindCleanupCandidates(),
    AssessSources(),
    ScheduleWave(line_mbit_s=500),
    CheckNetworkPaths(),
    WaitForProgress(timeout_seconds=2),
    DiagnoseServer(server="web-05"),
    DiagnoseServer(server="db-ora-01", detail="full"),
    PlanRemediation(),
    PlanRemediation(goal="resume_paused"),
    PlanRemediation(goal="cut_over", servers=["web-05"]),
    PlanRemediation(goal="back_out", servers=["web-02"]),
    PlanRemediation(goal="clean_up", servers=["web-01"]),
    PlanRemediation(goal="rebuild", servers=["db-ora-03"]),
    ExportReport(kind="assessment"),
    ExportReport(kind="status", format="csv"),
    ExportReport(kind="readiness", format="html"),
    ExportReport(kind="failures"),
    ExportReport(kind="change_record"),
    MigrationOverview(detail="full"),
    CheckCutoverReadiness(detail="full", limit=5),
)
IN_NEW: tuple[Question, ...] = (
    AssessSources(detail="full"),
    CheckNetworkPaths(),
    ScheduleWave(line_mbit_s=500, windows=["22:00-06:00Z"]),
    PlanMigration(rows=[{"server": "new-01", "template": "datacentre"}], start=True),
)
ALL: tuple[Asked, ...] = (
    *(("mixed", question) for question in IN_MIXED),
    *(("new-fleet", question) for question in IN_NEW),
)
EMPTY = re.compile(
    r"no source servers here|(among|of|counts) 0 |\b0 of 0\b|Nothing is left|"
    r"\d+ of 0 |: 0 servers launched|No server has failed|Nothing differs",
)
LISTS = {"list_source_servers", "list_migration_tasks"}


def title(asked: Any) -> str:
    scenario, question = asked
    return f"{scenario}-{type(question).__name__}-{question.model_dump(exclude_defaults=True)}"


async def answer(opener: Any, service: Spoiling, question: Question) -> dict[str, Any]:
    found: dict[str, Any] = await opener.open(service.clock, service, "").ask(question)
    return found


def test_none_is_left_out() -> None:
    asked = {type(question) for _, question in ALL}
    assert asked == {*QUESTIONS.values(), PlanRemediation, PlanMigration, ExportReport} - {
        ExplainErrorCode  # reads nothing
    }


def begins_with_what_it_lacks(answer: dict[str, Any]) -> bool:
    """Whether the first sentence says it; of limits and projects their own places do."""
    quiet = ("get_migration_rate_limits", "list_migration_projects")
    spoken = [gap for gap in answer.get("incomplete", []) if not gap.startswith(quiet)]
    return not spoken or answer["summary"].startswith("Read in part")


def lacks(answer: dict[str, Any], question: Question, operation: str) -> bool:
    """Whether *answer* says that *operation* could not be read."""
    told = json.dumps(answer.get("incomplete", []))
    if isinstance(question, PlanRemediation | PlanMigration):
        told = json.dumps(answer)  # beside the server that is left out because of it
        return operation in told or "could not be read" in told
    return operation in told


@pytest.mark.parametrize("asked", ALL, ids=title)
async def test_each_reading_that_fails_alone_is_named_and_the_rest_is_answered(
    opener: Any, asked: Asked
) -> None:
    scenario, question = asked
    plain = Spoiling(scenario=scenario)
    await answer(opener, plain, question)
    for operation in sorted(set(plain.asked)):
        for spoil in (UNREADABLE[0], UNREADABLE[-1], *PARTLY):
            service = Spoiling({operation: spoil}, scenario)
            try:
                found = await answer(opener, service, question)
            except SmsToolsError as error:
                # One record of a list without an id may be the very server that was named.
                if spoil not in PARTLY or "among those that were read" not in str(error):
                    raise
                continue
            if operation in service.spoilt:
                assert lacks(found, question, operation), (operation, spoil.__name__, found)
                assert begins_with_what_it_lacks(found)


odd: st.SearchStrategy[Any] = st.sampled_from(
    [10**30, 1e300, -1, 2**63, None, "n/a", [], {}, True, "\ud800", [[[[]]]], {"a": []}]
)


@st.composite
def spoils(draw: st.DrawFn) -> Spoil:
    """A reply that is none, a list in part, or a record with an odd value in it."""
    if draw(st.booleans()):
        return draw(st.sampled_from([*UNREADABLE, *PARTLY]))
    name, value, which = draw(st.integers(0, 60)), draw(odd), draw(st.integers(0, 60))

    def pick(record: dict[str, Any]) -> str:
        names = sorted(record)
        return names[name % len(names)]

    def one_odd_value(rows: list[Any]) -> list[Any]:
        if which >= len(rows):
            return rows
        changed = dict(rows[which])
        changed[pick(changed)] = value
        return [*rows[:which], changed, *rows[which + 1 :]]

    def one_odd_field(text: bytes) -> bytes:
        payload = json.loads(text) if text else None
        if not isinstance(payload, dict) or not payload:
            return text
        if "count" in payload:
            spoilt = records(one_odd_value)(text)
            return spoilt if isinstance(spoilt, bytes) else text
        payload[pick(payload)] = value
        return json.dumps(payload).encode()

    return one_odd_field


OPERATIONS = (
    *("list_source_servers", "list_migration_tasks", "list_failed_source_servers"),
    *("list_templates", "list_migration_projects", "get_source_server", "get_migration_task"),
    *("get_migration_rate_limits", "get_consistency_results", "get_migration_options"),
    *("get_source_server_overview", "check_network_acl", "get_agent_configuration"),
    *("get_template", "get_migration_project"),
)


@hypothesis_settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    asked=st.sampled_from(ALL),
    how=st.dictionaries(st.sampled_from(OPERATIONS), spoils(), min_size=1, max_size=4),
)
async def test_no_composite_answers_about_what_it_has_not_read(
    opener: Any, asked: Asked, how: dict[str, Spoil]
) -> None:
    scenario, question = asked
    service = Spoiling(how, scenario)
    try:
        found = await answer(opener, service, question)
    except SmsToolsError as error:
        # Only without servers there is nothing to answer from, or without the one that was named.
        if not (service.spoilt & LISTS and error.advice):
            raise
        return
    wholly = {name for name in service.spoilt if how[name] in UNREADABLE}
    for operation in wholly:
        assert lacks(found, question, operation), (operation, found)
    if "list_source_servers" in service.spoilt and how["list_source_servers"] in (
        *UNREADABLE,
        *PARTLY,
    ):
        assert not EMPTY.search(found["summary"]), found["summary"]
    assert begins_with_what_it_lacks(found), found["summary"]
