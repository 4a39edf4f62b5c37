"""Digests of data, and short ids that a person can read aloud. Both in one form everywhere."""

import hashlib
import json
import secrets
from collections.abc import Mapping
from typing import Any, Final

_ALPHABET: Final = "ABCDEFGHJKMNPQRSTVWXYZ23456789"  # nothing that is mistaken for something else


def digest(value: Any) -> str:
    """SHA-256 of *value* as canonical JSON: keys sorted, tuples as lists, other types by `str`."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()


def text_digest(text: str) -> str:
    """SHA-256 of *text*: of anything that is a text, bytes that were none in it included."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, (set, frozenset, tuple)) else str(value)


def short_id(groups: int = 2, length: int = 4) -> str:
    """A random id in groups of letters and digits that cannot be confused: ``K7QM-42XD``."""
    letters = [[secrets.choice(_ALPHABET) for _ in range(length)] for _ in range(groups)]
    return "-".join("".join(group) for group in letters)
