"""The former names of servers that this server itself renamed lately, told in every preview."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from sms_tools.fleet.renaming import Lately, Rename
from sms_tools.guard.subject import NOW, UNREAD, Preview, Section
from sms_tools.operation import JSON
from sms_tools.wording import named, plain

RENAMED: Final = "Renamed by this server on "
"""How the line about the one server of a preview begins."""
_MOST: Final = 5
"""Of so many renames of one server each is told, the latest first."""


def recalled(preview: Preview, lately: Lately) -> Preview:
    """*preview* with the former names of its servers, to which an approval is then bound.

    Where they could not be read it says so.
    """
    servers = _servers(preview.state)
    if not servers:
        return preview
    if lately.unread is not None:
        line = f"Whether this server renamed it lately: {plain(lately.unread, 200)}"
        return _with(preview, UNREAD, [line], {"renamed": None})
    alone = "source" in preview.state
    lines: list[str] = []
    bound: dict[str, JSON] = {}
    for source_id, name in servers.items():
        told = [*lately.by_source.get(source_id, ())][:_MOST]
        if told:
            bound[source_id] = [[each.former, each.name, _at(each)] for each in told]
        about = "" if alone else f"{named(name, source_id)}: "
        lines += [about + _line(each, name) for each in told]
    return _with(preview, NOW, lines, {"renamed": bound}) if lines else preview


def _line(rename: Rename, name: str | None) -> str:
    to = "" if rename.name == name else f" to {named(rename.name)}"
    before = (
        f"before that it was called {named(rename.former)}"
        if rename.former
        else "what it was called before could not be read"
    )
    return f"{RENAMED}{_at(rename)}{to}; {before}."


def _at(rename: Rename) -> str:
    return f"{rename.at:%Y-%m-%d %H:%M} UTC"


def _servers(state: Mapping[str, JSON]) -> dict[str, str | None]:
    """The names of the source servers that a preview is bound to, by id."""
    items = state.get("items")
    found: dict[str, str | None] = {}
    for item in (state, *(items if isinstance(items, list) else ())):
        source = item.get("source") if isinstance(item, Mapping) else None
        if isinstance(source, Mapping) and source.get("id"):
            name = source.get("name")
            found[str(source["id"])] = None if name is None else str(name)
    return found


def _with(preview: Preview, title: str, lines: list[str], state: dict[str, JSON]) -> Preview:
    """*preview* with *lines* in its section of this *title*: second there if it is about now."""
    sections = list(preview.sections)
    at = next((i for i, each in enumerate(sections) if each.title == title), None)
    if at is None:
        sections.insert(0 if title == NOW else len(sections), Section(title, lines))
    else:
        there = sections[at].lines
        first = 1 if title == NOW and "source" in preview.state else len(there)
        sections[at] = Section(title, [*there[:first], *lines, *there[first:]])
    return replace(preview, sections=sections, state={**preview.state, **state})
