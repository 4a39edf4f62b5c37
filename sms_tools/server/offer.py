"""Which tools a server offers, by selection.

What a client is told of each tool stands in ``listing.json`` beside this module, written from the
classes by :mod:`sms_tools.server.listing`. A server that starts reads that one file; the class of
a tool, and pydantic's work on it, is loaded when the tool is first called.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import import_module
from importlib.resources import files
from typing import Any, Final, Literal

from sms_tools.errors import SettingsError
from sms_tools.operation import Fields, Kind

Role = Literal["operation", "question", "plan", "guide"]

LISTING: Final = "listing.json"

GUIDED: Final = ("list_source_servers", "list_migration_tasks", "manage_migration_task")
"""The operations beside the questions and plans in the guided selection: what finds an id, and
what starts and pauses one task. All others are reached by find_operation and run_operation."""


@dataclass(frozen=True)
class Offered:
    """One tool as a client sees it, and where its class is."""

    name: str
    title: str
    description: str
    parameters: dict[str, Any]
    kind: Kind
    by_value: bool
    """Whether the arguments decide how dangerous a call is; `kind` is the worst then."""
    area: str
    role: Role
    idempotent: bool
    destructive: bool
    """The hint: whether something is lost that no call brings back. The guard goes by `kind`."""
    open_world: bool
    request: str
    """Method and path for an operation; empty for what makes several requests."""
    home: str
    """``module:Class``."""
    returns: dict[str, Any] | None = None
    """The output schema, where there is one."""

    @cached_property
    def model(self) -> type[Fields]:
        """The class of the tool's arguments."""
        module, _, name = self.home.partition(":")
        found: type[Fields] = getattr(import_module(module), name)
        return found

    @property
    def size(self) -> int:
        """Bytes that it takes in a conversation: name, description and input schema."""
        shown = {"name": self.name, "description": self.description, "inputSchema": self.parameters}
        return len(json.dumps(shown, ensure_ascii=False, separators=(",", ":")).encode())


def offered_tools(selection: str = "all") -> Sequence[Offered]:
    """The tools of *selection* (``all``, ``guided``, or areas separated by commas), in order.

    Raises:
        SettingsError: an area that does not exist.
    """
    written = _written()
    everything = [tool for tool in written if tool.role != "guide"]
    if selection == "all":
        return everything
    if selection == "guided":
        return [tool for tool in written if _is_everyday(tool)]
    areas = {area.strip() for area in selection.split(",")}
    known = list(dict.fromkeys(tool.area for tool in everything))
    if unknown := sorted(areas.difference(known)):
        raise SettingsError(
            f"--tools: there is no area {', '.join(map(repr, unknown))}.",
            advice=f"Give all, guided, or some of: {', '.join(known)}.",
        )
    return [tool for tool in everything if tool.area in areas]


def _is_everyday(tool: Offered) -> bool:
    return tool.role != "operation" or tool.name in GUIDED


@cache
def _written() -> Sequence[Offered]:
    """All that the listing has, read once."""
    listing = json.loads(files(__package__).joinpath(LISTING).read_text(encoding="utf-8"))
    return [Offered(**{**row, "kind": Kind(row["kind"])}) for row in listing]
