"""Server names inside a sentence: quoted, short and few, because strangers chose them."""

from collections.abc import Sequence
from typing import Final

from sms_tools.fleet.reading import Server
from sms_tools.text import one_line
from sms_tools.wording import listed

_NAMED: Final = 3
_LONGEST: Final = 40


def names_of(servers: Sequence[Server]) -> str:
    """``"a"``, ``"a", "b" and 3 more``: at most three names."""
    names = [f'"{one_line(server.name, _LONGEST)}"' for server in servers[:_NAMED]]
    more = len(servers) - len(names)
    return listed([*names, f"{more} more"] if more else names)
