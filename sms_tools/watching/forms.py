"""A message in the form that its receiver takes.

Chat services take a form of their own: they get the summary and the first notices as text. All
else gets the message itself as JSON.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, get_args

Form = Literal["json", "slack", "teams", "feishu", "dingtalk", "wecom"]
FORMS: Final[Sequence[str]] = get_args(Form)

_SHOWN: Final = 20
"""So many notices stand in a chat message; all of them in the JSON."""


def body_of(message: Mapping[str, Any], form: Form) -> bytes:
    """*message* as the receiver takes it."""
    return json.dumps(_formed(message, form), ensure_ascii=False).encode()


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
