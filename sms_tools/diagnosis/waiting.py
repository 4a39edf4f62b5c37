"""``wait_for_progress``: tell me when something happens."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final, Literal

import anyio
from pydantic import Field

from sms_tools.diagnosis.answer import Action, Draft
from sms_tools.diagnosis.movement import RUNNING
from sms_tools.diagnosis.naming import names_of
from sms_tools.diagnosis.overview import bytes_of
from sms_tools.diagnosis.question import Project, Question, Servers
from sms_tools.errors import SmsToolsError
from sms_tools.fleet.desk import Desk
from sms_tools.fleet.membership import with_waves
from sms_tools.fleet.reading import Fleet, Server, read_fleet
from sms_tools.text import one_line
from sms_tools.wording import count_of, iso, percent, size

Reason = Literal["change", "end", "bound"]

_POLL_SECONDS: Final = 10.0
_SECONDS_PER_REQUEST: Final = 2.0
"""A large fleet takes many requests to look at, so it is looked at less often."""
_LONGEST_POLL: Final = 60.0
_FAILURES: Final = 3
"""How many readings in a row may fail before the waiting gives up."""
_STEPS_OF: Final = 10
"""Up to so many named servers, the steps of continuous sync count as changes too."""
_NEXT_IN_COPY: Final = 60
_NEXT_IN_SYNC: Final = 300


class WaitForProgress(Question):
    """Watch (stay with) servers in migration and tell me when something happens (盯着, 等待,
    完成通知), instead of polling: until a phase, step, connection or error changes, nothing is
    under way, or timeout_seconds (40 if left out) are over. Then next_poll_seconds says when to
    call it again. For the current state use summarize_progress.
    """

    servers: Servers = None
    project: Project = None
    timeout_seconds: Annotated[
        int, Field(ge=1, le=600, description="How long to wait at most; many clients stop at 60.")
    ] = 40

    async def answer(self, desk: Desk) -> dict[str, Any]:
        """What happened, or how far everything is when the time is up."""
        watch = Watch(self, desk)
        fleet = first = await watch.look()
        steps = self.servers is not None and len(first.servers) <= _STEPS_OF
        changes: Sequence[Event] = ()
        while not changes and under_way(fleet.servers) and watch.left > 0:
            await watch.report(fleet)
            await watch.pause(fleet)
            fleet = await watch.look_again(fleet)
            changes = events(first, fleet, steps=steps)
        reason: Reason = "change" if changes else "bound"
        if not under_way(fleet.servers):
            reason = "end"
        await watch.report(fleet)
        fleet = await with_waves(desk, fleet, everything=False)
        if changes:
            changes = events(first, fleet, steps=steps)
        return self._told(fleet, reason, changes, watch)

    def _told(
        self, fleet: Fleet, reason: Reason, changes: Sequence["Event"], watch: "Watch"
    ) -> dict[str, Any]:
        draft = Draft(
            summary=_summary(fleet, reason, changes, watch),
            observed_at=fleet.observed_at,
            data={
                "returned_on": reason,
                "waited_seconds": round(watch.waited),
                "next_poll_seconds": next_poll_seconds(fleet.servers),
            },
            actions=_actions(self, reason, changes),
            incomplete=[*fleet.incomplete, *watch.problems],
        )
        draft.data["changes"] = draft.part(
            "changes", [each.as_data() for each in changes], 20, "summarize_progress"
        )
        moving = [server for server in fleet.servers if server.phase in RUNNING]
        moving.sort(key=lambda server: server.phase == "syncing" and server.step is None)
        draft.data["under_way"] = draft.part(
            "under_way", [_row(server) for server in moving], 20, "summarize_progress"
        )
        return draft.fit()


class Watch:
    """One waiting: how long it lasts already, and what went wrong on the way."""

    def __init__(self, question: WaitForProgress, desk: Desk) -> None:
        """Begin to wait now."""
        self._question = question
        self._desk = desk
        self._began = anyio.current_time()
        self._slept = 0.0
        self._failed = 0
        self.problems: list[str] = []

    @property
    def waited(self) -> float:
        """Seconds since the beginning, by the clock or by what was slept, whichever is more."""
        return max(self._slept, anyio.current_time() - self._began)

    @property
    def left(self) -> float:
        """Seconds until the bound."""
        return max(0.0, self._question.timeout_seconds - self.waited)

    async def look(self) -> Fleet:
        """The servers that were asked for, as they are now."""
        question = self._question
        return await read_fleet(
            self._desk, project=question.project, servers=question.servers, fresh=True
        )

    async def look_again(self, before: Fleet) -> Fleet:
        """The servers as they are now, or as they were if they cannot be read this once.

        Raises:
            SmsToolsError: they could not be read several times in a row.
        """
        try:
            fleet = await read_fleet(self._desk, project=self._question.project, fresh=True)
        except SmsToolsError as error:
            self._failed += 1
            if self._failed >= _FAILURES:
                raise
            self.problems = [f"one reading failed: {one_line(str(error), 160)}"]
            return before
        self._failed = 0
        if not fleet.sources_read:  # a server that is missing now may only be unread
            self.problems = [f"one reading failed: {fleet.incomplete[0]}"]
            return before
        watched = [server for server in fleet.servers if server.id in before.by_id]
        return replace(fleet, servers=watched)

    async def pause(self, fleet: Fleet) -> None:
        """Sleep until the next look."""
        wanted = max(_POLL_SECONDS, fleet.requests * _SECONDS_PER_REQUEST)
        seconds = min(wanted, _LONGEST_POLL, max(self.left, 0.01))
        await self._desk.sleep(seconds)
        self._slept += seconds

    async def report(self, fleet: Fleet) -> None:
        """Tell whoever waits how far it is: in seconds of the time given."""
        total = float(self._question.timeout_seconds)
        await self._desk.report(min(self.waited, total), total, _standing(fleet.servers))


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a server while it was watched."""

    server: Server
    what: Literal["phase", "step", "connection", "error", "task", "gone"]
    before: str | None
    after: str | None

    def as_data(self) -> dict[str, Any]:
        """The row of this event."""
        return {
            **self.server.as_data(),
            "what": self.what,
            "from": self.before,
            "to": self.after,
        }


def events(first: Fleet, now: Fleet, *, steps: bool) -> Sequence[Event]:
    """What is different between two readings. *steps*: in continuous sync, its rounds count too."""
    found: list[Event] = []
    for before in first.servers:
        after = now.by_id.get(before.id)
        if after is None:
            found.append(Event(before, "gone", before.phase, None))
        elif event := _event(before, after, steps=steps):
            found.append(event)
    return found


def _event(before: Server, after: Server, *, steps: bool) -> Event | None:
    """The weightiest difference; a value that was not read is none."""
    if before.phase != after.phase and "unknown" not in (before.phase, after.phase):
        return Event(after, "phase", before.phase, after.phase)
    codes = [
        one_line(each.error.code or "?", 40) if each.error else None for each in (before, after)
    ]
    if codes[0] != codes[1] and before.task and after.task:
        return Event(after, "error", *codes)
    if None not in (before.connected, after.connected) and before.connected != after.connected:
        words = {True: "connected", False: "offline"}
        return Event(after, "connection", words[before.offline is False], words[not after.offline])
    if before.task_id != after.task_id and after.task_id:
        return Event(after, "task", before.task_id, after.task_id)
    steps_count = after.phase in RUNNING and (steps or after.phase != "syncing")
    if steps_count and before.task and after.task and before.step_name != after.step_name:
        return Event(after, "step", before.step_name, after.step_name)
    return None


def under_way(servers: Sequence[Server]) -> bool:
    """Whether anything may still happen by itself."""
    passing = RUNNING | {"deleting"}
    return any(server.phase in passing or _is_stopping(server) for server in servers)


def _is_stopping(server: Server) -> bool:
    return (server.state or "").lower() == "stopping"


def next_poll_seconds(servers: Sequence[Server]) -> int | None:
    """When it is worth looking again; null where nothing is under way."""
    if not under_way(servers):
        return None
    phases = {server.phase for server in servers}
    if phases & {"initializing", "cutting_over", "cloning", "deleting"}:
        return round(_POLL_SECONDS)
    return _NEXT_IN_COPY if "replicating" in phases else _NEXT_IN_SYNC


def _row(server: Server) -> dict[str, Any]:
    row = {
        **server.as_data(),
        "phase": server.phase,
        "offline": server.offline or None,
        "sub_task": server.step_name,
        "done_bytes": server.reported_bytes,
        "total_bytes": server.total_bytes,
    }
    return {key: value for key, value in row.items() if value is not None}


def _standing(servers: Sequence[Server]) -> str:
    """A few words for the progress notification: numbers, and no names."""
    copying = [server for server in servers if server.phase == "replicating"]
    known = bytes_of(copying)
    if known.counted:
        share = percent(known.done, known.total)
        return f"{len(copying)} copying, {size(known.done)} of {size(known.total)} ({share} %)"
    moving = sum(server.phase in RUNNING for server in servers)
    return f"{count_of(moving, 'server')} under way"


def _summary(fleet: Fleet, reason: Reason, changes: Sequence[Event], watch: Watch) -> str:
    waited = count_of(round(watch.waited), "second")
    read = f" Read at {iso(fleet.observed_at)}."
    if changes:
        changed = [event.server for event in changes]
        says = f"After {waited} something happened to {names_of(changed)}."
        return says + (" Nothing is under way any longer." if reason == "end" else "") + read
    whose = f" of {names_of(fleet.servers)}" if len(fleet.servers) == 1 else ""
    if reason == "end":
        return f"Nothing{whose} is under way, so there is nothing to wait for.{read}"
    return (
        f"Nothing{whose} changed in {waited}: {_standing(fleet.servers)}.{read} "
        "Call wait_for_progress again to go on waiting."
    )


def _actions(
    question: WaitForProgress, reason: Reason, changes: Sequence[Event]
) -> Sequence[Action]:
    named = {"servers": question.servers, "project": question.project}
    where = {key: value for key, value in named.items() if value is not None}
    failed = [e for e in changes if e.what == "error" or e.after == "failed"]
    actions = [
        Action("diagnose_server", {"server": event.server.id}, "it failed while it was watched")
        for event in failed[:1]
    ]
    if reason == "bound":
        again = question.model_dump(mode="json", exclude_defaults=True)
        actions.append(Action(question.__tool__, again, "goes on waiting"))
    if any(event.after == "syncing" for event in changes):
        why = "a full copy is done: what is missing before a launch"
        actions.append(Action("check_cutover_readiness", where, why))
    actions.append(Action("summarize_progress", where, "rates and estimates from what was seen"))
    return actions
