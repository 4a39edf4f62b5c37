"""A watch of the whole server: what it tells, what it keeps, and whose turn it is."""

import json
import sqlite3
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client, MCPError

from sms_tools.errors import RequestRefused
from sms_tools.fleet.samples import account_of
from sms_tools.guard import Policy
from sms_tools.moment import utc_now
from sms_tools.sandbox import ManualClock, Sandbox, open_sandbox
from sms_tools.sandbox.faults import Effect, Fault
from sms_tools.server import Runtime, build_server, open_runtime
from sms_tools.server.watch import address_of, keep_watching
from sms_tools.settings import Settings
from sms_tools.watching.kept import MESSAGES, Kept, Look
from sms_tools.watching.noticing import Seen
from sms_tools.watching.watcher import Watcher

pytestmark = pytest.mark.anyio
HOUR = 3600.0
LATEST = address_of()


class House:
    """A server over a sandbox whose time stands still until a test moves it."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock()
        self.sandbox: Sandbox = open_sandbox("mixed", clock=self.clock)
        self.settings = Settings.for_sandbox(state_dir=folder)

    def open(self) -> AbstractAsyncContextManager[Runtime]:
        return open_runtime(
            self.settings, Policy(), transport=self.sandbox.transport(), service_clock=self.now
        )

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.clock(), UTC)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "state")


def watcher_of(runtime: Runtime, **more: Any) -> Watcher:
    return Watcher(runtime.desk, str(runtime.settings.account), 300, runtime.exit.cleaned, **more)


async def latest(client: Client) -> Any:
    return json.loads((await client.read_resource(LATEST)).contents[0].text)  # type: ignore[union-attr]


async def test_the_first_look_tells_nothing_and_a_later_one_what_changed(house: House) -> None:
    async with house.open() as runtime:
        watcher = watcher_of(runtime)
        assert await watcher.look() is None
        assert watcher.watched == 49
        began = house.now()
        house.clock.advance(12 * HOUR)
        message = await watcher.look()
    assert message is not None
    assert message["notices"]
    assert message["since"] == began.strftime("%Y-%m-%dT%H:%M:%SZ")


async def test_after_a_restart_the_first_look_tells_what_changed_meanwhile(house: House) -> None:
    async with house.open() as runtime:
        await watcher_of(runtime).look()
    house.clock.advance(12 * HOUR)
    async with house.open() as runtime:
        message = await watcher_of(runtime).look()
    assert message is not None
    assert "finished" in {notice["what"] for notice in message["notices"]}


async def test_a_run_of_the_sandbox_is_not_compared_with_an_earlier_one(house: House) -> None:
    """Each run is an account of its own, although it goes by the same name."""
    async with house.open() as runtime:
        await watcher_of(runtime).look()
    house.clock.advance(12 * HOUR)
    house.settings = replace(house.settings, domain_id="another-run")
    async with house.open() as runtime, Client(build_server(runtime)) as client:
        with pytest.raises(MCPError, match="--watch"):
            await latest(client)
        assert await watcher_of(runtime).look() is None


async def test_a_reading_of_the_day_before_yesterday_is_not_compared_with(house: House) -> None:
    async with house.open() as runtime:
        await watcher_of(runtime).look()
        house.clock.advance(25 * HOUR)
        assert await watcher_of(runtime).look() is None


async def test_a_project_s_watch_is_not_compared_with_the_whole_account_s(house: House) -> None:
    async with house.open() as runtime:
        await watcher_of(runtime).look()
        house.clock.advance(12 * HOUR)
        assert await watcher_of(runtime, project="Wave-1-Web").look() is None


async def test_a_project_that_does_not_exist_is_an_error_at_once(house: House) -> None:
    async with house.open() as runtime:
        with pytest.raises(RequestRefused, match="Wave-1-Web"):
            await watcher_of(runtime, project="Wave-1").look()


async def test_what_cannot_be_read_is_told_and_the_next_look_compares_on(house: House) -> None:
    async with house.open() as runtime:
        watcher = watcher_of(runtime)
        await watcher.look()
        house.sandbox.faults.add(Fault(Effect.REFUSAL, code="SMS.0204"))
        house.clock.advance(12 * HOUR)
        message = await watcher.look()
        assert message is not None
        assert message["incomplete"]
        assert not message["notices"]
        assert message["summary"] == "Not everything could be read."
        assert await watcher.look() is None, "the same trouble is told once"
        house.sandbox.faults.clear()
        message = await watcher.look()
    assert message is not None
    assert "finished" in {notice["what"] for notice in message["notices"]}


async def test_a_reading_that_is_whole_again_is_told(house: House) -> None:
    async with house.open() as runtime:
        watcher = watcher_of(runtime)
        await watcher.look()
        house.sandbox.faults.add(Fault(Effect.REFUSAL, code="SMS.0204"))
        await watcher.look()
        house.sandbox.faults.clear()
        message = await watcher.look()
    assert message is not None
    assert message["summary"] == "Everything could be read again."
    assert not message["incomplete"]


async def test_what_cannot_be_kept_is_told_once_and_the_watch_goes_on(house: House) -> None:
    async with house.open() as runtime:
        watcher = watcher_of(runtime)
        await watcher.look()
        refuse = "SELECT RAISE(FAIL, 'database or disk is full')"
        with closing(sqlite3.connect(house.settings.state_dir / "sms-tools.sqlite3")) as other:
            other.execute(f"CREATE TRIGGER t BEFORE UPDATE ON watch_looks BEGIN {refuse}; END")

        house.clock.advance(12 * HOUR)
        message = await watcher.look()
        assert message is not None
        assert message["notices"]
        assert "could not be kept" in message["incomplete"][-1]
        assert await watcher.look() is None


async def test_before_any_watch_the_resource_says_how_to_start_one(house: House) -> None:
    async with house.open() as runtime, Client(build_server(runtime)) as client:
        with pytest.raises(MCPError, match="--watch"):
            await latest(client)


async def test_the_resource_has_the_last_look_and_the_last_messages(house: House) -> None:
    async with house.open() as runtime, Client(build_server(runtime)) as client:
        watcher = watcher_of(runtime)
        await watcher.look()
        seen = await latest(client)
        assert seen["messages"] == []
        assert seen["every_seconds"] == 300
        house.clock.advance(12 * HOUR)
        message = await watcher.look()
        seen = await latest(client)
        assert seen["messages"] == [message]
        assert "49 servers" in seen["summary"]


async def test_a_client_that_listens_is_told_of_a_change(house: House) -> None:
    async with house.open() as runtime:
        server = build_server(runtime)
        async with (
            Client(server) as client,
            client.listen(resource_subscriptions=[LATEST]) as events,
        ):
            await server.changed("sms://audit/latest")
            await server.changed(LATEST)
            with anyio.fail_after(20):
                event = await anext(aiter(events))
    assert event.uri == LATEST  # type: ignore[union-attr]


async def test_of_two_servers_with_one_state_one_looks(house: House) -> None:
    now = utc_now()
    lasts = timedelta(minutes=11)
    async with house.open() as runtime:
        kept = Kept(runtime.state, "an account")
        assert await kept.turn("first", now, lasts)
        assert not await kept.turn("second", now, lasts)
        assert await kept.turn("first", now + lasts / 2, lasts)
        assert not await kept.turn("second", now + lasts, lasts)
        assert await kept.turn("second", now + 2 * lasts, lasts)
        assert await Kept(runtime.state, "another account").turn("first", now, lasts)
        await kept.give_up("first")  # not the first's to give up any more
        assert not await kept.turn("third", now + 2 * lasts, lasts)
        await kept.give_up("second")
        assert await kept.turn("third", now + 2 * lasts, lasts)


async def test_only_the_latest_messages_are_kept(house: House) -> None:
    async with house.open() as runtime:
        kept = Kept(runtime.state, "an account")
        for number in range(MESSAGES + 5):
            at = house.now() + timedelta(minutes=number)
            look = Look(at, 60, {"1": ("web", Seen("syncing", offline=None, code=None))})
            await kept.keep("", look, {"number": number})
        found = await kept.latest()
    assert found is not None
    assert [message["number"] for message in found.messages] == list(range(24, 4, -1))


async def test_a_server_that_watches_tells_and_gives_up_its_turn_at_the_end(house: House) -> None:
    told: list[Mapping[str, Any]] = []
    heard = anyio.Event()

    async def tell(message: Mapping[str, Any]) -> None:
        told.append(message)
        heard.set()

    async with house.open() as runtime:
        await watcher_of(runtime).look()
        house.clock.advance(12 * HOUR)
        async with anyio.create_task_group() as group:
            group.start_soon(keep_watching, runtime, 3600, tell)
            with anyio.fail_after(60):
                await heard.wait()
            group.cancel_scope.cancel()
        kept = Kept(runtime.state, account_of(runtime.settings))
        assert await kept.turn("another", utc_now(), timedelta(minutes=1))
    assert told[0]["notices"]
