"""What an error code means, what to do first, and who has to do it.

The knowledge is data: `errors.json`, one code per line, in our own words, with its origin. The
service's own short message stands beside it, because it is what people see on the console.
A code that nobody documents is answered all the same, and honestly: `known` is false.
"""

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

Code: TypeAlias = str
Actor = Literal["api", "source", "console", "support"]
Origin = Literal["reference", "faq", "field", "ours"]

GAP = "…"
"""Stands in a message where the service's parameter is missing."""

_MAX_PARAM = 300
_MAX_CODE = 64
_PLACEHOLDER = re.compile(r"%[sd]|\{\d+(?:\[(\d+)\])?\}")
_CODE = re.compile(r"(?:(?P<family>S[M3][SM]|APIGW?)[ ._-]?)?(?P<number>\d{1,4})", re.IGNORECASE)
_BETWEEN_CODES = re.compile(r"[\s,;、/]+")
_CODE_WITHIN = re.compile(
    r"(?<![a-z0-9])(?:S[M3][SM]|APIGW?)[ ._-]?\d{4}(?![a-z0-9])", re.IGNORECASE | re.ASCII
)


@dataclass(frozen=True, slots=True)
class Check:
    """Something to look at: where (`source`, `target`, `network`, `console`, `account`, `api`)."""

    where: str
    do: str


@dataclass(frozen=True, slots=True)
class ErrorKnowledge:
    """All that is known of one error code.

    `actor` is who takes the first step: `api` (a tool of this server can), `source` (a person on
    the source server), `console` (another service's console: ECS, EVS, VPC, IAM, billing),
    `support` (nobody outside the vendor knows; collect logs and open a ticket).
    `retry_safe`: once the first step is done, doing the same again loses nothing (True), is
    useless or harmful (False), or nobody knows (None).
    `full_copy_again`: all data has to be copied again from the start; None where nobody knows.
    `by_hand`: where a new task is needed, what people do themselves before the old one is deleted.
    `corrected` says where a published text is wrong; `caution` warns of a step that is risky.
    """

    code: Code
    known: bool
    message: str
    family: str
    cause: str
    first_step: str
    actor: Actor
    retry_safe: bool | None
    full_copy_again: bool | None
    checks: tuple[Check, ...] = ()
    fixes: tuple[str, ...] = ()
    by_hand: str = ""
    after: str = ""
    tools: tuple[str, ...] = ()
    origin: tuple[Origin, ...] = ()
    corrected: str | None = None
    caution: str | None = None


def explain(code: str, params: Sequence[object] = ()) -> ErrorKnowledge:
    """Explain a code, its message filled from `params` by position.

    Accepts `1414`, `sms.1414`, `SMS.1414` and `APIGW.0301`. A missing parameter leaves `…`. Where
    one code stands for different things, the parameters decide which is explained.
    Never fails: an undocumented code comes back with `known` false, raw, and with what little
    there is to say about it.
    """
    return _explained(normalize_code(code), tuple(_shown(param) for param in _listed(params)))


@lru_cache(maxsize=1_024)
def _explained(name: Code, params: tuple[str, ...]) -> ErrorKnowledge:
    """Hundreds of servers fail with the same few errors: each is explained once."""
    found = _catalogue().get(name)
    if found is None:
        return _unknown(name, params)
    message = fill(found.message, params) if found.known else _raw(name, params)
    said = " ".join(params)
    for case in _cases().get(name, ()):
        if case.match.search(said):
            return replace(found, message=message, **case.instead)
    return replace(found, message=message)


def all_codes() -> tuple[Code, ...]:
    """Every code there is an entry for, sorted; for completion and tests."""
    return tuple(sorted(_catalogue()))


def normalize_code(code: str) -> Code:
    """`1414`, `sms.1414` and the reference's misprint `S3M.1414` are all `SMS.1414`.

    What looks like no code comes back as it is, shortened and without unprintable characters.
    """
    text = _printable(code, _MAX_CODE).strip()
    match = _CODE.fullmatch(text)
    if match is None:
        return text
    family = (match["family"] or "SMS").upper()
    return f"{'APIGW' if family.startswith('API') else 'SMS'}.{match['number']:0>4}"


def codes_in(text: str) -> tuple[Code, ...]:
    """The codes that a text holds, each once, in their order.

    A code within a sentence has its family (`SMS.3802`, `sms 3802`, `APIGW.0301`), since four
    digits in a sentence may be a port or a year; where numbers are all there is, they are codes.
    """
    shown = unicodedata.normalize("NFKC", text)
    alone = [part for part in _BETWEEN_CODES.split(shown) if part]
    written = (
        alone
        if all(_CODE.fullmatch(part) for part in alone)
        else [match[0] for match in _CODE_WITHIN.finditer(shown)]
    )
    return tuple(dict.fromkeys(normalize_code(code) for code in written))


def fill(template: str, params: Sequence[object]) -> str:
    """Put parameters into a message: `%s` and `%d` in order, `{0[1]}` and `{1}` by number."""
    values = tuple(_shown(param) for param in _listed(params))
    in_order = iter(values)

    def value(match: re.Match[str]) -> str:
        if match[0].startswith("%"):
            return next(in_order, GAP)
        index = int(match[1] if match[1] is not None else match[0][1:-1])
        return values[index] if index < len(values) else GAP

    return _PLACEHOLDER.sub(value, template)


def _listed(params: Sequence[object]) -> Sequence[object]:
    """A single text, as a cut-off `error_param` leaves it, is one parameter and not its letters."""
    return [params] if isinstance(params, str) and params else params


def _shown(param: object) -> str:
    return GAP if param is None else _printable(str(param), _MAX_PARAM)


def _printable(text: str, limit: int) -> str:
    """Without control, zero-width and bidirectional characters, and not longer than `limit`."""
    kept = "".join(character for character in text[: limit * 4] if character.isprintable())
    return kept if len(kept) <= limit else kept[: limit - 1] + GAP


def _raw(name: str, params: Sequence[object]) -> str:
    shown = ", ".join(_shown(param) for param in _listed(params))
    return f"{name} ({shown})" if shown else name


def _unknown(name: str, params: Sequence[object]) -> ErrorKnowledge:
    return ErrorKnowledge(
        code=name,
        known=False,
        message=_raw(name, params),
        family="unknown",
        cause=(
            "This code is undocumented: it is neither in the reference nor in the FAQ. The code "
            "and its parameters are shown as the service sent them; the failing sub-task says "
            "more than a guess would."
        ),
        first_step=(
            "Read the task and see which sub-task failed; if that does not settle it, collect the "
            "Agent's logs (needs an OBS bucket) and open a ticket with the code, the parameters "
            "and the request id."
        ),
        actor="support",
        retry_safe=None,
        full_copy_again=None,
        tools=("get_migration_task", "upload_migration_task_logs"),
    )


@dataclass(frozen=True, slots=True)
class _Case:
    """What holds instead where a code's parameters say something of their own."""

    match: re.Pattern[str]
    instead: Mapping[str, Any]


@cache
def _rows() -> Sequence[dict[str, Any]]:
    text = (files(__package__) / "errors.json").read_text(encoding="utf-8")
    rows: Sequence[dict[str, Any]] = json.loads(text)
    return rows


@cache
def _catalogue() -> Mapping[Code, ErrorKnowledge]:
    return MappingProxyType({row["code"]: _entry(row) for row in _rows()})


@cache
def _cases() -> Mapping[Code, Sequence[_Case]]:
    return MappingProxyType(
        {
            row["code"]: [
                _Case(
                    re.compile(case["match"], re.IGNORECASE),
                    _values({key: case[key] for key in case if key != "match"}),
                )
                for case in row["by_params"]
            ]
            for row in _rows()
            if "by_params" in row
        }
    )


def _entry(row: dict[str, Any]) -> ErrorKnowledge:
    """One line of the file; what a line leaves out has the class's default."""
    own = {key: value for key, value in row.items() if key != "by_params"}
    return ErrorKnowledge(**{"known": True, **_values(own)})


def _values(row: dict[str, Any]) -> dict[str, Any]:
    """A row's values with its lists as tuples and its checks as checks."""
    lists: dict[str, Any] = {
        key: tuple(row[key]) for key in ("fixes", "tools", "origin") if key in row
    }
    if "checks" in row:
        lists["checks"] = tuple(Check(**check) for check in row["checks"])
    return {**row, **lists}
