"""Reading the fleet: how many requests, what is joined, what is said of what is missing."""

from typing import Any

import anyio
import pytest

from sms_tools.diagnosis.overview import MigrationOverview
from sms_tools.diagnosis.readiness import CheckCutoverReadiness
from sms_tools.errors import SmsToolsError
from sms_tools.fleet.readiness import may_go, read_gates_anew
from sms_tools.fleet.reading import read_fleet
from sms_tools.fleet.selection import AmbiguousName, UnknownName
from sms_tools.fleet.server import Server
from sms_tools.operations.source_servers import SourceServer
from sms_tools.operations.tasks import MigrationTask
from sms_tools.sandbox import Effect, Fault

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(("servers", "sources"), [(30, 1), (450, 3)])
async def test_a_fleet_takes_one_request_per_200_servers_and_per_200_tasks(
    bureau: Any, servers: int, sources: int
) -> None:
    place = bureau("large", servers=servers)
    fleet = await read_fleet(place.desk)
    tasks = -(-len(place.sandbox.cloud.tasks) // 200)
    assert len(fleet.servers) == servers
    assert fleet.requests == place.desk.api.requests_made == sources + tasks


async def test_calls_share_a_reading_for_thirty_seconds_and_no_longer(bureau: Any) -> None:
    place = bureau()
    first = await read_fleet(place.desk)
    place.clock.advance(29)
    again = await read_fleet(place.desk)
    assert (again.requests, again.observed_at) == (0, first.observed_at)
    place.clock.advance(1)
    later = await read_fleet(place.desk)
    assert later.requests == first.requests
    assert later.observed_at > first.observed_at


async def test_calls_at_the_same_time_share_one_reading(bureau: Any) -> None:
    place = bureau()
    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(read_fleet, place.desk)
    assert place.desk.api.requests_made == 2


async def test_a_fresh_reading_is_always_read_anew(bureau: Any) -> None:
    place = bureau()
    await read_fleet(place.desk)
    assert (await read_fleet(place.desk, fresh=True)).requests == 2


async def test_phases_and_connections_are_those_of_the_truth(bureau: Any) -> None:
    place = bureau()
    fleet = await read_fleet(place.desk)
    for truth in place.sandbox.cloud.truth.values():
        server = fleet.by_id[truth.id]
        assert (truth.name, server.phase, server.offline) == (
            truth.name,
            truth.phase,
            truth.offline,
        )


async def test_a_project_narrows_the_reading_by_name_and_by_id(bureau: Any) -> None:
    place = bureau()
    expected = {t.id for t in place.sandbox.cloud.truth.values() if t.project == "Wave-2-DB"}
    by_name = await read_fleet(place.desk, project="wave-2-db")
    assert {server.id for server in by_name.servers} == expected
    assert by_name.project is not None
    by_id = await read_fleet(place.desk, project=by_name.project.id)
    assert {server.id for server in by_id.servers} == expected


@pytest.mark.parametrize("wanted", ["db-ora-01", "DB-ORA-01", "address", "id"])
async def test_a_server_is_named_by_name_address_or_id(bureau: Any, wanted: str) -> None:
    place = bureau()
    source = next(s for s in place.sandbox.cloud.sources.values() if s.name == "db-ora-01")
    name = {"address": source.ip, "id": source.id}.get(wanted, wanted)
    fleet = await read_fleet(place.desk, servers=[name, name])
    assert [server.id for server in fleet.servers] == [source.id]


async def test_an_ambiguous_name_lists_the_candidates_and_chooses_none(bureau: Any) -> None:
    place = bureau()
    with pytest.raises(AmbiguousName) as refused:
        await read_fleet(place.desk, servers=["app-server"])
    same = [s for s in place.sandbox.cloud.sources.values() if s.name == "app-server"]
    assert {each["id"] for each in refused.value.candidates} == {source.id for source in same}
    for source in same:
        assert source.id in str(refused.value)
        assert source.ip in str(refused.value)


async def test_an_unknown_name_brings_similar_ones(bureau: Any) -> None:
    place = bureau()
    with pytest.raises(UnknownName, match="db-ora-01"):
        await read_fleet(place.desk, servers=["db-ora-1"])
    with pytest.raises(UnknownName, match="Wave-2-DB"):
        await read_fleet(place.desk, project="Wave2DB")


async def test_a_hostile_name_in_a_refusal_is_cleaned_and_short(bureau: Any) -> None:
    place = bureau()
    with pytest.raises(UnknownName) as refused:
        await read_fleet(place.desk, servers=["x\u202e\u200b\n" + "y" * 200])
    assert "\u202e" not in str(refused.value)
    assert "\n" not in str(refused.value)
    assert "y" * 100 not in str(refused.value)


async def test_a_fleet_without_its_tasks_says_what_is_missing(bureau: Any) -> None:
    place = bureau()
    place.sandbox.faults.add(Fault(Effect.STATUS, operation="list_migration_tasks"))
    fleet = await read_fleet(place.desk)
    assert len(fleet.servers) == len(place.sandbox.cloud.sources)
    assert not fleet.tasks_read
    assert fleet.sources_read
    (problem,) = fleet.incomplete
    assert problem.startswith("list_migration_tasks: could not be read")


async def test_a_fleet_without_its_sources_is_what_the_tasks_tell(bureau: Any) -> None:
    place = bureau()
    place.sandbox.faults.add(Fault(Effect.STATUS, operation="list_source_servers"))
    fleet = await read_fleet(place.desk)
    assert not fleet.sources_read
    assert "db-ora-01" in {server.name for server in fleet.servers}
    assert fleet.listed is None


async def test_a_fleet_of_which_nothing_can_be_read_is_an_error(bureau: Any) -> None:
    place = bureau()
    place.sandbox.faults.add(Fault(Effect.STATUS))
    with pytest.raises(SmsToolsError):
        await read_fleet(place.desk)


async def test_a_failed_reading_is_not_kept(bureau: Any) -> None:
    place = bureau()
    place.sandbox.faults.add(Fault(Effect.STATUS, operation="list_migration_tasks", times=4))
    assert not (await read_fleet(place.desk)).tasks_read
    assert (await read_fleet(place.desk)).tasks_read


async def test_a_list_that_is_not_whole_is_said_to_be_so(serve: Any) -> None:
    place = serve(
        {
            "/v3/sources": {"count": 3, "source_servers": [{"id": "a"}, {"id": "b"}]},
            "/v3/tasks": {"count": 0, "tasks": []},
        }
    )
    fleet = await read_fleet(place.desk)
    assert [p.operation for p in fleet.problems] == ["list_source_servers"]
    assert fleet.listed == 3


async def test_tasks_are_joined_and_the_one_that_the_source_names_is_current(serve: Any) -> None:
    tasks = [
        {"id": "old", "create_date": 1, "source_server": {"id": "a"}},
        {"id": "new", "create_date": 3, "source_server": {"id": "a"}},
        {"id": "named", "create_date": 2, "source_server": None},
        {"id": "younger", "create_date": 4, "source_server": {"id": "b"}},
        {"id": "orphan", "source_server": None},
    ]
    sources = [
        {"id": "a", "name": "one"},
        {"id": "b", "current_task": {"id": "named", "state": "RUNNING"}},
        {"id": "c", "current_task": {"id": "not listed", "state": "READY"}},
    ]
    place = serve(
        {
            "/v3/sources": {"count": 3, "source_servers": sources},
            "/v3/tasks": {"count": 5, "tasks": tasks},
        }
    )
    fleet = await read_fleet(place.desk)
    a, b, c = (fleet.by_id[key] for key in "abc")
    assert a.task is not None
    assert (a.task.id, [t.id for t in a.other_tasks]) == ("new", ["old"])
    assert b.task is not None
    assert (b.task.id, [t.id for t in b.other_tasks]) == ("named", ["younger"])
    assert (c.task, c.task_id, c.task_state) == (None, "not listed", "READY")
    assert [task.id for task in fleet.orphans] == ["orphan"]


def test_a_server_of_nulls_and_unknown_words_is_unknown_and_breaks_nothing() -> None:
    server = Server(
        SourceServer.read({"state": "dancing", "connected": None, "totalsize": 0, "checks": None}),
        MigrationTask.read({"sub_tasks": [{"name": None}], "error_json": "{"}),
    )
    assert server.phase == "unknown"
    assert (server.offline, server.connected) == (False, None)
    assert (server.total_bytes, server.done_bytes) == (None, None)
    assert (server.state_since, server.last_sync) == (None, None)
    assert server.error is not None
    assert server.error.code is None
    assert server.name == "(unnamed)"


def test_a_name_is_cleaned_and_cut() -> None:
    server = Server(SourceServer.read({"id": "a", "name": "x\u202e\u200by\n" + "z" * 200}))
    assert server.name.startswith("xy zzz")
    assert len(server.name) == 80


def test_only_the_last_round_of_sub_tasks_says_what_happens_now() -> None:
    steps = [
        {"name": "SSL_CONFIG", "user_op": "REPLICATE", "start_date": 1, "end_date": 2},
        {"name": "MIGRATE_LINUX_FILE", "user_op": "REPLICATE", "start_date": 2, "end_date": 9},
        {"name": "SYNC_LINUX_FILE", "user_op": "RESYNC0", "start_date": 10, "end_date": 12},
        {"name": "SYNC_LINUX_FILE", "user_op": "RESYNC1", "start_date": 20, "progress": 6},
    ]
    for sub_tasks in (steps, [{**step, "user_op": None} for step in steps]):
        server = Server(None, MigrationTask.read({"sub_tasks": sub_tasks}))
        assert [len(each) for each in server.rounds] == [2, 1, 1]
        assert server.step is not None
        assert server.step.progress == 6
        assert server.last_sync is not None
        assert server.last_sync.end_date == 12


def test_all_sub_tasks_at_100_leave_no_step_and_prove_no_end() -> None:
    steps = [{"name": "MIGRATE_LINUX_FILE", "progress": 100, "start_date": 1, "end_date": 2}]
    server = Server(
        SourceServer.read({"state": "syncing", "migration_cycle": "syncing"}),
        MigrationTask.read({"state": "RUNNING", "sub_tasks": steps}),
    )
    assert server.step is None
    assert server.phase == "syncing"


async def test_a_slow_reading_belongs_to_all_who_waited_for_it(serve: Any) -> None:
    places: list[Any] = []

    def slow(_: Any) -> dict[str, Any]:
        places[0].clock.advance(40)  # longer than a reading is shared
        return {"count": 1, "source_servers": [{"id": "s", "name": "web"}]}

    place = serve({"/v3/sources": slow, "/v3/tasks": {"count": 0, "tasks": []}})
    places.append(place)
    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(read_fleet, place.desk)
    assert place.desk.api.requests_made == 2
    assert (await read_fleet(place.desk)).requests == 0, "its life counts from its end"
    place.clock.advance(30)
    assert (await read_fleet(place.desk)).requests == 2


async def test_a_reading_that_fails_fails_for_all_who_waited_and_for_no_later_one(
    bureau: Any,
) -> None:
    place = bureau()
    failing = [Fault(Effect.STATUS, each) for each in ("list_source_servers",)]
    failing += [Fault(Effect.STATUS, "list_migration_tasks")]
    for fault in failing:
        place.sandbox.faults.add(fault)
    failed = []

    async def read() -> None:
        try:
            await read_fleet(place.desk)
        except SmsToolsError as error:
            failed.append(error)

    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(read)
    alone = place.desk.api.requests_made
    assert len(failed) == 5
    assert alone <= 2 * 4, "one reading with its repetitions, not five"
    place.sandbox.faults.clear()
    assert (await read_fleet(place.desk)).sources_read


async def test_a_second_question_joins_nothing_again(bureau: Any) -> None:
    place = bureau()
    first = await read_fleet(place.desk)
    assert (await read_fleet(place.desk)).servers is first.servers


async def test_those_who_ask_at_the_same_time_share_the_services_own_counts(bureau: Any) -> None:
    alone, place = bureau(), bureau()
    await alone.ask(MigrationOverview())
    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(place.ask, MigrationOverview())
    once = place.desk.api.requests_made
    assert once == alone.desk.api.requests_made
    await place.ask(MigrationOverview())
    assert place.desk.api.requests_made == once, "and so does who asks a little later"
    place.clock.advance(30)
    await place.ask(MigrationOverview())
    assert place.desk.api.requests_made == once + 3, "two lists and the service's overview"


@pytest.mark.parametrize("named", [True, False])
async def test_twenty_readiness_checks_at_once_send_what_one_sends(
    bureau: Any, named: bool
) -> None:
    alone = bureau()
    everyone = [each.id for each in (await read_fleet(alone.desk)).servers]
    question = CheckCutoverReadiness(servers=everyone if named else None)
    alone = bureau()
    await alone.ask(question)
    place = bureau()
    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(place.ask, question)
    assert place.desk.api.requests_made == alone.desk.api.requests_made > 3


async def test_gates_before_a_launch_never_come_from_a_reading_that_was_begun_before(
    bureau: Any,
) -> None:
    place = bureau()
    await place.ask(CheckCutoverReadiness())
    servers = (await read_fleet(place.desk)).servers
    ready = next(each for each in servers if may_go(each))
    before = place.desk.api.requests_made
    await read_gates_anew(place.desk, ready)
    one = place.desk.api.requests_made - before
    assert one == 3, "the task, its verification and its options"
    await read_gates_anew(place.desk, ready)
    assert place.desk.api.requests_made - before == 2 * one
