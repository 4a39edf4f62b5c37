"""One judgement of a launch: the answer, the dialog of a call, the plan and its dialog agree.

Asked of every server of a night, whatever state it is in.
"""

import json
import re
from pathlib import Path
from typing import Any, Final

import pytest

from .night import Night, call

pytestmark = pytest.mark.anyio

_SAID: Final = re.compile(r"(\w+) (fails|is unknown):")
_UNREAD: Final = "Not read, because another gate rules a launch out."


def closed_in(answer: dict[str, Any]) -> dict[str, str]:
    """The gates that a preview names as not passed, and how."""
    words = {"fails": "fail", "is unknown": "unknown"}
    said = json.dumps(answer.get("preview"))
    return {gate: words[verdict] for gate, verdict in _SAID.findall(said)}


@pytest.mark.parametrize("scenario", ["cutover-night", "mixed"])
async def test_answer_dialog_plan_and_its_dialog_say_the_same_of_every_server(
    tmp_path: Path, scenario: str
) -> None:
    night = Night(tmp_path, "auto", scenario)
    tasks = {each.source.id: each.id for each in night.sandbox.cloud.tasks.values()}
    verdicts = set()
    async with night.client(dialog=False) as client:
        found = await call(client, "check_cutover_readiness", detail="full", limit=100)
        for row in found["servers"]:
            if row["id"] not in tasks:
                continue
            verdicts.add(row["verdict"])
            closed = {gate: said for gate, said in row["gates"].items() if said != "pass"}
            if row["findings"]["consistency_clean"]["says"] == _UNREAD:
                del closed["consistency_clean"]  # a dialog reads it all the same

            single = await call(
                client, "manage_migration_task", task_id=tasks[row["id"]], operation="test"
            )
            shown = closed_in(single)
            if "consistency_clean" not in closed and "fail" in closed.values():
                shown.pop("consistency_clean", None)
            assert shown == closed, row["name"]
            assert single["status"] in ("approval_required", "blocked")

            plan = await call(client, "plan_remediation", goal="cut_over", servers=[row["id"]])
            launches = [step for step in plan["steps"] if "tool" in step]
            if "fail" in closed.values():
                assert not launches, row["name"]
                assert plan["left_out"], row["name"]
                continue
            assert [step["tool"] for step in launches] == ["manage_migration_task"], row["name"]
            asked = await call(client, "apply_plan", plan_id=plan["plan_id"])
            assert closed_in(asked) == closed, row["name"]
    assert verdicts == {"ready", "not_confirmed", "not_ready"}
