"""``schedule_wave``: which server when, on a line that all share?"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Annotated, Any, Final

from pydantic import Field

from sms_tools.diagnosis.answer import Action, Draft
from sms_tools.diagnosis.copying import copies_of, with_limits
from sms_tools.diagnosis.limits import BYTES_PER_MBIT
from sms_tools.diagnosis.naming import names_of
from sms_tools.diagnosis.night import read_groups
from sms_tools.diagnosis.question import Limit, Offset, Project, Question, Servers
from sms_tools.diagnosis.rates import to_mbit_s
from sms_tools.diagnosis.schedule import (
    SLOWEST,
    Copy,
    Place,
    lanes_of,
    places_of,
)
from sms_tools.diagnosis.spoken import Deadline
from sms_tools.diagnosis.windows import Calendar, GivenWindows, read_window
from sms_tools.fleet.desk import Desk
from sms_tools.fleet.grouping import Group
from sms_tools.fleet.membership import with_waves
from sms_tools.fleet.reading import Fleet, Server, read_fleet
from sms_tools.wording import count_of, iso, size, span

_FAQ_USED: Final = (0.8, 0.5)
_TO_DO: Final = 8
_MORE_LINE: Final = (1.5, 2, 3, 4, 6, 10, 20)
_PEOPLE: Final = (
    "Nothing starts or pauses a copy by the clock: a person or a plan starts each one at its "
    "starts_at, or when the one named in after is done.",
    "Set the limits before the start. At the end of a window pause what runs (a limit of 1 Mbit/s "
    "holds it down where no one does), and start it again when the next one opens.",
)


class ScheduleWave(Question):
    """In which order and when should the servers of a wave (batch) be copied over a shared line
    (排期, 顺序, 一晚拷几台)? A timetable from bytes left, measured rates and nightly windows: how
    many at a time (in parallel), bandwidth shares, start and end per migrating server as a range,
    who misses the deadline, what would help, ready limits. Starts nothing.
    """

    line_mbit_s: Annotated[
        float | None, Field(ge=1, le=100_000, description="The line that all copies share.")
    ] = None
    servers: Servers = None
    project: Project = None
    windows: Annotated[
        GivenWindows | None,
        Field(max_length=14, description="Daily, with zone: 22:00-06:00+08:00. Default always."),
    ] = None
    deadline: Annotated[
        Deadline | None, Field(description="ISO 8601 with offset, 12h, or tonight 22:00+08:00.")
    ] = None
    reserve: Annotated[
        float, Field(ge=0, le=90, description="Per cent of the line kept for others.")
    ] = 0
    limit: Limit = None
    offset: Offset = 0

    async def answer(self, desk: Desk) -> dict[str, Any]:
        """The schedule of all that is still to be copied."""
        fleet = await read_fleet(desk, project=self.project, servers=self.servers)
        fleet = await with_waves(desk, fleet, everything=False)
        gaps: list[str] = []
        copies, out = await copies_of(desk, fleet, gaps)
        copies = await with_limits(desk, copies, gaps)
        groups = await read_groups(desk, gaps)
        calendar = Calendar([read_window(text) for text in self.windows or ()])
        usable = self.line_mbit_s and max(1.0, self.line_mbit_s * (1 - self.reserve / 100))
        lanes = lanes_of(copies, usable) if usable else 0
        share = max(1, int(usable / lanes)) if usable and lanes else 0
        places = places_of(copies, lanes, share, calendar, desk.now(), groups)
        wave = Wave(self, fleet, calendar, usable, lanes, share, places, out, desk.now(), groups)
        return wave.told(gaps)


@dataclass(frozen=True)
class Wave:
    """The schedule and what is told of it."""

    question: ScheduleWave
    fleet: Fleet
    calendar: Calendar
    usable: float | None
    """What of the line is for copies, in Mbit/s; None where nobody has said how fast it is."""
    lanes: int
    share: int
    places: Sequence[Place]
    out: Sequence[tuple[Server, str]]
    now: datetime
    groups: Mapping[str, Group]

    def told(self, gaps: Sequence[str]) -> dict[str, Any]:
        """The answer."""
        deadline = self.question.deadline
        fits = Counter(str(place.fits(deadline)) for place in self.places)
        draft = Draft(
            summary=self._summary(),
            observed_at=self.fleet.observed_at,
            data={},
            actions=self._actions(),
            notes=self._notes(),
            incomplete=[*self.fleet.incomplete, *gaps],
        )
        draft.data |= {
            "line_mbit_s": self.question.line_mbit_s,
            "usable_mbit_s": self.usable and round(self.usable, 1),
            "concurrency": self.lanes,
            "share_mbit_s": self.share,
            "share_by_hour": self._hours(),
            "limits": self.calendar.limits(self.share) if self.share else [],
            "limits_zone": self._zone(),
            "bytes_left": self._left,
        }
        if self.usable and self._left:
            draft.data["faq_formula"] = self._formula(self.usable)
        if deadline:
            draft.data["deadline"] = {
                "at": iso(deadline),
                "fit": fits["True"],
                "miss": fits["False"],
                "not_known": fits["None"] + len(self.out),
            }
            draft.data["would_help"] = self._help(deadline)
        rows = [self._row(place) for place in self.places]
        rows += [self._row_out(server, why) for server, why in self.out]
        draft.data["servers"] = draft.page(
            "servers", rows, limit=self.question.limit, offset=self.question.offset
        )
        draft.data["to_do"] = draft.part("to_do", self._to_do(), _TO_DO, "starts_at of the servers")
        draft.data["people"] = list(_PEOPLE)
        return draft.fit(offset=self.question.offset)

    @property
    def _left(self) -> int:
        return sum(place.copy.left or 0 for place in self.places)

    def _formula(self, usable: float) -> dict[str, Any]:
        """What the FAQ reckons for all of it, with its own range of utilisation."""
        hours = [self._left / (usable * BYTES_PER_MBIT * part) / 3600 for part in _FAQ_USED]
        return {
            "says": "FAQ 13.1: hours = bytes x 8 / line / utilisation; utilisation "
            f"{_FAQ_USED[1]} to {_FAQ_USED[0]}. A rule of thumb, not a measurement.",
            "hours": [round(each, 1) for each in hours],
        }

    def _notes(self) -> Sequence[str]:
        limited = [p.copy for p in self.places if p.copy.limits.levels]
        if not limited:
            return []
        return [
            f"{count_of(len(limited), 'running copy', 'running copies')} have limits of their own "
            f"now (limit_now_mbit_s): the latest end reckons with these, the earliest with "
            f"{self.share} Mbit/s, which plan_remediation (fix_rate_window) sets"
        ]

    def _to_do(self) -> list[dict[str, Any]]:
        """Who must start or pause what, and when: nothing here does so by the clock."""
        first: dict[str, list[Server]] = {}
        later = []
        for place in self.places:
            if place.copy.running or place.starts_at is None:
                continue
            if place.after is None:
                first.setdefault(iso(place.starts_at), []).append(place.copy.server)
            else:
                later.append(place)
        rows = [
            {"at": at, "do": f"set the limits, then start {names_of(servers)}"}
            for at, servers in first.items()
        ]
        if self.calendar.windows and self.places:
            closes = self.calendar.next_close(self.now)
            opens = self.calendar.next_open(closes)
            rows.append(
                {
                    "at": iso(closes),
                    "do": "pause what runs, or leave it at the 1 Mbit/s of its limits; the same at "
                    "every end of a window",
                }
            )
            rows.append({"at": iso(opens), "do": "start again what was paused; every window"})
        rows += [
            {
                "at": f"when {place.after.name} is done, from {iso(place.starts_at)} on",
                "do": f"start {names_of([place.copy.server])}",
            }
            for place in sorted(later, key=lambda p: (p.starts_at or self.now, p.copy.server.name))
            if place.after and place.starts_at
        ]
        return rows

    def _row(self, place: Place) -> dict[str, Any]:
        copy, deadline = place.copy, self.question.deadline
        row: dict[str, Any] = {
            **copy.server.as_data(),
            "bytes_left": copy.left,
            "starts_at": iso(place.starts_at) if place.starts_at else None,
        }
        if group := self.groups.get(copy.server.id):
            row |= group.as_data()
        if copy.running:
            row["running"] = True
        if copy.limits.levels:
            row["limit_now_mbit_s"] = to_mbit_s(copy.limits.levels[0])
        if place.after:
            row["after"] = place.after.as_data()
        if place.earliest and place.latest:
            row["eta"] = {
                "earliest": iso(place.earliest),
                "latest": iso(place.latest),
                "confidence": "medium" if copy.rate else "low",
                "basis": _basis(copy, self.share),
            }
        else:
            row["eta"] = None
            row["eta_reason"] = self._why_none(copy)
        row["fits"] = place.fits(deadline)
        if deadline and place.latest and place.latest > deadline:
            row["late_by"] = span(place.latest - deadline) + " at the latest"
        return row

    def _why_none(self, copy: Copy) -> str:
        if copy.left is None:
            return "how much there is to copy is not known"
        if not self.usable:
            return "the speed of the line was not given (line_mbit_s)"
        return "it takes longer than a year"

    def _row_out(self, server: Server, why: str) -> dict[str, Any]:
        row = {**server.as_data(), "starts_at": None, "eta": None, "eta_reason": why}
        return {**row, "fits": None}

    def _hours(self) -> list[dict[str, Any]]:
        return [
            {
                "from": row["start"],
                "to": row["end"],
                "copies": self.lanes if row["speed"] > 1 else 0,
                "mbit_s_each": row["speed"],
            }
            for row in (self.calendar.limits(self.share) if self.share else [])
        ]

    def _zone(self) -> str:
        if not self.calendar.windows:
            return "all day: the zone does not matter"
        zone = self.calendar.windows[0].zone
        return f"{zone}: limits run in each source's own zone, which is assumed to be this one"

    def _help(self, deadline: datetime) -> list[str]:
        """What would make the wave fit: each was tried on the schedule, none is promised."""
        late = [p for p in self.places if p.fits(deadline) is not True]
        if not late:
            return []
        if not self.usable:
            return ["The rate of the line: line_mbit_s."]
        seconds = self.calendar.open_seconds(self.now, deadline)
        found = []
        if seconds <= 0:
            found.append("Another window: none opens before the deadline.")
        elif (line := self._line_that_fits(deadline, self.usable)) is not None:
            found.append(f"More line: with {line:,} Mbit/s all that is known of would fit.")
        else:
            found.append("More line alone does not make all of them fit.")
        found.append(
            f"Fewer servers: {count_of(len(late), 'server')} less, such as "
            f"{names_of([p.copy.server for p in late])}."
        )
        if self.calendar.windows and seconds > 0:
            longer = self._left / (self.usable * BYTES_PER_MBIT * SLOWEST)
            found.append(f"Another window: {span(timedelta(seconds=longer))} open in all.")
        return found

    def _line_that_fits(self, deadline: datetime, usable: float) -> int | None:
        """The least of some larger lines with which every copy of known size is done in time."""
        copies = [place.copy for place in self.places if place.copy.left is not None]
        for factor in _MORE_LINE:
            lanes = lanes_of(copies, usable * factor)
            share = int(usable * factor / lanes) if lanes else 0
            places = places_of(copies, lanes, share, self.calendar, self.now, self.groups)
            if places and all(place.fits(deadline) for place in places):
                return ceil((self.question.line_mbit_s or 0) * factor)
        return None

    def _summary(self) -> str:
        if not self.places and not self.out:
            whole = self.fleet.sources_read and self.fleet.tasks_read
            return "Nothing is left to copy here." if whole else "In what was read is no copy."
        left = sum(place.copy.left or 0 for place in self.places)
        says = f"{count_of(len(self.places), 'server')} to copy, {size(left)} left"
        says += (
            f": {self.lanes} at a time with {self.share} Mbit/s each."
            if self.usable
            else ". Without line_mbit_s, the rate of the line, there is no schedule: ask for it."
        )
        ends = [place.latest for place in self.places if place.latest]
        soon = [place.earliest for place in self.places if place.earliest]
        if ends and soon:
            says += f" The last is done between {iso(max(soon))} and {iso(max(ends))}."
        deadline = self.question.deadline
        if deadline:
            fits = Counter(str(place.fits(deadline)) for place in self.places)
            says += (
                f" By {iso(deadline)}: {fits['True']} fit, {fits['False']} miss, "
                f"{fits['None']} not sure."
            )
        unknown = [place.copy.server for place in self.places if place.copy.left is None]
        if unknown:
            says += f" Not known how much: {names_of(unknown)}."
        if self.out:
            says += f" Not scheduled: {names_of([server for server, _ in self.out])}."
        return says

    def _actions(self) -> Sequence[Action]:
        running = [p.copy.server.id for p in self.places if p.copy.running]
        if not running or not self.share:
            return []
        arguments: dict[str, Any] = {
            "goal": "fix_rate_window",
            "servers": running[:10],
            "limits": [dict(row) for row in self.calendar.limits(self.share)],
        }
        why = "plans these limits for copies that run already; a person approves them"
        return [Action("plan_remediation", arguments, why)]


def _basis(copy: Copy, share: int) -> str:
    if copy.rate:
        return f"own samples ({to_mbit_s(copy.rate.mean)} Mbit/s), at most {share} Mbit/s"
    return (
        f"FAQ 13.1: bytes by {share} Mbit/s; earliest with all of it, latest with half of it used "
        "(the FAQ has 0.5 to 0.8)"
    )
