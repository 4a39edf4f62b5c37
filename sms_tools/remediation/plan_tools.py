"""What is asked of plans: the arguments of the two tools."""

from typing import Annotated, Any, Final

from pydantic import Field

from sms_tools.diagnosis.question import Project, Question, Servers
from sms_tools.diagnosis.spoken import Deadline
from sms_tools.fleet.desk import Desk
from sms_tools.operation import Fields
from sms_tools.operations.tasks.progress import DayOfLimits
from sms_tools.remediation.planning import Asked, plan
from sms_tools.remediation.request import Goal

_GOALS: Final = (
    "retry_failed: start failed tasks again. resume_paused: go on with paused ones. "
    "fix_rate_window: set `limits`; what runs is paused only if the service refuses. rebuild: "
    "delete the task and copy everything again. rehearse_cutover: billed clones. cut_over: launch "
    "targets that pass every gate, in batches of 5. back_out: return to the source after a bad "
    "launch. clean_up: delete tasks of launched servers. "
    "measure_network: loss, jitter, rate of paused or failed ones."
)


class PlanRemediation(Question):
    """Prepare what is to be done about one or many servers (修复, 重试, 演练, 割接, 回退). Fix
    broken ones, retry those that failed (run them again), resume, redo (copy again) from zero,
    throttle. Hold a dress rehearsal (practise), switch over (cut over, launch), roll back (back
    out, return to the old machines) or clean up. Gives exact calls in order, with preconditions,
    losses, costs, what people must do, and how each is verified. Changes nothing; show the plan to
    the person, then apply_plan carries it out. rebuild (from scratch: SMS.0515, 0212, 1414) copies
    everything again.
    """

    goal: Annotated[Goal, Field(description=_GOALS)] = "retry_failed"
    servers: Servers = None
    project: Project = None
    group: Annotated[
        str | None,
        Field(max_length=255, description="Only servers with these error codes, comma-separated."),
    ] = None
    batch: Annotated[
        int | None,
        Field(ge=1, le=50, description="Maximum servers: default 10, for launches 50."),
    ] = None
    limits: Annotated[
        DayOfLimits | None,
        Field(max_length=24, description="For fix_rate_window: all segments of the day."),
    ] = None
    template_id: Annotated[
        str | None,
        Field(max_length=255, description="For rehearse_cutover: template for the clone."),
    ] = None
    soak_hours: Annotated[
        int | None,
        Field(ge=0, le=8760, description="For clean_up: hours since the launch; default 72."),
    ] = None
    deadline: Annotated[
        Deadline | None, Field(description="For cut_over: end of the window, ISO 8601.")
    ] = None

    async def answer(self, desk: Desk) -> dict[str, Any]:
        """The plan, kept for a day under its ``plan_id``."""
        given = self.model_dump(mode="json", exclude_defaults=True, exclude={"servers", "goal"})
        asked = Asked(
            goal=self.goal,
            servers=self.servers,
            project=self.project,
            group=self.group,
            batch=self.batch,
            limits=self.limits,
            template_id=self.template_id,
            soak_hours=self.soak_hours,
            deadline=self.deadline,
            given=given,
        )
        return await plan(asked, desk)


class ApplyPlan(Fields):
    """Yes, go ahead: do it, carry out (execute, run) the plan that was proposed and shown (同意,
    执行, 动手), after one approval by a person who sees every step. Each step reads the state
    again, is skipped if what was shown has changed, acts, and is verified by a read: done and seen;
    done, not yet seen; failed; skipped; not needed; not reached. Ends within 45 seconds: while the
    status is partly_done, call it again with the same plan_id. It goes on where it stopped, does
    nothing twice, and asks again only for steps that failed.
    """

    plan_id: Annotated[str, Field(max_length=64, description="From plan_remediation.")]
