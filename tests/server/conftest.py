"""Worlds for the server's tests, and the count of what the guard held back."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from .night import Night
from .tally import Tally
from .world import ERAS, World, open_world

_TALLY = pytest.StashKey[Tally]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_TALLY] = Tally()


@pytest.fixture(scope="session")
def tally(pytestconfig: pytest.Config) -> Tally:
    return pytestconfig.stash[_TALLY]


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the numbers that stand in the README."""
    lines = config.stash[_TALLY].lines()
    if lines:
        terminalreporter.section("the guard, in numbers")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture(params=ERAS)
def era(request: pytest.FixtureRequest) -> str:
    """The client's protocol era."""
    return str(request.param)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A server on the account, without an approval page."""
    async with open_world(tmp_path / "state") as world:
        yield world


@pytest.fixture
def night(era: str, tmp_path: Path) -> Night:
    """A sandbox whose time moves when the server waits, and a person who answers."""
    return Night(tmp_path / "state", era)
