"""Numbers for Prometheus. Every label has few values: tools, operations, outcomes, status codes.

`prometheus-client` comes with the extra `team` and is imported here alone.
"""

from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import anyio
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from sms_tools.operation import JSON
from sms_tools.server.observing import Called, Watcher
from sms_tools.server.runtime import Runtime
from sms_tools.server.traffic import Traffic
from sms_tools.state import StateError

if TYPE_CHECKING:
    from sms_tools.api import Exchange

__all__ = ["CONTENT_TYPE_LATEST", "Metrics"]

_PATIENCE_SECONDS: Final = 5.0
_SECONDS: Final = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 45.0)
_STATUSES: Final = frozenset(map(int, HTTPStatus))
_ANSWERS: Final = frozenset({"approved", "denied"})
_WAITING: Final = "pending"
_OUTCOMES: Final = ("pending", "approved", "denied", "used", "closed", "expired")


class Metrics(Watcher):
    """Counts what happens, and reads what is at the moment when it is asked."""

    def __init__(self, runtimes: Mapping[str | None, Runtime], traffic: Traffic) -> None:
        """Count what *runtimes* do, and what *traffic* has under way."""
        # Nobody asks when a counter was made, and each would cost a line.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._runtimes = runtimes
        self._registry = registry = CollectorRegistry()
        self._calls = Counter(
            "sms_tools_calls", "Tool calls that have ended.", ["tool", "outcome"], registry=registry
        )
        self._call_seconds = Histogram(
            "sms_tools_call_seconds",
            "How long tool calls took.",
            ["tool"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._requests = Counter(
            "sms_tools_service_requests",
            "Requests to the service, repetitions included; status `none` where no answer came.",
            ["account", "operation", "status"],
            registry=registry,
        )
        self._request_seconds = Histogram(
            "sms_tools_service_request_seconds",
            "How long the service took to answer.",
            ["operation"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._answers = Counter(
            "sms_tools_answers",
            "Answers of persons to requests for approval that reached this process.",
            ["answer", "how"],
            registry=registry,
        )
        self._refused = Counter(
            "sms_tools_refused", "HTTP requests that met a bound.", ["bound"], registry=registry
        )
        running = Gauge("sms_tools_calls_running", "HTTP requests under way.", registry=registry)
        running.set_function(lambda: traffic.calls.total)
        streams = Gauge("sms_tools_streams_open", "Streams that only listen.", registry=registry)
        streams.set_function(lambda: traffic.streams.total)
        sessions = Gauge("sms_tools_sessions", "Sessions of the older era.", registry=registry)
        sessions.set_function(lambda: len(traffic.sessions))
        registry.register(_Service(runtimes))

    def called(self, call: Called) -> None:
        """Count a tool call."""
        self._calls.labels(call.tool, call.outcome).inc()
        self._call_seconds.labels(call.tool).observe(call.seconds)

    def exchanged(self, account: str, exchange: "Exchange") -> None:
        """Count a request to the service."""
        status = _status(exchange.status)
        self._requests.labels(account, exchange.operation, status).inc()
        if exchange.status is not None:
            self._request_seconds.labels(exchange.operation).observe(exchange.seconds)

    def audited(self, entry: Mapping[str, JSON]) -> None:
        """Count what a person answered."""
        if entry.get("event") == "answer" and entry.get("answer") in _ANSWERS:
            self._answers.labels(str(entry["answer"]), _how(entry.get("how"))).inc()

    def refused(self, bound: str) -> None:
        """Count a request that met *bound*."""
        self._refused.labels(bound).inc()

    async def text(self) -> bytes:
        """All of it, as Prometheus reads it."""
        of_the_moment = CollectorRegistry()
        of_the_moment.register(_Given(await self._approvals()))
        return generate_latest(self._registry) + generate_latest(of_the_moment)

    async def _approvals(self) -> list[Metric]:
        """What became of requests for approval, through whichever server or command."""
        reachable = GaugeMetricFamily("sms_tools_state_reachable", "1 where the state can be read.")
        approvals = GaugeMetricFamily(
            "sms_tools_approvals",
            "Requests for approval of the last day by what became of them.",
            labels=["outcome"],
        )
        waiting = GaugeMetricFamily(
            "sms_tools_approvals_waiting", "Requests that wait for a person now."
        )
        guard = next(iter(self._runtimes.values())).guard
        try:
            with anyio.fail_after(_PATIENCE_SECONDS):
                tally = await guard.approvals.tally()
        except (StateError, TimeoutError):
            reachable.add_metric([], 0)
            return [reachable]
        reachable.add_metric([], 1)
        waiting.add_metric([], tally.get(_WAITING, 0))
        for outcome in _OUTCOMES:
            approvals.add_metric([outcome], tally.get(outcome, 0))
        return [reachable, waiting, approvals]


class _Service(Collector):
    """How hard the service is asked, and what of it is left alone, by account."""

    def __init__(self, runtimes: Mapping[str | None, Runtime]) -> None:
        self._runtimes = runtimes

    def collect(self) -> Iterator[Metric]:
        breaker = GaugeMetricFamily(
            "sms_tools_breaker_open",
            "How many circuits are open: parts of the service not asked for now, after failures.",
            labels=["account"],
        )
        allowed = GaugeMetricFamily(
            "sms_tools_service_requests_allowed",
            "Requests that may be on their way at once; fewer after the service throttled.",
            labels=["account"],
        )
        for name, runtime in self._runtimes.items():
            breaker.add_metric([name or ""], len(runtime.api.open_circuits()))
            allowed.add_metric([name or ""], runtime.api.allowed)
        yield breaker
        yield allowed


class _Given(Collector):
    """Metrics that were read before."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = list(metrics)

    def collect(self) -> Iterator[Metric]:
        yield from self._metrics


def _status(status: int | None) -> str:
    if status is None:
        return "none"
    return str(status) if status in _STATUSES else f"{status // 100}xx"


def _how(how: JSON) -> str:
    return how if isinstance(how, str) and how in ("dialog", "page", "command") else "other"
