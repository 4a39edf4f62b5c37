"""Backup and restore as docs/operations.md says: the lines of the document, on a real database."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sms_tools.guard import Approvals, Audit
from sms_tools.guard.freezing import Freeze, Freezes
from sms_tools.moment import utc_now
from sms_tools.stores import open_state
from tests.cli.conftest import environment_of
from tests.postgres import Cluster, programs

pytestmark = pytest.mark.anyio
_BLOCK = re.compile(r"## Backup and restore\n\n```sh\n(.*?)```", re.DOTALL)


def lines() -> list[str]:
    document = Path(__file__).parents[2] / "docs" / "operations.md"
    block: str = _BLOCK.findall(document.read_text("utf-8"))[0]
    return block.strip().splitlines()


def run(line: str, folder: Path, url: str) -> "subprocess.CompletedProcess[str]":
    path = os.pathsep.join([str(Path(sys.executable).parent), str(programs()), os.environ["PATH"]])
    environment = environment_of(folder / "state", SMS_TOOLS_STATE_URL=url, PATH=path)
    return subprocess.run(  # noqa: S603 (the document's own lines)
        [shutil.which("bash") or "bash", "-c", line],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


async def test_what_a_dump_holds_comes_back_and_the_audit_is_whole(
    cluster: Cluster, tmp_path: Path
) -> None:
    url = cluster.database()
    dump, restore, verify = lines()
    state = open_state(tmp_path / "one", url)
    audit = Audit(state, utc_now)
    for number in range(5):
        await audit.record("call", tool="before", arguments={"number": number})
    await Freezes(state, utc_now).begin(Freeze(utc_now(), None, "kept"))
    assert not await Approvals(state, utc_now).waiting()
    done = run(dump, tmp_path, url)
    assert done.returncode == 0, done.stderr
    await audit.record("call", tool="after")
    await Freezes(state, utc_now).end()
    state.close()
    done = run(restore, tmp_path, url)
    assert done.returncode == 0, done.stderr
    done = run(verify, tmp_path, url)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("5 lines, intact")
    again = open_state(tmp_path / "two", url)
    assert await Freezes(again, utc_now).now() is not None
    await Audit(again, utc_now).record("call", tool="after the restore")
    assert not (await Audit(again, utc_now).verify()).problems
    again.close()
