"""A browser with the official host bridge, once for all tests of the board; skipped without one.

Every message that a page sends in any test has to be one of the specification's, and all that were
exchanged are printed at the end.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.browser import Host, missing, open_host

SAID = pytest.StashKey[Counter[str]]()
ALLOWED = {
    "ui/initialize",
    "ui/notifications/initialized",
    "ui/notifications/size-changed",
    "ui/message",
    "ui/open-link",
    "ui/request-display-mode",
    "tools/call",
    "answer",
}
"""What the page may say."""


def pytest_configure(config: pytest.Config) -> None:
    config.stash[SAID] = Counter()


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print what went between board and host."""
    if said := config.stash[SAID]:
        terminalreporter.section("between board and host, in all tests")
        for line, times in sorted(said.items()):
            terminalreporter.write_line(f"{line}: {times}")


@pytest.fixture(scope="session")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A host behind which our own server runs on the sandbox."""
    if gap := missing():
        pytest.skip(f"the board is not shown in a browser: {gap}")
    with open_host() as host:
        host.about = host.serve(tmp_path_factory.mktemp("board") / "state")
        yield host


@pytest.fixture
def host(opened: Host, pytestconfig: pytest.Config) -> Iterator[Host]:
    """The host, whose page is closed after the test."""
    yield opened
    messages = opened.do("seen")["messages"]
    ways = [(each["to"], each.get("method") or "answer") for each in messages]
    pytestconfig.stash[SAID].update(f"to the {to}: {method}" for to, method in ways)
    opened.do("close")
    assert {method for to, method in ways if to == "host"} <= ALLOWED


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state"
