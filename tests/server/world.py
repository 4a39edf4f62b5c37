"""A server on an account of 49 servers, its clients of both protocol eras, and all that it sends.

The account is the sandbox's; it stands still until a test moves it. Whatever arrives at it is
written down, so that a test can say what was *not* sent.
"""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import anyio
from mcp import Client
from mcp.client import ClientRequestContext
from mcp.server.mcpserver import MCPServer
from mcp_types import CallToolResult, ElicitRequestParams, ElicitResult, Implementation

from sms_tools.guard import Policy
from sms_tools.operation import Kind
from sms_tools.operations import CATALOGUE, route
from sms_tools.sandbox import ManualClock, Sandbox, open_sandbox
from sms_tools.sandbox.cloud import Cloud
from sms_tools.sandbox.service import Service
from sms_tools.sandbox.wire import RawRequest, RawResponse
from sms_tools.server import Runtime, build_server, open_runtime
from sms_tools.settings import Settings

ERAS = ("auto", "legacy")
"""The client's modes: 2026-07-28, and the revisions before it."""


@dataclass(slots=True)
class Watched(Service):
    """The sandbox's service, and the names of the operations that arrived at it."""

    arrived: list[str] = field(default_factory=list)

    async def handle(self, request: RawRequest) -> RawResponse:
        found = route(request.method, request.path)
        self.arrived.append(found[0].__spec__.name if found else request.path)
        return await Service.handle(self, request)

    @property
    def changing(self) -> list[str]:
        """What arrived and does more than read."""
        return [name for name in self.arrived if is_more_than_a_read(name)]


def is_more_than_a_read(name: str) -> bool:
    return name not in CATALOGUE or CATALOGUE[name].__spec__.kind is not Kind.READ


def open_account(
    scenario: str = "mixed", clock: ManualClock | None = None
) -> tuple[Sandbox, Watched]:
    """A sandbox that stands still, or moves by *clock*, with things in it that nothing hangs on."""
    opened = open_sandbox(scenario, clock=clock or ManualClock(), speed=1)
    given = {each.name: getattr(opened.service, each.name) for each in fields(Service)}
    service = Watched(**given)
    sandbox = replace(opened, service=service)
    for name in ("spare-1", "spare-2"):
        template = {"name": name, "is_template": True, "region": "r", "projectid": "p"}
        sandbox.cloud.create_template({**template, "target_password": "EXAMPLE-password"})
        sandbox.cloud.new_project(name)
    sandbox.cloud.privacy_signed = False
    sandbox.cloud.changes.clear()
    return sandbox, service


@dataclass
class Clock:
    """The time by which approvals end."""

    now: datetime = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **much: float) -> None:
        self.now += timedelta(**much)


@dataclass
class Person:
    """Who sits before the client's dialog, and what was read there."""

    action: Literal["accept", "decline", "cancel"] = "accept"
    typed: str | None = None
    """What is typed; None for what the dialog asks for."""
    hangs: bool = False
    breaks: bool = False
    before: Any = None
    """Called before the answer, as the world goes on while somebody reads."""
    read: list[str] = field(default_factory=list)
    asked: anyio.Event = field(default_factory=anyio.Event)
    """Set as soon as somebody who will never answer is asked."""

    async def __call__(
        self, context: ClientRequestContext, params: ElicitRequestParams
    ) -> ElicitResult:
        del context
        self.read.append(params.message)
        if self.hangs:
            self.asked.set()
            await anyio.sleep_forever()
        if self.breaks:
            raise RuntimeError("this client cannot show a form after all")
        if self.before:
            self.before()
        if self.action != "accept":
            return ElicitResult(action=self.action)
        typed = asked_for(params.message) if self.typed is None else self.typed
        return ElicitResult(action="accept", content={"confirmation": typed})


def asked_for(question: str) -> str:
    """What a dialog's text asks to type."""
    found = re.search(r"^To agree, type: (.*)$", question, re.MULTILINE)
    assert found, question
    return found[1]


@dataclass
class World:
    """One server over one account."""

    sandbox: Sandbox
    service: Watched
    clock: Clock
    runtime: Runtime

    @property
    def cloud(self) -> Cloud:
        return self.sandbox.cloud

    @cached_property
    def server(self) -> MCPServer[Any]:
        """The server with all tools."""
        return build_server(self.runtime)

    def impatient_server(self) -> MCPServer[Any]:
        """The same, but its dialogs are soon over."""
        return build_server(replace(self.runtime, longest_wait=0.01))

    def client(
        self, era: str, person: Person | None = None, *, server: MCPServer[Any] | None = None
    ) -> Client:
        """A client of *server* with *person* before its dialog; without one it has no dialog."""
        return Client(
            server or self.server,
            mode=era,
            elicitation_callback=person,
            client_info=Implementation(name="example-client", version="1.0"),
        )


@asynccontextmanager
async def open_world(
    folder: Path,
    *,
    policy: Policy | None = None,
    page: bool = False,
    scenario: str = "mixed",
    opened: tuple[Sandbox, Watched] | None = None,
) -> AsyncIterator[World]:
    """A server whose state is in *folder*; with a *page* it can serve approvals on loopback.

    *opened* is an account to use instead of a new one of *scenario*.
    """
    sandbox, service = opened or open_account(scenario)
    clock = Clock()
    async with open_runtime(
        Settings.for_sandbox(state_dir=folder),
        policy or Policy(),
        transport=sandbox.transport(),
        clock=clock,
        service_clock=lambda: datetime.fromtimestamp(sandbox.clock(), UTC),
        page=page,
    ) as runtime:
        yield World(sandbox, service, clock, runtime)


def everything_in(result: CallToolResult | None) -> str:
    """All that a result says, text and structured content."""
    if result is None:
        return ""
    texts = [getattr(part, "text", "") for part in result.content]
    return "\n".join([*texts, json.dumps(result.structured_content, ensure_ascii=False)])


def status_of(result: CallToolResult) -> str:
    return str((result.structured_content or {}).get("status"))
