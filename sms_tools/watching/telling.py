"""Sending one message to a webhook: signed, tried again where that may help, never a secret.

The JSON is signed with HMAC-SHA256 over the body under `SMS_TOOLS_WEBHOOK_SECRET`, in the header
``X-Sms-Tools-Signature: sha256=…``. Chat services take a form of their own; they get the summary
and the first notices as text.
"""

import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, Literal, get_args
from urllib.parse import urlsplit

import httpx

from sms_tools.errors import SettingsError, SmsToolsError
from sms_tools.loopback import is_loopback

Form = Literal["json", "slack", "teams", "feishu", "dingtalk", "wecom"]
FORMS: Final[Sequence[str]] = get_args(Form)
SIGNATURE: Final = "X-Sms-Tools-Signature"

_TRIES: Final = 4
_PAUSES: Final = (1.0, 4.0, 15.0)
"""Seconds between two tries."""
_TIMEOUT: Final = 10.0
_SHOWN: Final = 20
"""So many notices stand in a chat message; all of them in the JSON."""


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
            "the webhook's address is not one.", advice="It begins with https:// and names a host."
        )
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise SettingsError(
            "the webhook's address is http:// for a host other than this machine.",
            advice="Messages name servers and failures: use https://.",
        )
    return address.strip()


def body_of(message: Mapping[str, Any], form: Form) -> bytes:
    """*message* as the receiver takes it."""
    return json.dumps(_formed(message, form), ensure_ascii=False).encode()


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


def _formed(message: Mapping[str, Any], form: Form) -> Mapping[str, Any]:
    if form == "json":
        return message
    text = _text(message)
    if form == "slack":
        return {"text": text}
    if form == "teams":
        block = {"type": "TextBlock", "text": text, "wrap": True}
        card = {"type": "AdaptiveCard", "version": "1.4", "body": [block]}
        kind = "application/vnd.microsoft.card.adaptive"
        return {"type": "message", "attachments": [{"contentType": kind, "content": card}]}
    if form == "feishu":
        return {"msg_type": "text", "content": {"text": text}}
    return {"msgtype": "text", "text": {"content": text}}  # DingTalk and WeCom


def _text(message: Mapping[str, Any]) -> str:
    """The message as plain text. Marks that chats act on are taken out of strangers' names."""
    lines = [f"{message['summary']} ({message['account']}, {message['observed_at']})"]
    rows = message["notices"]
    for row in rows[:_SHOWN]:
        detail = f" ({row['detail']})" if row.get("detail") else ""
        lines.append(f"- {row['what'].replace('_', ' ')}: {_harmless(row['name'])}{detail}")
    if len(rows) > _SHOWN:
        lines.append(f"- and {len(rows) - _SHOWN} more")
    lines += [f"- not read: {note}" for note in message["incomplete"]]
    return "\n".join(lines)


def _harmless(name: str) -> str:
    return "".join("·" if character in "<>@*_`[]()|#&!" else character for character in name)
