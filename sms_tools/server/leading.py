"""A refusal leads on: it names the next call with its arguments, whatever the reason was.

What a tool proposes itself stays. Where it proposes nothing, the call is told from the status and
from the id that the refused call had.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from sms_tools.errors import NotFound, kind_of_code
from sms_tools.operation import JSON, Kind
from sms_tools.server.offer import Offered

Document = dict[str, JSON]

_STOPPED: Final = ("error", "invalid_arguments", "blocked", "declined", "stale")
_PROPOSALS: Final = ("suggested_actions", "corrected_call")
_LISTED_BY: Final = {
    "source_id": "list_source_servers",
    "server": "list_source_servers",
    "servers": "list_source_servers",
    "task_id": "list_migration_tasks",
    "template_id": "list_templates",
    "mig_project_id": "list_migration_projects",
    "migprojectid": "list_migration_projects",
    "project": "list_migration_projects",
    "plan_id": "migration_overview",
}
"""Where the values of an argument are found."""
_READ_BY: Final = {
    "source_id": "get_source_server",
    "task_id": "get_migration_task",
    "template_id": "get_template",
    "mig_project_id": "get_migration_project",
}
_BEFORE: Final = {
    "cut_over": "check_cutover_readiness",
    "rehearse_cutover": "check_cutover_readiness",
    "back_out": "what_changed",
    "clean_up": "find_cleanup_candidates",
    "fix_rate_window": "summarize_progress",
    "rebuild": "summarize_failed_servers",
    "retry_failed": "summarize_failed_servers",
}
"""The question that shows which servers a goal fits."""


def led_on(tool: Offered, arguments: Mapping[str, JSON], document: Document) -> Document:
    """*document*, the result of a call of *tool*, with the next call where it has none."""
    status = document.get("status")
    if status not in _STOPPED or any(document.get(key) for key in _PROPOSALS):
        return document
    if status == "invalid_arguments" and (call := _without_the_faulty(tool, arguments, document)):
        return {**document, "corrected_call": call}
    actions: list[JSON] = list(_proposed(tool, arguments, document))
    return {**document, "suggested_actions": actions[:2]} if actions else document


def _without_the_faulty(
    tool: Offered, arguments: Mapping[str, JSON], document: Document
) -> Document | None:
    """The same read without a filter that could not be taken; a plan is never widened."""
    faulty = set(_faulty(document))
    needed = set(tool.parameters.get("required", ()))
    right = {key: value for key, value in arguments.items() if key not in faulty}
    widens = tool.name.startswith("plan_") or tool.kind is not Kind.READ
    if widens or not faulty or not faulty <= arguments.keys() or not needed <= right.keys():
        return None
    return {"tool": tool.name, "arguments": right}


def _faulty(document: Document) -> Iterator[str]:
    problems = document.get("problems")
    for problem in problems if isinstance(problems, list) else ():
        if isinstance(problem, dict):
            yield str(problem.get("argument")).partition(".")[0]


def _proposed(
    tool: Offered, arguments: Mapping[str, JSON], document: Document
) -> Iterator[Document]:
    status = document["status"]
    if status == "stale":
        yield _action(tool.name, arguments, "shows what is there now, and asks a person again")
    for name in _faulty(document):
        if name in _LISTED_BY:
            yield _action(_LISTED_BY[name], {}, f"has the values that {name} takes")
    named = next((key for key in _READ_BY if isinstance(arguments.get(key), str)), None)
    if named is not None:
        yield from _about(tool, named, arguments[named], document)
    elif status == "error" or tool.name == "plan_remediation":
        yield from _elsewhere(tool, arguments, document)


def _about(tool: Offered, named: str, value: JSON, document: Document) -> Iterator[Document]:
    """What to read about the thing that the refused call was about."""
    code = document.get("error_code")
    if document["status"] == "error" and kind_of_code(str(code)) is NotFound:
        yield _action(_LISTED_BY[named], {}, "shows what there is, with ids")
        return
    if "from a template, and none is given" in str(document.get("reason")):
        yield _action("list_templates", {}, "has the values that template_id takes")
    if named == "task_id" and "Pause it first" in str(document.get("reason")):
        pause: Document = {"task_id": value, "operation": "stop"}
        yield _action("manage_migration_task", pause, "pauses it; then the same call again")
    if tool.name != _READ_BY[named]:
        yield _action(_READ_BY[named], {named: value}, "shows how it is now")
    elif named in ("source_id", "task_id"):
        yield _action(_LISTED_BY[named], {}, "shows what there is, with ids")


def _elsewhere(
    tool: Offered, arguments: Mapping[str, JSON], document: Document
) -> Iterator[Document]:
    """The next call after an error that is about no single thing of the service."""
    if "http_status" in document:
        return
    if tool.name == "apply_plan":
        yield _action("migration_overview", {}, "shows how things are before a new plan is made")
    elif tool.name == "plan_remediation":
        looked = _BEFORE.get(str(arguments.get("goal", "retry_failed")), "migration_overview")
        yield _action(looked, {}, "shows which servers could be meant")
    elif tool.name in ("what_changed", "explain_error_code"):
        other = "what_changed" if tool.name == "what_changed" else "summarize_failed_servers"
        yield _action(other, {}, "answers without that argument")


def _action(tool: str, arguments: Mapping[str, JSON], why: str) -> Document:
    return {"tool": tool, "arguments": dict(arguments), "why": why}
