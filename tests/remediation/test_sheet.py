"""The sheet of a migration: read as people paste it, each mistake at its line and column."""

import pytest

from sms_tools.errors import RequestRefused
from sms_tools.remediation.sheet import Sheet, sheet_of_csv, sheet_of_rows
from sms_tools.text import guarded


def limits(sheet: Sheet) -> list[tuple[str, str, int]]:
    return [(each.start, each.end, each.speed) for each in sheet.rows[0].wish.limits]


def wrong(sheet: Sheet) -> dict[int, list[str]]:
    return {row.line: [p.column for p in row.problems] for row in sheet.rows if row.problems}


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_comma_semicolon_and_tab_read_alike(delimiter: str, end: str, mark: str) -> None:
    cells = [
        ["Template", "Server", "Limits", "Use public IP"],
        ["web", "a-1", '"08:00-20:00=20;20:00-08:00=100"', "no"],
        ["", "", "", ""],
        ["web", "a-2", "", "TRUE"],
    ]
    text = mark + end.join(delimiter.join(row) for row in cells) + end
    sheet = sheet_of_csv(text)
    assert wrong(sheet) == {}
    assert [(row.line, row.wish.server) for row in sheet.rows] == [(2, "a-1"), (4, "a-2")]
    assert [row.wish.use_public_ip for row in sheet.rows] == [False, True]
    assert limits(sheet) == [
        ("08:00", "20:00", 20),
        ("20:00", "23:59", 100),
        ("00:00", "08:00", 100),
    ]


def test_a_line_break_in_quotes_does_not_move_the_lines_that_follow() -> None:
    sheet = sheet_of_csv('server,type\n"a\nb",file\nc,odd\n')
    assert [row.line for row in sheet.rows] == [2, 4]
    assert wrong(sheet) == {4: ["type"]}


def test_a_spreadsheets_own_first_line_is_no_line_of_the_sheet() -> None:
    sheet = sheet_of_csv("sep=;\nserver;type\na;file\n")
    assert [(row.line, row.wish.type) for row in sheet.rows] == [(2, "MIGRATE_FILE")]


@pytest.mark.parametrize("name", ["=1+1", "+1", "-web", "@SUM(A1)"])
def test_the_guard_against_formulas_is_taken_off_again(name: str) -> None:
    shown = guarded(name)
    assert shown.startswith("'")
    assert sheet_of_csv(f"server\n{shown}\n").rows[0].wish.server == name
    assert sheet_of_csv("server\n'quoted'\n").rows[0].wish.server == "'quoted'"


def test_several_paths_and_defaults_and_what_a_row_says_itself() -> None:
    sheet = sheet_of_csv(
        "server,exclude,syncing\na,/var/cache|/tmp/x,\nb,,false\n",
        {"exclude": "/data", "template": "web", "syncing": True},
    )
    first, second = (row.wish for row in sheet.rows)
    assert (first.exclude, first.syncing, first.template) == (("/var/cache", "/tmp/x"), True, "web")
    assert (second.exclude, second.syncing) == (("/data",), False)


def test_syncing_is_on_unless_somebody_says_otherwise() -> None:
    assert sheet_of_csv("server\na\n").rows[0].wish.syncing is True
    assert sheet_of_rows([{"server": "a"}]).rows[0].wish.syncing is True


def test_a_column_that_nobody_knows_is_said_and_left_out() -> None:
    sheet = sheet_of_csv("server,owner,syncing\na,Eve,yes\n")
    assert "owner" in sheet.notes[0]
    assert wrong(sheet) == {}


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("type", "disk"),
        ("syncing", "perhaps"),
        ("limits", "08:00=20"),
        ("limits", "08:00-12:00=0"),
        ("limits", "08:00-12:00=20;11:00-13:00=30"),
        ("limits", "25:00-26:00=20"),
        ("order", "first"),
        ("order", "²"),
        ("exclude", "var/cache"),
        ("migration_ip", "10.0.0"),
        ("network_check", "2"),
    ],
)
def test_a_cell_that_cannot_be_meant_hides_no_other_row(column: str, cell: str) -> None:
    sheet = sheet_of_csv(f'server,{column}\na,"{cell}"\nb,\n')
    assert wrong(sheet) == {2: [column]}
    assert sheet.rows[1].wish.server == "b"


def test_objects_say_the_same_as_cells() -> None:
    rows = [
        {
            "server": "a",
            "syncing": "no",
            "exclude": ["/x"],
            "limits": [{"start": "00:00", "end": "23:59", "speed": 5}],
        }
    ]
    sheet = sheet_of_rows(rows)
    wish = sheet.rows[0].wish
    assert (wish.syncing, wish.exclude, limits(sheet)) == (False, ("/x",), [("00:00", "23:59", 5)])


@pytest.mark.parametrize("text", ["", "web-01\nweb-02\n", "name,type\na,file\n"])
def test_without_a_header_that_names_the_server_the_sheet_is_refused(text: str) -> None:
    with pytest.raises(RequestRefused, match="first line"):
        sheet_of_csv(text)


def test_consistency_settings_and_ids_are_columns_too() -> None:
    text = (
        "server;consistency;consistency_paths;consistency_mode;id\n"
        "a;yes;/srv|/data;quick;\n;;;;1234\nb;;relative;two words;\n"
    )
    first, second, third = sheet_of_csv(text).rows
    assert first.wish.consistency is True
    assert first.wish.consistency_paths == ("/srv", "/data")
    assert first.wish.consistency_mode == "quick"
    assert second.problems == []
    assert second.wish.named == "1234"
    assert [p.column for p in third.problems] == ["consistency_paths", "consistency_mode"]


def test_a_row_that_ends_early_leaves_its_last_columns_out() -> None:
    sheet = sheet_of_csv(
        "server,template,type\nweb-01,datacentre\nweb-02,datacentre,MIGRATE_FILE\n"
    )
    assert not any(row.problems for row in sheet.rows)
    assert [row.wish.type for row in sheet.rows] == [None, "MIGRATE_FILE"]
