"""A scripted client walks the path of every prompt: the tools that it names, in its order."""

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from mcp import Client
from mcp_types import ElicitResult

from sms_tools.guard import Policy
from sms_tools.sandbox import ManualClock, Sandbox, open_sandbox
from sms_tools.server import build_server, open_runtime
from sms_tools.settings import Settings

pytestmark = pytest.mark.anyio

_LIMITS: Final = [{"start": "00:00", "end": "23:59", "speed": 200}]
_WEB: Final = {"project": "Wave-1-Web"}

GIVEN: Final[Mapping[str, Mapping[str, str]]] = {
    "migration-status": {},
    "troubleshoot-failed-servers": {"code": "SMS.3802"},
    "guided-remediation": {"goal": "retry_failed", "servers": "db-ora-01"},
    "consistency-review": _WEB,
    "cutover-readiness": _WEB,
    "cutover-night": _WEB,
    "plan-a-wave": _WEB,
    "rate-limit-window": {"servers": "db-pg-03"},
    "clean-up-after-migration": _WEB,
    "explain-to-management": {},
    "bad-cutover": {"servers": "web-01"},
    "assess-a-fleet": {},
    "set-up-a-wave": {"project": "Wave-3-Office", "line": "400"},
}
"""What the person fills in."""

PLANS: Final[Mapping[str, Mapping[str, Any]]] = {
    "troubleshoot-failed-servers": {"goal": "retry_failed", "group": "SMS.3802"},
    "guided-remediation": {"goal": "retry_failed", "servers": ["db-ora-01"]},
    "cutover-readiness": {"goal": "rehearse_cutover", "servers": ["web-04"]},
    "cutover-night": {"goal": "cut_over", "servers": ["web-03", "web-04"]},
    "rate-limit-window": {"goal": "fix_rate_window", "servers": ["db-pg-03"], "limits": _LIMITS},
    "clean-up-after-migration": {
        "goal": "clean_up",
        "servers": ["web-01", "web-02"],
        "soak_hours": 0,
    },
    "bad-cutover": {"goal": "back_out", "servers": ["web-01"]},
}
"""What the person decides where a prompt comes to a plan."""

NOT_CALLED: Final = {
    ("cutover-night", "manage_migration_task"),
    ("bad-cutover", "manage_migration_task"),
}
"""Tools that a prompt names to warn of them, or that only a person's choice leads to."""


class Walk:
    """One client, one sandbox, and a person who agrees to plans."""

    def __init__(self, client: Client, sandbox: Sandbox) -> None:
        self.client = client
        self.task_id = next(
            task.id for task in sandbox.cloud.tasks.values() if task.source.spec.linux
        )
        self.plan_id = ""
        self.applied: dict[str, Any] | None = None

    async def arguments(self, prompt: str, tool: str) -> Mapping[str, Any]:
        """The arguments that the prompt's words give for *tool*."""
        if tool == "plan_remediation":
            return PLANS[prompt]
        usual: Mapping[str, Mapping[str, Any]] = {
            "apply_plan": {"plan_id": self.plan_id},
            "diagnose_server": {"server": "db-ora-01"},
            "explain_error_code": {"code": "SMS.3802"},
            "get_consistency_results": {"task_id": self.task_id},
            "get_migration_rate_limits": {"task_id": self.task_id},
            "wait_for_progress": {"servers": ["web-03"], "timeout_seconds": 1},
            "plan_migration": {"csv": "server,template\nnew-01,wave-3-office\n"},
            "schedule_wave": {"line_mbit_s": 400},
        }
        return usual.get(tool, {})

    async def step(self, prompt: str, tool: str) -> None:
        arguments = dict(await self.arguments(prompt, tool))
        reply = await self.client.call_tool(tool, arguments)
        content = reply.structured_content
        assert not reply.is_error, (prompt, tool, content)
        assert content
        if tool in ("plan_remediation", "plan_migration"):
            self.plan_id = content["plan_id"] or ""
        if tool == "apply_plan":
            self.applied = content


@pytest.fixture(params=["auto", "legacy"])
async def walk(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Walk]:
    clock = ManualClock()
    sandbox = open_sandbox("mixed", clock=clock, speed=1)
    for cause in sandbox.cloud.causes.values():
        if "port 22" in cause.name:
            cause.fixed_at = int(clock() * 1000)

    async def sleep(seconds: float) -> None:
        clock.advance(seconds)

    async def elicit(_: Any, params: Any) -> ElicitResult:
        typed = params.message.split("To agree, type: ", 1)[1].splitlines()[0]
        return ElicitResult(action="accept", content={"confirmation": typed})

    async with open_runtime(
        Settings.for_sandbox(state_dir=tmp_path / "state"),
        Policy(),
        transport=sandbox.transport(),
        clock=lambda: datetime.fromtimestamp(clock(), UTC),
    ) as runtime:
        vars(runtime.parts)["desk"] = replace(runtime.desk, sleep=sleep)
        server = build_server(runtime)
        async with Client(server, mode=request.param, elicitation_callback=elicit) as client:  # type: ignore[arg-type]
            yield Walk(client, sandbox)


@pytest.mark.parametrize("prompt", GIVEN)
async def test_the_path_of_a_prompt_leads_through(walk: Walk, prompt: str) -> None:
    tools = {tool.name for tool in (await walk.client.list_tools()).tools}
    reply = await walk.client.get_prompt(prompt, dict(GIVEN[prompt]))
    text = reply.messages[0].content.text  # type: ignore[union-attr]
    named = [word for word in re.findall(r"`([^`]+)`", text) if word in tools]
    if "apply_plan" in named:  # a later mention goes on with the same plan
        plans = ("plan_remediation", "plan_migration")
        assert min(named.index(each) for each in plans if each in named) < named.index("apply_plan")
    for tool in named:
        mentioned = tool == "plan_remediation" and prompt not in PLANS
        if not mentioned and (prompt, tool) not in NOT_CALLED:
            await walk.step(prompt, tool)
    if "apply_plan" in named:
        assert walk.applied is not None
        ended = {step["result"] for step in walk.applied["steps"]}
        assert "done and seen" in ended
        assert ended <= {"done and seen", "not needed"}


def test_there_is_a_walk_for_every_prompt() -> None:
    from sms_tools.prompting import load_prompts

    assert set(GIVEN) == set(load_prompts())
