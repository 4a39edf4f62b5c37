"""The sandbox behind a service that spoils the replies of some operations on their way."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from sms_tools.operations import route
from sms_tools.sandbox import ManualClock, Sandbox, open_sandbox

Spoil = Callable[[bytes], bytes | httpx.Response]
"""What becomes of a body that was a success."""


def refused(_: bytes) -> httpx.Response:
    return httpx.Response(400, json={"error_code": "SMS.9001", "error_msg": "Internal error"})


def body(text: bytes) -> Spoil:
    """Another body under the same 200."""

    def spoil(_: bytes) -> bytes:
        return text

    spoil.__name__ = ascii(text)[:40]
    return spoil


UNREADABLE: tuple[Spoil, ...] = (
    refused,
    *map(body, (b"", b"[1, 2]", b"null", b"<html>Please log in</html>")),
    body(b'{"error_code": "SMS.9001", "error_msg": "Internal error"}'),
)
"""Of these nothing can be read, whichever operation they answer."""


def records(change: Callable[[list[Any]], list[Any]]) -> Spoil:
    """Change the records of a page; what is no page stays as it is."""

    def spoil(text: bytes) -> bytes:
        payload = json.loads(text) if text else None
        if not isinstance(payload, dict) or "count" not in payload:
            return text
        key = next((name for name, value in payload.items() if isinstance(value, list)), "")
        return json.dumps({**payload, key: change(payload[key])}).encode() if key else text

    spoil.__name__ = change.__name__
    return spoil


def without_ids(rows: list[Any]) -> list[Any]:
    return [{**row, "id": None, "source_id": None} for row in rows]


def one_without_id(rows: list[Any]) -> list[Any]:
    return [*({**row, "id": "", "source_id": ""} for row in rows[:1]), *rows[1:]]


def without_half(rows: list[Any]) -> list[Any]:
    return rows[: len(rows) // 2]


PARTLY: tuple[Spoil, ...] = tuple(map(records, (without_ids, one_without_id, without_half)))
"""Of these some records cannot be told."""


@dataclass
class Spoiling(httpx.AsyncBaseTransport):
    """A sandbox, and what was asked of it and spoilt."""

    how: Mapping[str, Spoil] = field(default_factory=dict)
    """By the operation's name."""
    scenario: str = "mixed"
    servers: int | None = None
    clock: ManualClock = field(default_factory=ManualClock)
    asked: list[str] = field(default_factory=list)
    spoilt: set[str] = field(default_factory=set)
    """Operations whose reply did not arrive as it was."""
    sandbox: Sandbox = field(init=False)

    def __post_init__(self) -> None:
        self.sandbox = open_sandbox(self.scenario, self.servers, clock=self.clock, speed=1)
        self._inner = self.sandbox.transport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._inner.handle_async_request(request)
        text = await response.aread()
        found = route(request.method, request.url.path)
        name = found[0].__spec__.name if found else request.url.path
        self.asked.append(name)
        if response.status_code == 200 and name in self.how:
            arrived = self.how[name](text)
            if arrived != text:
                self.spoilt.add(name)
            if isinstance(arrived, httpx.Response):
                return arrived
            text = arrived
        return httpx.Response(response.status_code, content=text)
