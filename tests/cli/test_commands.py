"""The commands that print and end."""

import json
from pathlib import Path

import pytest

from sms_tools.cli import COMMANDS

from .conftest import Run


def test_help_names_every_command(run: Run) -> None:
    said = run("--help")
    assert said.returncode == 0
    for command in COMMANDS:
        assert command in said.stdout


def test_a_missing_or_unknown_command_is_called_wrongly(run: Run) -> None:
    assert run().returncode == 2
    assert run("dance").returncode == 2


@pytest.mark.parametrize(
    ("command", "options"),
    [
        (
            "serve",
            ("--sandbox", "--http", "--host", "--port", "--tools", "--read-only", "--policy"),
        ),
        ("sandbox", ("--port", "--scenario", "--servers", "--seed", "--speed")),
        ("call", ("--sandbox",)),
        ("tools", ("--json",)),
        ("audit", ("--verify",)),
    ],
)
def test_help_of_a_command_names_its_options(
    run: Run, command: str, options: tuple[str, ...]
) -> None:
    said = run(command, "--help")
    assert said.returncode == 0
    for option in options:
        assert option in said.stdout


def test_tools_as_json_lists_all_with_kind_area_size_and_policy(run: Run) -> None:
    listed = json.loads(run("tools", "--json").stdout)
    tools = {tool["name"]: tool for tool in listed["tools"]}
    assert len(tools) == 68
    assert listed["bytes"] == sum(tool["bytes"] for tool in tools.values()) <= 80_000
    assert tools["delete_migration_task"]["policy"] == {"destructive": "ask"}
    assert tools["manage_migration_task"]["policy"] == {"write": "allow", "destructive": "ask"}


def test_tools_shows_what_a_policy_does(run: Run) -> None:
    listed = json.loads(run("tools", "--json", "--read-only").stdout)
    kinds = {"read": "allow"}
    for tool in listed["tools"]:
        expected = {kind: kinds.get(kind, "block") for kind in tool["policy"]}
        assert tool["policy"] == expected


def test_tools_for_a_person_ends_with_the_sum(run: Run) -> None:
    said = run("tools")
    assert said.returncode == 0
    assert "68 tools, " in said.stdout


def test_a_read_is_answered(run: Run) -> None:
    said = run("call", "list_source_servers", '{"limit": 2}', "--sandbox")
    assert said.returncode == 0, said.stderr
    assert len(json.loads(said.stdout)["source_servers"]) == 2


def test_a_call_that_needs_a_person_is_held(run: Run) -> None:
    said = run("call", "sign_privacy_agreement", "--sandbox")
    assert said.returncode == 1
    held = json.loads(said.stdout)
    assert held["status"] == "approval_required"
    assert held["approval_url"] is None  # nobody could open a page of a process that ends
    waiting = run("approvals", "--sandbox")
    assert held["approval_id"] in waiting.stdout


def test_an_answer_needs_a_terminal_and_a_no_does_not(run: Run) -> None:
    held = json.loads(run("call", "sign_privacy_agreement", "--sandbox").stdout)
    approval_id = held["approval_id"]
    piped = run("approvals", "--sandbox", "approve", approval_id, text="sign privacy agreement\n")
    assert piped.returncode == 2
    assert "Nothing was done" in piped.stdout
    assert run("approvals", "--sandbox", "deny", approval_id).returncode == 0
    assert "Nothing waits" in run("approvals", "--sandbox").stdout


def test_an_answer_without_an_id_is_called_wrongly(run: Run) -> None:
    assert run("approvals", "--sandbox", "approve").returncode == 2
    assert run("approvals", "--sandbox", "approve", "NONE-HERE").returncode == 1


@pytest.mark.parametrize("arguments", ["{", "[]", "nonsense", "@no-such-file"])
def test_malformed_arguments_are_called_wrongly(run: Run, arguments: str) -> None:
    said = run("call", "list_source_servers", arguments, "--sandbox")
    assert said.returncode == 2
    assert said.stdout == ""
    assert "sms-tools call: " in said.stderr


def test_an_unknown_argument_or_tool_fails_readably(run: Run) -> None:
    said = run("call", "list_source_servers", '{"colour": 1}', "--sandbox")
    assert said.returncode == 1
    assert "migproject" in said.stdout
    missing = run("call", "delete_everything", "--sandbox")
    assert missing.returncode != 0
    assert "Traceback" not in missing.stderr
    assert "delete_everything" in missing.stdout + missing.stderr


def test_the_audit_is_shown_and_verified_and_a_change_is_found(run: Run, state: Path) -> None:
    run("call", "sign_privacy_agreement", "--sandbox")
    shown = [json.loads(line) for line in run("audit", "--sandbox").stdout.splitlines()]
    assert shown[-1]["tool"] == "sign_privacy_agreement"
    assert run("audit", "--sandbox", "--verify").returncode == 0
    path = state / "sandbox" / "audit.jsonl"
    path.write_text(path.read_text(encoding="utf-8").replace("sign_", "read_"), encoding="utf-8")
    verified = run("audit", "--sandbox", "--verify")
    assert verified.returncode == 1
    assert "NOT intact" in verified.stdout


def test_check_without_credentials_says_what_to_do(run: Run) -> None:
    said = run("check")
    assert said.returncode == 1
    assert "HUAWEICLOUD_SDK_AK" in said.stdout
    assert "sms-tools demo" in said.stdout


def test_check_names_half_a_key_pair_without_showing_it(run: Run) -> None:
    said = run("check", HUAWEICLOUD_SDK_SK="example-secret-key")
    assert said.returncode == 1
    assert "HUAWEICLOUD_SDK_AK is not set" in said.stdout
    assert "example-secret-key" not in said.stdout + said.stderr


def test_a_policy_that_is_not_understood_stops_the_server(run: Run, tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text("[kinds]\ndestructive = 'maybe'\n", encoding="utf-8")
    said = run("serve", "--sandbox", "--policy", str(policy))
    assert said.returncode == 1
    assert "maybe" in said.stderr
    assert "Traceback" not in said.stderr
