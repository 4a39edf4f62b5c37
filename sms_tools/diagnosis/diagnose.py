"""``diagnose_server``: why is this one failing, slow, stuck?"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, Final

from pydantic import Field

from sms_tools.diagnosis.answer import Action, Draft
from sms_tools.diagnosis.causes import RUNS_AGAIN
from sms_tools.diagnosis.hypotheses import explain_server
from sms_tools.diagnosis.hypothesis import Hypothesis
from sms_tools.diagnosis.movement import RUNNING
from sms_tools.diagnosis.question import Detail, Question
from sms_tools.diagnosis.remedy import plan_action
from sms_tools.diagnosis.slowness import rate_mbit_s
from sms_tools.diagnosis.timeline import timeline
from sms_tools.fleet.closeup import CloseUp, read_closely
from sms_tools.fleet.desk import Desk
from sms_tools.fleet.membership import with_wave
from sms_tools.knowledge import explain
from sms_tools.operations.tasks import GetMigrationRateLimits, GetMigrationTask
from sms_tools.wording import iso, percent, size

_EVENTS: Final = 10


class DiagnoseServer(Question):
    """What is wrong with this one machine (诊断, 怎么回事, 卡住)? Why has it stopped moving: does
    it fail, crawl (slow), hang (stuck, frozen) or keep dropping its connection? Its phase, the
    timeline of its sub-tasks, the reason (cause) as ranked hypotheses (also the bottleneck) with
    evidence for and against, what is unknown, the next step and who must take it. For many failures
    use summarize_failed_servers. Call again later to confirm a stall.
    """

    server: Annotated[str, Field(min_length=1, max_length=255, description="Name, address or id.")]
    detail: Detail = "concise"

    async def answer(self, desk: Desk) -> dict[str, Any]:
        """The likeliest explanation in the summary, all of them with their evidence below."""
        close = await read_closely(desk, self.server)
        server, gaps = await with_wave(desk, close.server)
        close = replace(close, server=server, gaps=[*close.gaps, *gaps])
        hypotheses = explain_server(close)
        full = self.detail == "full"
        draft = Draft(
            summary=_summary(close, hypotheses[0]),
            observed_at=close.now,
            data=_card(close),
            actions=_actions(close, hypotheses),
            incomplete=close.gaps,
        )
        told = [each.as_data() for each in hypotheses]
        draft.data["hypotheses"] = draft.page("hypotheses", told, full=True)
        events = timeline(close)
        draft.data["timeline"] = draft.part(
            "earlier events", events, 1_000 if full else _EVENTS, "detail=full"
        )
        return draft.fit(full=full)


def _card(close: CloseUp) -> dict[str, Any]:
    """What is known of the server at a glance; unknown values are left out."""
    server, step = close.server, close.server.step
    card = {
        "server": {**server.as_data(), "ip": server.ip, "os_type": server.os_type or None},
        "task": {"id": server.task_id, "state": server.task_state} if server.task_id else None,
        "phase": server.phase,
        "offline": server.offline,
        "state": server.state,
        "stage": server.stage,
        "since": iso(server.state_since) if server.state_since else None,
        "sub_task": server.step_name if step else None,
        "sub_task_percent": _share(step.progress) if step else None,
        "done_bytes": server.reported_bytes,
        "total_bytes": server.total_bytes,
        "rate_mbit_s": rate_mbit_s(close),
        "samples": len(close.samples),
    }
    return {key: value for key, value in card.items() if value is not None}


_IS: Final = {
    "unavailable": "is not fit to migrate",
    "waiting": "waits to be migrated",
    "initializing": "is being prepared for the full copy",
    "replicating": "is in its full copy",
    "syncing": "is in continuous sync",
    "paused": "is paused",
    "cutting_over": "is being launched",
    "cloning": "is being cloned for a rehearsal",
    "finished": "has been launched",
    "failed": "has failed",
    "deleting": "is being deleted",
    "unknown": "is in an unknown phase",
}


def _summary(close: CloseUp, first: Hypothesis) -> str:
    server = close.server
    offline = ", Agent offline" if server.offline else ""
    says = f"{server.name} {_IS[server.phase]}{offline}"
    if server.done_bytes is not None and server.total_bytes:
        says += (
            f", {size(server.done_bytes)} of {size(server.total_bytes)} copied "
            f"({percent(server.done_bytes, server.total_bytes)} %)"
        )
    how = "" if first.likelihood == "certain" else f"{first.likelihood.capitalize()}: "
    return f"{says}. {how}{first.says}"


def _actions(close: CloseUp, hypotheses: Sequence[Hypothesis]) -> Sequence[Action]:
    server, names = close.server, {each.name for each in hypotheses}
    this: dict[str, Any] = {"servers": [server.id]}
    actions = []
    why = "the steps that are legal in this state, with what each of them costs"
    error = server.error
    known = explain(error.code, error.params) if error and error.code else None
    stopped = known if server.phase not in RUNS_AGAIN else None
    if plan := plan_action([server], stopped, why):
        actions.append(plan)
    if "waiting_for_launch" in names:
        actions.append(Action("check_cutover_readiness", this, "whether it can be launched"))
    if names & {"throttled", "limited"} and server.task_id:
        limits = GetMigrationRateLimits(task_id=server.task_id)
        actions.append(Action.of(limits, "its rate limits by the hour"))
    if server.phase in RUNNING:
        actions.append(Action("summarize_progress", this, "how far it is, and until when"))
        if names & {"suspect", "comparing"}:
            why = "a second look shows whether it moves"
            actions.append(Action("wait_for_progress", this, why))
    if server.task_id and not close.task_is_gone:
        whole = GetMigrationTask(task_id=server.task_id)
        actions.append(Action.of(whole, "the task as the service has it"))
    return actions


def _share(progress: int | None) -> int | None:
    """*progress* where it can be a percentage; the service also sends -1 and more than 100."""
    return progress if progress is not None and 0 <= progress <= 100 else None
