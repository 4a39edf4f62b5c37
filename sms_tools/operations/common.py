"""Parameter types that operations share, each with the tool that yields its value.

Bounds follow the reference. Those that say nothing to a caller (255 characters, 63 bits) are
checked here and left out of the published schemas by :mod:`sms_tools.schema`.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from sms_tools.operation import Reply

Text = Annotated[str, Field(max_length=255)]
Int = Annotated[int, Field(ge=0, le=2**31 - 1)]
Long = Annotated[int, Field(ge=0, le=2**63 - 1)]
Megabits = Annotated[int, Field(ge=0, le=10_000)]
"""A rate in Mbit/s."""


def _not_the_overview(source_id: str) -> str:
    # /v3/sources/overview is a path of its own: this id would ask for something else.
    if source_id == "overview":
        raise ValueError("no source server is called 'overview'; see get_source_server_overview")
    return source_id


SourceId = Annotated[
    str,
    Field(min_length=1, max_length=255, description="Source server id, from list_source_servers."),
    AfterValidator(_not_the_overview),
]
TaskId = Annotated[
    str,
    Field(
        min_length=1, max_length=255, description="Migration task id, from list_migration_tasks."
    ),
]
TemplateId = Annotated[
    str, Field(min_length=1, max_length=255, description="Template id, from list_templates.")
]
ProjectId = Annotated[
    str,
    Field(
        min_length=1,
        max_length=255,
        description="Migration project id, from list_migration_projects.",
    ),
]
Offset = Annotated[
    int,
    Field(ge=0, le=65_535, description="Records to skip (from 0): the sum of those already read."),
]
MigrationType = Literal["MIGRATE_BLOCK", "MIGRATE_FILE"]
OsType = Literal["WINDOWS", "LINUX"]


class Created(Reply):
    """The id of what was created."""

    id: str | None = None
