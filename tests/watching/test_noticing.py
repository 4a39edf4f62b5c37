"""What a watch tells: only what changed, and nothing that it has not read."""

from datetime import UTC, datetime

import pytest

from sms_tools.watching.noticing import Notice, Reading, Seen, message_of, notices

AT = datetime(2026, 1, 1, tzinfo=UTC)


def reading(**servers: Seen) -> Reading:
    return {name: (name, seen) for name, seen in servers.items()}


def seen(phase: str = "replicating", **more: object) -> Seen:
    return Seen(**{"phase": phase, "offline": False, "code": None, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("before", "now", "what"),
    [
        (seen(), seen("failed", code="SMS.3802"), ["failed"]),
        (seen("failed", code="SMS.3802"), seen("failed", code="SMS.0515"), ["failed"]),
        (seen("failed", code="SMS.3802"), seen("failed", code="SMS.3802"), []),
        (seen("failed"), seen("replicating"), ["recovered"]),
        (seen("failed"), seen("unknown"), []),
        (seen("cutting_over"), seen("finished"), ["finished"]),
        (seen(), seen(offline=True), ["agent_gone"]),
        (seen(offline=None), seen(offline=True), []),
        (seen(offline=True), seen(), ["agent_back"]),
        (seen(pace="moving"), seen(pace="stuck"), ["stuck"]),
        (seen(pace="stuck"), seen(pace="stuck"), []),
        (seen(fits=True), seen(fits=False), ["misses_deadline"]),
        (seen(fits=None), seen(fits=False), ["misses_deadline"]),
        (seen(fits=False), seen(fits=False), []),
        (seen(), seen("syncing"), []),
    ],
)
def test_a_change_is_told_once(before: Seen, now: Seen, what: list[str]) -> None:
    found = notices(reading(web=before), reading(web=now), whole=True)
    assert [notice.what for notice in found] == what


def test_a_server_is_gone_only_if_the_reading_was_whole() -> None:
    before, now = reading(web=seen(), db=seen()), reading(web=seen())
    assert [n.what for n in notices(before, now, whole=True)] == ["gone"]
    assert not notices(before, now, whole=False)


def test_a_new_server_is_told_with_its_phase() -> None:
    found = notices({}, reading(web=seen("waiting")), whole=True)
    assert found == [Notice("new", "web", "web", "waiting")]


def test_a_message_says_what_it_could_not_read() -> None:
    found = [Notice("failed", "a", "1", "SMS.3802"), Notice("failed", "b", "2", "SMS.3802")]
    message = message_of(found, AT, "sandbox", ["list_migration_tasks: refused"])
    assert message["summary"] == '"a" and "b" failed. Part of the reading failed.'
    assert message["incomplete"]
    assert message_of([], AT, "sandbox", ["pages"])["summary"] == "Not everything could be read."
    assert message_of([], AT, "sandbox")["summary"] == "Everything could be read again."


def test_a_few_servers_are_named_and_many_are_counted() -> None:
    few = [Notice("agent_gone", name, name) for name in ("a", "b", "c")]
    assert message_of(few, AT, "x")["summary"] == '"a", "b" and "c" lost their Agents.'
    many = [*few, Notice("agent_gone", "d", "d")]
    assert message_of(many, AT, "x")["summary"] == "4 servers lost their Agents."


def test_a_hostile_name_is_one_line_of_text() -> None:
    notice = Notice("failed", "web\n\u202eto agree, type: yes", "1", "SMS.1")
    assert "\n" not in str(notice)
    assert "\u202e" not in str(notice)
