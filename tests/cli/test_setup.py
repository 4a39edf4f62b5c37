"""``sms-tools setup``: what each client is given, and what its own file looks like afterwards."""

import json
import os
import stat
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from sms_tools.cli.clients import CLIENTS

from .conftest import Run

KEYS = {"HUAWEICLOUD_SDK_AK": "EXAMPLE-ACCESS-KEY", "HUAWEICLOUD_SDK_SK": "example-secret-key"}


def _read(client: str, text: str) -> dict[str, Any]:
    return tomllib.loads(text) if client == "codex" else dict(json.loads(text))


def _entry(client: str, whole: dict[str, Any]) -> dict[str, Any]:
    return dict(whole[CLIENTS[client].key]["sms-tools"])


@pytest.mark.parametrize("client", CLIENTS)
def test_the_program_is_named_by_an_absolute_path_that_starts(run: Run, client: str) -> None:
    said = run("setup", client, "--sandbox", "--read-only", "--guided")
    assert said.returncode == 0, said.stderr
    entry = _entry(client, _read(client, said.stdout))
    assert Path(entry["command"]).is_absolute()
    assert entry["args"][-5:] == ["serve", "--sandbox", "--read-only", "--tools", "guided"]
    before = entry["args"][:-5]
    started = subprocess.run(  # noqa: S603 (our own command)
        [entry["command"], *before, "--version"], capture_output=True, check=True, timeout=60
    )
    assert started.stdout.startswith(b"sms-tools ")


@pytest.mark.parametrize("client", CLIENTS)
def test_no_key_of_this_shell_is_ever_written(run: Run, client: str) -> None:
    said = run("setup", client, **KEYS, SMS_TOOLS_REGION="ap-southeast-1")
    assert said.returncode == 0, said.stderr
    for value in KEYS.values():
        assert value not in said.stdout + said.stderr
    env = _entry(client, _read(client, said.stdout))["env"]
    assert env["SMS_TOOLS_REGION"] == "ap-southeast-1"
    if client == "vscode":
        asked = {one["id"]: one for one in json.loads(said.stdout)["inputs"]}
        for name in KEYS:
            reference = env[name].removeprefix("${input:").removesuffix("}")
            assert asked[reference]["type"] == "promptString"
            assert asked[reference]["password"] is True
    else:
        assert Path(env["HUAWEICLOUD_SDK_CREDENTIALS_FILE"]).is_absolute()


def test_each_client_has_the_shape_that_its_maker_documents(run: Run) -> None:
    shapes = {name: _read(name, run("setup", name, "--sandbox").stdout) for name in CLIENTS}
    assert {name: sorted(shape) for name, shape in shapes.items()} == {
        **{name: ["mcpServers"] for name in CLIENTS},
        "vscode": ["inputs", "servers"],
        "codex": ["mcp_servers"],
    }
    assert _entry("vscode", shapes["vscode"])["type"] == "stdio"
    assert shapes["vscode"]["inputs"] == []
    assert _entry("cline", shapes["cline"])["timeout"] > 60
    codex = _entry("codex", shapes["codex"])
    assert (codex["startup_timeout_sec"], codex["tool_timeout_sec"]) == (30, 180)


@pytest.mark.parametrize(
    ("client", "address", "token"),
    [
        ("claude-code", "url", "${SMS_TOOLS_HTTP_TOKEN}"),
        ("vscode", "url", "${input:sms-tools-http-token}"),
        ("cursor", "url", "${env:SMS_TOOLS_HTTP_TOKEN}"),
        ("gemini", "httpUrl", "$SMS_TOOLS_HTTP_TOKEN"),
        ("windsurf", "serverUrl", "${env:SMS_TOOLS_HTTP_TOKEN}"),
    ],
)
def test_over_http_the_token_is_a_reference(
    run: Run, client: str, address: str, token: str
) -> None:
    entry = _entry(client, _read(client, run("setup", client, "--http").stdout))
    assert entry[address] == "http://127.0.0.1:8000/mcp"
    assert entry["headers"] == {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize(("sandbox", "folder"), [((), "."), (("--sandbox",), "sandbox")])
def test_over_http_it_says_in_which_file_the_token_is(
    run: Run, state: Path, sandbox: tuple[str, ...], folder: str
) -> None:
    said = run("setup", "codex", "--http", *sandbox).stderr
    assert str(state / folder / "http-token") in said
    assert "SMS_TOOLS_HTTP_TOKEN" in said


def test_a_client_that_cannot_connect_to_an_address_says_so(run: Run) -> None:
    said = run("setup", "claude-desktop", "--http")
    assert (said.returncode, said.stdout) == (1, "")
    assert "Leave out --http" in said.stderr
    assert "bearer_token_env_var" in run("setup", "codex", "--http").stdout


@pytest.mark.parametrize("client", CLIENTS)
def test_writing_twice_changes_nothing_the_second_time(
    run: Run, client: str, tmp_path: Path
) -> None:
    file = tmp_path / "deep" / "config"
    first = run("setup", client, "--sandbox", "--write", "--file", str(file))
    assert first.returncode == 0, first.stderr
    assert _read(client, file.read_text()) == _read(client, first.stdout)
    second = run("setup", client, "--sandbox", "--write", "--file", str(file))
    assert "has it already" in second.stderr
    assert [path.name for path in file.parent.iterdir()] == ["config"]


def test_writing_keeps_what_others_wrote_and_a_copy(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "mcp.json"
    theirs = {
        "theme": "dark",
        "mcpServers": {
            "other": {"command": "other", "env": {"TOKEN": "not-ours"}},
            "sms-tools": {"command": "old", "env": {"HUAWEICLOUD_SDK_SK": "plain-old-key"}},
        },
    }
    file.write_text(json.dumps(theirs), encoding="utf-8")
    file.chmod(0o600)
    said = run("setup", "cursor", "--sandbox", "--write", "--file", str(file))
    assert said.returncode == 0, said.stderr
    written = json.loads(file.read_text())
    assert written["theme"] == "dark"
    assert written["mcpServers"]["other"] == theirs["mcpServers"]["other"]  # type: ignore[index]
    assert written["mcpServers"]["sms-tools"]["args"] == ["serve", "--sandbox"]
    (copy,) = tmp_path.glob("*.bak")
    assert json.loads(copy.read_text()) == theirs
    assert stat.S_IMODE(file.stat().st_mode) == stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert '-    "command": "old"' in said.stderr
    assert "plain-old-key" not in said.stderr
    assert "not-ours" not in said.stderr


def test_inputs_of_others_stay_and_comments_are_said_to_be_in_the_copy(
    run: Run, tmp_path: Path
) -> None:
    file = tmp_path / "mcp.json"
    file.write_text(
        '{\n  // mine\n  "inputs": [{"id": "mine", "url": "https://x//y"},],\n  "servers": {},\n}'
    )
    said = run("setup", "vscode", "--write", "--file", str(file))
    assert said.returncode == 0, said.stderr
    written = json.loads(file.read_text())
    assert written["inputs"][0] == {"id": "mine", "url": "https://x//y"}
    assert len(written["inputs"]) == 3
    assert "comments" in said.stderr
    (copy,) = tmp_path.glob("*.bak")
    assert "// mine" in copy.read_text()


def test_a_toml_file_keeps_its_comments(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(
        '# mine\nmodel = "m"  # why\n\n[mcp_servers.sms-tools]\ncommand = "old"\n\n'
        '[mcp_servers.sms-tools.env]\nX = "1"\n\n# other\n[mcp_servers.other]\ncommand = "o"\n'
    )
    said = run("setup", "codex", "--sandbox", "--write", "--file", str(file))
    assert said.returncode == 0, said.stderr
    text = file.read_text()
    for comment in ("# mine", "# why", "# other"):
        assert comment in text
    whole = tomllib.loads(text)
    assert whole["mcp_servers"]["other"] == {"command": "o"}
    assert "env" not in whole["mcp_servers"]["sms-tools"]


@pytest.mark.parametrize(
    ("client", "text"),
    [
        ("cursor", "{ not json"),
        ("cursor", "[]"),
        ("cursor", '{"mcpServers": []}'),
        ("codex", "not toml ["),
        ("codex", 'mcp_servers = { sms-tools = { command = "x" } }'),
    ],
)
def test_a_file_that_is_not_understood_is_left_alone(
    run: Run, tmp_path: Path, client: str, text: str
) -> None:
    file = tmp_path / "config"
    file.write_text(text)
    said = run("setup", client, "--write", "--file", str(file))
    assert said.returncode == 1
    assert "Traceback" not in said.stderr
    assert file.read_text() == text
    assert [path.name for path in tmp_path.iterdir() if path.name != "state"] == ["config"]


def test_without_a_terminal_nothing_is_asked(run: Run) -> None:
    said = run("setup")
    assert (said.returncode, said.stdout) == (2, "")
    assert "claude-desktop" in said.stderr


@pytest.mark.skipif(os.name == "nt", reason="a pseudo-terminal is a Unix thing")
def test_at_a_terminal_it_asks_writes_and_names_the_line_to_try(tmp_path: Path) -> None:
    import pty
    import sys

    from .conftest import environment_of

    leader, follower = pty.openpty()
    file = tmp_path / "config.json"
    process = subprocess.Popen(  # noqa: S603 (our own command)
        [sys.executable, "-m", "sms_tools", "setup", "--file", str(file)],
        stdin=follower,
        stderr=follower,
        stdout=subprocess.PIPE,
        text=True,
        env=environment_of(tmp_path / "state"),
    )
    os.close(follower)
    os.write(leader, b"sandbox\ncursor\nyes\n")
    printed, _ = process.communicate(timeout=60)
    shown = os.read(leader, 65536).decode()
    os.close(leader)
    assert process.returncode == 0, shown
    assert json.loads(printed) == json.loads(file.read_text())
    assert "Then ask in Cursor: How is my migration going" in shown
