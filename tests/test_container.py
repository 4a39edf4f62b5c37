"""The image, built from the Containerfile and run as its own user, where a builder can be had.

No registry of images is asked: the base is Debian with its own Python, put under the official
image's name, so what is not tried is that image itself. Packages are fetched beforehand, and the
build has no network.
"""

import configparser
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from bench.documents import ROOT
from sms_tools import __version__
from sms_tools.canonical import text_digest
from tests import modern
from tests.cli.conftest import environment_of
from tests.postgres import Cluster
from tests.team.test_replicas import free_port, running

TEXT = (ROOT / "Containerfile").read_text("utf-8")
BASE = "docker.io/library/python:3.13-slim"
_MINUTES = 8
_IMPOSSIBLE = next(
    (
        f"not built: {why}"
        for why, so in {
            "no buildah here": shutil.which("buildah") is None,
            "no debootstrap here": shutil.which("debootstrap") is None,
            "a base is made as root": not hasattr(os, "getuid") or os.getuid() != 0,
        }.items()
        if so
    ),
    "",
)


def test_the_image_is_not_root_and_has_one_place_to_write() -> None:
    steps = [line.split(maxsplit=1) for line in TEXT.splitlines() if line[:1].isupper()]
    last = {step: rest for step, rest in steps if step != "FROM"}
    assert last["USER"] == "10001"
    assert last["VOLUME"] == "/state"
    assert last["ENTRYPOINT"] == '["sms-tools"]'
    assert last["HEALTHCHECK"].startswith("--interval=")
    assert '--require-hashes -r "$LOCK"' in TEXT
    assert "ARG LOCK=requirements.lock" in TEXT
    froms = [rest for step, rest in steps if step == "FROM"]
    assert froms == [f"{BASE} AS build", BASE]


@dataclass(frozen=True)
class Builder:
    """buildah with a storage of its own, without a daemon and without rights of a kernel."""

    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, *words: str) -> str:
        """What buildah prints; its complaint where it fails."""
        storage = [f"--{each}={self.folder / each}" for each in ("root", "runroot")]
        done = subprocess.run(  # noqa: S603 (an installed tool)
            ["buildah", "--storage-driver=vfs", *storage, *words],  # noqa: S607
            env={**os.environ, "BUILDAH_ISOLATION": "chroot", **self.environment},
            capture_output=True,
            text=True,
            timeout=_MINUTES * 60,
            check=False,
        )
        assert done.returncode == 0, (done.stdout + done.stderr)[-2_000:]
        return done.stdout.strip()

    def image(self, name: str, *options: str) -> str:
        """A container of the image that the Containerfile gives with *options*."""
        file = ("--file", str(ROOT / "Containerfile"), str(ROOT))
        self("bud", "--pull=false", f"--tag={name}", *options, *file)
        return self("from", "--pull=false", f"localhost/{name}")

    def run(self, container: str, *words: str) -> str:
        """*words*, in *container*, as the image's own user."""
        return self("run", container, "--", *words)


def _fetched(folder: Path) -> Path:
    """Debian with Python, and the packages of the lock."""
    root, wheels = folder / "base", folder / "base" / "wheels"
    packages = "--include=python3,python3-venv,python3-pip"
    pip = ["uvx", "--quiet", "pip", "download", "--quiet", "--only-binary=:all:"]
    pip += ["--python-version", "3.11", "--dest", str(wheels)]
    for words in (
        ["debootstrap", "--variant=minbase", packages, "bookworm", str(root)],
        [*pip, "--requirement", str(ROOT / "requirements-team.lock")],
        [*pip, "uv", "hatchling"],
    ):
        try:
            subprocess.run(words, capture_output=True, timeout=_MINUTES * 60, check=True)  # noqa: S603
        except (OSError, subprocess.SubprocessError) as error:
            pytest.skip(f"not built: what the base is made of cannot be fetched ({error})")
    for mark in root.glob("usr/lib/python3*/EXTERNALLY-MANAGED"):
        mark.unlink()  # the official image has none
    (root / "usr/local/bin/python").symlink_to("/usr/bin/python3")
    return root


@pytest.fixture(scope="module")
def builder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Builder]:
    """The builder of images, with a base for them."""
    if _IMPOSSIBLE:
        pytest.skip(_IMPOSSIBLE)
    folder = tmp_path_factory.mktemp("container")
    builder = Builder(folder)
    base = builder("from", "scratch")
    builder("add", base, str(_fetched(folder)), "/")
    offline = {
        "PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": "/wheels",
        "UV_OFFLINE": "1",
        "UV_FIND_LINKS": "/wheels",
    }
    for name, value in offline.items():
        builder("config", "--env", f"{name}={value}", base)
    builder("commit", "--rm", "--quiet", base, BASE)
    yield builder
    # Many copies of a whole system: `rm` takes half the time of Python.
    subprocess.run(["rm", "-rf", str(folder)], timeout=_MINUTES * 60, check=False)  # noqa: S603, S607


@pytest.fixture(scope="module")
def built(builder: Builder) -> tuple[Builder, str]:
    """The image's builder, and a container of the image."""
    return builder, builder.image("sms-tools")


def test_the_image_says_who_it_runs_as_and_how_its_health_is_told(
    built: tuple[Builder, str],
) -> None:
    builder, container = built
    config: dict[str, Any] = json.loads(builder("inspect", container))["Docker"]["config"]
    assert config["User"] == "10001"
    assert config["Entrypoint"] == ["sms-tools"]
    assert config["Cmd"] == ["serve"]
    assert "/state" in config["Volumes"]
    assert {"SMS_TOOLS_STATE_DIR=/state", "PYTHONDONTWRITEBYTECODE=1"} <= set(config["Env"])


def test_the_image_starts_reads_and_asks_as_its_own_user(built: tuple[Builder, str]) -> None:
    builder, container = built
    assert builder.run(container, "id", "-u") == "10001"
    assert builder.run(container, "sms-tools", "--version") == f"sms-tools {__version__}"
    told = json.loads(
        builder.run(container, "sms-tools", "call", "--sandbox", "migration_overview")
    )
    assert told["server_count"] > 0
    asked = builder.run(
        container, "sh", "-c", "sms-tools call --sandbox sign_privacy_agreement || test $? = 1"
    )
    assert json.loads(asked)["status"] == "approval_required"


def test_nothing_of_the_image_can_be_written_but_the_state(built: tuple[Builder, str]) -> None:
    builder, container = built
    passing = "^/(proc|dev|sys|tmp|var/tmp|run)(/|$)"
    find = f"find / -xdev -writable -not -type l 2>/dev/null | grep -vE '{passing}' || true"
    places = builder.run(container, "sh", "-c", find).split()
    assert places
    assert all(place == "/state" or place.startswith("/state/") for place in places)


def test_the_health_of_a_container_on_stdio_is_its_clients_affair(
    built: tuple[Builder, str],
) -> None:
    builder, container = built
    check = TEXT.split("HEALTHCHECK", 1)[1].split("CMD ", 1)[1].split("]\n", 1)[0] + "]"
    builder.run(container, *json.loads(check.replace("\\\n", "")))


_OPERATIONS = (ROOT / "docs" / "operations.md").read_text("utf-8")
_PUBLIC = "https://sms-tools.example.com"
_TOKEN = "example-token-of-olga"
_JAIL = """
set -e
root=$1 state=$2 inside=$3; shift 3
mount --bind "$root" "$root"
mount --rbind /proc "$root/proc"
mount --bind /dev "$root/dev"
mount --bind "$state" "$root$inside"
mount -o remount,ro,bind "$root"
if touch "$root/opt/written" 2>/dev/null; then echo "the root is not read-only"; exit 1; fi
exec setpriv --no-new-privs chroot --userspec=10001:10001 "$root" "$@"
"""
"""A command in the tree *root*, which nobody can write, as a user without rights."""


@pytest.fixture(scope="module")
def team(builder: Builder) -> Path:
    """The tree of a container for a team, with its file of tokens."""
    if subprocess.run(["unshare", "--mount", "true"], check=False).returncode != 0:  # noqa: S607
        pytest.skip("not run: this machine gives no mount namespace")
    container = builder.image("sms-tools-team", "--build-arg=LOCK=requirements-team.lock")
    root = Path(builder("mount", container))
    (root / "etc/sms-tools").mkdir()
    tokens = root / "etc/sms-tools/tokens.toml"
    tokens.write_text(f'[tokens.olga]\nsha256 = "{text_digest(_TOKEN)}"\nroles = ["operator"]\n')
    return root


@dataclass(frozen=True)
class Served:
    """A server in the tree, and how it is asked."""

    url: str
    process: "subprocess.Popen[str]"

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"{self.url}{path}", timeout=60, trust_env=False)

    def call(self, tool: str, token: str | None = _TOKEN) -> httpx.Response:
        asked = modern.call(tool, token)
        asked["headers"]["Host"] = _PUBLIC.removeprefix("https://")
        return httpx.post(f"{self.url}/mcp", **asked, timeout=60, trust_env=False)


@contextmanager
def in_the_tree(
    root: Path, command: list[str], environment: dict[str, str], state: str, port: int
) -> Iterator[Served]:
    """*command* in *root*, where only the folder *state* can be written."""
    (root / state.lstrip("/")).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        os.chown(folder, 10001, 10001)
        jailed = ("unshare", "--mount", "bash", "-c", _JAIL, "_", str(root), folder, state)
        path = {"PATH": "/opt/sms-tools/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
        with running(*jailed, *command, wait_for="callers say", **path, **environment) as process:
            yield Served(f"http://127.0.0.1:{port}", process)
            process.terminate()
            assert process.wait(timeout=45) in (0, -signal.SIGTERM)


@pytest.fixture
def outside(cluster: Cluster, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment that both documents ask for: the service and the shared state."""
    port = free_port()
    sandbox = (sys.executable, "-m", "sms_tools", "sandbox", "--port", str(port))
    with running(*sandbox, wait_for="ready", **environment_of(tmp_path / "sandbox")):
        yield {
            "SMS_TOOLS_STATE_URL": cluster.database(),
            "SMS_TOOLS_ENDPOINT": f"http://127.0.0.1:{port}",
            "HUAWEICLOUD_SDK_AK": "EXAMPLE-ID",
            "HUAWEICLOUD_SDK_SK": "example-key",
        }


def _serves_a_team(served: Served) -> None:
    assert served.get("/healthz").status_code == 200
    ready = served.get("/readyz")
    assert ready.status_code == 200, ready.text
    assert served.call("migration_overview", token="a-stranger's").status_code == 401
    assert modern.result_in(served.call("migration_overview"))["server_count"] == 49
    asked = modern.result_in(served.call("sign_privacy_agreement"))
    assert asked["status"] == "approval_required", "the shared state can be written"


def test_the_container_of_a_team_serves_as_the_document_says(
    team: Path, outside: dict[str, str]
) -> None:
    lines = re.findall(r"podman run (.*?[^\\])\n", _OPERATIONS, re.DOTALL)
    words = shlex.split(lines[0].replace("\\\n", " "))
    assert "--read-only" in words
    command = words[words.index("sms-tools-team") + 1 :]
    port = free_port()
    environment = {**outside, "SMS_TOOLS_STATE_DIR": "/state", "PYTHONDONTWRITEBYTECODE": "1"}
    command = ["sms-tools", *command, "--port", str(port)]
    with in_the_tree(team, command, environment, "/state", port) as served:
        _serves_a_team(served)


def test_the_command_of_the_unit_serves_as_a_user_without_rights(
    team: Path, outside: dict[str, str]
) -> None:
    unit = configparser.ConfigParser(interpolation=None, strict=False)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read_string(re.findall(r"```ini\n(.*?)```", _OPERATIONS, re.DOTALL)[0])
    service = unit["Service"]
    port = free_port()
    folder = f"/var/lib/{service['StateDirectory']}".replace("%i", str(port))
    name, _, value = service["Environment"].replace("%i", str(port)).partition("=")
    assert value == folder
    command = shlex.split(service["ExecStart"].replace("%i", str(port)))
    with in_the_tree(team, command, {**outside, name: value}, folder, port) as served:
        _serves_a_team(served)


def test_systemd_finds_no_fault_in_the_unit(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd here")
    unit = re.findall(r"```ini\n(.*?)```", _OPERATIONS, re.DOTALL)[0]
    here = unit.replace("/opt/sms-tools/bin/sms-tools", sys.executable)
    path = tmp_path / "sms-tools@8001.service"
    path.write_text(here, encoding="utf-8")
    said = subprocess.run(  # noqa: S603
        ["systemd-analyze", "verify", str(path)],  # noqa: S607
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (said.returncode, said.stdout, said.stderr) == (0, "", "")
