"""Making a plan: reading the fleet, choosing servers, writing the steps, keeping the plan."""

from typing import Any

from sms_tools.diagnosis.desk import Desk
from sms_tools.remediation.asking import PlanRemediation


async def plan(question: PlanRemediation, desk: Desk) -> dict[str, Any]:
    """The plan that *question* asks for."""
    raise NotImplementedError
