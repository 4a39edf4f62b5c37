"""States to test with: of a folder, and of a PostgreSQL database that is gone with the tests.

A module whose tests hold for both imports :mod:`tests.both_stores`; in others `state` is a
folder's.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sms_tools.state import State
from sms_tools.stores import open_state
from tests import postgres

OpenState = Callable[[], State]


@pytest.fixture(scope="session")
def cluster() -> Iterator[postgres.Cluster]:
    """A PostgreSQL server."""
    if gap := postgres.missing():
        pytest.skip(f"no shared state here: {gap}")
    with postgres.cluster() as server:
        yield server


@pytest.fixture
def store() -> str | None:
    """The address of a fresh database; None for a folder's state."""
    return None


@pytest.fixture
def open_store(store: str | None, tmp_path: Path) -> Iterator[OpenState]:
    """Opens one state, as many times as there are servers that share it."""
    opened: list[State] = []

    def open_() -> State:
        opened.append(open_state(tmp_path / "state", store))
        return opened[-1]

    yield open_
    for state in opened:
        state.close()


@pytest.fixture
def state(open_store: OpenState) -> State:
    """A state."""
    return open_store()
