"""Secrets that wait for a person where several servers share a state: one shows each, once."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import anyio
import pytest

from sms_tools.guard.keys import kept_key
from sms_tools.guard.sealed_vault import SealedElsewhere, SealedVault
from sms_tools.guard.vault import Vault
from sms_tools.state import State
from sms_tools.stores import open_state
from tests.both_stores import each_store

from .conftest import Clock

__all__ = ["each_store"]
pytestmark = pytest.mark.anyio

SECRET = {"target_password": "Example-Password-1"}
KEYS = ("EXAMPLE-ID", "example-key")
Opener = Callable[..., SealedVault]


@pytest.fixture
def states(store: str | None, tmp_path: Path) -> Iterator[tuple[State, State]]:
    """The state as two servers have it open."""
    pair = (open_state(tmp_path, store), open_state(tmp_path, store))
    yield pair
    for each in pair:
        each.close()


@pytest.fixture
def vault(states: tuple[State, State], clock: Clock) -> Opener:
    """The vault of the first server or the second."""

    def open_(server: int, configured: Sequence[str] = KEYS) -> SealedVault:
        return SealedVault(states[server], clock, lambda: configured)

    return open_


async def rows(state: State) -> list[str]:
    found = await state.read(lambda database: database.execute("SELECT * FROM sealed_secrets"))
    return [str(tuple(row[name] for name in ("id", "sealed", "expires"))) for row in found]


async def test_what_one_server_read_another_shows_once(vault: Opener, clock: Clock) -> None:
    one, other = vault(0), vault(1)
    said = await one.keep("K7QM-42XD", SECRET, clock())
    assert "whichever server" in said
    assert await other.has("K7QM-42XD", clock())
    assert await other.take("K7QM-42XD", clock()) == SECRET
    for each in (one, other):
        assert not await each.has("K7QM-42XD", clock())
        assert await each.take("K7QM-42XD", clock()) is None


async def test_of_many_who_ask_at_once_one_gets_it(vault: Opener, clock: Clock) -> None:
    vaults = [vault(0), vault(1)]
    await vaults[0].keep("id", SECRET, clock())
    got = []

    async def take(vault: Vault) -> None:
        got.append(await vault.take("id", clock()))

    async with anyio.create_task_group() as group:
        for each in vaults * 4:
            group.start_soon(take, each)
    assert [each for each in got if each is not None] == [SECRET]


async def test_neither_the_database_nor_its_key_gives_it_away(
    vault: Opener, states: tuple[State, State], clock: Clock
) -> None:
    await vault(0).keep("id", SECRET, clock())
    (row,) = await rows(states[0])
    assert "Example-Password-1" not in row
    assert "target_password" not in row
    thief = vault(1, [(await kept_key(states[0], "secrets")).hex()])
    with pytest.raises(SealedElsewhere):
        await thief.take("id", clock())


async def test_a_server_with_other_keys_says_so_and_it_waits_on(
    vault: Opener, clock: Clock
) -> None:
    one = vault(0)
    await one.keep("id", SECRET, clock())
    for configured in (("EXAMPLE-ID", "another-key"), ()):
        other = vault(1, configured)
        assert await other.has("id", clock())
        with pytest.raises(SealedElsewhere, match="still waits"):
            await other.take("id", clock())
    assert await one.take("id", clock()) == SECRET


async def test_a_server_without_keys_of_its_own_writes_none_down(
    vault: Opener, states: tuple[State, State], clock: Clock
) -> None:
    one, other = vault(0, ["", ""]), vault(1)
    assert "only while this server runs" in await one.keep("id", SECRET, clock())
    assert await rows(states[0]) == []
    assert not await other.has("id", clock())
    assert await one.take("id", clock()) == SECRET


async def test_after_ten_minutes_it_is_gone(
    vault: Opener, states: tuple[State, State], clock: Clock
) -> None:
    one, other = vault(0), vault(1)
    await one.keep("id", SECRET, clock())
    clock.pass_(minutes=10)
    assert not await other.has("id", clock())
    assert await other.take("id", clock()) is None
    assert await rows(states[0]) == []


async def test_a_seal_serves_for_its_own_request_alone(
    vault: Opener, states: tuple[State, State], clock: Clock
) -> None:
    one = vault(0)
    await one.keep("id", SECRET, clock())
    move = "UPDATE sealed_secrets SET id = 'another'"
    await states[1].write(lambda database: database.execute(move))
    with pytest.raises(SealedElsewhere):
        await one.take("another", clock())


async def test_a_state_that_cannot_be_written_leaves_it_in_memory(
    vault: Opener, states: tuple[State, State], clock: Clock
) -> None:
    one = vault(0)
    await one.keep("first", SECRET, clock())
    states[0].close()
    assert "only while this server runs" in await one.keep("id", SECRET, clock())
    assert await one.take("id", clock()) == SECRET
