"""Which tools a server offers: from the catalogue, the questions and the plans, by selection."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal

from sms_tools.diagnosis import QUESTIONS
from sms_tools.diagnosis.question import Question
from sms_tools.errors import SettingsError
from sms_tools.operation import Fields, Kind, Operation
from sms_tools.operations import AREAS, CATALOGUE, area_of
from sms_tools.remediation import ApplyPlan, PlanRemediation
from sms_tools.schema import input_schema

Role = Literal["operation", "question", "plan"]

GUIDED: Final = (
    "list_source_servers",
    "get_source_server",
    "get_migration_task",
    "manage_migration_task",
    "list_migration_projects",
    "get_migration_rate_limits",
    "set_migration_rate_limits",
    "get_consistency_results",
)
"""The operations beside the questions and plans in the guided selection: the everyday ones."""


@dataclass(frozen=True)
class Offered:
    """One tool as a client sees it."""

    name: str
    title: str
    description: str
    model: type[Fields]
    kind: Kind
    area: str
    role: Role
    idempotent: bool
    open_world: bool
    request: str
    """Method and path for an operation; empty for what makes several requests."""

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """The published input schema."""
        return input_schema(self.model)


def offered_tools(selection: str = "all") -> Sequence[Offered]:
    """The tools of *selection* (``all``, ``guided``, or areas separated by commas), in order.

    Raises:
        SettingsError: an area that does not exist.
    """
    everything = [
        *(_question(question) for question in QUESTIONS.values()),
        _question(PlanRemediation, area="remediation"),
        _APPLY_PLAN,
        *(_operation(operation) for operation in CATALOGUE.values()),
    ]
    if selection == "all":
        return everything
    if selection == "guided":
        return [tool for tool in everything if tool.role != "operation" or tool.name in GUIDED]
    areas = {area.strip() for area in selection.split(",")}
    known = ("diagnosis", "remediation", *AREAS)
    if unknown := sorted(areas.difference(known)):
        raise SettingsError(
            f"--tools: there is no area {', '.join(map(repr, unknown))}.",
            f"Give all, guided, or some of: {', '.join(known)}.",
        )
    return [tool for tool in everything if tool.area in areas]


def _operation(operation: type[Operation[Any]]) -> Offered:
    spec = operation.__spec__
    return Offered(
        name=spec.name,
        title=spec.title,
        description=spec.description,
        model=operation,
        kind=spec.kind,
        area=area_of(operation),
        role="operation",
        idempotent=spec.idempotent,
        open_world=True,
        request=f"{spec.method} {spec.path}",
    )


def _question(question: type[Question], area: str = "diagnosis") -> Offered:
    return Offered(
        name=question.__tool__,
        title=question.__title__,
        description=question.__description__,
        model=question,
        kind=Kind.READ,
        area=area,
        role="question",
        idempotent=True,
        open_world=question.__open_world__,
        request="",
    )


_APPLY_PLAN = Offered(
    name="apply_plan",
    title="Apply plan",
    description=" ".join((ApplyPlan.__doc__ or "").split()),
    model=ApplyPlan,
    kind=Kind.DESTRUCTIVE,
    area="remediation",
    role="plan",
    idempotent=True,
    open_world=True,
    request="",
)
