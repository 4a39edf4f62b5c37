"""The client: ``await api(operation)`` is the operation's reply, typed.

One call goes through the limit of concurrent calls, authentication, the transport (network or
sandbox), the bound on the reply, the check of its shape and the mapping of errors. It is repeated
only where a repeat cannot do harm: reads after anything that passes, writes only when they surely
did not arrive; what destroys, reveals secrets or speaks for the Agent is sent once.
"""

import json
import logging
import random
import time
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
from sms_tools.auth import Keeper, authenticator
from sms_tools.errors import (
    CircuitOpen,
    RequestRefused,
    ServerFault,
    ServiceError,
    ServiceUnreachable,
    SmsToolsError,
    Throttled,
    UnreadableReply,
    error_from_response,
)
from sms_tools.errors.reply import ErrorReply, http_date
from sms_tools.moment import Clock, utc_now
from sms_tools.operation import JSON, Kind, Operation, Page, Reply
from sms_tools.paging import Listing, at_once, read_list
from sms_tools.pressure import Circuits, Places
from sms_tools.settings import Settings
from sms_tools.shape import UnreadableBody, holds_error, misfit, read_json
from sms_tools.text import one_line
from sms_tools.wire import ACCEPTED, Bounded, Network, ProxyFailed, ReplyRefused

__all__ = ["MAX_REPLY", "Answer", "Api", "Exchange", "Listing"]

MAX_REPLY: Final = 64 * 1024 * 1024
"""Bytes, unpacked."""

_ATTEMPTS: Final = 4
_LIMITS: Final = 2
"""No call takes longer than this many times the limit of one attempt."""
_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 20.0
_CONNECT_SECONDS: Final = 10.0
_CREDENTIALS: Final = frozenset({"authorization", "x-auth-token"})
_PACKED: Final = (
    "The reply is nothing that the service sends: ask who runs the proxy or gateway in between, "
    "and read the current state before repeating a call that changes something."
)
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
    seconds: float = 0.0
    """From the first byte sent to the last one read."""


class Api:
    """A client of the service under one set of settings.

    *transport* replaces the network (the sandbox is one); *timeout* is in seconds, for one attempt
    from its first byte to its last, and a call with all its attempts ends after twice that; at most
    *concurrency* requests are on their way at a time, fewer while the service throttles. *environ*
    names proxies and certificates; without it this process's environment does. *refuses* gives the
    reason why a read must not be made, if there is one.
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
        timeout: float = 20.0,
        max_reply: int = MAX_REPLY,
        on_request: Callable[[Exchange], None] | None = None,
        refuses: Callable[[Operation[Any]], str | None] | None = None,
        environ: Mapping[str, str] | None = None,
        hides: Callable[[], tuple[str, ...]] | None = None,
    ) -> None:
        self.settings = settings
        self._hides = hides
        self.requests_made = 0
        self._transport = transport
        self._clock = clock
        self._sleep = sleep
        self._jitter = jitter
        self._places = Places(concurrency)
        self._circuits = Circuits(clock)
        self._environ = environ
        self._timeout = timeout
        self._max_reply = max_reply
        self._on_request = on_request
        self._refuses = refuses

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
        return await self._read_reply(operation, bulk=False)

    async def send(self, operation: Operation[Any], *, decided: bool = False) -> Answer:
        """Carry out *operation* and give its reply as it came.

        *decided* says that whoever calls has asked the policy, and perhaps a person, about this
        very call.

        Raises:
            SmsToolsError: it was refused here, did not get through, or the service said no.
        """
        return await self._sent(operation, bulk=False, decided=decided)

    async def _read_reply(self, operation: Operation[R], *, bulk: bool) -> R:
        answer = await self._sent(operation, bulk=bulk)
        return cast("R", operation.__spec__.result.read(answer.payload))

    async def _sent(
        self, operation: Operation[Any], *, bulk: bool, decided: bool = False
    ) -> Answer:
        """One call with its repetitions; *bulk* where it is one of many and may wait for others."""
        if not decided:
            self._refuse_read(operation)
        attempt = 1
        deadline: float | None = None
        while True:
            try:
                async with self._places.place(bulk=bulk) as began:
                    if deadline is None:
                        deadline = anyio.current_time() + _LIMITS * self._timeout
                    seconds = min(self._timeout, deadline - anyio.current_time())
                    return await self._guarded(operation, attempt, seconds, began)
            except SmsToolsError as error:
                pause = self._pause(operation, attempt, error)
                if pause is None or anyio.current_time() + pause >= (deadline or 0):
                    if not isinstance(error, CircuitOpen):
                        error.tried(attempt)
                    raise
            await self._sleep(pause)
            attempt += 1

    def _refuse_read(self, operation: Operation[Any]) -> None:
        """Refuse a read that the policy holds back, whoever asks for it: here all paths meet.

        What changes something passes the guard before it comes here.

        Raises:
            RequestRefused: it is not to be read.
        """
        is_read = operation.danger is Kind.READ
        if is_read and self._refuses and (why := self._refuses(operation)):
            raise RequestRefused(
                f"{operation.__spec__.name} is held back by {why}. Nothing was read.",
                advice="Only whoever starts the server can change this.",
            )

    async def _guarded(
        self, operation: Operation[Any], attempt: int, seconds: float, began: int
    ) -> Answer:
        """One attempt, unless its circuit is open; tells circuit and limit how it went."""
        name = operation.__spec__.name
        host = self._host
        own = f"{name} at the service"
        trials: list[str] = []
        try:
            for circuit in (host, own):
                if self._circuits.check(circuit, name):
                    trials.append(circuit)  # noqa: PERF401 (kept where the next check raises)
            answer = await self._attempt(operation, attempt, seconds)
        except Throttled:
            self._places.throttled(began)
            self._circuits.worked(host)
            raise
        except ServerFault as error:
            self._circuits.worked(host)
            self._circuits.failed(own, f"last with HTTP {error.status}")
            raise
        except UnreadableReply:
            self._circuits.worked(host)
            raise
        except CircuitOpen:
            raise
        except ServiceUnreachable as error:
            self._circuits.failed(host, str(error).partition(": ")[2].rstrip(".") or "no answer")
            raise
        except ServiceError:
            self._well(host, own)
            raise
        else:
            self._well(host, own)
            return answer
        finally:
            for circuit in trials:  # whatever came of it, the next call may try again
                self._circuits.ended(circuit)

    def _well(self, *circuits: str) -> None:
        self._places.succeeded()
        for circuit in circuits:
            self._circuits.worked(circuit)

    async def bulk(self, operation: Operation[R]) -> R:
        """Carry out *operation*, one of many: it waits for those that stand alone.

        Raises:
            SmsToolsError: it was refused here, did not get through, or the service said no.
        """
        return await self._read_reply(operation, bulk=True)

    async def each(self, operations: Sequence[Operation[R]]) -> list[R | SmsToolsError]:
        """Carry out all of them, as many at a time as is allowed; an error stands in its place."""

        async def one(operation: Operation[R]) -> R | SmsToolsError:
            try:
                return await self.bulk(operation)
            except SmsToolsError as error:
                return error

        return await at_once([partial(one, operation) for operation in operations])

    async def listing(self, operation: Operation[Page[T]]) -> Listing[T]:
        """Read a whole list, from the operation's offset on, in as few requests as can be.

        Raises:
            SmsToolsError: a page could not be read.
        """
        return await read_list(operation, self.bulk, self._clock())

    @property
    def allowed(self) -> int:
        """How many requests may be on their way at once now."""
        return self._places.allowed

    def open_circuits(self) -> Sequence[str]:
        """What is not asked for now, as it failed again and again."""
        return self._circuits.open()

    def now(self) -> datetime:
        """The service's time, as this client was told to read it."""
        return self._clock()

    def secret_values(self) -> tuple[str, ...]:
        """Every secret that must not be shown: of several accounts, those of all of them."""
        return self._hides() if self._hides else self.own_secret_values()

    def own_secret_values(self) -> tuple[str, ...]:
        """The configured secrets and those of the moment."""
        keeper = self._authentication[1] if "_authentication" in vars(self) else None
        return (*self.settings.secret_values(), *(keeper.values if keeper else ()))

    @cached_property
    def _host(self) -> str:
        """What the circuit of the whole service is called."""
        return f"the service at {httpx.URL(self.settings.endpoint).host}"

    @cached_property
    def _authentication(self) -> tuple[httpx.Auth, Keeper | None]:
        return authenticator(self.settings, self._client, self._clock)

    @cached_property
    def _client(self) -> httpx.AsyncClient:
        # Made at the first call: loading certificates is slow, and lists of tools need none.
        # One to spare: a refused token is replaced while its requests still hold theirs.
        inner = self._transport or Network(self._places.most + 1, self._environ)
        return httpx.AsyncClient(
            transport=Bounded(inner, self._max_reply),
            timeout=httpx.Timeout(self._timeout, connect=min(_CONNECT_SECONDS, self._timeout)),
            headers={
                "User-Agent": f"sms-tools/{__version__}",
                "Accept": "application/json",
                "Accept-Encoding": ACCEPTED,
            },
            follow_redirects=False,
            trust_env=False,  # the way of each address is decided in sms_tools.wire
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

    async def _attempt(self, operation: Operation[Any], attempt: int, seconds: float) -> Answer:
        request = self._request(operation)
        began = time.perf_counter()
        status: int | None = None
        request_id: str | None = None
        try:
            with anyio.fail_after(seconds):
                response = await self._client.send(
                    request, auth=self._authentication[0], stream=True
                )
                status, request_id = response.status_code, response.headers.get("X-Request-Id")
                try:
                    # Not aread(): response and stream hold each other, and would hold the body.
                    body = b"".join([chunk async for chunk in response.aiter_bytes()])
                finally:
                    await response.aclose()
        except ReplyRefused as error:
            refused = ErrorReply(status or 200, message=str(error), request_id=request_id)
            raise ServerFault(refused, operation.__spec__.name, advice=_PACKED) from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, TimeoutError) as error:
            left = bool(request.headers.keys() & _CREDENTIALS)
            raise _unreachable(operation, error, seconds, request.url.host, left=left) from None
        finally:
            if request.headers.keys() & _CREDENTIALS:  # else it never left
                self._note(operation, attempt, status, request_id, time.perf_counter() - began)
        now = self._clock()
        name = operation.__spec__.name
        if not 200 <= status < 300:
            raise error_from_response(status, response.headers, body, name, now)
        payload = _payload(operation, response.headers, body)
        if holds_error(payload, operation.__spec__):
            raise error_from_response(status, response.headers, body, name, now)
        if fault := misfit(operation, payload, status):
            raise UnreadableReply(
                f"{name}: the reply (HTTP {status}) {fault}, so it was not read.",
                outcome_unknown=operation.danger is not Kind.READ,
            )
        return Answer(
            payload=payload,
            status=status,
            request_id=request_id,
            observed_at=now,
            server_time=http_date(response.headers.get("Date")),
        )

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
        seconds: float,
    ) -> None:
        self.requests_made += 1
        if self._on_request is None:
            return
        spec = operation.__spec__
        path = spec.path if spec.kind is Kind.SECRET else operation.request().path
        self._on_request(
            Exchange(spec.name, spec.method, path, attempt, status, request_id, seconds)
        )


def _may_repeat(danger: Kind, error: SmsToolsError) -> bool:
    """Whether repeating the call cannot do harm, and may help.

    A destructive call waits for nothing: what a person agreed to may have changed meanwhile.
    """
    if isinstance(error, CircuitOpen):
        return False
    if danger is Kind.READ:
        if isinstance(error, UnreadableReply):
            return False  # it answers, and would say the same again
        return isinstance(error, Throttled | ServiceUnreachable) or (
            isinstance(error, ServerFault) and error.status in _PASSING
        )
    if danger is Kind.WRITE:
        never_arrived = isinstance(error, ServiceUnreachable) and not error.outcome_unknown
        return never_arrived or isinstance(error, Throttled)
    return False


def _unreachable(
    operation: Operation[Any], error: Exception, seconds: float, host: str, *, left: bool
) -> ServiceUnreachable:
    advice = ""
    if isinstance(error, ProxyFailed):
        what = str(error)
        advice = (
            "The proxy failed, not the service: correct that setting, or name the service's host "
            "in NO_PROXY if it can be reached directly; `sms-tools check` tests it."
        )
    elif isinstance(error, httpx.ConnectError):
        what = f"no connection to {host} ({one_line(str(error), 120) or type(error).__name__})"
    elif isinstance(error, TimeoutError | httpx.TimeoutException):
        what = f"no complete answer from {host} within {seconds:.3g} seconds"
    else:
        what = f"the connection broke before the reply was complete ({type(error).__name__})"
    unknown = left and operation.danger is not Kind.READ and not isinstance(error, _NEVER_SENT)
    return ServiceUnreachable(
        f"{operation.__spec__.name}: {what}.", outcome_unknown=unknown, advice=advice
    )


def _payload(operation: Operation[Any], headers: Mapping[str, str], body: bytes) -> JSON:
    """What *body* holds.

    Raises:
        ServiceUnreachable: it is no JSON that is taken.
    """
    try:
        return read_json(body)
    except UnreadableBody as error:
        kind = headers.get("Content-Type", "unknown")[:80]
        raise ServiceUnreachable(
            f"{operation.__spec__.name}: the reply {error} (content type {kind}): it was cut, "
            "or something between here and the service wrote it.",
            outcome_unknown=operation.danger is not Kind.READ,
        ) from None


def _json_bytes(body: JSON) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _encoded(text: str) -> str:
    return quote(text, safe="~")
