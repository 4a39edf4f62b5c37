"""``check_cutover_readiness``: can we launch tonight?"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import Field

from sms_tools.diagnosis.answer import NONE_READ, Action, Draft
from sms_tools.diagnosis.naming import names_of
from sms_tools.diagnosis.night import read_night
from sms_tools.diagnosis.question import FleetQuestion, scope
from sms_tools.diagnosis.spoken import Deadline
from sms_tools.fleet.desk import Desk
from sms_tools.fleet.gates import Gates, Readiness
from sms_tools.fleet.launching import LaunchTime, Night
from sms_tools.fleet.membership import with_waves
from sms_tools.fleet.readiness import may_go, read_readiness
from sms_tools.fleet.reading import Fleet, Server, read_fleet, recent_fleet
from sms_tools.fleet.verification import Consistency
from sms_tools.knowledge.facts import CUTOVER_UNKNOWABLE
from sms_tools.operation import Kind
from sms_tools.wording import count_of, iso, listed

_ORDER: Final[Sequence[Readiness]] = ("not_ready", "not_confirmed", "ready")
_PLANNED: Final = 10
"""How many servers a suggested plan names; of a project's more, the plan takes up to fifty."""
_ALSO_UNSEEN: Final = "whether the target boots and can be reached: a rehearsal shows it"


class CheckCutoverReadiness(FleetQuestion):
    """Are these servers ready to switch over: go live, be launched, cut over tonight (割接, 切换,
    上线)? Does something still block (stop) them? For before a launch, not after. Every gate per
    server as pass, fail or unknown: stage, Agent, errors, copy, last sync, clone, consistency,
    checks. Verdict: ready, not_ready, or not_confirmed as soon as one gate is unknown. How long it
    takes; last safe start. Launches nothing: plan_remediation (goal=cut_over) does.
    """

    deadline: Annotated[
        Deadline | None, Field(description="End of the window, ISO 8601 with offset.")
    ] = None

    async def answer(self, desk: Desk) -> dict[str, Any]:
        """The verdict on each server that is not launched yet."""
        return self.told(await self.read(desk))

    async def read(self, desk: Desk) -> "Readings":
        """What the answer is made of."""
        since = None if self.servers is None else desk.elapsed()
        fleet = await read_fleet(desk, project=self.project, servers=self.servers)
        fleet = await with_waves(desk, fleet, everything=self.detail == "full")
        launched = [server for server in fleet.servers if server.phase == "finished"]
        waiting = [server for server in fleet.servers if server.phase != "finished"]
        read = await read_readiness(desk, waiting, tasks_read=fleet.tasks_read, since=since)
        near = [each for each in read.servers.values() if may_go(each)]
        gaps = list(read.incomplete)
        recent = recent_fleet(desk)
        every = [*near, *(recent.servers if recent else fleet.servers)]
        whole = await read_night(desk, near, every, gaps, since=since) if near else None
        times = whole.times if whole else {}
        able = [s.id for s in near if read.gates[s.id].verdict != "not_ready"]
        night = whole.only(able) if whole and able else None
        batches = {
            server.id: number
            for number, batch in enumerate(night.batches if night else (), 1)
            for server in batch
        }
        judged = [
            Judged(
                read.servers[each.id],
                read.gates[each.id],
                times.get(each.id),
                read.kept.get(each.id),
                batches.get(each.id),
            )
            for each in waiting
        ]
        judged.sort(key=lambda each: each.rank)
        return Readings(fleet, judged, launched, gaps, read.consistency, night, desk.now())

    def told(self, read: "Readings", *, whole: bool = False) -> dict[str, Any]:
        """The answer that *read* gives; all of it, if it is *whole*."""
        fleet, judged, launched = read.fleet, read.judged, read.launched
        night, incomplete, now = read.night, read.missing, read.at
        full = self.detail == "full"
        draft = Draft(
            summary=_summary(fleet, judged, launched)
            + (f" {night.says(self.deadline, now)}" if night else ""),
            observed_at=fleet.observed_at,
            data={},
            actions=_actions(self, judged),
            incomplete=[*fleet.incomplete, *incomplete],
            whole=whole,
        )
        if fleet.project:
            draft.data["project"] = {"name": fleet.project.name, "id": fleet.project.id}
        verdicts = Counter(each.gates.verdict for each in judged)
        draft.data |= {
            "verdict": whole_verdict(judged, everyone_read=fleet.sources_read),
            "verdicts": {verdict: verdicts[verdict] for verdict in _ORDER},
            "already_launched": len(launched) if fleet.count is not None else None,
            "gates_not_passed": _not_passed(judged),
        }
        if night:
            draft.data["launch"] = night.as_data(self.deadline, now)
        draft.data["servers"] = draft.page(
            "servers",
            [each.as_data(full=full) for each in judged],
            limit=self.limit,
            offset=self.offset,
            full=full,
        )
        draft.data["not_checked"] = [*CUTOVER_UNKNOWABLE, _ALSO_UNSEEN]
        return draft.fit(offset=self.offset, full=full)


@dataclass(frozen=True, slots=True)
class Readings:
    """The servers that are not launched, judged; worst first."""

    fleet: Fleet
    judged: Sequence["Judged"]
    launched: Sequence[Server]
    missing: Sequence[str]
    """What could not be read for the gates."""
    consistency: Mapping[str, Consistency]
    """By server id, of those for which it was read."""
    night: Night | None
    """How the launches of those that may be ready would go; None where there are none."""
    at: datetime
    """When it was read."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A server and its gates."""

    server: Server
    gates: Gates
    launch: LaunchTime | None = None
    """How long its launch takes; None where it is not far enough to be launched."""
    read_at: datetime | None = None
    """When what was read of its task was read, where that is older than the lists."""
    batch: int | None = None
    """In which batch a plan of all that may go would launch it."""

    @property
    def rank(self) -> tuple[bool, int, str]:
        """Those in continuous sync first: they are the ones that could be launched. Worst first."""
        far = (self.server.stage or "").lower() != "syncing"
        return (far, _ORDER.index(self.gates.verdict), self.server.name)

    def as_data(self, *, full: bool) -> dict[str, Any]:
        """The row of this server."""
        open_gates = self.gates.open
        row = {
            **self.server.as_data(),
            **({"read_at": iso(self.read_at)} if self.read_at else {}),
            "verdict": self.gates.verdict,
            "phase": self.server.phase,
            "gates_passed": len(self.gates.findings) - len(open_gates),
            "gates": {
                name: finding.verdict
                for name, finding in self.gates.findings.items()
                if full or name in open_gates
            },
        }
        if full:
            row["findings"] = {
                name: finding.as_data() for name, finding in self.gates.findings.items()
            }
        elif open_gates:
            row["because"] = [finding.says for finding in list(open_gates.values())[:3]]
        if self.launch:
            row["launch"] = self.launch.as_data(full=full)
            if self.batch:
                row["launch"]["batch"] = self.batch
        if full or may_go(self.server):
            row["advice"] = list(self.gates.advice)
        return row


def whole_verdict(judged: Sequence[Judged], *, everyone_read: bool = True) -> Readiness:
    """The worst of the verdicts; nothing to launch is not ready, nor are servers nobody read."""
    verdicts = {each.gates.verdict for each in judged}
    if not everyone_read:
        verdicts.add("not_confirmed")
    return next((verdict for verdict in _ORDER if verdict in verdicts), "not_ready")


def _not_passed(judged: Sequence[Judged]) -> Mapping[str, Mapping[str, int]]:
    """By gate: how many servers fail it, and of how many it is unknown."""
    found: dict[str, Counter[str]] = {}
    for each in judged:
        for name, finding in each.gates.open.items():
            found.setdefault(name, Counter())[finding.verdict] += 1
    return {name: dict(counts) for name, counts in found.items()}


def _summary(fleet: Fleet, judged: Sequence[Judged], launched: Sequence[Server]) -> str:
    if fleet.count is None:
        return NONE_READ
    if not judged:
        if not launched:
            return NONE_READ if fleet.problems else "There are no source servers here."
        done = count_of(len(launched), "server")
        read = "" if fleet.sources_read else " of those that were read"
        return f"Nothing{read} is left to launch: {done} launched already."
    counts = Counter(each.gates.verdict for each in judged)
    words = {"ready": "ready", "not_ready": "not ready", "not_confirmed": "not confirmed"}
    parts = [f"{counts[v]} {words[v]}" for v in reversed(_ORDER) if counts[v]]
    says = f"Of {count_of(len(judged), 'server')} to launch: {listed(parts)}."
    near = [e.server for e in judged if may_go(e.server) and e.gates.verdict != "ready"]
    if near:
        says += f" In continuous sync, but not ready or not confirmed: {names_of(near)}."
    if launched:
        says += f" {len(launched)} launched already."
    return f"{says} What cannot be seen from here is under not_checked."


def _actions(question: CheckCutoverReadiness, judged: Sequence[Judged]) -> Sequence[Action]:
    actions = []
    near = [e for e in judged if may_go(e.server) and e.gates.verdict == "not_ready"]
    if near:
        why = "in continuous sync, but a gate fails: what it needs"
        actions.append(Action("diagnose_server", {"server": near[0].server.id}, why))
    verdicts = {"consistency_clean"} & {name for each in judged for name in each.gates.open}
    if verdicts and any(may_go(each.server) for each in judged):
        why = "which files and directories the consistency gate is about"
        actions.append(Action("summarize_consistency_results", dict(scope(question)), why))
    ready = [each.server.id for each in judged if each.gates.verdict == "ready"]
    if ready:
        arguments: dict[str, Any] = {"goal": "cut_over", "servers": ready[:_PLANNED]}
        if question.project and len(ready) > _PLANNED:
            arguments = {"goal": "cut_over", "project": question.project}
        if question.deadline:
            arguments["deadline"] = iso(question.deadline)
        why = "plans the launch of those that are ready; a person approves it before anything runs"
        actions.append(Action("plan_remediation", arguments, why, Kind.READ))
    return actions
