"""Imported by a module whose tests hold for both kinds of states: each of them runs twice."""

import pytest


@pytest.fixture(name="store", params=["sqlite", "postgres"])
def each_store(request: pytest.FixtureRequest) -> str | None:
    """The address of a fresh database, or None for a folder's state."""
    if request.param == "sqlite":
        return None
    address: str = request.getfixturevalue("cluster").database()
    return address
