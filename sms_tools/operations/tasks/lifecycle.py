"""Finding, steering and deleting migration tasks."""

from typing import Annotated, Literal

from pydantic import Field

from sms_tools.operation import Empty, Kind, Operation
from sms_tools.operations.common import Offset, SourceId, TaskId, Text
from sms_tools.operations.tasks.records import MigrationTaskDetail, TaskPage

TaskState = Literal[
    "READY",
    "RUNNING",
    "SYNCING",
    "MIGRATE_SUCCESS",
    "MIGRATE_FAIL",
    "ABORTING",
    "ABORT",
    "DELETING",
    "SYNC_F_ROLLBACKING",
    "SYNC_F_ROLLBACK_SUCCESS",
    # Newer than the reference:
    "SYNC_SUCCESS",
    "SYNC_FAIL",
    "SKIPPING",
    "RESETING",
]
# What does least harm first: a list is read from its beginning.
Action = Literal[
    "start",
    "stop",
    "network_check",
    "clone_test",
    "restart",
    "test",
    # Newer than the reference:
    "cutover",
    "skip",
    "clear",
    "migration_test",
    "error_for_overspeed",
    # In older regions; the Function text of the reference promises both.
    "sync_failed_rollback",
    "collect_log",
]
_MILD_ACTIONS = ("stop", "network_check", "collect_log")


class ListMigrationTasks(
    Operation[TaskPage], method="GET", path="/v3/tasks", kind=Kind.READ, section="5.4.2"
):
    """Which migration tasks (jobs) are there, which are running, and which belongs to a server
    (任务列表, 在跑的任务)? Each with state, rate, sub-tasks, last error and resource use, about 1
    kB each. Use it to find a task's id, e.g. by source_server_id (an id, or the server's name).
    get_migration_task adds disks, region and what started each sub-task. For counts and judged
    answers use migration_overview or summarize_progress.
    """

    state: Annotated[
        TaskState | None, Field(description="Only tasks in this state; ABORT means paused.")
    ] = None
    name: Annotated[Text | None, Field(description="Only tasks of this name.")] = None
    id: Annotated[Text | None, Field(description="Only the task of this id.")] = None
    source_server_id: SourceId | None = None
    limit: Annotated[
        int | None, Field(ge=0, le=200, description="Tasks per page, 20 if left out.")
    ] = None
    offset: Offset | None = None
    enterprise_project_id: Annotated[
        Text | None, Field(description="Only tasks of this enterprise project.")
    ] = None


class DeleteMigrationTasks(
    Operation[Empty],
    method="POST",
    path="/v3/tasks/delete",
    kind=Kind.DESTRUCTIVE,
    section="5.4.3",
    idempotent=True,
):
    """Delete (throw away) several migration tasks (jobs) at once (批量删除任务);
    delete_migration_task deletes one. Their progress and target configuration are lost for good: a
    new task copies everything again. The machines stay as they are, temporary disks may stay and be
    billed. Each must be ready, paused, failed or finished, or its Agent disconnected.
    """

    ids: Annotated[
        list[Text], Field(max_length=65_535, description="Task ids, from list_migration_tasks.")
    ]


class DeleteMigrationTask(
    Operation[Empty],
    method="DELETE",
    path="/v3/tasks/{task_id}",
    kind=Kind.DESTRUCTIVE,
    section="5.4.4",
):
    """Delete (scrap, cancel, get rid of) one migration task (job), e.g. a wrong one, or to begin
    afresh (删掉任务, 取消任务); delete_migration_tasks deletes several. Its progress and target
    configuration are lost for good: a new task copies everything from scratch. To halt a copy that
    you want to resume later use manage_migration_task with stop. The machines stay as they are,
    temporary disks may stay and be billed. It must be ready, paused, failed or finished, or its
    Agent disconnected.
    """

    task_id: TaskId


class GetMigrationTask(
    Operation[MigrationTaskDetail],
    method="GET",
    path="/v3/tasks/{task_id}",
    kind=Kind.READ,
    section="5.4.5",
):
    """Read the record (details) of one migration task (job) in full: which step (sub-task) it is in
    (任务详情, 哪个步骤, 子任务) and what started it, rate, remaining time, error, source and target
    with disks, clone, network check, CPU and memory use. There is no overall percentage. All
    sub-tasks at 100 % does not mean finished: state and the source's migration_cycle decide. For
    causes and next steps use diagnose_server.
    """

    task_id: TaskId


class ManageMigrationTask(
    Operation[Empty],
    method="POST",
    path="/v3/tasks/{task_id}/action",
    kind=Kind.DESTRUCTIVE,
    section="5.4.7",
):
    """Start, pause (hold), continue (run on), rehearse or launch the copy of one server (启动,
    暂停, 停下, 继续, 恢复, 克隆, 割接). start: begin, go on (resume) or retry; a first start erases
    an existing target's disks. stop: pause. clone_test: the rehearsal (a test copy), on a clone
    that is billed until deleted on the ECS console. test (newer regions: cutover): LAUNCHES the
    target, which ends continuous synchronisation: the cutover (go live), not a rehearsal. restart:
    only after a launch; synchronises again and may overwrite what the target wrote since.
    network_check: measure the network. Newer regions: skip verification, clear snapshots,
    migration_test drill. Older: sync_failed_rollback, collect_log.
    """

    task_id: TaskId
    operation: Annotated[
        Action,
        Field(
            description="clone_test: a test copy, a rehearsal. test: launch, cut over, go live. "
            "stop: pause. start: resume, retry."
        ),
    ]
    template_id: Annotated[
        str | None,
        Field(max_length=2048, description="Template of the clone; clone_test needs it."),
    ] = None
    switch_hce: Annotated[
        bool | None, Field(description="Switch Linux to Huawei Cloud EulerOS. Default false.")
    ] = None
    is_need_consistency_check: Annotated[
        bool | None, Field(description="Also verify consistency. Default false.")
    ] = None

    @property
    def danger(self) -> Kind:
        """A pause and a measurement can be taken back; nothing else can."""
        return Kind.WRITE if self.operation in _MILD_ACTIONS else Kind.DESTRUCTIVE
