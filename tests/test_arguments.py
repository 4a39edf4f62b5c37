"""The one rule for arguments, where it does not need a server to be seen."""

import pytest

from sms_tools.arguments import near, placeholder_in, take
from sms_tools.diagnosis.overview import MigrationOverview
from sms_tools.operations.tasks import ManageMigrationTask


@pytest.mark.parametrize(
    "name", ["the-app-01", "your-shop-db", "web-01", "8abda8635e09d185015e09d188dd0001", "id-77"]
)
def test_a_real_name_is_no_placeholder(name: str) -> None:
    assert placeholder_in({"servers": [name], "task_id": name}) is None


@pytest.mark.parametrize("name", ["<server>", "your_server", "your_server_name", "server_id"])
def test_a_placeholder_is_told_by_its_argument(name: str) -> None:
    assert placeholder_in({"limit": 1, "servers": [name]}) == "servers"


def test_a_name_that_reads_as_json_stays_a_name() -> None:
    taken = take(MigrationOverview, {"servers": "null", "project": "123"}, reads=True)
    assert taken.arguments == {"servers": ["null"], "project": "123"}


def test_blanks_within_a_list_are_left_out_of_a_read() -> None:
    taken = take(MigrationOverview, {"servers": ["", " web-01 ", None]}, reads=True)
    assert taken.arguments == {"servers": [" web-01 "]}


def test_a_write_keeps_what_is_empty() -> None:
    given = {"task_id": "t", "operation": "STOP", "template_id": ""}
    taken = take(ManageMigrationTask, given, reads=False)
    assert taken.arguments == {**given, "operation": "stop"}


@pytest.mark.parametrize(
    ("said", "known", "meant"),
    [
        ("pause", ["start", "stop", "test"], "stop"),
        ("Test-Copy", ["clone_test", "test"], "clone_test"),
        ("go live", ["start", "test"], "test"),
        ("project", ["name", "migproject"], "migproject"),
        ("sever", ["server", "project"], "server"),
    ],
)
def test_what_is_near_is_the_service_s_word_for_it(said: str, known: list[str], meant: str) -> None:
    assert near(said, known)[0] == meant


def test_nothing_is_near_what_is_not() -> None:
    assert near("colour", ["name", "limit"]) == []
