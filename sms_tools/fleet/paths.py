"""Whether the way from a source to its target is open, port by port, as far as anybody has seen.

Three things are seen: a copy that runs over that way, a measurement that the Agent made, and the
service's look at the security group's rules (5.4.12), which covers these rules only. A failure of
that look names no port and may mean missing rights: it leaves the port unknown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from sms_tools.errors import PermissionDenied, SmsToolsError
from sms_tools.fleet.desk import Desk
from sms_tools.fleet.server import Server
from sms_tools.knowledge.facts import as_the_target_sees, migration_ports
from sms_tools.operations.tasks import GetMigrationTask
from sms_tools.operations.tasks.access import CheckNetworkAcl
from sms_tools.operations.tasks.records import NetworkCheckInfo
from sms_tools.operations.templates import Template
from sms_tools.text import one_line

Verdict = Literal["closed", "unknown", "open"]

VERDICTS: Final[Sequence[Verdict]] = ("closed", "unknown", "open")
_PORT_OF: Final[Mapping[str, int]] = {
    "SMS.1807": 8900,
    "SMS.2802": 8899,
    "SMS.3805": 22,
    "SMS.3806": 22,
}
"""Errors that name the port which did not answer."""
_AUTO: Final = "autocreate"
_COPIES: Final = frozenset({"replicating"})


@dataclass(frozen=True, slots=True)
class Subnet:
    """Where a target is, or will be; as a key of what 5.4.12 is asked about."""

    id: str
    name: str
    project_id: str
    region: str


@dataclass(frozen=True, slots=True)
class Way:
    """One port of one target, for one source."""

    server: Server
    subnet: Subnet | None
    by: str
    """By what the target's place is known."""
    port: int
    verdict: Verdict
    why: str
    seen_by: str
    """``copy``, ``measurement``, ``rules``, ``error`` or ``nothing``."""

    def as_data(self) -> dict[str, Any]:
        """The way as it stands in an answer."""
        target = {"name": self.server.target_name or "", "id": self.server.target_id or ""}
        place: dict[str, Any] = target if self.server.target_id else {}
        if self.subnet:
            place |= {"subnet": one_line(self.subnet.name, 60), "subnet_id": self.subnet.id}
        source = {**self.server.as_data(), "address": as_the_target_sees(self.server.ip)}
        return {
            "from": source,
            "to": place or {"name": "its target, not chosen yet"},
            "port": self.port,
            "verdict": self.verdict,
            "seen_by": self.seen_by,
            "why": self.why,
        }


def subnet_of(server: Server, template: Template | None, project: str | None) -> Subnet | None:
    """The subnet of the server's target; None where no template tells it."""
    nics = (template.nics if template else None) or ()
    network = next((nic for nic in nics if nic.id and nic.id.lower() != _AUTO), None)
    if template is None or network is None:
        return None
    brief = server.source.current_task if server.source else None
    project_id = (brief.project_id if brief else None) or template.projectid or project
    region = (brief.region_id if brief else None) or template.region
    if not project_id or not region:
        return None
    return Subnet(network.id or "", network.name or network.id or "", project_id, region)


@dataclass(frozen=True)
class Rules:
    """What 5.4.12 said of each (subnet, system): None let through, else why not."""

    said: Mapping[tuple[Subnet, str], str | None]

    @property
    def unread(self) -> int:
        """For how many nothing was said."""
        return sum(each is not None for each in self.said.values())


async def read_rules(desk: Desk, asked: Sequence[tuple[Subnet, str]]) -> Rules:
    """Ask once for each subnet and system."""
    keys = list(dict.fromkeys(asked))
    calls = [
        CheckNetworkAcl(
            target_project_id=subnet.project_id,
            target_network_id=subnet.id,
            region_id=subnet.region,
            os_type=system,
        )
        for subnet, system in keys
    ]
    replies = await desk.api.each(calls)
    return Rules({key: _refusal(reply) for key, reply in zip(keys, replies, strict=True)})


def _refusal(reply: object) -> str | None:
    if not isinstance(reply, SmsToolsError):
        return None
    rights = " It may mean missing rights as well." if isinstance(reply, PermissionDenied) else ""
    return (
        f"The check of NICs and security groups failed ({one_line(str(reply), 120)}), and names "
        f"no port.{rights}"
    )


async def read_measurements(
    desk: Desk, servers: Sequence[Server]
) -> tuple[Mapping[str, NetworkCheckInfo], int]:
    """The latest measurement of each task, by server id, and of how many it could not be read."""
    found = {
        server.id: server.task.network_check_info
        for server in servers
        if server.task and server.task.network_check_info
    }
    bare = [server for server in servers if server.task_id and server.id not in found]
    replies = await desk.api.each([GetMigrationTask(task_id=s.task_id or "") for s in bare])
    missing = 0
    for server, reply in zip(bare, replies, strict=True):
        if isinstance(reply, SmsToolsError):
            missing += 1
        elif reply.network_check_info:
            found[server.id] = reply.network_check_info
    return found, missing


def ways_of(
    server: Server,
    task_type: str | None,
    subnet: Subnet | None,
    by: str,
    rules: Rules,
    measured: NetworkCheckInfo | None,
) -> Sequence[Way]:
    """Every port that this migration needs at the target."""
    found = []
    for port in migration_ports(server.os_type, task_type):
        verdict, why, seen = _judged(server, port, subnet, rules, measured)
        found.append(Way(server, subnet, by, port, verdict, why, seen))
    return found


def _judged(
    server: Server,
    port: int,
    subnet: Subnet | None,
    rules: Rules,
    measured: NetworkCheckInfo | None,
) -> tuple[Verdict, str, str]:
    code = (server.error.code if server.error else None) or ""
    if server.phase == "failed" and _PORT_OF.get(code) == port:
        return "closed", f"The task failed with {code}, which names this port.", "error"
    if server.phase in _COPIES and server.connected is True:
        return "open", "A copy is running over this path.", "copy"
    if measured and measured.destination_connectivity is not None:
        if measured.destination_connectivity:
            return "open", "The last measurement reached the target; its age is unknown.", _MEASURED
        says = "The last measurement did not reach the target; its age is unknown."
        return "closed", says, _MEASURED
    if subnet is None:
        return "unknown", "No template or task names the target's subnet.", "nothing"
    key = (subnet, server.os_type)
    if key not in rules.said:
        return "unknown", "The source's system is not known, and with it the ports.", "nothing"
    refused = rules.said[key]
    if refused is not None:
        return "unknown", refused, "rules"
    return (
        "open",
        "The rules of NICs and security groups let it through; nothing else was looked at.",
        "rules",
    )


_MEASURED: Final = "measurement"
