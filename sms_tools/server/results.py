"""What a client may rely on in the results of questions and plans: their output schemas.

Required is only what every result carries, errors and calls that are held back included; a key
that may be null is not named; more keys may come. Small, for it is paid for in every conversation.
"""

from typing import Any, Final

Schema = dict[str, Any]

_TEXT: Final[Schema] = {"type": "string"}
_TEXTS: Final[Schema] = {"type": "array", "items": _TEXT}


def _rows(**fields: Schema) -> Schema:
    return {"type": "array", "items": {"type": "object", "properties": fields}}


_SERVERS: Final = _rows(name=_TEXT, id=_TEXT)
_ANSWER: Final[Schema] = {
    "summary": {"type": "string", "description": "The answer in a sentence or two."},
    "status": {"type": "string", "description": "Only where there is no answer: error, blocked …"},
    "what_to_do": _TEXT,
    "observed_at": {"type": "string", "description": "When it was read, ISO 8601."},
    "suggested_actions": {
        **_rows(tool=_TEXT, why=_TEXT),
        "description": "Calls that help next, with complete arguments.",
    },
    "omitted": {
        **_rows(what=_TEXT, how=_TEXT),
        "description": "What was left out, and how to get it.",
    },
    "incomplete": {**_TEXTS, "description": "What could not be read."},
    "notes": {**_TEXTS, "description": "How arguments were taken."},
}
_MORE: Final[dict[str, Schema]] = {
    "summarize_failed_servers": {"groups": _rows(count={"type": "integer"})},
    "summarize_consistency_results": {"servers": _SERVERS},
    "summarize_progress": {"servers": _SERVERS},
    "check_cutover_readiness": {"servers": _SERVERS},
    "assess_sources": {"servers": _SERVERS},
    "export_report": {"uri": _TEXT, "file": _TEXT},
    "schedule_wave": {"servers": _SERVERS},
    "check_network_paths": {"paths": _rows(port={"type": "integer"}, verdict=_TEXT)},
    "wait_for_progress": {"returned_on": _TEXT},
    "plan_migration": {"rows": _rows(row={"type": "integer"}, verdict=_TEXT)},
    "plan_remediation": {"goal": _TEXT, "steps": _rows(tool=_TEXT)},
    "apply_plan": {"approval_id": _TEXT, "expires_at": _TEXT},
}


def output_schema(tool: str) -> Schema:
    """The schema of what *tool*, a question or a plan, returns."""
    return {
        "type": "object",
        "properties": {**_ANSWER, **_MORE.get(tool, {})},
        "required": ["summary"],
    }
