"""``assess_sources``: are these servers fit to be migrated, and how?"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sms_tools.diagnosis.answer import Action, Draft
from sms_tools.diagnosis.naming import names_of
from sms_tools.diagnosis.question import FleetQuestion, scope
from sms_tools.errors import SmsToolsError
from sms_tools.fleet import fitness, targets
from sms_tools.fleet.desk import Desk
from sms_tools.fleet.fitness import NOT_CHECKED, VERDICTS, Verdict
from sms_tools.fleet.keeping import read_each
from sms_tools.fleet.machine import SourceFacts, expected_bytes, suggested_type
from sms_tools.fleet.membership import with_waves
from sms_tools.fleet.quotas import quotas_of
from sms_tools.fleet.reading import Fleet, Server, list_or_gap, read_fleet
from sms_tools.fleet.remark import Remark
from sms_tools.knowledge.facts import TEMPLATES_PAGE
from sms_tools.operation import JSON
from sms_tools.operations.projects import ListMigrationProjects
from sms_tools.operations.source_servers import GetSourceServer, SourceServerDetail
from sms_tools.operations.templates import ListTemplates, Template
from sms_tools.paging import Listing
from sms_tools.text import one_line
from sms_tools.wording import count_of, iso, listed, size

_SHOWN_FINDINGS: Final = 4
_LARGE: Final = 1024**4


class AssessSources(FleetQuestion):
    """Can these machines be migrated at all, and what must be repaired first (评估, 能不能迁,
    支不支持)? Before you start: is each host fit and compatible (old systems, firmware, file
    systems)? Suggests type and template; bytes to copy, quotas. Per server go, repair_first,
    other_method or unknown; each finding with who acts and how.
    """

    async def answer(self, desk: Desk) -> dict[str, Any]:
        """The verdict on each server that is not launched yet."""
        fleet = await read_fleet(desk, project=self.project, servers=self.servers)
        fleet = await with_waves(desk, fleet)
        about = [server for server in fleet.servers if not server.was_launched]
        gaps: list[str] = []
        details = await _details(desk, about, fleet.observed_at, gaps)
        templates = await _list(desk, "templates", ListTemplates(limit=TEMPLATES_PAGE), gaps)
        projects = await _list(desk, "projects", ListMigrationProjects(limit=100), gaps)
        names = Counter(server.name for server in fleet.servers)
        whole = _Whole(templates, names)
        judged = [
            _judge(
                SourceFacts(server, desk.now(), details.get(server.id), names[server.name] - 1),
                whole,
            )
            for server in about
        ]
        judged.sort(key=lambda each: each.rank)
        quotas = await quotas_of(desk, fleet, projects, templates)
        return self._told(fleet, judged, len(fleet.servers) - len(about), quotas, gaps)

    def _told(
        self,
        fleet: Fleet,
        judged: Sequence["Assessed"],
        launched: int,
        quotas: Sequence[JSON],
        gaps: Sequence[str],
    ) -> dict[str, Any]:
        full = self.detail == "full"
        draft = Draft(
            summary=_summary(judged, launched),
            observed_at=fleet.observed_at,
            data={},
            actions=_actions(self, judged),
            incomplete=[*fleet.incomplete, *gaps],
        )
        if fleet.project:
            draft.data["project"] = {"name": fleet.project.name, "id": fleet.project.id}
        verdicts = Counter(each.verdict for each in judged)
        kinds = Counter(remark.kind for each in judged for remark in each.remarks)
        draft.data |= {
            "verdicts": {verdict: verdicts[verdict] for verdict in VERDICTS},
            "kinds": dict(kinds.most_common(24)),
            "already_launched": launched,
        }
        rows = [each.as_data(full=full) for each in judged]
        draft.data["servers"] = draft.page(
            "servers", rows, limit=self.limit, offset=self.offset, full=full
        )
        draft.data |= {"quotas": list(quotas), "not_checked": list(NOT_CHECKED)}
        return draft.fit(offset=self.offset, full=full)


@dataclass(frozen=True)
class _Whole:
    """What is the same for all servers."""

    templates: Listing[Template] | None
    names: Mapping[str, int]


@dataclass(frozen=True)
class Assessed:
    """A server, what was remarked on it, and the target that is suggested."""

    facts: SourceFacts
    remarks: Sequence[Remark]
    match: targets.Match | None

    @property
    def server(self) -> Server:
        """The server."""
        return self.facts.server

    @property
    def verdict(self) -> Verdict:
        """The gravest of the remarks."""
        return fitness.verdict_of(self.remarks)

    @property
    def type(self) -> str | None:
        """The suggested type; none where it goes another way."""
        return None if self.verdict == "other_method" else suggested_type(self.facts)

    @property
    def rank(self) -> tuple[bool, int, str]:
        """Those without a task first, the worst first."""
        return (bool(self.server.task_id), VERDICTS.index(self.verdict), self.server.name)

    def as_data(self, *, full: bool) -> dict[str, Any]:
        """The row of this server."""
        row: dict[str, Any] = {**self.server.as_data(), "verdict": self.verdict}
        shown = self.remarks if full else self.remarks[:_SHOWN_FINDINGS]
        row["findings"] = [remark.as_data() for remark in shown]
        if self.server.task_id:
            row["has_task"] = True
        if self.type:
            row["suggested_type"] = self.type
            row["expected_bytes"] = expected_bytes(self.facts, self.type)
        if self.match:
            row["template"] = {"name": self.match.name, "id": self.match.template.id}
            row["template_by"] = self.match.by
        elif full or self.type:
            row["needs"] = self._shape()
        row["confidence"] = self._confidence
        if full:
            row |= self._more()
        return row

    def _shape(self) -> JSON:
        source = self.facts.detail or self.server.source
        cpus, memory = (source.cpu_quantity, source.memory) if source else (None, None)
        return targets.shape_of(self.facts.disks, cpus, memory)

    @property
    def _confidence(self) -> str:
        if self.facts.detail is None or self.server.connected is not True:
            return "low"
        return "medium" if any(r.weight == "unknown" for r in self.remarks) else "high"

    def _more(self) -> dict[str, Any]:
        detail, server = self.facts.detail, self.server
        record = detail or server.source
        seen = server.connection_since
        more: dict[str, Any] = {
            "read_with": "get_source_server" if detail else "list_source_servers",
            "connection_since": iso(seen) if seen else None,
            "system": one_line((record.os_version if record else "") or "", 60) or None,
            "firmware": one_line(detail.firmware or "", 20) if detail else None,
            "agent_version": one_line(detail.agent_version or "", 40) if detail else None,
            "networks": [
                one_line(each.ip or "", 60) for each in (detail.networks if detail else None) or ()
            ],
            "shape": self._shape(),
        }
        if self.facts.linux and not self.facts.no_block_level:
            more["bytes_by_type"] = {
                kind: expected_bytes(self.facts, kind) for kind in ("MIGRATE_FILE", "MIGRATE_BLOCK")
            }
        return more


def _judge(facts: SourceFacts, whole: _Whole) -> Assessed:
    found = list(fitness.assess(facts))
    match = None
    if whole.templates and suggested_type(facts) and not _needs_existing(facts):
        match = targets.meant_for(whole.templates.items, facts.server.name, facts.server.wave)
    if match and (small := targets.too_small(match.template, facts.disks)):
        found.append(_too_small(match, small, whole.templates, facts))
    elif match and targets.disks_unclear(match.template, facts.disks):
        says = f"Whether the disks of template {match.name} are large enough is not known."
        how = "Read both: get_template, get_source_server."
        found.append(Remark("template_unclear", "unknown", says, "api", how))
    expected = expected_bytes(facts, suggested_type(facts) or "")
    if expected and expected > _LARGE:
        says = f"About {size(expected)} to copy: the FAQ (13.1) advises against SMS above 1 TB."
        how = "Work out the time from the line's rate; a database or storage may go its own way."
        found.append(Remark("large", "note", says, "console", how))
    order = ["other_method", "repair_first", "unknown", "note"]
    found.sort(key=lambda remark: order.index(remark.weight))
    return Assessed(facts, found, match)


def _needs_existing(facts: SourceFacts) -> bool:
    """Whether no template is suggested: UEFI gets none, for Windows it is doubtful."""
    uefi = facts.detail is not None and (facts.detail.firmware or "").strip().upper() == "UEFI"
    return uefi or facts.windows


def _too_small(
    match: targets.Match,
    small: Sequence[str],
    templates: Listing[Template] | None,
    facts: SourceFacts,
) -> Remark:
    every = templates.items if templates else ()
    fits = [
        one_line(each.name or "", 40)
        for each in every
        if each.is_template is not False and not targets.too_small(each, facts.disks)
    ]
    other = f", or take one whose disks fit, if its network is right: {listed(fits[:3])}"
    return Remark(
        "template_disks_too_small",
        "repair_first",
        f"Template {match.name} (found by the {match.by}) is too small: {listed(list(small[:3]))}.",
        "api",
        "Enlarge the template's disks (update_template)" + (other if fits else "") + ".",
        "SMS.6614",
    )


async def _details(
    desk: Desk, servers: Sequence[Server], at: datetime, gaps: list[str]
) -> Mapping[str, SourceServerDetail]:
    known = [server for server in servers if server.id]
    wanted = [(server, GetSourceServer(source_id=server.id)) for server in known]
    readings = await read_each(desk, wanted, since=None, beside=at)
    found = {
        server.id: each.reply
        for server, each in zip(known, readings, strict=True)
        if not isinstance(each.reply, SmsToolsError)
    }
    if missing := len(servers) - len(found):
        gaps.append(f"get_source_server: of {count_of(missing, 'server')} the record is missing.")
    return found


async def _list(desk: Desk, key: str, operation: Any, gaps: list[str]) -> Any:
    """The whole list of *operation*, or None with a gap."""
    listing, missing = await list_or_gap(desk, key, operation)
    gaps += missing
    return listing


def _summary(judged: Sequence[Assessed], launched: int) -> str:
    done = f" {count_of(launched, 'server')} launched already." if launched else ""
    if not judged:
        return f"No server is left to assess.{done}"
    words = {
        "go": "fit",
        "repair_first": "to repair first",
        "other_method": "for another method",
        "unknown": "not known",
    }
    counts = Counter(each.verdict for each in judged)
    parts = [f"{counts[v]} {words[v]}" for v in reversed(VERDICTS) if counts[v]]
    says = f"Of {count_of(len(judged), 'source server')}: {listed(parts)}."
    worst = [each.server for each in judged if each.verdict == "other_method"]
    if worst:
        says += f" Another method: {names_of(worst)}."
    return f"{says}{done} What no record carries is under not_checked."


def _actions(question: AssessSources, judged: Sequence[Assessed]) -> Sequence[Action]:
    actions = []
    repair = [e.server for e in judged if e.verdict == "repair_first" and not e.server.task_id]
    if repair:
        why = "the facts behind what has to be repaired on it"
        actions.append(Action("diagnose_server", {"server": repair[0].id}, why))
    if question.detail != "full":
        why = "for each server also system, firmware, networks, project and bytes by type"
        actions.append(Action("assess_sources", {**scope(question), "detail": "full"}, why))
    return actions
