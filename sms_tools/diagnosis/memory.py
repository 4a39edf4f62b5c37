"""What was seen of the fleet before, and what became of each server since."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sms_tools.diagnosis.causes import RUNS_AGAIN
from sms_tools.fleet.reading import Fleet, Server
from sms_tools.fleet.samples import Sample, Samples
from sms_tools.knowledge import explain
from sms_tools.moment import from_milliseconds
from sms_tools.text import one_line
from sms_tools.wording import iso

SAME_READING: Final = timedelta(seconds=1)
_NEAR: Final = timedelta(hours=1)

Turn = tuple[datetime | None, Sample]


@dataclass(frozen=True)
class Memory:
    """What was seen of the fleet before this reading."""

    baseline: Mapping[str, Sample]
    """The last sample of each server before the point in time, else the first one after it."""
    turns: Mapping[str, Sequence[Turn]]
    compared_with: datetime | None
    """When the fleet was seen that this reading is compared with; None if it never was."""
    gone: Sequence[Sample] = ()

    def copied(self, fleet: Fleet) -> int | None:
        """Bytes copied meanwhile, over servers that kept their task; None without a baseline."""
        if self.compared_with is None:
            return None
        pairs = [(self.baseline.get(server.id), server) for server in fleet.servers]
        return sum(
            max(0, server.done_bytes - (before.done_bytes or 0))
            for before, server in pairs
            if before and server.done_bytes is not None and before.task_id == server.task_id
        )

    def notes(self, since: datetime) -> Sequence[str]:
        """What cannot be known, because nobody looked."""
        if self.compared_with is None:
            return ["everything before this reading: there is no earlier sample"]
        if self.compared_with > since + SAME_READING:
            return [f"what happened before {iso(self.compared_with)}: the first sample is of then"]
        return []


async def recall(samples: Samples, fleet: Fleet, since: datetime) -> Memory:
    """What *samples* hold for comparing *fleet* with the time *since*."""
    before_now = fleet.observed_at - SAME_READING
    earlier = await samples.fleet_at(since)
    later = {
        source_id: sample
        for source_id, sample in (await samples.first_since(since)).items()
        if sample.at < before_now
    }
    baseline = {**later, **earlier}
    known = [baseline[s.id].at for s in fleet.servers if s.id in baseline]
    compared_with = max(known) if known and earlier else min(known, default=None)
    return Memory(
        baseline=baseline,
        turns=await samples.turns(since),
        compared_with=compared_with,
        gone=await _gone(samples, fleet, since, compared_with),
    )


async def _gone(
    samples: Samples, fleet: Fleet, since: datetime, compared_with: datetime | None
) -> Sequence[Sample]:
    """Servers that were there and are not listed any more; unknown where not all were read."""
    if fleet.narrowed or fleet.problems or compared_with is None:
        return ()
    bound = min(since, compared_with) - _NEAR
    last_seen = await samples.fleet_at(fleet.observed_at)
    return [
        sample
        for source_id, sample in last_seen.items()
        if source_id not in fleet.by_id and sample.at >= bound
    ]


@dataclass(frozen=True)
class Change:
    """What became of one server. ``kinds`` holds at least one word, the weightiest first."""

    server: Server
    kinds: Sequence[str]
    phases: Sequence[str]
    """The phases that were seen, in order, from the one before to the one of now."""
    after: datetime | None
    """It had not happened yet then …"""
    by: datetime | None
    """… and it had by then."""
    code: str | None = None

    def as_named(self, kind: str) -> dict[str, Any]:
        """The server, with its code and cause if it failed."""
        if kind != "new_failure":
            return self.server.as_data()
        shown = {**self.server.as_data(), "code": self.code}
        return {**shown, "cause": one_line(explain(self.code).cause, 120)} if self.code else shown

    def as_data(self) -> dict[str, Any]:
        """The row of this server."""
        row = {
            **self.server.as_data(),
            "what": list(self.kinds),
            "from": self.phases[0] if len(self.phases) > 1 else None,
            "to": self.phases[-1],
            "via": list(self.phases[1:-1][-4:]),
            "after": iso(self.after) if self.after else None,
            "by": iso(self.by) if self.by else None,
            "code": self.code,
        }
        return {key: value for key, value in row.items() if value not in (None, [])}


def change_of(
    server: Server, before: Sample | None, memory: Memory, since: datetime
) -> Change | None:
    """What changed of *server* since the sample *before*; None if nothing did."""
    if before is None:
        added = from_milliseconds(server.source.add_date) if server.source else None
        if added and added >= since:
            return Change(server, ["appeared"], [server.phase], None, added)
        return None
    path = [before]
    steps: list[Turn] = []
    for seen_before, sample in memory.turns.get(server.id, ()):
        if sample.at > before.at and _differs(path[-1], sample):
            path.append(sample)
            steps.append((seen_before or before.at, sample))
    if not steps:
        return None
    after, last = steps[-1]
    return Change(
        server=server,
        kinds=kinds_of(path),
        phases=_without_repeats([sample.phase for sample in path]),
        after=after,
        by=last.at,
        code=next((each.error_code for each in reversed(path[1:]) if each.error_code), None),
    )


def _differs(one: Sample, other: Sample) -> bool:
    return (one.phase, one.connected, one.error_code) != (
        other.phase,
        other.connected,
        other.error_code,
    )


def kinds_of(path: Sequence[Sample]) -> Sequence[str]:
    """What happened on the way from the first to the last of *path*, weightiest first."""
    first, last = path[0], path[-1]
    failed = any(each.phase == "failed" for each in path[:-1])
    kinds = []
    if last.phase == "failed" and (first.phase != "failed" or first.error_code != last.error_code):
        kinds.append("new_failure")
    if failed and last.phase in RUNS_AGAIN:
        kinds.append("recovered")
    if last.phase == "finished" and first.phase != "finished":
        kinds.append("finished")
    if first.connected and last.connected is False:
        kinds.append("went_offline")
    if first.connected is False and last.connected:
        kinds.append("came_back")
    return kinds or ["phase"]


def _without_repeats(phases: Sequence[str]) -> Sequence[str]:
    return [phase for at, phase in enumerate(phases) if at == 0 or phase != phases[at - 1]]
