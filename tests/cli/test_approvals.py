"""``sms-tools approvals`` as a person uses it: at a terminal, with a browser, beside a server."""

import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from .conftest import Run, environment_of
from .test_serving import _INITIALIZE, _INITIALIZED, call, started

BOUND = 60.0
PATH = "/sms-tools"


@dataclass
class Terminal:
    """One command at a pseudo-terminal."""

    process: "subprocess.Popen[bytes]"
    ours: int
    seen: str = ""

    def read_until(self, pattern: str) -> "re.Match[str]":
        """Read until *pattern* has been written."""
        end = time.monotonic() + BOUND
        while (found := re.search(pattern, self.seen)) is None:
            assert time.monotonic() < end, self.seen
            assert self._read() is not None, self.seen
        return found

    def type(self, line: str) -> None:
        os.write(self.ours, f"{line}\n".encode())

    def end(self) -> int:
        """Read to the end; gives the exit status."""
        while self._read() is not None:
            pass
        return self.process.wait(BOUND)

    def _read(self) -> str | None:
        ready, _, _ = select.select([self.ours], [], [], BOUND)
        if not ready:
            return None
        try:
            part = os.read(self.ours, 65_536).decode(errors="replace")
        except OSError:  # the other side is gone
            return None
        self.seen += part
        return part or None


@contextmanager
def terminal(state: Path, *arguments: str, **more: str) -> Iterator[Terminal]:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(  # noqa: S603 (our own command)
        [sys.executable, "-m", "sms_tools", *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={"TERM": "dumb", "COLUMNS": "200", **environment_of(state, **more)},
    )
    os.close(theirs)
    try:
        yield Terminal(process, ours)
    finally:
        process.kill()
        process.wait()
        os.close(ours)


@dataclass
class Browser:
    """A browser: keeps cookies for a host and a path, whatever the port."""

    client: httpx.Client = field(default_factory=lambda: httpx.Client(trust_env=False, timeout=30))

    def answer(self, url: str, **fields: str) -> httpx.Response:
        """Load a page and send its form."""
        page = self.client.get(url)
        seal = re.search(r'name="seal" value="([^"]+)"', page.text)
        assert seal, page.text
        origin = url.partition(PATH)[0]
        headers = {"Origin": origin, "Sec-Fetch-Site": "same-origin"}
        return self.client.post(url, data={"seal": seal[1], **fields}, headers=headers)


@pytest.fixture
def browser() -> Iterator[Browser]:
    browser = Browser()
    with browser.client:
        yield browser


def held_call(server: "subprocess.Popen[str]", number: int = 5) -> dict[str, Any]:
    """The result of a call that waits for a person."""
    import json

    assert server.stdin
    assert server.stdout
    for message in (_INITIALIZE, _INITIALIZED, call(number, "sign_privacy_agreement")):
        server.stdin.write(json.dumps(message) + "\n")
        server.stdin.flush()
    while True:
        line = json.loads(server.stdout.readline())
        if line.get("id") == number:
            found: dict[str, Any] = line["result"]["structuredContent"]
            return found


def test_a_browser_that_was_paired_at_a_terminal_says_yes_on_the_page_of_the_sandbox(
    state: Path, browser: Browser, run: Run
) -> None:
    with started(state, "serve", "--sandbox") as server:
        held = held_call(server)
        yes = {"answer": "approve", "typed": held["preview"]["must_be_typed"]}
        refused = browser.answer(held["approval_url"], **yes)
        assert refused.status_code == 403
        assert "This browser is not paired" in refused.text
        with terminal(state, "approvals", "pair") as at:
            address = at.read_until(r"http://127\.0\.0\.1:\d+/sms-tools/pair/\S+")[0]
            assert browser.answer(address).status_code == 200
            assert at.end() == 0
            assert "The browser is paired." in at.seen
        assert browser.answer(held["approval_url"], **yes).status_code == 303
        again = held_call(server, 6)
        assert again["status"] == "done"
    assert "1 browser unpaired" in run("approvals", "unpair").stdout
    assert "No browser was paired" in run("approvals", "unpair").stdout


def test_the_address_for_pairing_stands_in_no_process_list(state: Path, browser: Browser) -> None:
    """The browser is started with a file of this user's; what leads on stands in that."""
    shown = f"{sys.executable} -c 'import sys; print(\"opens\", sys.argv[1], flush=True)' %s"
    with terminal(state, "approvals", "pair", "--open", BROWSER=shown) as at:
        file = Path(at.read_until(r"opens file://(\S+)")[1])
        assert file.stat().st_mode & 0o777 == 0o600
        assert file.is_relative_to(state)
        at.read_until("Opened in your browser")
        address = re.search(r"url=(http://\S+?)\"", file.read_text())
        assert address
        assert address[1] not in at.seen
        assert browser.answer(address[1]).status_code == 200
        assert at.end() == 0
        assert not file.exists()


def test_without_a_terminal_nothing_is_paired(run: Run) -> None:
    said = run("approvals", "pair", text="\n")
    assert said.returncode == 2
    assert "http://" not in said.stdout
    assert "Pairing needs a person at a terminal" in said.stdout


def test_the_command_in_a_result_works_as_it_stands_in_any_shell(state: Path) -> None:
    with started(state, "serve", "--sandbox") as server:
        held = held_call(server)
        command = held["approval_command"]
        assert f"`{command}`" in held["summary"]
        assert held["summary"].index(command) < held["summary"].index(held["approval_url"])
        shown = subprocess.run(  # noqa: S603 (our own command)
            ["/bin/sh", "-c", command.replace(" approve ", " show ")],
            env={"HOME": str(state)},
            cwd="/",
            capture_output=True,
            text=True,
            timeout=BOUND,
            check=False,
        )
    assert shown.returncode == 0, shown.stderr
    assert "Status: pending" in shown.stdout


def test_a_person_approves_with_the_command_at_a_terminal(state: Path) -> None:
    with started(state, "serve", "--sandbox") as server:
        held = held_call(server)
        with terminal(state, "approvals", "--sandbox", "approve", held["approval_id"]) as at:
            at.read_until("To approve, type")
            at.type(held["preview"]["must_be_typed"])
            assert at.end() == 0
        assert held_call(server, 6)["status"] == "done"


def test_call_asks_the_person_who_typed_it(state: Path) -> None:
    with terminal(state, "call", "--sandbox", "sign_privacy_agreement") as at:
        typed = at.read_until(r"To agree, type: (\S+)")[1]
        at.read_until("> ")
        at.type(typed)
        assert at.end() == 0
    assert '"status": "done"' in at.seen


def test_call_takes_enter_alone_for_a_no_and_says_how_to_change_ones_mind(state: Path) -> None:
    with terminal(state, "call", "--sandbox", "sign_privacy_agreement") as at:
        at.read_until("> ")
        at.type("")
        assert at.end() == 1
    assert '"status": "declined"' in at.seen
    assert '"approval_url": null' in at.seen
    command = re.search(r'"approval_command": "(.+)"', at.seen)
    assert command
    number = re.search(r"approve (\S+)", command[1])
    assert number
    with terminal(state, "approvals", "--sandbox", "approve", number[1]) as at:
        typed = at.read_until(r"To approve, type (\S+):")[1]
        at.type(typed)
        assert at.end() == 0
    with terminal(state, "call", "--sandbox", "sign_privacy_agreement") as at:
        assert at.end() == 0
    assert '"status": "done"' in at.seen
