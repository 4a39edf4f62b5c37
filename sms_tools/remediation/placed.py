"""A row of a migration sheet in the world that it is held against."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from sms_tools.fleet.membership import Membership
from sms_tools.fleet.reading import Fleet
from sms_tools.fleet.server import Server
from sms_tools.operation import JSON
from sms_tools.operations.projects import MigrationProject
from sms_tools.operations.source_servers import SourceServerDetail
from sms_tools.operations.tasks import CreateMigrationTask
from sms_tools.operations.templates import Template
from sms_tools.remediation.sheet import Problem, Row
from sms_tools.text import one_line

_SHOWN: Final = 5


@dataclass(frozen=True)
class Placed:
    """A row with the server that it means and the task that it comes to."""

    row: Row
    server: Server | None = None
    template: Template | None = None
    task: CreateMigrationTask | None = None
    """The task to create; None where the row is rejected, or only starts one that is there."""
    problems: Sequence[Problem] = ()
    doubts: Sequence[str] = ()
    starts_task: str | None = None
    """The id of the task that waits already to be started."""
    project: str | None = None

    @property
    def verdict(self) -> Literal["planned", "rejected"]:
        """Whether it is in the plan."""
        return "rejected" if self.problems else "planned"

    def as_data(self) -> dict[str, Any]:
        """The row as it stands in an answer."""
        server: JSON = one_line(self.row.wish.named, 80)
        data: dict[str, Any] = {
            "row": self.row.line,
            "server": self.server.as_data() if self.server else {"name": server or "", "id": ""},
            "verdict": self.verdict,
            "problems": [problem.as_data() for problem in self.problems[:_SHOWN]],
        }
        return {**data, "doubts": list(self.doubts[:_SHOWN])} if self.doubts else data


@dataclass(frozen=True)
class World:
    """What rows are held against; None is not read."""

    fleet: Fleet
    templates: Sequence[Template] | None
    projects: Sequence[MigrationProject] | None
    members: Membership
    project_names: Mapping[str, str]
    """The IAM project's name by region."""
    own_project: str | None
    own_region: str
    details: Mapping[str, SourceServerDetail] = field(default_factory=dict)
    gaps: Sequence[str] = ()


def with_problem(placed: Placed, column: str, says: str) -> Placed:
    """*placed* with one more reason against it, by the sheet's column."""
    return replace(placed, problems=[*placed.problems, Problem(column, says)])
