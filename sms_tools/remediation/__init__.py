"""Plans: built from what is there, shown, approved once, applied step by step.

- `plan_tools`: the two tools, :class:`~sms_tools.remediation.plan_tools.PlanRemediation` and
  :class:`~sms_tools.remediation.plan_tools.ApplyPlan`; `request`: what a goal works with.
- `planning`: from the question to a plan; `goals`, `rates`, `rebuilding`, `cutover`,
  `going_back`: what becomes a plan for which goal; `writing`: its steps.
- `recreating`: the task of a rebuild; `sheet`, `rows`, `placed`, `row_task`: from a sheet to tasks.
- `plan`: a plan as data, with its digest; `store`: plans, the journal of their steps, the consent.
- `showing`: a step as the single call's preview shows it; `consent`: what a person sees of a plan.
- `looking`: what is there now, and whether that is what a step was to bring about.
- `applying`: doing the steps, each once; `patience`: how long it looks for what comes of one;
  `witness`: what is written down of it; `remaining`: what is left; `outcome`: what became of all.
"""
