"""Finding a tool by what people call its work, in English or Chinese.

A word counts by how rare it is and where it stands: in the tool's name or beside it in
``words.json`` (what people say, each language on its side of the bar), or in its description.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Final

from sms_tools.server.offer import Offered

_WORDS: Final = "words.json"
_LATIN: Final = re.compile(r"[a-z0-9]+")
_CHINESE: Final = re.compile(r"[\u4e00-\u9fff]+")
_NOTHING: Final = frozenset(
    _LATIN.findall(
        "a an and are at be by can do does for from how i in into is it its me my of on or our "
        "please that the their them this to was we what which who will with you your want need"
    )
)
_FAR: Final = 1.0
_NEAR: Final = 3.0


def search(query: str, tools: Sequence[Offered], most: int) -> list[Offered]:
    """Up to *most* of *tools*, best first; none where no word of *query* means anything."""
    wanted = words_of(query)
    near = {tool.name: _near(tool.name) for tool in tools}
    far = {tool.name: set(words_of(tool.description)) for tool in tools}
    rare = Counter(word for name in near for word in near[name] | far[name])
    scores: dict[str, float] = {}
    for name in near:
        for word in wanted:
            weight = _NEAR if word in near[name] else _FAR if word in far[name] else 0.0
            if weight:
                seldom = math.log(1 + len(tools) / rare[word])
                scores[name] = scores.get(name, 0.0) + weight * seldom
    found = sorted((tool for tool in tools if tool.name in scores), key=lambda t: -scores[t.name])
    return found[:most]


def words_of(text: str) -> list[str]:
    """The words of *text* that say something: English ones by their stem, Chinese in pairs."""
    low = text.casefold()
    english = [_stem(word) for word in _LATIN.findall(low) if word not in _NOTHING]
    chinese = [
        run[at : at + 2] for run in _CHINESE.findall(low) for at in range(max(1, len(run) - 1))
    ]
    return list(dict.fromkeys([*english, *chinese]))


@cache
def _near(name: str) -> frozenset[str]:
    return frozenset([*words_of(name.replace("_", " ")), *words_of(_spoken().get(name, ""))])


@cache
def _spoken() -> Mapping[str, str]:
    text = files(__package__).joinpath(_WORDS).read_text(encoding="utf-8")
    words: Mapping[str, str] = json.loads(text)
    return words


def _stem(word: str) -> str:
    for end in ("ations", "ation", "ings", "ing", "ies", "ed", "es", "s", "e", "y"):
        if word.endswith(end) and len(word) - len(end) >= 3:
            return word.removesuffix(end)
    return word
