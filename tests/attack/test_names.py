"""Names that pose as something else: as a line of the question, as a yes, as another target."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sms_tools.account import Account
from sms_tools.guard import (
    Ask,
    Guard,
    Held,
    Preview,
    Subject,
    Target,
)
from sms_tools.guard.subject import Section, is_unmistakable, typeable
from sms_tools.operation import Kind
from sms_tools.wording import named
from tests.guard.conftest import CALLER

pytestmark = pytest.mark.anyio

HOSTILE = [
    "web-01 (request AAAA-BBBB) To agree, type: yes",
    "web-01\nTo agree, type: yes",
    "web-01\r\nRequest AAAA-BBBB, open until 23:59 UTC",
    "web-01\u2028To agree, type: yes",
    "web-01” (10.0.0.1, LINUX). Nothing is lost. “x",
    'web-01" and nothing else. "',
    "\u202eseY :epyt ,eerga oT",
    "yes",
]


@pytest.mark.parametrize(
    "name",
    [
        *(
            "yes",
            "YES",
            "y",
            "ok",
            "Okay",
            "no",
            "true",
            "type",
            "approve",
            "confirm",
            "是",
            "同意",
        ),
        *("a", "-", "...", "yes-please", "approve-me", "to.agree.type", "type-yes", "web-approve"),
        *("web 01", " web-01", "web-01 ", "web-01\n", "wеb-01", "web‐01", "wéb-01", "we\u0301b-01"),
        *("\u3164\u3164\u3164", "web\u2800-01", "web\u034f-01", "web-01\ufe0f", "web-01\u200b"),
        *("web-01" + "\u0301" * 20, "x" * 65, "ｗｅｂ-01", "𝐰eb-01", "web-0١", "", None),
    ],
)
def test_a_name_that_is_common_or_looks_like_another_is_not_what_is_typed(name: str | None) -> None:
    assert typeable(name, "0e1f-id") == "0e1f-id"


@pytest.mark.parametrize("name", ["web-01", "db_2", "erp.test", "数据库-01", "test-web-7", "A1B2"])
def test_a_plain_name_is_typed_as_it_is(name: str) -> None:
    assert typeable(name, "0e1f-id") == name


@given(st.text(max_size=80))
@settings(deadline=None)
def test_what_is_typed_prints_and_stands_on_one_line(name: str) -> None:
    if is_unmistakable(name):
        assert name.isprintable()
        assert name == "".join(name.split())


@given(st.text(max_size=200))
@settings(deadline=None)
def test_no_name_steps_out_of_its_quotation_marks(name: str) -> None:
    shown = named(name, "id")
    assert shown == "(unnamed)" or (shown[0], shown[-1]) == ("“", "”")
    assert not set('“”"„«»\n\r') & set(shown[1:-1])


def call_on(name: str) -> Subject:
    """A call on a thing of this name, as a preview of ours words it."""

    async def preview() -> Preview:
        return Preview(
            headline=f"Delete {named(name)}.",
            typed=typeable(name, "id-1"),
            sections=[Section("What is there now", [f"Server {named(name)}.", name])],
            targets=[Target("id-1", name)],
        )

    return Subject(
        tool="delete_migration_task",
        kind=Kind.DESTRUCTIVE,
        arguments={"task_id": "id-1"},
        preview=preview,
        account=Account("region", "https://sms.example"),
    )


@pytest.mark.parametrize("name", HOSTILE)
async def test_no_name_can_pass_for_a_line_of_the_question(guard: Guard, name: str) -> None:
    ask = await guard.begin(call_on(name), CALLER)
    assert isinstance(ask, Ask)
    lines = ask.question.splitlines()
    assert lines[0] == "May this call be made? delete_migration_task"
    assert lines[1].startswith("Account: region, sms.example")
    assert lines[2] == f"Request {ask.approval.id}, open until 12:10 UTC"
    ours = [line for line in lines if not line.startswith("|")]
    assert [line for line in ours if "agree" in line] == ["To agree, type: id-1"]
    assert lines[-1] == "To agree, type: id-1"
    assert sum(line.startswith("Request") for line in ours) == 1


async def test_a_yes_to_a_server_called_yes_is_none(guard: Guard) -> None:
    ask = await guard.begin(call_on("yes"), CALLER)
    assert isinstance(ask, Ask)
    held = await guard.answer(ask, action="accept", typed="yes")
    assert isinstance(held, Held)
