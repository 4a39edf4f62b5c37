"""What every test shares: anyio's plugin on asyncio, and desks for questions to be asked from."""

import pytest

pytest_plugins = ["tests.bureau"]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
