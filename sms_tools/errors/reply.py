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
_HALF_PAIR: Final = re.compile("[\ud800-\udfff]")
"""Half of a surrogate pair: no text that can be written anywhere."""
_LONGEST_WAIT: Final = 86_400.0
"""Seconds that a Retry-After may ask for; what asks for more is no time to wait."""


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
    server_time = http_date(given.get("date"))
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
        retry_after=_retry_after(given.get("retry-after"), server_time or now),
        server_time=server_time,
        structured=bool(data),
    )


def http_date(text: str | None) -> datetime | None:
    """A Date header in UTC, or None where it is missing or unreadable."""
    try:
        parsed = parsedate_to_datetime(text or "")
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


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
            return _HALF_PAIR.sub("\ufffd", str(value).strip())
    return None


def _shortened(text: str) -> str:
    line = " ".join(_HALF_PAIR.sub("\ufffd", text).split())
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
    """Seconds, from either form of the header, at most a day; *now* by the sender's own clock."""
    if text is None:
        return None
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text.strip()):
        return min(float(text), _LONGEST_WAIT)
    when = http_date(text)
    return min(max((when - now).total_seconds(), 0.0), _LONGEST_WAIT) if when else None
