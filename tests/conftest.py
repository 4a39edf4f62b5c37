"""What every test shares: anyio's plugin on asyncio, and desks for questions to be asked from."""

import pytest

pytest_plugins = ["tests.bureau", "tests.stores"]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-snapshots", action="store_true", help="write what clients are told anew"
    )
