"""Finding a tool by what people call its work, in English or Chinese.

``words.json`` has two parts: groups of words that mean the same (English and Chinese on the two
sides of a bar, ``_`` inside a phrase), and for each tool what people say when they need it. A
question and a tool are compared by these meanings. One counts by how rare it is among the tools
and where it stands: in the tool's name or beside it in ``words.json``, or in its description. A
question that has the whole name of a tool means that tool.
"""

import json
import math
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from sms_tools.server.offer import Offered

_WORDS: Final = "words.json"
_LATIN: Final = re.compile(r"[a-z0-9]+")
_CHINESE: Final = re.compile(r"[\u4e00-\u9fff]+")
_SERVER_NAME: Final = re.compile(r"\b[a-z][a-z0-9]*(?:-[a-z0-9]+)*-\d+\b")
"""``db-ora-01`` says which server is meant, and nothing about what is to be done with it."""
_NOTHING: Final = frozenset(
    _LATIN.findall(
        "a an and are at be by can do does for from how i in into is it its me my of on or our "
        "please that the their them this to was we what which who will with you your want need"
    )
)
_ENDINGS: Final = ("ations", "ation", "ings", "ing", "ies", "ed", "es", "s", "e", "y")
_FAR: Final = 1.0
_NEAR: Final = 3.0


def search(query: str, tools: Sequence[Offered], most: int) -> list[Offered]:
    """Up to *most* of *tools*, best first; none where no word of *query* means anything."""
    wanted = meanings(_SERVER_NAME.sub(" ", query.casefold()))
    near = {tool.name: _near(tool.name) for tool in tools}
    anywhere = {tool.name: near[tool.name] | meanings(tool.description) for tool in tools}
    places = ((near, _NEAR), (anywhere, _FAR))
    rare = [Counter(word for words in place.values() for word in words) for place, _ in places]
    scores: dict[str, float] = {}
    for name in near:
        for word in wanted:
            for (place, weight), often in zip(places, rare, strict=True):
                if word in place[name]:
                    seldom = math.log(1 + len(tools) / often[word])
                    scores[name] = scores.get(name, 0.0) + weight * seldom
                    break
    named = {_stem(word) for word in _LATIN.findall(query.casefold())}
    whole = {name: {_stem(word) for word in name.split("_")} <= named for name in scores}
    found = [tool for tool in tools if tool.name in scores]
    return sorted(found, key=lambda tool: (not whole[tool.name], -scores[tool.name]))[:most]


@cache
def meanings(text: str) -> frozenset[str]:
    """What the words of *text* mean: the groups they belong to, and those that belong to none."""
    low = text.casefold()
    found = _english(low)
    for run in _CHINESE.findall(low):
        found += _han(run)
    return frozenset(found)


def _english(text: str) -> list[str]:
    said = _spoken()
    stems = [_stem(word) for word in _LATIN.findall(text)]
    plain = [word not in _NOTHING for word in _LATIN.findall(text)]
    found: list[str] = []
    at = 0
    while at < len(stems):
        for length in range(min(said.longest, len(stems) - at), 0, -1):
            if groups := said.groups.get(" ".join(stems[at : at + length])):
                found += groups
                break
        else:
            length = 1
            found += stems[at : at + 1] if plain[at] else []
        at += length
    return found


def _han(run: str) -> list[str]:
    """The meanings of a run of Chinese: known words, the longest first; the rest in pairs."""
    said = _spoken()
    found: list[str] = []
    at = start = 0
    while at < len(run):
        for length in range(min(said.longest_han, len(run) - at), 0, -1):
            if groups := said.groups.get(run[at : at + length]):
                found += [*groups, *_pairs(run[start:at])]
                at = start = at + length
                break
        else:
            at += 1
    return [*found, *_pairs(run[start:])]


def _pairs(run: str) -> list[str]:
    return [run[at : at + 2] for at in range(len(run) - 1)]


@dataclass(frozen=True, slots=True)
class _Spoken:
    """``words.json``, read."""

    groups: Mapping[str, Sequence[str]]
    """From a word, or a phrase of stems, to the groups that have it."""
    tools: Mapping[str, str]
    longest: int
    """Words of the longest English phrase."""
    longest_han: int
    """Characters of the longest Chinese word."""


@cache
def _spoken() -> _Spoken:
    text = files(__package__).joinpath(_WORDS).read_text(encoding="utf-8")
    written = json.loads(text)
    groups: dict[str, list[str]] = defaultdict(list)
    for number, line in enumerate(written["same"]):
        for word in line.casefold().replace("|", " ").split():
            known = word if _CHINESE.match(word) else " ".join(map(_stem, _LATIN.findall(word)))
            groups[known].append(f"#{number}")
    return _Spoken(
        groups,
        written["tools"],
        max(word.count(" ") + 1 for word in groups),
        max(len(word) for word in groups if _CHINESE.match(word)),
    )


@cache
def _near(name: str) -> frozenset[str]:
    said = _spoken().tools.get(name, "").replace("_", " ")
    return meanings(f"{name.replace('_', ' ')} | {said}")


def _stem(word: str) -> str:
    for end in _ENDINGS:
        if word.endswith(end) and len(word) - len(end) >= 3:
            return word.removesuffix(end)
    return word
