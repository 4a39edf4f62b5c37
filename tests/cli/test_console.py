"""Odd consoles and odd machines: a line that says what is wrong, never a traceback."""

import json
from pathlib import Path

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


def test_keys_are_read_from_the_official_sdks_file(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "credentials"
    file.write_text("[global]\nak = EXAMPLE-ACCESS-KEY\nsk = example-secret-key\n")
    file.chmod(0o644)
    where = {"HUAWEICLOUD_SDK_CREDENTIALS_FILE": str(file)}
    # Nothing listens there: the keys are understood, the service is not reached.
    said = run("check", **where, SMS_TOOLS_ENDPOINT="http://127.0.0.1:9")
    assert "credentials: an access key pair" in said.stdout
    assert "chmod 600" in said.stdout
    assert "example-secret-key" not in said.stdout + said.stderr


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (None, "cannot be read"),
        ("ak = x", "not an ini file"),
        ("[global]\nak = x\n", "without a key pair"),
        ("[global]\nak = a b\nsk = c\n", "other characters"),
    ],
)
def test_a_credentials_file_of_no_use_is_named(
    run: Run, tmp_path: Path, text: str | None, fault: str
) -> None:
    file = tmp_path / "credentials"
    if text is not None:
        file.write_text(text)
    said = run("check", HUAWEICLOUD_SDK_CREDENTIALS_FILE=str(file))
    assert said.returncode == 1
    assert "HUAWEICLOUD_SDK_CREDENTIALS_FILE" in said.stdout
    assert fault in said.stdout
