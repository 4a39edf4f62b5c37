"""What a person sees at a terminal: colour, tables and wrapped text, by display width.

A Chinese character takes two columns of a terminal and a combining accent none, so nothing here
counts characters. Text comes in from strangers (host names, messages of the service): it is
cleaned of control characters before it is laid out, and colour is added last.
"""

import os
import shutil
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self, TextIO

from sms_tools.text import clean

_STYLES: Final[Mapping[str, str]] = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "cyan": "36",
}
_NARROWEST: Final = 40
_WIDEST: Final = 140
"""Columns; longer lines are hard to read, however wide the terminal is."""
_GAP: Final = 2
_LEAST_COLUMN: Final = 6


def columns_of(text: str) -> int:
    """How many columns of a terminal *text* takes."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def _columns(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def padded(text: str, width: int, *, right: bool = False) -> str:
    """*text* with spaces after it, or before it with *right*, up to *width* columns."""
    space = " " * (width - columns_of(text))
    return space + text if right else text + space


def wrap(text: str, width: int) -> list[str]:
    """*text* in lines of at most *width* columns; a word that is longer is broken."""
    lines = [""]
    for word in clean(text).split():
        joined = f"{lines[-1]} {word}" if lines[-1] else word
        if columns_of(joined) <= width:
            lines[-1] = joined
            continue
        *whole, rest = _pieces(word, width)
        lines += [*whole, rest]
    return lines if lines[0] or len(lines) == 1 else lines[1:]


def _pieces(word: str, width: int) -> list[str]:
    """*word* cut into pieces of at most *width* columns, each of at least one character."""
    pieces, used = [""], 0
    for character in word:
        takes = _columns(character)
        if pieces[-1] and used + takes > width:
            pieces.append("")
            used = 0
        pieces[-1] += character
        used += takes
    return pieces


def column_widths(rows: Sequence[Sequence[str]], width: int) -> list[int]:
    """How wide the columns of *rows* are so that all fit into *width*: the widest give way."""
    found = [max(map(columns_of, column)) for column in zip(*rows, strict=True)]
    room = width - _GAP * (len(found) - 1)
    while sum(found) > room and max(found) > _LEAST_COLUMN:
        found[found.index(max(found))] -= 1
    return found


def table(rows: Sequence[Sequence[str]], width: int, *, numbers: frozenset[int]) -> list[str]:
    """*rows* as aligned lines of at most *width* columns; a cell that is too long is wrapped.

    The columns in *numbers* are aligned to the right.
    """
    rows = [[" ".join(clean(cell).split()) for cell in row] for row in rows]
    widths = column_widths(rows, width)
    lines = []
    for row in rows:
        cells = [wrap(cell, columns) for cell, columns in zip(row, widths, strict=True)]
        for line in range(max(map(len, cells))):
            parts = [
                padded(cell[line] if line < len(cell) else "", columns, right=index in numbers)
                for index, (cell, columns) in enumerate(zip(cells, widths, strict=True))
            ]
            lines.append((" " * _GAP).join(parts).rstrip())
    return lines


@dataclass(frozen=True)
class Screen:
    """Where a person reads: how wide it is, and whether it shows colour."""

    out: TextIO
    width: int = 80
    colour: bool = False

    @classmethod
    def of(cls, out: TextIO, environment: Mapping[str, str]) -> Self:
        """The screen behind *out*, which shows colour only if it is a terminal that wants it."""
        wanted = not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"
        width = shutil.get_terminal_size((80, 24)).columns
        return cls(
            out=out,
            width=min(max(width - 1, _NARROWEST), _WIDEST),
            colour=wanted and out.isatty() and sys.platform != "win32",
        )

    def paint(self, text: str, *styles: str) -> str:
        """*text* in the given styles, or as it is where there is no colour."""
        codes = ";".join(_STYLES[style] for style in styles)
        return f"\x1b[{codes}m{text}\x1b[0m" if self.colour and codes and text else text

    def line(self, text: str = "") -> None:
        """Write one line as it is: laid out and cleaned already."""
        print(text, file=self.out, flush=True)

    def prompt(self, text: str) -> None:
        """Write *text* and leave the cursor behind it."""
        print(self.paint(text, "bold"), end="", file=self.out, flush=True)

    def rule(self, before: int, *styles: str) -> str:
        """A line from column *before* to the right edge."""
        return self.paint("─" * max(0, self.width - before), *styles)

    def say(self, text: str, *styles: str, indent: int = 0, first: str = "") -> None:
        """Write *text*, wrapped; *first* stands before its first line, in the indentation."""
        indent = max(indent, columns_of(first))
        for number, line in enumerate(wrap(text, self.width - indent)):
            before = padded(first if number == 0 else "", indent)
            self.line(self.paint(before + line, *styles).rstrip())

    def quote(self, text: str, edge: str, *styles: str) -> None:
        """Write *text* with its own lines kept, each wrapped behind *edge* in the given styles."""
        before = self.paint(edge, *styles)
        for paragraph in text.splitlines():
            # What goes on in the next line stays what it was: behind a bar, or part of an entry.
            bar = "| " if paragraph.startswith("| ") else ""
            hang = bar + ("  " if paragraph.removeprefix(bar).startswith("- ") else "")
            for number, line in enumerate(wrap(paragraph, self.width - columns_of(edge + hang))):
                self.line(before + (hang if number else "") + line)

    def table(
        self,
        head: Sequence[str],
        rows: Iterable[Sequence[str]],
        *,
        indent: int = 0,
        numbers: Sequence[str] = (),
    ) -> None:
        """Write a table under *head*; the columns named in *numbers* are aligned to the right."""
        right = frozenset(index for index, title in enumerate(head) if title in numbers)
        whole = [list(head), *map(list, rows)]
        lines = table(whole, self.width - indent, numbers=right)
        widths = column_widths(whole, self.width - indent)
        titles = max(len(wrap(*each)) for each in zip(head, widths, strict=True))
        for number, line in enumerate(lines):
            styles = ("dim",) if number < titles else ()
            self.line(" " * indent + self.paint(line, *styles))


def standard_output() -> Screen:
    """The screen behind standard output; what its encoding lacks is written as a question mark."""
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure:
        reconfigure(errors="replace")
    return Screen.of(sys.stdout, os.environ)
