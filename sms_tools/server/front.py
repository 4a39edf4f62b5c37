"""What stands around the tools of a server over HTTP: bounds, health, metrics, logs, its end.

None of it needs anything that is not installed with the server; metrics and spans are there where
the extra `team` is.
"""

import os
import secrets
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import anyio.to_thread
from starlette.datastructures import MutableHeaders, QueryParams
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sms_tools.server.build import ToolServer
from sms_tools.server.health import Health
from sms_tools.server.observing import REQUEST_ID, Observing, Watcher
from sms_tools.server.runtime import Runtime
from sms_tools.server.tracing import Spans, is_wanted, start_exporting
from sms_tools.server.traffic import Bounds, Traffic, caller_in

if TYPE_CHECKING:
    from sms_tools.server.logs import Lines
    from sms_tools.server.metrics import Metrics

_HEADER: Final = "X-Request-Id"
_NO_METRICS: Final = (
    "Metrics need prometheus-client, which comes with huaweicloud-sms-tools[team]. It is not "
    "installed here.\n"
)


class Front:
    """Everything that operators of a server over HTTP see of it."""

    def __init__(
        self,
        server: ToolServer,
        runtimes: Mapping[str | None, Runtime],
        *,
        log_json: bool = False,
        open_metrics: bool = True,
        bounds: Bounds | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        """Observe *server* over *runtimes*.

        *open_metrics* gives the metrics to everybody who reaches the port; without it they want
        the same token as a call.

        Raises:
            SettingsError: spans are to be exported, and the exporter is not installed.
        """
        self._runtimes = runtimes
        self._open_metrics = open_metrics
        self._bounds = bounds
        self._health = Health(runtimes)
        self._metrics: Metrics | None = None
        self._lines: Lines | None = None
        self._flush: Callable[[], object] | None = None
        self._traffic: Traffic | None = None
        self._watchers: list[Watcher] = [self._health]
        if log_json:
            self._lines = _lines()
            self._watchers.append(self._lines)
        if is_wanted(environ):
            self._flush = start_exporting()
            self._watchers.append(Spans())
        observing = Observing(server.tool_names, self._watchers)
        observing.attach(runtimes)
        server.middleware.append(observing)

    @property
    def logs_json(self) -> bool:
        """Whether logs are lines of JSON."""
        return self._lines is not None

    def inside(self, app: ASGIApp) -> ASGIApp:
        """*app* within the bounds; to be put behind what knows the callers."""
        traffic = Traffic(app, self._bounds, self._refused)
        self._traffic = traffic
        self._metrics = _metrics_of(self._runtimes, traffic)
        if self._metrics is not None:
            self._watchers.append(self._metrics)

        async def served(scope: Scope, receive: Receive, send: Send) -> None:
            if _asks_for(scope, "/metrics"):
                await (await self._metrics_now())(scope, receive, send)
            else:
                await traffic(scope, receive, send)

        return served

    def outside(self, app: ASGIApp) -> ASGIApp:
        """*app* with an id for every request, and with what is open to everybody."""

        async def served(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
            elif (answer := await self._open_answer(scope)) is not None:
                await answer(scope, receive, send)
            else:
                await self._identified(app, scope, receive, send)

        return served

    async def stop(self, hurry: Callable[[], bool]) -> None:
        """Finish what runs, tell whoever waits, send the last spans."""
        self._health.is_stopping = True
        for runtime in self._runtimes.values():
            runtime.dialogs.close()
        if self._traffic is not None:
            await self._traffic.finish(hurry)
        if self._flush is not None:
            await anyio.to_thread.run_sync(self._flush)

    async def _open_answer(self, scope: Scope) -> Response | None:
        if _asks_for(scope, "/healthz"):
            return JSONResponse({"status": "alive"}, headers=_FRESH)
        if _asks_for(scope, "/readyz"):
            asked = QueryParams(scope["query_string"]).getlist("exclude")
            well, told = await self._health.ready(asked)
            return JSONResponse(told, status_code=200 if well else 503, headers=_FRESH)
        if self._open_metrics and _asks_for(scope, "/metrics"):
            return await self._metrics_now()
        return None

    async def _metrics_now(self) -> Response:
        if self._metrics is None:
            return PlainTextResponse(_NO_METRICS, status_code=501)
        from sms_tools.server.metrics import CONTENT_TYPE_LATEST

        content = await self._metrics.text()
        return Response(content, headers={"Content-Type": CONTENT_TYPE_LATEST, **_FRESH})

    async def _identified(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request under an id of its own, and say in the log how it was answered."""
        request_id = secrets.token_hex(8)
        scope[REQUEST_ID] = request_id
        began, status = time.perf_counter(), None

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[_HEADER] = request_id
            await send(message)

        try:
            await app(scope, receive, sent)
        finally:
            if self._lines is not None:
                self._lines.answered(_facts(scope, request_id, status, began))

    def _refused(self, bound: str) -> None:
        if self._metrics is not None:
            self._metrics.refused(bound)


# A stranger's connection is not kept open.
_FRESH: Final[Mapping[str, str]] = {"Cache-Control": "no-store", "Connection": "close"}


def _asks_for(scope: Scope, path: str) -> bool:
    return scope["type"] == "http" and scope["method"] in ("GET", "HEAD") and scope["path"] == path


def _facts(scope: Scope, request_id: str, status: int | None, began: float) -> dict[str, Any]:
    path, caller = scope["path"], caller_in(scope)
    return {
        "request_id": request_id,
        "method": scope["method"],
        "path": path if path == "/mcp" else "elsewhere",  # a link may carry a secret
        "status": status,
        "seconds": round(time.perf_counter() - began, 4),
        "caller": f"{caller[0]} {caller[2] or ''}".strip() if caller else None,
    }


def _lines() -> "Lines":
    """What logs, loaded where logs are wanted."""
    from sms_tools.server.logs import Lines

    return Lines()


def _metrics_of(runtimes: Mapping[str | None, Runtime], traffic: Traffic) -> "Metrics | None":
    """What counts; None where the extra is not installed."""
    try:
        from sms_tools.server.metrics import Metrics
    except ModuleNotFoundError as error:
        if error.name and error.name.startswith("prometheus_client"):
            return None
        raise
    return Metrics(runtimes, traffic)
