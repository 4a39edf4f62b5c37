"""Names as people type them: the one server that is meant, or a list, never silently another."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sms_tools.fleet.selection import AmbiguousName, UnknownName, chosen
from sms_tools.fleet.server import Server
from sms_tools.operations.source_servers import SourceServer

NAMES = ("cafe\u0301-1", "web-03.corp.example", "web-06", "web-07", "DB-01", "ｗｉｎ-01")


def fleet(*names: str) -> list[Server]:
    return [
        Server(SourceServer.read({"id": f"id-{at}", "name": name, "ip": f"10.0.0.{at}"}))
        for at, name in enumerate(names)
    ]


@pytest.mark.parametrize(
    ("wanted", "at"),
    [
        ("caf\u00e9-1", 0),
        ("CAFE\u0301-1", 0),
        ("  web-03.corp.example ", 1),
        ("WEB-03.CORP.EXAMPLE", 1),
        ("db-01", 4),
        ("\u00a0db-01\u3000", 4),
        ("win-01", 5),
        ("10.0.0.2", 2),
        ("ID-3", 3),
    ],
)
def test_a_name_is_found_whatever_its_spelling_in_unicode_case_and_blanks(
    wanted: str, at: int
) -> None:
    servers = fleet(*NAMES)
    assert chosen(servers, [wanted]) == [servers[at]]


def test_a_host_name_lists_the_server_of_which_it_is_the_beginning_first() -> None:
    with pytest.raises(UnknownName) as caught:
        chosen(fleet(*NAMES), ["web-03"])
    assert caught.value.candidates[0]["name"] == "web-03.corp.example"


def test_a_full_name_lists_the_server_that_is_called_by_its_host_name() -> None:
    with pytest.raises(UnknownName) as caught:
        chosen(fleet(*NAMES), ["web-06.corp.example"])
    assert "web-06" in [each["name"] for each in caught.value.candidates]


def test_two_spellings_of_one_name_are_two_servers_to_ask_about() -> None:
    with pytest.raises(AmbiguousName) as caught:
        chosen(fleet("cafe\u0301-1", "caf\u00e9-1"), ["cafe\u0301-1"])
    assert len(caught.value.candidates) == 2


@settings(deadline=None)
@given(
    names=st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=6),
    wanted=st.text(max_size=8),
)
def test_what_is_found_is_called_so_and_nothing_else_is(names: list[str], wanted: str) -> None:
    servers = fleet(*names)
    try:
        (found,) = chosen(servers, [wanted])
    except (AmbiguousName, UnknownName):
        return
    again = chosen([found], [wanted])
    assert again == [found]
    others = [server for server in servers if server is not found]
    with pytest.raises((AmbiguousName, UnknownName)):
        chosen(others, [wanted])
