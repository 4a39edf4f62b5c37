"""Slow, many and large requests, over real sockets: the server stands, and says why it refuses."""

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from sms_tools.listening import BoundedBody, server_of
from sms_tools.loopback import listen

BOUND = 30.0
"""Seconds within which everything here is over, or the test fails."""


async def echo(request: Request) -> Response:
    return PlainTextResponse(await request.body())


def refused(status: int, words: str) -> Response:
    return PlainTextResponse(words, status_code=status)


@contextmanager
def served(*, body_seconds: float = BOUND, **settings: Any) -> Iterator[tuple[str, int]]:
    """An echo that reads at most 100 bytes."""
    app = Starlette(routes=[Route("/", echo, methods=["GET", "POST"])])
    server = server_of(
        BoundedBody(app, 100, refused, body_seconds), log_config=None, lifespan="off", **settings
    )
    listener = listen()
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield "127.0.0.1", listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(BOUND)
        assert not thread.is_alive()


def said_to(connection: socket.socket) -> str:
    """All that the server says until it closes the connection."""
    said = b""
    while part := connection.recv(65_536):
        said += part
    return said.decode()


@pytest.mark.parametrize("begun", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: x\r\nA: "])
def test_a_connection_that_sends_no_whole_header_is_ended(begun: bytes) -> None:
    with (
        served(connections=8, header_seconds=0.1) as there,
        socket.create_connection(there, BOUND) as slow,
    ):
        slow.sendall(begun)
        assert said_to(slow).startswith("HTTP/1.1 408 ")


def test_a_second_request_on_a_connection_has_the_same_time_limit() -> None:
    with (
        served(connections=8, header_seconds=0.1, timeout_keep_alive=60) as there,
        socket.create_connection(there, BOUND) as slow,
    ):
        slow.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\nA: ")
        said = said_to(slow)
    assert said.startswith("HTTP/1.1 200 ")
    assert "HTTP/1.1 408 " in said


def test_where_all_connections_work_one_more_is_turned_away_with_a_sentence() -> None:
    begun = (
        b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n"
        b"Expect: 100-continue\r\n\r\na"
    )
    with served(connections=4, header_seconds=BOUND) as there, ExitStack() as stack:
        held = [stack.enter_context(socket.create_connection(there, BOUND)) for _ in range(4)]
        for connection in held:
            connection.sendall(begun)
            assert connection.recv(100).startswith(b"HTTP/1.1 100 ")  # it is being served
        with httpx.Client(trust_env=False, timeout=BOUND) as client:
            refusal = client.get(f"http://{there[0]}:{there[1]}/")
        assert refusal.status_code == 503
        assert refusal.text == "Too many connections are open. Try again.\n"
        held[0].sendall(b"b")
        assert said_to(held[0]).endswith("ab")


def test_a_connection_that_only_waits_gives_way_to_a_request() -> None:
    with served(connections=4, header_seconds=BOUND) as there, ExitStack() as stack:
        held = [stack.enter_context(socket.create_connection(there, BOUND)) for _ in range(40)]
        with httpx.Client(trust_env=False, timeout=BOUND) as client:
            assert client.get(f"http://{there[0]}:{there[1]}/").status_code == 200
        assert said_to(held[0]).startswith("HTTP/1.1 503 ")


def test_whoever_comes_after_the_slow_ones_is_served() -> None:
    with served(connections=4, header_seconds=0.1) as there, ExitStack() as stack:
        for connection in [
            stack.enter_context(socket.create_connection(there, BOUND)) for _ in range(20)
        ]:
            said_to(connection)
        with httpx.Client(trust_env=False, timeout=BOUND) as client:
            assert client.get(f"http://{there[0]}:{there[1]}/").status_code == 200


def test_a_body_that_does_not_end_is_refused() -> None:
    with (
        served(connections=8, body_seconds=0.1) as there,
        socket.create_connection(there, BOUND) as slow,
    ):
        slow.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nbegun")
        said = said_to(slow)
    assert said.startswith("HTTP/1.1 408 ")
    assert "took too long" in said


def test_a_body_that_is_too_large_is_refused_and_one_that_fits_is_read() -> None:
    with (
        served(connections=8) as there,
        httpx.Client(trust_env=False, timeout=BOUND) as client,
    ):
        address = f"http://{there[0]}:{there[1]}/"
        assert client.post(address, content=b"x" * 100).text == "x" * 100
        reply = client.post(address, content=b"x" * 101)
        assert reply.status_code == 413
        assert reply.text == "The request is too large: at most 100 bytes are read."
