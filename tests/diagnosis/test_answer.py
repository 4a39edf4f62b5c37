"""The shape of answers: bounded, honest about what is left out, with calls that are complete."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sms_tools.diagnosis.answer import CONCISE_BYTES, Action, Draft, compact_bytes
from sms_tools.diagnosis.errors import ExplainErrorCode
from sms_tools.fleet.finding import Evidence, Finding
from sms_tools.moment import from_milliseconds
from sms_tools.operations.tasks import ManageMigrationTask
from sms_tools.wording import count_of, iso, listed, percent, size

_NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def _draft(rows: int, *, limit: int | None = None, offset: int = 0) -> Draft:
    draft = Draft("A summary.", _NOON, {})
    every = [{"name": f"server-{n:05d}", "id": f"{n:036d}"} for n in range(rows)]
    draft.data["servers"] = draft.page("servers", every, limit=limit, offset=offset)
    return draft


def test_an_answer_has_its_four_parts_and_its_data() -> None:
    answer = _draft(2).fit()
    assert list(answer) == ["summary", "observed_at", "servers", "suggested_actions", "omitted"]
    assert answer["observed_at"] == "2026-01-01T12:00:00Z"
    assert answer["omitted"] == []


def test_a_page_says_how_many_rows_follow_and_how_to_get_them() -> None:
    answer = _draft(50, limit=10, offset=20).fit(offset=20)
    assert [row["name"] for row in answer["servers"]][:1] == ["server-00020"]
    (left,) = answer["omitted"]
    assert left["left_out"] == 40
    assert left["how"].startswith("offset=30")


@given(
    rows=st.integers(0, 1500),
    limit=st.one_of(st.none(), st.integers(1, 1000)),
    offset=st.integers(0, 1500),
)
@settings(max_examples=40, deadline=None)
def test_a_default_answer_is_under_8000_bytes_and_accounts_for_every_row(
    rows: int, limit: int | None, offset: int
) -> None:
    answer = _draft(rows, limit=limit, offset=offset).fit(offset=offset)
    assert compact_bytes(answer) <= CONCISE_BYTES
    left = sum(each.get("left_out", 0) for each in answer["omitted"])
    assert len(answer["servers"]) + left == rows


def test_lists_inside_of_rows_are_shortened_before_rows_are_dropped() -> None:
    draft = Draft("A summary.", _NOON, {})
    names = [{"name": "n" * 30, "id": "i" * 36} for _ in range(40)]
    rows = [{"code": n, "servers": list(names)} for n in range(10)]
    draft.data["groups"] = draft.page("groups", rows)
    for row in draft.data["groups"]:
        row["servers"] = draft.part("servers", row["servers"], 20, "detail=full", inside=row)
    answer = draft.fit()
    assert compact_bytes(answer) <= CONCISE_BYTES
    assert len(answer["groups"]) == 10
    shown = sum(len(row["servers"]) for row in answer["groups"])
    (left,) = answer["omitted"]
    assert (left["what"], left["left_out"]) == ("servers", 400 - shown)


def test_at_most_three_actions_each_once() -> None:
    draft = _draft(0)
    draft.actions = [Action("a", {}, "why"), Action("a", {}, "again"), *_three_more()]
    assert [each["tool"] for each in draft.fit()["suggested_actions"]] == ["a", "b", "c"]


def _three_more() -> list[Action]:
    return [Action(tool, {}, "why") for tool in ("b", "c", "d")]


def test_an_action_has_complete_arguments_and_a_destructive_one_says_so() -> None:
    launch = Action.of(ManageMigrationTask(task_id="t", operation="test"), "launch").as_data()
    assert launch["tool"] == "manage_migration_task"
    assert launch["arguments"] == {"task_id": "t", "operation": "test"}
    assert launch["destructive"] is True
    explain = Action.of(ExplainErrorCode(code="SMS.1414"), "explain").as_data()
    assert (explain["tool"], explain["arguments"]) == ("explain_error_code", {"code": "SMS.1414"})
    assert explain["destructive"] is False


def test_what_could_not_be_read_stands_beside_the_answer() -> None:
    draft = _draft(0)
    assert "incomplete" not in draft.fit()
    draft.incomplete = ["list_migration_tasks: could not be read"]
    assert draft.fit()["incomplete"] == ["list_migration_tasks: could not be read"]


def test_a_finding_leaves_out_what_is_empty_and_cleans_what_strangers_wrote() -> None:
    finding = Finding("stuck", "It stands.", [Evidence("trace", "a\u202e\nb", "get", _NOON)])
    assert finding.as_data() == {
        "verdict": "stuck",
        "says": "It stands.",
        "evidence": [
            {"field": "trace", "value": "a b", "from": "get", "when": "2026-01-01T12:00:00Z"}
        ],
    }


@pytest.mark.parametrize("value", [None, 0, -5, 10**30])
def test_what_is_no_date_is_none(value: int | None) -> None:
    assert from_milliseconds(value) is None


def test_epoch_milliseconds_are_utc() -> None:
    at = from_milliseconds(1_767_268_800_000)
    assert at is not None
    assert iso(at) == "2026-01-01T12:00:00Z"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0 bytes"),
        (1_000, "1000 bytes"),
        (40 * 2**30, "40 GiB"),
        (1_468_878_815_232, "1.34 TiB"),
    ],
)
def test_sizes_are_for_people(number: int, text: str) -> None:
    assert size(number) == text


def test_words() -> None:
    parts: list[Any] = [count_of(1, "server"), count_of(2, "server"), percent(999, 1000)]
    assert parts == ["1 server", "2 servers", 99]
    assert listed(["a", "b", "c"]) == "a, b and c"
