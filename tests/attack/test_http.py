"""Neighbours on the same machine who reach the server's port, over real HTTP."""

import re
import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests import modern
from tests.cli.conftest import Run, environment_of, run, state

__all__ = ["run", "state"]

PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
ACCEPT = {"Accept": "application/json, text/event-stream"}


@contextmanager
def serving(
    state: Path, *more: str, descriptors: int | None = None, **environment: str
) -> Iterator[tuple[str, list[str]]]:
    """A server on the sandbox over HTTP: its address, and all the lines that it said so far."""

    def limited() -> None:
        if descriptors is not None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))

    with subprocess.Popen(  # noqa: S603 (our own command)
        [sys.executable, "-m", "sms_tools", "serve", "--sandbox", "--http", "--port", "0", *more],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=environment_of(state, **environment),
        preexec_fn=limited,
    ) as process:
        try:
            assert process.stderr
            lines = [process.stderr.readline(), process.stderr.readline()]
            found = re.search(r"http://\S+/mcp", lines[0])
            assert found, lines
            yield found[0], lines
        finally:
            process.terminate()
            process.communicate()


def client() -> httpx.Client:
    return httpx.Client(headers=ACCEPT, timeout=30, trust_env=False)


def token_of(state: Path) -> str:
    return (state / "sandbox" / "http-token").read_text(encoding="ascii").strip()


def test_without_the_token_nobody_comes_in_and_reads_what_is_missing(state: Path) -> None:
    with serving(state) as (url, _), client() as neighbour:
        token = token_of(state)
        wrong = ["", "Bearer", f"Basic {token}", "Bearer guessed", f"Bearer {token}x"]
        for header in [None, *wrong, f"Bearer {token[:-1]}", f"Bearer {token} {token}", token]:
            headers = {"Authorization": header} if header is not None else {}
            for method in ("POST", "GET", "DELETE", "OPTIONS"):
                reply = neighbour.request(method, url, json=PING, headers=headers)
                assert reply.status_code == 401
                assert reply.headers["www-authenticate"].startswith("Bearer")
                assert "Authorization: Bearer TOKEN" in reply.json()["error_description"]
                assert token not in reply.text
        assert neighbour.get(f"{url}/../").status_code == 401


def test_the_token_is_shown_once_and_later_starts_name_the_file(state: Path) -> None:
    file = state / "sandbox" / "http-token"
    with serving(state) as (_, first):
        token = token_of(state)
        assert token in first[1]
        assert file.stat().st_mode & 0o777 == 0o600
    with serving(state) as (url, second), client() as known:
        assert token_of(state) == token
        assert token not in "".join(second)
        assert str(file) in second[1]
        headers = {"Authorization": f"Bearer {token}"}
        assert known.post(url, json=PING, headers=headers).status_code != 401


def test_a_token_of_the_environment_is_used_and_no_file_is_written(state: Path) -> None:
    token = "a-long-text-of-the-owners"
    with serving(state, SMS_TOOLS_HTTP_TOKEN=token) as (url, said), client() as known:
        assert not (state / "sandbox" / "http-token").exists()
        assert token not in "".join(said)
        assert known.post(url, json=PING).status_code == 401
        headers = {"Authorization": f"Bearer {token}"}
        assert known.post(url, json=PING, headers=headers).status_code != 401


def test_without_login_is_said_aloud_what_is_open(state: Path) -> None:
    with serving(state, "--no-auth") as (url, said), client() as anybody:
        assert "WARNING: --no-auth" in said[1]
        assert anybody.post(url, json=PING).status_code != 401


@pytest.mark.parametrize("token", ["short", "x" * 20 + "\t", "ключ-ключ-ключ-ключ"])
def test_a_token_that_is_none_starts_nothing(run: Run, token: str) -> None:
    said = run("serve", "--sandbox", "--http", "--port", "0", SMS_TOOLS_HTTP_TOKEN=token)
    assert said.returncode == 1
    assert "the HTTP token" in said.stderr
    assert token not in said.stderr
    assert "Traceback" not in said.stderr


def test_a_token_file_that_leads_elsewhere_is_not_followed(run: Run, state: Path) -> None:
    (state / "sandbox").mkdir(parents=True, mode=0o700)
    (state / "elsewhere").write_text("a-token-that-somebody-else-knows")
    (state / "sandbox" / "http-token").symlink_to(state / "elsewhere")
    said = run("serve", "--sandbox", "--http", "--port", "0")
    assert said.returncode == 1
    assert "cannot be read" in said.stderr


@pytest.mark.parametrize("port", ["80000", "-1", "http"])
def test_a_port_that_is_none_is_one_line(run: Run, port: str) -> None:
    said = run("serve", "--sandbox", "--http", "--port", port)
    assert said.returncode == 2
    assert "Traceback" not in said.stderr
    assert port in said.stderr.splitlines()[-1]


def test_a_port_in_use_is_said_in_a_line(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        said = run("serve", "--sandbox", "--http", "--port", port)
    assert said.returncode == 1
    assert f"port {port} on 127.0.0.1 cannot be used" in said.stderr
    assert len(said.stderr.splitlines()) == 2


def test_half_open_connections_leave_the_tools_their_descriptors(state: Path) -> None:
    token = "a-long-text-of-the-owners"
    with (
        serving(state, descriptors=128, SMS_TOOLS_HTTP_TOKEN=token) as (url, _),
        ExitStack() as stack,
    ):
        there = urlsplit(url)
        for _ in range(400):
            stack.enter_context(socket.create_connection((there.hostname, there.port), 30))
        with client() as known:
            reply = known.post(url, **modern.call("sign_privacy_agreement", token))
        assert "approval_required" in reply.text, reply.text
