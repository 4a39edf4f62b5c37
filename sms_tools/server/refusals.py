"""What a caller reads who named something that is not there: a tool, an argument, a value.

Each says what there is instead, and where it can the whole call that was meant. Values are not
repeated: they may be long, or secret.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any, Final

from pydantic import ValidationError

from sms_tools.arguments import Schema, near, schema_at, schema_of
from sms_tools.operation import JSON, Fields
from sms_tools.server.offer import offered_tools
from sms_tools.text import HIDDEN, one_line

Document = dict[str, JSON]
Call = Mapping[str, JSON]

_SHOWN: Final = 20
_SURE: Final = 0.85

_TAIL: Final = re.compile(r"(?:_migration)?(?:_(?:tasks?|jobs?|servers?|copy))?$")
"""What is called "pause_task" is the action "pause"."""

GOALS: Final[Mapping[str, str]] = {
    "retry": "retry_failed",
    "retry_failed": "retry_failed",
    "resume": "resume_paused",
    "resume_paused": "resume_paused",
    "throttle": "fix_rate_window",
    "fix_rate_window": "fix_rate_window",
    "rebuild": "rebuild",
    "rehearse": "rehearse_cutover",
    "rehearse_cutover": "rehearse_cutover",
    "cutover": "cut_over",
    "cut_over": "cut_over",
    "launch": "cut_over",
    "cleanup": "clean_up",
    "clean_up": "clean_up",
    "back_out": "back_out",
    "roll_back": "back_out",
    "rollback": "back_out",
    "go_back": "back_out",
    "undo_cutover": "back_out",
}
"""Goals of plan_remediation, by what they are called as if they were tools."""
ACTIONS: Final[Mapping[str, str]] = {
    "start": "start",
    "stop": "stop",
    "pause": "stop",
    "restart": "restart",
    "test": "clone_test",
    "clone_test": "clone_test",
    "test_copy": "clone_test",
    "network_check": "network_check",
    "check_network": "network_check",
}
"""Actions of manage_migration_task, likewise; ``test`` alone would launch, and is not what people
call so."""
OTHERS: Final[Mapping[str, str]] = {
    "collect_logs": "upload_migration_task_logs",
    "collect_log": "upload_migration_task_logs",
    "upload_logs": "upload_migration_task_logs",
    "list_servers": "list_source_servers",
    "list_tasks": "list_migration_tasks",
    "list_projects": "list_migration_projects",
    "status": "migration_overview",
    "overview": "migration_overview",
    "progress": "summarize_progress",
    "failures": "summarize_failed_servers",
    "readiness": "check_cutover_readiness",
    "diagnose": "diagnose_server",
}


def refused_arguments(
    tool: str,
    model: type[Fields],
    error: ValidationError,
    arguments: Mapping[str, JSON],
    *,
    reads: bool,
) -> Document:
    """Which arguments do not fit, why, what is known at their place, and what may be meant."""
    schema = schema_of(model)
    known = list(schema.get("properties", {}))
    problems = [_problem(found, schema, arguments) for found in _unique(error)]
    first = problems[0]
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    said = f"{first['argument']}: {first['problem']}{more}"
    said = said if said.endswith("?") else f"{said}."
    nested = first.get("known")
    takes = nested if isinstance(nested, list) else known
    place = f"{str(first['argument']).rpartition('.')[0]} takes" if nested else "It takes"
    document: Document = {
        "status": "invalid_arguments",
        "summary": f"{tool} was not called: {said} {place}: {', '.join(takes) or 'no arguments'}.",
        "problems": problems[:_SHOWN],
        "known_arguments": known,
    }
    corrected = _corrected(error, schema, arguments) if reads else None
    widened = corrected is not None and len(corrected) < len(arguments)
    if corrected is not None and not (widened and tool.startswith("plan_")):
        document["corrected_call"] = {"tool": tool, "arguments": corrected}
    return document


def refused_placeholder(tool: str, name: str) -> Document:
    """That an argument was never filled in."""
    where = {
        "task_id": 'list_migration_tasks, or diagnose_server {"server": NAME}',
        "template_id": "list_templates",
        "project": "list_migration_projects",
    }.get(name, "list_migration_projects" if "proj" in name else "list_source_servers")
    message = f"the value is a placeholder, not a real one; {where} has the real ones"
    return {
        "status": "invalid_arguments",
        "summary": f"{tool} was not called: {name}: {message}.",
        "problems": [{"argument": name, "problem": message}],
    }


def refused_marker(tool: str, place: str) -> Document:
    """That an argument holds what stands in place of a secret in our own answers."""
    message = (
        f"it holds {HIDDEN}, which stands for a secret that was left out of what you read; leave "
        "the field out to keep what is there, or have a person who knows the secret give it"
    )
    return {
        "status": "invalid_arguments",
        "summary": f"{tool} was not called: {place}: {message}. Nothing was sent.",
        "problems": [{"argument": place, "problem": message}],
    }


def corrected_call(
    tool: str,
    error: Exception,
    arguments: Mapping[str, JSON],
    *,
    needs: Sequence[str],
    reads: bool,
) -> Document | None:
    """The whole call that was meant, after *error* said that a name is not there.

    For a filter of a read: the same with the one name that is like it, else the same without it.
    A plan is never widened to servers that nobody named. *needs* cannot be left out.
    """
    from sms_tools.fleet.selection import UnknownName  # loaded only where a name was wrong

    given = getattr(error, "arguments", None)
    if isinstance(given, dict):
        return {"tool": tool, "arguments": given}
    if not isinstance(error, UnknownName) or not reads:
        return None
    right = _renamed(arguments, error.wanted, _surely(error.wanted, error.candidates))
    left_out = arguments.keys() - right.keys()
    if left_out & {"mig_project_id", "migprojectid"} & set(needs):
        return {"tool": "list_migration_projects", "arguments": {}}
    if left_out and (tool.startswith("plan_") or left_out & set(needs)):
        return {"tool": "migration_overview", "arguments": {}}
    return {"tool": tool, "arguments": right}


def _surely(wanted: str, candidates: Sequence[Mapping[str, str]]) -> str | None:
    """The name that *wanted* was most likely meant to be; None where that is a guess."""
    names = [each["name"] for each in candidates]
    close = [
        name
        for name in names
        if SequenceMatcher(None, name.casefold(), wanted.casefold()).ratio() >= _SURE
    ]
    return close[0] if len(close) == 1 else None


def _renamed(arguments: Mapping[str, JSON], wanted: str, name: str | None) -> Document:
    """*arguments* with *name* for *wanted*, or without it."""
    right: Document = {}
    for key, value in arguments.items():
        if isinstance(value, list):
            kept = [name if each == wanted else each for each in value]
            kept = [each for each in kept if each is not None]
            if kept or not value:
                right[key] = kept
        elif value != wanted:
            right[key] = value
        elif name is not None:
            right[key] = name
    return right


def _unique(error: ValidationError) -> Sequence[Any]:
    found = error.errors(include_input=False, include_url=False, include_context=False)
    return sorted(found, key=lambda each: each["type"] != "extra_forbidden")


def _problem(found: Any, schema: Schema, arguments: Mapping[str, JSON]) -> Document:
    place = tuple(found["loc"])
    name = ".".join(str(part) for part in place) or "(all)"
    if found["type"] == "extra_forbidden":
        known = list(schema_at(schema, place[:-1]).get("properties", {}))
        meant = near(str(place[-1]), known)
        hint = f"; did you mean {' or '.join(meant)}?" if meant else ""
        if len(place) == 1 and (parts := _parts_with(str(place[0]), schema)):
            hint = f"; it belongs in {parts[0]}" if len(parts) == 1 else hint
        problem: Document = {"argument": name, "problem": f"unknown argument{hint}"}
        return {**problem, "known": known} if len(place) > 1 else problem
    wanted = schema_at(schema, place)
    if "enum" in wanted:
        words = [word for word in wanted["enum"] if word]
        value = _value_at(arguments, place)
        meant = near(value, words) if isinstance(value, str) else []
        hint = f"did you mean {' or '.join(meant)}? " if meant else ""
        return {"argument": name, "problem": f"{hint}it is one of {', '.join(words)}"}
    return {"argument": name, "problem": _words(found, wanted)}


def _parts_with(name: str, schema: Schema) -> list[str]:
    """The arguments of *schema* whose objects have a field called *name*."""
    return [
        each
        for each in schema.get("properties", {})
        if name in schema_at(schema, (each,)).get("properties", {})
        or name in schema_at(schema, (each, 0)).get("properties", {})
    ]


def _words(found: Any, wanted: Schema) -> str:
    if found["type"] == "list_type":
        return 'send a list, such as ["…"], not a single value'
    if found["type"] in ("model_type", "model_attributes_type", "dict_type"):
        return f"send an object with {', '.join(wanted.get('properties', {})) or 'fields'}"
    if found["type"] == "missing":
        return "it is required"
    if found["type"] == "string_pattern_mismatch" and "HH:MM" in str(wanted.get("description")):
        return "give a time of day as HH:MM, e.g. 08:00"
    said: str = found["msg"]
    return said.removeprefix("Value error, ")


def _value_at(arguments: JSON, place: Sequence[int | str]) -> JSON:
    for step in place:
        try:
            arguments = arguments[step]
        except (LookupError, TypeError):
            return None
    return arguments


def _corrected(
    error: ValidationError, schema: Schema, arguments: Mapping[str, JSON]
) -> Document | None:
    """The same read with the right names and words, where nothing else was wrong."""
    known = list(schema.get("properties", {}))
    right = dict(arguments)
    for found in _unique(error):
        if len(found["loc"]) != 1:  # a fault of the whole call has no place
            return None
        name, words = str(found["loc"][0]), schema_at(schema, found["loc"]).get("enum")
        value = right.pop(name, None)
        if found["type"] == "extra_forbidden":
            free = [each for each in near(name, known) if each not in right]
            right.update({free[0]: value} if free else {})
        elif words and isinstance(value, str):
            meant = near(value, [word for word in words if word])
            right.update({name: meant[0]} if len(meant) == 1 else {})
        else:
            return None
    complete = set(schema.get("required", ())) <= right.keys()
    return right if complete else None


def no_such(what: str, name: str, known: Iterable[str]) -> str:
    """That nothing is called *name*, and what is called something like it."""
    meant = near(name, list(known))
    hint = f" Close to it: {', '.join(meant)}." if meant else ""
    return f"There is no {what} {one_line(name, 80)!r}.{hint}"


def no_such_tool(name: str, arguments: Mapping[str, JSON], known: Iterable[str]) -> Document:
    """That no tool is called *name*, with the call that was meant."""
    offered = list(known)
    document: Document = {
        "status": "unknown_tool",
        "summary": no_such("tool", name, offered),
    }
    call = _meant_call(name, arguments, offered)
    if call is not None:
        said = ", ".join(f"{key}={value}" for key, value in call["arguments"].items())
        document["summary"] = (
            f"There is no tool {one_line(name, 80)!r}; call {call['tool']}"
            + (f" ({said})" if said else "")
            + "."
        )
        document["corrected_call"] = call
    return document


def _meant_call(
    name: str, arguments: Mapping[str, JSON], offered: Sequence[str]
) -> dict[str, Any] | None:
    said = name.strip().casefold().replace("-", "_").replace(" ", "_").removeprefix("plan_")
    for key in dict.fromkeys((said, _TAIL.sub("", said))):
        if key in ACTIONS and "manage_migration_task" in offered:
            given = _fitting("manage_migration_task", arguments)
            call = {**given, "operation": ACTIONS[key]}
            return {"tool": "manage_migration_task", "arguments": call}
        if key in GOALS and "plan_remediation" in offered:
            given = _fitting("plan_remediation", arguments)
            given.pop("goal", None)
            call = {"goal": GOALS[key], **given}
            return {"tool": "plan_remediation", "arguments": call}
        other = OTHERS.get(key)
        if other is not None and other in offered:
            return {"tool": other, "arguments": _fitting(other, arguments)}
    words = {*said.split("_")}
    longer = [each for each in offered if len(words) > 1 and len({*each.split("_")} - words) == 1]
    longer = [each for each in longer if words < {*each.split("_")}]
    if len(longer) != 1:
        return None
    return {"tool": longer[0], "arguments": _fitting(longer[0], arguments)}


def _fitting(tool: str, arguments: Mapping[str, JSON]) -> Document:
    """Those of *arguments* that *tool* takes; the one server of a call under the name it has there,
    since a server's name leads to its task.
    """
    known = next(each for each in offered_tools() if each.name == tool).parameters["properties"]
    fitting: Document = {
        name: value for name, value in arguments.items() if name in known and value
    }
    servers = arguments.get("servers", arguments.get("server"))
    if isinstance(servers, str) and servers:
        servers = [servers]
    if not isinstance(servers, list) or not servers:
        return fitting
    if "servers" in known:
        return {**fitting, "servers": servers}
    one = next((each for each in ("server", "task_id", "source_id") if each in known), None)
    if one is not None and len(servers) == 1:
        fitting.setdefault(one, servers[0])
    return fitting
