"""A browser with the official host bridge, once for all tests of the board; skipped without one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.browser import Host, missing, open_host


@pytest.fixture(scope="session")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A host behind which our own server runs on the sandbox."""
    if gap := missing():
        pytest.skip(f"the board is not shown in a browser: {gap}")
    with open_host() as host:
        host.about = host.serve(tmp_path_factory.mktemp("board") / "state")
        yield host


@pytest.fixture
def host(opened: Host) -> Iterator[Host]:
    """The host, whose page is closed after the test."""
    yield opened
    opened.do("close")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state"
