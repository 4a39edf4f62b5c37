"""How long a launch takes: from this and like servers' synchronisations and earlier launches.

A launch synchronises what has changed since the last round, configures the target, detaches the
Agent's image and starts the target from its own disks. What each of these took before stands in
the sub-tasks. Pure: servers with their sub-tasks, limits and times go in.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from sms_tools.fleet.grouping import Group, batches_of
from sms_tools.fleet.server import Server
from sms_tools.knowledge import SubTaskKind, sub_task_kind
from sms_tools.knowledge.facts import REFERENCE_LAUNCH_SECONDS
from sms_tools.moment import from_milliseconds
from sms_tools.operations.tasks import SubTask
from sms_tools.wording import count_of, iso

Confidence = Literal["high", "medium", "low"]

POINT_OF_NO_RETURN: Final = (
    "Point of no return: each launch call. It ends synchronisation and nothing here takes it back; "
    "services can go back to the source until the first write on the target that must not be "
    "lost. A batch that has not begun can be left."
)
NOT_IN_IT: Final = (
    "stopping the applications, a verification (FAQ 10.2: 13 to 17 minutes per 100 GB), tests and "
    "the switch of DNS are not in it"
)
_OWN_FOR_HIGH: Final = 3
_LIKE_FOR_MEDIUM: Final = 2
_MOST_GROWTH: Final = 12.0
"""What has changed is taken to grow with the time since the last round, up to so many times."""
_MARGIN: Final = 1.25
"""On the latest end: a handful of earlier runs does not show the slowest (ours)."""
_LEAST_MARGIN: Final = timedelta(minutes=2)
_REFERENCE_SPREAD: Final = (0.5, 4.0)
"""Around the one launch that the reference shows, where nothing else is known (ours)."""
_LOOK: Final = timedelta(seconds=30)
"""A batch is looked at so often; the next begins when all of it is seen."""


@dataclass(frozen=True, slots=True)
class LaunchTime:
    """How long the launch of one server takes, from the call to a target seen launched."""

    earliest: timedelta
    latest: timedelta | None
    """None where nothing tells how long the last synchronisation takes."""
    confidence: Confidence
    basis: str

    def as_data(self, *, full: bool = True) -> dict[str, Any]:
        """The range in minutes; what it rests on only in full, or where it has no end."""
        told: dict[str, Any] = {
            "earliest_minutes": _minutes(self.earliest),
            "latest_minutes": None if self.latest is None else _minutes(self.latest),
            "confidence": self.confidence,
        }
        return {**told, "basis": self.basis} if full or self.latest is None else told


@dataclass(frozen=True, slots=True)
class _Seen:
    """Durations of one kind of step, in seconds, and whose they are."""

    own: Sequence[float]
    like: Sequence[float]

    @property
    def best(self) -> Sequence[float]:
        """The server's own, else those of servers like it."""
        return self.own or self.like


def launch_times(
    servers: Sequence[Server],
    every: Sequence[Server],
    now: datetime,
    *,
    slowed: Mapping[str, float | None] | None = None,
) -> Mapping[str, LaunchTime]:
    """How long each of *servers* takes to launch, by id.

    *every* are the servers whose history counts for those that are like them: same system, same
    type. *slowed* says by how much the limits of the hours to come are lower than the limits under
    which the earlier rounds ran, by server id; None where that cannot be told.
    """
    by_id = {each.id: each for each in reversed(every)}  # the first counts: it is the fullest
    pooled: dict[tuple[str, str | None], dict[str, list[float]]] = {}
    for each in by_id.values():
        pool = pooled.setdefault(_kind(each), {})
        for step, seconds in _history(each).items():
            pool.setdefault(step, []).extend(seconds)
    return {
        server.id: _launch_time(
            server, pooled.get(_kind(server), {}), now, (slowed or {}).get(server.id, 1.0)
        )
        for server in servers
    }


_History = Mapping[str, Sequence[float]]


def _launch_time(
    server: Server,
    pool: _History,
    now: datetime,
    slowed: float | None,
) -> LaunchTime:
    own = _history(server)

    def seen(kind: str) -> _Seen:
        # Who has none of its own has added none to the pool of its like.
        return _Seen(own[kind], () if own[kind] else pool.get(kind, ()))

    sync, configure, detach = seen("sync"), seen("configure"), seen("detach")
    says = []
    low = high = 0.0
    for kind, found in (("configure", configure), ("detach", detach)):
        if found.best:
            low, high = low + min(found.best), high + max(found.best)
        else:
            usual = REFERENCE_LAUNCH_SECONDS[kind]
            low, high = low + usual * _REFERENCE_SPREAD[0], high + usual * _REFERENCE_SPREAD[1]
    says.append(_whose("earlier launch", "earlier launches", configure, "the reference's example"))
    if sync.best:
        growth = _growth(server, now)
        low += 0.0 if growth <= 1 else min(sync.best)
        high += max(sync.best) * growth * (slowed or 1.0)
        says.append(_whose("synchronisation", "synchronisations", sync, ""))
        if growth > 1.5:
            says.append(f"{growth:.0f} times the usual interval since the last one")
        if slowed is None:
            says.append("its rate limit holds in some hours only: what it does is not known")
        elif slowed > 1:
            says.append(f"at some hour a limit {slowed:.1f} times below what those ran with")
    else:
        says.append("no synchronisation seen yet: the last one may take any time")
    latest = timedelta(seconds=max(high * _MARGIN, high + _LEAST_MARGIN.total_seconds()))
    return LaunchTime(
        timedelta(seconds=low),
        latest if sync.best and slowed is not None else None,
        _confidence(sync, configure),
        "; ".join(says),
    )


def _confidence(sync: _Seen, configure: _Seen) -> Confidence:
    if len(sync.own) >= _OWN_FOR_HIGH and configure.own:
        return "high"
    if len(sync.own) >= _LIKE_FOR_MEDIUM and len(configure.best) >= _LIKE_FOR_MEDIUM:
        return "medium"
    return "low"


def _whose(one: str, several: str, seen: _Seen, otherwise: str) -> str:
    if seen.own:
        return f"{count_of(len(seen.own), one, several)} of its own"
    if seen.like:
        return f"{count_of(len(seen.like), one, several)} of servers like it"
    return f"no {one} seen: {otherwise}"


def _kind(server: Server) -> tuple[str, str | None]:
    """What servers have to share for the history of one to tell of the other."""
    return server.os_type, server.task_type


def _history(server: Server) -> _History:
    """How long each kind of step that a launch has took in this task, in seconds."""
    kinds: Sequence[SubTaskKind] = ("sync", "configure", "detach")
    found: dict[str, list[float]] = {kind: [] for kind in kinds}
    for step in server.sub_tasks:
        kind = sub_task_kind(step.name)
        seconds = _took(step)
        if kind in found and seconds is not None:
            found[kind].append(seconds)
    return found


def _took(step: SubTask) -> float | None:
    begun, ended = from_milliseconds(step.start_date), from_milliseconds(step.end_date)
    if begun is None or ended is None or ended < begun:
        return None
    return (ended - begun).total_seconds()


def _growth(server: Server, now: datetime) -> float:
    """By how much more has changed since the last round than usually between two."""
    begun = [s for s in server.sub_tasks if sub_task_kind(s.name) == "sync" and s.start_date]
    starts = [each.start_date or 0 for each in begun]
    last = from_milliseconds(server.last_sync.end_date if server.last_sync else None)
    if len(starts) < 2 or last is None:
        return 2.0  # one round says nothing of the interval
    usual = (starts[-1] - starts[0]) / 1000 / (len(starts) - 1)
    since = (now - last).total_seconds()
    return min(max(since / max(usual, 60.0), 1.0), _MOST_GROWTH)


@dataclass(frozen=True, slots=True)
class Night:
    """The launch of many, batch after batch."""

    times: Mapping[str, LaunchTime]
    batches: Sequence[Sequence[Server]]
    groups: Mapping[str, Group] = field(default_factory=dict)
    limits_unread: int = 0
    """Of how many servers the limits were not read: their launch may take longer than said."""

    def only(self, ids: Collection[str]) -> "Night":
        """The launch of these servers alone."""
        servers = [each for batch in self.batches for each in batch if each.id in ids]
        return night_of(servers, self.times, self.groups, self.limits_unread)

    @property
    def earliest(self) -> timedelta:
        """The shortest time that all batches take, one after the other."""
        return sum(
            (max(self.times[s.id].earliest for s in batch) for batch in self.batches), timedelta()
        )

    @property
    def latest(self) -> timedelta | None:
        """The longest; None where one server's is not known."""
        total = timedelta()
        for batch in self.batches:
            ends = [self.times[each.id].latest for each in batch]
            known = [end for end in ends if end is not None]
            if len(known) < len(ends):
                return None
            total += max(known) + _LOOK
        return total

    @property
    def confidence(self) -> Confidence:
        """That of the least sure."""
        rank: Sequence[Confidence] = ("low", "medium", "high")
        return min((each.confidence for each in self.times.values()), key=rank.index, default="low")

    def last_safe_start(self, deadline: datetime) -> datetime | None:
        """When the first launch has to begin for the last to be over by *deadline*."""
        return None if self.latest is None else deadline - self.latest

    def as_data(self, deadline: datetime | None, now: datetime) -> dict[str, Any]:
        """What is told of it."""
        latest = self.latest
        told: dict[str, Any] = {
            "servers": len(self.times),
            "batches": len(self.batches),
            "earliest_minutes": _minutes(self.earliest),
            "latest_minutes": None if latest is None else _minutes(latest),
            "confidence": self.confidence,
            "not_in_it": NOT_IN_IT,
            "point_of_no_return": POINT_OF_NO_RETURN,
        }
        if latest is None:
            unknown = [each for each in self.times.values() if each.latest is None]
            told["not_known"] = f"of {count_of(len(unknown), 'server')}: see its basis"
        if self.limits_unread:
            told["limits_not_read"] = self.limits_unread
        if deadline is not None:
            start = self.last_safe_start(deadline)
            told["deadline"] = iso(deadline)
            told["last_safe_start"] = None if start is None else iso(start)
            if start is not None and start < now:
                told["too_late"] = True
        return told

    def says(self, deadline: datetime | None, now: datetime) -> str:
        """The same in a sentence."""
        batches = count_of(len(self.batches), "batch", "batches")
        if self.latest is None:
            says = f"The launch takes at least {_minutes(self.earliest):g} minutes in {batches}; "
            says += "how long at most is not known."
        else:
            says = (
                f"The launch takes {_minutes(self.earliest):g} to {_minutes(self.latest):g} minutes"
                f" in {batches} (confidence {self.confidence})."
            )
        if deadline is None:
            return says
        start = self.last_safe_start(deadline)
        if start is None:
            return f"{says} So there is no last safe start for {iso(deadline)}."
        if start < now:
            return f"{says} TOO LATE to be sure to finish by {iso(deadline)}: the last safe start "
            f"was {iso(start)}."
        return f"{says} Last safe start to finish by {iso(deadline)}: {iso(start)}."


def night_of(
    servers: Sequence[Server],
    times: Mapping[str, LaunchTime],
    groups: Mapping[str, Group],
    limits_unread: int = 0,
) -> Night:
    """The launch of *servers* in the batches in which a plan launches them."""
    own = {each.id: times[each.id] for each in servers}
    return Night(own, batches_of(servers, groups), groups, limits_unread)


def _minutes(time: timedelta) -> float:
    return round(time.total_seconds() / 60, 1)
