"""Former names in both kinds of states: kept by one process, told by another, forgotten in time."""

from datetime import UTC, datetime, timedelta

import pytest

from sms_tools.fleet.renaming import Rename, Renames
from sms_tools.settings import Settings
from tests.both_stores import each_store  # noqa: F401 (each test runs on both)
from tests.stores import OpenState

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


async def test_what_one_process_keeps_another_tells_latest_first(open_store: OpenState) -> None:
    first = Rename("s-1", "web-old", "web-mid", NOW - timedelta(days=2))
    second = Rename("s-1", None, "web-new", NOW)
    renames = Renames(open_store(), Settings.for_sandbox())
    await renames.keep(first)
    await renames.keep(second)
    lately = await Renames(open_store(), Settings.for_sandbox()).lately(NOW)
    assert lately.by_source == {"s-1": [second, first]}
    assert lately.unread is None


async def test_what_is_no_longer_told_is_forgotten(open_store: OpenState) -> None:
    renames = Renames(open_store(), Settings.for_sandbox())
    await renames.keep(Rename("s-1", "web-old", "web-new", NOW - timedelta(days=31)))
    assert (await renames.lately(NOW)).by_source == {}
    await renames.keep(Rename("s-2", "db-old", "db-new", NOW))
    assert set((await renames.lately(NOW - timedelta(days=10))).by_source) == {"s-2"}
