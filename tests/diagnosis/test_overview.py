"""migration_overview: counts that are true, and said where they cannot be."""

from collections import Counter
from typing import Any

import pytest

from sms_tools.diagnosis.answer import CONCISE_BYTES, compact_bytes
from sms_tools.diagnosis.overview import MigrationOverview, compare
from sms_tools.fleet.reading import Fleet, Server
from sms_tools.operations.source_servers import SourceServer, SourceServerOverview
from sms_tools.sandbox import Effect, Fault

pytestmark = pytest.mark.anyio

_GIB = 1024**3


async def test_phases_and_offline_are_counted_as_they_are(bureau: Any) -> None:
    place = bureau()
    truths = place.sandbox.cloud.truth.values()
    answer = await place.ask(MigrationOverview())
    expected = Counter(truth.phase for truth in truths)
    assert {phase: n for phase, n in answer["phases"].items() if n} == expected
    assert answer["offline"] == sum(truth.offline for truth in truths)
    assert answer["server_count"] == len(truths)


async def test_the_fleet_and_the_services_counts_are_read_once_each(bureau: Any) -> None:
    place = bureau("large", servers=450)
    await place.ask(MigrationOverview())
    tasks = -(-len(place.sandbox.cloud.tasks) // 200)
    members = Counter(each.project_id for each in place.sandbox.cloud.sources.values())
    projects = sum(max(1, -(-members[key] // 200)) for key in place.sandbox.cloud.projects)
    assert place.desk.api.requests_made == 3 + tasks + 1 + 1 + projects


async def test_a_project_is_counted_alone_and_not_compared_with_the_whole(bureau: Any) -> None:
    place = bureau()
    answer = await place.ask(MigrationOverview(project="Wave-2-DB"))
    members = [t for t in place.sandbox.cloud.truth.values() if t.project == "Wave-2-DB"]
    assert answer["server_count"] == len(members)
    assert answer["project"]["name"] == "Wave-2-DB"
    assert answer["service_overview"]["agrees"] is None
    for action in answer["suggested_actions"]:
        assert action["tool"] == "diagnose_server" or action["arguments"]["project"] == "Wave-2-DB"


async def test_it_agrees_with_the_services_own_overview(bureau: Any) -> None:
    answer = await bureau().ask(MigrationOverview())
    assert answer["service_overview"]["agrees"] is True


async def test_bytes_are_summed_over_servers_that_have_a_total(serve: Any) -> None:
    place = serve(
        {
            "/v3/sources": {
                "count": 4,
                "source_servers": [
                    {"id": "a", "totalsize": 10 * _GIB, "replicatesize": 4 * _GIB},
                    {"id": "b", "totalsize": 10 * _GIB, "replicatesize": 99 * _GIB},
                    {"id": "c", "totalsize": 0, "replicatesize": 0},
                    {"id": "d", "totalsize": None, "replicatesize": 5},
                ],
            },
            "/v3/tasks": {"count": 0, "tasks": []},
            "/v3/sources/overview": {},
        }
    )
    answer = await place.ask(MigrationOverview())
    assert answer["bytes"] == {
        "done_bytes": 14 * _GIB,
        "total_bytes": 20 * _GIB,
        "servers_counted": 2,
        "servers_without_a_total": 2,
    }


def _fleet(*states: str) -> Fleet:
    servers = [
        Server(SourceServer.read({"id": str(n), "state": state})) for n, state in enumerate(states)
    ]
    return Fleet(servers, observed_at=None)  # type: ignore[arg-type]  # compare() reads no time


def test_a_difference_to_the_services_counts_is_said_by_state() -> None:
    counts = SourceServerOverview.read({"waiting": 1, "unconfigured": 1, "error": 2, "newer": 1})
    said = compare(_fleet("waiting", "waiting", "ERROR"), counts)
    assert said["agrees"] is False
    assert said["servers"] == 5
    assert said["differences"] == [
        "error: the service counts 2, the list has 1",
        "newer: the service counts 1, the list has 0",
    ]


def test_a_server_without_target_is_waiting_in_the_services_words() -> None:
    counts = SourceServerOverview.read({"waiting": 1, "unconfigured": 1})
    assert compare(_fleet("waiting", "AVAILABLE"), counts)["agrees"] is True


async def test_the_biggest_problem_comes_first_and_one_network_event_is_one(bureau: Any) -> None:
    answer = await bureau().ask(MigrationOverview())
    first = answer["problems"][0]
    assert first["codes"] == ["SMS.3802", "SMS.2802"]
    assert first["count"] == len(first["servers"]) == 4
    full = await bureau().ask(MigrationOverview(detail="full"))
    kinds = {problem["problem"] for problem in full["problems"]}
    assert {"failed", "unavailable", "offline", "rehearsal_failed", "paused_by_an_error"} <= kinds


async def test_without_tasks_the_answer_says_so_and_counts_from_the_sources(bureau: Any) -> None:
    place = bureau()
    place.sandbox.faults.add(Fault(Effect.STATUS, operation="list_migration_tasks"))
    answer = await place.ask(MigrationOverview())
    assert "incomplete" in answer["summary"]
    assert "list_migration_tasks" in answer["incomplete"][0]
    assert answer["server_count"] == len(place.sandbox.cloud.sources)


async def test_an_overview_that_cannot_be_read_is_unknown_and_no_difference(bureau: Any) -> None:
    place = bureau()
    place.sandbox.faults.add(Fault(Effect.STATUS, operation="get_source_server_overview"))
    answer = await place.ask(MigrationOverview())
    assert answer["service_overview"]["agrees"] is None
    assert "could not be read" in answer["service_overview"]["why"]


async def test_no_servers_is_an_answer(serve: Any) -> None:
    place = serve(
        {
            "/v3/sources": {"count": 0, "source_servers": []},
            "/v3/tasks": {"count": 0, "tasks": None},
            "/v3/sources/overview": {},
        }
    )
    answer = await place.ask(MigrationOverview())
    assert answer["server_count"] == 0
    assert answer["bytes"]["total_bytes"] is None
    assert "no source servers" in answer["summary"]


async def test_unknown_states_and_nulls_are_counted_as_unknown(serve: Any) -> None:
    sources = [{"id": "a", "state": "dancing"}, {"id": None}, {"id": "c", "state": None}]
    place = serve(
        {
            "/v3/sources": {"count": 3, "source_servers": sources},
            "/v3/tasks": {"count": 1, "tasks": [{"id": None}]},
        }
    )
    answer = await place.ask(MigrationOverview())
    assert answer["phases"]["unknown"] == 2
    assert "1 record without a usable id could not be read" in str(answer["incomplete"])
    assert answer["problems"][0]["problem"] == "phase_unknown"


@pytest.mark.parametrize("scenario", ["mixed", "large"])
async def test_the_default_answer_is_bounded_whatever_the_size(bureau: Any, scenario: str) -> None:
    place = bureau(scenario, servers=600)
    answer = await place.ask(MigrationOverview())
    assert compact_bytes(answer) <= CONCISE_BYTES
    assert any("detail=full" in str(each) for each in answer["omitted"])


async def test_servers_are_paged_in_full(bureau: Any) -> None:
    place = bureau()
    seen = []
    for offset in (0, 20, 40):
        question = MigrationOverview(detail="full", limit=20, offset=offset)
        seen += [row["id"] for row in (await place.ask(question))["servers"]]
    assert sorted(seen) == sorted(place.sandbox.cloud.sources)


async def test_hostile_names_are_cleaned(bureau: Any) -> None:
    answer = await bureau().ask(MigrationOverview(detail="full", limit=100))
    (name,) = [row["name"] for row in answer["servers"] if "Ignore" in row["name"]]
    assert "\u202e" not in name
    assert "\n" not in name
    assert len(name) <= 80
