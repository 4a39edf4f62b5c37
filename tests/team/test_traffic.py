"""What a server over HTTP says at its bounds, and how it ends, asked at the ASGI door itself."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import pytest
from anyio.abc import TaskGroup
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sms_tools.server.traffic import Bounds, Traffic

pytestmark = pytest.mark.anyio

CALL = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {}}
MODERN = {"MCP-Protocol-Version": "2026-07-28"}
LISTENS = {**MODERN, "Mcp-Method": "subscriptions/listen"}
FEW = Bounds(calls=3, calls_of_one=2, streams=3, streams_of_one=2, sessions=9, sessions_of_one=2)


class Work:
    """An application whose answers come when the test lets them."""

    def __init__(self, *, begins_at_once: bool = False) -> None:
        self.begins_at_once = begins_at_once
        self.begun = 0
        self.go_on = anyio.Event()
        self.more = anyio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        self.begun += 1
        self.more.set()
        self.more = anyio.Event()
        if self.begins_at_once:
            headers = [(b"content-type", b"text/event-stream")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": b": ping\r\n\r\n", "more_body": True})
        await self.go_on.wait()
        if self.begins_at_once:
            await send({"type": "http.response.body", "body": b"data: done\r\n\r\n"})
        else:
            await Response("done")(scope, receive, send)

    async def have_begun(self, number: int) -> None:
        with anyio.fail_after(10):
            while self.begun < number:
                await self.more.wait()


def known(app: ASGIApp) -> ASGIApp:
    """*app* behind a door that believes whoever says who they are."""

    async def served(scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        name = headers.get("who", "anna")
        subject = headers.get("subject", name)
        token = AccessToken(token="t", client_id=name, scopes=[], subject=subject)
        scope["user"] = AuthenticatedUser(token)
        await app(scope, receive, send)

    return served


@asynccontextmanager
async def asking(traffic: Traffic) -> AsyncIterator[tuple[httpx.AsyncClient, TaskGroup]]:
    transport = httpx.ASGITransport(app=known(traffic))
    async with (
        httpx.AsyncClient(transport=transport, base_url="http://here") as client,
        anyio.create_task_group() as group,
    ):
        yield client, group


async def ask(
    client: httpx.AsyncClient, who: str, into: list[httpx.Response], headers: Any = MODERN
) -> None:
    into.append(await client.post("/mcp", json=CALL, headers={**headers, "who": who}))


@pytest.mark.parametrize("headers", [MODERN, LISTENS], ids=["calls", "streams"])
async def test_one_caller_cannot_take_every_place(headers: dict[str, str]) -> None:
    work, met, served = Work(), list[str](), list[httpx.Response]()
    traffic = Traffic(work, FEW, met.append)
    async with asking(traffic) as (client, group):
        for _ in range(2):
            group.start_soon(ask, client, "anna", served, headers)
        await work.have_begun(2)
        refused: list[httpx.Response] = []
        await ask(client, "anna", refused, headers)
        group.start_soon(ask, client, "olga", served, headers)  # another still comes in
        await work.have_begun(3)
        await ask(client, "boss", refused, headers)
        assert [reply.status_code for reply in refused] == [429, 503]
        assert "This caller has 2" in refused[0].json()["error"]["message"]
        assert "This server has 3" in refused[1].json()["error"]["message"]
        assert all("Nothing was done" in reply.text for reply in refused)
        assert all(int(reply.headers["retry-after"]) > 0 for reply in refused)
        work.go_on.set()
    assert [reply.status_code for reply in served] == [200] * 3
    assert met == [("streams" if headers is LISTENS else "calls")] * 2
    assert traffic.calls.total == traffic.streams.total == 0


async def test_two_callers_whose_names_read_alike_side_by_side_are_two() -> None:
    work, served = Work(), list[httpx.Response]()
    async with asking(Traffic(work, FEW)) as (client, group):
        for who, subject, number in (("a b", "c", 2), ("a", "b c", 1)):
            for _ in range(number):
                group.start_soon(ask, client, who, served, {**MODERN, "subject": subject})
        await work.have_begun(3)
        work.go_on.set()
    assert [reply.status_code for reply in served] == [200] * 3


class Sessions:
    """Opens a session for whoever of the older era has none."""

    def __init__(self) -> None:
        self.opened = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        headers = dict(scope["headers"])
        if b"mcp-session-id" in headers or b"mcp-protocol-version" in headers:
            await Response()(scope, receive, send)
            return
        self.opened += 1
        await Response(headers={"Mcp-Session-Id": f"s{self.opened}"})(scope, receive, send)


async def test_a_caller_who_leaves_sessions_open_is_told_and_may_close_one() -> None:
    traffic = Traffic(Sessions(), FEW)
    async with asking(traffic) as (client, _):
        replies: list[httpx.Response] = []
        for who in ("anna", "anna", "anna", "olga"):
            await ask(client, who, replies, {})
        assert [reply.status_code for reply in replies] == [200, 200, 429, 200]
        assert "A session ends when the client closes it (DELETE)" in replies[2].text
        assert len(traffic.sessions) == 3
        # The era without sessions is not held up by them.
        await ask(client, "anna", replies, MODERN)
        assert replies[-1].status_code == 200
        closing = {"Mcp-Session-Id": "s1", "who": "anna"}
        assert (await client.delete("/mcp", headers=closing)).status_code == 200
        await ask(client, "anna", replies, {})
        assert replies[-1].status_code == 200


async def test_what_runs_is_finished_and_what_is_new_is_refused() -> None:
    work, served = Work(), list[httpx.Response]()
    traffic = Traffic(work, FEW)
    async with asking(traffic) as (client, group):
        group.start_soon(ask, client, "anna", served)
        await work.have_begun(1)
        group.start_soon(traffic.finish)
        while not traffic.is_stopping:
            await anyio.lowlevel.checkpoint()
        new: list[httpx.Response] = []
        await ask(client, "olga", new)
        assert new[0].status_code == 503
        assert "is being stopped" in new[0].json()["error"]["message"]
        assert work.begun == 1
        work.go_on.set()
    assert [reply.text for reply in served] == ["done"]


async def test_streams_that_only_listen_hold_nothing_up_and_end_whole() -> None:
    work, served = Work(begins_at_once=True), list[httpx.Response]()
    traffic = Traffic(work, FEW)
    async with asking(traffic) as (client, group):
        group.start_soon(ask, client, "anna", served, LISTENS)
        await work.have_begun(1)
        with anyio.fail_after(10):
            await traffic.finish()
    assert [(reply.status_code, reply.text) for reply in served] == [(200, ": ping\r\n\r\n")]


@pytest.mark.parametrize("begun", [False, True], ids=["not answered", "in its stream"])
async def test_whoever_is_cut_off_is_told_that_it_may_have_been_done(*, begun: bool) -> None:
    work, served = Work(begins_at_once=begun), list[httpx.Response]()
    traffic = Traffic(work, FEW)
    async with asking(traffic) as (client, group):
        group.start_soon(ask, client, "anna", served)
        await work.have_begun(1)
        await traffic.finish(seconds=0)
    text = served[0].text
    if begun:
        text = next(line[5:] for line in text.splitlines() if line.startswith("data:"))
    told = json.loads(text)
    assert told["id"] == CALL["id"]
    assert "may have been done" in told["error"]["message"]
    assert served[0].status_code == (200 if begun else 503)


async def test_whoever_cannot_wait_ends_it_at_once() -> None:
    work, served = Work(), list[httpx.Response]()
    traffic = Traffic(work, FEW)
    async with asking(traffic) as (client, group):
        group.start_soon(ask, client, "anna", served)
        await work.have_begun(1)
        with anyio.fail_after(10):
            await traffic.finish(lambda: True)
    assert served[0].status_code == 503


async def test_what_is_no_request_passes() -> None:
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["type"])

    async def nothing() -> Message:
        raise AssertionError

    async def nowhere(message: Message) -> None:
        raise AssertionError

    await Traffic(app)({"type": "lifespan"}, nothing, nowhere)
    assert seen == ["lifespan"]
