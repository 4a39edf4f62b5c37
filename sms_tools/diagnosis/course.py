"""One server's way through its full copy: how far it is, whether it moves, when it arrives."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sms_tools.diagnosis.company import UNTOLD, Company
from sms_tools.diagnosis.eta import (
    Eta,
    Fit,
    MeasuredRate,
    NoEta,
    estimate,
    measure,
    service_mbit_s,
    speed_unit,
    to_mbit_s,
)
from sms_tools.diagnosis.limits import Limits
from sms_tools.diagnosis.movement import RUNNING, movement
from sms_tools.fleet.finding import Finding
from sms_tools.fleet.samples import Sample
from sms_tools.fleet.server import Server
from sms_tools.wording import count_of, percent

_COPY_DONE_PHASES: Final = frozenset({"syncing", "cloning", "cutting_over", "finished"})
_COPY_DONE_STAGES: Final = frozenset({"syncing", "cutovering", "cutovered"})
_REASONS: Final[Mapping[str, str]] = {
    "unavailable": "not started: the environment check failed",
    "waiting": "not started",
    "initializing": "the copy has not begun: the target is being prepared",
    "paused": "paused",
    "failed": "failed",
    "deleting": "being deleted",
    "unknown": "its phase is unknown",
    "syncing": "idle: the full copy is done, continuous sync goes on until a person launches",
    "cloning": "the full copy is done",
    "cutting_over": "the full copy is done, the target is being launched",
    "finished": "finished",
}
BY_URGENCY: Final = ("stuck", "suspect", "not_converging", "throttled", "offline")


@dataclass(frozen=True)
class Course:
    """One server's way: how far it is, whether it moves, when it arrives."""

    server: Server
    moves: Finding
    eta: Eta | NoEta
    rate: MeasuredRate | None = None
    rate_mbit_s: float | None = None
    limits: Limits | None = None

    @property
    def left(self) -> int | None:
        """Bytes still to copy; None without a total."""
        total, done = self.server.total_bytes, self.server.done_bytes
        return None if total is None or done is None else total - done

    @property
    def copied(self) -> bool:
        """Whether the full copy is known to be done, whatever became of the server since."""
        server = self.server
        if server.phase in _COPY_DONE_PHASES:
            return True
        return (server.stage or "").lower() in _COPY_DONE_STAGES and server.phase != "unknown"

    def fit(self, deadline: datetime) -> Fit:
        """Whether the full copy is done by *deadline*."""
        if self.copied:
            return "fits"
        return self.eta.fit(deadline) if isinstance(self.eta, Eta) else "cannot tell"

    def as_data(self, deadline: datetime | None, *, full: bool) -> dict[str, Any]:
        """The row of this server; what is not known is left out, but the estimate never is."""
        server = self.server
        done, total = server.done_bytes, server.total_bytes
        row: dict[str, Any] = {
            **server.as_data(),
            "phase": server.phase,
            "offline": server.offline or None,
            "sub_task": server.step_name if server.phase in RUNNING else None,
            "done_bytes": server.reported_bytes,
            "total_bytes": total,
            "copied_percent": (
                None if total is None or server.above_total else percent(done or 0, total)
            ),
            "rate_mbit_s": self.rate_mbit_s,
            "pace": self.moves.verdict if server.phase in RUNNING else None,
        }
        if self.moves.verdict in BY_URGENCY or full:
            row["why"] = self.moves.says
        row = {key: value for key, value in row.items() if value is not None}
        if full:
            row |= self._details()
        row |= eta_data(self.eta)
        return row if deadline is None else {**row, "deadline": self.fit(deadline)}

    def _details(self) -> dict[str, Any]:
        speed = self.server.migrate_speed
        details: dict[str, Any] = {"evidence": [each.as_data() for each in self.moves.evidence]}
        if speed:
            details["migrate_speed"] = speed
            details["speed_unit"] = speed_unit(speed, self.rate_mbit_s)
        if self.limits is not None:
            details["limit_mbit_s"] = self.limits.steady_mbit_s
            details["limit_by_hour"] = self.limits.by_the_hour
        return details


def course_of(
    server: Server,
    samples: Sequence[Sample],
    limits: Limits | None,
    now: datetime,
    *,
    company: Company = UNTOLD,
    limits_since: datetime | None = None,
) -> Course:
    """What *samples* (oldest first) and the latest reading say of *server*.

    Samples before *limits_since* were taken under other limits: they do not count for the rate.
    """
    moves = movement(samples, limit_mbit_s=limits.steady_mbit_s if limits else None)
    total, done = server.total_bytes, server.done_bytes
    if not may_have_eta(server):
        reason = "offline: the Agent is disconnected" if server.offline else ""
        known = "" if server.phase in _COPY_DONE_PHASES else reason
        return Course(server, moves, NoEta(known or _REASONS[server.phase]), limits=limits)
    if total is None or done is None:
        return Course(server, moves, NoEta("the service gives no total"), limits=limits)
    measured = measure([s for s in samples if limits_since is None or s.at >= limits_since])
    left, seconds = total - done, server.remain_seconds
    if server.above_total and moves.verdict != "stuck":
        reason = "more is copied than the announced total, so what is left is not known"
        rate = to_mbit_s(measured.mean) if measured else None
        return Course(server, moves, NoEta(reason), measured, rate, limits)
    if moves.verdict == "stuck":
        return Course(server, moves, NoEta("stuck"), measured, 0.0, limits)
    found = estimate(
        left,
        now,
        measured=measured,
        service_seconds=seconds,
        limits=limits,
        company=company,
        total=total,
    )
    if isinstance(found, NoEta) and measured is None and server.migrate_speed == 0:
        found = NoEta("rate 0, as the service reports it; too few samples yet")
    rate = to_mbit_s(measured.mean) if measured else service_mbit_s(left, seconds)
    return Course(server, moves, found, measured, rate, limits)


def may_have_eta(server: Server) -> bool:
    return server.phase == "replicating" and not server.offline


def whole_eta(courses: Sequence[Course]) -> Eta | NoEta:
    """When the last of the copies that have an estimate is done: the slowest counts."""
    known = [course.eta for course in courses if isinstance(course.eta, Eta)]
    if not known:
        return NoEta(_why_none(courses))
    rank = ("low", "medium", "high")
    open_ones = sum(not course.copied for course in courses)
    basis = f"the slowest of {count_of(len(known), 'copy', 'copies')} with an estimate"
    if open_ones > len(known):
        basis += f"; {open_ones - len(known)} more to copy have none"
    # The last of all ends no earlier than any of them, so one that has no earliest end hides none.
    begun = [each.earliest for each in known if each.earliest is not None]
    return Eta(
        max(begun, default=None),
        max(each.latest for each in known),
        min((each.confidence for each in known), key=rank.index),
        basis,
    )


def _why_none(courses: Sequence[Course]) -> str:
    if not courses:
        return "there are no servers"
    if all(course.copied for course in courses):
        return "all full copies are done"
    reasons = without_estimate(courses).most_common(3)
    return "; ".join(f"{reason}: {count}" for reason, count in reasons)


def without_estimate(courses: Sequence[Course]) -> Counter[str]:
    """Why servers whose copy is not done have no estimate, and how many."""
    return Counter(
        course.eta.reason.split(":")[0]
        for course in courses
        if isinstance(course.eta, NoEta) and not course.copied
    )


def whole_fit(courses: Sequence[Course], deadline: datetime) -> Fit:
    """Whether all copies are done by *deadline*: the worst that is known, else what is not."""
    fits = {course.fit(deadline) for course in courses}
    order: Sequence[Fit] = ("misses", "cannot tell", "tight", "fits")
    return next((fit for fit in order if fit in fits), "cannot tell")


def eta_data(eta: Eta | NoEta) -> dict[str, Any]:
    if isinstance(eta, Eta):
        return {"eta": eta.as_data()}
    return {"eta": None, "eta_reason": eta.reason}
