"""The audit: chained lines without secrets, and every kind of tampering shows."""

import json
import multiprocessing
import stat
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import anyio
import pytest

from sms_tools.guard import Audit, AuditError
from sms_tools.state import State

from .conftest import Clock

pytestmark = pytest.mark.anyio


async def filled(audit: Audit, lines: int = 4) -> Audit:
    for number in range(lines):
        await audit.record("call", tool="delete_template", arguments={"template_id": str(number)})
    return audit


def rewrite(audit: Audit, lines: list[bytes]) -> None:
    audit.path.write_bytes(b"".join(lines))


async def test_an_empty_audit_is_in_order(audit: Audit) -> None:
    assert (await audit.verify()).problems == []


async def test_lines_follow_from_each_other_and_carry_the_time(audit: Audit) -> None:
    await filled(audit)
    assert (await audit.verify()).lines == 4
    assert (await audit.verify()).problems == []
    assert (await audit.read(last=1))[0]["time"] == "2026-03-01T12:00:00.000+00:00"


async def test_the_file_is_private(audit: Audit) -> None:
    await filled(audit)
    assert stat.S_IMODE(audit.path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("tamper", "problem"),
    [
        (lambda lines: [lines[0], lines[1].replace(b'"1"', b'"9"'), *lines[2:]], "line 3"),
        (lambda lines: [lines[0], *lines[2:]], "line 2"),
        (lambda lines: [lines[0], lines[2], lines[1], lines[3]], "line 2"),
        (lambda lines: [*lines[:2], lines[1], *lines[2:]], "line 3"),
        (lambda lines: lines[:-1], "1 lines are missing"),
        (lambda lines: [*lines[:-1], lines[-1].replace(b'"3"', b'"9"')], "the last line"),
        (lambda lines: [*lines[:-1], b"{not json\n"], "line 4 cannot be read"),
        (lambda lines: lines[:0], "4 lines are missing"),
    ],
)
async def test_tampering_shows(audit: Audit, tamper: object, problem: str) -> None:
    await filled(audit)
    rewrite(audit, tamper(audit.path.read_bytes().splitlines(keepends=True)))  # type: ignore[operator]
    assert any(problem in each for each in (await audit.verify()).problems)


async def test_a_deleted_file_shows(audit: Audit) -> None:
    (await filled(audit)).path.unlink()
    assert (await audit.verify()).problems == ["4 lines are missing"]


async def test_lines_appended_by_hand_show(audit: Audit) -> None:
    await filled(audit)
    line = json.dumps({"event": "call", "previous": "0" * 64}).encode() + b"\n"
    rewrite(audit, [audit.path.read_bytes(), line])
    assert "line 5 does not follow from the line before it" in (await audit.verify()).problems


async def test_the_audit_goes_on_after_a_torn_line_and_says_so(audit: Audit) -> None:
    await filled(audit, 2)
    rewrite(audit, [audit.path.read_bytes(), b'{"event": "ca'])
    await filled(audit, 1)
    assert (await audit.verify()).problems == ["line 3 cannot be read"]
    assert (await audit.read())[2] == {"event": "damaged line"}


async def test_no_secret_reaches_a_line(audit: Audit) -> None:
    await audit.record(
        "call",
        arguments={
            "target_password": "Example-Password-1",
            "note": "the key is example-secret-key, password=Example-Password-2",
        },
    )
    text = audit.path.read_text(encoding="utf-8")
    assert "Example-Password" not in text
    assert "example-secret-key" not in text


async def test_arguments_that_would_fill_pages_are_kept_as_size_and_digest(audit: Audit) -> None:
    await audit.record("call", arguments={"ids": ["x" * 36] * 5_000})
    arguments = (await audit.read())[0]["arguments"]
    assert arguments["names"] == ["ids"]
    assert arguments["left_out_characters"] > 100_000
    assert audit.path.stat().st_size < 1_000


async def test_an_audit_that_cannot_be_written_says_so(audit: Audit) -> None:
    audit.path.mkdir(parents=True)
    with pytest.raises(AuditError):
        await audit.record("call")


def _write(folder: Path, lines: int) -> None:
    async def write() -> None:
        with closing(State(folder)) as state:
            await filled(Audit(state, lambda: datetime(2026, 3, 1, tzinfo=UTC)), lines)

    anyio.run(write)


async def test_several_processes_write_one_chain(tmp_path: Path, clock: Clock) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write, args=(tmp_path, 20)) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    state = State(tmp_path)
    found = await Audit(state, clock).verify()
    state.close()
    assert found.lines == 60
    assert found.problems == []
