"""What every test shares: anyio's plugin runs the asynchronous ones on asyncio."""

import pytest


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
