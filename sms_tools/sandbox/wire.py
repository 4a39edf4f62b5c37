"""What travels between a client and the sandbox, whatever carries it.

The in-memory transport and the HTTP server both turn their own requests into a
:class:`RawRequest` and the :class:`RawResponse` back, so the service behind them is one.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from sms_tools.operation import JSON

JSON_TYPE = "application/json"


@dataclass(frozen=True, slots=True)
class RawRequest:
    """A request as it came off the wire."""

    method: str
    path: str
    """Still quoted, so that ``%2F`` in an id does not split it."""
    query: str = ""
    """Still quoted, without the question mark."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case."""
    body: bytes = b""

    @property
    def query_fields(self) -> list[tuple[str, str]]:
        """The query's names and values in the order sent, blank values kept."""
        return parse_qsl(self.query, keep_blank_values=True)


@dataclass(frozen=True, slots=True)
class RawResponse:
    """A reply as it goes onto the wire."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes = b""
    truncated_at: int | None = None
    """How many bytes of the body go out before the connection breaks; None: all of it."""


class ConnectionCutError(Exception):
    """The connection breaks before a byte of the reply is sent."""


class UnreachableError(Exception):
    """No connection comes about: the request never arrives."""


def json_response(status: int, payload: JSON, headers: Mapping[str, str]) -> RawResponse:
    """A JSON reply; ``None`` is an empty body."""
    body = b"" if payload is None else json.dumps(payload, ensure_ascii=False).encode()
    common = {
        "content-type": JSON_TYPE,
        "content-length": str(len(body)),
        "server": "api-gateway",
    }
    return RawResponse(status, {**common, **headers}, body)
