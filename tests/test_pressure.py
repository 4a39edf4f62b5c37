"""A storm of 429 lowers the limit, single calls do not queue, failures in a row stop."""

from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import httpx
import pytest

from sms_tools import errors
from sms_tools.api import Api
from sms_tools.operations.projects import GetMigrationProject, ListMigrationProjects
from sms_tools.pressure import Circuits, Places
from sms_tools.settings import Settings

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
READ = GetMigrationProject(mig_project_id="p-1")


async def no_waiting(seconds: float) -> None:
    return None


async def settled() -> None:
    """Let every task go as far as it can."""
    for _ in range(50):
        await anyio.lowlevel.checkpoint()


async def test_a_single_call_does_not_queue_behind_a_list_of_many() -> None:
    gate = anyio.Event()

    async def service(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/slow"):
            await gate.wait()
        return httpx.Response(200, json={"id": "p"})

    slow = GetMigrationProject(mig_project_id="slow")
    transport = httpx.MockTransport(service)
    api = Api(Settings.for_sandbox(), transport=transport)
    async with api, anyio.create_task_group() as group:
        group.start_soon(api.each, [slow] * 300)
        await settled()
        with anyio.fail_after(5):
            assert (await api(READ)).id == "p"
        gate.set()


async def test_single_calls_come_before_those_that_wait_in_a_list() -> None:
    places, order = Places(1), []

    async def take(name: str, bulk: bool) -> None:
        async with places.place(bulk=bulk):
            order.append(name)
            await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as group, places.place(bulk=True):
        for number in range(3):
            group.start_soon(take, f"many {number}", True)
        await settled()
        group.start_soon(take, "single", False)
        await settled()
    assert order == ["single", "many 0", "many 1", "many 2"]


async def test_a_cancelled_wait_leaves_no_place_taken() -> None:
    places = Places(1)
    async with places.place(bulk=False):
        with anyio.move_on_after(0) as scope:
            async with places.place(bulk=False):
                raise AssertionError
        assert scope.cancelled_caught
    with anyio.fail_after(5):
        async with places.place(bulk=True):
            pass


async def test_a_429_halves_the_limit_once_a_round_and_success_raises_it() -> None:
    places = Places(8)
    began = 0
    for _ in range(5):
        places.throttled(began)  # all were on their way together
    assert places.allowed == 4
    places.throttled(1)
    places.throttled(2)
    places.throttled(3)
    assert places.allowed == 1
    for _ in range(60):
        places.succeeded()
    assert places.allowed == 8


async def test_a_storm_costs_few_requests_beyond_those_that_are_needed() -> None:
    capacity, now, refused = 2, 0, 0

    async def service(request: httpx.Request) -> httpx.Response:
        nonlocal now, refused
        now += 1
        try:
            await anyio.lowlevel.checkpoint()
            if now > capacity:
                refused += 1
                return httpx.Response(429, json={"error_code": "APIGW.0308"})
            return httpx.Response(200, json={"id": "p"})
        finally:
            now -= 1

    transport = httpx.MockTransport(service)
    async with Api(Settings.for_sandbox(), transport=transport, sleep=no_waiting) as api:
        results = await api.each([READ] * 400)
        good = sum(not isinstance(each, errors.SmsToolsError) for each in results)
        assert good >= 390
        assert refused < 200, "the limit adapts: it does not stay at 8 through the storm"


class Failing:
    """A service that fails as told until told otherwise."""

    def __init__(self, failure: Any) -> None:
        self.failure = failure
        self.asked = 0
        self.now = NOW

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        if isinstance(self.failure, Exception):
            raise self.failure
        if self.failure:
            return httpx.Response(self.failure, json={"error_code": "SMS.9901"})
        if request.url.path.endswith("migprojects"):
            return httpx.Response(200, json={"count": 0})
        return httpx.Response(200, json={"id": "p"})

    def api(self) -> Api:
        return Api(
            Settings.for_sandbox(),
            transport=httpx.MockTransport(self),
            clock=lambda: self.now,
            sleep=no_waiting,
        )


@pytest.mark.parametrize("failure", [503, httpx.ConnectError("refused"), httpx.ReadTimeout("")])
async def test_after_failures_in_a_row_calls_fail_at_once_and_say_until_when(failure: Any) -> None:
    service = Failing(failure)
    async with service.api() as api:
        with pytest.raises(errors.SmsToolsError, match="tried 4 times"):
            await api(READ)
        with pytest.raises(errors.SmsToolsError):
            await api(READ)
        for _ in range(10):
            with pytest.raises(errors.CircuitOpen, match="asked again at 12:00:20 UTC") as caught:
                await api(READ)
        assert service.asked == 5
        assert "Wait 20 seconds" in caught.value.advice
        assert not caught.value.outcome_unknown

        service.now += timedelta(seconds=21)
        with pytest.raises(errors.SmsToolsError):
            await api(READ)
        assert service.asked == 6, "one call tries, and the circuit opens again"

        service.failure = None
        service.now += timedelta(seconds=21)
        assert (await api(READ)).id == "p"
        assert (await api(READ)).id == "p"


async def test_one_operation_that_fails_does_not_close_the_others() -> None:
    service = Failing(503)
    async with service.api() as api:
        for _ in range(3):
            with pytest.raises(errors.SmsToolsError):
                await api(READ)
        service.failure = None
        assert (await api(ListMigrationProjects())).count == 0


def test_a_clock_that_is_set_back_keeps_no_circuit_open() -> None:
    now = NOW
    circuits = Circuits(lambda: now)
    for _ in range(8):
        circuits.failed("there", "no answer")
    with pytest.raises(errors.CircuitOpen):
        circuits.check("there", "a call")
    now = NOW - timedelta(days=30)
    circuits.check("there", "a call")


async def test_what_a_service_refuses_is_no_failure_of_it() -> None:
    service = Failing(400)
    async with service.api() as api:
        for _ in range(20):
            with pytest.raises(errors.ServiceError):
                await api(READ)
    assert service.asked == 20


async def test_a_trial_that_tells_nothing_does_not_lock_the_circuit() -> None:
    service = Failing(503)
    async with service.api() as api:
        for _ in range(2):
            with pytest.raises(errors.SmsToolsError):
                await api(READ)
        for nothing_told in (429, httpx.ConnectError("refused")):
            service.failure = nothing_told
            service.now += timedelta(seconds=61)
            with pytest.raises(errors.SmsToolsError):
                await api(READ)
        service.failure = None
        service.now += timedelta(seconds=61)
        assert (await api(READ)).id == "p"
