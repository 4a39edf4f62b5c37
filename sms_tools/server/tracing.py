"""OpenTelemetry: a span for every request to the service, inside the span of its tool call.

The SDK makes the tool call's span and takes the caller's trace context. Where spans go is said with
OpenTelemetry's own variables (``OTEL_EXPORTER_OTLP_ENDPOINT`` and others); without one of these
nothing is made. The exporter comes with the extra `team`.
"""

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode

from sms_tools import __version__
from sms_tools.errors import SettingsError
from sms_tools.server.observing import Watcher, current_request

if TYPE_CHECKING:
    from sms_tools.api import Exchange

_WHERE_TO: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_A_SECOND: Final = 1_000_000_000
_FLUSH_MS: Final = 5_000


def is_wanted(environ: Mapping[str, str]) -> bool:
    """Whether the environment says where spans go."""
    return any(environ.get(name) for name in _WHERE_TO)


def start_exporting() -> Callable[[], object]:
    """Export spans as the environment says; gives what sends the last of them.

    A provider that is there already, such as that of ``opentelemetry-instrument``, stays.

    Raises:
        SettingsError: the exporter is not installed.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise SettingsError(
            f"{_WHERE_TO[0]} is set, and the exporter is not installed.",
            advice="Install `huaweicloud-sms-tools[team]`, or leave the variable out.",
        ) from error
    present = trace.get_tracer_provider()
    if isinstance(present, TracerProvider):
        return lambda: present.force_flush(_FLUSH_MS)
    named = Resource.create({"service.name": "sms-tools", "service.version": __version__})
    provider = TracerProvider(resource=named, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    return lambda: provider.force_flush(_FLUSH_MS)


class Spans(Watcher):
    """Makes a span of every request to the service, once it has ended."""

    def __init__(self) -> None:
        self._tracer = trace.get_tracer("sms-tools", __version__)

    def exchanged(self, account: str, exchange: "Exchange") -> None:
        """A request to the service has ended: its span lies in that of the tool call."""
        ended = time.time_ns()
        span = self._tracer.start_span(
            exchange.operation,
            kind=SpanKind.CLIENT,
            start_time=ended - round(exchange.seconds * _A_SECOND),
            attributes={
                "http.request.method": exchange.method,
                "url.path": exchange.path,
                "http.request.resend_count": exchange.attempt - 1,
                "sms_tools.account": account,
                "sms_tools.request_id": current_request.get() or "",
                "sms_tools.service_request_id": exchange.request_id or "",
            },
        )
        if exchange.status is not None:
            span.set_attribute("http.response.status_code", exchange.status)
        if exchange.status is None or exchange.status >= 400:
            span.set_attribute("error.type", str(exchange.status or "no_answer"))
            span.set_status(StatusCode.ERROR)
        span.end(end_time=ended)
