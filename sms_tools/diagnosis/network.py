"""``check_network_paths``: are the ways from the sources to their targets open?"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import Field

from sms_tools.diagnosis.answer import Action, Draft
from sms_tools.diagnosis.limits import BYTES_PER_MBIT
from sms_tools.diagnosis.naming import names_of
from sms_tools.diagnosis.question import Limit, Offset, Project, Question, Servers
from sms_tools.diagnosis.spoken import Deadline
from sms_tools.fleet import targets
from sms_tools.fleet.desk import Desk
from sms_tools.fleet.membership import with_waves
from sms_tools.fleet.paths import (
    VERDICTS,
    Subnet,
    Way,
    read_measurements,
    read_rules,
    subnet_of,
    ways_of,
)
from sms_tools.fleet.reading import Fleet, Server, list_or_gap, read_fleet
from sms_tools.knowledge.facts import NETWORK_CHECK_MINUTES, TEMPLATES_PAGE
from sms_tools.operations.tasks.records import NetworkCheckInfo
from sms_tools.operations.templates import ListTemplates, Template
from sms_tools.text import one_line
from sms_tools.wording import count_of, listed

_MEASUREMENTS: Final = 10
NOT_CHECKED: Final = (
    "the subnet's network ACL and the target's own firewall, where nothing was measured",
    "the line itself: routes, VPN, NAT and firewalls on the source's side",
    "whether the source reaches IAM, SMS and OBS on port 443; a connected Agent reaches SMS",
)
_DUE: Final = (
    f"plans the measurement of those that stand still; it takes {NETWORK_CHECK_MINUTES[0]} to "
    f"{NETWORK_CHECK_MINUTES[1]} minutes each and ignores their limits meanwhile"
)
_MOST_PLANNED: Final = 10


class CheckNetworkPaths(Question):
    """Can the source servers reach (connect to) their targets over the network (端口通不通,
    防火墙)? Which ports must be opened, and does a firewall or security group block them? Per port
    open, closed or unknown, and what shows it: a copy, a measurement, an error, or rules alone;
    loss, jitter and rate where measured, against what a deadline needs.
    """

    servers: Servers = None
    project: Project = None
    deadline: Annotated[
        Deadline | None, Field(description="When the copies have to be done, ISO 8601.")
    ] = None
    limit: Limit = None
    offset: Offset = 0

    async def answer(self, desk: Desk) -> dict[str, Any]:
        """The matrix of sources, targets and ports, the worst first."""
        fleet = await read_fleet(desk, project=self.project, servers=self.servers)
        fleet = await with_waves(desk, fleet)
        about = [server for server in fleet.servers if not server.was_launched]
        gaps: list[str] = []
        places = await _places(desk, about, gaps)
        asked = [(p, s.os_type) for s, p, _ in places if p and s.os_type in ("LINUX", "WINDOWS")]
        rules = await read_rules(desk, asked)
        if rules.unread:
            subnets = count_of(rules.unread, "subnet")
            gaps.append(f"check_network_acl: of {subnets} the rules were not read.")
        measured, missing = await read_measurements(desk, about)
        if missing:
            gaps.append(f"get_migration_task: {count_of(missing, 'measurement')} not read.")
        ways = [
            way
            for server, subnet, by in places
            for way in ways_of(server, _type(server), subnet, by, rules, measured.get(server.id))
        ]
        ways.sort(key=lambda w: (VERDICTS.index(w.verdict), w.server.name, w.port))
        return self._told(fleet, about, ways, measured, gaps, desk.now())

    def _told(
        self,
        fleet: Fleet,
        about: Sequence[Server],
        ways: Sequence[Way],
        measured: Mapping[str, NetworkCheckInfo],
        gaps: Sequence[str],
        now: datetime,
    ) -> dict[str, Any]:
        numbers = [
            _measured(s, measured[s.id], self.deadline, now) for s in about if s.id in measured
        ]
        verdicts = Counter(way.verdict for way in ways)
        draft = Draft(
            summary=_summary(about, ways) + _slow(numbers),
            observed_at=fleet.observed_at,
            data={"verdicts": {verdict: verdicts[verdict] for verdict in VERDICTS}},
            actions=_actions(ways),
            notes=_only_at_creation(about),
            incomplete=[*fleet.incomplete, *gaps],
        )
        draft.data["networks"] = draft.part("networks", _networks(ways), 12, "name fewer servers")
        rows = [way.as_data() for way in ways]
        draft.data["paths"] = draft.page("paths", rows, limit=self.limit, offset=self.offset)
        draft.data["measurements"] = draft.part(
            "measurements", numbers, _MEASUREMENTS, "name fewer servers"
        )
        draft.data["not_checked"] = list(NOT_CHECKED)
        return draft.fit(offset=self.offset)


def _type(server: Server) -> str | None:
    if server.task_type:
        return server.task_type
    return "MIGRATE_FILE" if server.os_type == "LINUX" else None


async def _places(
    desk: Desk, servers: Sequence[Server], gaps: list[str]
) -> Sequence[tuple[Server, Subnet | None, str]]:
    """Each server with the subnet of its target and by what that is known."""
    templates = await _templates(desk, gaps)
    by_id = {each.id: each for each in templates}
    project = desk.api.settings.project_id
    found = []
    for server in servers:
        template, by = by_id.get(server.template_id or ""), "the task's template"
        if template is None and not server.task_id:
            match = targets.meant_for(templates, server.name, server.wave)
            template, by = (
                (match.template, f"a template found by {match.by}") if match else (None, "")
            )
        found.append((server, subnet_of(server, template, project), by))
    return found


async def _templates(desk: Desk, gaps: list[str]) -> Sequence[Template]:
    operation = ListTemplates(limit=TEMPLATES_PAGE)
    listing, missing = await list_or_gap(desk, "templates", operation)
    gaps += missing
    return listing.items if listing else []


def _networks(ways: Sequence[Way]) -> list[dict[str, Any]]:
    """By subnet, port and verdict: how many servers, the worst first."""
    counts: Counter[tuple[str, int, str, str]] = Counter()
    for way in ways:
        name = one_line(way.subnet.name, 60) if way.subnet else "not known"
        counts[name, way.port, way.verdict, way.seen_by] += 1
    return [
        {"subnet": name, "port": port, "verdict": verdict, "seen_by": seen, "servers": count}
        for (name, port, verdict, seen), count in counts.items()
    ]


def _measured(
    server: Server, found: NetworkCheckInfo, deadline: datetime | None, now: datetime
) -> dict[str, Any]:
    """What was measured of one way, and whether its rate is what the copy needs."""
    row: dict[str, Any] = {
        "server": server.as_data(),
        "reached": found.destination_connectivity,
        "loss_percent": found.loss_percentage,
        "jitter_ms": found.network_jitter,
        "delay_ms": found.network_delay,
        "rate_mbit_s": found.migration_speed,
    }
    rate, left = found.migration_speed, _left(server)
    if rate and left:
        row["hours_at_that_rate"] = round(left / (rate * BYTES_PER_MBIT) / 3600, 1)
    if deadline and deadline > now and left is not None:
        need = left / (deadline - now).total_seconds() / BYTES_PER_MBIT
        row["needs_mbit_s"] = round(need, 1)
        row["enough"] = None if rate is None else rate >= need
    return {key: value for key, value in row.items() if value is not None}


def _left(server: Server) -> int | None:
    """Bytes that are still to copy; None where nobody can tell."""
    total, done = server.total_bytes, server.done_bytes
    return None if total is None or done is None or server.above_total else total - done


def _slow(numbers: Sequence[Mapping[str, Any]]) -> str:
    """A sentence on ways that are too slow, or lose packets; empty where there are none."""
    slow = [row for row in numbers if row.get("enough") is False]
    lossy = [row for row in numbers if (row.get("loss_percent") or 0) > 0 and row.get("reached")]
    said = ""
    if slow:
        said += f" Measured slower than the deadline needs: {_names(slow)}."
    if lossy:
        said += f" Packets were lost on the path of {_names(lossy)}."
    return said


def _names(rows: Sequence[Mapping[str, Any]]) -> str:
    return listed([f'"{row["server"]["name"]}"' for row in rows[:3]]) + (
        f" and {len(rows) - 3} more" if len(rows) > 3 else ""
    )


def _only_at_creation(about: Sequence[Server]) -> Sequence[str]:
    """That servers without a task cannot be measured, where there are such."""
    bare = sum(not server.task_id for server in about)
    if not bare:
        return []
    return [
        f"{count_of(bare, 'server')} without a task: measured only when a task is created with "
        "network_check (a column of plan_migration), or later while it is paused or has failed"
    ]


def _summary(about: Sequence[Server], ways: Sequence[Way]) -> str:
    if not about:
        return "No server here has a target to reach."
    counts = Counter(way.verdict for way in ways)
    parts = [f"{counts[verdict]} {verdict}" for verdict in VERDICTS if counts[verdict]]
    says = f"{count_of(len(ways), 'path')} of {count_of(len(about), 'server')}: {listed(parts)}."
    closed = list({w.server.id: w.server for w in ways if w.verdict == "closed"}.values())
    if closed:
        says += f" Closed for {names_of(closed)}."
    by_rules = sum(way.verdict == "open" and way.seen_by == "rules" for way in ways)
    if by_rules:
        says += f" {by_rules} of the open ones by the security group's rules only."
    return says


def _actions(ways: Sequence[Way]) -> Sequence[Action]:
    actions = []
    servers = {w.server.id: w.server for w in ways if w.verdict != "open"}
    closed = [w.server for w in ways if w.verdict == "closed"]
    if closed:
        why = "why its path is closed and who can open it"
        actions.append(Action("diagnose_server", {"server": closed[0].id}, why))
    due = [s for s in servers.values() if s.legality("network_check").verdict == "legal"]
    if due:
        ids = [server.id for server in due[:_MOST_PLANNED]]
        arguments = {"goal": "measure_network", "servers": ids}
        actions.append(Action("plan_remediation", arguments, _DUE))
    return actions
