"""Whether source and target hold the same files: consistency verification of a task."""

from typing import Annotated

from pydantic import Field

from sms_tools.operation import Empty, Fields, Kind, Operation
from sms_tools.operations.common import TaskId
from sms_tools.operations.tasks.records import ConsistencyResults

FileCount = Annotated[int, Field(ge=0, le=1_000_000)]


class GetConsistencyResults(
    Operation[ConsistencyResults],
    method="GET",
    path="/v3/tasks/{task_id}/consistency-result",
    kind=Kind.READ,
    section="5.4.15",
):
    """Read the consistency verification results of one migration task: per run and directory
    (逐个目录对比明细), how many files were compared, differ, are missing or are extra on the
    target. The default comparison looks at size and time, not content, and at 1,000,000 files a
    directory at most. check_result `success` means that it ran. For a judged answer over many
    servers use summarize_consistency_results.
    """

    task_id: TaskId


class DirectoryConsistencyReport(Fields):
    """What the Agent found in one directory."""

    dir_check: Annotated[str, Field(max_length=1024, description="Directory.")]
    num_total_files: Annotated[FileCount, Field(description="Files compared.")]
    num_different_files: Annotated[FileCount, Field(description="Files that differ.")]
    num_target_miss_files: Annotated[FileCount, Field(description="Missing on the target.")]
    num_target_more_files: Annotated[FileCount, Field(description="Extra on the target.")]


class UploadConsistencyResults(
    Operation[Empty],
    method="POST",
    path="/v3/tasks/{task_id}/consistency-result",
    kind=Kind.AGENT,
    section="5.4.16",
    idempotent=True,
):
    """Agent only: upload consistency verification results of a migration task, as the Agent on the
    source server does after it compared files. It verifies nothing: a result sent by anyone else is
    a forged one, and cutover decisions rest on it. To read results use get_consistency_results; a
    verification runs when manage_migration_task is called with is_need_consistency_check.
    """

    task_id: TaskId
    consistency_result: Annotated[
        list[DirectoryConsistencyReport] | None, Field(description="One entry per directory.")
    ] = None
