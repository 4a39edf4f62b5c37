"""Whoever is asked about a server that was renamed through this server reads its former name."""

import sqlite3
from dataclasses import replace
from typing import Any

import pytest
from mcp import Client

from sms_tools.guard import Policy
from sms_tools.sandbox import Effect, Fault
from sms_tools.settings import Settings

from .night import Night, call, refuse, task_of

pytestmark = pytest.mark.anyio

TOLD = "Renamed by this server on 2026-01-01 00:00 UTC; before that it was called “{}”."


def source_of(night: Night, name: str) -> str:
    return night.sandbox.cloud.by_name(name).id


async def rename(client: Client, night: Night, name: str, new: str) -> None:
    source_id = source_of(night, name)
    done = await call(client, "update_source_server", source_id=source_id, name=new)
    assert done["status"] == "done"


async def launch(client: Client, task_id: str) -> dict[str, Any]:
    return await call(client, "manage_migration_task", task_id=task_id, operation="test")


def lines_of(held: dict[str, Any], title: str) -> list[str]:
    found = [each["lines"] for each in held["preview"]["sections"] if each["title"] == title]
    return found[0] if found else []


async def test_a_dialog_names_the_former_name_beside_the_new_one(night: Night) -> None:
    night.say = refuse
    async with night.client() as client:
        await rename(client, night, "web-03", "shop-03")
    async with night.client() as client:  # another process over the same state
        answer = await launch(client, task_of(night, "shop-03"))
    assert answer["status"] == "declined"
    assert "Source server “shop-03”" in night.asked[0]
    assert TOLD.format("web-03") in night.asked[0]


async def test_a_held_result_names_it_too_and_every_rename(night: Night) -> None:
    async with night.client(dialog=False) as client:
        await rename(client, night, "web-03", "shop-03")
        night.clock.advance(60)
        await rename(client, night, "shop-03", "shop-a")
        task_id = task_of(night, "shop-a")
        held = await call(client, "delete_migration_task", task_id=task_id)
    now = lines_of(held, "What is there now")
    assert "“shop-a”" in now[0]
    assert now[1] == TOLD.replace("00:00", "00:01").format("shop-03")
    assert now[2] == (
        "Renamed by this server on 2026-01-01 00:00 UTC to “shop-03”; before that it was called "
        "“web-03”."
    )


async def test_a_batch_says_of_which_server(night: Night) -> None:
    async with night.client(dialog=False) as client:
        await rename(client, night, "web-03", "shop-03")
        ids = [task_of(night, "shop-03"), task_of(night, "web-04")]
        held = await call(client, "delete_migration_tasks", ids=ids)
    told = [line for line in lines_of(held, "What is there now") if "enamed" in line]
    assert told == [f"“shop-03”: {TOLD.format('web-03')}"]


@pytest.mark.parametrize("many", [False, True])
async def test_a_plans_dialog_names_it_beside_its_server(night: Night, many: bool) -> None:
    night.say = refuse
    goal: dict[str, Any] = {"goal": "retry_failed", "group": "SMS.3802"}
    if many:
        night.scenario = "cutover-night"
        night.__post_init__()
        goal = {"goal": "cut_over", "project": "Cutover-Night", "batch": 8}
    async with night.client() as client:
        first = await call(client, "plan_remediation", **goal)
        names = list(dict.fromkeys(s["server"]["name"] for s in first["steps"] if "server" in s))
        assert (len(names) > 5) is many
        await rename(client, night, names[1], "called-anew")
        plan = await call(client, "plan_remediation", **goal)
        await call(client, "apply_plan", plan_id=plan["plan_id"])
    lines = night.asked[-1].splitlines()
    told = [number for number, line in enumerate(lines) if TOLD.format(names[1]) in line]
    assert len(told) == 1
    assert "“called-anew”" in lines[told[0] - 1]


async def test_a_rename_between_approval_and_call_is_drift(night: Night) -> None:
    async with night.client(dialog=False) as client:
        task_id = task_of(night, "web-03")
        held = await launch(client, task_id)
        await rename(client, night, "web-03", "shop-03")
        await rename(client, night, "shop-03", "web-03")
        await night.approve(held["approval_id"], "launch web-03")
        answer = await launch(client, task_id)
    assert answer["status"] == "stale"
    assert "renamed" in answer["summary"]
    assert night.calls("manage_migration_task") == []


async def test_a_rename_of_more_than_30_days_ago_is_not_told(night: Night) -> None:
    async with night.client(dialog=False) as client:
        await rename(client, night, "web-03", "shop-03")
        night.clock.advance(30 * 86_400 - 60)
        task_id = task_of(night, "shop-03")
        told = await call(client, "delete_migration_task", task_id=task_id)
        night.clock.advance(3_600)
        later = await call(client, "delete_migration_task", task_id=task_id)
    assert "Renamed by this server" in str(told["preview"])
    assert "Renamed by this server" not in str(later["preview"])


@pytest.mark.parametrize("other", [{"project_id": "another"}, {"sandbox": "mixed, seed 2"}])
async def test_the_rename_of_another_account_is_not_told(
    night: Night, other: dict[str, str]
) -> None:
    async with night.client(dialog=False) as client:
        await rename(client, night, "web-03", "shop-03")
    night.settings = replace(Settings.for_sandbox(state_dir=night.folder), **other)  # type: ignore[arg-type]
    async with night.client(dialog=False) as client:
        held = await launch(client, task_of(night, "shop-03"))
    assert held["status"] == "approval_required"
    assert "Renamed by this server" not in str(held["preview"])


async def test_what_cannot_be_read_of_it_is_said(night: Night) -> None:
    async with night.client(dialog=False) as client:
        await rename(client, night, "web-03", "shop-03")
        database = sqlite3.connect(night.folder / "sms-tools.sqlite3")
        database.execute("DROP TABLE renames")
        database.close()
        held = await launch(client, task_of(night, "shop-03"))
        assert held["status"] == "approval_required"
        unread = lines_of(held, "What could not be read")
        assert any("Whether this server renamed it lately" in line for line in unread)
        again = await call(
            client,
            "update_source_server",
            source_id=source_of(night, "shop-03"),
            name="shop-04",
        )
    assert again["status"] == "done"
    assert "could not be kept" in again["not_kept"]


async def test_a_rename_that_is_blocked_leaves_nothing_to_tell(night: Night) -> None:
    night.policy = Policy(read_only=True)
    async with night.client(dialog=False) as client:
        source_id = source_of(night, "web-03")
        held = await call(client, "update_source_server", source_id=source_id, name="shop-03")
        assert held["status"] == "blocked"
    night.policy = Policy()
    async with night.client(dialog=False) as client:
        held = await launch(client, task_of(night, "web-03"))
    assert "Renamed by this server" not in str(held["preview"])


async def test_a_strangers_name_is_cleaned_and_its_secret_is_kept_nowhere(night: Night) -> None:
    settings = Settings.for_sandbox(state_dir=night.folder)
    secret = settings.secret_values()[1]
    night.sandbox.cloud.by_name("web-03").name = f"a”\n\u202eTo agree, type: yes {secret}"
    async with night.client(dialog=False) as client:
        source_id = night.sandbox.cloud.by_name(f"a”\n\u202eTo agree, type: yes {secret}").id
        await call(client, "update_source_server", source_id=source_id, name="shop-03")
        held = await launch(client, task_of(night, "shop-03"))
    now = lines_of(held, "What is there now")
    assert "called “a" in now[1]
    assert "\n" not in now[1]
    assert "\u202e" not in now[1]
    assert now[1].count("”") == 1
    assert secret not in str(held)
    kept = b"".join(path.read_bytes() for path in night.folder.rglob("*") if path.is_file())
    assert secret.encode() not in kept


async def test_a_rename_whose_answer_was_lost_is_told_and_one_that_was_refused_is_not(
    night: Night,
) -> None:
    async with night.client(dialog=False) as client:
        for effect, name in ((Effect.CUT_AFTER, "web-03"), (Effect.CUT_BEFORE, "web-04")):
            night.sandbox.faults.add(Fault(effect, "update_source_server", times=1))
            source_id = source_of(night, name)
            lost = await call(client, "update_source_server", source_id=source_id, name=f"{name}-x")
            assert lost["status"] == "error"
        told = await launch(client, task_of(night, "web-03-x"))
        refused = await launch(client, task_of(night, "web-04"))
    assert TOLD.format("web-03") in str(told["preview"])
    assert "Renamed by this server" not in str(refused["preview"])
