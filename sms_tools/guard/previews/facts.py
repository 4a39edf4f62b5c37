"""What a preview reads: servers with their tasks, and what could not be read about them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sms_tools.api import Api
from sms_tools.errors import NotFound, ServiceError, SmsToolsError
from sms_tools.guard.subject import Target, typeable
from sms_tools.knowledge import Legality, describe_phase, legality, phase_of, sub_task_kind
from sms_tools.operation import JSON, Operation, Page, Reply
from sms_tools.operations.source_servers import GetSourceServer, SourceServer
from sms_tools.operations.tasks import GetMigrationTask, MigrationTask
from sms_tools.wording import named, plain, size, when

R = TypeVar("R", bound=Reply)
T = TypeVar("T", bound=Reply)


@dataclass
class Reader:
    """Reads through *api* and keeps in `unread` what could not be read."""

    api: Api
    unread: list[str] = field(default_factory=list)

    async def need(self, operation: Operation[R]) -> R:
        """Read what the preview cannot do without; a failure is raised."""
        return await self.api(operation)

    async def want(self, what: str, operation: Operation[R]) -> R | None:
        """Read what would be good to know; a failure is noted under *what*."""
        try:
            return await self.api(operation)
        except SmsToolsError as error:
            self.unread.append(f"{what}: {_why(error)}")
            return None

    async def look_for(self, what: str, operation: Operation[R]) -> tuple[R | None, bool | None]:
        """What may be gone, and whether it is there; None where nobody can tell."""
        try:
            return await self.api(operation), True
        except SmsToolsError as error:
            self.unread.append(f"{what}: {_why(error)}")
            return None, False if isinstance(error, NotFound) else None

    async def want_all(self, what: str, operation: Operation[Page[T]]) -> Sequence[T] | None:
        """Read a whole list; a failure, or a list that is not complete, is noted under *what*."""
        try:
            listing = await self.api.listing(operation)
        except SmsToolsError as error:
            self.unread.append(f"{what}: {_why(error)}")
            return None
        if not listing.complete:
            self.unread.append(f"{what}: {listing.note or 'the list is not complete'}")
        return listing.items

    async def server_of_task(self, task_id: str) -> "Server":
        """The task, which must be there, and its source server."""
        task = await self.need(GetMigrationTask(task_id=task_id))
        source_id = task.source_server.id if task.source_server else None
        source = None
        if source_id:
            source = await self.want("the source server", GetSourceServer(source_id=source_id))
        return Server(source=source, task=task)

    async def server(self, source_id: str) -> "Server":
        """The source server, which must be there, and its current task."""
        source = await self.need(GetSourceServer(source_id=source_id))
        task = None
        task_id = source.current_task.id if source.current_task else None
        if task_id:
            task = await self.want("its migration task", GetMigrationTask(task_id=task_id))
        return Server(source=source, task=task)


def _why(error: SmsToolsError) -> str:
    if isinstance(error, NotFound):
        return "not there any more"
    code = error.code if isinstance(error, ServiceError) else None
    return f"the service did not give it ({code or type(error).__name__})"


@dataclass(frozen=True, slots=True)
class Server:
    """One server: its source record and its task, each as far as it could be read."""

    source: SourceServer | None
    task: MigrationTask | None

    @property
    def id(self) -> str:
        """The source server's id, or what is known instead."""
        return (self.source and self.source.id) or self._task_source("id") or ""

    @property
    def name(self) -> str | None:
        """The source server's name, or the task's."""
        own = self.source.name if self.source else None
        return own or self._task_source("name") or (self.task.name if self.task else None)

    @property
    def typed(self) -> str:
        """What a person types for this server: its name, or an id where that cannot be typed."""
        return typeable(self.name, self.id or (self.task.id if self.task else None) or "this one")

    @property
    def state(self) -> str | None:
        """The source server's state."""
        return (self.source and self.source.state) or self._task_source("state")

    @property
    def stage(self) -> str | None:
        """The source server's `migration_cycle`."""
        return (self.source and self.source.migration_cycle) or self._task_source("migration_cycle")

    @property
    def task_state(self) -> str | None:
        """The task's state."""
        return self.task.state if self.task else None

    @property
    def connected(self) -> bool | None:
        """Whether the Agent is connected; None if nobody says."""
        if self.source is not None and self.source.connected is not None:
            return self.source.connected
        return self.task.connected if self.task else None

    @property
    def phase(self) -> str:
        """The phase the server is in."""
        return phase_of(
            migration_cycle=self.stage, source_state=self.state, task_state=self.task_state
        )

    def legality(self, action: str, **more: Any) -> Legality:
        """May *action* be tried now?"""
        return legality(
            action,
            source_state=self.state,
            migration_cycle=self.stage,
            task_state=self.task_state,
            connected=self.connected,
            **more,
        )

    def facts(self) -> dict[str, JSON]:
        """What an approval is bound to."""
        target = self.task.target_server if self.task else None
        return {
            "source": {
                "id": self.id,
                "name": self.name,
                "state": self.state,
                "stage": self.stage,
                "connected": self.connected,
            },
            "task": {
                "id": self.task.id if self.task else None,
                "name": self.task.name if self.task else None,
                "state": self.task_state,
                "syncing": self.task.syncing if self.task else None,
            },
            "target": {"vm_id": target.vm_id, "name": target.name} if target else None,
        }

    def targets(self) -> list[Target]:
        """The things that a call on this server acts on, for the policy's rules."""
        found = [Target(self.id, self.name)] if self.id else []
        if self.task and self.task.id:
            found.append(Target(self.task.id, self.name))
            target = self.task.target_server
            if target and target.vm_id:
                found.append(Target(target.vm_id, target.name))
        return found

    def short(self) -> str:
        """The server in one line, for a list."""
        fallback = self.id or (self.task.id if self.task else None)
        who, state = f"{named(self.name, fallback)} {self._address()}", plain(self.state, 30)
        agent = _yes_no(self.connected, "connected", "not connected")
        return f"{who}: state {state}, Agent {agent}, {self._copied()}"

    def lines(self) -> list[str]:
        """What is there now, in a few lines."""
        lines = [
            f"Source server {named(self.name, self.id)} {self._address()}: {self._saying()}.",
            f"Agent: {_yes_no(self.connected, 'connected', 'not connected')}.",
        ]
        if self.task is None:
            return [*lines, "No migration task is known for it."]
        lines.append(
            f"Migration task {named(self.task.name, self.task.id)}, state {plain(self.task_state)}."
        )
        copied = self._copied()
        lines.append(f"{copied[:1].upper()}{copied[1:]}.")
        lines.append(f"Last synchronisation ended: {when(self.last_sync())}.")
        lines.append(f"Target server: {self.target_words()}.")
        return lines

    def target_words(self) -> str:
        """The target by name and id."""
        target = self.task.target_server if self.task else None
        if target is None or not (target.vm_id or target.name):
            return "none yet"
        where = f" (ECS {plain(target.vm_id, 64)})" if target.vm_id else " (not created yet)"
        return named(target.name, target.vm_id) + where

    def last_sync(self) -> int | None:
        """When the latest copy or synchronisation ended, as epoch milliseconds."""
        return self._latest_end("sync", "copy")

    def last_launch(self) -> int | None:
        """When the target was last started from its own disks, as epoch milliseconds."""
        return self._latest_end("detach", "configure")

    def formatted(self) -> bool | None:
        """Whether the target's disks were formatted by this task already; None if not known."""
        if self.task is None or self.task.sub_tasks is None:
            return None
        return any(
            sub_task_kind(step.name) == "format" and (step.progress or 0) > 0
            for step in self.task.sub_tasks
        )

    def _latest_end(self, *kinds: str) -> int | None:
        steps = (self.task.sub_tasks if self.task else None) or []
        ends = [s.end_date for s in steps if s.end_date and sub_task_kind(s.name) in kinds]
        return max(ends, default=None)

    def _address(self) -> str:
        ip = (self.source and self.source.ip) or self._task_source("ip")
        os = (self.source and self.source.os_type) or (self.task.os_type if self.task else None)
        return f"({plain(ip, 64)}, {plain(os, 20)})"

    def _saying(self) -> str:
        meaning = describe_phase(self.phase).meaning.rstrip(".")
        stage = f", stage {plain(self.stage, 30)}" if self.stage else ""
        return f"state {plain(self.state, 30)}{stage} ({meaning[:1].lower()}{meaning[1:]})"

    def _copied(self) -> str:
        done, total = None, None
        for part in (
            self.source,
            self.task.source_server if self.task else None,
            self.task.target_server if self.task else None,
        ):
            if part is not None and getattr(part, "totalsize", None):
                done, total = part.replicatesize, part.totalsize
                break
        if total is None:
            return "how much is copied is not known"
        return f"copied {size(done)} of {size(total)}"

    def _task_source(self, name: str) -> Any:
        source = self.task.source_server if self.task else None
        return getattr(source, name, None)


def _yes_no(value: bool | None, yes: str, no: str) -> str:
    return "not known" if value is None else yes if value else no
