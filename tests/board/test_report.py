"""Reports as HTML: their drawings, on the screen and on paper, looked at page by page."""

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench.browser import Host
from bench.screenshots import Shots
from sms_tools.drawing import charts
from sms_tools.fleet.reading import read_fleet
from sms_tools.remediation.report import ExportReport, Kind, read_report
from tests.bureau import Bureau

pytestmark = pytest.mark.anyio

HOSTILE = "<img src=x onerror=alert(1)>\"'&"
A4 = (595, 842)
"""In points."""
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


async def watched(place: Bureau, hours: int = 2) -> Bureau:
    """The place after some hours in which it was read every ten minutes."""
    for _ in range(hours * 6):
        await read_fleet(place.desk, fresh=True)
        place.clock.advance(600)
    return place


async def written(place: Bureau, kind: Kind) -> str:
    answer = await place.ask(ExportReport(kind=kind, format="html"))
    name = answer["uri"].removeprefix("sms://reports/")
    return await read_report(place.desk, name)


def drawings(html: str) -> Sequence[ElementTree.Element]:
    """The SVGs of a document, which have to be well-formed."""
    found = re.findall(r"<svg .*?</svg>", html, re.DOTALL)
    return [ElementTree.fromstring(each) for each in found]  # noqa: S314 (our own)


def texts(drawing: ElementTree.Element) -> str:
    return " ".join(each.text or "" for each in drawing.iter("text"))


async def test_a_status_draws_phases_course_ranges_and_how_estimates_did(
    bureau: Callable[..., Bureau],
) -> None:
    html = await written(await watched(bureau("mixed")), "status")
    names = [each.attrib["aria-label"] for each in drawings(html)]
    assert [name.split(":")[0].split(" of")[0] for name in names] == [
        "Phases",
        "Copied",
        "Estimated ends",
        "How earlier estimates did",
    ]


async def test_a_readiness_draws_every_gate_of_every_server_and_the_night(
    bureau: Callable[..., Bureau],
) -> None:
    html = await written(bureau("cutover-night"), "readiness")
    phases, grid, night = drawings(html)
    gates = [each for each in grid.iter("rect") if each.attrib["class"].startswith("gate-")]
    assert len(gates) == 12 * 12
    assert "gate-unknown" in {each.attrib["class"] for each in gates}
    assert "?" in texts(grid)
    assert "shop-web-01" in texts(night)
    assert "failed" in texts(phases)


async def test_failures_are_drawn_by_cause(bureau: Callable[..., Bureau]) -> None:
    _, causes = drawings(await written(bureau("mixed"), "failures"))
    assert "SMS.3802" in texts(causes)


@pytest.mark.parametrize("kind", ["status", "readiness", "failures", "assessment"])
async def test_a_hostile_name_is_text_in_document_and_drawing(
    bureau: Callable[..., Bureau], kind: Kind
) -> None:
    place = bureau("mixed")
    for source in place.sandbox.cloud.sources.values():
        source.name = HOSTILE
    html = await written(place, kind)
    assert "<img" not in html
    assert "&lt;img" in html
    drawings(html)


@dataclass
class Page:
    """One page of a PDF as a grey picture."""

    width: int
    height: int
    grey: bytes

    def ink(self, top: float = 0, bottom: float = 1, left: float = 0, right: float = 1) -> int:
        """How many dark pixels a part of the page has."""
        rows = range(int(top * self.height), int(bottom * self.height))
        begin, end = int(left * self.width), int(right * self.width)
        return sum(
            pixel < 200 for row in rows for pixel in self.grey[row * self.width :][begin:end]
        )


def pages_of(pdf: Path, folder: Path) -> Iterator[Page]:
    """The pages of *pdf*, drawn by poppler: not by the browser that made it."""
    if shutil.which("pdftoppm") is None:
        pytest.skip("the printed pages are not looked at: poppler-utils is not installed here")
    command = ["pdftoppm", "-r", "36", "-gray", str(pdf), str(folder / "page")]
    subprocess.run(command, check=True, timeout=120)  # noqa: S603
    for path in sorted(folder.glob("page*.pgm")):
        head, size, _, grey = path.read_bytes().split(b"\n", 3)
        assert head == b"P5"
        width, height = map(int, size.split())
        yield Page(width, height, grey)


def said_by(*command: str) -> str:
    """What one of poppler's commands prints."""
    done = subprocess.run(  # noqa: S603
        command, check=True, capture_output=True, text=True, timeout=60
    )
    return done.stdout


def size_of(pdf: Path) -> tuple[int, int]:
    shown = re.search(r"Page size:\s+([\d.]+) x ([\d.]+)", said_by("pdfinfo", str(pdf)))
    assert shown
    return round(float(shown[1])), round(float(shown[2]))


@pytest.mark.parametrize(
    ("scenario", "kind"),
    [("mixed", "status"), ("cutover-night", "readiness"), ("mixed", "failures")],
)
async def test_it_prints_on_a4_with_nothing_cut_and_no_page_empty(
    opened: Host, bureau: Callable[..., Bureau], tmp_path: Path, scenario: str, kind: Kind
) -> None:
    html = await written(await watched(bureau(scenario), 1), kind)
    pdf = tmp_path / "report.pdf"
    seen = opened.print(html, pdf=str(pdf), width=900)
    assert (seen["errors"], seen["requests"]) == ([], [])
    pages = list(pages_of(pdf, tmp_path))
    assert size_of(pdf) == A4
    assert 1 <= len(pages) <= 8
    for page in pages:
        assert page.ink() > 60, "an empty page"
        margins = page.ink(right=0.03) + page.ink(left=0.97) + page.ink(bottom=0.02)
        assert margins == 0, "something runs over the margin"
    said = "".join(said_by("pdftotext", str(pdf), "-").split())
    # Not every machine has letters for every name.
    cells = re.findall(r"<td>([\w.-]{4,})</td>", html, re.ASCII)
    assert [each for each in cells if each not in said] == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 900])
async def test_on_a_screen_nothing_scrolls_sideways(
    opened: Host, bureau: Callable[..., Bureau], width: int, theme: str
) -> None:
    for kind in ("status", "readiness"):
        html = await written(bureau("mixed"), kind)
        seen = opened.print(html, width=width, theme=theme)
        assert (seen["errors"], seen["requests"], seen["sideways"]) == ([], [], 0)


def test_the_script_that_draws_says_what_is_wrong(opened: Host, tmp_path: Path) -> None:
    shots = Shots(opened, tmp_path)
    shots.report("wide", "<div style='width:3000px'>wide</div>", "light", 800)
    shots.report("asks", "<img src='http://somewhere.example/x.png'>", "light", 800)
    shots.report("well", "<p>well</p>", "light", 800)
    assert [fault.split(":")[0] for fault in shots.faults] == ["wide", "asks"]
    assert (tmp_path / "well.png").stat().st_size > 500


async def test_none_is_told_from_not_known(bureau: Callable[..., Bureau]) -> None:
    html = await written(bureau("whole-wave"), "status")
    facts = dict(re.findall(r"<dt>([^<]+)</dt><dd>([^<]*)</dd>", html))
    assert facts["stuck"] == "none"
    assert facts["eta"] == "not known"


def test_a_launch_that_nothing_bounds_runs_off_the_scale_and_says_so() -> None:
    drawn = charts.night([[charts.Launch("a", 2, None), charts.Launch("b", 2, 5)]], None)
    assert "not known" in drawn
    assert "gate-unknown" in drawn


def test_a_fan_without_an_earliest_end_begins_at_the_reading() -> None:
    points = [(NOW - timedelta(hours=1), 10), (NOW, 20)]
    drawn = charts.copied(charts.Copied(points, 100, None, NOW + timedelta(hours=4)))
    [drawing] = drawings(drawn)
    [fan] = drawing.iter("polygon")
    assert fan.attrib["class"] == "fan open"
    xs = [float(point.split(",")[0]) for point in fan.attrib["points"].split()]
    assert xs[0] == xs[1]
