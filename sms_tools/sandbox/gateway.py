"""API Gateway as it stands before the service: who is calling, and is the call whole?

With a key pair configured, a signature is computed again and compared, and its date must be
within 15 minutes of ours. With none, any well-formed signature will do: the sandbox then has no
secret to check against. A token must be one that the sandbox's IAM issued, or a ready one.

The codes and the first words of the messages are the real gateway's.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus

from sms_tools.operation import JSON
from sms_tools.sandbox.iam import Iam
from sms_tools.sandbox.wire import RawRequest
from sms_tools.signing import MAX_SIGNED_BODY, Facts, KeyPair, parse_authorization, verify


class DeniedError(Exception):
    """The gateway answers by itself: *status*, *code* (``APIGW.…``) and *message*."""

    def __init__(self, status: HTTPStatus, code: str, message: str) -> None:
        """Say why the request goes no further."""
        super().__init__(f"{code}: {message}")
        self.status, self.code, self.message = status, code, message

    def body(self, request_id: str) -> JSON:
        """The gateway's own shape of an error; unlike the service it repeats the request id."""
        return {"error_msg": self.message, "error_code": self.code, "request_id": request_id}


class Gateway:
    """Lets a request through or raises :class:`DeniedError`. *now* gives epoch seconds."""

    def __init__(self, now: Callable[[], float], iam: Iam, key_pair: KeyPair | None = None) -> None:
        """Check against *key_pair* and the tokens of *iam*."""
        self._now = now
        self._iam = iam
        self._key_pair = key_pair

    def admit(self, request: RawRequest) -> None:
        """Check who sends *request*.

        Raises:
            DeniedError: 401 for a wrong or missing identity, 413 for a signed body over 12 MB.
        """
        token = request.headers.get("x-auth-token")
        if token is not None:
            self._check_token(token)
        elif "authorization" in request.headers:
            self._check_signature(request)
        else:
            raise _unauthorized("x-auth-token not found")

    def _check_token(self, token: str) -> None:
        ends = self._iam.ends(token)
        if ends is None:
            raise _unauthorized("decrypt token fail")
        if ends <= self._now():
            written = datetime.fromtimestamp(ends, UTC).isoformat()
            raise _unauthorized(f"token expires, expires_at: {written}")

    def _check_signature(self, request: RawRequest) -> None:
        given = parse_authorization(request.headers["authorization"])
        if given is None:
            raise _unauthorized("verify aksk signature fail, the Authorization header is malformed")
        if max(len(request.body), _content_length(request)) > MAX_SIGNED_BODY:
            raise too_large()
        if missing := {"host", "x-sdk-date", *given.signed_headers} - request.headers.keys():
            names = ", ".join(sorted(missing))
            raise _unauthorized(f"verify aksk signature fail, not sent: {names}")
        if self._key_pair is None:
            return
        if given.access_key != self._key_pair.access_key:
            raise _unauthorized(f"Get secretKey failed,ak:{given.access_key},err:ak not exist")
        target = f"{request.path}?{request.query}" if request.query else request.path
        facts = Facts(request.method, target, request.headers, request.body)
        reason = verify(facts, self._key_pair, datetime.fromtimestamp(self._now(), UTC))
        if reason:
            raise _unauthorized(f"verify aksk signature fail, {reason}")


def unknown_api() -> DeniedError:
    """The answer to a method and path that no API has."""
    return DeniedError(
        HTTPStatus.NOT_FOUND,
        "APIGW.0101",
        "The API does not exist or has not been published in the environment",
    )


def too_large() -> DeniedError:
    """The answer to a body that is larger than the gateway takes."""
    return DeniedError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "APIGW.0201", "Request entity too large"
    )


def overloaded(status: int) -> DeniedError:
    """The answer where the gateway gives up on the service: 429 or a 5xx *status*."""
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        message = "The throttling threshold has been reached: policy user over ratelimit"
        return DeniedError(HTTPStatus.TOO_MANY_REQUESTS, "APIGW.0308", message)
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return DeniedError(HTTPStatus.INTERNAL_SERVER_ERROR, "APIGW.0601", "Internal server error")
    return DeniedError(HTTPStatus(status), "APIGW.0201", "Backend unavailable")


def _unauthorized(reason: str) -> DeniedError:
    return DeniedError(
        HTTPStatus.UNAUTHORIZED, "APIGW.0301", f"Incorrect IAM authentication information: {reason}"
    )


def _content_length(request: RawRequest) -> int:
    text = request.headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
