"""How a request says who sends it, as httpx sees it: a signature, a ready token, a token from IAM.

Reference 3.2 describes both ways. A token from IAM is fetched once for all callers that wait for
it, kept for its 24 hours, renewed before they are over, and once after the service refused it.
"""

import json
from collections.abc import AsyncGenerator, Generator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

import anyio
import httpx

from sms_tools.errors import (
    IAM_TOKEN,
    RequestRefused,
    ServiceError,
    ServiceUnreachable,
    UnreadableReply,
    error_from_response,
)
from sms_tools.moment import Clock
from sms_tools.printed import PrintedKeys
from sms_tools.settings import AuthToken, CommandKeys, IamUser, Settings
from sms_tools.signing import MAX_SIGNED_BODY, Facts, KeyPair, sign
from sms_tools.wire import ProxyFailed, ReplyRefused

TOKEN_LIFETIME: Final = timedelta(hours=24)
_RENEWED_BEFORE_END: Final = timedelta(minutes=15)
_YOUNG: Final = timedelta(minutes=1)
"""A token refused at this age is not the reason for the refusal, so no other is fetched."""
_AFTER_REFUSAL: Final = timedelta(minutes=5)
"""IAM locks a user after five wrong passwords in 15 minutes: ask less often than that."""

_SIGNED: Final = ("content-type", "host", "x-domain-id", "x-project-id")


class SignatureAuth(httpx.Auth):
    """Signs each request with a key pair."""

    requires_request_body = True

    def __init__(self, key: KeyPair, clock: Clock) -> None:
        self._key = key
        self._clock = clock

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the signature's headers."""
        sign_request(request, self._key, self._clock())
        yield request


def sign_request(request: httpx.Request, key: KeyPair, now: datetime) -> None:
    """Add the headers of a signature over *request*, in the place of an older one's.

    Raises:
        RequestRefused: the body is larger than a signature may cover.
    """
    if len(request.content) > MAX_SIGNED_BODY:
        raise RequestRefused(
            f"The request body has {len(request.content)} bytes; with an access key the "
            "gateway accepts 12 MB.",
            advice="Send less at a time, or use a token (SMS_TOOLS_IAM_USER and the "
            "related variables).",
        )
    facts = Facts(
        method=request.method,
        target=request.url.raw_path.decode("ascii"),
        headers={name: request.headers[name] for name in _SIGNED if name in request.headers},
        body=request.content,
    )
    request.headers.update(sign(facts, key, now))


class TokenAuth(httpx.Auth):
    """Sends a ready token."""

    def __init__(self, token: str) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the token's header."""
        request.headers["X-Auth-Token"] = self._token
        yield request


@dataclass(frozen=True, slots=True)
class IamToken:
    """A token with the time of its making and of its end."""

    value: str = field(repr=False)
    fetched_at: datetime
    expires_at: datetime


class IamTokens:
    """The one token of an IAM user, shared by all callers."""

    def __init__(self, user: IamUser, address: str, client: httpx.AsyncClient, clock: Clock):
        self._user = user
        self._url = f"{address}/v3/auth/tokens"
        self._client = client
        self._clock = clock
        self._lock = anyio.Lock()
        self._token: IamToken | None = None
        self._refusal: tuple[datetime, ServiceError] | None = None

    @property
    def values(self) -> tuple[str, ...]:
        """The token as it is now, for whoever takes secrets out of what leaves."""
        return (self._token.value,) if self._token else ()

    async def current(self) -> IamToken:
        """A token that holds for a while yet.

        Raises:
            SmsToolsError: IAM gave none.
        """
        async with self._lock:
            if self._token is None or self._clock() >= self._token.expires_at - _RENEWED_BEFORE_END:
                self._token = await self._fetch()
            return self._token

    async def instead_of(self, refused: IamToken) -> IamToken | None:
        """Another token after the service refused one; None where another would not help."""
        async with self._lock:
            if self._token is not None and self._token is not refused:
                return self._token  # someone else has renewed it meanwhile
            if self._clock() - refused.fetched_at < _YOUNG:
                return None
            self._token = None
            self._token = await self._fetch()
            return self._token

    async def _fetch(self) -> IamToken:
        now = self._clock()
        if self._refusal and now - self._refusal[0] < _AFTER_REFUSAL:
            raise self._refusal[1]
        try:
            response = await self._client.post(self._url, json=_token_request(self._user))
        except httpx.HTTPError as error:
            # Our own transport's words name the hop or the fault; a library's are left out.
            why = str(error) if isinstance(error, ProxyFailed | ReplyRefused) else ""
            raise ServiceUnreachable(
                f"No token: IAM at {httpx.URL(self._url).host} did not answer "
                f"({why or type(error).__name__}). Nothing was sent to the service.",
                advice="Check SMS_TOOLS_IAM_ENDPOINT and the way there with `sms-tools check`.",
            ) from None
        value = response.headers.get("X-Subject-Token")
        if response.is_success and value:
            self._refusal = None
            return IamToken(value, now, _expiry(response.content, now))
        if response.is_success:
            raise UnreadableReply(
                f"No token: the reply of IAM at {httpx.URL(self._url).host} holds no "
                "X-Subject-Token. Nothing was sent to the service.",
                advice="Check SMS_TOOLS_IAM_ENDPOINT: something else may answer there. "
                "`sms-tools check` tests it.",
            )
        refusal = error_from_response(
            response.status_code, response.headers, response.content, IAM_TOKEN, now
        )
        if response.status_code in (400, 401, 403):
            self._refusal = (now, refusal)
        raise refusal


class IamAuth(httpx.Auth):
    """Sends a token from IAM; after a 401 once more with a new one."""

    requires_request_body = True

    def __init__(self, tokens: IamTokens) -> None:
        self._tokens = tokens

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Add the token's header; a 401 comes from the gateway, so nothing has happened yet."""
        token = await self._tokens.current()
        request.headers["X-Auth-Token"] = token.value
        response = yield request
        if response.status_code == httpx.codes.UNAUTHORIZED:
            other = await self._tokens.instead_of(token)
            if other is not None:
                request.headers["X-Auth-Token"] = other.value
                yield request


class CommandAuth(httpx.Auth):
    """Signs each request with a key pair that a command prints; after a 401 with a new one."""

    requires_request_body = True

    def __init__(self, keys: PrintedKeys, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Add the signature's headers; a 401 comes from the gateway: nothing has happened yet.

        Raises:
            RequestRefused: the command prints no keys, or the body is too large to be signed.
        """
        key = await self._keys.current()
        _set_key(request, key, self._clock())
        response = yield request
        if response.status_code == httpx.codes.UNAUTHORIZED:
            other = await self._keys.instead_of(key)
            if other is not None:
                _set_key(request, other, self._clock())
                yield request


def _set_key(request: httpx.Request, key: KeyPair, now: datetime) -> None:
    request.headers.pop("X-Security-Token", None)
    sign_request(request, key, now)


class Keeper(Protocol):
    """What keeps secrets that were not configured, and knows them."""

    @property
    def values(self) -> tuple[str, ...]:
        """The secrets of the moment."""


class MissingAuth(httpx.Auth):
    """No credentials are configured: nothing is sent."""

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Refuse the request."""
        raise RequestRefused(
            "No credentials are configured.",
            advice=(
                "Set HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK in the environment of the server, "
                "or start it with --sandbox; `sms-tools check` says more."
            ),
        )
        yield request


def authenticator(
    settings: Settings, iam_client: httpx.AsyncClient, clock: Clock
) -> tuple[httpx.Auth, Keeper | None]:
    """What authenticates requests under *settings*, and what keeps its secrets, if it keeps any."""
    match settings.credentials:
        case KeyPair() as key:
            return SignatureAuth(key, clock), None
        case AuthToken(token):
            return TokenAuth(token), None
        case IamUser() as user:
            tokens = IamTokens(user, settings.iam_endpoint, iam_client, clock)
            return IamAuth(tokens), tokens
        case CommandKeys() as command:
            keys = PrintedKeys(command, clock)
            return CommandAuth(keys, clock), keys
    return MissingAuth(), None


def _token_request(user: IamUser) -> Mapping[str, object]:
    """Reference 3.2, with the scope inside `auth`, where the text puts it and IAM reads it."""
    domain = {"name": user.domain}
    account = {"name": user.name, "password": user.password, "domain": domain}
    identity = {"methods": ["password"], "password": {"user": account}}
    return {"auth": {"identity": identity, "scope": {"domain": domain}}}


def _expiry(body: bytes, now: datetime) -> datetime:
    """When the token ends by the reply, at most its documented lifetime from now."""
    latest = now + TOKEN_LIFETIME
    try:
        text = json.loads(body)["token"]["expires_at"]
        given = datetime.fromisoformat(text)
    except (ValueError, KeyError, TypeError, RecursionError):
        return latest
    return min(given if given.tzinfo else given.replace(tzinfo=UTC), latest)
