"""Fleets as somebody sees them who has watched for some hours: for pictures and measurements.

The sandbox's time stands still but for the steps taken here, and ends at this moment, so that ages
read as they would. Readings between leave the samples from which rates and estimates come.
"""

import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from sms_tools.api import Api
from sms_tools.diagnosis import QUESTIONS
from sms_tools.fleet.desk import Desk
from sms_tools.fleet.reading import read_fleet
from sms_tools.sandbox import ManualClock, open_sandbox
from sms_tools.server.apps import drawn
from sms_tools.server.output import Exit
from sms_tools.settings import Settings
from sms_tools.state import State

STEP: Final = 600.0
"""Seconds between two readings."""


@asynccontextmanager
async def open_scene(
    scenario: str, *, servers: int | None = None, hours: float = 3.0
) -> AsyncIterator[Desk]:
    """A desk over *scenario*, which has been read every ten minutes for *hours*."""
    clock = ManualClock(time.time() - hours * 3600)
    sandbox = open_sandbox(scenario, servers, clock=clock, speed=1)

    def now() -> datetime:
        return datetime.fromtimestamp(clock(), UTC)

    async def sleep(seconds: float) -> None:
        clock.advance(seconds)

    with tempfile.TemporaryDirectory(prefix="sms-tools-scene-") as folder:
        settings = Settings.for_sandbox(state_dir=Path(folder, "state"))
        api = Api(settings, transport=sandbox.transport(), clock=now, sleep=sleep)
        state = State(settings.state_dir)
        desk = Desk(api, state, now, sleep)
        try:
            for _ in range(int(hours * 3600 / STEP)):
                await read_fleet(desk, fresh=True)
                clock.advance(STEP)
            yield desk
        finally:
            state.close()
            await api.aclose()


async def answer_of(desk: Desk, tool: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The result of *tool* as a client with Apps gets it."""
    question = QUESTIONS[tool].model_validate(arguments)
    desk.shared.pop("fleet", None)
    result = await drawn(question, desk, Exit(desk.api.secret_values))
    told: dict[str, Any] = result.model_dump(by_alias=True, exclude_none=True, mode="json")
    return told
