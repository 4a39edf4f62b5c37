"""Samples: what is kept of each reading, how it thins out, and what can be asked of it."""

from datetime import timedelta
from typing import Any

import pytest

from sms_tools.fleet.reading import read_fleet
from sms_tools.fleet.samples import Samples, account_of
from sms_tools.fleet.server import Server
from sms_tools.operations.source_servers import SourceServer
from sms_tools.settings import Settings
from sms_tools.signing import KeyPair

pytestmark = pytest.mark.anyio

_SERVER = Server(
    SourceServer.read(
        {
            "id": "a",
            "name": "one",
            "state": "replicate",
            "migration_cycle": "replicating",
            "connected": True,
            "replicatesize": 10,
            "totalsize": 100,
        }
    )
)


async def test_every_reading_that_went_to_the_service_is_kept(bureau: Any) -> None:
    place = bureau()
    await read_fleet(place.desk)
    place.clock.advance(10)
    await read_fleet(place.desk)  # shared: nothing new was seen
    place.clock.advance(60)
    fleet = await read_fleet(place.desk)
    server = next(each for each in fleet.servers if each.name == "db-my-01")
    series = await Samples(place.desk).series(server.id, place.now - timedelta(hours=1))
    assert [sample.at for sample in series] == [
        place.now - timedelta(seconds=70),
        place.now,
    ]
    assert series[0].done_bytes is not None
    assert series[1].done_bytes is not None
    assert series[0].done_bytes < series[1].done_bytes


async def test_a_sample_says_what_was_seen(serve: Any) -> None:
    place = serve({})
    samples = Samples(place.desk)
    await samples.record([_SERVER], place.now)
    (sample,) = await samples.series("a", place.now)
    assert (sample.name, sample.phase, sample.connected) == ("one", "replicating", True)
    assert (sample.done_bytes, sample.total_bytes) == (10, 100)


async def test_samples_thin_out_with_age_and_are_forgotten(serve: Any) -> None:
    place = serve({})
    samples = Samples(place.desk)
    start = place.now
    for minute in range(0, 180, 2):
        await samples.record([_SERVER], start + timedelta(minutes=minute))
    end = start + timedelta(minutes=178)

    async def between(first: float, last: float) -> int:
        found = await samples.series("a", start)
        return sum(first <= (s.at - start).total_seconds() / 60 < last for s in found)

    await samples.record([_SERVER], end + timedelta(minutes=12))
    assert await between(120, 178) == 29  # the last two hours are kept whole
    assert await between(0, 60) == 6  # before that, one per ten minutes
    await samples.record([_SERVER], start + timedelta(days=3))
    assert await between(0, 180) == 3  # after two days, one per hour
    await samples.record([_SERVER], start + timedelta(days=31))
    assert await between(0, 180) == 0
    assert await samples.oldest() == start + timedelta(days=3)


async def test_the_fleet_as_it_was_is_each_servers_last_sample_before(serve: Any) -> None:
    place = serve({})
    samples = Samples(place.desk)
    other = Server(SourceServer.read({"id": "b", "name": "two"}))
    start = place.now
    await samples.record([_SERVER, other], start)
    await samples.record([_SERVER], start + timedelta(minutes=5))
    seen = await samples.fleet_at(start + timedelta(minutes=6))
    assert {key: sample.at for key, sample in seen.items()} == {
        "a": start + timedelta(minutes=5),
        "b": start,
    }
    assert await samples.fleet_at(start - timedelta(seconds=1)) == {}
    first = await samples.first_since(start + timedelta(minutes=1))
    assert list(first) == ["a"]


async def test_without_samples_there_is_no_oldest(serve: Any) -> None:
    place = serve({})
    assert await Samples(place.desk).oldest() is None


def test_accounts_are_told_apart_without_keeping_a_key() -> None:
    one = Settings(credentials=KeyPair("EXAMPLE-ACCESS-KEY", "example-secret-key"))
    other = Settings(credentials=KeyPair("ANOTHER-ACCESS-KEY", "example-secret-key"))
    assert account_of(one) != account_of(other)
    assert account_of(one) != account_of(Settings(project_id="p"))
    assert "EXAMPLE" not in account_of(one)
    assert "secret" not in account_of(one)
