"""The command as a person or a script runs it: a process, its output and its exit status."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def environment_of(state: Path, **more: str) -> dict[str, str]:
    """An environment without anybody's credentials, with its state in *state*."""
    ours = ("SMS_TOOLS_", "HUAWEICLOUD_", "CLOUD_SDK_")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
    return {**kept, "SMS_TOOLS_STATE_DIR": str(state), **more}


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def run(state: Path) -> Run:
    """Runs ``sms-tools`` with arguments; no terminal is there."""

    def run(*arguments: str, text: str = "", **more: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(  # noqa: S603 (our own command)
            [sys.executable, "-m", "sms_tools", *arguments],
            input=text,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="backslashreplace",  # a console may have been told to speak another
            env=environment_of(state, **more),
            timeout=120,
            check=False,
        )

    return run
