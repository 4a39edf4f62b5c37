"""``what_changed``: what happened since then?"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from pydantic import Field

from sms_tools.diagnosis.answer import NONE_READ, Action, Draft
from sms_tools.diagnosis.causes import RUNS_AGAIN
from sms_tools.diagnosis.naming import names_of
from sms_tools.diagnosis.question import FleetQuestion, scope
from sms_tools.diagnosis.spoken import Since
from sms_tools.errors import RequestRefused
from sms_tools.fleet.desk import Deed, Desk, Pending
from sms_tools.fleet.membership import with_waves
from sms_tools.fleet.reading import Fleet, Server, read_fleet
from sms_tools.fleet.samples import Sample, Samples
from sms_tools.knowledge import explain
from sms_tools.moment import from_milliseconds
from sms_tools.text import one_line
from sms_tools.wording import iso, listed

_DEFAULT: Final = timedelta(hours=24)
_SAME_READING: Final = timedelta(seconds=1)
_NEAR: Final = timedelta(hours=1)
_SHOWN: Final = 10
_FULL_SHOWN: Final = 200
_KINDS: Final = (
    *("new_failure", "recovered", "finished", "went_offline", "came_back"),
    *("appeared", "phase"),
)
_WORDS: Final = {
    "new_failure": "newly failed",
    "recovered": "recovered",
    "finished": "finished",
    "went_offline": "went offline",
    "came_back": "came back online",
    "appeared": "registered",
}


class WhatChanged(FleetQuestion):
    """What happened since a point in time: what is new overnight, while you slept or were away,
    yesterday, over the weekend (昨晚, 发生了什么, 有什么变化)? Did anything break? New failures,
    what recovered or finished, other transitions, Agents disconnected or back, bytes copied. It
    knows nothing from before this server's first reading, and says so. For the current state use
    migration_overview.
    """

    since: Annotated[
        Since | None,
        Field(
            description="ISO 8601 with offset, 12h, or yesterday 18:00+08:00; default 24 hours ago."
        ),
    ] = None

    async def answer(self, desk: Desk) -> dict[str, Any]:
        """The changes between the last reading before `since` and now."""
        since = self.since or desk.now() - _DEFAULT
        if since > desk.now():
            raise RequestRefused(
                f"since is in the future: {iso(since)}.",
                advice="Give a time in the past, or leave since out for the last 24 hours.",
            )
        fleet = await read_fleet(desk, project=self.project, servers=self.servers)
        fleet = await with_waves(desk, fleet, everything=self.detail == "full")
        memory = await recall(Samples(desk), fleet, since)
        changes = [
            change
            for server in fleet.servers
            if (change := change_of(server, memory.baseline.get(server.id), memory, since))
        ]
        changes.sort(key=lambda each: (_KINDS.index(each.kinds[0]), each.server.name))
        deeds = await _deeds(desk, since)
        waiting = await desk.journal.waiting() if desk.journal else ()
        done = told_deeds(deeds or (), fleet, memory)
        return self._told(fleet, since, memory, changes, Journaled(done, waiting, deeds is None))

    def _told(
        self,
        fleet: Fleet,
        since: datetime,
        memory: "Memory",
        changes: Sequence["Change"],
        journaled: "Journaled",
    ) -> dict[str, Any]:
        full = self.detail == "full"
        counts = Counter(kind for change in changes for kind in change.kinds)
        draft = Draft(
            summary=NONE_READ
            if fleet.count is None
            else _summary(since, memory, changes, counts, whole=not fleet.problems),
            observed_at=fleet.observed_at,
            data={},
            actions=_actions(self, memory, changes, counts),
            notes=memory.notes(since),
            incomplete=[*fleet.incomplete, *journaled.gaps],
        )
        draft.summary += journaled.says
        if fleet.project:
            draft.data["project"] = {"name": fleet.project.name, "id": fleet.project.id}
        draft.data |= {
            "since": iso(since),
            "compared_with": iso(memory.compared_with) if memory.compared_with else None,
            "server_count": fleet.count,
            "counts": {kind: counts[kind] for kind in _KINDS if counts[kind]},
            "copied_bytes": memory.copied(fleet),
        }
        for key, kind in (
            ("new_failures", "new_failure"),
            ("recovered", "recovered"),
            ("finished", "finished"),
        ):
            rows = [each.as_named(kind) for each in changes if kind in each.kinds]
            draft.data[key] = draft.part(
                key, rows, _FULL_SHOWN if full else _SHOWN, "see transitions, or detail=full"
            )
        gone = [{"name": each.name, "id": each.source_id} for each in memory.gone]
        draft.data["gone"] = draft.part(
            "gone", gone, _FULL_SHOWN if full else _SHOWN, "detail=full"
        )
        draft.data["transitions"] = draft.page(
            "transitions",
            [each.as_data() for each in changes],
            limit=self.limit,
            offset=self.offset,
            full=full,
        )
        most = _FULL_SHOWN if full else _SHOWN
        draft.data["done_here"] = draft.part("done_here", journaled.done, most, "detail=full")
        draft.data["waiting_for_approval"] = draft.part(
            "waiting_for_approval", journaled.waiting_rows, most, "detail=full"
        )
        if not memory.compared_with:
            draft.data["changed_by_the_services_clock"] = draft.part(
                "changed_by_the_services_clock",
                _by_action_time(fleet, since),
                _FULL_SHOWN if full else _SHOWN,
                "detail=full",
            )
        return draft.fit(offset=self.offset, full=full)


@dataclass(frozen=True)
class Journaled:
    """What was done through this server, and what waits for a person."""

    done: Sequence[dict[str, Any]]
    """The latest first."""
    waiting: Sequence[Pending] | None
    unread: bool = False

    @property
    def says(self) -> str:
        """Both in a sentence; empty where there is neither."""
        says = ""
        if launches := [row for row in self.done if row["action"] in _LAUNCHES]:
            last = launches[0]
            names = [f'"{one_line(each["name"], 40)}"' for each in last.get("servers", [])[:3]]
            what = f" of {listed(names)}" if names else ""
            says += f" The latest launch from here{what} at {last['at']} was by {last['by']}."
        if self.waiting:
            are = "call waits" if len(self.waiting) == 1 else "calls wait"
            says += f" {len(self.waiting)} {are} for a person's approval."
        return says

    @property
    def gaps(self) -> Sequence[str]:
        """What of it could not be read."""
        gaps = ["audit: could not be read; who did what is not known."] if self.unread else []
        if self.waiting is None:
            gaps.append("approvals: could not be read; what waits for a person is not known.")
        return gaps

    @property
    def waiting_rows(self) -> Sequence[dict[str, Any]]:
        """The rows of what waits. Only a person can agree: there is no call for it."""
        return [
            {
                "id": each.id,
                "tool": each.tool,
                "says": each.says,
                "asked_by": each.caller,
                "since": iso(each.since),
                "until": iso(each.until),
            }
            for each in self.waiting or ()
        ]


_LAUNCHES: Final = frozenset({"test", "cutover"})


async def _deeds(desk: Desk, since: datetime) -> Sequence[Deed] | None:
    """What was done since then; the audit follows a clock of its own, so it is asked by age."""
    return await desk.journal.deeds(desk.now() - since) if desk.journal else ()


def told_deeds(deeds: Sequence[Deed], fleet: Fleet, memory: "Memory") -> list[dict[str, Any]]:
    """Who did what to which server, the latest first; of a narrowed fleet only what was about it.

    A task that is gone is known from the samples.
    """
    by_id: dict[str, Server] = {}
    for server in fleet.servers:
        before = memory.baseline.get(server.id)
        for name in (before and before.task_id, server.task_id, server.id):
            if name:
                by_id[name] = server
    rows = []
    for deed in reversed(deeds):
        servers = list(
            {id(by_id[text]): by_id[text] for text in deed.about if text in by_id}.values()
        )
        if fleet.narrowed and not servers:
            continue
        row = {
            "at": iso(deed.at),
            "tool": deed.tool,
            "action": deed.action,
            "servers": [server.as_data() for server in servers[:5]],
            "by": deed.by,
            "agreed": deed.agreed,
            "outcome": deed.outcome or "not written down",
            "code": deed.code,
            "plan_id": deed.plan_id,
        }
        keep = ("action", "outcome")
        rows.append({k: v for k, v in row.items() if k in keep or v not in (None, [])})
    return rows


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
        if self.compared_with > since + _SAME_READING:
            return [f"what happened before {iso(self.compared_with)}: the first sample is of then"]
        return []


async def recall(samples: Samples, fleet: Fleet, since: datetime) -> Memory:
    """What *samples* hold for comparing *fleet* with the time *since*."""
    before_now = fleet.observed_at - _SAME_READING
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


def _by_action_time(fleet: Fleet, since: datetime) -> Sequence[dict[str, Any]]:
    """What the service's own times tell where nothing was seen before: the last change only."""
    changed = [s for s in fleet.servers if s.state_since and s.state_since >= since]
    changed.sort(key=lambda server: server.state_since or since, reverse=True)
    return [
        {**s.as_data(), "phase": s.phase, "since": iso(s.state_since or since)} for s in changed
    ]


def _summary(
    since: datetime,
    memory: Memory,
    changes: Sequence[Change],
    counts: Mapping[str, int],
    *,
    whole: bool,
) -> str:
    if memory.compared_with is None:
        return (
            f"What changed since {iso(since)} is not known: there is no earlier sample. This "
            "reading is the first one; ask again later. The service itself only says when each "
            "state last changed."
        )
    parts = [f"{counts[kind]} {word}" for kind, word in _WORDS.items() if counts.get(kind)]
    if memory.gone:
        parts.append(f"{len(memory.gone)} no longer listed")
    other = sum("phase" in change.kinds for change in changes)
    if other:
        parts.append(f"{other} in another phase")
    nothing = "no change of state" if whole else "no change of state was seen in what was read"
    says = f"Since {iso(memory.compared_with)}: {listed(parts) or nothing}."
    if failed := [each.server for each in changes if "new_failure" in each.kinds]:
        says += f" Newly failed: {names_of(failed)}."
    if memory.compared_with > since + _SAME_READING:
        says += f" There is no sample as old as {iso(since)}."
    return says


def _actions(
    question: WhatChanged, memory: Memory, changes: Sequence[Change], counts: Mapping[str, int]
) -> Sequence[Action]:
    where = dict(scope(question))
    actions = []
    if counts.get("new_failure"):
        actions.append(Action("summarize_failed_servers", where, "why they failed, what to do"))
    if launched := next((each.server for each in changes if "finished" in each.kinds), None):
        why = (
            "how the launch ended; try the target itself, and keep task and source until its "
            "owner has agreed"
        )
        actions.append(Action("diagnose_server", {"server": launched.id}, why))
    if memory.compared_with is None or not actions:
        actions.append(Action("migration_overview", where, "how the migration stands now"))
    return actions
