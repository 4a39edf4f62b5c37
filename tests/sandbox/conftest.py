"""Sandboxes for tests: one that stands still until a test moves it, and a client on it."""

from collections.abc import AsyncIterator

import httpx
import pytest

from sms_tools.sandbox import ManualClock, Sandbox, open_sandbox

TOKEN = "example-token"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def pauses() -> list[float]:
    """The seconds that the sandbox waited, in order."""
    return []


@pytest.fixture
def sandbox(clock: ManualClock, pauses: list[float]) -> Sandbox:
    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    return open_sandbox("healthy", clock=clock, speed=1, tokens=[TOKEN], sleep=sleep)


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    """A client with a token that the sandbox accepts."""
    async with httpx.AsyncClient(
        transport=sandbox.transport(),
        base_url="https://sms.example",
        headers={"X-Auth-Token": TOKEN},
    ) as client:
        yield client
