"""Whoever can write the audit's file but not the database: nothing of theirs passes as ours."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import anyio
import pytest

from sms_tools.guard import Audit, AuditError
from sms_tools.state import State

pytestmark = pytest.mark.anyio


@pytest.fixture
def audit(tmp_path: Path) -> Iterator[Audit]:
    with closing(State(tmp_path / "state")) as state:
        yield Audit(state, lambda: datetime(2026, 3, 1, tzinfo=UTC))


async def filled(audit: Audit, lines: int = 4) -> Audit:
    for number in range(lines):
        await audit.record("call", tool="delete_template", arguments={"template_id": str(number)})
    return audit


def forge(audit: Audit, lines: int) -> None:
    """Append lines that follow from the last one, each from the one before."""
    with audit.path.open("r+b") as file:
        last = file.read().splitlines(keepends=True)[-1]
        for _ in range(lines):
            previous = hashlib.sha256(last).hexdigest()
            entry = {"event": "answer", "answer": "approved", "previous": previous}
            last = json.dumps(entry).encode() + b"\n"
            file.write(last)


async def test_forged_lines_after_the_last_one_are_not_whole(audit: Audit) -> None:
    forge(await filled(audit), 3)
    found = await audit.verify()
    assert found.problems == [
        "3 lines at the end not known to the database: not written by sms-tools"
    ]


async def test_forged_lines_are_not_made_whole_by_what_is_written_after_them(audit: Audit) -> None:
    forge(await filled(audit), 3)
    await filled(audit, 2)
    assert "line 8 does not follow from the line before it" in (await audit.verify()).problems


async def test_one_line_ahead_is_said_as_such_now_and_later(audit: Audit) -> None:
    forge(await filled(audit), 1)
    found = await audit.verify()
    assert found.problems == []
    assert found.notes[0].startswith("line 5 is not confirmed by the database")
    await filled(audit, 2)
    found = await audit.verify()
    assert (found.lines, found.problems) == (7, [])
    assert found.notes[0].startswith("line 5 is not confirmed by the database")


async def test_a_line_ahead_that_is_changed_after_it_was_passed_over_shows(audit: Audit) -> None:
    forge(await filled(audit), 1)
    await filled(audit, 1)
    text = audit.path.read_text(encoding="utf-8").replace('"approved"', '"declined"')
    audit.path.write_text(text, encoding="utf-8")
    assert (await audit.verify()).problems


async def test_writing_goes_on_from_the_databases_head_and_not_from_the_files(
    audit: Audit,
) -> None:
    await filled(audit)
    head = await audit.head()
    forge(audit, 1)
    await filled(audit, 1)
    assert (await audit.read())[-1]["previous"] == head.hash
    assert (await audit.head()).lines == 5


async def test_a_last_line_that_is_taken_away_and_written_anew_shows(audit: Audit) -> None:
    await filled(audit)
    lines = audit.path.read_bytes().splitlines(keepends=True)
    audit.path.write_bytes(b"".join(lines[:-1]))
    forge(audit, 1)
    assert (await audit.verify()).problems
    await filled(audit, 1)
    assert (await audit.verify()).problems


async def test_a_link_in_place_of_the_file_is_neither_written_nor_read(
    audit: Audit, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"")
    await filled(audit)
    audit.path.unlink()
    audit.path.symlink_to(elsewhere)
    with pytest.raises(AuditError):
        await audit.record("call")
    with pytest.raises(AuditError, match="a link is not followed"):
        await audit.verify()
    assert elsewhere.read_bytes() == b""


async def test_a_check_never_cries_wolf_while_lines_are_written(audit: Audit) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(filled, audit, 60)
        for _ in range(60):
            found = await audit.verify()
            assert (found.problems, found.notes) == ([], [])
    assert (await audit.verify()).lines == 60


async def test_every_line_has_account_caller_plan_and_request_id(audit: Audit) -> None:
    await audit.record("call", account="sandbox", caller="stdio: one", plan_id="P1")
    (line,) = await audit.read()
    assert {"account", "caller", "plan_id", "request_id"} <= set(line)
    assert (line["plan_id"], line["request_id"]) == ("P1", None)


async def test_a_head_of_an_older_version_without_a_place_is_gone_on_from(
    audit: Audit, tmp_path: Path
) -> None:
    await filled(audit)
    with closing(State(tmp_path / "state")) as older:
        Audit(older, lambda: datetime(2026, 3, 1, tzinfo=UTC))
        await older.write(lambda db: db.execute("UPDATE audit_head SET size = NULL"))
    await filled(audit, 2)
    found = await audit.verify()
    assert (found.lines, found.problems, found.notes) == (6, [], [])
