"""A night with a sandbox: time moves when the server waits, and a person answers the dialogs."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
from mcp import Client
from mcp_types import ElicitResult, Implementation

from sms_tools.guard import Policy
from sms_tools.sandbox import ManualClock, Sandbox, open_sandbox
from sms_tools.server import build_server, open_runtime
from sms_tools.settings import Settings

Say = Callable[[str], Awaitable[ElicitResult] | ElicitResult]


def agree(message: str) -> ElicitResult:
    """A person who types what the dialog asks for."""
    typed = message.split("To agree, type: ", 1)[1].splitlines()[0]
    return ElicitResult(action="accept", content={"confirmation": typed})


def refuse(_: str) -> ElicitResult:
    return ElicitResult(action="decline")


@dataclass
class Night:
    """A sandbox whose time moves when the server waits, and a person who answers."""

    folder: Path
    era: str
    scenario: str = "mixed"
    say: Callable[[str], ElicitResult] = agree
    policy: Policy = field(default_factory=Policy)
    asked: list[str] = field(default_factory=list)
    client_name: str = "example-client"
    settings: Settings | None = None
    """What the server is started with; the sandbox's own settings if not given."""
    waited: float = 0.0
    """Seconds that the server has waited between looks, as its clients see them."""
    counts_waits: bool = False
    hangs: bool = False
    """Whether a slow request never ends; the time of whoever waits for it is over then."""
    scopes: list[anyio.CancelScope] = field(default_factory=list)
    """Whether a run's time passes while it waits: off, a run is never too long."""
    during: Callable[[float], Awaitable[None]] | None = None
    """What happens while the server waits between two looks."""

    def __post_init__(self) -> None:
        self.clock = ManualClock()
        self.sandbox: Sandbox = open_sandbox(
            self.scenario, clock=self.clock, speed=1, sleep=self._slow
        )

    async def _slow(self, _: float) -> None:
        if self.hangs:
            self.scopes[-1].cancel()
            await anyio.sleep_forever()

    def _within(self, seconds: float) -> anyio.CancelScope:
        self.scopes.append(anyio.move_on_after(seconds))
        return self.scopes[-1]

    @asynccontextmanager
    async def client(self, *, dialog: bool = True) -> AsyncIterator[Client]:
        """A client of a new server over the same state folder."""

        async def sleep(seconds: float) -> None:
            self.clock.advance(seconds)
            self.waited += seconds
            if self.during:
                await self.during(seconds)

        async def elicit(_: Any, params: Any) -> ElicitResult:
            self.asked.append(params.message)
            return self.say(params.message)

        settings = self.settings or Settings.for_sandbox(state_dir=self.folder)
        async with open_runtime(
            settings,
            self.policy,
            transport=self.sandbox.transport(),
            clock=lambda: datetime.fromtimestamp(self.clock(), UTC),
        ) as runtime:
            vars(runtime.parts)["desk"] = replace(
                runtime.desk,
                sleep=sleep,
                within=self._within,
                elapsed=lambda: self.waited if self.counts_waits else 0.0,
            )
            server = build_server(runtime)
            self.runtime = runtime
            callback: Any = elicit if dialog else None
            async with Client(
                server,
                mode=self.era,
                elicitation_callback=callback,
                client_info=Implementation(name=self.client_name, version="1.0"),
            ) as client:
                yield client

    async def approve(self, approval_id: str, typed: str) -> None:
        """What a person types on the page or at the command."""
        verdict = await self.runtime.guard.approvals.approve(approval_id, typed, "command")
        assert verdict == "approved"

    def calls(self, operation: str) -> list[str]:
        """What the service was asked to change by *operation*, oldest first."""
        return [each.target for each in self.sandbox.cloud.changes if each.operation == operation]

    def repair(self, part: str) -> None:
        """What a person repairs outside: the causes whose name has *part* in it."""
        now = int(self.clock() * 1000)
        for cause in self.sandbox.cloud.causes.values():
            if part in cause.name:
                cause.fixed_at = now


async def call(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    content: dict[str, Any] | None = (await client.call_tool(tool, arguments)).structured_content
    assert content is not None
    return content


async def planned(client: Client, **arguments: Any) -> str:
    answer = await call(client, "plan_remediation", **arguments)
    plan_id: str = answer["plan_id"]
    return plan_id


def results(answer: dict[str, Any]) -> list[str]:
    assert "steps" in answer, answer
    return [step["result"] for step in answer["steps"]]


def agent_came_back(night: Night, name: str) -> None:
    """A person restarts the Agent on the source: the record is newer than the failure now."""
    now = int(night.clock() * 1000)
    night.sandbox.cloud.by_name(name).offline.append((now - 60_000, now - 30_000))


def task_of(night: Night, name: str) -> str:
    """The id of the server's current task."""
    tasks = night.sandbox.cloud.tasks.values()
    return next(task.id for task in tasks if task.source.name == name)


def grow_a_disk(night: Night, name: str) -> None:
    """Somebody enlarges a disk of the source, and its record shows it."""
    source = night.sandbox.cloud.by_name(name)
    *others, last = source.spec.disks
    bigger = replace(last, size=last.size * 2)
    source.spec = replace(source.spec, disks=(*others, bigger))
