"""The approval page's words and markup. Every value is escaped; there is no script."""

import json
from collections.abc import Mapping
from html import escape
from typing import Final

from sms_tools.guard.approvals import Approval
from sms_tools.guard.subject import LOSSES, Section
from sms_tools.operation import JSON, Kind
from sms_tools.text import clean, one_line

_KINDS: Final = {
    Kind.READ: "Reads",
    Kind.WRITE: "Changes something",
    Kind.DESTRUCTIVE: "Destructive call",
    Kind.SECRET: "Reveals a secret",
    Kind.AGENT: "Speaks in the migration Agent’s place",
}
_FOOTER: Final = (
    "<p>This page is served by sms-tools on this computer, for the Server Migration Service of "
    "Huawei Cloud. Opening it does nothing; only its buttons do.</p>"
)
_IN_DOUBT: Final = "<p>If you did not expect this question, refuse.</p>"


def document(title: str, body: str, *, aside: str = "", foot: str = "") -> str:
    """A whole page. *body*, *aside* and *foot* are markup."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="robots" content="noindex"><title>{escape(title)}</title>'
        '<link rel="stylesheet" href="/style.css"></head><body>'
        f"<header><strong>sms-tools</strong><span>{aside}</span></header>"
        f"<main>{body}</main><footer>{_FOOTER}{foot}</footer></body></html>"
    )


def question(approval: Approval, seal: str, minutes_left: int, *, wrong: bool = False) -> str:
    """The page that asks."""
    preview = approval.preview
    left = "less than a minute" if minutes_left < 1 else f"about {minutes_left} min"
    body = (
        f'<div class="head danger"><p class="kind">{_KINDS[approval.kind]}</p>'
        f"<h1>{_text(preview.headline)}</h1>"
        f'<p class="by">Asked for by <bdi>{escape(one_line(approval.caller, 120))}</bdi>, '
        f"which cannot approve it itself.</p></div>"
        + "".join(_section(section) for section in preview.sections if section.lines)
        + _form(approval, seal, wrong=wrong)
        + _exact_call(approval)
    )
    aside = f"Request {approval.id}, open until {approval.expires_at:%H:%M} UTC ({left} left)"
    return document(f"Approve? {one_line(preview.headline, 80)}", body, aside=aside, foot=_IN_DOUBT)


def notice(title: str, text: str, tone: str = "plain", *, kind: str = "", after: str = "") -> str:
    """A page that only tells: what became of a request. *after* is markup."""
    label = f'<p class="kind">{escape(kind)}</p>' if kind else ""
    body = (
        f'<div class="head {tone}">{label}<h1>{_text(title)}</h1>'
        f'<p class="by">{_text(text)}</p></div>{after}'
    )
    return document(title, body)


def reveal_form(token: str, seal: str) -> str:
    """The button that shows a waiting secret, once."""
    return (
        f'<form method="post" action="/secret/{escape(token)}" autocomplete="off">'
        f'<input type="hidden" name="seal" value="{escape(seal)}">'
        "<label>The secret is waiting. It is shown once and then forgotten.</label>"
        '<div class="buttons"><button class="show" type="submit">Show it</button></div></form>'
    )


def secret(tool: str, fields: Mapping[str, JSON]) -> str:
    """The page that shows a secret."""
    parts = "".join(
        f"<section><h2>{escape(one_line(str(name), 80))}</h2><pre>{escape(_plain(value))}</pre>"
        "</section>"
        for name, value in fields.items()
        if value not in (None, "")
    )
    head = (
        '<div class="head go"><p class="kind">Shown once</p>'
        f'<h1>{escape(tool)}</h1><p class="by">Copy what you need now: this page cannot be '
        "loaded again. Nothing of it is stored, and the assistant did not receive it.</p></div>"
    )
    return document("A secret, shown once", head + parts)


def _section(section: Section) -> str:
    lines = "".join(f"<li>{_text(line)}</li>" for line in section.lines)
    if section.title == LOSSES:
        return f'<section class="lose"><h2>{escape(section.title)}</h2><ul>{lines}</ul></section>'
    return f"<section><h2>{_text(section.title)}</h2><ul>{lines}</ul></section>"


def _form(approval: Approval, seal: str, *, wrong: bool) -> str:
    warning = (
        '<p class="wrong" role="alert">The text does not match. Nothing was approved.</p>'
        if wrong
        else ""
    )
    typed = one_line(approval.preview.typed)
    # The first submit button is what the Enter key presses: with the text typed, that is meant.
    return (
        f'<form method="post" action="/approve/{escape(approval.token)}" autocomplete="off">'
        f'{warning}<input type="hidden" name="seal" value="{escape(seal)}">'
        f'<label for="typed">To approve, type <code>{escape(typed)}</code></label>'
        '<input class="typed" id="typed" name="typed" type="text" autocomplete="off" '
        f'autocapitalize="off" spellcheck="false"{" autofocus" if wrong else ""}>'
        '<div class="buttons">'
        '<button class="act" type="submit" name="answer" value="approve">Approve this call</button>'
        '<button type="submit" name="answer" value="deny">Refuse</button></div></form>'
    )


def _exact_call(approval: Approval) -> str:
    arguments = clean(json.dumps(approval.arguments, ensure_ascii=False, indent=2), 20_000)
    return (
        f"<details><summary>The exact call</summary><pre>{escape(approval.tool)} "
        f"{escape(arguments)}</pre></details>"
    )


def _text(text: str) -> str:
    """One line of a stranger's or our words, fenced off in its own writing direction."""
    return f"<bdi>{escape(clean(text))}</bdi>"


def _plain(value: JSON) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)
