"""Odd consoles and odd machines: a line that says what is wrong, never a traceback."""

import json

import pytest

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


def test_a_defect_is_one_line_and_its_trace_is_to_be_had(run: Run) -> None:
    held = ("sandbox", "--port", "-1")
    said = run(*held)
    assert said.returncode in (1, 2)
    assert "Traceback" not in said.stderr
    assert said.stderr.strip()


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
