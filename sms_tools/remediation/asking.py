"""What is asked of plans: the arguments of the two tools."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from sms_tools.diagnosis.question import Project, Question, Servers
from sms_tools.fleet.desk import Desk
from sms_tools.operation import Fields
from sms_tools.operations.tasks.progress import DayOfLimits

Goal = Literal[
    "retry_failed",
    "resume_paused",
    "fix_rate_window",
    "rebuild",
    "rehearse_cutover",
    "cut_over",
    "clean_up",
]


_GOALS: Final = (
    "retry_failed: start failed tasks again. resume_paused: go on with paused ones. "
    "fix_rate_window: set `limits` on running tasks (pause, set, resume). rebuild: delete the task "
    "and copy everything again. rehearse_cutover: billed clones. cut_over: launch targets that "
    "pass every gate. clean_up: delete tasks of launched servers."
)


class PlanRemediation(Question):
    """Plan how to fix or go on: an ordered list of exact calls with preconditions, losses, costs,
    what people must do, and how each step is verified. Changes nothing; show the plan to the
    person, then apply_plan carries it out. rebuild (after SMS.0515, 0212, 1414) copies everything
    again. rehearse_cutover makes billed clones. cut_over launches targets that pass every gate.
    For causes alone use summarize_failed_servers or diagnose_server.
    """

    goal: Annotated[Goal, Field(description=_GOALS)] = "retry_failed"
    servers: Servers = None
    project: Project = None
    group: Annotated[
        str | None, Field(max_length=255, description="Only servers with these codes, by comma.")
    ] = None
    batch: Annotated[
        int | None, Field(ge=1, le=20, description="Servers at most; default 10, launches 5.")
    ] = None
    limits: Annotated[
        DayOfLimits | None,
        Field(max_length=24, description="For fix_rate_window: all segments of the day."),
    ] = None
    template_id: Annotated[
        str | None, Field(max_length=255, description="For rehearse_cutover: clone's template.")
    ] = None

    async def answer(self, desk: Desk) -> dict[str, Any]:
        """The plan, kept for a day under its ``plan_id``."""
        from sms_tools.remediation.planning import plan  # loaded at the first plan

        return await plan(self, desk)


class ApplyPlan(Fields):
    """Carry out a plan of plan_remediation, after one approval by a person who sees every step.
    Each step reads the state again, is skipped if that has moved, acts, and is verified by a read:
    done and seen; done, not yet seen; failed; skipped; not reached. May be called again after an
    interruption: it goes on where it stopped, does nothing twice, and asks anew for what is left.
    """

    plan_id: Annotated[str, Field(max_length=64, description="From plan_remediation.")]
