"""Text, tables and colour by the columns of a terminal."""

import io

import pytest
from rich.cells import cell_len

from sms_tools.cli.screen import Screen, wrap


class Terminal(io.StringIO):
    """An output that is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("width", [6, 10, 40])
def test_wrapped_lines_fit_and_lose_nothing(width: int) -> None:
    text = "订单数据库服务器 stopped at /mnt/archive/very-long-directory-name twice"
    lines = wrap(text, width)
    assert all(0 < cell_len(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def tabled(rows: list[list[str]], width: int, numbers: tuple[str, ...] = ()) -> list[str]:
    out = io.StringIO()
    Screen(out, width).table(rows[0], rows[1:], numbers=numbers)
    return out.getvalue().splitlines()


def test_columns_stand_below_each_other_beside_wide_characters() -> None:
    rows = [["server", "phase", "n"], ["订单-01", "failed", "7"], ["db-1", "syncing", "12"]]
    lines = tabled(rows, 80, ("n",))
    starts = [
        cell_len(line[: line.index(word)])
        for line, word in zip(lines, ("phase", "failed", "syncing"), strict=True)
    ]
    assert starts == [9, 9, 9]
    assert {cell_len(line) for line in lines} == {cell_len(lines[0])}


@pytest.mark.parametrize("width", [40, 80, 140])
def test_a_table_that_is_too_wide_wraps_its_cells(width: int) -> None:
    rows = [["code", "cause"], ["SMS.3802", "word " * 60], ["SMS.订单", "x" * 300]]
    lines = tabled(rows, width)
    assert all(cell_len(line) <= width for line in lines)
    assert "".join("".join(lines).split()).count("x") == 300


def test_what_looks_like_markup_is_text() -> None:
    out = io.StringIO()
    screen = Screen(out)
    screen.table(["[bold]name"], [["[red]web-01[/red]"]])
    screen.say("[link=http://example.com]db-01 :smile:")
    assert "[bold]name" in out.getvalue()
    assert "[red]web-01[/red]" in out.getvalue()
    assert "[link=http://example.com]db-01 :smile:" in out.getvalue()


def test_a_strangers_control_characters_do_not_reach_the_terminal() -> None:
    out = io.StringIO()
    screen = Screen(out)
    screen.say("db\x1b[2J-01\u202e")
    screen.quote("line\x07 one\n- \x1b]0;title", "| ")
    screen.table(["name"], [["\x1b[31mred\x9b"]])
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(out.getvalue())


@pytest.mark.parametrize(
    ("out", "environment", "coloured"),
    [
        (Terminal(), {}, True),
        (Terminal(), {"NO_COLOR": "1"}, False),
        (Terminal(), {"TERM": "dumb"}, False),
        (io.StringIO(), {}, False),
    ],
    ids=["terminal", "NO_COLOR", "dumb terminal", "no terminal"],
)
def test_colour_is_for_terminals_that_want_it(
    out: io.StringIO, environment: dict[str, str], coloured: bool
) -> None:
    Screen.of(out, environment).say("failed", "red")
    assert ("\x1b[31m" in out.getvalue()) is coloured


def test_a_coloured_quotation_is_as_wide_as_a_plain_one() -> None:
    plain, coloured = io.StringIO(), io.StringIO()
    for out in (plain, coloured):
        Screen(out, 40, colour=out is coloured).quote("word " * 30, "| ", "yellow")
    lines = coloured.getvalue().replace("\x1b[33m", "").replace("\x1b[0m", "")
    assert lines == plain.getvalue()
