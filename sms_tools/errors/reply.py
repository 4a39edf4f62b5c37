"""A refusal as it came over the wire, in one form whatever dialect its sender speaks."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

_LONGEST_MESSAGE: Final = 1000
_MOST_DETAILS: Final = 20


@dataclass(frozen=True, slots=True)
class ErrorReply:
    """A refusal as it came, in one form whatever the sender's dialect."""

    status: int
    code: str | None = None
    message: str = ""
    params: Sequence[str] = ()
    details: Sequence[tuple[str, str]] = ()
    """Code and message of each nested error."""
    request_id: str | None = None
    retry_after: float | None = None
    """Seconds."""
    server_time: datetime | None = None
    """The service's clock, from the reply's Date header."""
    structured: bool = field(default=False, compare=False)
    """Whether the body was a JSON object: a proxy's error page is not."""


def read_error_reply(
    status: int, headers: Mapping[str, str], body: bytes, now: datetime
) -> ErrorReply:
    """Read a refusal in the dialects of the service, the API gateway and IAM.

    The encoded authorization message, which is a secret, is left behind.
    """
    given = {name.lower(): value for name, value in headers.items()}
    data = _object(body)
    nested = data.get("error")
    inner = nested if isinstance(nested, dict) else data
    details = _details(inner.get("details"))
    code = _first_text(inner, "error_code", "code") or (details[0][0] if details else None)
    message = _first_text(inner, "error_msg", "message", "error_message", "title")
    return ErrorReply(
        status=status,
        code=code[:64] if code else None,
        message=_shortened(message or (details[0][1] if details else "")),
        params=_params(inner.get("error_param")),
        details=details,
        request_id=given.get("x-request-id") or _first_text(data, "request_id"),
        retry_after=_retry_after(given.get("retry-after"), now),
        server_time=http_date(given.get("date")),
        structured=bool(data),
    )


def http_date(text: str | None) -> datetime | None:
    """A Date header in UTC, or None where it is missing or unreadable."""
    try:
        parsed = parsedate_to_datetime(text or "")
    except ValueError:
        return None
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).astimezone(UTC)


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _first_text(data: Mapping[str, Any], *names: str) -> str | None:
    for name in names:
        value = data.get(name)
        if isinstance(value, str | int) and not isinstance(value, bool) and str(value).strip():
            return str(value).strip()
    return None


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_MESSAGE else line[: _LONGEST_MESSAGE - 1] + "…"


def _details(value: Any) -> tuple[tuple[str, str], ...]:
    return tuple(
        (_first_text(item, "error_code") or "", _shortened(_first_text(item, "error_msg") or ""))
        for item in (value if isinstance(value, list) else [])[:_MOST_DETAILS]
        if isinstance(item, dict)
    )


def _params(value: Any) -> tuple[str, ...]:
    """A list of texts, which some replies write as JSON inside a text."""
    if isinstance(value, str) and re.match(r"\s*\[", value):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            value = [value]
    items = value if isinstance(value, list) else [value]
    return tuple(_shortened(str(item)) for item in items[:_MOST_DETAILS] if item not in (None, ""))


def _retry_after(text: str | None, now: datetime) -> float | None:
    """Seconds, from either form of the header: a number, or a date."""
    if text is None:
        return None
    if re.fullmatch(r"\d{1,6}", text.strip()):
        return float(text)
    when = http_date(text)
    return max((when - now).total_seconds(), 0.0) if when else None
