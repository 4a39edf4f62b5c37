"""``summarize_failed_servers``: which failed, and why?"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sms_tools.diagnosis.answer import CONCISE_BYTES, NONE_READ, Action, Draft, compact_bytes
from sms_tools.diagnosis.causes import Failure, Group, failures_of, group
from sms_tools.diagnosis.errors import ACTORS
from sms_tools.diagnosis.question import FleetQuestion, scope
from sms_tools.diagnosis.remedy import plan_action
from sms_tools.fleet.desk import Desk
from sms_tools.fleet.membership import with_waves
from sms_tools.fleet.reading import Fleet, Server, find_project, list_or_gap, read_fleet, together
from sms_tools.knowledge.facts import ERRORS_PAGE, NETWORK_EVENT_CODES, TEMPLATES_PAGE
from sms_tools.operations.source_servers import FailedServer, ListFailedSourceServers
from sms_tools.operations.templates import ListTemplates
from sms_tools.text import one_line
from sms_tools.wording import count_of, iso, listed

_SERVERS: Final = 10
_RECOVERED: Final = 10
_PLANNED: Final = 3
_SHORTER: Final = (240, 200, 160, 140, 120, 100, 80)
"""How long the causes may be, tried in turn before groups are left out; a step is never cut."""
_RAW: Final = 60
_TIGHT: Final = 100
"""From this length on a group says only in full in which stage and since when it fails."""


class SummarizeFailedServers(FleetQuestion):
    """Which machines failed, broke, crashed or show errors (red), and why (哪些失败, 报错原因)? Do
    they have the same problem (root cause)? Groups them, from states, task errors, the error list,
    rehearsals and environment checks: code, count, servers, cause, first step, who must fix it,
    whether a full copy is lost; recovered servers separately. For one server use diagnose_server.
    """

    async def answer(self, desk: Desk) -> dict[str, Any]:
        """The groups, the recovered, and what could not be read."""
        return self.told(await self.read(desk))

    async def read(self, desk: Desk) -> "Failures":
        """What the answer is made of."""
        wave = await find_project(desk, self.project)
        fleet, (entries, gaps) = await together(
            lambda: read_fleet(desk, project=self.project, servers=self.servers),
            lambda: _listed(desk, wave.id if wave else None),
        )
        fleet = await with_waves(desk, fleet, everything=self.detail == "full")
        failures = failures_of(fleet, entries)
        networks, more = await _networks(desk, failures)
        recovered = [failure for failure in failures if failure.recovered]
        return Failures(fleet, group(failures, networks), recovered, [*gaps, *more])

    def told(self, read: "Failures", *, whole: bool = False) -> dict[str, Any]:
        """The answer that *read* gives; all of it, if it is *whole*."""
        lengths = (None,) if self.detail == "full" else (None, *_SHORTER)
        for length in lengths:
            draft = self._draft(read, length, whole=whole)
            draft.incomplete = [*read.fleet.incomplete, *read.missing]
            document = draft.document(offset=self.offset, full=self.detail == "full")
            if compact_bytes(document) <= CONCISE_BYTES:
                break
        return draft.fit(offset=self.offset, full=self.detail == "full")

    def _draft(self, read: "Failures", length: int | None, *, whole: bool) -> Draft:
        fleet, groups, recovered = read.fleet, read.groups, read.recovered
        full = self.detail == "full"
        failed = {server.id or server.name for each in groups for server in each.servers}
        draft = Draft(
            summary=_summary(fleet, groups, recovered),
            observed_at=fleet.observed_at,
            data={},
            actions=_actions(self, groups, recovered),
            whole=whole,
        )
        if length:
            draft.notes = ["causes are shortened: detail=full, or explain_error_code"]
        rows = [_row(each, length, full=full) for each in groups]
        draft.data["failed_servers"] = len(failed) if failed or fleet.count is not None else None
        draft.data["servers_read"] = fleet.count
        draft.data["groups"] = draft.page(
            "groups", rows, limit=self.limit, offset=self.offset, full=full
        )
        for row in draft.data["groups"]:
            row["servers"] = draft.part(
                "servers of a group",
                row["servers"],
                1_000 if full else _SERVERS,
                "detail=full",
                inside=row,
            )
        again = [_recovered_row(failure) for failure in recovered]
        draft.data["recovered"] = draft.part(
            "recovered", again, 1_000 if full else _RECOVERED, "detail=full"
        )
        draft.data["recovered_count"] = len(again)
        return draft


@dataclass(frozen=True, slots=True)
class Failures:
    """What failed, by cause."""

    fleet: Fleet
    groups: Sequence[Group]
    recovered: Sequence[Failure]
    missing: Sequence[str]
    """What could not be read beside the fleet."""


async def _listed(desk: Desk, wave: str | None) -> tuple[Sequence[FailedServer], Sequence[str]]:
    """The service's own list of failed servers, and what is missing of it."""
    narrow: dict[str, Any] = {"migproject": wave} if wave else {}
    operation = ListFailedSourceServers(limit=ERRORS_PAGE, **narrow)
    without = "failures come from states, tasks and checks alone"
    listing, gaps = await list_or_gap(desk, f"errors {wave or ''}", operation, without)
    return (listing.items if listing else ()), gaps


async def _networks(
    desk: Desk, failures: Sequence[Failure]
) -> tuple[Mapping[str, str], Sequence[str]]:
    """The subnet of each template, read only where two network failures could have one cause."""
    network = [f for f in failures if f.code in NETWORK_EVENT_CODES and not f.recovered]
    if len(network) < 2:
        return {}, ()
    listing, gaps = await list_or_gap(
        desk, "templates", ListTemplates(limit=TEMPLATES_PAGE), "subnets are unknown"
    )
    found = {}
    for template in listing.items if listing else ():
        nics = [nic for nic in (template.nics or []) if nic.name or nic.id]
        if template.id and nics:
            found[template.id] = f"subnet {one_line(nics[0].name or nics[0].id or '', 60)}"
    return found, gaps


def _row(each: Group, length: int | None, *, full: bool) -> dict[str, Any]:
    """One group as it stands in the answer; *length* bounds its texts."""
    known = each.knowledge()
    code = each.codes[0] if each.codes else None
    row: dict[str, Any] = {"code": code, "count": len(each.servers)}
    if len(each.codes) > 1:
        row["codes"] = list(each.codes)
    row["servers"] = [server.as_data() for server in each.servers]
    row["sub_task"] = _same(failure.sub_task for failure in each.failures)
    tight = length is not None and length <= _TIGHT
    row["stage"] = None if tight else _same(failure.stage for failure in each.failures)
    if known:
        row |= {
            "cause": _text(known.cause, length),
            "first_step": known.first_step,
            "actor": known.actor,
            "full_copy_again": known.full_copy_again,
            "known": known.known,
            "origin": list(known.origin),
        }
        if not known.known:
            row["raw"] = one_line(known.message, _RAW if tight else length or 400)
        if full:
            row |= {"message": one_line(known.message, 400), "caution": known.caution}
    else:
        row |= _NO_CODE
    if each.shared and each.likely_one_cause:
        row["likely_one_cause"] = True
        row["shared"] = dict(each.shared)
    if each.began and not tight:
        row["first_failed_at"] = iso(each.began[0])
    if full:
        row["evidence"] = [_evidence(failure) for failure in each.failures[:20]]
    return {key: value for key, value in row.items() if value is not None or key in _MAY_BE_NULL}


_MAY_BE_NULL: Final = frozenset({"code", "full_copy_again"})
_NO_CODE: Final[Mapping[str, Any]] = {
    "cause": "The service reports a failure without an error code that can be read.",
    "first_step": "Read the task with get_migration_task: its sub-tasks show where it stopped.",
    "actor": "api",
    "full_copy_again": None,
    "known": False,
    "origin": [],
}


def _same(values: Any) -> str | None:
    """The value that all have, cleaned; None where they differ or have none."""
    found = set(values)
    value = found.pop() if len(found) == 1 else None
    return one_line(value, 60) if value else None


def _text(text: str, length: int | None) -> str:
    """*text*, cut where a clause ends if it is longer than *length*: half a step misleads."""
    if length is None or len(text) <= length:
        return text
    kept = text[: length - 2]
    ends = max(kept.rfind(mark) for mark in (". ", "; ", ": ", ", ", " ("))
    return kept[: ends if ends > length // 3 else kept.rfind(" ")].rstrip() + " …"


def _evidence(failure: Failure) -> dict[str, Any]:
    """What says so, and with which operation it was read."""
    row: dict[str, Any] = {
        **failure.server.as_data(),
        "code": failure.code,
        "params": [one_line(param, 160) for param in failure.params[:6]],
        "said_by": list(failure.said_by),
        "from": list(failure.operations),
        "since": iso(failure.since) if failure.since else None,
        "target_network": failure.network,
    }
    if not failure.whole:
        row["note"] = "the error's text was cut off or damaged: parameters may be missing"
    return {key: value for key, value in row.items() if value not in (None, [])}


def _recovered_row(failure: Failure) -> dict[str, Any]:
    return {
        **failure.server.as_data(),
        "code": failure.code,
        "phase": failure.server.phase,
        "offline": failure.server.offline,
    }


def _summary(fleet: Fleet, groups: Sequence[Group], recovered: Sequence[Failure]) -> str:
    if fleet.count is None and not groups:
        return NONE_READ
    runs = "runs" if len(recovered) == 1 else "run"
    again = (
        f" {count_of(len(recovered), 'server')} failed before and {runs} again."
        if recovered
        else ""
    )
    if not groups:
        found = "No failure was found" if fleet.problems else "No server has failed"
        return f"{found} among {count_of(len(fleet.servers), 'server')}.{again}"
    says = f"{_how_many(fleet, groups)}; {count_of(len(groups), 'group')} by cause."
    largest = groups[0]
    if len(largest.servers) > 1:
        codes = listed(list(largest.codes[:3])) or "no code"
        why = " (likely one cause)" if largest.likely_one_cause else ""
        why = " (one network event)" if largest.is_network_event else why
        says += f" The largest: {codes} on {count_of(len(largest.servers), 'server')}{why}."
    if unknown := [code for each in groups for code in each.codes if not _known(each)]:
        verb = "is" if len(set(unknown)) == 1 else "are"
        says += f" {listed(sorted(set(unknown))[:3])} {verb} undocumented."
    if again_full := sum(len(each.servers) for each in groups if _loses_its_copy(each)):
        says += f" {count_of(again_full, 'server')} must copy everything again."
    return says + again


_BRIDGE: Final = (
    ("failed", "in the phase failed"),
    ("paused", "paused by an error"),
    ("unavailable", "not fit to migrate"),
    ("rehearsal", "with a failed rehearsal only"),
    ("other", "with an error in another phase"),
)


def _how_many(fleet: Fleet, groups: Sequence[Group]) -> str:
    """How many have a failure, and how that comes from what the overview counts as failed."""
    every = {(s.id or s.name): s for each in groups for s in each.servers}
    absent = [key for key in every if key not in fleet.by_id]
    of = f" of {count_of(len(fleet.servers), 'server')}" if fleet.servers else ""
    failures = [failure for each in groups for failure in each.failures]
    kinds = Counter(_kind(s, failures) for key, s in every.items() if key in fleet.by_id)
    parts = [f"{kinds[kind]} {words}" for kind, words in _BRIDGE if kinds[kind]]
    if absent:
        parts.append(f"{len(absent)} named by the list of errors alone")
    have = "has" if len(every) == 1 else "have"
    listed_here = len(every) - len(absent)
    said = f"{len(every)} servers have" if absent and not of else f"{len(every)}{of} {have}"
    if absent and of:
        said = f"{listed_here}{of} and {len(absent)} that the servers' list lacks have"
    return f"{said} a failure: {listed(parts)}"


def _kind(server: Server, failures: Sequence[Failure]) -> str:
    if server.phase in ("failed", "paused", "unavailable"):
        return server.phase
    own = [failure for failure in failures if failure.server is server]
    return "rehearsal" if all(each.sub_task == "CLONE_VM" for each in own) else "other"


def _known(each: Group) -> bool:
    known = each.knowledge()
    return bool(known and known.known)


def _loses_its_copy(each: Group) -> bool:
    known = each.knowledge()
    return bool(known and known.full_copy_again)


def _actions(
    question: SummarizeFailedServers, groups: Sequence[Group], recovered: Sequence[Failure]
) -> Sequence[Action]:
    if not groups:
        why = "shows that all the others move" if not recovered else "shows how far they are now"
        return [Action("summarize_progress", dict(scope(question)), why)]
    actions: list[Action | None] = []
    for each in groups[:_PLANNED]:
        known = each.knowledge()
        actor = ACTORS[known.actor if known else "api"]
        why = f"the steps for {listed(each.codes[:3]) or 'these'}; the first is for {actor}"
        where = scope(question)
        actions.append(plan_action(each.servers, known, why, codes=each.codes, scope=where))
    if one := next((server for server in groups[0].servers if server.id), None):
        why = "one server of the largest group in depth"
        actions.insert(1, Action("diagnose_server", {"server": one.id}, why))
    return [action for action in actions if action]
