"""The one exit: everything that leaves for a client passes here.

Secrets and hidden characters are taken out, text is compact JSON, structured content is the same
data. Errors are written for whoever must act on them.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches

from mcp_types import CallToolResult, TextContent
from pydantic import ValidationError

from sms_tools.errors import ServiceError, SmsToolsError
from sms_tools.operation import JSON, Fields
from sms_tools.redaction import redact
from sms_tools.text import one_line

Document = dict[str, JSON]


class Plain(dict[str, JSON]):
    """A reply that leaves as it is: a secret that the policy, set at start, allows in results."""


class Exit:
    """Turns data and errors into results, with secret fields and the values of *secrets* out."""

    def __init__(self, secrets: Callable[[], Sequence[str]]) -> None:
        self._secrets = secrets

    def result(self, payload: Mapping[str, JSON], *, is_error: bool = False) -> CallToolResult:
        """*payload* as a tool's result."""
        document = payload if isinstance(payload, Plain) else self.cleaned(payload)
        return CallToolResult(
            content=[TextContent(type="text", text=compact(document))],
            structured_content=dict(document),
            is_error=is_error,
        )

    def cleaned(self, payload: Mapping[str, JSON]) -> Document:
        """*payload* without secrets and without hidden characters."""
        shown: Document = redact(payload, self._secrets())
        return shown

    def words(self, message: str) -> str:
        """A message of progress without secrets and without hidden characters."""
        shown: str = redact(message, self._secrets())
        return shown

    def error(self, error: SmsToolsError) -> CallToolResult:
        """What happened in the service's words, what it means, and what to do now."""
        return self.result(describe(error), is_error=True)


def compact(document: Mapping[str, JSON]) -> str:
    """*document* as JSON without spaces."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def describe(error: SmsToolsError) -> Document:
    """*error* as data for the reader who must act."""
    document: Document = {"status": "error", "summary": str(error)}
    if isinstance(error, ServiceError):
        document |= _service_words(error)
    if error.advice:
        document["what_to_do"] = error.advice
    return document


def _service_words(error: ServiceError) -> Document:
    words: Document = {
        "http_status": error.status,
        "error_code": error.code,
        "error_msg": error.message,
        "error_param": list(error.params),
        "details": list(error.details),
        "request_id": error.request_id,
    }
    said = {key: value for key, value in words.items() if value not in (None, "", [])}
    if error.code:
        from sms_tools.knowledge import explain  # the tables of codes are needed only here

        known = explain(error.code, error.params)
        if known.known:
            said |= {"means": known.cause, "first_step": known.first_step, "who_acts": known.actor}
    return said


def refused_arguments(tool: str, model: type[Fields], error: ValidationError) -> Document:
    """Which arguments do not fit, why, and which ones the tool knows.

    The values themselves are not repeated: they may be long, or secret.
    """
    known = [field.alias or name for name, field in model.model_fields.items()]
    problems: list[Mapping[str, JSON]] = []
    for found in error.errors(include_input=False, include_url=False, include_context=False):
        place = ".".join(str(part) for part in found["loc"])
        unknown = found["type"] == "extra_forbidden"
        message = "unknown argument" if unknown else found["msg"].removeprefix("Value error, ")
        problems.append({"argument": place or "(all)", "problem": message})
    first = problems[0]
    return {
        "status": "invalid_arguments",
        "summary": f"{tool} was not called: {first['argument']}: {first['problem']}"
        + (f" (and {len(problems) - 1} more)" if len(problems) > 1 else "")
        + f". It takes: {', '.join(known) or 'no arguments'}.",
        "problems": problems[:20],
        "known_arguments": known,
    }


def no_such(what: str, name: str, known: Iterable[str]) -> str:
    """That nothing is called *name*, and what is called something like it."""
    near = get_close_matches(name, list(known), n=3)
    hint = f" Close to it: {', '.join(near)}." if near else ""
    return f"There is no {what} {one_line(name, 80)!r}.{hint}"
