"""Taking secrets out of what leaves: results, errors, previews, the state, the audit.

One function. It knows the names under which the service and its users carry secrets, and the
secrets that this installation was configured with; it looks at every depth and keeps the shape.
Names are compared without case, blanks, ``_`` and ``-``. Every expression here reads a stranger's
text in time that grows with its length and no faster: what repeats is possessive or bounded.
"""

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final
from urllib.parse import quote

from sms_tools.operation import JSON
from sms_tools.text import HIDDEN, clean

__all__ = ["HIDDEN", "holding_secrets", "is_secret_name", "redact"]

_WHOLE: Final = frozenset({"auth", "authorization", "sig", "xauth"})
"""Names that are a secret's as a whole, without what separates their words."""
_PARTS: Final = (
    "accesskey",
    "adminpass",  # how an elastic cloud server's first password is called
    "apikey",
    "certkey",
    "cookie",
    "credential",
    "encodedauthorisationmessage",
    "encodedauthorizationmessage",  # in the 403 samples
    "encodedauthorizedmessage",  # in the tables
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "secret",
    "shareurl",  # whoever has the link reads the logs
    "signature",
    "sshkey",
    "token",
)
_LAST_WORDS: Final = ("ak", "sk", "pkey", "pwd", "passcode")
"""Secret where they are a name's last word: `obs_sk`, `MYSQL_PWD`; a disk's or a task's are not."""
_KEYS: Final = frozenset({"configkey", "field", "header", "key", "name", "parameter", "variable"})
_VALUES: Final = frozenset({"configvalue", "value", "values"})
"""What stands under one of these is named by what stands under one of the keys beside it."""

_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_]+")
_OURS: Final = re.compile(
    r"(?:check|collect|create|delete|get|list|register|set|show|sign|update|upload)_\w+"
)
"""Names of operations; before a colon they begin a sentence about the call."""
_PRIVATE_KEY: Final = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL
)
_LINE: Final = re.compile(
    r"(?i)(?P<before>(?:authorization|(?<![\w-])(?:set-)?cookie)\\?[\"']?\s*+[:=]\s*+\\?[\"']?)"
    r"(?P<value>[^\n\"'\\]++)"
)
"""Headers whose value is the rest of the line."""
_LOGIN: Final = re.compile(
    r"(?<![\w.+-])(?!mailto:)(?P<user>[\w.+-]*+):[^\s/\"']{1,128}@(?=[\w\[])"
)
"""`user:password@host`, in an address or alone. A password may hold an @ itself."""
_PHRASE: Final = (
    r"secret access key|access key(?: id)?|(?:secret|private|api|ssh) key|pass phrase|"
    r"(?:auth|authentication|security) token|log share url"
)
_QUOTE: Final = r"\\{0,8}[\"']"
_NAMED: Final = re.compile(
    rf"(?i)(?<![\w.-])(?P<name>{_PHRASE}|[\w.-]++)(?P<mark>(?:{_QUOTE})?\s*+(?:[=:]|：|＝)\s*+)"
    rf"(?:(?P<quote>{_QUOTE})(?P<quoted>[^\n]{{1,400}}?)(?P=quote)|"
    rf"(?P<open>(?:{_QUOTE})?)(?P<bare>[^\s\"'\\,;&}}\])]++))"
)
_MARK: Final = re.compile(r"[=:：＝]")
"""Without one a text names nothing."""
_MORE_WORDS: Final = re.compile(r"(?:(?<![.!?]) (?![\w.-]++\s*+[=:])[^\s\"'\\,;&}\])]++)++")
"""The rest of an unquoted value that holds blanks, up to what ends it."""
_LONGEST_NAME: Final = 128
_SHORTEST: Final = 4
"""A configured value that is shorter hides nothing and would garble ordinary words."""
_LONGEST_JSON: Final = 1_000_000


@lru_cache(maxsize=4096)
def is_secret_name(name: str) -> bool:
    """Whether a field called *name* carries a secret."""
    words = _WORDS.findall(unicodedata.normalize("NFKC", clean(name)))
    joined = "".join(words).casefold()
    if joined in _WHOLE or any(part in joined for part in _PARTS):
        return True
    last = words[-1].casefold() if words else ""
    return last in _LAST_WORDS or last.endswith("pwd") or (last == "pass" and len(words) > 1)


def redact(value: JSON, extra_secrets: Sequence[str] = ()) -> JSON:
    """A copy of *value* (JSON) with secrets replaced by ``[hidden]`` and its texts cleaned.

    A secret is what stands under a secret's name, or beside it as its value; a private key in
    PEM; a login in an address; ``password=…`` or JSON inside a text; and each of *extra_secrets*
    wherever it occurs. Null, empty and true/false stay.
    """
    return _redact(value, _known(tuple(extra_secrets)))


def holding_secrets(values: Mapping[str, JSON], extra_secrets: Sequence[str] = ()) -> Sequence[str]:
    """The names in *values* under which :func:`redact` would hide something."""
    return [
        name
        for name, each in values.items()
        if _hiding(redact({name: each}, extra_secrets)) > _hiding(each)
    ]


def _hiding(value: JSON) -> int:
    return json.dumps(value, ensure_ascii=False).count(HIDDEN)


@lru_cache(maxsize=8)
def _known(secrets: tuple[str, ...]) -> Sequence[str]:
    """How *secrets* may stand in a text, the longest first."""
    known = {each for s in secrets if len(s) >= _SHORTEST for each in _spellings(s)}
    return sorted(known, key=len, reverse=True)


def _spellings(secret: str) -> Sequence[str]:
    """*secret* as it stands, in an address and in JSON."""
    return (secret, quote(secret, safe=""), json.dumps(secret)[1:-1])


def _redact(value: JSON, known: Sequence[str]) -> JSON:
    if isinstance(value, dict):
        named = _names_a_secret(value)
        return {
            _text(key, known) if isinstance(key, str) else key: (
                _hidden(each)
                if isinstance(key, str)
                and (is_secret_name(key) or (named and _plain(key) in _VALUES))
                else _redact(each, known)
            )
            for key, each in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [_redact(each, known) for each in value]
    return _text(value, known) if isinstance(value, str) else value


def _names_a_secret(value: Mapping[str, JSON]) -> bool:
    """Whether *value* is a pair of a secret's name and the secret."""
    return any(
        isinstance(each, str)
        and len(each) < _LONGEST_NAME
        and _plain(key) in _KEYS
        and is_secret_name(each)
        for key, each in value.items()
    )


def _plain(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def _hidden(value: JSON) -> JSON:
    """Whatever stands under a secret's name, hidden leaf by leaf."""
    if isinstance(value, dict):
        return {key: _hidden(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_hidden(each) for each in value]
    return value if value is None or value == "" or isinstance(value, bool) else HIDDEN


def _text(text: str, known: Sequence[str]) -> str:
    cleaned = clean(text)
    for secret in known:
        cleaned = cleaned.replace(secret, HIDDEN)
    if not _MARK.search(cleaned):
        return _PRIVATE_KEY.sub(HIDDEN, cleaned) if "PRIVATE KEY" in cleaned else cleaned
    if cleaned[:1] in ("{", "["):
        cleaned = _as_json(cleaned)
    if "PRIVATE KEY" in cleaned:
        cleaned = _PRIVATE_KEY.sub(HIDDEN, cleaned)
    cleaned = _LINE.sub(rf"\g<before>{HIDDEN}", cleaned)
    if "@" in cleaned:
        cleaned = _LOGIN.sub(rf"\g<user>:{HIDDEN}@", cleaned)
    return _without_named(cleaned)


def _as_json(text: str) -> str:
    """*text*, with the secrets of the JSON that it is taken out; as it is, if it is none."""
    if len(text) > _LONGEST_JSON:
        return text
    try:
        value = json.loads(text)
        hidden = _redact(value, ())
        changed: bool = hidden != value
    except (ValueError, RecursionError):
        return text
    return json.dumps(hidden, ensure_ascii=False) if changed else text


def _without_named(text: str) -> str:
    """*text* without the values that follow a secret's name."""
    parts, done, pair = [], 0, False
    while found := _NAMED.search(text, done):
        parts.append(text[done : found.start()])
        done = found.end()
        name, mark = found["name"], found["mark"]
        about_a_call = "=" not in mark and mark.endswith(" ") and _OURS.fullmatch(name)
        secret = is_secret_name(name) or (pair and _plain(name) in _VALUES)
        if about_a_call or not secret:
            if _plain(name) in _KEYS:
                pair = is_secret_name((found["quoted"] or found["bare"])[:_LONGEST_NAME])
            # What follows may be a name itself: `details: password=…`.
            done = found.end("mark")
            parts.append(text[found.start() : done])
            continue
        if found["bare"] is not None and "=" in mark and (more := _MORE_WORDS.match(text, done)):
            done = more.end()
        ends = found["quote"] or ""
        parts.append(f"{name}{mark}{ends or found['open']}{HIDDEN}{ends}")
    return "".join([*parts, text[done:]])
