"""Logs as lines of JSON on standard error, for whoever collects them.

One line an event. A line about an HTTP request carries its id (`request_id`), which the answer
carries too; a line about a request to the service also the service's own
(`service_request_id`). The audit's lines are among them, whole, under `audit`: a stream for a SIEM.
"""

import json
import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from sms_tools.operation import JSON
from sms_tools.redaction import redact
from sms_tools.server.observing import Called, Watcher, current_request

if TYPE_CHECKING:
    from sms_tools.api import Exchange

_FACTS: Final = "facts"
"""The attribute of a log record under which an event's facts stand."""

log = logging.getLogger("sms_tools.events")


class JsonLines(logging.Formatter):
    """Writes a record as a line of JSON, without secrets."""

    def __init__(self) -> None:
        super().__init__()
        self.secrets: Callable[[], Sequence[str]] = tuple
        """The secrets of this server, once they are known."""

    def format(self, record: logging.LogRecord) -> str:
        """*record* as one line."""
        line: dict[str, JSON] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": "message",
            "request_id": current_request.get(),
        }
        facts = getattr(record, _FACTS, None)
        if facts is None:
            facts = {"logger": record.name, "message": record.getMessage()}
            if record.exc_info and record.exc_info[0]:
                facts["exception"] = self.formatException(record.exc_info)
        shown = redact({**line, **facts}, self.secrets())
        return json.dumps(shown, ensure_ascii=False, default=str)


def log_as_json() -> JsonLines:
    """From now on every log of this process is a line of JSON on standard error."""
    lines = JsonLines()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(lines)
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("sms_tools").setLevel(logging.INFO)
    logging.captureWarnings(capture=True)
    return lines


def event(name: str, **facts: Any) -> None:
    """Log that *name* happened."""
    log.info("%s", name, extra={_FACTS: {"event": name, **facts}})


class Lines(Watcher):
    """Logs every call, every request to the service and every line of the audit."""

    def called(self, call: Called) -> None:
        """A tool call has ended."""
        event(
            "call",
            tool=call.tool,
            outcome=call.outcome,
            seconds=round(call.seconds, 4),
            subject=call.subject,
        )

    def exchanged(self, account: str, exchange: "Exchange") -> None:
        """A request to the service has ended."""
        event(
            "service_request",
            **({"account": account} if account else {}),
            operation=exchange.operation,
            method=exchange.method,
            path=exchange.path,
            attempt=exchange.attempt,
            status=exchange.status,
            service_request_id=exchange.request_id,
            seconds=round(exchange.seconds, 4),
        )

    def audited(self, entry: Mapping[str, JSON]) -> None:
        """A line of the audit is written."""
        event("audit", audit=dict(entry))

    def answered(self, facts: Mapping[str, JSON]) -> None:
        """An HTTP request is answered."""
        event("http", **facts)
