"""``what_changed``: what happened since then?"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from pydantic import Field

from sms_tools.diagnosis.answer import NONE_READ, Action, Draft
from sms_tools.diagnosis.deeds import Journaled, deeds_since, told_deeds
from sms_tools.diagnosis.memory import SAME_READING, Change, Memory, change_of, recall
from sms_tools.diagnosis.naming import names_of
from sms_tools.diagnosis.question import FleetQuestion, scope
from sms_tools.diagnosis.spoken import Since
from sms_tools.errors import RequestRefused
from sms_tools.fleet.desk import Desk
from sms_tools.fleet.membership import with_waves
from sms_tools.fleet.reading import Fleet, read_fleet
from sms_tools.fleet.samples import Samples
from sms_tools.wording import iso, listed

_DEFAULT: Final = timedelta(hours=24)
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
        deeds = await deeds_since(desk, since)
        waiting = await desk.journal.waiting() if desk.journal else ()
        done = told_deeds(deeds or (), fleet, memory)
        return self._told(fleet, since, memory, changes, Journaled(done, waiting, deeds is None))

    def _told(
        self,
        fleet: Fleet,
        since: datetime,
        memory: Memory,
        changes: Sequence[Change],
        journaled: Journaled,
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
    if memory.compared_with > since + SAME_READING:
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
