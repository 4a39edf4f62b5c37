"""What all questions have in common: how they are offered, and what every answer holds."""

import json
from typing import Any

import pytest

from sms_tools.diagnosis import QUESTIONS
from sms_tools.diagnosis.answer import CONCISE_BYTES, compact_bytes
from sms_tools.operation import Fields
from sms_tools.operations import CATALOGUE
from sms_tools.remediation.plan_tools import ApplyPlan, PlanRemediation
from sms_tools.schema import input_schema

pytestmark = pytest.mark.anyio

_TOOLS: dict[str, Any] = {**CATALOGUE, **QUESTIONS, "plan_remediation": PlanRemediation}
_ASKED: dict[str, dict[str, Any]] = {
    "diagnose_server": {"server": "db-ora-01"},
    "explain_error_code": {"code": "SMS.1414"},
    "schedule_wave": {"line_mbit_s": 400},
    "what_changed": {"since": "2025-12-31T00:00:00+00:00"},
    "wait_for_progress": {"timeout_seconds": 5},
}


def test_questions_and_plans_cost_at_most_17_kilobytes_to_list() -> None:
    models: list[type[Fields]] = [*QUESTIONS.values(), PlanRemediation, ApplyPlan]
    cost = sum(
        len(json.dumps([input_schema(model), " ".join((model.__doc__ or "").split())]).encode())
        for model in models
    )
    assert cost <= 17_000


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_description_says_what_it_answers_in_a_few_sentences(name: str) -> None:
    description = QUESTIONS[name].__description__
    assert 150 <= len(description) <= 530
    assert any(word in description.lower() for word in ("server", "migration"))


def test_only_the_explanation_of_a_code_needs_no_service() -> None:
    assert [n for n, q in QUESTIONS.items() if not q.__open_world__] == ["explain_error_code"]


@pytest.mark.parametrize("scenario", ["mixed", "large", "cutover-night"])
@pytest.mark.parametrize("name", QUESTIONS)
async def test_every_answer_is_bounded_and_suggests_calls_that_are_complete(
    bureau: Any, name: str, scenario: str
) -> None:
    place = bureau(scenario, servers=250)
    arguments: dict[str, Any] = _ASKED.get(name, {})
    if name == "diagnose_server":
        arguments = {"server": next(iter(place.sandbox.cloud.sources))}
    answer = await place.ask(QUESTIONS[name].model_validate(arguments))
    assert list(answer)[:2] == ["summary", "observed_at"]
    assert answer["observed_at"].endswith("Z")
    assert compact_bytes(answer) <= CONCISE_BYTES
    assert isinstance(answer["omitted"], list)
    assert len(answer["suggested_actions"]) <= 3
    for action in answer["suggested_actions"]:
        assert action["why"]
        _TOOLS[action["tool"]].model_validate(action["arguments"])
