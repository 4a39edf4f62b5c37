"""Odd consoles and odd machines: a line that says what is wrong, never a traceback."""

import argparse
import json
import socket

import pytest

from sms_tools.cli import DEBUG, main

from .conftest import Run


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("check",), 1),
        (("call", "--sandbox", "diagnose_server", '{"server": "订单-01"}'), 0),
        (("call", "--sandbox", "list_source_servers", '{"limit": 1}'), 0),
        (("approvals",), 0),
        (("tools",), 0),
        (("setup", "codex"), 0),
        (("--help",), 0),
    ],
)
def test_a_console_that_cannot_show_a_character_shows_its_escape(
    run: Run, encoding: str, arguments: tuple[str, ...], status: int
) -> None:
    said = run(*arguments, PYTHONIOENCODING=encoding)
    assert said.returncode == status, said.stderr
    assert "Traceback" not in said.stderr
    assert "UnicodeEncodeError" not in said.stderr


@pytest.mark.parametrize("command", ["sandbox", "serve"])
@pytest.mark.parametrize("port", ["80000", "-1"])
def test_a_port_that_cannot_be_is_named(run: Run, command: str, port: str) -> None:
    more = ("--sandbox", "--http") if command == "serve" else ()
    said = run(command, *more, "--port", port)
    assert said.returncode == 2
    assert "argument --port" in said.stderr


def test_a_port_in_use_is_one_line(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = str(taken.getsockname()[1])
        said = run("sandbox", "--port", number)
    assert said.returncode == 1
    assert f"port {number} cannot be used" in said.stderr
    assert "Traceback" not in said.stderr


def test_what_nobody_foresaw_is_a_line_and_its_trace_is_to_be_had(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(options: argparse.Namespace) -> int:
        raise ExceptionGroup("all", [ZeroDivisionError("a defect")])

    monkeypatch.setattr("sms_tools.cli.tools.run", broken)
    monkeypatch.delenv(DEBUG, raising=False)
    assert main(["tools"]) == 1
    said = capsys.readouterr().err
    assert "sms-tools tools: ZeroDivisionError: a defect" in said
    assert "Traceback" not in said
    monkeypatch.setenv(DEBUG, "1")
    with pytest.raises(ExceptionGroup):
        main(["tools"])


def test_the_version_is_said_and_as_json_with_what_it_runs_on(run: Run) -> None:
    assert run("--version").stdout.startswith("sms-tools ")
    versions = json.loads(run("--version", "--json").stdout)
    assert {"python", "mcp", "httpx", "pydantic", "starlette", "uvicorn"} <= set(versions)
    assert all(versions.values())


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_every_command(run: Run, shell: str) -> None:
    from sms_tools.cli import COMMANDS

    said = run("completion", shell)
    assert said.returncode == 0, said.stderr
    for command in COMMANDS:
        assert command in said.stdout
    assert "--read-only" in said.stdout
