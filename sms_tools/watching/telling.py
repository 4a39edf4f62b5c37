"""Sending one message to a webhook: signed, tried again where that may help, never a secret.

The body is signed with HMAC-SHA256 under `SMS_TOOLS_WEBHOOK_SECRET`, in the header
``X-Sms-Tools-Signature: sha256=…``.
"""

import hashlib
import hmac
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import urlsplit

import httpx

from sms_tools.errors import SettingsError, SmsToolsError
from sms_tools.loopback import is_loopback

SIGNATURE: Final = "X-Sms-Tools-Signature"

_TRIES: Final = 4
_PAUSES: Final = (1.0, 4.0, 15.0)
"""Seconds between two tries."""
_TIMEOUT: Final = 10.0


class NotTold(SmsToolsError):  # noqa: N818 (says what happened)
    """The message did not get through; the address is a secret and is not repeated."""


def checked_address(address: str) -> str:
    """*address*, if a message may be sent there.

    Raises:
        SettingsError: it is no address, or is plain HTTP beyond this machine.
    """
    parts = urlsplit(address.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingsError(
            "the webhook's address is not a URL.",
            advice="It begins with https:// and names a host.",
        )
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise SettingsError(
            "the webhook's address is http:// for a host other than this machine.",
            advice="Messages name servers and failures: use https://.",
        )
    return address.strip()


def signature_of(body: bytes, secret: str) -> str:
    """The value of the header for *body*."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


async def tell(
    address: str,
    body: bytes,
    secret: str,
    *,
    sleep: Callable[[float], Awaitable[None]],
    transport: httpx.AsyncBaseTransport | None = None,
) -> None:
    """Send *body*; tried again after what may pass, four times in all.

    Raises:
        NotTold: it did not get through.
    """
    headers = {"Content-Type": "application/json; charset=utf-8"}
    if secret:
        headers[SIGNATURE] = signature_of(body, secret)
    why = ""
    direct = is_loopback(urlsplit(address).hostname or "")
    async with httpx.AsyncClient(
        timeout=_TIMEOUT, transport=transport, trust_env=not direct, follow_redirects=False
    ) as client:
        for attempt in range(_TRIES):
            if attempt:
                await sleep(_PAUSES[attempt - 1])
            try:
                reply = await client.post(address, content=body, headers=headers)
            except httpx.HTTPError as error:
                why = type(error).__name__
                continue
            if reply.is_success:
                return
            why = f"HTTP {reply.status_code}"
            if reply.status_code < 500 and reply.status_code not in (408, 425, 429):
                break
    raise NotTold(
        f"the webhook did not take the message ({why}).",
        advice="Check its address and what it says of the message; the watch goes on.",
    )
