"""The client: what is sent, what is repeated, and how failures look to a caller."""

import json
import logging
import socket
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import anyio
import httpx
import pytest

from sms_tools import errors
from sms_tools.api import Answer, Api, Exchange
from sms_tools.operation import Kind, Operation, Reply
from sms_tools.operations import CATALOGUE
from sms_tools.operations.projects import (
    DeleteMigrationProject,
    GetMigrationProject,
    ListMigrationProjects,
    MigrationProject,
    SetDefaultMigrationProject,
)
from sms_tools.settings import Settings

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
READ = GetMigrationProject(mig_project_id="p-1")
WRITE = SetDefaultMigrationProject(mig_project_id="p-1")
DESTROY = DeleteMigrationProject(mig_project_id="p-1")
SECRET = CATALOGUE["calculate_sha256"].model_validate({"key": "example-key"})


class PollCommand(
    Operation[Reply],
    method="GET",
    path="/v3/sources/{server_id}/command",
    kind=Kind.AGENT,
    section="0",
):
    """A read by its method that may take something away from the Agent."""

    server_id: str


AGENT = PollCommand(server_id="s-1")

Reaction = httpx.Response | Exception
Handler = Callable[[httpx.Request], httpx.Response]


class Script:
    """A far end that reacts as told, call after call; the last reaction stays."""

    def __init__(self, *reactions: Reaction) -> None:
        self.reactions = list(reactions)
        self.seen: list[httpx.Request] = []
        self.pauses: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        index = min(len(self.seen), len(self.reactions)) - 1
        reaction = self.reactions[index]
        if isinstance(reaction, Exception):
            raise reaction
        return reaction

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)

    def api(self, **options: Any) -> Api:
        return Api(
            Settings.for_sandbox("http://127.0.0.1:9"),
            transport=httpx.MockTransport(self),
            clock=lambda: NOW,
            sleep=self.pause,
            jitter=lambda: 0.5,
            **options,
        )


def ok(payload: Any = None) -> httpx.Response:
    return httpx.Response(200, json={"id": "p-1"} if payload is None else payload)


def refusal(status: int, code: str = "SMS.1", **headers: str) -> httpx.Response:
    body = {"error_code": code, "error_msg": "No."}
    return httpx.Response(status, json=body, headers=headers)


async def test_a_call_gives_the_operations_reply() -> None:
    script = Script(ok({"id": "p-1", "name": "wave 1", "new_field": 1}))
    async with script.api() as api:
        project = await api(READ)
    assert isinstance(project, MigrationProject)
    assert project.name == "wave 1"
    assert project.model_extra == {"new_field": 1}
    (request,) = script.seen
    assert (request.method, str(request.url)) == ("GET", "http://127.0.0.1:9/v3/migprojects/p-1")
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["User-Agent"].startswith("sms-tools/")


async def test_an_answer_is_the_reply_as_it_came() -> None:
    headers = {"X-Request-Id": "r-1", "Date": "Sun, 01 Mar 2026 11:59:00 GMT"}
    script = Script(httpx.Response(200, content=b'{"id": 7}', headers=headers))
    async with script.api() as api:
        answer = await api.send(READ)
    assert answer == Answer({"id": 7}, 200, "r-1", NOW, datetime(2026, 3, 1, 11, 59, tzinfo=UTC))


async def test_an_empty_reply_is_an_answer_too() -> None:
    async with Script(httpx.Response(204)).api() as api:
        assert (await api.send(DESTROY)).payload is None
        assert (await api(DESTROY)).model_dump() == {}


async def test_a_query_is_sent_as_it_is_signed() -> None:
    script = Script(ok({"count": 0}))
    async with script.api() as api:
        await api(ListMigrationProjects(limit=5, offset=10))
    assert script.seen[0].url.raw_path == b"/v3/migprojects?limit=5&offset=10"


async def test_a_refusal_is_raised_as_its_error() -> None:
    async with Script(refusal(400, "SMS.7703", **{"X-Request-Id": "r-9"})).api() as api:
        with pytest.raises(errors.NotFound) as caught:
            await api(READ)
    assert caught.value.operation == "get_migration_project"
    assert caught.value.request_id == "r-9"


async def test_a_redirection_is_not_followed() -> None:
    script = Script(httpx.Response(302, headers={"Location": "https://elsewhere.example/"}))
    async with script.api() as api:
        with pytest.raises(errors.NotOffered):
            await api(READ)
    assert len(script.seen) == 1


PASSING: list[Reaction] = [
    refusal(429),
    refusal(500),
    refusal(502),
    refusal(503),
    refusal(504),
    httpx.ConnectError("refused"),
    httpx.ReadTimeout("slow"),
    httpx.ReadError("cut"),
    httpx.RemoteProtocolError("cut"),
    httpx.Response(200, content=b'{"id": "p-'),
]


@pytest.mark.parametrize("reaction", PASSING)
async def test_a_read_is_repeated_after_what_passes(reaction: Reaction) -> None:
    script = Script(reaction, ok())
    async with script.api() as api:
        assert (await api(READ)).id == "p-1"
    assert script.pauses == [0.75]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 501])
async def test_a_read_is_not_repeated_after_what_stays(status: int) -> None:
    script = Script(refusal(status), ok())
    async with script.api() as api:
        with pytest.raises(errors.ServiceError):
            await api(READ)
    assert len(script.seen) == 1


async def test_a_read_is_given_up_after_four_attempts() -> None:
    script = Script(refusal(503))
    async with script.api() as api:
        with pytest.raises(errors.ServerFault):
            await api(READ)
        assert api.requests_made == 4
    assert script.pauses == [0.75, 1.5, 3.0]


async def test_the_service_says_how_long_to_wait() -> None:
    script = Script(refusal(429, **{"Retry-After": "7"}), ok())
    async with script.api() as api:
        await api(READ)
    assert script.pauses == [7.5]


async def test_too_long_a_wait_is_left_to_the_caller() -> None:
    script = Script(refusal(429, **{"Retry-After": "3600"}), ok())
    async with script.api() as api:
        with pytest.raises(errors.Throttled, match="429") as caught:
            await api(READ)
    assert caught.value.retry_after == 3600
    assert "3600 seconds" in caught.value.advice
    assert not script.pauses


@pytest.mark.parametrize("reaction", [refusal(429), httpx.ConnectError("refused")])
async def test_a_write_is_repeated_where_it_surely_did_not_arrive(reaction: Reaction) -> None:
    script = Script(reaction, ok())
    async with script.api() as api:
        await api(WRITE)
    assert len(script.seen) == 2


@pytest.mark.parametrize("operation", [WRITE, DESTROY, AGENT, SECRET])
@pytest.mark.parametrize("reaction", [refusal(500), refusal(503), *PASSING[6:]])
async def test_what_may_have_arrived_is_not_repeated(
    operation: Operation[Reply], reaction: Reaction
) -> None:
    script = Script(reaction, ok())
    async with script.api() as api:
        with pytest.raises((errors.ServiceUnreachable, errors.ServerFault)) as caught:
            await api(operation)
    assert len(script.seen) == 1
    assert getattr(caught.value, "outcome_unknown", True)


@pytest.mark.parametrize("operation", [DESTROY, AGENT, SECRET])
@pytest.mark.parametrize("reaction", [refusal(429), httpx.ConnectError("refused")])
async def test_what_a_person_agreed_to_is_sent_once_and_never_later(
    operation: Operation[Reply], reaction: Reaction
) -> None:
    script = Script(reaction, ok())
    async with script.api() as api:
        with pytest.raises(errors.SmsToolsError) as caught:
            await api(operation)
    assert len(script.seen) == 1
    assert not getattr(caught.value, "outcome_unknown", False)


async def test_the_outcome_of_a_read_is_never_in_doubt() -> None:
    async with Script(httpx.ReadError("cut")).api() as api:
        with pytest.raises(errors.ServiceUnreachable) as caught:
            await api(READ)
    assert not caught.value.outcome_unknown


async def test_a_page_of_somebody_else_is_told_from_a_reply() -> None:
    page = httpx.Response(200, html="<html>Please log in</html>")
    async with Script(page).api() as api:
        with pytest.raises(errors.ServiceUnreachable, match=r"not JSON .*text/html"):
            await api(READ)


async def test_a_reply_that_is_too_large_is_not_read_to_its_end() -> None:
    chunks_read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal chunks_read
        while True:
            chunks_read += 1
            yield b"x" * 1000

    script = Script(httpx.Response(200, content=endless()))
    async with script.api(max_reply=5000) as api:
        with pytest.raises(errors.ServerFault, match="larger than 5000 bytes"):
            await api(READ)
    assert chunks_read == 6
    assert len(script.seen) == 1


async def test_exchanges_are_reported_without_secrets() -> None:
    exchanges: list[Exchange] = []
    script = Script(refusal(503), ok(), ok({"value": "x"}), httpx.ReadError("cut"))
    async with script.api(on_request=exchanges.append) as api:
        await api(READ)
        await api(SECRET)
        with pytest.raises(errors.ServiceUnreachable):
            await api(DESTROY)
        assert api.requests_made == 4
    assert [(e.operation, e.attempt, e.status) for e in exchanges] == [
        ("get_migration_project", 1, 503),
        ("get_migration_project", 2, 200),
        ("calculate_sha256", 1, 200),
        ("delete_migration_project", 1, None),
    ]
    assert "example-key" not in repr(exchanges)


async def test_no_log_holds_the_address_of_a_secret(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        async with Script(ok({"value": "x"})).api() as api:
            await api(SECRET)
    assert "example-key" not in caplog.text


async def test_only_so_many_calls_are_on_their_way_at_once() -> None:
    now = most = 0

    async def slow(request: httpx.Request) -> httpx.Response:
        nonlocal now, most
        now += 1
        most = max(most, now)
        for _ in range(3):
            await anyio.lowlevel.checkpoint()
        now -= 1
        return ok()

    transport = httpx.MockTransport(slow)
    async with Api(Settings.for_sandbox(), transport=transport, concurrency=3) as api:
        results = await api.each([READ] * 20)
    assert most == 3
    assert len(results) == 20


async def test_many_calls_give_results_and_errors_in_order() -> None:
    def some_missing(request: httpx.Request) -> httpx.Response:
        name = request.url.path.rpartition("/")[2]
        return refusal(400, "SMS.7301") if name == "p-1" else ok({"id": name})

    transport = httpx.MockTransport(some_missing)
    async with Api(Settings.for_sandbox(), transport=transport) as api:
        first, second, third = await api.each(
            [GetMigrationProject(mig_project_id=f"p-{n}") for n in range(3)]
        )
    assert isinstance(first, MigrationProject)
    assert first.id == "p-0"
    assert isinstance(second, errors.NotFound)
    assert isinstance(third, MigrationProject)


async def test_a_cancelled_call_gives_its_place_back() -> None:
    stuck = anyio.Event()

    async def hang(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/p-1"):
            await stuck.wait()
        return ok()

    transport = httpx.MockTransport(hang)
    other = GetMigrationProject(mig_project_id="p-2")
    async with Api(Settings.for_sandbox(), transport=transport, concurrency=1) as api:
        with anyio.move_on_after(0.01) as scope:
            await api(READ)
        assert scope.cancelled_caught
        assert (await api(other)).id == "p-1"


async def test_an_attempt_ends_at_its_time_limit() -> None:
    async def hang(request: httpx.Request) -> httpx.Response:
        await anyio.sleep_forever()
        raise AssertionError

    transport = httpx.MockTransport(hang)
    async with Api(Settings.for_sandbox(), transport=transport, timeout=0.01) as api:
        with pytest.raises(errors.ServiceUnreachable, match=r"within 0\.01 seconds") as caught:
            await api(DESTROY)
    assert caught.value.outcome_unknown


async def test_a_read_is_not_begun_again_when_its_time_is_over() -> None:
    attempts: list[httpx.Request] = []

    async def hang(request: httpx.Request) -> httpx.Response:
        attempts.append(request)
        await anyio.sleep_forever()
        raise AssertionError

    transport = httpx.MockTransport(hang)
    async with Api(Settings.for_sandbox(), transport=transport, timeout=0.01) as api:
        with pytest.raises(errors.ServiceUnreachable):
            await api(READ)
    assert len(attempts) == 1


async def no_waiting(seconds: float) -> None:
    return None


async def test_nobody_listening_is_reported_as_no_connection() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = Settings.for_sandbox(f"http://127.0.0.1:{port}")
    async with Api(settings, sleep=no_waiting) as api:
        with pytest.raises(errors.ServiceUnreachable, match="no connection") as caught:
            await api(WRITE)
    assert not caught.value.outcome_unknown


async def server(
    replies: list[bytes], connections: list[int], *, task_status: anyio.abc.TaskStatus[int]
) -> None:
    """Answer each request on a connection with the next reply; an incomplete one is a cut."""

    async def serve(stream: anyio.abc.SocketStream) -> None:
        connections.append(1)
        async with stream:
            while replies:
                try:
                    await stream.receive()
                except anyio.EndOfStream:
                    return
                reply = replies.pop(0)
                await stream.send(reply)
                if b"Content-Length: 999" in reply:
                    return

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=0)
    task_status.started(listener.extra(anyio.abc.SocketAttribute.local_port))  # noqa: S610
    async with listener:
        await listener.serve(serve)


def http_reply(body: bytes, length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {size}\r\n\r\n"
    return head.encode() + body


async def test_connections_are_used_again_and_a_cut_reply_is_noticed() -> None:
    body = json.dumps({"id": "p-1"}).encode()
    replies = [http_reply(body), http_reply(body), http_reply(body[:4], 999), http_reply(body)]
    connections: list[int] = []
    async with anyio.create_task_group() as group:
        port = await group.start(server, replies, connections)
        async with Api(Settings.for_sandbox(f"http://127.0.0.1:{port}"), sleep=no_waiting) as api:
            await api(READ)
            await api(READ)
            assert len(connections) == 1
            with pytest.raises(
                errors.ServiceUnreachable, match="before the reply was complete"
            ) as c:
                await api(DESTROY)
            assert c.value.outcome_unknown
            await api(READ)
            assert len(connections) == 2
        group.cancel_scope.cancel()
