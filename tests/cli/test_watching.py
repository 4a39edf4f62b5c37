"""The answers at a terminal, and the watch, as a person or a script runs them."""

import hashlib
import hmac
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from queue import Queue
from typing import Any

import pytest

from .conftest import Run, environment_of

SECRET = "example-webhook-secret"


@pytest.mark.parametrize("command", ["status", "failures", "readiness"])
def test_a_fleet_with_trouble_ends_with_three_and_says_what_it_read(run: Run, command: str) -> None:
    shown = run(command, "--sandbox")
    assert shown.returncode == 3, shown.stderr
    assert "Read at " in shown.stdout
    assert "\x1b[" not in shown.stdout, "no colour where there is no terminal"
    as_json = run(command, "--sandbox", "--json")
    assert as_json.returncode == 3
    answer = json.loads(as_json.stdout)
    assert answer["summary"]
    assert answer["observed_at"]


def test_a_healthy_fleet_ends_with_zero(run: Run) -> None:
    assert run("status", "--sandbox", "--scenario", "healthy").returncode == 0
    assert run("failures", "--sandbox", "--scenario", "healthy").returncode == 0


def test_nothing_read_ends_with_one_and_one_line(run: Run) -> None:
    shown = run("status")
    assert shown.returncode == 1
    assert "Traceback" not in shown.stderr
    assert shown.stdout == ""


def test_failures_show_whole_steps_and_who_acts(run: Run) -> None:
    shown = " ".join(run("failures", "--sandbox", COLUMNS="120").stdout.split())
    assert "SMS.0515" in shown
    assert "who acts" in shown


@pytest.mark.parametrize("form", ["md", "csv", "html"])
def test_a_report_is_written_to_a_new_file_and_never_over_one(
    run: Run, tmp_path: Path, form: str
) -> None:
    out = tmp_path / f"readiness.{form}"
    written = run("report", "readiness", "--sandbox", "--format", form, "--out", str(out))
    assert written.returncode == 0, written.stderr
    assert "web-03" in out.read_text("utf-8")
    assert written.stdout == ""
    again = run("report", "readiness", "--sandbox", "--format", form, "--out", str(out))
    assert again.returncode == 1
    assert "is not replaced" in again.stderr


def test_a_report_has_the_form_that_its_file_is_called_by(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "readiness.html"
    assert run("report", "readiness", "--sandbox", "--out", str(out)).returncode in (0, 3)
    assert out.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert "<svg" in out.read_text(encoding="utf-8")


def test_a_report_without_a_file_stands_on_standard_output(run: Run) -> None:
    shown = run("report", "failures", "--sandbox")
    assert shown.returncode == 0, shown.stderr
    assert "SMS.3802" in shown.stdout
    assert run("report", "weather").returncode == 2


@pytest.mark.parametrize(
    "options",
    [
        ("--every", "0s"),
        ("--every", "25h"),
        ("--every", "soon"),
        ("--until", "06:00"),
        ("--until", "26:00+08:00"),
    ],
)
def test_a_span_or_time_that_is_none_is_refused_with_an_example(
    run: Run, options: tuple[str, str]
) -> None:
    refused = run("watch", "--sandbox", *options)
    assert refused.returncode == 2
    assert "Traceback" not in refused.stderr
    assert options[1] in refused.stderr


def test_a_webhook_in_clear_is_refused_without_repeating_it(run: Run) -> None:
    refused = run("watch", "--sandbox", "--webhook", "http://hook.example/secret-path")
    assert refused.returncode == 1
    assert "secret-path" not in refused.stderr


@pytest.fixture
def receiver() -> Iterator["Receiver"]:
    """A webhook on loopback, and what arrives there."""
    got: Queue[tuple[bytes, str]] = Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.put((body, self.headers["X-Sms-Tools-Signature"] or ""))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Nobody reads it."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hook", got
    server.shutdown()
    thread.join(timeout=10)
    server.server_close()


Receiver = tuple[str, "Queue[tuple[bytes, str]]"]


def watching(state: Path, receiver: Receiver, *command: str) -> "tuple[dict[str, Any], str, int]":
    """The first signed message of a process that watches, what it wrote, and its exit status."""
    address, got = receiver
    more = {"SMS_TOOLS_WEBHOOK": address, "SMS_TOOLS_WEBHOOK_SECRET": SECRET}
    with subprocess.Popen(  # noqa: S603 (our own command)
        [sys.executable, "-m", "sms_tools", *command, "--sandbox", "--speed", "3600"],
        env=environment_of(state, **more),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            body, signature = got.get(timeout=60)
            if command[0] == "watch":
                process.terminate()
            said, _ = process.communicate(timeout=20)  # a server's client goes away: it ends
        finally:
            process.kill()
    assert signature == "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert SECRET not in body.decode()
    return json.loads(body), said, process.returncode


def test_a_watch_sends_what_changed_signed_and_one_message_a_reading(
    receiver: Receiver, state: Path
) -> None:
    message, *_ = watching(state, receiver, "watch", "--every", "1s")
    assert message["account"].startswith("sandbox")
    assert message["notices"] or message["incomplete"]


def test_a_server_with_watch_sends_what_changed_while_it_serves(
    receiver: Receiver, state: Path
) -> None:
    message, said, status = watching(state, receiver, "serve", "--watch", "1s")
    assert status == 0
    assert said == "", "standard output is the protocol's"
    assert message["notices"]
