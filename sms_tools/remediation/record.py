"""The change record: who approved what, when, what became of it, and what is still to be signed.

From the audit of this state folder, with the hash of its head; beside it what a change board asks
for and no audit has: what the copies leave out, how the estimates did, what is billed, who vouched.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sms_tools.diagnosis.track_record import TrackRecord
from sms_tools.errors import SmsToolsError
from sms_tools.fleet.billing import NOT_SEEN, billed_now
from sms_tools.fleet.desk import Desk
from sms_tools.fleet.fitness import NOT_CHECKED
from sms_tools.fleet.reading import Fleet, Server, list_or_gap, read_fleet
from sms_tools.fleet.vouching import Voucher, Vouchers
from sms_tools.guard.audit import Audit
from sms_tools.knowledge.facts import CUTOVER_UNKNOWABLE, TEMPLATES_PAGE
from sms_tools.operation import JSON
from sms_tools.operations.options import GetMigrationOptions, MigrationOption
from sms_tools.operations.templates import ListTemplates
from sms_tools.remediation.report_forms import Report, Table, cell, row_of
from sms_tools.remediation.store import Store
from sms_tools.state import StateError
from sms_tools.text import one_line
from sms_tools.wording import count_of, iso

_ENTRY: Final = ("time", "event", "tool", "plan_id", "approval_id", "how", "caller", "outcome")
_MOST_OPTIONS: Final = 200
"""Of so many tasks the options are read, one request each, where lists leave them out."""
_LEFT_OUT: Final = ("EXCLUDE", "ONLY_SYNC")
_UNSIGNED: Final = 100


async def change_record(desk: Desk, project: str | None, *, drawn: bool = False) -> Report:
    """The record of the account's audit, and of the servers of *project*, or all.

    With *drawn* it has the timeline of what was done.

    Raises:
        AuditError, StateError: the audit cannot be read.
        SmsToolsError: no server could be read.
    """
    audit = Audit(desk.state, desk.now)
    entries, head, found = await audit.read(), await audit.head(), await audit.verify()
    own = [e for e in entries if e.get("account") in (None, str(desk.api.settings.account))]
    fleet = await read_fleet(desk, project=project, fresh=True)
    gaps = list(fleet.incomplete)
    vouchers = await _vouchers(desk, gaps)
    whole = "whole" if not found.problems else "NOT whole: " + "; ".join(found.problems[:5])
    decisions = _decisions(own)
    scope = f" Servers of project {one_line(project or '', 60)}; the audit is the account's."
    return Report(
        title="Server migration: change record",
        summary=f"{count_of(len(decisions), 'decision')} of people and policy. The audit has "
        f"{count_of(head.lines, 'line')} and is {whole}.{scope if project else ''}",
        observed_at=iso(desk.now()),
        tables=[
            Table("Who approved what, and what became of it", decisions),
            Table("Plans, what they said and how long they took", await _plans(desk, own)),
            Table("Steps of plans", _steps(own)),
            Table("Paths that are left out of copies", await _left_out(desk, fleet, gaps)),
            Table("Estimates and how they did", await _estimates(desk)),
            Table("What is billed", await _billed(desk, fleet, gaps)),
            Table("Who vouched that targets boot and serve", _vouched(fleet, vouchers)),
            Table("Audit", [_entry(each) for each in own], _ENTRY),
        ],
        facts={
            "audit_lines": str(head.lines),
            "audit_head": head.hash,
            "audit_checked": whole,
            "billing": NOT_SEEN,
        },
        to_sign=[*CUTOVER_UNKNOWABLE, *NOT_CHECKED, *_unvouched(fleet, vouchers)],
        incomplete=gaps,
        figures=_timeline(own) if drawn else (),
    )


def _timeline(entries: Sequence[Mapping[str, JSON]]) -> Sequence[Sequence[str]]:
    from sms_tools.remediation.figures import of_record  # only what is looked at draws

    return [(each.title, each.svg, each.says) for each in of_record(entries)]


def _decisions(entries: Sequence[Mapping[str, JSON]]) -> list[dict[str, str]]:
    """Each call that was approved or held back for itself, with its last outcome."""
    outcomes: dict[tuple[str, str], JSON] = {}
    for entry in entries:
        if entry.get("event") == "outcome":
            outcomes[str(entry.get("tool")), _key(entry)] = entry.get("outcome")
    used = {entry.get("approval_id") for entry in entries if entry.get("event") == "call"}
    rows = []
    for entry in entries:
        event, how = entry.get("event"), entry.get("how")
        if event == "answer" and entry.get("approval_id") not in used:
            said = "denied" if entry.get("answer") == "denied" else "approved, not used so far"
            rows.append(
                row_of(
                    {
                        "when": entry.get("time"),
                        "decision": said,
                        "by": entry.get("by"),
                        "how": how,
                        "approval": entry.get("approval_id"),
                        "caller": entry.get("caller"),
                        "what": entry.get("tool"),
                    }
                )
            )
            continue
        of_a_plan = entry.get("plan_id") and entry.get("tool") != "apply_plan"
        if event not in ("call", "held") or of_a_plan:
            continue
        held = entry.get("status")
        rows.append(
            row_of(
                {
                    "when": entry.get("time"),
                    "decision": held if event == "held" else "agreed",
                    "by": entry.get("approved_by"),
                    "how": how,
                    "approval": entry.get("approval_id"),
                    "caller": entry.get("caller"),
                    "what": entry.get("tool"),
                    "plan": entry.get("plan_id"),
                    "arguments": entry.get("arguments"),
                    "why": entry.get("reason"),
                    "became": None
                    if event == "held"
                    else outcomes.get((str(entry.get("tool")), _key(entry)), "not known"),
                }
            )
        )
    return rows


async def _plans(desk: Desk, entries: Sequence[Mapping[str, JSON]]) -> list[dict[str, str]]:
    """Each plan of which something was done: what it said first, and its time by the audit."""
    rows = []
    for plan in await Store(desk.state).every(desk.api.settings.account):
        own = [e for e in entries if e.get("plan_id") == plan.id]
        begun = [e for e in own if e.get("event") == "call" and e.get("tool") != "apply_plan"]
        ended = [e for e in own if e.get("event") == "plan_step"]
        if not begun:
            continue
        first, last = str(begun[0].get("time")), str(ended[-1].get("time")) if ended else ""
        rows.append(
            row_of(
                {
                    "plan": plan.id,
                    "goal": plan.goal,
                    "made": iso(plan.made_at),
                    "servers": len({step.source_id for step in plan.calls}),
                    "calls": len(plan.calls),
                    "said": list(plan.first[:3]),
                    "last_safe_start": plan.last_safe_start,
                    "began": first,
                    "last_step_seen": last,
                    "minutes": _minutes_between(first, last),
                }
            )
        )
    return rows


def _minutes_between(first: str, last: str) -> float | None:
    try:
        span = datetime.fromisoformat(last) - datetime.fromisoformat(first)
    except ValueError:
        return None
    return round(span.total_seconds() / 60, 1)


def _key(entry: Mapping[str, JSON]) -> str:
    """What ties an outcome to its call: the approval, else the plan."""
    return str(entry.get("approval_id") or entry.get("plan_id") or entry.get("caller_id"))


def _steps(entries: Sequence[Mapping[str, JSON]]) -> list[dict[str, str]]:
    """The latest result of every step of every plan."""
    latest: dict[tuple[str, str], dict[str, str]] = {}
    for entry in entries:
        if entry.get("event") == "plan_step":
            key = (str(entry.get("plan_id")), str(entry.get("step")))
            latest[key] = row_of(
                {
                    "plan": entry.get("plan_id"),
                    "step": entry.get("step"),
                    "server": entry.get("server"),
                    "tool": entry.get("tool"),
                    "result": entry.get("outcome"),
                    "when": entry.get("time"),
                }
            )
    return list(latest.values())


def _entry(entry: Mapping[str, JSON]) -> dict[str, str]:
    known = {name: cell(entry.get(name)) for name in _ENTRY}
    more = {k: v for k, v in entry.items() if k not in (*_ENTRY, "previous", "caller_id")}
    return {**known, "details": cell(more)}


async def _left_out(desk: Desk, fleet: Fleet, gaps: list[str]) -> list[dict[str, str]]:
    """What each task does not copy, or alone synchronises, by its options."""
    tasked = [server for server in fleet.servers if server.task_id]
    bare = [s for s in tasked if not (s.task and s.task.special_config is not None)]
    replies = await desk.api.each(
        [GetMigrationOptions(task_id=s.task_id or "") for s in bare[:_MOST_OPTIONS]]
    )
    options: dict[str, Sequence[MigrationOption]] = {
        s.id: s.task.special_config or [] for s in tasked if s.task and s not in bare
    }
    unread = max(0, len(bare) - _MOST_OPTIONS)
    for server, reply in zip(bare, replies, strict=False):
        if isinstance(reply, SmsToolsError):
            unread += 1
        else:
            options[server.id] = reply.configurations or []
    if unread:
        gaps.append(
            f"get_migration_options: of {count_of(unread, 'task')} the options are missing; what "
            "they leave out is not known."
        )
    return [
        row_of(
            {
                "server": server.name,
                "id": server.id,
                "option": option.config_key,
                "paths": option.config_value,
            }
        )
        for server in tasked
        for option in options.get(server.id, ())
        if option.config_value and any(w in (option.config_key or "").upper() for w in _LEFT_OUT)
    ]


async def _estimates(desk: Desk) -> list[dict[str, str]]:
    """How earlier estimates did, by confidence; nothing where none has come to its end."""
    scores = await TrackRecord(desk).keep([], desk.now())
    rows = [
        row_of({"confidence": key, "ended": score.ended, "inside_their_range": score.inside})
        for key, score in scores.by_confidence.items()
    ]
    if scores.open:
        rows.append(row_of({"confidence": "any", "not_ended_yet": scores.open}))
    return rows


async def _billed(desk: Desk, fleet: Fleet, gaps: list[str]) -> list[dict[str, str]]:
    operation = ListTemplates(limit=TEMPLATES_PAGE)
    listing, missing = await list_or_gap(desk, "templates", operation)
    gaps += missing
    addressed = [t.id for t in (listing.items if listing else ()) if t.id and t.publicip]
    return [row_of(row) for row in billed_now(fleet.servers, addressed).as_data()]


async def _vouchers(desk: Desk, gaps: list[str]) -> Mapping[str, Voucher]:
    try:
        return await Vouchers(desk.state, desk.api.settings).read()
    except StateError as error:
        gaps.append(f"vouchers: who vouched for targets could not be read ({error}).")
        return {}


def _vouched(fleet: Fleet, vouchers: Mapping[str, Voucher]) -> list[dict[str, str]]:
    names = {server.id: server for server in fleet.servers}
    rows: list[dict[str, Any]] = []
    for key, voucher in vouchers.items():
        server = names.get(key)
        if server is None and fleet.narrowed:
            continue
        current = "" if server is None else "yes" if voucher.is_for(server) else "no: a later one"
        about = {"server": server.name if server else "", "id": key, "target": voucher.target_id}
        rows.append({**about, **voucher.as_data(), "for_the_present_target": current})
    return [row_of(row) for row in rows]


def _unvouched(fleet: Fleet, vouchers: Mapping[str, Voucher]) -> list[str]:
    """Launched servers for whose target nobody has vouched."""

    def is_vouched(server: Server) -> bool:
        found = vouchers.get(server.id)
        return bool(found and found.is_for(server))

    bare = [server for server in fleet.servers if server.was_launched and not is_vouched(server)]
    rows = [f"whether the target of {server.name} boots and serves" for server in bare]
    if len(rows) > _UNSIGNED:
        rows = [*rows[:_UNSIGNED], f"the same of {len(rows) - _UNSIGNED} more launched servers"]
    return rows
