"""find_cleanup_candidates: what may go, what costs money, what has to stay."""

from typing import Any

import pytest

from sms_tools.diagnosis.cleanup import FindCleanupCandidates
from sms_tools.sandbox import Effect, Fault

pytestmark = pytest.mark.anyio

TEMPLATE = {"id": "v", "name": "one-off", "is_template": False}


def fleet(*sources: dict[str, Any], tasks: Any = (), templates: Any = ()) -> dict[str, Any]:
    return {
        "/v3/sources": {"count": len(sources), "source_servers": list(sources)},
        "/v3/tasks": {"count": len(tasks), "tasks": list(tasks)},
        "/v3/vm/templates": {"count": len(templates), "templates": list(templates)},
    }


def finished(source_id: str, **other: Any) -> dict[str, Any]:
    return {"id": source_id, "state": "finished", "migration_cycle": "cutovered", **other}


async def test_only_tasks_of_launched_servers_may_go_and_only_with_their_price(
    bureau: Any,
) -> None:
    place = bureau()
    answer = await place.ask(FindCleanupCandidates(detail="full"))
    truths = place.sandbox.cloud.truth.values()
    assert {row["server"]["id"] for row in answer["may_be_deleted"] if "server" in row} == {
        truth.id for truth in truths if truth.phase == "finished"
    }
    for row in answer["may_be_deleted"]:
        assert row["tool"] == "delete_migration_task"
        assert "cannot be synchronised again" in row["why"]


async def test_what_runs_has_to_stay(bureau: Any) -> None:
    answer = await bureau().ask(FindCleanupCandidates(servers=["db-my-01"]))
    assert answer["may_be_deleted"] == []
    (row,) = answer["must_stay"]
    assert "under way" in row["why"]


async def test_clones_and_disks_of_failed_tasks_cost_money(bureau: Any) -> None:
    answer = await bureau().ask(FindCleanupCandidates(servers=["web-03", "db-ora-01", "erp-02"]))
    costs = {row["server"]["name"]: row for row in answer["costs_money"]}
    assert costs["web-03"]["what"] == "clone"
    assert costs["web-03"]["where"] == "ECS console"
    assert "40 GB" in costs["db-ora-01"]["why"]
    assert "SMS.1106" in costs["erp-02"]["why"]


async def test_a_record_may_go_once_its_task_is_gone(serve: Any) -> None:
    place = serve(fleet(finished("a", name="web")))
    (row,) = (await place.ask(FindCleanupCandidates()))["may_be_deleted"]
    assert (row["what"], row["id"], row["tool"]) == ("source_server", "a", "delete_source_server")


async def test_a_record_stays_while_an_older_task_hangs_on_it(serve: Any) -> None:
    tasks = [{"id": "t", "state": "MIGRATE_FAIL", "source_server": {"id": "a"}}]
    source = finished("a", current_task={"id": "newer"})
    answer = await serve(fleet(source, tasks=tasks)).ask(FindCleanupCandidates())
    assert all(row["what"] != "source_server" for row in answer["may_be_deleted"])


async def test_a_task_without_a_server_may_go_only_if_it_succeeded(serve: Any) -> None:
    tasks = [{"id": "t1", "state": "MIGRATE_SUCCESS"}, {"id": "t2", "state": "ABORT"}]
    answer = await serve(fleet(tasks=tasks)).ask(FindCleanupCandidates())
    assert [row["id"] for row in answer["may_be_deleted"]] == ["t1"]
    assert answer["counts"]["must_stay"] == {"task": 1}


NO_TASK: Any = None


@pytest.mark.parametrize(
    ("task", "reusable", "may_go"),
    [
        (NO_TASK, False, 1),
        ({"id": "t", "vm_template_id": "another"}, False, 1),
        ({"id": "t", "exist_server": True}, False, 1),
        ({"id": "t", "vm_template_id": "v"}, False, 0),
        ({"id": "t", "vm_template_id": None}, False, 0),  # which one it uses is not known
        (NO_TASK, True, 0),
        (NO_TASK, None, 0),  # whether it was made to be used again is not known
        (NO_TASK, "odd", 0),
    ],
)
async def test_a_template_may_go_if_it_was_made_for_a_task_that_is_gone(
    serve: Any, task: Any, reusable: Any, may_go: int
) -> None:
    source = {"id": "a", "state": "waiting", "current_task": task}
    templates = [{**TEMPLATE, "is_template": reusable}]
    answer = await serve(fleet(source, templates=templates)).ask(FindCleanupCandidates())
    found = [row for row in answer["may_be_deleted"] if row["what"] == "template"]
    assert len(found) == may_go


@pytest.mark.parametrize("state", [None, "", "MIGRATED", "SUCCESS", "migrate_failed"])
async def test_a_task_without_a_server_stays_in_any_state_but_the_one_that_says_launched(
    serve: Any, state: Any
) -> None:
    answer = await serve(fleet(tasks=[{"id": "t", "state": state}])).ask(FindCleanupCandidates())
    assert answer["may_be_deleted"] == []


async def test_no_task_is_called_ownerless_where_not_all_servers_were_read(serve: Any) -> None:
    replies = fleet({"id": "a"}, tasks=[{"id": "t1", "state": "MIGRATE_SUCCESS"}])
    replies["/v3/sources"]["count"] = 7
    answer = await serve(replies).ask(FindCleanupCandidates())
    assert answer["may_be_deleted"] == []
    assert "not all of them were read" in str(answer["must_stay"])


async def test_templates_stay_where_not_all_tasks_were_seen(serve: Any) -> None:
    replies = fleet(templates=[TEMPLATE])
    del replies["/v3/tasks"]
    answer = await serve(replies).ask(FindCleanupCandidates())
    assert answer["may_be_deleted"] == []
    assert any("list_migration_tasks" in each for each in answer["incomplete"])


async def test_templates_that_cannot_be_read_are_said(bureau: Any) -> None:
    place = bureau("healthy")
    place.sandbox.faults.add(Fault(Effect.STATUS, operation="list_templates"))
    answer = await place.ask(FindCleanupCandidates())
    assert any("list_templates" in each for each in answer["incomplete"])
