"""The one exit: everything that leaves for a client passes here.

Secrets and hidden characters are taken out, text is compact JSON, structured content is the same
data. Errors are written for whoever must act on them.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from mcp_types import CallToolResult, TextContent

from sms_tools.errors import ServiceError, SmsToolsError
from sms_tools.operation import JSON
from sms_tools.redaction import redact

Document = dict[str, JSON]

_COMPACT: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


class Plain(dict[str, JSON]):
    """A reply that leaves as it is: a secret that the policy, set at start, allows in results."""


class Exit:
    """Turns data and errors into results, with secret fields and the values of *secrets* out."""

    def __init__(self, secrets: Callable[[], Sequence[str]]) -> None:
        self._secrets = secrets

    def result(self, payload: Mapping[str, JSON], *, is_error: bool = False) -> CallToolResult:
        """*payload* as a tool's result."""
        shown = payload if isinstance(payload, Plain) else self.cleaned(payload)
        document, text = written(shown)
        return CallToolResult(
            content=[TextContent(type="text", text=text)],
            structured_content=dict(document),
            is_error=is_error,
        )

    def noted(self, result: CallToolResult, notes: Sequence[str]) -> CallToolResult:
        """*result* with *notes* on how its arguments were taken."""
        if not notes:
            return result
        document = {**(result.structured_content or {}), **self.cleaned({"notes": list(notes)})}
        return self.instead(result, document)

    def instead(self, result: CallToolResult, document: Mapping[str, JSON]) -> CallToolResult:
        """*result* with *document* in place of its own; what stands beside it stays."""
        shown = self.result(Plain(document), is_error=bool(result.is_error))
        return shown.model_copy(update={"meta": result.meta})

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
    return written(document)[1]


def written(document: Mapping[str, JSON]) -> tuple[Mapping[str, JSON], str]:
    """*document* and the same as compact JSON; null stands for what JSON has no number for."""
    try:
        return document, _COMPACT.encode(document)
    except ValueError:  # NaN or an infinity is in it: rare, so not looked for before
        known: Document = finite(document)
        return known, _COMPACT.encode(known)


def finite(value: JSON) -> JSON:
    """*value* with null for what JSON has no number for: NaN and infinities."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(each) for key, each in value.items()}
    return [finite(each) for each in value] if isinstance(value, list | tuple) else value


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
