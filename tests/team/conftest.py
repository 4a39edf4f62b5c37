"""A team's server over HTTP in this process: its sandbox, its callers, each with a token."""

import json
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from sms_tools.canonical import text_digest
from sms_tools.guard import Policy
from sms_tools.login.tokens import TokensFile
from sms_tools.sandbox import Sandbox, open_sandbox
from sms_tools.server import Runtime, build_server, open_runtime
from sms_tools.server.http import Challenge, Door
from sms_tools.settings import Settings
from tests import modern

PUBLIC = "https://sms-tools.example.com"
ROLES = {
    "vera": ["viewer"],
    "olga": ["viewer", "operator"],
    "anna": ["viewer", "approver"],
    "boss": ["viewer", "operator", "approver"],
}


@dataclass
class Team:
    """The server and its people."""

    runtime: Runtime
    sandbox: Sandbox
    door: Door
    tokens: Mapping[str, str]
    http: httpx.AsyncClient
    answers: Mapping[str, Any] = field(default_factory=dict)

    async def post(self, who: str | None, method: str, **params: Any) -> httpx.Response:
        """One request of *who*, in the era of 2026-07-28."""
        token = None if who is None else self.tokens.get(who, who)
        return await self.http.post("/mcp", **modern.request(method, token, **params))

    async def call(self, who: str, tool: str, **arguments: Any) -> dict[str, Any]:
        """What *who* gets for a call of *tool*."""
        return modern.result_in(await self.post(who, "tools/call", name=tool, arguments=arguments))

    def task_of(self, name: str) -> str:
        """The id of the migration task of the server *name*."""
        found = next(s for s in self.sandbox.cloud.sources.values() if s.name == name)
        assert found.task_id
        return found.task_id

    @property
    def changes(self) -> list[str]:
        """What the service was asked to change."""
        return [change.operation for change in self.sandbox.cloud.changes]


def written(path: Path, roles: Mapping[str, list[str]]) -> dict[str, str]:
    """A file of tokens for *roles*; gives the tokens by name."""
    tokens = {name: secrets.token_urlsafe(24) for name in roles}
    parts = [
        f'[tokens.{name}]\nsha256 = "{text_digest(token)}"\nroles = {json.dumps(roles[name])}\n'
        for name, token in tokens.items()
    ]
    path.write_text("\n".join(parts), encoding="utf-8")
    return tokens


Opener = Callable[..., Any]


@pytest.fixture
async def open_team(tmp_path: Path) -> AsyncIterator[Opener]:
    """Opens a team's server with a file of tokens."""
    async with AsyncExitStack() as stack:

        async def open_(policy: Policy | None = None, scenario: str = "mixed") -> Team:
            path = tmp_path / "tokens.toml"
            tokens = written(path, ROLES)
            sandbox = open_sandbox(scenario)
            settings = Settings.for_sandbox(state_dir=tmp_path / "state")
            runtime = await stack.enter_async_context(
                open_runtime(
                    settings,
                    policy or Policy(),
                    transport=sandbox.transport(),
                    reached_by="http",
                    links=False,
                )
            )
            door = Door(TokensFile(path), Challenge(), PUBLIC)
            server = build_server(runtime)
            app = door.over(server, PUBLIC, "127.0.0.1")
            await stack.enter_async_context(server.session_manager.run())
            transport = httpx.ASGITransport(app=app)
            http = await stack.enter_async_context(
                httpx.AsyncClient(transport=transport, base_url=PUBLIC, timeout=60)
            )
            return Team(runtime, sandbox, door, tokens, http)

        yield open_
