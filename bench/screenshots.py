"""Pictures of board and report over the sandbox's fleets, light and dark, for people to look at.

Usage: ``python -m bench.screenshots [--out FOLDER] [--docs]``

With ``--docs`` the two pictures of the README are written anew. The exit status is 1 if a page logs
an error, asks anything of a network, leaves the policy that hosts set, or scrolls sideways; 2 where
something is not installed.
"""

import argparse
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import anyio

from bench.browser import Host, missing, open_host
from bench.scenes import answer_of, open_scene
from sms_tools.board.page import page
from sms_tools.remediation.report import ExportReport, Kind, read_report

_SCENARIOS: Final = ("mixed", "cutover-night", "large", "whole-wave")
_BOARDS: Final[Mapping[str, Mapping[str, Any]]] = {
    "migration_overview": {},
    "summarize_progress": {"deadline": "12h"},
    "summarize_failed_servers": {},
    "check_cutover_readiness": {},
}
_REPORTS: Final[tuple[Kind, ...]] = ("status", "readiness", "failures")
_WIDTHS: Final = (400, 800, 1_600)
_THEMES: Final = ("light", "dark")
_DOCS: Final = Path(__file__).parents[1] / "docs"
_IN_DOCS: Final = {
    "board.png": ("board", "mixed", "summarize_progress", "light", 1_000),
    "report.png": ("report", "cutover-night", "readiness", "light", 800),
}
_MOST_BYTES: Final = 200_000


class Shots:
    """What was drawn, and what was wrong with it."""

    def __init__(self, host: Host, folder: Path) -> None:
        """Draw with *host* into *folder*."""
        self._host = host
        self._folder = folder
        self.faults: list[str] = []
        self.made = 0

    def board(
        self,
        name: str,
        tool: str,
        result: Mapping[str, Any],
        theme: str,
        width: int,
        *,
        docs: bool = False,
    ) -> Path:
        """The board of *result*; for the *docs* with the copies that end last on top."""
        path = self._folder / f"{name}.png"
        asked = dict(_BOARDS[tool])
        self._host.open(
            tool, result=result, arguments=asked, html=page(), theme=theme, width=width, height=800
        )
        if docs:
            self._host.do("choose", selector="#order", value="latest")
        self._note(name, self._host.do("seen"))
        self._host.do("shot", path=str(path))
        self._host.do("close")
        return path

    def report(self, name: str, html: str, theme: str, width: int, *, most: int = 4_000) -> Path:
        """The report *html*, its first *most* pixels."""
        path = self._folder / f"{name}.png"
        seen = self._host.print(html, theme=theme, width=width, picture=str(path), most=most)
        self._note(name, seen)
        return path

    def _note(self, name: str, seen: Mapping[str, Any]) -> None:
        self.made += 1
        wrong = {key: seen[key] for key in ("errors", "requests", "violations") if seen[key]}
        if seen["sideways"] > 0:
            wrong["sideways"] = seen["sideways"]
        if wrong:
            self.faults.append(f"{name}: {wrong}")


async def _seen(scenario: str) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """The answers of *scenario* with their boards' data, and its reports."""
    async with open_scene(scenario) as desk:
        boards = {tool: await answer_of(desk, tool, asked) for tool, asked in _BOARDS.items()}
        reports: dict[str, str] = {}
        for kind in _REPORTS:
            answer = await ExportReport(kind=kind, format="html").answer(desk)
            name = answer["uri"].removeprefix("sms://reports/")
            reports[kind] = await read_report(desk, name)
        return boards, reports


def _draw(shots: Shots, scenario: str, docs: bool) -> None:
    boards, reports = anyio.run(_seen, scenario)
    for theme in _THEMES:
        for width in _WIDTHS:
            for tool, result in boards.items():
                shots.board(f"board-{scenario}-{tool}-{theme}-{width}", tool, result, theme, width)
            for kind, html in reports.items():
                shots.report(f"report-{scenario}-{kind}-{theme}-{width}", html, theme, width)
    for name, (surface, where, what, theme, width) in _IN_DOCS.items():
        if not docs or where != scenario:
            continue
        if surface == "board":
            path = shots.board(
                name.removesuffix(".png"), what, boards[what], theme, width, docs=True
            )
        else:
            path = shots.report(name.removesuffix(".png"), reports[what], theme, width, most=1_000)
        picture = path.read_bytes()
        if len(picture) > _MOST_BYTES:
            shots.faults.append(f"{name}: {len(picture)} bytes, bound {_MOST_BYTES}")
        (_DOCS / name).write_bytes(picture)


def main() -> int:
    """Draw all, and say what is wrong."""
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--out", type=Path, help="where to; a new folder if left out")
    options.add_argument("--docs", action="store_true", help="write the README's two pictures")
    given = options.parse_args()
    if gap := missing():
        print(f"not drawn: {gap}")
        return 2
    folder = given.out or Path(tempfile.mkdtemp(prefix="sms-tools-screenshots-"))
    folder.mkdir(parents=True, exist_ok=True)
    with open_host() as host:
        shots = Shots(host, folder)
        for scenario in _SCENARIOS:
            _draw(shots, scenario, given.docs)
    print(f"{shots.made} pictures in {folder}")
    for fault in shots.faults:
        print(fault)
    return int(bool(shots.faults))


if __name__ == "__main__":
    sys.exit(main())
