"""The sandbox's service as one function: a raw request in, a raw reply out.

The way in is the real one: gateway, route, parameters, rules. The transport and the HTTP server
both call :meth:`Service.handle`; so what is true in memory is true over HTTP.
"""

import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from http import HTTPStatus
from itertools import count
from urllib.parse import unquote

from pydantic import ValidationError

from sms_tools.operation import JSON
from sms_tools.operations import AnyOperation, route
from sms_tools.sandbox.checks import INVALID, parameter_refusal
from sms_tools.sandbox.cloud import Cloud
from sms_tools.sandbox.faults import Effect, Fault, Faults
from sms_tools.sandbox.gateway import DeniedError, Gateway, overloaded, unknown_api
from sms_tools.sandbox.handlers import answer
from sms_tools.sandbox.iam import TOKEN_PATH, Iam
from sms_tools.sandbox.refusal import Refusal
from sms_tools.sandbox.wire import (
    ConnectionCutError,
    RawRequest,
    RawResponse,
    UnreachableError,
    json_response,
)

IAM_OPERATION = "iam_token"
"""The name of the token call where operations go by the names of their tools."""


@dataclass(slots=True)
class Service:
    """All that a request passes through. *now* gives epoch seconds of the caller's own clock."""

    cloud: Cloud
    iam: Iam
    gateway: Gateway
    faults: Faults
    now: Callable[[], float]
    sleep: Callable[[float], Awaitable[object]]
    """Waits so many seconds; used by latency faults alone."""
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    @property
    def identity(self) -> str:
        """Scenario, servers and seed: another process with the same has the same account."""
        return self.cloud.identity

    async def handle(self, request: RawRequest) -> RawResponse:
        """Answer *request*, unless a fault has it otherwise.

        Raises:
            UnreachableError, ConnectionCutError: a fault that was switched on.
        """
        call = _call_of(request)
        faults = self.faults.strike(call.name)
        for fault in faults:
            if fault.effect is Effect.LATENCY:
                await self.sleep(fault.seconds)
        effects = {fault.effect: fault for fault in faults}
        if Effect.UNREACHABLE in effects:
            raise UnreachableError
        if Effect.CUT_BEFORE in effects:
            raise ConnectionCutError
        if Effect.STATUS in effects:
            return self._failed(effects[Effect.STATUS])
        refused = effects.get(Effect.REFUSAL)
        response = self._answer(call, request, Refusal(refused.code) if refused else None)
        if Effect.CUT_AFTER in effects:
            raise ConnectionCutError
        if Effect.TRUNCATE in effects:
            return replace(response, truncated_at=len(response.body) // 2)
        return response

    def _answer(
        self, call: "_Call", request: RawRequest, refusal: Refusal | None = None
    ) -> RawResponse:
        request_id = self._request_id()
        try:
            status, payload, headers = self._outcome(call, request, refusal)
        except DeniedError as denied:
            status, payload, headers = denied.status, denied.body(request_id), {}
        except Refusal as refusal:
            status, payload, headers = refusal.status, error_body(refusal), {}
        return self._dressed(status, payload, headers, request_id)

    def _outcome(
        self, call: "_Call", request: RawRequest, refusal: Refusal | None
    ) -> tuple[HTTPStatus, JSON, dict[str, str]]:
        if call.name == IAM_OPERATION:
            return self.iam.issue(request.body)
        if call.operation is None:
            raise unknown_api()
        self.gateway.admit(request)
        if refusal is not None:
            raise refusal
        payload = answer(self.cloud, _parsed(call.operation, call.path_parts, request))
        return HTTPStatus.OK, payload, {}

    def _failed(self, fault: Fault) -> RawResponse:
        request_id = self._request_id()
        failure = overloaded(fault.status)
        headers = {} if fault.retry_after is None else {"retry-after": str(fault.retry_after)}
        return self._dressed(failure.status, failure.body(request_id), headers, request_id)

    def _dressed(
        self, status: HTTPStatus, payload: JSON, headers: dict[str, str], request_id: str
    ) -> RawResponse:
        date = format_datetime(datetime.fromtimestamp(self.now(), UTC), usegmt=True)
        return json_response(status, payload, {"x-request-id": request_id, "date": date, **headers})

    def _request_id(self) -> str:
        return f"{next(self._numbers):032x}"


def error_body(refusal: Refusal) -> JSON:
    """The service's shape of an error (reference 5.2.1, "Status code: 403")."""
    return {
        "error_code": refusal.code,
        "error_msg": refusal.message,
        "error_param": list(refusal.params),
        "details": [{"error_code": refusal.code, "error_msg": refusal.message}],
    }


@dataclass(frozen=True, slots=True)
class _Call:
    """What a request asks for, by its method and path alone; a name of "" is no known call."""

    name: str
    operation: type[AnyOperation] | None = None
    path_parts: Mapping[str, str] = field(default_factory=dict)
    """Still quoted."""


def _call_of(request: RawRequest) -> _Call:
    if request.method == "POST" and request.path == TOKEN_PATH:
        return _Call(IAM_OPERATION)
    found = route(request.method, request.path)
    return _Call(found[0].__spec__.name, *found) if found else _Call("")


def _parsed(
    operation: type[AnyOperation], parts: Mapping[str, str], request: RawRequest
) -> AnyOperation:
    """The operation that *request* carries.

    Raises:
        Refusal: the body is no JSON, or the parameters do not fit.
    """
    body: JSON = None
    if request.body and request.method in ("POST", "PUT"):
        try:
            body = json.loads(request.body)
        except ValueError as error:
            raise Refusal(INVALID, "body") from error
    path = {name: unquote(value) for name, value in parts.items()}
    try:
        return operation.from_wire(path, dict(request.query_fields), body)
    except ValidationError as error:
        raise parameter_refusal(operation, error) from error
