"""The image, built from the Containerfile and run as its own user, where a builder can be had.

No registry of images is asked: the base is Debian with its own Python, put under the official
image's name, so what is not tried is that image itself. Packages are fetched beforehand, and the
build has no network.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bench.documents import ROOT
from sms_tools import __version__

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
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Builder, str]]:
    """The image's builder, and a container of the image."""
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
    builder("commit", "--quiet", base, BASE)
    builder(
        "bud", "--pull=false", "--tag=sms-tools", "--file", str(ROOT / "Containerfile"), str(ROOT)
    )
    yield builder, builder("from", "--pull=false", "localhost/sms-tools")
    builder("rm", "--all")
    shutil.rmtree(folder, ignore_errors=True)


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
