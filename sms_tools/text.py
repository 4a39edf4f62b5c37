"""Text that strangers wrote: host names, error messages, process traces.

Such text is data. Before it reaches a person or a model it loses the characters that could hide
something in it or rearrange what stands around it, and it is cut to a bounded length.
"""

import unicodedata
from typing import Final

HIDDEN: Final = "[hidden]"
"""What stands in place of a secret in everything that leaves; it is never sent to the service."""
_KEPT = {"\n", "\t"}
# Cc control, Cf format (zero-width, bidirectional), Cs surrogate, Co private use, Zl/Zp separators.
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def clean(text: str, limit: int | None = None) -> str:
    """Return *text* without control, zero-width and bidirectional characters, cut to *limit*."""
    if not text.isprintable():
        text = "".join(c for c in text if c in _KEPT or unicodedata.category(c) not in _HIDDEN)
    if limit is not None and len(text) > limit:
        return text[: limit - 1] + "…"
    return text


def one_line(text: str, limit: int = 200) -> str:
    """Return *text* cleaned and on one line, for names and messages inside a sentence."""
    return clean(" ".join(text.split()), limit)


def guarded(cell: str) -> str:
    """*cell* so that a spreadsheet shows it and runs nothing; reading a sheet takes that off."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
