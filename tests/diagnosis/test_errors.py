"""explain_error_code: what is known, who acts, and what is not known."""

from typing import Any

import pytest

from sms_tools.diagnosis.errors import ExplainErrorCode

pytestmark = pytest.mark.anyio


async def test_a_code_is_explained_with_who_acts_and_where_that_is_known_from(serve: Any) -> None:
    answer = await serve({}).ask(ExplainErrorCode(code="SMS.1414"))
    assert answer["code"] == "SMS.1414"
    assert answer["known"] is True
    assert answer["full_copy_again"] is True
    assert answer["actor"] in ("api", "source", "console", "support")
    assert "reference" in answer["origin"]
    for part in ("cause", "first_step"):
        assert answer[part] in answer["summary"]


async def test_it_needs_no_request(serve: Any) -> None:
    place = serve({})
    await place.ask(ExplainErrorCode(code="1414"))
    assert place.desk.api.requests_made == 0


async def test_parameters_are_filled_into_the_message_and_cleaned(serve: Any) -> None:
    question = ExplainErrorCode(code="sms.1105", params=["quota\u202e exceeded"])
    answer = await serve({}).ask(question)
    assert "quota exceeded" in answer["message"]
    assert "\u202e" not in answer["message"]


async def test_a_known_mistake_of_the_reference_is_corrected_and_marked(serve: Any) -> None:
    answer = await serve({}).ask(ExplainErrorCode(code="SMS.5102"))
    assert "exec" in answer["first_step"]
    assert answer["corrected"]


async def test_a_code_that_nobody_documents_is_said_to_be_unknown_and_shown_raw(
    serve: Any,
) -> None:
    answer = await serve({}).ask(ExplainErrorCode(code="SMS.4999", params=["/mnt"]))
    assert answer["known"] is False
    assert answer["retry_safe"] is None
    assert answer["full_copy_again"] is None
    assert "SMS.4999" in answer["summary"]
    assert answer["message"] == "SMS.4999 (/mnt)"


async def test_the_answer_has_what_every_answer_has(serve: Any) -> None:
    answer = await serve({}).ask(ExplainErrorCode(code="APIGW.0301"))
    assert {"summary", "observed_at", "suggested_actions", "omitted"} <= answer.keys()
