"""A small writer of SVG: every text is escaped, colours are classes of the document.

A drawing takes the whole width that it is given. It has a name for whoever does not see it; what it
shows in full stands in the tables beside it.
"""

from collections.abc import Sequence
from html import escape
from typing import Final, Self

WIDTH: Final = 680
"""The units of a drawing's width: about the pixels of A4 between its margins."""
Point = tuple[float, float]


class Svg:
    """A drawing that is being made."""

    def __init__(self, height: float, name: str) -> None:
        """An empty drawing of *height* units, called *name*."""
        self._height = height
        self._name = name
        self._parts: list[str] = []

    def rect(self, x: float, y: float, width: float, height: float, style: str) -> Self:
        """A box; *style* is one of the document's classes."""
        return self._add("rect", style, x=x, y=y, width=max(width, 0), height=height)

    def line(self, begin: Point, end: Point, style: str) -> Self:
        """A straight line."""
        return self._add("line", style, x1=begin[0], y1=begin[1], x2=end[0], y2=end[1])

    def path(self, points: Sequence[Point], style: str, *, closed: bool = False) -> Self:
        """A line through *points*, or the area within."""
        shape = " ".join(f"{_short(x)},{_short(y)}" for x, y in points)
        tag = "polygon" if closed else "polyline"
        self._parts.append(f'<{tag} points="{shape}" class="{escape(style)}"/>')
        return self

    def text(
        self, x: float, y: float, words: str, style: str = "", *, anchor: str = "", turn: int = 0
    ) -> Self:
        """*words* with their baseline at *y*; *anchor* is ``middle`` or ``end``, *turn* degrees."""
        more = f' text-anchor="{anchor}"' if anchor else ""
        more += f' transform="rotate({turn} {_short(x)} {_short(y)})"' if turn else ""
        kind = f' class="{escape(style)}"' if style else ""
        place = f'x="{_short(x)}" y="{_short(y)}"'
        self._parts.append(f"<text {place}{kind}{more}>{escape(words)}</text>")
        return self

    def __str__(self) -> str:
        """The drawing as an element of a document."""
        box = f"0 0 {WIDTH} {_short(self._height)}"
        opening = f'<svg viewBox="{box}" role="img" aria-label="{escape(self._name)}">'
        return f"{opening}{''.join(self._parts)}</svg>"

    def _add(self, tag: str, style: str, **numbers: float) -> Self:
        values = " ".join(f'{name}="{_short(value)}"' for name, value in numbers.items())
        self._parts.append(f'<{tag} {values} class="{escape(style)}"/>')
        return self


def cut(words: str, most: int) -> str:
    """*words* in at most *most* characters, so that they do not run into what is beside them."""
    return words if len(words) <= most else words[: most - 1] + "…"


def _short(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")
