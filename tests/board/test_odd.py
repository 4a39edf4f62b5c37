"""Records that cannot be right: board and report are drawn all the same, and hide none of it."""

import json
import random
from collections.abc import Callable
from typing import Any, Final

import httpx
import pytest

from sms_tools.diagnosis import QUESTIONS
from sms_tools.remediation.report import ExportReport
from sms_tools.sandbox import ManualClock, open_sandbox
from sms_tools.server.apps import DATA, WITH_BOARD, drawn
from sms_tools.server.output import Exit
from tests.bureau import Place

pytestmark = pytest.mark.anyio

ODD: Final[tuple[Any, ...]] = (
    *(None, "", "x" * 5_000, "\u202e\x00<b>", 0, -1, 2**63, 2**80, 1e308, True, [], {}),
    *("NaN", "Infinity", -0.5, "2026-01-01", 99_999_999_999_999_999),
)


class Scrambled(httpx.AsyncBaseTransport):
    """The sandbox, in whose records every tenth value is another."""

    def __init__(self, clock: ManualClock, seed: int) -> None:
        self._inner = open_sandbox("mixed", clock=clock, speed=1).transport()
        self._chance = random.Random(seed)  # noqa: S311 (a test's dice)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._inner.handle_async_request(request)
        body = await response.aread()
        if response.status_code != 200 or not body:
            return httpx.Response(response.status_code, content=body)
        return httpx.Response(200, content=json.dumps(self._scrambled(json.loads(body))).encode())

    def _scrambled(self, value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {each: self._scrambled(value[each], each) for each in value}
        if isinstance(value, list):
            return [self._scrambled(each, key) for each in value]
        if key in ("id", "count") or self._chance.random() > 0.1:
            return value
        return self._chance.choice(ODD)


@pytest.fixture
def scrambled(opener: Any) -> Callable[[int], Place]:
    def open_place(seed: int) -> Place:
        clock = ManualClock()
        place: Place = opener.open(clock, Scrambled(clock, seed), "")
        return place

    return open_place


@pytest.mark.parametrize("seed", range(12))
async def test_a_board_is_drawn_of_whatever_was_read(
    scrambled: Callable[[int], Place], seed: int
) -> None:
    place = scrambled(seed)
    for _ in range(3):
        for tool in sorted(WITH_BOARD):
            result = await drawn(QUESTIONS[tool](), place.desk, Exit(list))
            assert result.meta
            data = json.loads(json.dumps(result.meta[DATA], allow_nan=False))
            assert len(data["rows"]) == data["count"]
        place.clock.advance(600)
        place.desk.forget()


@pytest.mark.parametrize("seed", range(4))
async def test_a_report_is_drawn_of_whatever_was_read(
    scrambled: Callable[[int], Place], seed: int
) -> None:
    place = scrambled(seed)
    for kind in ("status", "readiness", "failures"):
        answer = await place.ask(ExportReport(kind=kind, format="html"))
        assert answer["row_count"] >= 0
