"""A service that answers 200 with what is no answer: no question is ever answered from it."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from sms_tools.diagnosis.consistency import SummarizeConsistencyResults
from sms_tools.diagnosis.failures import SummarizeFailedServers
from sms_tools.diagnosis.overview import MigrationOverview
from sms_tools.diagnosis.progress import SummarizeProgress
from sms_tools.diagnosis.question import Question
from sms_tools.diagnosis.readiness import CheckCutoverReadiness
from sms_tools.errors import SmsToolsError
from sms_tools.sandbox import ManualClock, open_sandbox

pytestmark = pytest.mark.anyio

LISTS = ("/v3/sources", "/v3/tasks", "/v3/errors")
LIES: tuple[bytes, ...] = (
    b"",
    b"[1, 2]",
    b"{}",
    b"null",
    b"0",
    b'"ok"',
    b"<html>Please log in</html>",
    b'{"error_code": "SMS.9001", "error_msg": "Internal error"}',
    b'{"count": 49, "source_servers": null, "tasks": null, "migration_errors": null}',
    b'{"count": 49, "source_servers": [], "tasks": [], "migration_errors": []}',
    b'{"count": 2, "source_servers": [{}, 1], "tasks": [{}, 1], "migration_errors": [{}, 1]}',
)
QUESTIONS: tuple[Question, ...] = (
    MigrationOverview(),
    SummarizeFailedServers(),
    SummarizeProgress(),
    CheckCutoverReadiness(),
    SummarizeConsistencyResults(),
)


class Lying(httpx.AsyncBaseTransport):
    """The sandbox, with another body under its successes on some paths."""

    def __init__(self, lie: Callable[[str, bytes], bytes]) -> None:
        self.inner = open_sandbox("mixed", 12, clock=ManualClock(), speed=1).transport()
        self.lie = lie
        self.asked = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        response = await self.inner.handle_async_request(request)
        body = await response.aread()
        if response.status_code == 200:
            body = self.lie(request.url.path, body)
        return httpx.Response(response.status_code, content=body)


@pytest.mark.parametrize("lie", LIES, ids=ascii)
@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: type(question).__name__)
async def test_what_is_no_list_is_never_answered_as_an_empty_fleet(
    opener: Any, question: Question, lie: bytes
) -> None:
    transport = Lying(lambda path, body: lie if path in LISTS else body)
    place = opener.open(ManualClock(), transport, "")
    try:
        answer = await place.ask(question)
    except SmsToolsError as error:
        said, leads_on = str(error), error.advice
    else:
        said, leads_on = json.dumps(answer, ensure_ascii=False), answer.get("incomplete")
    assert leads_on, said
    for falsehood in ("no source servers here", "among 0 servers", "counts 0", "of 0 servers"):
        assert falsehood not in said


async def test_an_absurd_count_costs_a_few_requests(opener: Any) -> None:
    def absurd(path: str, body: bytes) -> bytes:
        payload = json.loads(body)
        return json.dumps({**payload, "count": 10**20}).encode() if path in LISTS else body

    transport = Lying(absurd)
    answer = await opener.open(ManualClock(), transport, "").ask(MigrationOverview())
    assert "does not fit" in json.dumps(answer["incomplete"])
    assert transport.asked < 30


odd: st.SearchStrategy[Any] = st.sampled_from(
    [10**30, 1e300, -1, 2**63, None, "n/a", [], {}, True, "\ud800", float("nan"), [[[[]]]]]
)


@hypothesis_settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(question=st.sampled_from(QUESTIONS), data=st.data())
async def test_one_odd_record_costs_its_own_line_never_the_answer(
    opener: Any, question: Question, data: st.DataObject
) -> None:
    spoilt: list[str] = []

    def spoil(path: str, body: bytes) -> bytes:
        payload = json.loads(body)
        if path not in LISTS or not payload.get(_key(payload)):
            return body
        record = payload[_key(payload)][0]
        name = data.draw(st.sampled_from(sorted(record)))
        record[name] = data.draw(odd)
        spoilt.append(f"{path} {name}={record[name]!r}")
        return json.dumps(payload).encode()

    answer = await opener.open(ManualClock(), Lying(spoil), "").ask(question)
    assert answer["summary"], spoilt


def _key(payload: Any) -> str:
    return next((key for key, value in payload.items() if isinstance(value, list)), "")
