"""What a server on a laptop loads before its first answer: nothing that only others need."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import environment_of

_SCRIPT = """
import sys
import anyio
from sms_tools.cli import parser_for
from sms_tools.cli.opening import server_of

async def main():
    options = parser_for("serve").parse_args(["serve", *sys.argv[1:]])
    async with server_of(options) as (server, _):
        await server.list_tools()

anyio.run(main)
print("\\n".join(sorted(sys.modules)))
"""
_TEAM = ("jwt", "psycopg", "psycopg_pool", "prometheus_client", "opentelemetry.sdk")
_OURS = ("board", "drawing", "login", "postgres", "account_file", "tomlfile", "watching.watcher")
_LATER = ("rich", "httpx", "sms_tools.diagnosis.progress", "sms_tools.sandbox.core")


@pytest.mark.parametrize("options", [(), ("--sandbox",), ("--tools", "guided")], ids=str)
def test_a_server_starts_without_what_only_a_team_a_picture_or_a_person_needs(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    loaded = subprocess.run(  # noqa: S603 (our own code)
        [sys.executable, "-c", _SCRIPT, *options],
        env=environment_of(tmp_path),
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    unwanted = {*_TEAM, *_LATER, *(f"sms_tools.{name}" for name in _OURS)}
    assert not unwanted & set(loaded)
