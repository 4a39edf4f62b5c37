"""Measuring the network between sources and targets: 5.4.7, only while a task stands still.

A measurement takes four to five minutes and ignores rate limits meanwhile. The service keeps only
the latest and not its time: a new one is known by numbers that are others than before.
"""

from typing import Final

from sms_tools.errors import SmsToolsError
from sms_tools.fleet.server import Server
from sms_tools.knowledge.facts import NETWORK_CHECK_MINUTES
from sms_tools.operations.tasks import GetMigrationTask, ManageMigrationTask
from sms_tools.operations.tasks.records import NetworkCheckInfo
from sms_tools.remediation.looking import numbers_of
from sms_tools.remediation.plan import Before
from sms_tools.remediation.request import Request
from sms_tools.remediation.writing import Words, Writer, as_now

_MEASURE: Final = Words(
    does="Measures the way from the source to its target: reached or not, loss, jitter, rate. It "
    f"takes {NETWORK_CHECK_MINUTES[0]} to {NETWORK_CHECK_MINUTES[1]} minutes and ignores the rate "
    "limits meanwhile.",
    verified_by="get_migration_task: network_check_info has other numbers than before.",
    undo="Nothing is changed.",
)


async def measure_network(request: Request, write: Writer) -> None:
    """Measure the network of servers whose task is paused or has failed."""
    able = []
    for server in request.servers:
        if server.task_id is None:
            if request.by_name:
                says = "It has no task: it is measured when one is created with network_check."
                write.leave(server, f"{says} plan_migration has that column.")
        elif server.phase not in ("paused", "failed"):
            if request.by_name:
                says = f"Only what is paused or has failed is measured; it is {server.phase}."
                write.leave(server, says)
        elif write.may("network_check", server) and write.has_room_for(server):
            able.append(server)
    replies = await request.desk.api.each(
        [GetMigrationTask(task_id=server.task_id or "") for server in able]
    )
    for server, reply in zip(able, replies, strict=True):
        if isinstance(reply, SmsToolsError):
            write.give_back(server)
            write.leave(server, "Its task could not be read.")
            continue
        measure = ManageMigrationTask(task_id=server.task_id or "", operation="network_check")
        before = _before(server, reply.network_check_info)
        write.call(measure, server, "measured", _MEASURE, before=before, batch=1)


def _before(server: Server, known: NetworkCheckInfo | None) -> Before:
    now = as_now(server)
    return Before(
        phases=now.phases,
        task_id=now.task_id,
        codes=now.codes,
        since=now.since,
        clone=now.clone,
        measured=numbers_of(known),
    )
