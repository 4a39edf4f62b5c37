"""Who did what through this server, and what waits for a person."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sms_tools.diagnosis.memory import Memory
from sms_tools.fleet.desk import Deed, Desk, Pending
from sms_tools.fleet.reading import Fleet, Server
from sms_tools.text import one_line
from sms_tools.wording import iso, listed


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


async def deeds_since(desk: Desk, since: datetime) -> Sequence[Deed] | None:
    """What was done since then; the audit follows a clock of its own, so it is asked by age."""
    return await desk.journal.deeds(desk.now() - since) if desk.journal else ()


def told_deeds(deeds: Sequence[Deed], fleet: Fleet, memory: Memory) -> list[dict[str, Any]]:
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
