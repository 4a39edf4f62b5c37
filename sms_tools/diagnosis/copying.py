"""What servers have still to copy, of what kind, how fast, and under which limits."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from sms_tools.diagnosis.limits import Limits, read_limits
from sms_tools.diagnosis.rates import measure
from sms_tools.diagnosis.schedule import NO_LIMITS, Copy
from sms_tools.errors import SmsToolsError
from sms_tools.fleet.desk import Desk
from sms_tools.fleet.machine import SourceFacts, expected_bytes, suggested_type
from sms_tools.fleet.reading import Fleet, Server
from sms_tools.fleet.samples import Samples
from sms_tools.knowledge.facts import MAX_CONCURRENT_TASKS
from sms_tools.operations.source_servers import GetSourceServer, SourceServerDetail
from sms_tools.operations.tasks import GetMigrationRateLimits
from sms_tools.wording import count_of

_LOOK_BACK: Final = timedelta(hours=6)
_COPIED: Final = frozenset({"syncing", "cloning", "cutting_over", "finished"})
_OUT: Final[Mapping[str, str]] = {
    "failed": "failed: repair it first",
    "unavailable": "its environment checks failed",
    "deleting": "it is being deleted",
    "unknown": "its phase is unknown",
}


async def copies_of(
    desk: Desk, fleet: Fleet, gaps: list[str]
) -> tuple[Sequence[Copy], Sequence[tuple[Server, str]]]:
    """What is to be copied, and what is not with the reason."""
    about = [server for server in fleet.servers if server.phase not in _COPIED]
    out = [(s, _OUT[s.phase]) for s in about if s.phase in _OUT]
    out += [(s, "its Agent is offline") for s in about if s.phase not in _OUT and s.offline]
    gone = {server.id for server, _ in out}
    wanted = [server for server in about if server.id not in gone]
    bare = [s for s in wanted if s.total_bytes is None or s.done_bytes is None]
    replies = await desk.api.each([GetSourceServer(source_id=server.id) for server in bare])
    details = {
        server.id: reply
        for server, reply in zip(bare, replies, strict=True)
        if isinstance(reply, SourceServerDetail)
    }
    if missing := len(bare) - len(details):
        gaps.append(f"get_source_server: of {count_of(missing, 'server')} the size is missing.")
    since = fleet.observed_at - _LOOK_BACK
    running = [server.id for server in wanted if server.phase == "replicating"]
    series = await Samples(desk).series_of(running, since, until=fleet.observed_at)
    copies = []
    for server in wanted:
        facts = SourceFacts(server, fleet.observed_at, details.get(server.id))
        kind = server.task_type or suggested_type(facts)
        samples = series.get(server.id, ())
        rate = None if _limited(server) else measure(samples)
        copies.append(Copy(server, _left(server, facts, kind), kind, rate))
    return copies, out


def _limited(server: Server) -> bool:
    """Whether its task has a limit: then what was measured is the limit, not the copy's own."""
    return bool(server.task and server.task.speed_limit)


def _left(server: Server, facts: SourceFacts, kind: str | None) -> int | None:
    total, done = server.total_bytes, server.done_bytes
    if total is not None and done is not None:
        return None if server.above_total else total - done
    return expected_bytes(facts, kind or "")


async def with_limits(desk: Desk, copies: Sequence[Copy], gaps: list[str]) -> Sequence[Copy]:
    """*copies*, those that run with the limits that they have now."""
    asked = [c for c in copies if c.running and c.server.task_id][:MAX_CONCURRENT_TASKS]
    replies = await desk.api.each(
        [GetMigrationRateLimits(task_id=c.server.task_id or "") for c in asked]
    )
    found: dict[str, Limits] = {}
    unread = 0
    for copy, reply in zip(asked, replies, strict=True):
        if isinstance(reply, SmsToolsError):
            unread += 1
        else:
            found[copy.server.id] = read_limits(reply)
    if unread:
        gaps.append(
            f"get_migration_rate_limits: of {count_of(unread, 'running copy', 'running copies')} "
            "the limits are missing; they may be slower than said."
        )
    return [_under(copy, found.get(copy.server.id, NO_LIMITS)) for copy in copies]


def _under(copy: Copy, limits: Limits) -> Copy:
    """*copy* with its limits: what was measured under one is the limit, not its own rate."""
    return replace(copy, limits=limits, rate=None if limits.segments else copy.rate)
