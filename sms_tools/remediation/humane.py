"""A report's values for somebody who looks at a page rather than reads a file into something."""

from collections.abc import Mapping

from sms_tools.operation import JSON
from sms_tools.wording import size


def humane(value: JSON, *, inside: bool = False) -> JSON:
    """*value* for somebody who looks: sizes with units, and of gates only what does not pass.

    The drawing has every gate; sentences on what passes would hide the one on what does not.
    """
    if isinstance(value, list):
        return [humane(each, inside=True) for each in value]
    if not isinstance(value, Mapping):
        return value
    found: dict[str, JSON] = {}
    for key, each in value.items():
        name = key.replace("_", " ") if inside else key
        if key == "findings" and isinstance(each, Mapping):
            found[name] = {k: v["says"] for k, v in each.items() if v["verdict"] != "pass"}
        elif key.endswith("_bytes") and not isinstance(each, Mapping):
            found[name.removesuffix("bytes").strip("_ ")] = None if each is None else size(each)
        elif key != "gates" or "findings" not in value:
            found[name] = humane(each, inside=True)
    return found


def fact(value: JSON) -> JSON:
    """A single value under its name: what is empty is none, which is not what is not known."""
    return "none" if value in ([], {}) else humane(value, inside=True)
