"""Parameter types that operations share, each with the tool that yields its value.

Bounds follow the reference. Those that say nothing to a caller (255 characters, 63 bits) are
checked here and left out of the published schemas by :mod:`sms_tools.schema`.
"""

import json
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)

from sms_tools.operation import Fields, Reply
from sms_tools.schema import JSON_TEXT

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
    Field(min_length=1, max_length=255, description="From list_source_servers."),
    AfterValidator(_not_the_overview),
]
TaskId = Annotated[
    str,
    Field(min_length=1, max_length=255, description="From list_migration_tasks."),
]
TemplateId = Annotated[str, Field(min_length=1, max_length=255, description="From list_templates.")]
ProjectId = Annotated[
    str,
    Field(
        min_length=1,
        max_length=255,
        description="From list_migration_projects.",
    ),
]
Offset = Annotated[
    int,
    Field(ge=0, le=65_535, description="Records to skip: as many as were read."),
]
MigrationType = Literal["MIGRATE_BLOCK", "MIGRATE_FILE"]
OsType = Literal["WINDOWS", "LINUX"]


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _from_text(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise ValueError("send a JSON object, or text that holds one") from error


JsonObject = Annotated[
    dict[str, Any],
    BeforeValidator(_from_text),
    WithJsonSchema({"type": "string", "contentMediaType": JSON_TEXT}),
]
"""An object of any content. Published as text that holds JSON, because hosts that convert schemas
drop objects without properties; an object is taken too."""


class Echoed(Fields):
    """Part of a request that callers copy out of a reply.

    The class keyword ``reply`` names what it is copied from: keys that only the reply has, and an
    object that is empty there, are left out of the request, and ``context["dropped"]`` names them.
    """

    _reply: ClassVar[type[BaseModel] | None] = None
    _more: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(
        cls, reply: type[BaseModel] | None = None, more: tuple[str, ...] = (), **keywords: Any
    ) -> None:
        """Take the reply's class, and with *more* what its documentation does not list."""
        super().__init_subclass__(**keywords)
        if reply is not None:
            cls._reply, cls._more = reply, frozenset(more)

    @model_validator(mode="before")
    @classmethod
    def _drop_what_only_replies_have(cls, given: Any, info: ValidationInfo) -> Any:
        if not isinstance(given, dict) or cls._reply is None:
            return given
        dropped = (set(given) & {*cls._reply.model_fields, *cls._more}) - set(cls.model_fields)
        if not dropped:
            return given
        note_dropped(info, dropped)
        return {key: value for key, value in given.items() if key not in dropped}


def note_dropped(info: ValidationInfo, names: set[str]) -> None:
    """Tell whoever validates that *names* were left out of the request."""
    if isinstance(info.context, dict):
        info.context.setdefault("dropped", set()).update(names)


class Created(Reply):
    """The id of what was created."""

    id: str | None = None
