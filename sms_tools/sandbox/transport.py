"""The sandbox as an httpx transport: a client that uses it never leaves the process."""

from collections.abc import AsyncIterator

import httpx

from sms_tools.sandbox.service import Service
from sms_tools.sandbox.wire import ConnectionCutError, RawRequest, RawResponse, UnreachableError


class SandboxTransport(httpx.AsyncBaseTransport):
    """Carries the requests of an ``httpx.AsyncClient`` to *service*, whatever their host."""

    def __init__(self, service: Service) -> None:
        """Answer from *service*."""
        self._service = service

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer *request*; a fault appears as the network error that httpx would raise."""
        target = request.url.raw_path.decode("ascii")
        path, _, query = target.partition("?")
        raw = RawRequest(
            request.method,
            path,
            query,
            {name.lower(): value for name, value in request.headers.items()},
            await request.aread(),
        )
        try:
            response = await self._service.handle(raw)
        except UnreachableError:
            raise httpx.ConnectError("All connection attempts failed", request=request) from None
        except ConnectionCutError:
            message = "Server disconnected without sending a response."
            raise httpx.RemoteProtocolError(message, request=request) from None
        return httpx.Response(
            response.status, headers=dict(response.headers), stream=_Body(response, request)
        )


class _Body(httpx.AsyncByteStream):
    """The body of a reply; breaks off where the reply says so."""

    def __init__(self, response: RawResponse, request: httpx.Request) -> None:
        self._response = response
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._response.body[: self._response.truncated_at]
        if self._response.truncated_at is not None:
            message = "peer closed connection without sending complete message body"
            raise httpx.RemoteProtocolError(message, request=self._request)
