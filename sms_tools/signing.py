"""SDK-HMAC-SHA256, the signature of Huawei Cloud's API gateway, as pure functions.

One side signs, the other side verifies: both start from the facts of a request as they stand on
the wire, and neither reads a clock. The rules are those of the vendor's own signer, with which the
tests compare this one.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import quote, unquote

ALGORITHM: Final = "SDK-HMAC-SHA256"
MAX_SIGNED_BODY: Final = 12 * 1024 * 1024
"""Bytes. The gateway accepts a larger body only with a token."""

CLOCK_TOLERANCE: Final = timedelta(minutes=15)
"""How far the clocks of both sides may differ."""

_DATE_FORMAT: Final = "%Y%m%dT%H%M%SZ"
_CONTENT_HASH: Final = "x-sdk-content-sha256"
_UNSIGNED: Final = "UNSIGNED-PAYLOAD"
_AUTHORIZATION: Final = re.compile(
    rf"{ALGORITHM} Access=(?P<access>[^\s,]+), ?SignedHeaders=(?P<headers>[^\s,]+), ?"
    r"Signature=(?P<signature>[0-9a-f]{64})"
)


@dataclass(frozen=True, slots=True)
class KeyPair:
    """An access key; a temporary one comes with a security token."""

    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    security_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Facts:
    """What of a request is signed.

    ``target`` is the path with its query as on the request line, percent-encoded; ``headers`` are
    in any case, and include Host.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Authorization:
    """A parsed Authorization header."""

    access_key: str
    signed_headers: Sequence[str]
    signature: str


def sign(facts: Facts, key: KeyPair, now: datetime) -> dict[str, str]:
    """The headers to add to the request so that it counts as sent by the owner of *key*.

    Every header of *facts* is signed, so give only those that arrive as they are sent.
    """
    added = {"X-Sdk-Date": now.astimezone(UTC).strftime(_DATE_FORMAT)}
    if key.security_token:
        added["X-Security-Token"] = key.security_token
    headers = _lower({**facts.headers, **added})
    names = sorted(name for name in headers if "_" not in name)
    signature = _signature(facts, headers, names, key.secret_key)
    added["Authorization"] = (
        f"{ALGORITHM} Access={key.access_key}, SignedHeaders={';'.join(names)}, "
        f"Signature={signature}"
    )
    return added


def parse_authorization(text: str) -> Authorization | None:
    """Read an Authorization header; None where it is no SDK-HMAC-SHA256 signature."""
    match = _AUTHORIZATION.fullmatch(text.strip())
    if match is None:
        return None
    return Authorization(match["access"], match["headers"].split(";"), match["signature"])


def verify(facts: Facts, key: KeyPair | None, now: datetime) -> str | None:
    """Why the request's signature does not count, or None where it does.

    Without a key any well-formed and timely signature is accepted.
    """
    headers = _lower(facts.headers)
    given = parse_authorization(headers.get("authorization", ""))
    if given is None:
        return "the Authorization header is not a well-formed SDK-HMAC-SHA256 signature"
    if missing := {"host", "x-sdk-date"} - set(given.signed_headers):
        return f"not signed: {', '.join(sorted(missing))}"
    if absent := [name for name in given.signed_headers if name not in headers]:
        return f"signed but not sent: {', '.join(absent)}"
    return (
        _untimely(headers["x-sdk-date"], now)
        or _other_body(facts, headers)
        or (_other_key(facts, headers, given, key) if key else None)
    )


def _untimely(date: str, now: datetime) -> str | None:
    try:
        signed_at = datetime.strptime(date, _DATE_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return "X-Sdk-Date is not of the form 20240416T095341Z"
    if abs(signed_at - now) > CLOCK_TOLERANCE:
        return "X-Sdk-Date differs from the gateway's clock by more than 15 minutes"
    return None


def _other_body(facts: Facts, headers: Mapping[str, str]) -> str | None:
    claimed = headers.get(_CONTENT_HASH, _UNSIGNED)
    if claimed != _UNSIGNED and claimed != hashlib.sha256(facts.body).hexdigest():
        return "X-Sdk-Content-Sha256 is not the hash of the body"
    if len(facts.body) > MAX_SIGNED_BODY:
        return "the body is larger than 12 MB, which needs a token"
    return None


def _other_key(
    facts: Facts, headers: Mapping[str, str], given: Authorization, key: KeyPair
) -> str | None:
    if given.access_key != key.access_key:
        return "the access key is unknown"
    if (headers.get("x-security-token") or None) != key.security_token:
        return "X-Security-Token does not belong to the access key"
    expected = _signature(facts, headers, given.signed_headers, key.secret_key)
    if not hmac.compare_digest(expected, given.signature):
        return "the signature does not match the request"
    return None


def _signature(facts: Facts, headers: Mapping[str, str], names: Sequence[str], secret: str) -> str:
    path, _, query = facts.target.partition("?")
    canonical = "\n".join(
        (
            facts.method.upper(),
            _canonical_path(path),
            _canonical_query(query),
            "".join(f"{name}:{headers[name]}\n" for name in names),
            ";".join(names),
            _content_hash(facts.body, headers),
        )
    )
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    to_sign = f"{ALGORITHM}\n{headers['x-sdk-date']}\n{hashed}"
    return hmac.new(secret.encode(), to_sign.encode(), hashlib.sha256).hexdigest()


def _canonical_path(path: str) -> str:
    """The path encoded anew, with a slash at its end whether or not it was sent."""
    encoded = "/".join(quote(part, safe="~") for part in unquote(path).split("/"))
    return encoded if encoded.endswith("/") else encoded + "/"


def _canonical_query(query: str) -> str:
    """Sorted by name, then value. A ``+`` is a plus sign: a space travels as ``%20``."""
    pairs = sorted(
        (unquote(name), unquote(value))
        for name, _, value in (part.partition("=") for part in query.split("&") if part)
    )
    return "&".join(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in pairs)


def _content_hash(body: bytes, headers: Mapping[str, str]) -> str:
    if body and (claimed := headers.get(_CONTENT_HASH)):
        return claimed
    return hashlib.sha256(body).hexdigest()


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value.strip() for name, value in headers.items()}
