"""Whatever an answer suggests works: accepted by its tool, and a plan has at least one step."""

from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from sms_tools.sandbox.scenarios import SCENARIOS

from .night import Night, call

pytestmark = pytest.mark.anyio

QUESTIONS = (
    "migration_overview",
    "summarize_failed_servers",
    "summarize_progress",
    "check_cutover_readiness",
    "find_cleanup_candidates",
    "what_changed",
)
GOALS = ("retry_failed", "resume_paused", "fix_rate_window", "rebuild", "clean_up")
REFUSED = ("error", "invalid_arguments", "not_offered")
STOPPED = ("failed", "paused", "unavailable")


async def answers(client: Client, night: Night) -> list[dict[str, Any]]:
    """Every question, every goal, and every server that does not go on."""
    found = [await call(client, tool) for tool in QUESTIONS]
    found += [await call(client, "plan_remediation", goal=goal) for goal in GOALS]
    overview = await call(client, "migration_overview", detail="full", limit=1000)
    stopped = [row["id"] for row in overview["servers"] if row["phase"] in STOPPED]
    for source_id in stopped[:40]:
        found.append(await call(client, "diagnose_server", server=source_id))
        found.append(await call(client, "plan_remediation", servers=[source_id]))
    return found


@pytest.mark.parametrize("scenario", [name for name in SCENARIOS if name != "large"])
async def test_every_suggestion_of_every_scenario_leads_on(tmp_path: Path, scenario: str) -> None:
    night = Night(tmp_path / "state", "auto", scenario=scenario)
    followed = 0
    dead: list[Any] = []
    async with night.client(dialog=False) as client:
        waiting = [each for a in await answers(client, night) for each in a["suggested_actions"]]
        seen: set[str] = set()
        while waiting:
            action = waiting.pop()
            key = str((action["tool"], action["arguments"]))
            if key in seen or action["tool"] in ("apply_plan", "wait_for_progress"):
                continue
            seen.add(key)
            answer = await call(client, action["tool"], **action["arguments"])
            followed += 1
            if answer.get("status") in REFUSED:
                dead.append((action, answer["summary"]))
            if action["tool"] == "plan_remediation":
                if not answer.get("steps"):
                    dead.append((action, answer["summary"], answer.get("left_out")))
                waiting += answer.get("suggested_actions", ())
    assert followed, "nothing was suggested"
    assert dead == []


@pytest.mark.parametrize(
    ("server", "goal"),
    [("db-log-01", "fix_rate_window"), ("db-ora-03", "rebuild"), ("db-redis-01", "resume_paused")],
)
async def test_a_server_that_another_goal_fits_is_led_there(
    night: Night, server: str, goal: str
) -> None:
    async with night.client() as client:
        plan = await call(client, "plan_remediation", servers=[server])
        assert plan["plan_id"] is None
        (action,) = plan["suggested_actions"]
        assert action["arguments"]["goal"] == goal
        assert (await call(client, "plan_remediation", **action["arguments"]))["steps"]


async def test_an_unknown_group_says_so(night: Night) -> None:
    async with night.client() as client:
        plan = await call(client, "plan_remediation", group="9999")
    assert "No server has failed with 9999" in plan["summary"]
