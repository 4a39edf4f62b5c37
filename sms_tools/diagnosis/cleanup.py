"""``find_cleanup_candidates``: what is left over?"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sms_tools.diagnosis.answer import Action, Draft
from sms_tools.diagnosis.leftovers import Leftover, Leftovers, find_leftovers
from sms_tools.diagnosis.question import FleetQuestion, scope
from sms_tools.fleet.desk import Desk
from sms_tools.fleet.membership import with_waves
from sms_tools.fleet.reading import Fleet, list_or_gap, read_fleet, together
from sms_tools.fleet.server import SOAK, Server
from sms_tools.fleet.vouching import Voucher, Vouchers
from sms_tools.knowledge.facts import TEMPLATES_PAGE
from sms_tools.operations.templates import ListTemplates, Template
from sms_tools.state import StateError
from sms_tools.wording import count_of, listed

_FEW: Final = 8
_COSTLY: Final = ("clone", "temporary_disk")
_MANY: Final = 200
_NOT_SEEN: Final = (
    "snapshots, public addresses and disks of targets are billed too, and are not visible here",
    "empty migration projects: list_source_servers with migproject shows them",
)
_CAUTION: Final = (
    "Deleting cannot be undone. Check every launched target first; delete a task before its "
    "template and its source server."
)


class FindCleanupCandidates(FleetQuestion):
    """What is left over after the migration, can be deleted (thrown away) now, and still costs us
    money (清理, 可以删什么, 还在扣费)? What nobody needs any more (tasks and records of launched
    servers, tasks without a server, unused templates), what we keep paying for (rehearsal clones,
    temporary disks), what must stay and why. Deletes nothing: plan_remediation (goal=clean_up)
    does.
    """

    async def answer(self, desk: Desk) -> dict[str, Any]:
        """The leftovers, and the call that removes each."""
        fleet, (templates, gaps) = await together(
            lambda: read_fleet(desk, project=self.project, servers=self.servers),
            lambda: self._templates(desk),
        )
        fleet = await with_waves(desk, fleet, everything=self.detail == "full")
        found = find_leftovers(fleet, templates)
        problems = [*fleet.incomplete, *gaps]
        vouchers: Mapping[str, Voucher] | None = None
        try:
            vouchers = await Vouchers(desk.state, desk.api.settings).read()
        except StateError as error:
            problems.append(f"vouchers: who vouched for targets could not be read ({error}).")
        return self._told(fleet, found, vouchers, problems)

    async def _templates(self, desk: Desk) -> tuple[Sequence[Template] | None, Sequence[str]]:
        """The templates of the account; they do not belong to servers or projects."""
        if self.servers is not None or self.project is not None:
            return None, ()
        operation = ListTemplates(limit=TEMPLATES_PAGE)
        listing, gaps = await list_or_gap(desk, "templates", operation)
        return (listing.items if listing else None), gaps

    def _told(
        self,
        fleet: Fleet,
        found: Leftovers,
        vouchers: Mapping[str, Voucher] | None,
        problems: Sequence[str],
    ) -> dict[str, Any]:
        full = self.detail == "full"
        most = _MANY if full else _FEW
        draft = Draft(
            summary=_summary(found, problems) + _unvouched(found, vouchers),
            observed_at=fleet.observed_at,
            data={},
            actions=_actions(self, found, fleet.observed_at),
            notes=_NOT_SEEN,
            incomplete=problems,
        )
        if fleet.project:
            draft.data["project"] = {"name": fleet.project.name, "id": fleet.project.id}
        draft.data["counts"] = {
            "may_be_deleted": _counts(found.may_go),
            "costs_money": _counts(found.costs),
            "must_stay": _counts(found.stays),
        }
        draft.data["may_be_deleted"] = draft.page(
            "may_be_deleted",
            [{**each.as_data(), **_vouched(each, vouchers)} for each in found.may_go],
            limit=self.limit,
            offset=self.offset,
            full=full,
        )
        costs = sorted(found.costs, key=lambda each: (_COSTLY.index(each.what), each.why))
        draft.data["costs_money"] = draft.part(
            "costs_money", [each.as_data() for each in costs], most, "detail=full"
        )
        draft.data["must_stay"] = draft.part(
            "must_stay", by_reason(found.stays), most, "detail=full"
        )
        for row in draft.data["must_stay"]:
            row["things"] = draft.part(
                "things of a reason", row["things"], most, "detail=full", inside=row
            )
        draft.data["caution"] = _CAUTION
        return draft.fit(offset=self.offset, full=full)


def _vouched(row: Leftover, vouchers: Mapping[str, Voucher] | None) -> dict[str, Any]:
    """Whether anybody has vouched for the target behind *row*; of a template nobody has to."""
    if row.server is None or row.what not in ("task", "source_server"):
        return {}
    if vouchers is None:
        return {"vouched": "unknown"}
    found = vouchers.get(row.server.id)
    return {"vouched": found.as_data() if found and found.is_for(row.server) else "by nobody"}


def _unvouched(found: Leftovers, vouchers: Mapping[str, Voucher] | None) -> str:
    """A sentence on targets for which nobody has vouched; empty where there are none."""
    rows = [_vouched(each, vouchers).get("vouched") for each in found.may_go]
    missing = sum(each in ("by nobody", "unknown") for each in rows)
    if not missing:
        return ""
    return f" Nobody is known to have vouched that {count_of(missing, 'target')} boot and serve."


def by_reason(rows: Sequence[Leftover]) -> Sequence[dict[str, Any]]:
    """What stays for the same reason together: the most first."""
    groups: dict[tuple[str, str], list[dict[str, str]]] = {}
    for each in rows:
        project = each.server.in_project if each.server else {}
        thing = {"name": each.name, "id": each.id, **project}
        groups.setdefault((each.what, each.why), []).append(thing)
    ordered = sorted(groups.items(), key=lambda item: -len(item[1]))
    return [
        {"what": what, "why": why, "count": len(things), "things": things}
        for (what, why), things in ordered
    ]


def _counts(rows: Sequence[Leftover]) -> dict[str, int]:
    return dict(Counter(each.what for each in rows))


def _summary(found: Leftovers, problems: Sequence[str]) -> str:
    def said(rows: Sequence[Leftover]) -> str:
        counts = Counter(each.what.replace("_", " ") for each in rows)
        return listed([count_of(number, what) for what, number in counts.items()]) or nothing

    nothing = "nothing that was read" if problems else "nothing"

    says = f"May be deleted: {said(found.may_go)}. Costs money: {said(found.costs)}."
    if found.stays:
        says += f" Must stay: {said(found.stays)}."
    return says


def _is_soaked(server: Server, now: datetime) -> bool:
    """Whether its target has served long enough that the way back may go: clean_up takes it."""
    if server.phase != "finished" or server.task_id is None:
        return False
    return server.launched_at is not None and now - server.launched_at >= SOAK


def _actions(question: FindCleanupCandidates, found: Leftovers, now: datetime) -> Sequence[Action]:
    actions = []
    if servers := [e.server.id for e in found.may_go if e.server and _is_soaked(e.server, now)]:
        servers = list(dict.fromkeys(servers))[:_FEW]
        arguments = {"goal": "clean_up", "servers": servers}
        why = "plans the deletion in the right order; a person approves it before anything runs"
        actions.append(Action("plan_remediation", arguments, why))
    if single := next((e for e in found.may_go if e.remove and not e.server), None):
        actions += [single.remove] if single.remove else []
    if found.costs:
        why = "failed and paused migrations keep paid disks: what they need to end"
        actions.append(Action("summarize_failed_servers", dict(scope(question)), why))
    return actions
