"""A desk over a sandbox whose time stands still until a test moves it, and over made-up replies."""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from sms_tools.api import Api
from sms_tools.diagnosis.question import Question
from sms_tools.fleet.desk import Desk
from sms_tools.sandbox import ManualClock, Sandbox, open_sandbox
from sms_tools.settings import Settings
from sms_tools.state import State


@dataclass
class Place:
    """Where questions are asked: a desk and the clock that it reads."""

    desk: Desk
    clock: ManualClock
    waits: list[float]
    """How long was waited, in seconds; waiting moves the clock."""

    @property
    def now(self) -> datetime:
        """The time."""
        return datetime.fromtimestamp(self.clock(), UTC)

    async def ask(self, question: Question) -> dict[str, Any]:
        """The answer to *question*, which has to be what JSON can carry."""
        answer = await question.answer(self.desk)
        carried: dict[str, Any] = json.loads(json.dumps(answer))
        assert carried == answer
        return answer


@dataclass
class Bureau(Place):
    """A place with the sandbox behind it."""

    sandbox: Sandbox = field(kw_only=True)


class _Opener:
    """Opens places, each with a state folder of its own unless it is named."""

    def __init__(self, stack: AsyncExitStack, folder: Path) -> None:
        self._stack = stack
        self._folder = folder
        self._opened = 0

    def open(self, clock: ManualClock, transport: httpx.AsyncBaseTransport, folder: str) -> Place:
        self._opened += 1
        settings = Settings.for_sandbox(state_dir=self._folder / (folder or f"{self._opened}"))
        waits: list[float] = []

        def now() -> datetime:
            return datetime.fromtimestamp(clock(), UTC)

        async def sleep(seconds: float) -> None:
            waits.append(seconds)
            clock.advance(seconds)

        async def no_pause(_: float) -> None:
            """Repeated requests do not wait in tests."""

        api = Api(settings, transport=transport, clock=now, sleep=no_pause)
        self._stack.push_async_callback(api.aclose)
        state = State(settings.state_dir)
        self._stack.callback(state.close)
        return Place(Desk(api, state, now, sleep), clock, waits)


@pytest.fixture
async def opener(tmp_path: Path) -> AsyncIterator[_Opener]:
    async with AsyncExitStack() as stack:
        yield _Opener(stack, tmp_path)


@pytest.fixture
def bureau(opener: _Opener) -> Callable[..., Bureau]:
    """Opens a bureau on a scenario: ``bureau("mixed", servers=40)``."""

    def open_bureau(
        scenario: str = "mixed", servers: int | None = None, folder: str = "", seed: int = 1
    ) -> Bureau:
        clock = ManualClock()
        sandbox = open_sandbox(scenario, servers, clock=clock, speed=1, seed=seed)
        place = opener.open(clock, sandbox.transport(), folder)
        return Bureau(place.desk, place.clock, place.waits, sandbox=sandbox)

    return open_bureau


@pytest.fixture
def serve(opener: _Opener) -> Callable[..., Place]:
    """Opens a place on replies made by hand, by path: ``serve({"/v3/sources": {...}})``.

    A reply may be a function of the request, or a whole ``httpx.Response``; what is not served is
    refused with SMS.9001.
    """

    def open_place(replies: Mapping[str, Any]) -> Place:
        def reply(request: httpx.Request) -> httpx.Response:
            found = replies.get(request.url.path)
            payload = found(request) if callable(found) else found
            if isinstance(payload, httpx.Response):
                return payload
            if payload is None:
                refusal = {"error_code": "SMS.9001", "error_msg": "not served by this test"}
                return httpx.Response(400, json=refusal)
            return httpx.Response(200, json=payload)

        return opener.open(ManualClock(), httpx.MockTransport(reply), "")

    return open_place
