"""A question is a typed value, as an operation is.

``SummarizeFailedServers(project="wave-2")`` is a question; its class gives the composite tool its
name, description and arguments, and :meth:`Question.answer` answers it from a desk.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import Field

from sms_tools.fleet.desk import Desk
from sms_tools.operation import Fields, snake_case

ASK_WIDELY: Final = "Call it with {} for everything; add only arguments whose values the user gave."
"""Measured: without this sentence small models fill filters that nobody asked for."""


class Question(Fields):
    """What a person asks. The class docstring is the description of the tool."""

    __tool__: ClassVar[str]
    __title__: ClassVar[str]
    __description__: ClassVar[str]
    __open_world__: ClassVar[bool] = True

    def __init_subclass__(cls, **keywords: Any) -> None:
        """Name the tool after the class."""
        super().__init_subclass__(**keywords)
        cls.__tool__ = snake_case(cls.__name__)
        words = cls.__tool__.split("_")
        cls.__title__ = " ".join([words[0].capitalize(), *words[1:]])
        cls.__description__ = " ".join((cls.__doc__ or "").split())

    @classmethod
    def __pydantic_init_subclass__(cls, **keywords: Any) -> None:
        """Advise to ask for everything, where nothing has to be said: its fields are known now."""
        super().__pydantic_init_subclass__(**keywords)
        if not any(field.is_required() for field in cls.model_fields.values()):
            cls.__description__ += f" {ASK_WIDELY}"

    async def answer(self, desk: Desk) -> dict[str, Any]:
        """The answer: at least ``summary``, ``observed_at``, ``suggested_actions``, ``omitted``."""
        raise NotImplementedError


Servers = Annotated[
    list[Annotated[str, Field(max_length=255)]] | None,
    Field(description="Names, addresses or ids; default all.", max_length=1000),
]
Project = Annotated[
    str | None, Field(description="Wave (migration project): name or id.", max_length=255)
]
Detail = Annotated[Literal["concise", "full"], Field(description="`full`: all that is known.")]
Limit = Annotated[int | None, Field(ge=1, le=1000, description="Maximum rows.")]
Offset = Annotated[int, Field(ge=0, description="Rows to skip.")]


class FleetQuestion(Question):
    """A question about many servers: all of them, some of them, or those of one project."""

    servers: Servers = None
    project: Project = None
    detail: Detail = "concise"
    limit: Limit = None
    offset: Offset = 0


def scope(question: FleetQuestion) -> Mapping[str, Any]:
    """The arguments that let another fleet tool look at the same servers."""
    named = {"servers": question.servers, "project": question.project}
    return {key: value for key, value in named.items() if value}
