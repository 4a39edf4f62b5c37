"""What a preview reads: servers with their tasks, templates, and what could not be read of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from sms_tools.api import Api
from sms_tools.errors import NotFound, ServiceError, SmsToolsError
from sms_tools.fleet.gates import Gates, gates_of
from sms_tools.fleet.server import Server
from sms_tools.fleet.verification import Consistency, copied_at, judge
from sms_tools.operation import Operation, Page, Reply
from sms_tools.operations.options import GetMigrationOptions, MigrationOption
from sms_tools.operations.source_servers import GetSourceServer
from sms_tools.operations.tasks import (
    GetConsistencyResults,
    GetMigrationTask,
    ListMigrationTasks,
    MigrationTask,
)

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

    async def server_of_task(self, task_id: str) -> Server:
        """The task, which must be there, and its source server."""
        task: MigrationTask = await self.need(GetMigrationTask(task_id=task_id))
        source_id = task.source_server.id if task.source_server else None
        source = None
        if source_id:
            source = await self.want("the source server", GetSourceServer(source_id=source_id))
        return Server(source, await self._with_syncing(task))

    async def server(self, source_id: str) -> Server:
        """The source server, which must be there, and its current task."""
        source = await self.need(GetSourceServer(source_id=source_id))
        task: MigrationTask | None = None
        task_id = source.current_task.id if source.current_task else None
        if task_id:
            task = await self.want("its migration task", GetMigrationTask(task_id=task_id))
        return Server(source, await self._with_syncing(task) if task else None)

    async def options(self, server: Server) -> Sequence[MigrationOption] | None:
        """The task's advanced options; None where they could not be read."""
        reply = await self.want(
            "the task's options, with the paths that it leaves out",
            GetMigrationOptions(task_id=server.task_id or ""),
        )
        return None if reply is None else (reply.configurations or [])

    async def readiness(self, server: Server) -> tuple[Gates, Consistency]:
        """Every gate before a launch, read now, and the consistency among them."""
        results = await self.want(
            "the consistency results", GetConsistencyResults(task_id=server.task_id or "")
        )
        copied = copied_at(server.task)
        now = self.api.now()
        if results is None:
            consistency = Consistency("unreadable", "It could not be read.", copied_at=copied)
        else:
            consistency = judge(results, copied, now)
        options = await self.options(server)
        return gates_of(server, consistency, now, options=options), consistency

    async def _with_syncing(self, task: MigrationTask) -> MigrationTask:
        """*task* with `syncing`, which only lists of tasks tell in some regions."""
        if task.syncing is not None or not task.id:
            return task
        page = await self.want("whether it keeps synchronising", ListMigrationTasks(id=task.id))
        own = [each for each in (page.items if page else ()) if each.id == task.id]
        return task.model_copy(update={"syncing": own[0].syncing}) if own else task


def _why(error: SmsToolsError) -> str:
    if isinstance(error, NotFound):
        return "no longer there"
    code = error.code if isinstance(error, ServiceError) else None
    return f"the service did not give it ({code or type(error).__name__})"
