"""The client: ``await api(operation)`` is the operation's reply, typed.

One call goes through the limit of concurrent calls, authentication, the transport (network or
sandbox), the bound on the reply's size and the mapping of errors. It is repeated only where a
repeat cannot do harm: reads after anything that passes, writes only when they surely did not
arrive; what destroys, reveals secrets or speaks for the Agent is sent once.
"""

import json
import logging
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial
from types import TracebackType
from typing import Any, Final, Self, TypeVar, cast
from urllib.parse import quote

import anyio
import httpx

from sms_tools import __version__
from sms_tools.auth import IamTokens, authenticator
from sms_tools.errors import (
    ServerFault,
    ServiceError,
    ServiceUnreachable,
    SmsToolsError,
    Throttled,
    error_from_response,
)
from sms_tools.errors.reply import ErrorReply, http_date
from sms_tools.loopback import is_loopback
from sms_tools.moment import Clock, utc_now
from sms_tools.operation import JSON, Kind, Operation, Page, Reply
from sms_tools.paging import Listing, at_once, read_list
from sms_tools.settings import Settings

__all__ = ["MAX_REPLY", "Answer", "Api", "Exchange", "Listing"]

MAX_REPLY: Final = 64 * 1024 * 1024
"""Bytes, unpacked."""

_ATTEMPTS: Final = 4
_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 20.0
_CONNECT_SECONDS: Final = 10.0
_PASSING: Final = frozenset({500, 502, 503, 504, 408})
_NEVER_SENT: Final = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
)

# httpx logs each URL at INFO and httpcore reply headers at DEBUG: calculate_sha256 carries a key in
# its path, and IAM's token arrives in a header.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)

R = TypeVar("R", bound=Reply)
T = TypeVar("T", bound=Reply)


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply as it came, with when it was seen. ``payload`` is None for an empty body."""

    payload: JSON
    status: int
    request_id: str | None
    observed_at: datetime
    server_time: datetime | None = None
    """The service's clock, from the Date header."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request that was sent, for counting and audit. Holds no secret."""

    operation: str
    method: str
    path: str
    """The path as sent; its pattern where the path itself may be secret."""
    attempt: int
    status: int | None
    """None where no answer came."""
    request_id: str | None


class Api:
    """A client of the service under one set of settings.

    *transport* replaces the network (the sandbox is one); *timeout* is in seconds, for one attempt
    from its first byte to its last, and no attempt begins after twice that; at most *concurrency*
    requests are on their way at a time.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Clock = utc_now,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
        jitter: Callable[[], float] = random.random,
        concurrency: int = 8,
        timeout: float = 60.0,
        max_reply: int = MAX_REPLY,
        on_request: Callable[[Exchange], None] | None = None,
    ) -> None:
        self.settings = settings
        self.requests_made = 0
        self._transport = transport
        self._clock = clock
        self._sleep = sleep
        self._jitter = jitter
        self._limiter = anyio.CapacityLimiter(concurrency)
        self._timeout = timeout
        self._max_reply = max_reply
        self._on_request = on_request

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections, if any were opened."""
        if "_client" in vars(self):
            await self._client.aclose()

    async def __call__(self, operation: Operation[R]) -> R:
        """Carry out *operation* and read its reply.

        Raises:
            SmsToolsError: it was refused here, did not get through, or the service said no.
        """
        answer = await self.send(operation)
        return cast("R", operation.__spec__.result.read(answer.payload))

    async def send(self, operation: Operation[Any]) -> Answer:
        """Carry out *operation* and give its reply as it came.

        Raises:
            SmsToolsError: it was refused here, did not get through, or the service said no.
        """
        attempt = 1
        deadline = anyio.current_time() + 2 * self._timeout
        while True:
            try:
                async with self._limiter:
                    return await self._attempt(operation, attempt)
            except SmsToolsError as error:
                pause = self._pause(operation, attempt, error)
                if pause is None or anyio.current_time() + pause > deadline:
                    raise
            await self._sleep(pause)
            attempt += 1

    async def each(self, operations: Sequence[Operation[R]]) -> list[R | SmsToolsError]:
        """Carry out all of them, as many at a time as is allowed; an error stands in its place."""

        async def one(operation: Operation[R]) -> R | SmsToolsError:
            try:
                return await self(operation)
            except SmsToolsError as error:
                return error

        return await at_once([partial(one, operation) for operation in operations])

    async def listing(self, operation: Operation[Page[T]]) -> Listing[T]:
        """Read a whole list, from the operation's offset on, in as few requests as can be.

        Raises:
            SmsToolsError: a page could not be read.
        """
        return await read_list(operation, self, self._clock())

    def now(self) -> datetime:
        """The service's time, as this client was told to read it."""
        return self._clock()

    def secret_values(self) -> tuple[str, ...]:
        """The configured secrets and the token of the moment."""
        token = self._tokens.value if self._tokens else None
        return (*self.settings.secret_values(), *([token] if token else []))

    @property
    def _tokens(self) -> IamTokens | None:
        return self._authentication[1] if "_authentication" in vars(self) else None

    @cached_property
    def _authentication(self) -> tuple[httpx.Auth, IamTokens | None]:
        return authenticator(self.settings, self._client, self._clock)

    @cached_property
    def _client(self) -> httpx.AsyncClient:
        # Made at the first call: loading certificates is slow, and lists of tools need none.
        host = httpx.URL(self.settings.endpoint).host
        # One to spare: a refused token is replaced while its requests still hold theirs.
        slots = int(self._limiter.total_tokens) + 1
        return httpx.AsyncClient(
            transport=self._transport,
            timeout=httpx.Timeout(self._timeout, connect=_CONNECT_SECONDS),
            limits=httpx.Limits(max_connections=slots, max_keepalive_connections=slots),
            headers={"User-Agent": f"sms-tools/{__version__}", "Accept": "application/json"},
            follow_redirects=False,
            trust_env=not is_loopback(host),  # a proxy cannot reach this machine's loopback
        )

    def _request(self, operation: Operation[Any]) -> httpx.Request:
        asked = operation.request()
        # Encoded as the signature encodes it, so that what is signed is what is sent.
        query = "&".join(f"{_encoded(name)}={_encoded(value)}" for name, value in asked.query)
        target = f"{asked.path}?{query}" if query else asked.path
        body = None if asked.body is None else _json_bytes(asked.body)
        headers = {"Content-Type": "application/json"}
        if self.settings.project_id:
            headers["X-Project-Id"] = self.settings.project_id
        if self.settings.domain_id:
            headers["X-Domain-Id"] = self.settings.domain_id
        return self._client.build_request(
            asked.method, self.settings.endpoint + target, content=body, headers=headers
        )

    async def _attempt(self, operation: Operation[Any], attempt: int) -> Answer:
        request = self._request(operation)
        status: int | None = None
        request_id: str | None = None
        try:
            with anyio.fail_after(self._timeout):
                response = await self._client.send(
                    request, auth=self._authentication[0], stream=True
                )
                status, request_id = response.status_code, response.headers.get("X-Request-Id")
                try:
                    body = await self._read(response, operation)
                finally:
                    await response.aclose()
        except (httpx.HTTPError, TimeoutError) as error:
            raise _unreachable(operation, error, self._timeout) from None
        finally:
            if request.headers.keys() & {"authorization", "x-auth-token"}:  # else it never left
                self._note(operation, attempt, status, request_id)
        now = self._clock()
        if not 200 <= status < 300:
            name = operation.__spec__.name
            raise error_from_response(status, response.headers, body, name, now)
        return Answer(
            payload=_payload(operation, response.headers, body),
            status=status,
            request_id=request_id,
            observed_at=now,
            server_time=http_date(response.headers.get("Date")),
        )

    async def _read(self, response: httpx.Response, operation: Operation[Any]) -> bytes:
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > self._max_reply:
                fault = f"the reply is larger than {self._max_reply} bytes and was not read"
                name = operation.__spec__.name
                raise ServerFault(ErrorReply(response.status_code, message=fault), name)
        return bytes(body)

    def _pause(self, operation: Operation[Any], attempt: int, error: SmsToolsError) -> float | None:
        """Seconds to wait before the next attempt, or None where there must be none."""
        if attempt >= _ATTEMPTS or not _may_repeat(operation.danger, error):
            return None
        asked = error.retry_after if isinstance(error, ServiceError) else None
        if asked is None:
            return _FIRST_PAUSE * 2.0 ** (attempt - 1) * (1 + self._jitter())
        return asked + self._jitter() if asked <= _LONGEST_PAUSE else None

    def _note(
        self,
        operation: Operation[Any],
        attempt: int,
        status: int | None,
        request_id: str | None,
    ) -> None:
        self.requests_made += 1
        if self._on_request is None:
            return
        spec = operation.__spec__
        path = spec.path if spec.kind is Kind.SECRET else operation.request().path
        self._on_request(Exchange(spec.name, spec.method, path, attempt, status, request_id))


def _may_repeat(danger: Kind, error: SmsToolsError) -> bool:
    """Whether repeating the call cannot do harm, and may help.

    A destructive call waits for nothing: what a person agreed to may have changed meanwhile.
    """
    if danger is Kind.READ:
        return isinstance(error, Throttled | ServiceUnreachable) or (
            isinstance(error, ServerFault) and error.status in _PASSING
        )
    if danger is Kind.WRITE:
        never_arrived = isinstance(error, ServiceUnreachable) and not error.outcome_unknown
        return never_arrived or isinstance(error, Throttled)
    return False


def _unreachable(operation: Operation[Any], error: Exception, timeout: float) -> ServiceUnreachable:
    if isinstance(error, httpx.ConnectError):
        what = f"no connection to the service ({str(error)[:200] or type(error).__name__})"
    elif isinstance(error, TimeoutError | httpx.TimeoutException):
        what = f"no whole answer within {timeout:g} seconds"
    else:
        what = f"the connection broke before the reply was whole ({type(error).__name__})"
    unknown = operation.danger is not Kind.READ and not isinstance(error, _NEVER_SENT)
    return ServiceUnreachable(f"{operation.__spec__.name}: {what}.", outcome_unknown=unknown)


def _payload(operation: Operation[Any], headers: Mapping[str, str], body: bytes) -> JSON:
    if not body.strip():
        return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        kind = headers.get("Content-Type", "unknown")[:80]
        raise ServiceUnreachable(
            f"{operation.__spec__.name}: the reply is not JSON (content type {kind}): it was cut, "
            "or something between here and the service wrote it.",
            outcome_unknown=operation.danger is not Kind.READ,
        ) from None


def _json_bytes(body: JSON) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _encoded(text: str) -> str:
    return quote(text, safe="~")
