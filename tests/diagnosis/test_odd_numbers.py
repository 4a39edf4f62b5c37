"""Numbers from outside that cannot be right: they cost their own line, and move no verdict."""

import json
from datetime import timedelta
from typing import Any

import httpx
import pytest

from sms_tools.diagnosis.diagnose import DiagnoseServer
from sms_tools.diagnosis.progress import SummarizeProgress
from sms_tools.sandbox import ManualClock, open_sandbox

pytestmark = pytest.mark.anyio

SIZE = 706_522_120_192


class Altered(httpx.AsyncBaseTransport):
    """The sandbox, with other values in the records of one copying server."""

    def __init__(self, clock: ManualClock) -> None:
        self.inner = open_sandbox("mixed", clock=clock, speed=1).transport()
        self.server: str | None = None
        self.source: dict[str, Any] = {}
        self.task: dict[str, Any] = {}
        self.step: dict[str, Any] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self.inner.handle_async_request(request)
        body = await response.aread()
        if response.status_code == 200 and body:
            payload = json.loads(body)
            self._alter(payload)
            body = json.dumps(payload).encode()
        return httpx.Response(response.status_code, content=body)

    def _alter(self, payload: Any) -> None:
        if not isinstance(payload, dict):
            return
        for record in payload.get("source_servers") or []:
            if self.server is None and record.get("state") == "replicate" and record["connected"]:
                self.server = record["id"]
            if record["id"] == self.server:
                record |= self.source
                (record.get("current_task") or {}).update(self.task)
        for record in payload.get("tasks") or [payload]:
            source = record.get("source_server") or {}
            if source and source.get("id") == self.server:
                source |= self.source
                record |= self.task
                for step in record.get("sub_tasks") or []:
                    step |= self.step


def row_of(answer: dict[str, Any], server: str | None) -> dict[str, Any]:
    found: dict[str, Any] = next(row for row in answer["servers"] if row["id"] == server)
    return found


@pytest.mark.parametrize(
    ("record", "values"),
    [
        ("task", {"remain_seconds": 10**9}),
        ("task", {"remain_seconds": 10**12}),
        ("task", {"remain_seconds": 2**63 - 1}),
        ("source", {"totalsize": 10**30}),
        ("source", {"totalsize": 10**30, "replicatesize": 10**29}),
        ("step", {"progress": 10**30}),
    ],
    ids=ascii,
)
async def test_one_absurd_number_costs_one_estimate_never_the_answer(
    opener: Any, record: str, values: dict[str, Any]
) -> None:
    service = Altered(ManualClock())
    setattr(service, record, values)
    answer = await opener.open(ManualClock(), service, "").ask(SummarizeProgress(detail="full"))
    assert answer["server_count"] == 49
    odd = row_of(answer, service.server)
    assert record == "step" or (odd["eta"] is None and odd["eta_reason"])


async def test_a_copy_past_its_announced_total_moves_and_is_not_stuck(opener: Any) -> None:
    clock = ManualClock()
    service = Altered(clock)
    place = opener.open(clock, service, "")
    service.step = {"progress": 100}
    for copied in (10, 35, 60):
        service.source = {"totalsize": SIZE, "replicatesize": SIZE + copied * 10**9}
        answer = await place.ask(SummarizeProgress(detail="full"))
        clock.advance(timedelta(minutes=20).total_seconds())
    row = row_of(answer, service.server)
    assert row["pace"] == "moving"
    assert row["rate_mbit_s"] == pytest.approx(50e9 * 8 / 2400 / 1e6, rel=0.01)
    assert row["done_bytes"] == SIZE + 60 * 10**9
    assert "copied_percent" not in row
    assert "more is copied" in row["eta_reason"]


@pytest.mark.parametrize("progress", [-1, 137])
async def test_what_is_no_percentage_is_not_shown_as_one(opener: Any, progress: int) -> None:
    service = Altered(ManualClock())
    place = opener.open(ManualClock(), service, "")
    await place.ask(SummarizeProgress())
    service.step = {"progress": progress}
    answer = await place.ask(DiagnoseServer(server=service.server or ""))
    assert f'"sub_task_percent": {progress}' not in json.dumps(answer)
    assert "sub_task" in json.dumps(answer)
