"""Two hundred clients at once: one reading serves those who ask the same, and all are answered.

What adapts below this (places, 429, circuits) is in ``tests/test_pressure.py``.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp_types import CallToolResult

from sms_tools.sandbox import ManualClock
from tests.team.operated import held

from .world import World, everything_in, open_account, open_world

pytestmark = pytest.mark.anyio

CLIENTS = 200
Question = tuple[str, dict[str, Any]]


async def asked_at_once(world: World, era: str, *questions: Question) -> list[CallToolResult]:
    """What each client is answered, all asking at the same moment; they take turns at *questions*.

    The answers are in the order of the clients. What arrived before they ask does not count.
    """
    answers: dict[int, CallToolResult] = {}
    go, ready = anyio.Event(), 0

    async def ask(number: int) -> None:
        nonlocal ready
        tool, arguments = questions[number % len(questions)]
        async with world.client(era) as client:
            ready += 1
            if ready == CLIENTS:
                world.service.arrived.clear()
                go.set()
            await go.wait()
            answers[number] = await client.call_tool(tool, arguments)

    with anyio.fail_after(300):
        async with anyio.create_task_group() as group:
            for number in range(CLIENTS):
                group.start_soon(ask, number)
    return [answers[number] for number in range(CLIENTS)]


def named(world: World, many: int) -> list[str]:
    """The names of so many servers of the account that no other server shares."""
    names = Counter(each.name for each in world.cloud.sources.values())
    return [name for name, count in names.items() if count == 1][:many]


@pytest.mark.parametrize("tool", ["migration_overview", "assess_sources", "summarize_progress"])
async def test_a_composite_asked_by_two_hundred_costs_the_service_one_reading(
    tmp_path: Path, era: str, tool: str
) -> None:
    async with open_world(tmp_path / "alone") as world, world.client(era) as client:
        world.service.arrived.clear()
        await client.call_tool(tool, {})
        alone = Counter(world.service.arrived)
    assert alone, "this question is answered from what the service says"

    async with open_world(tmp_path / "many") as world:
        answers = await asked_at_once(world, era, (tool, {}))
        arrived = Counter(world.service.arrived)
        tasks = len(world.cloud.tasks)
    # By the second answer copies are known to stand still, and their limits are read: each once,
    # those too that the service refuses to tell.
    assert arrived.pop("get_migration_rate_limits", 0) < tasks
    del alone["get_migration_rate_limits"]
    assert arrived == alone
    assert len(answers) == CLIENTS
    assert not [each for each in answers if each.is_error]


async def test_a_single_read_of_two_hundred_is_one_request(tmp_path: Path, era: str) -> None:
    async with open_world(tmp_path) as world:
        [name] = named(world, 1)
        one = next(each.id for each in world.cloud.sources.values() if each.name == name)
        answers = await asked_at_once(
            world,
            era,
            ("get_source_server_overview", {}),
            ("get_source_server", {"source_id": one}),
        )
        arrived = Counter(world.service.arrived)
    assert arrived == {"get_source_server_overview": 1, "get_source_server": 1}
    assert not [everything_in(each)[:300] for each in answers if each.is_error]
    overviews, servers = answers[::2], answers[1::2]
    assert {(each.structured_content or {}).get("name") for each in servers} == {name}
    assert not [everything_in(each) for each in overviews if name in everything_in(each)]


async def test_a_single_read_is_made_anew_after_a_second(tmp_path: Path, era: str) -> None:
    opened = open_account(clock=(clock := ManualClock()))
    async with open_world(tmp_path, opened=opened) as world, world.client(era) as client:
        for seconds, sent in ((0, 1), (0.9, 1), (0.1, 2)):
            clock.advance(seconds)
            await client.call_tool("get_source_server_overview", {})
            assert world.service.arrived.count("get_source_server_overview") == sent


async def test_a_single_read_is_made_anew_after_a_change_of_ours(tmp_path: Path, era: str) -> None:
    async with open_world(tmp_path) as world, world.client(era) as client:
        before = await client.call_tool("list_migration_projects", {})
        given: dict[str, Any] = {
            "name": "a-new-wave",
            "region": "ap-southeast-3",
            "type": "MIGRATE_FILE",
        }
        given |= dict.fromkeys(("use_public_ip", "exist_server", "syncing"), True)
        made = await client.call_tool("create_migration_project", given)
        after = await client.call_tool("list_migration_projects", {})
    assert not made.is_error, everything_in(made)
    assert "a-new-wave" not in everything_in(before)
    assert "a-new-wave" in everything_in(after)


async def test_replies_to_single_reads_do_not_pile_up(tmp_path: Path, era: str) -> None:
    opened = open_account(clock=(clock := ManualClock()))
    async with open_world(tmp_path, opened=opened) as world, world.client(era) as client:
        for each in world.cloud.sources.values():
            await client.call_tool("get_source_server", {"source_id": each.id})
            clock.advance(1)
        assert len(world.runtime.desk.moments) == 1


async def test_two_hundred_mixed_questions_are_all_answered_each_with_its_own(
    tmp_path: Path, era: str
) -> None:
    async with open_world(tmp_path) as world:
        names = named(world, 5)
        own: list[Question] = [("diagnose_server", {"server": name}) for name in names]
        questions: list[Question] = [
            *own,
            ("migration_overview", {}),
            ("check_cutover_readiness", {}),
            ("what_changed", {}),
            ("list_migration_tasks", {"limit": 5}),
            ("get_source_server_overview", {}),
        ]
        answers = await asked_at_once(world, era, *questions)
        assert not [everything_in(each)[:300] for each in answers if each.is_error]
        for number, answer in enumerate(answers):
            if (turn := number % len(questions)) < len(own):
                found = json.dumps(answer.structured_content)
                assert names[turn] in found
                assert not [n for n in names if n != names[turn] and f'"{n}"' in found]


async def test_a_plain_read_does_not_wait_for_readiness_checks(tmp_path: Path) -> None:
    sandbox, service = held()
    service.holds = {"get_migration_task", "get_source_server", "get_consistency_results"}
    async with (
        open_world(tmp_path, opened=(sandbox, service)) as world,
        world.client("auto") as client,
        anyio.create_task_group() as group,
    ):
        for _ in range(5):
            group.start_soon(client.call_tool, "check_cutover_readiness", {})
        with anyio.fail_after(60):
            await service.reached.wait()
            answer = await client.call_tool("get_source_server_overview", {})
        assert not service.go_on.is_set()
        service.go_on.set()
    assert not answer.is_error, everything_in(answer)
