"""Finding what a person means by a name, an address or an id. Never a guess.

Several that fit are listed, none that fits brings similar names.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final, Generic, TypeVar

from sms_tools.errors import RequestRefused
from sms_tools.fleet.server import Server
from sms_tools.text import one_line

_SHOWN: Final = 8
_SIMILAR: Final = 3

C = TypeVar("C")


@dataclass(frozen=True, slots=True)
class Choice(Generic[C]):
    """Something that can be named. Ids win over names: nobody types an id by accident."""

    item: C
    ids: Sequence[str]
    names: Sequence[str]
    also: str
    """What tells it from another of the same name, such as its address."""

    def describe(self) -> dict[str, str]:
        """The choice as a candidate, its name cleaned."""
        shown = {"name": one_line(next(iter(self.names), ""), 80), "id": next(iter(self.ids), "")}
        return {**shown, "address": self.also} if self.also else shown


class AmbiguousName(RequestRefused):
    """A name fits several; ``candidates`` are all of them, the message lists the first few."""

    def __init__(self, wanted: str, what: str, candidates: Sequence[dict[str, str]]) -> None:
        listed = "; ".join(_listed(each) for each in candidates[:_SHOWN])
        more = f"; and {len(candidates) - _SHOWN} more" if len(candidates) > _SHOWN else ""
        super().__init__(
            f'"{one_line(wanted, 80)}" fits {len(candidates)} {what}s: {listed}{more}.',
            advice="Ask which one is meant, and call again with its id.",
        )
        self.wanted, self.what = wanted, what
        self.candidates = candidates


class UnknownName(RequestRefused):
    """Nothing is called that; ``candidates`` are similar ones, if there are any."""

    def __init__(
        self,
        wanted: str,
        what: str,
        candidates: Sequence[dict[str, str]],
        where: str = "",
        of: int | None = None,
    ) -> None:
        listed = "; ".join(_listed(each) for each in candidates)
        super().__init__(
            f'There is no {what} with the name, address or id "{one_line(wanted, 80)}"{where}.'
            + (f" Similar: {listed}." if listed else ""),
            advice=f"Check the spelling; {_FINDERS[what]} shows what there is"
            + (f" ({of} in all)." if of else "."),
        )
        self.wanted, self.what = wanted, what
        self.candidates = candidates


_FINDERS: Final = {
    "server": "list_source_servers",
    "migration project": "list_migration_projects",
    "template": "list_templates",
}


def _listed(candidate: dict[str, str]) -> str:
    details = [candidate.get("address", ""), f"id {candidate['id']}"]
    return f"{candidate['name']} ({', '.join(filter(None, details))})"


def choose(wanted: str, choices: Sequence[Choice[C]], *, what: str, where: str = "") -> C:
    """The one of *choices* that *wanted* means.

    Raises:
        AmbiguousName: it fits several.
        UnknownName: it fits none.
    """
    key = _key(wanted)
    exact = [choice for choice in choices if wanted.strip() in choice.ids]
    for found in (
        exact,
        [choice for choice in choices if key in map(_key, filter(None, choice.ids))],
        [choice for choice in choices if key in map(_key, filter(None, choice.names))],
    ):
        if len(found) > 1:
            raise AmbiguousName(wanted, what, [each.describe() for each in found])
        if found:
            return found[0].item
    by_name = {_key(name): choice for choice in choices for name in choice.names}
    similar = [by_name[name].describe() for name in _near(key, list(by_name))]
    raise UnknownName(wanted, what, similar, where, len(choices))


def _key(text: str) -> str:
    """How texts are compared: as they are shown, without case, in one spelling of Unicode.

    NFKC, because an accent, a wide letter or a blank can be written in several ways that nobody
    sees. It is applied before and after folding, which may take letters apart again.
    """
    shown = one_line(unicodedata.normalize("NFKC", text), 1_000)
    return unicodedata.normalize("NFKC", shown.casefold())


def _near(key: str, names: Sequence[str]) -> Sequence[str]:
    """The names most like *key*: one that begins with it, as a host name does its FQDN, first."""
    beginning = (
        [name for name in names if name.startswith(key) or key.startswith(f"{name}.")]
        if key
        else []
    )
    beginning.sort(key=lambda name: (not name.startswith(f"{key}."), len(name), name))
    close = get_close_matches(key, names, n=_SIMILAR, cutoff=0.6)
    return list(dict.fromkeys([*beginning, *close]))[:_SIMILAR]


def chosen(
    servers: Sequence[Server], wanted: Sequence[str], *, where: str = ""
) -> Sequence[Server]:
    """The servers that *wanted* names, each once, in that order.

    Raises:
        AmbiguousName, UnknownName: one of the names does not mean exactly one server.
    """
    choices = [server_choice(server) for server in servers]
    exact = _by_id(servers)
    found: dict[int, Server] = {}
    for each in wanted:
        server = exact.get(each.strip()) or choose(each, choices, what="server", where=where)
        found[id(server)] = server
    return list(found.values())


def server_choice(server: Server) -> Choice[Server]:
    """A server as something that can be named: by id, by name or by address."""
    raw = server.source.name if server.source else None
    names = [name for name in dict.fromkeys((server.name, raw or "", server.ip or "")) if name]
    return Choice(server, (server.id,), names, server.ip or "")


def _by_id(servers: Sequence[Server]) -> dict[str, Server]:
    return {server.id: server for server in servers if server.id}
