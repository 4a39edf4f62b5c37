"""Plans: built from what is there, shown, approved once, applied step by step.

- `asking`: the two tools, :class:`PlanRemediation` and :class:`ApplyPlan`.
- `plan`: a plan as data, with its digest; `goals`: what becomes a plan for which goal.
- `store`: plans and the journal of their steps, in the state's database.
- `looking`: what is there now, and whether that is what a step was to bring about.
- `applying`: doing the steps, each once.

Importing the package is cheap; what builds and applies plans is loaded at the first use.
"""

from sms_tools.remediation.asking import ApplyPlan, PlanRemediation

__all__ = ["ApplyPlan", "PlanRemediation"]
