"""How long a launch takes: what it rests on, in which order, and until when it may begin."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sms_tools.fleet.grouping import Group, batches_of
from sms_tools.fleet.launching import Night, launch_times, night_of
from sms_tools.fleet.server import Server
from sms_tools.operations.source_servers import SourceServer
from sms_tools.operations.tasks import MigrationTask

NOW = datetime(2026, 1, 1, 22, tzinfo=UTC)


def step(name: str, begun: float, minutes: float) -> dict[str, Any]:
    """A sub-task that began *begun* minutes ago and took *minutes*."""
    start = round((NOW.timestamp() - begun * 60) * 1000)
    return {"name": name, "start_date": start, "end_date": start + round(minutes * 60_000)}


def server(name: str, *steps: dict[str, Any], system: str = "LINUX") -> Server:
    source = SourceServer.model_validate({"id": name, "name": name, "os_type": system})
    task = {"id": f"t-{name}", "type": "MIGRATE_FILE", "sub_tasks": list(steps)}
    return Server(source, MigrationTask.model_validate(task))


SYNCS = [step("SYNC_LINUX_FILE", 60 * n, 4) for n in (3, 2, 1)]
LAUNCH = [step("CONFIGURE_LINUX_FILE", 900, 2), step("DETTACH_AGENT_IMAGE", 890, 1)]


def minutes(time: timedelta | None) -> float:
    assert time is not None
    return time.total_seconds() / 60


def test_own_rounds_and_an_own_launch_make_it_sure() -> None:
    own = server("a", *LAUNCH, *SYNCS)
    found = launch_times([own], [own], NOW)["a"]
    assert found.confidence == "high"
    assert minutes(found.earliest) <= 7 <= minutes(found.latest) <= 12


def test_launches_of_servers_like_it_count_and_of_others_do_not() -> None:
    bare = server("a", *SYNCS)
    like = [server(f"l{n}", *LAUNCH) for n in range(3)]
    other = [server(f"w{n}", *LAUNCH, system="WINDOWS") for n in range(3)]
    assert launch_times([bare], [bare, *like], NOW)["a"].confidence == "medium"
    unlike = launch_times([bare], [bare, *other], NOW)["a"]
    assert unlike.confidence == "low"
    assert "the reference's example" in unlike.basis


def test_without_any_synchronisation_the_end_is_not_known_and_there_is_no_safe_start() -> None:
    known, bare = server("a", *LAUNCH, *SYNCS), server("b", system="WINDOWS")
    times = launch_times([known, bare], [known, bare], NOW)
    assert times["b"].latest is None
    assert times["b"].confidence == "low"
    night = night_of([known, bare], times, {})
    assert night.latest is None
    assert night.last_safe_start(NOW + timedelta(hours=8)) is None
    assert "not known" in night.says(NOW + timedelta(hours=8), NOW)


def test_the_longer_ago_the_last_round_was_the_longer_the_last_one_may_take() -> None:
    fresh = server("a", *LAUNCH, *SYNCS)
    early = launch_times([fresh], [fresh], NOW)["a"]
    late = launch_times([fresh], [fresh], NOW + timedelta(hours=8))["a"]
    assert minutes(late.latest) > 2 * minutes(early.latest)


def test_a_lower_limit_makes_it_longer_and_one_that_cannot_be_told_leaves_it_open() -> None:
    own = server("a", *LAUNCH, *SYNCS)
    plain = launch_times([own], [own], NOW)["a"]
    slow = launch_times([own], [own], NOW, slowed={"a": 5.0})["a"]
    assert minutes(slow.latest) > 2 * minutes(plain.latest)
    assert launch_times([own], [own], NOW, slowed={"a": None})["a"].latest is None


def nights(count: int, groups: dict[str, Group]) -> Night:
    fleet = [server(f"s{n:02d}", *LAUNCH, *SYNCS) for n in range(count)]
    return night_of(fleet, launch_times(fleet, fleet, NOW), groups)


def test_batches_follow_one_another_and_the_last_safe_start_is_that_of_the_first() -> None:
    one, three = nights(5, {}), nights(15, {})
    assert len(three.batches) == 3
    assert minutes(three.latest) == 3 * minutes(one.latest)
    deadline = NOW + timedelta(hours=4)
    start = three.last_safe_start(deadline)
    assert start is not None
    assert start + (three.latest or timedelta()) == deadline
    assert "TOO LATE" in three.says(deadline, start + timedelta(minutes=1))
    assert "Last safe start" in three.says(deadline, start - timedelta(minutes=1))


def test_groups_go_in_their_order_and_no_batch_has_two_places() -> None:
    groups = {
        **{f"s{n:02d}": Group("apps", 2) for n in range(4)},
        **{f"s{n:02d}": Group("databases", 1) for n in (7, 8)},
    }
    fleet = [server(f"s{n:02d}") for n in range(9)]
    found = [[each.id for each in batch] for batch in batches_of(fleet, groups)]
    assert found == [
        ["s07", "s08"],
        ["s00", "s01", "s02", "s03"],
        ["s04", "s05", "s06"],
    ]
