"""Several accounts at the command line, each a sandbox of its own behind a port of loopback."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests import modern

from .conftest import Run, environment_of
from .test_serving import started

KEYS = {"PROD_AK": "EXAMPLE-ID", "PROD_SK": "example-key"}


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """A mixed fleet and a healthy one, each at its address."""
    with ExitStack() as stack:
        found = {}
        for name, scenario in {"prod": "mixed", "lab": "healthy"}.items():
            folder = tmp_path_factory.mktemp(name)
            process = stack.enter_context(
                started(folder, "sandbox", "--port", "0", "--scenario", scenario)
            )
            line = process.stdout.readline() if process.stdout else ""
            found[name] = line.removeprefix("sandbox ready at ").strip()
        yield found


@pytest.fixture
def accounts(addresses: Mapping[str, str], tmp_path: Path) -> str:
    """The file of accounts: keys from the environment, and from a command."""
    keys = json.dumps([sys.executable, "-c", 'print(\'{"ak": "EXAMPLE-ID", "sk": "example"}\')'])
    (tmp_path / "lab.toml").write_text("read_only = true\n")
    path = tmp_path / "accounts.toml"
    path.write_text(
        f"""
        [accounts.prod]
        endpoint = "{addresses["prod"]}"
        credentials = {{env = "PROD"}}
        users = ["owner"]
        [accounts.lab]
        endpoint = "{addresses["lab"]}"
        credentials = {{command = {keys}}}
        policy = "lab.toml"
        [accounts.night]
        endpoint = "{addresses["lab"]}"
        credentials = {{env = "PROD"}}
        users = ["the night shift"]
        """,
        encoding="utf-8",
    )
    return str(path)


def test_a_call_names_its_account_by_argument_or_option(run: Run, accounts: str) -> None:
    call = ("call", "migration_overview", '{"account": "prod"}', "--accounts", accounts)
    done = run(*call, **KEYS)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["account"] == "prod"
    assert answer["server_count"] == 49
    other = run("call", "migration_overview", "--accounts", accounts, "--account", "lab", **KEYS)
    assert json.loads(other.stdout)["account"] == "lab"
    everywhere = run("call", "migration_overview", "--accounts", accounts, **KEYS)
    assert [row["account"] for row in json.loads(everywhere.stdout)["accounts"]] == [
        "prod",
        "lab",
        "night",
    ]


def test_an_account_s_own_policy_holds(run: Run, accounts: str) -> None:
    call = ("call", "sign_privacy_agreement", '{"account": "lab"}', "--accounts", accounts)
    done = run(*call, **KEYS)
    assert json.loads(done.stdout)["status"] == "blocked"
    assert done.returncode == 1


def test_a_question_at_the_terminal_is_of_one_account(run: Run, accounts: str) -> None:
    done = run("status", "--accounts", accounts, "--account", "lab", **KEYS)
    assert done.returncode == 0, done.stderr
    which = run("status", "--accounts", accounts, **KEYS)
    assert which.returncode == 1
    assert "--account is missing" in which.stderr
    none = run("status", "--accounts", accounts, "--account", "labs", **KEYS)
    assert "there is no account 'labs'" in none.stderr


def test_check_speaks_of_each_account(run: Run, accounts: str) -> None:
    done = run("check", "--accounts", accounts, **KEYS)
    assert done.returncode == 0, done.stdout
    assert "prod: credentials: an access key pair" in done.stdout
    assert "lab: credentials: a command that prints them" in done.stdout
    assert "lab: the policy file" in done.stdout


def test_the_sandbox_and_a_file_of_accounts_contradict_each_other(run: Run, accounts: str) -> None:
    refused = run("status", "--sandbox", "--accounts", accounts, **KEYS)
    assert refused.returncode == 1
    assert "contradict" in refused.stderr


def test_what_waits_and_what_was_done_is_told_by_account(run: Run, accounts: str) -> None:
    listed = run("call", "list_source_servers", "--accounts", accounts, "--account", "prod", **KEYS)
    servers = json.loads(listed.stdout)["source_servers"]
    task = next(s["current_task"]["id"] for s in servers if s["name"] == "web-01")
    call = json.dumps({"account": "prod", "task_id": task})
    held = run("call", "delete_migration_task", call, "--accounts", accounts, **KEYS)
    assert json.loads(held.stdout)["status"] == "approval_required"
    waiting = run("approvals", "list", "--account", "prod").stdout
    assert "on prod, " in waiting
    assert "Nothing waits" in run("approvals", "list", "--account", "lab").stdout
    assert run("audit", "--account", "prod").stdout
    assert not run("audit", "--account", "lab").stdout


def test_over_http_a_caller_sees_the_accounts_that_name_them(accounts: str, state: Path) -> None:
    token = "example-token-of-sixteen-and-more"
    command = [sys.executable, "-m", "sms_tools", "serve", "--http", "--port", "0"]
    with subprocess.Popen(  # noqa: S603 (our own command)
        [*command, "--accounts", accounts],
        env=environment_of(state, SMS_TOOLS_HTTP_TOKEN=token, **KEYS),
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        try:
            line = server.stderr.readline() if server.stderr else ""
            found = re.search(r"http://\S+", line)
            assert found, line
            reply = httpx.post(
                found[0], **modern.request("tools/list", token), trust_env=False, timeout=60
            )
            shown = modern.message_in(reply)
        finally:
            server.terminate()
            server.wait(timeout=20)
    tools = {tool["name"]: tool for tool in shown["result"]["tools"]}
    argument = tools["summarize_progress"]["inputSchema"]["properties"]["account"]
    assert argument["enum"] == ["prod", "lab"]
    assert shown["result"]["cacheScope"] == "private"
