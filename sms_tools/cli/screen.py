"""What a person sees at a terminal: colour, tables and wrapped text; rich draws.

Text comes in from strangers (host names, messages of the service): it is cleaned of control
characters before it is laid out, and nothing in it is read as markup.
"""

import os
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self, TextIO

from rich.cells import cell_len, set_cell_size
from rich.color import ColorSystem
from rich.console import Console
from rich.style import Style
from rich.table import Table
from rich.text import Text

from sms_tools.text import clean

_NARROWEST: Final = 40
_WIDEST: Final = 140
"""Columns; longer lines are hard to read, however wide the terminal is."""
_GAP: Final = 2
_LAYOUT: Final = Console(file=None, color_system=None, width=_WIDEST)


def wrap(text: str, width: int) -> list[str]:
    """*text* in lines of at most *width* columns; a word that is longer is broken."""
    flowing = Text(" ".join(clean(text).split()))
    return [line.plain.rstrip() for line in flowing.wrap(_LAYOUT, width, overflow="fold")] or [""]


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
        if not (self.colour and styles and text):
            return text
        return Style.parse(" ".join(styles)).render(text, color_system=ColorSystem.STANDARD)

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
        indent = max(indent, cell_len(first))
        for number, line in enumerate(wrap(text, self.width - indent)):
            before = set_cell_size(first if number == 0 else "", indent)
            self.line(self.paint(before + line, *styles).rstrip())

    def quote(self, text: str, edge: str, *styles: str) -> None:
        """Write *text* with its own lines kept, each wrapped behind *edge* in the given styles."""
        before = self.paint(edge, *styles)
        for paragraph in text.splitlines():
            # What goes on in the next line stays what it was: behind a bar, or part of an entry.
            bar = "| " if paragraph.startswith("| ") else ""
            hang = bar + ("  " if paragraph.removeprefix(bar).startswith("- ") else "")
            for number, line in enumerate(wrap(paragraph, self.width - cell_len(edge + hang))):
                self.line(before + (hang if number else "") + line)

    def table(
        self,
        head: Sequence[str],
        rows: Iterable[Sequence[str]],
        *,
        indent: int = 0,
        numbers: Sequence[str] = (),
    ) -> None:
        """Write a table under *head*; the columns named in *numbers* are aligned to the right.

        A cell that is too long for its column is wrapped.
        """
        drawn = Table(box=None, padding=(0, _GAP, 0, 0), pad_edge=False, header_style="dim")
        for title in head:
            drawn.add_column(
                Text(title), justify="right" if title in numbers else "left", overflow="fold"
            )
        for row in rows:
            drawn.add_row(*(Text(" ".join(clean(cell).split())) for cell in row))
        console = Console(
            file=self.out,
            width=self.width - indent,
            color_system="standard" if self.colour else None,
            force_terminal=self.colour,
            legacy_windows=False,
        )
        with console.capture() as drawing:
            console.print(drawn)
        for line in drawing.get().splitlines():
            self.line((" " * indent + line).rstrip())


def standard_output() -> Screen:
    """The screen behind standard output; what its encoding lacks is written as a question mark."""
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure:
        reconfigure(errors="replace")
    return Screen.of(sys.stdout, os.environ)
