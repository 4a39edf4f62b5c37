"""The scenes of the demo: what a person asks, which calls answer it, what is shown of the replies.

Nothing that a scene shows is written here: it comes out of the replies, under the names of keys
that the tools promise. A scene hands on to the next what an assistant would keep in mind.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import anyio

from sms_tools.cli import story_scenes
from sms_tools.cli.screen import Screen
from sms_tools.cli.stage import Reply, Stage, field_of
from sms_tools.operation import JSON

TONIGHT: Final = timedelta(hours=8)
"""How long the window in the question about progress is, from now on."""
_MOST_WAIT: Final = 45.0
"""Seconds that the demo waits for the network team, and then for the copies to run."""
_EVERY: Final = 1.5
_AT_ONCE: Final = 4
"""Servers that are planned for at most."""


@dataclass
class Memory:
    """What an assistant keeps in mind between the questions."""

    group: Mapping[str, Any] = field(default_factory=dict)
    """The group of failed servers that is to be helped."""
    observed: Reply | None = None
    plan_id: str = ""

    @property
    def servers(self) -> Sequence[Mapping[str, Any]]:
        """The servers of the group."""
        return [row for row in self.group.get("servers", ()) if isinstance(row, dict)][:_AT_ONCE]

    @property
    def ids(self) -> list[JSON]:
        """Their ids."""
        return [row["id"] for row in self.servers if row.get("id")]


def welcome(screen: Screen, command: str) -> None:
    """What is going to be seen."""
    screen.line(screen.paint("sms-tools demo", "bold"))
    screen.say(
        "An assistant and a person look after a migration of servers to Huawei Cloud. The server "
        "is the real one, on its embedded sandbox; the client is a real MCP client. No model "
        "takes part: questions and calls are written down, every reply is as it comes."
    )
    screen.say(f"starting: {command}", "dim")


async def conversation(stage: Stage, speed: float) -> None:
    """All scenes in their order."""
    memory = Memory()
    await _meet(stage)
    await story_scenes.before(stage)
    await _status(stage, memory)
    await _failures(stage, memory)
    await _one_server(stage, memory)
    await _consistency(stage)
    await _progress(stage, memory)
    await _readiness(stage)
    await _plan(stage, memory)
    await _no_consent_by_argument(stage, memory)
    await _network_team(stage, memory, speed)
    await _apply(stage, memory)
    await _afterwards(stage, memory)
    await story_scenes.after(stage)
    _farewell(stage)


async def _meet(stage: Stage) -> None:
    tools = (await stage.client.list_tools()).tools
    read_only = sum(1 for tool in tools if tool.annotations and tool.annotations.read_only_hint)
    size = sum(
        len(json.dumps([tool.name, tool.description, tool.input_schema]).encode()) for tool in tools
    )
    stage.screen.say(
        f"connected: MCP {stage.client.protocol_version}, {len(tools)} tools ({read_only} only "
        f"read; names, descriptions and schemas are {size:,} bytes)",
        "dim",
    )


async def _status(stage: Stage, memory: Memory) -> None:
    await stage.scene("How is the migration going?")
    reply = memory.observed = await stage.call("migration_overview")
    stage.bars(reply, "phases")
    stage.table(
        reply,
        "problems",
        {
            "problem": field_of("problem"),
            "codes": field_of("codes"),
            "servers": field_of("count"),
            "which": field_of("servers"),
        },
        numbers=("servers",),
    )
    stage.size(reply)


async def _failures(stage: Stage, memory: Memory) -> None:
    await stage.scene("Which servers failed, and why?")
    reply = await stage.call("summarize_failed_servers")
    stage.table(
        reply,
        "groups",
        {
            "code": _codes,
            "servers": field_of("count"),
            "cause": field_of("cause"),
            "who acts": field_of("actor"),
            "all again": field_of("full_copy_again"),
        },
        numbers=("servers",),
    )
    groups = reply.rows("groups")
    event = [group for group in groups if group.get("likely_one_cause")]
    memory.group = next(iter([*event, *groups]), {})
    if memory.group:
        stage.screen.line()
        stage.aside("One event seems to be behind the largest group:" if event else "The largest:")
        stage.fact("servers", memory.group.get("servers"))
        stage.fact("they share", list((memory.group.get("shared") or {}).values()))
        stage.fact("first step", memory.group.get("first_step"))
    stage.size(reply)


def _codes(group: Mapping[str, Any]) -> JSON:
    return group.get("codes") or group.get("code")


async def _one_server(stage: Stage, memory: Memory) -> None:
    if not memory.ids:
        return
    await stage.scene(f"What happened to {memory.servers[0].get('name')}?")
    reply = await stage.call("diagnose_server", {"server": memory.ids[0]})
    stage.table(
        reply,
        "hypotheses",
        {
            "likely": field_of("likelihood"),
            "evidence": _evidence,
            "next step": field_of("next_step"),
        },
        most=2,
    )
    stage.size(reply)


def _evidence(hypothesis: Mapping[str, Any]) -> JSON:
    found = [each for each in hypothesis.get("evidence") or () if isinstance(each, dict)]
    return [f"{each.get('field')}: {each.get('value')} (by {each.get('from')})" for each in found]


async def _consistency(stage: Stage) -> None:
    await stage.scene("Are the copies consistent?")
    reply = await stage.call("summarize_consistency_results")
    stage.bars(reply, "verdicts")
    stage.table(
        reply,
        "servers",
        {"server": field_of("name"), "verdict": field_of("verdict"), "why": field_of("why")},
        rows=[row for row in reply.rows("servers") if row.get("verdict") != "clean"],
        most=4,
    )
    stage.size(reply)


async def _progress(stage: Stage, memory: Memory) -> None:
    await stage.scene(f"Will the copies be done within {TONIGHT.seconds // 3600} hours?")
    deadline = memory.observed.observed_at + TONIGHT if memory.observed else None
    reply = await stage.call(
        "summarize_progress",
        {"deadline": deadline.isoformat().replace("+00:00", "Z")} if deadline else None,
    )
    stage.table(
        reply,
        "servers",
        {
            "server": field_of("name"),
            "copied %": field_of("copied_percent"),
            "Mbit/s": field_of("rate_mbit_s"),
            "done at the latest": lambda row: (
                field_of("eta", "latest")(row) or row.get("eta_reason")
            ),
            "deadline": field_of("deadline"),
        },
        rows=[row for row in reply.rows("servers") if row.get("phase") == "replicating"],
        most=6,
        numbers=("copied %", "Mbit/s"),
    )
    stage.size(reply)


async def _readiness(stage: Stage) -> None:
    await stage.scene("Can we launch the others tonight?")
    reply = await stage.call("check_cutover_readiness")
    stage.bars(reply, "verdicts")
    stage.table(
        reply,
        "servers",
        {
            "server": field_of("name"),
            "verdict": field_of("verdict"),
            "because": lambda row: " ".join(row.get("because") or ()),
        },
        most=3,
    )
    launch = reply.data.get("launch")
    if isinstance(launch, dict):
        stage.fact("no way back", launch.get("point_of_no_return"))
    stage.size(reply)


async def _plan(stage: Stage, memory: Memory) -> None:
    if not memory.ids:
        return
    await stage.scene(f"Bring the {len(memory.ids)} servers behind that one event back.")
    reply = await stage.call("plan_remediation", {"servers": memory.ids})
    memory.plan_id = str(reply.data.get("plan_id") or "")
    stage.table(
        reply,
        "steps",
        {
            "step": field_of("step"),
            "by": field_of("actor"),
            "server": field_of("server"),
            "what": _step,
            "after": field_of("after"),
        },
        most=8,
    )
    stage.size(reply)


def _step(step: Mapping[str, Any]) -> JSON:
    call = step.get("tool")
    does = step.get("does", "")
    return f"{call}: {does}" if call else does


async def _no_consent_by_argument(stage: Stage, memory: Memory) -> None:
    if not memory.plan_id:
        return
    await stage.scene("May the assistant just say that I agree?")
    reply = await stage.refused_call("apply_plan", {"plan_id": memory.plan_id, "confirm": True})
    stage.aside("No argument of any tool confirms anything: only a person can, in a dialog.")
    stage.size(reply)


async def _network_team(stage: Stage, memory: Memory, speed: float) -> None:
    """The step that no call can do: somebody opens the port, and a read sees it."""
    if not memory.ids:
        return
    await stage.scene("The network team is at it. Is the way into the subnet open?")
    arguments = await _target_network(stage, memory)
    if arguments is None:
        stage.aside("Which network it is cannot be read; the demo goes on without waiting.")
        return
    stage.aside(
        f"They need half an hour; the sandbox's time runs {speed:g} times as fast as yours."
    )
    reply = await stage.refused_call("check_network_acl", arguments)
    asked = 1
    with anyio.move_on_after(_MOST_WAIT):
        while reply.refused:
            await anyio.sleep(_EVERY)
            reply = await stage.ask("check_network_acl", arguments)
            asked += 1
    if reply.refused:
        stage.aside(f"Still closed after {asked} calls; the demo goes on all the same.", "yellow")
    elif asked > 1:
        stage.aside(f"Open: the same call succeeds, asked {asked} times.", "green")


async def _target_network(stage: Stage, memory: Memory) -> dict[str, JSON] | None:
    """The arguments with which the network of the group's first server is checked."""
    source = await stage.call("get_source_server", {"source_id": memory.ids[0]})
    task = source.data.get("current_task") or {}
    if not task.get("vm_template_id"):
        return None
    reply = await stage.call("get_template", {"template_id": task["vm_template_id"]})
    stage.aside(f"Two replies, {source.size:,} and {reply.size:,} bytes, for the ids alone.")
    nics = (reply.data.get("template") or reply.data).get("nics") or []
    if not nics:
        return None
    return {
        "target_project_id": task.get("project_id"),
        "target_network_id": nics[0].get("id"),
        "region_id": task.get("region_id"),
        "os_type": source.data.get("os_type"),
    }


async def _apply(stage: Stage, memory: Memory) -> None:
    if not memory.plan_id:
        return
    await stage.scene("Then do it.")
    stage.aside("(Once every step is done, the plan waits half a minute and looks again.)")
    reply = await stage.call("apply_plan", {"plan_id": memory.plan_id})
    stage.table(
        reply,
        "steps",
        {"step": field_of("step"), "server": field_of("server"), "result": field_of("result")},
        most=8,
    )
    stage.size(reply)


async def _afterwards(stage: Stage, memory: Memory) -> None:
    if not memory.ids:
        return
    await stage.scene("Do they run again?")
    reply = await stage.call("migration_overview", {"servers": memory.ids})
    stage.table(
        reply, "servers", {"server": field_of("name"), "phase": field_of("phase")}, most=_AT_ONCE
    )
    stage.size(reply)


def _farewell(stage: Stage) -> None:
    screen = stage.screen
    screen.line()
    screen.say("That was the demo; nothing of it is left behind. On from here:", "bold")
    rows: Sequence[Sequence[str]] = (
        ("sms-tools serve --sandbox", "the same server, for your own MCP client"),
        ("sms-tools check", "what your account needs for the real service"),
        ("sms-tools tools", "every tool, and whether it asks a person first"),
    )
    for command, what in rows:
        screen.say(what, first=f"   {command:28}")
