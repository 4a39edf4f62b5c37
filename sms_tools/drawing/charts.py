"""The drawings of a report: plain numbers in, SVG out.

What is not known is hatched or said in words, never drawn as zero. Nothing is told by colour alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from sms_tools.drawing import look
from sms_tools.drawing.axis import Axis, ticks_of_time
from sms_tools.drawing.svg import WIDTH, Point, Svg, cut
from sms_tools.wording import count_of, size

_NAMES: Final = 170
"""How wide the column of names is."""
_ROW: Final = 20
_FAR: Final = 24
"""An end so many times farther off than what was seen does not fit on the drawing with it."""
_BRIEF: Final = 8


@dataclass(frozen=True, slots=True)
class Copied:
    """Bytes copied over time, and where the estimate leads."""

    points: Sequence[tuple[datetime, int]]
    """What was seen, oldest first; the last is the reading."""
    total: int
    earliest: datetime | None
    latest: datetime | None
    deadline: datetime | None = None


@dataclass(frozen=True, slots=True)
class Range:
    """One server's estimate."""

    name: str
    earliest: datetime | None
    latest: datetime
    confidence: str


@dataclass(frozen=True, slots=True)
class Launch:
    """One server's launch in its batch; minutes."""

    name: str
    earliest: float
    latest: float | None
    """None where nothing bounds it."""


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that was done or held back, at a time."""

    at: datetime
    row: str
    kind: Literal["done", "held", "failed"]


def phases(counts: Mapping[str, int]) -> str:
    """How many servers are in which phase, as one bar with its legend."""
    known = [phase for phase in look.PHASES if counts.get(phase)]
    total = sum(counts[phase] for phase in known)
    words = ", ".join(f"{counts[phase]} {look.PHASES[phase].words}" for phase in known)
    rows = -(-len(known) // 3)
    drawing = Svg(34 + 20 * rows, f"Phases: {words}")
    x = 0.0
    for phase in known:
        width = WIDTH * counts[phase] / total
        drawing.rect(x, 0, width - (1 if width > 3 else 0), 22, f"phase-{phase}")
        x += width
    for index, phase in enumerate(known):
        left, base = (index % 3) * WIDTH / 3, 45 + 20 * (index // 3)
        shown = look.PHASES[phase]
        drawing.rect(left, base - 10, 12, 12, f"phase-{phase}")
        drawing.text(left + 18, base, f"{shown.mark} {counts[phase]} {shown.words}")
    return str(drawing)


def bars(name: str, rows: Sequence[tuple[str, int, str]]) -> str:
    """How many of each: a label, a count, and what is said beside the bar."""
    most = max((count for _, count, _ in rows), default=1) or 1
    drawing = Svg(max(len(rows), 1) * 26, name)
    room = WIDTH - _NAMES - 250
    for index, (label, count, says) in enumerate(rows):
        y = index * 26
        drawing.text(0, y + 15, cut(label, 26))
        drawing.rect(_NAMES, y + 4, max(2, room * count / most), 14, "fill")
        drawing.text(_NAMES + room * count / most + 8, y + 15, str(count), "strong")
        drawing.text(WIDTH - 210, y + 15, cut(says, 38), "quiet")
    return str(drawing)


def copied(found: Copied) -> str:
    """Bytes over time as a line, then the fan between the earliest and the latest end."""
    now, done = found.points[-1]
    begin = found.points[0][0]
    seen = max(now - begin, timedelta(minutes=30))
    last_end = found.latest or now + seen
    # What was seen has to be seen: an end that is far off is where the fan points, and is said.
    end = last_end if last_end - now <= _FAR * seen else now + _BRIEF * seen
    across = Axis(begin, max([end, *([found.deadline] if found.deadline else [])]), 64, WIDTH - 12)
    top, bottom = 16.0, 196.0

    def high(amount: float) -> float:
        return bottom - (bottom - top) * min(amount / found.total, 1.0)

    def ray(to: datetime) -> Point:
        """Where the way from here to all of it at *to* leaves the drawing."""
        share = min((across.end - now) / max(to - now, timedelta(seconds=1)), 1.0)
        return across(min(to, across.end)), high(done + (found.total - done) * share)

    drawing = Svg(236, f"Copied: {size(done)} of {size(found.total)}")
    for share in (0.0, 0.5, 1.0):
        y = high(found.total * share)
        drawing.line((64, y), (WIDTH - 12, y), "grid")
        drawing.text(58, y + 4, size(found.total * share), "quiet", anchor="end")
    _time_axis(drawing, across, bottom)
    here = (across(now), high(done))
    if found.latest:
        first, last = ray(found.earliest or now), ray(found.latest)
        corner = [(last[0], first[1])] if last[1] > top else []
        style = "fan" if found.earliest else "fan open"
        drawing.path([here, first, *corner, last], style, closed=True)
        drawing.path([here, last], "edge")
        drawing.path([here, first], "edge")
    drawing.path([(across(at), high(amount)) for at, amount in found.points], "seen")
    _mark(drawing, across(now), top, bottom, "read", "now")
    if found.deadline:
        _mark(drawing, across(found.deadline), top, bottom, "deadline", "deadline")
    return str(drawing)


def _horizon(now: datetime, ends: Sequence[datetime], least: timedelta) -> datetime:
    """How far a drawing looks: to the last of *ends*, but not where it would hide all others."""
    ahead = sorted(each - now for each in ends)
    middle = ahead[len(ahead) // 2] if len(ahead) > 2 else ahead[0] if ahead else least
    most = max(3 * middle, 4 * least, timedelta(minutes=30))
    return now + min(max(ahead, default=least), most)


def ranges(rows: Sequence[Range], now: datetime, deadline: datetime | None) -> str:
    """Each copy's estimated end as a range, with the deadline; what runs off has an arrow."""
    end = _horizon(now, [each.latest for each in rows], timedelta(minutes=30))
    across = Axis(now, max(end, deadline or end), _NAMES, WIDTH - 150)
    bottom = 16.0 + len(rows) * _ROW
    drawing = Svg(bottom + 40, f"Estimated ends of {count_of(len(rows), 'copy', 'copies')}")
    _time_axis(drawing, across, bottom)
    for index, each in enumerate(rows):
        y = 16.0 + index * _ROW
        left = across(each.earliest or now)
        style = f"range {each.confidence}" + ("" if each.earliest else " open")
        drawing.text(0, y + 12, cut(each.name, 26))
        drawing.rect(left, y + 3, max(across(each.latest) - left, 2), 10, style)
        off = "→ " if each.latest > across.end else ""
        says = f"{off}{each.latest:%m-%d %H:%M}, {each.confidence}"
        drawing.text(WIDTH - 142, y + 12, says, "quiet small")
    if deadline:
        _mark(drawing, across(deadline), 12, bottom, "deadline", "deadline")
    return str(drawing)


def gates(names: Sequence[str], rows: Sequence[tuple[str, str, Sequence[str]]]) -> str:
    """The gates before a launch: a row per server (its name, its verdict, a verdict per gate)."""
    head = 96.0
    step = (WIDTH - _NAMES - 110) / max(len(names), 1)
    drawing = Svg(head + len(rows) * _ROW + 4, f"Gates of {count_of(len(rows), 'server')}")
    for column, name in enumerate(names):
        x = _NAMES + 84 + (column + 0.6) * step
        drawing.text(x, head - 6, cut(look.GATES.get(name, name), 18), "small", turn=-55)
    for index, (server, verdict, letters) in enumerate(rows):
        y = head + index * _ROW
        drawing.line((0, y), (WIDTH, y), "grid")
        drawing.text(0, y + 14, cut(server, 26))
        drawing.text(_NAMES - 12, y + 14, verdict.replace("_", " "), f"verdict-{verdict}")
        for column, letter in enumerate(letters):
            x = _NAMES + 84 + column * step
            drawing.rect(x + 1, y + 2, step - 2, _ROW - 4, f"gate-{letter}")
            shown = look.VERDICTS[letter].mark
            drawing.text(x + step / 2, y + 14, shown, f"mark-{letter}", anchor="middle")
    return str(drawing)


def night(batches: Sequence[Sequence[Launch]], minutes_left: float | None) -> str:
    """The launch of many, batch after batch, on a clock that begins with the first call.

    Solid is the shortest time, open the longest; a launch that nothing bounds runs off the scale.
    *minutes_left* is how long there is until the deadline.
    """
    soonest, longest, known = 0.0, 0.0, True
    starts: list[tuple[float, float]] = []
    for batch in batches:
        starts.append((soonest, longest))
        soonest += max((each.earliest for each in batch), default=0)
        ends = [each.latest for each in batch]
        known = known and None not in ends
        longest += max((end for end in ends if end is not None), default=0)
    longest = max(longest, soonest)
    scale = max(longest * 1.15, minutes_left or 0, 1.0)
    count = sum(len(batch) for batch in batches)
    height = 20.0 + count * _ROW + 8 * len(batches)
    drawing = Svg(height + 34, f"Launches of {count_of(count, 'server')} in order")

    def across(minutes: float) -> float:
        return _NAMES + (WIDTH - _NAMES - 14) * min(minutes / scale, 1.0)

    y = 20.0
    for (low, high), batch in zip(starts, batches, strict=True):
        for each in batch:
            drawing.text(0, y + 13, cut(each.name, 26))
            if each.latest is None:
                drawing.rect(across(low), y + 4, WIDTH - 14 - across(low), 11, "gate-unknown")
                drawing.text(across(low) + 6, y + 13, "how long at most is not known", "quiet")
            else:
                end = max(high + each.latest, low + each.earliest)
                drawing.rect(across(low), y + 4, across(end) - across(low), 11, "range low")
            drawing.rect(across(low), y + 4, across(low + each.earliest) - across(low), 11, "fill")
            y += _ROW
        drawing.line((0, y + 3), (WIDTH, y + 3), "grid")
        y += 8
    for share in (0, 0.25, 0.5, 0.75, 1):
        at = across(scale * share)
        words = f"{scale * share:.0f} min"
        drawing.text(at, height + 16, words, "quiet", anchor="end" if share == 1 else "middle")
    if minutes_left is not None and minutes_left >= 0:
        _mark(drawing, across(minutes_left), 12, height, "deadline", "deadline")
    if not known:
        drawing.text(0, height + 30, "At least one launch has no bound: the end is open.", "quiet")
    return str(drawing)


def deeds(rows: Sequence[Deed]) -> str:
    """What was done and held back, over time: a line per tool, a mark per call."""
    names = list(dict.fromkeys(each.row for each in rows))
    times = [each.at for each in rows]
    across = Axis(min(times), max([*times, min(times) + timedelta(minutes=1)]), _NAMES, WIDTH - 20)
    bottom = 12.0 + len(names) * _ROW
    drawing = Svg(bottom + 40, f"{count_of(len(rows), 'call')} over time")
    _time_axis(drawing, across, bottom)
    for index, name in enumerate(names):
        drawing.text(0, 12 + index * _ROW + 13, cut(name, 26))
    marks = {"done": "✓", "held": "‖", "failed": "✕"}
    for each in rows:
        y = 12 + names.index(each.row) * _ROW + 14
        drawing.text(across(each.at), y, marks[each.kind], f"deed-{each.kind}", anchor="middle")
    return str(drawing)


def record(rows: Sequence[tuple[str, int, int]], open_ones: int) -> str:
    """How earlier estimates did: by confidence, how many ended, and how many of these inside."""
    drawing = Svg(len(rows) * 26 + 22, "How earlier estimates did")
    most = max((ended for _, ended, _ in rows), default=1) or 1
    room = WIDTH - _NAMES - 190
    for index, (confidence, ended, inside) in enumerate(rows):
        y = index * 26
        drawing.text(0, y + 15, f"{confidence} confidence")
        drawing.rect(_NAMES, y + 4, room * ended / most, 14, "range low")
        drawing.rect(_NAMES, y + 4, room * inside / most, 14, "fill")
        says = f"{inside} of {ended} inside the range"
        drawing.text(_NAMES + room * ended / most + 8, y + 15, says)
    says = f"{count_of(open_ones, 'estimate')} of copies that have not ended yet"
    drawing.text(0, len(rows) * 26 + 15, says, "quiet")
    return str(drawing)


def _time_axis(drawing: Svg, across: Axis, bottom: float) -> None:
    drawing.line((across.left, bottom), (across.right, bottom), "axis")
    most = int((across.right - across.left) / 90)
    for at, words in ticks_of_time(across.begin, across.end, most):
        x = across(at)
        drawing.line((x, bottom), (x, bottom + 4), "axis")
        anchor = "end" if x > across.right - 40 else "middle"
        drawing.text(x, bottom + 17, words, "quiet small", anchor=anchor)


def _mark(drawing: Svg, x: float, top: float, bottom: float, style: str, words: str) -> None:
    drawing.line((x, top), (x, bottom), style)
    anchor = "end" if x > WIDTH - 90 else ""
    drawing.text(x + (-5 if anchor else 5), top - 2, words, "quiet small", anchor=anchor)
