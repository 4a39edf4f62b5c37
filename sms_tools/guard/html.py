"""The approval page's words and markup. There is no script.

Pages are trees, written out by the standard library: what is text stays text, whoever wrote it.
"""

import json
from collections.abc import Mapping
from typing import Final
from xml.etree import ElementTree as ET

from sms_tools.guard.approvals import Approval
from sms_tools.guard.pairing import PATH
from sms_tools.guard.subject import LOSSES, Section
from sms_tools.operation import JSON, Kind
from sms_tools.text import clean, one_line

Part = ET.Element | str | None
"""What stands in an element: another one, text, or nothing."""

_KINDS: Final = {
    Kind.READ: "Reads",
    Kind.WRITE: "Changes something",
    Kind.DESTRUCTIVE: "Destructive call",
    Kind.SECRET: "Reveals a secret",
    Kind.AGENT: "Speaks in the migration Agent’s place",
}
_FOOTER: Final = (
    "This page is served by sms-tools on this computer, for the Server Migration Service of "
    "Huawei Cloud. Opening it does nothing; only its buttons do."
)


def document(title: str, *body: Part, aside: str = "", foot: str = "") -> str:
    """A whole page."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="robots", content="noindex"),
        tag("title", title),
        tag("link", rel="stylesheet", href=f"{PATH}/style.css"),
    )
    shown = tag(
        "body",
        tag("header", tag("strong", "sms-tools"), tag("span", aside)),
        tag("main", *body),
        tag("footer", tag("p", _FOOTER), tag("p", foot) if foot else None),
    )
    page = ET.tostring(tag("html", head, shown, lang="en"), encoding="unicode", method="html")
    return f"<!doctype html>{page}"


def tag(name: str, /, *parts: Part, **attributes: str) -> ET.Element:
    """One element. An attribute's trailing underscore is dropped: ``class_``, ``for_``."""
    element = ET.Element(name, {key.rstrip("_"): value for key, value in attributes.items()})
    last: ET.Element | None = None
    for part in parts:
        if isinstance(part, ET.Element):
            element.append(part)
            last = part
        elif part and last is None:
            element.text = (element.text or "") + part
        elif part and last is not None:
            last.tail = (last.tail or "") + part
    return element


def question(
    approval: Approval,
    seal: str,
    minutes_left: int,
    entrance: Part,
    *,
    warning: str = "",
    parting: Part = None,
) -> str:
    """The page that asks. *entrance* says who may say yes, *parting* how to leave."""
    preview = approval.preview
    left = "less than a minute" if minutes_left < 1 else f"about {minutes_left} min"
    names = dict.fromkeys(each.name or each.id for each in preview.targets)
    said_no = (
        f"This was refused at {approval.decided_at:%H:%M} UTC, and the assistant was told. "
        "You can still say yes."
        if approval.decided_at
        else ""
    )
    return document(
        f"Approve? Request {approval.id}",
        tag(
            "div",
            tag("p", f"{_KINDS[approval.kind]}: may {approval.tool} be called?", class_="kind"),
            tag("p", "Account: ", _text(preview.account), class_="account"),
            tag("h1", _text(preview.headline)),
            tag("ul", *(tag("li", _text(name)) for name in names), class_="names")
            if names
            else None,
            tag(
                "p",
                "Asked for by ",
                tag("bdi", one_line(approval.caller, 250)),
                ", which cannot approve it itself.",
                class_="by",
            ),
            class_="head danger",
        ),
        *(_section(section) for section in preview.sections if section.lines),
        _form(approval, seal, entrance, said_no, warning),
        _exact_call(approval),
        parting,
        aside=f"Request {approval.id}, open until {approval.expires_at:%H:%M} UTC ({left} left)",
        foot="If you did not expect this question, refuse.",
    )


def notice(title: str, text: str, tone: str = "plain", *more: Part, kind: str = "") -> str:
    """A page that only tells: what became of a request."""
    head = tag(
        "div",
        tag("p", kind, class_="kind") if kind else None,
        tag("h1", _text(title)),
        tag("p", _text(text), class_="by"),
        class_=f"head {tone}",
    )
    return document(title, head, *more)


def button_form(action: str, seal: str, label: str, button: str) -> ET.Element:
    """A form with one button."""
    return tag(
        "form",
        _hidden(seal),
        tag("label", label),
        tag("div", tag("button", button, class_="show", type="submit"), class_="buttons"),
        method="post",
        action=action,
        autocomplete="off",
    )


def pairing_note(pair: str) -> ET.Element:
    """Whose yes counts on a person's own machine; *pair* is the command that pairs a browser."""
    return tag(
        "p",
        "A yes counts only from a browser that was paired once, in a terminal, with ",
        tag("code", pair),
        class_="pair",
    )


def login_note(name: str, fault: str | None) -> ET.Element:
    """Who is logged in as *name*, and why their yes would not count."""
    said = f" {fault}" if fault else " Your yes or no is written down with that name."
    return tag(
        "p", "You are logged in as ", tag("bdi", one_line(name, 120)), ".", said, class_="pair"
    )


def how_to_pair(pair: str) -> ET.Element:
    """What a person does, once, so that their browser may say yes."""
    return tag(
        "div",
        tag("p", "Run this in a terminal, and press the button that it leads to:"),
        tag("pre", pair),
        tag("p", "It pairs this browser for 30 days. Then load this page again."),
        class_="note",
    )


def secret(tool: str, fields: Mapping[str, JSON]) -> str:
    """The page that shows a secret."""
    head = tag(
        "div",
        tag("p", "Shown once", class_="kind"),
        tag("h1", tool),
        tag(
            "p",
            "Copy what you need now: this page cannot be loaded again. Nothing of it is stored, "
            "and the assistant did not receive it.",
            class_="by",
        ),
        class_="head go",
    )
    parts = (
        tag("section", tag("h2", one_line(str(name), 80)), tag("pre", _plain(value)))
        for name, value in fields.items()
        if value not in (None, "")
    )
    return document("A secret, shown once", head, *parts)


def _section(section: Section) -> ET.Element:
    lines = tag("ul", *(tag("li", _text(line)) for line in section.lines))
    title = tag("h2", _text(section.title))
    return tag("section", title, lines, class_="lose" if section.title == LOSSES else "plain")


def _form(approval: Approval, seal: str, entrance: Part, said_no: str, warning: str) -> ET.Element:
    approve = tag(
        "button", "Approve this call", class_="act", type="submit", name="answer", value="approve"
    )
    deny = tag("button", "Refuse", type="submit", name="answer", value="deny")
    field = tag(
        "input",
        class_="typed",
        id="typed",
        name="typed",
        type="text",
        autocomplete="off",
        autocapitalize="off",
        spellcheck="false",
    )
    typed = one_line(approval.preview.typed)
    # The first submit button is what the Enter key presses: with the text typed, that is meant.
    return tag(
        "form",
        tag("p", warning, class_="wrong", role="alert") if warning else None,
        tag("p", said_no, class_="wrong") if said_no else None,
        _hidden(seal),
        tag("label", "To approve, type ", tag("code", typed), for_="typed"),
        field,
        tag("div", approve, None if said_no else deny, class_="buttons"),
        entrance,
        method="post",
        action=f"{PATH}/approve/{approval.token}",
        autocomplete="off",
    )


def _exact_call(approval: Approval) -> ET.Element:
    arguments = clean(json.dumps(approval.arguments, ensure_ascii=False, indent=2), 20_000)
    return tag(
        "details",
        tag("summary", "The exact call"),
        tag("pre", f"{approval.tool} {arguments}"),
    )


def _hidden(seal: str) -> ET.Element:
    return tag("input", type="hidden", name="seal", value=seal)


def _text(text: str) -> ET.Element:
    """One line of a stranger's or our words, fenced off in its own writing direction."""
    return tag("bdi", clean(text))


def _plain(value: JSON) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)
