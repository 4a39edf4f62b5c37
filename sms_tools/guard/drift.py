"""What has changed between two readings of what an approval is bound to, in a person's words."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from sms_tools.operation import JSON
from sms_tools.text import one_line

_MOST: Final = 6


def changes(before: Mapping[str, JSON], after: Mapping[str, JSON]) -> Sequence[str]:
    """``source state: syncing, now stopped``: at most six differences, by their names."""
    found = list(_differences(before, after, ""))
    shown = found[:_MOST]
    if len(found) > _MOST:
        shown.append(f"and {len(found) - _MOST} more")
    return shown or ["something that was shown"]


def _differences(before: JSON, after: JSON, name: str) -> Iterator[str]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in dict.fromkeys([*before, *after]):
            inner = f"{name} {key}".strip().replace("_", " ")
            yield from _differences(before.get(key), after.get(key), inner)
    elif before != after:
        yield f"{name}: {_shown(before)}, now {_shown(after)}"


def _shown(value: JSON) -> str:
    if value in (None, "", [], {}):
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return one_line(str(value), 120)
