"""Advanced migration options (reference 5.10): what a task copies, skips, verifies and may use.

The reference names three options, its own samples use two others, and the service has moved on
to yet other names. So the key is an open string: what the service takes is for it to say.
"""

from typing import Annotated

from pydantic import Field

from sms_tools.operation import Empty, Fields, Kind, Operation, Reply
from sms_tools.operations.common import TaskId, Text


class OptionSetting(Fields):
    """An option to set."""

    config_key: Annotated[Text, Field(description="Option name.")]
    config_value: Annotated[str, Field(max_length=1024, description="Paths, or a number.")]
    config_status: Annotated[Text | None, Field(description="Reserved.")] = None


class MigrationOption(Reply):
    """An option as the service reports it."""

    config_key: str | None = None
    config_value: str | None = None
    config_status: str | None = None


class MigrationOptions(Reply):
    """The options of one task."""

    task_id: str | None = None
    migrate_type: str | None = None
    """Such as ``LINUX_FILE_MIGRATE``."""
    configurations: list[MigrationOption] | None = None


class ConfigureMigrationOptions(
    Operation[Empty],
    method="POST",
    path="/v3/tasks/{task_id}/configuration-setting",
    kind=Kind.DESTRUCTIVE,
    section="5.10.1",
    idempotent=True,
):
    """Exclude (leave out, skip) folders, directories or paths (排除目录), copy only some, choose
    what is verified, or cap how much CPU (processor), memory and disk the Agent uses (限制 CPU,
    内存), for one migration task. Keys: EXCLUDE_MIGRATE_PATH, SYNC_EXCLUDE_PATH, ONLY_SYNC_PATH; in
    newer regions MIGRATE_EXCLUDE_DIR, SYNC_EXCLUDE_DIR, ONLY_SYNC_DIR, CONSISTENCY_DIR,
    CONSISTENCY_MODE, LINUX_CPU_LIMIT (1–100 %), LINUX_MEM_LIMIT (MB), LINUX_IO_LIMIT (MB/s).
    Excluded paths are silently missing on the target after cutover. Works before the start, while
    paused or waiting to synchronise; read the result back with get_migration_options.
    """

    task_id: TaskId
    configurations: Annotated[
        list[OptionSetting], Field(max_length=10, description="Up to 10 options to set.")
    ]


class GetMigrationOptions(
    Operation[MigrationOptions],
    method="GET",
    path="/v3/tasks/{task_id}/configuration-setting",
    kind=Kind.READ,
    section="5.10.2",
):
    """Which folders (directories, paths) does a migration task leave out or skip (排除了哪些目录),
    and which does it synchronise? Its advanced options, with verification and resource settings.
    Use it before a cutover, or to check what configure_migration_options has set. Rate limits are
    elsewhere: get_migration_rate_limits. May fail on a task that has none.
    """

    task_id: TaskId
    config_key: Annotated[
        Text | None, Field(description="Only this option, e.g. SYNC_EXCLUDE_DIR. Default all.")
    ] = None
