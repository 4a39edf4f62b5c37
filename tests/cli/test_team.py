"""A team's server at the command line: what lets it start, tokens, and who approves with one."""

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import Run, environment_of

_OIDC = "oidc:https://id.example.com"
_HERE = ("--public-url", "https://x.example")


def test_a_token_is_shown_once_and_its_line_belongs_into_the_file(run: Run) -> None:
    made = run("token", "anna", "--role", "approver", "--role", "viewer")
    assert made.returncode == 0, made.stderr
    token = made.stderr.rsplit(" ", 1)[1].strip()
    assert token not in made.stdout
    assert '[tokens."anna"]' in made.stdout
    assert 'roles = ["approver", "viewer"]' in made.stdout
    assert run("token", "no name").returncode == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--http", "--host", "192.0.2.1"), "nobody would have to say who they are"),
        (("--http", "--host", "192.0.2.1", "--no-auth"), "nobody would have to say"),
        (("--http", "--host", "192.0.2.1", "--auth", "tokens:FILE"), "--public-url is missing"),
        (("--http", "--auth", _OIDC, "--audience", "a"), "--public-url"),
        (("--http", "--auth", _OIDC, *_HERE), "--audience is missing"),
        (
            ("--http", "--auth", "oidc:http://id.example.com", *_HERE, "--audience", "a"),
            "http:// for a host other",
        ),
        (("--http", "--auth", "tokens:FILE", "--no-auth"), "contradict"),
        (("--http", "--auth", "basic:FILE"), "not understood"),
        (("--http", "--auth", "tokens:/nowhere/tokens.toml"), "cannot be read"),
        (("--http", "--auth", "tokens:FILE", "--public-url", "http://sms.example.com"), "http://"),
        (("--http", "--auth", "tokens:FILE", "--public-url", "https://x.example/path"), "a path"),
        (("--auth", "tokens:FILE"), "is for --http"),
        (_HERE, "is for --http"),
    ],
)
def test_what_would_let_strangers_in_does_not_start(
    run: Run, tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    file = tmp_path / "tokens.toml"
    file.write_text(run("token", "anna").stdout)
    given = [option.replace("FILE", str(file)) for option in options]
    refused = run("serve", "--sandbox", *given)
    assert refused.returncode == 1, refused.stdout
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_freeze_is_begun_told_and_ended(run: Run) -> None:
    begun = run("freeze", "--sandbox", "--reason", "audit week")
    assert begun.returncode == 0, begun.stderr
    assert "audit week" in begun.stdout
    assert run("freeze", "--end", "--sandbox").returncode == 0
    assert run("freeze", "--end", "--sandbox").returncode == 1
    assert run("freeze", "--until", "2020-01-01T00:00:00Z").returncode == 1
    told = run("audit", "--sandbox").stdout
    assert [json.loads(line)["event"] for line in told.splitlines()] == ["freeze", "freeze"]


def answered(state: Path, *arguments: str, typed: str, **more: str) -> tuple[int, str]:
    """Runs the command at a terminal, types *typed*; its exit status and what it wrote."""
    controller, terminal = pty.openpty()
    try:
        with subprocess.Popen(  # noqa: S603 (our own command)
            [sys.executable, "-m", "sms_tools", *arguments],
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            env=environment_of(state, **more),
        ) as process:
            os.write(controller, f"{typed}\n".encode())
            status = process.wait(timeout=60)
        os.set_blocking(controller, False)
        said = os.read(controller, 100_000).decode("utf-8", "replace")
    finally:
        os.close(controller)
        os.close(terminal)
    return status, said


def test_a_named_approver_answers_at_a_terminal_with_a_token_of_their_own(
    run: Run, state: Path, tmp_path: Path
) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text("four_eyes = true\n")
    file, tokens = tmp_path / "tokens.toml", {}
    for name, role in (("anna", "approver"), ("otto", "operator")):
        made = run("token", name, "--role", role)
        tokens[name] = made.stderr.rsplit(" ", 1)[1].strip()
        file.write_text((file.read_text() if file.exists() else "") + made.stdout)
    call = ("call", "sign_privacy_agreement", "--sandbox", "--policy", str(policy))
    held = json.loads(run(*call).stdout)
    assert held["status"] == "approval_required", held
    typed = held["preview"]["must_be_typed"] or held["approval_id"]
    approve = ("approvals", "approve", held["approval_id"], "--sandbox")
    auth = ("--auth", f"tokens:{file}")
    status, said = answered(state, *approve, typed=typed)
    assert status == 1
    assert "proves to be an approver" in said
    of_otto = {"SMS_TOOLS_APPROVER_TOKEN": tokens["otto"]}
    status, said = answered(state, *approve, *auth, typed=typed, **of_otto)
    assert status == 1
    assert re.search(r"otto does not have\s+the role approver", said)
    of_nobody = {"SMS_TOOLS_APPROVER_TOKEN": "not-a-token-of-the-file"}
    status, said = answered(state, *approve, *auth, typed=typed, **of_nobody)
    assert status == 1
    assert "nobody here has this token" in said
    of_anna = {"SMS_TOOLS_APPROVER_TOKEN": tokens["anna"]}
    status, said = answered(state, *approve, *auth, typed=typed, **of_anna)
    assert status == 0, said
    assert "Approved" in said
