"""Documents say what the code says, and their lines do what they promise."""

import argparse
import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from bench.documents import ROOT, documents, variables
from bench.settings import SETTINGS
from sms_tools import __version__
from sms_tools.cli import COMMANDS, parser_for
from sms_tools.guard import Policy
from sms_tools.guard.policy_file import parse_policy
from sms_tools.operations import CATALOGUE
from tests.cli.conftest import environment_of
from tests.registry import RegistryEntry

READ = ("README.md", "README.zh.md", "docs/clients.md", "docs/iam.md", "docs/configuration.md")
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
BLOCKS = [
    pytest.param(kind, text, id=f"{name}-{number}")
    for name in READ
    for number, (kind, text) in enumerate(_FENCE.findall((ROOT / name).read_text("utf-8")))
]
ELSEWHERE = {
    "python3 -m pip install uv && uv run sms-tools demo": "tests/cli/test_demo.py",
    "python3 -m pip install uv && uv run pytest -q": ".ci/run",
    "uv tool install DIR": "installs for the user",
    "uvx --from DIR sms-tools serve --sandbox": "installs for the user",
    "pipx install DIR": "installs for the user",
    "python3 -m pip install DIR": ".ci/run installs the wheel",
}
"""Lines that are not run here, and why; a line that is neither here nor run fails."""


def test_what_is_written_from_the_code_is_fresh() -> None:
    stale = [
        str(path.relative_to(ROOT))
        for path, text in documents()
        if not path.exists() or path.read_text("utf-8") != text
    ]
    assert not stale, "run: uv run python -m bench.documents"


@pytest.mark.parametrize("readme", ["README.md", "README.zh.md"])
def test_a_readme_is_short_and_has_the_two_commands_and_every_command(readme: str) -> None:
    text = (ROOT / readme).read_text("utf-8")
    lines = text.splitlines()
    assert len(lines) < 250
    assert "python3 -m pip install uv && uv run sms-tools demo" in lines
    assert "python3 -m pip install uv && uv run pytest -q" in lines
    for command in COMMANDS:
        assert f"| `sms-tools {command}" in text


def test_every_operation_has_its_action_or_is_said_to_have_none() -> None:
    text = (ROOT / "docs" / "iam.md").read_text("utf-8")
    named = set(re.findall(r"`([a-z]+(?:_[a-z0-9]+)+)`", text))
    assert set(CATALOGUE) <= named
    mapped, _, _ = text.partition("**Not mapped anywhere")
    for policy in re.findall(r"```json\n(.*?)```", mapped, re.DOTALL):
        for statement in json.loads(policy)["Statement"]:
            for action in statement["Action"]:
                assert f"| `{action}` |" in mapped, action  # no policy grants what no source names


def test_every_setting_that_the_code_names_is_described() -> None:
    assert variables() <= set(SETTINGS)


@pytest.mark.parametrize(("kind", "text"), BLOCKS)
def test_a_block_of_a_document_does_what_it_promises(kind: str, text: str, tmp_path: Path) -> None:
    match kind:
        case "json":
            assert json.loads(text)
        case "toml":
            assert tomllib.loads(text)
        case "ini":
            assert text.startswith("[global]\nak = ...\nsk = ...\n")
        case "sh":
            for line in text.splitlines():
                _run(line, tmp_path)
        case _:
            assert kind == "text"


DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
_SHELL = re.compile(r"^```(?:sh|bash)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"`((?:uv run )?sms-tools(?: [^`\n]*)?)`")


def _commands_in(text: str) -> list[str]:
    blocks = "\n".join(_SHELL.findall(text)).replace("\\\n", " ")
    lines = [line for line in blocks.splitlines() if re.match(r"(uv run )?sms-tools ", line)]
    return [*lines, *_INLINE.findall(text)]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_that_a_document_names_is_one_of_this_version(path: Path) -> None:
    (commands,) = (
        action
        for action in parser_for(*COMMANDS)._actions
        if isinstance(action, argparse._SubParsersAction)
    )
    for said in _commands_in(path.read_text("utf-8")):
        words = shlex.split(said.removeprefix("uv run "))[1:]
        named = [word for word in words if not word.startswith("-")]
        if not named or named[0].isupper():  # COMMAND: whichever
            continue
        assert named[0] in commands.choices, said
        known = commands.choices[named[0]]._option_string_actions
        options = [word.partition("=")[0] for word in words if word.startswith("--")]
        assert not [each for each in options if each not in known], said


def test_the_policy_that_the_security_page_shows_is_one_that_loads() -> None:
    (shown,) = re.findall(
        r"^```toml\n(.*?)^```$",
        (ROOT / "docs" / "security.md").read_text("utf-8"),
        re.DOTALL | re.MULTILINE,
    )
    loaded = parse_policy(shown, Policy())
    assert loaded.targets
    assert loaded.tools


def _run(line: str, folder: Path) -> None:
    if line in ELSEWHERE:
        return
    words = shlex.split(line)
    assert words[:3] == ["uv", "run", "sms-tools"], line
    said = subprocess.run(  # noqa: S603 (our own command)
        [sys.executable, "-m", "sms_tools", *words[3:]],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environment_of(folder),
        stdin=subprocess.DEVNULL,
    )
    assert said.returncode == 0, said.stderr
    assert said.stdout


def _loaded(name: str) -> dict[str, Any]:
    return dict(json.loads((ROOT / name).read_text("utf-8")))


def test_the_registry_s_entry_is_valid_by_its_schema() -> None:
    RegistryEntry.model_validate(_loaded("server.json"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "no-namespace"},
        {"name": "io.github.Nobody/two/slashes"},
        {"description": "x" * 101},
        {"version": "^1.2.3"},
        {"packages": [{"registryType": "pypi"}]},
        {"colour": "red"},
        {"$schema": "https://example.org/schema.json"},
    ],
    ids=str,
)
def test_an_entry_that_the_schema_refuses_is_noticed(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RegistryEntry.model_validate({**_loaded("server.json"), **wrong})


def test_the_registry_s_entry_is_this_version_s_and_its_owner_is_said_once() -> None:
    entry = _loaded("server.json")
    (package,) = entry["packages"]
    assert entry["version"] == package["version"] == __version__
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert package["identifier"] == project["name"]
    # `uvx NAME` starts the command of that name.
    assert project["scripts"][project["name"]] == project["scripts"]["sms-tools"]
    assert (package["registryType"], package["transport"]) == ("pypi", {"type": "stdio"})
    assert {one["name"] for one in package["environmentVariables"]} <= variables()
    secret = {one["name"] for one in package["environmentVariables"] if one.get("isSecret")}
    assert secret == {"HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK"}
    # The registry lets the owner of this GitHub name publish, and looks for the line in the README.
    owner = re.fullmatch(
        r"io\.github\.([A-Za-z0-9](?:-?[A-Za-z0-9]){0,38})/sms-tools", entry["name"]
    )
    assert owner, entry["name"]
    for name in ("README.md", "CONTRIBUTING.md"):
        assert entry["name"] in (ROOT / name).read_text("utf-8"), name
    assert f"<!-- mcp-name: {entry['name']} -->" in (ROOT / "README.md").read_text("utf-8")


def test_the_bundle_names_this_version_and_no_key() -> None:
    manifest = _loaded("manifest.json")
    assert manifest["version"] == __version__
    assert (ROOT / manifest["server"]["entry_point"]).exists()
    wanted = manifest["user_config"]
    assert wanted["access_key"]["sensitive"] is wanted["secret_key"]["sensitive"] is True
    env = manifest["server"]["mcp_config"]["env"]
    assert all(value.startswith("${user_config.") for value in env.values())


@pytest.mark.skipif(shutil.which("mcpb") is None, reason="mcpb is not installed here")
def test_the_official_tool_takes_the_bundle(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.mcpb"
    for words in (["validate", "manifest.json"], ["pack", ".", str(bundle)]):
        said = subprocess.run(  # noqa: S603 (an installed tool, on our own files)
            ["mcpb", *words],  # noqa: S607
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert said.returncode == 0, said.stdout + said.stderr
    assert bundle.stat().st_size < 5_000_000


@pytest.mark.parametrize(
    ("client", "file"),
    [
        ("codex", ".codex/config.toml"),
        ("gemini", ".gemini/settings.json"),
        ("claude", ".mcp.json"),
    ],
)
def test_a_client_itself_lists_what_setup_wrote(client: str, file: str, tmp_path: Path) -> None:
    if shutil.which(client) is None:
        pytest.skip(f"{client} is not installed here")
    environment = environment_of(tmp_path / "state") | {
        "HOME": str(tmp_path),
        "CODEX_HOME": str(tmp_path / ".codex"),
    }
    ours = (sys.executable, "-m", "sms_tools")
    name = {"claude": "claude-code"}.get(client, client)
    for words in (
        [*ours, "setup", name, "--sandbox", "--write", "--file", str(tmp_path / file)],
        [client, "mcp", "list"],
    ):
        said = subprocess.run(  # noqa: S603 (our own command, and an installed client)
            words,
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=120,
            check=False,
        )
        assert said.returncode == 0, said.stderr
    assert "sms-tools" in said.stdout + said.stderr
