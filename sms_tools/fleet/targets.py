"""Which template is meant for a server, and whether its disks are large enough.

No record says which template somebody has in mind. Names do, where people name the two alike:
``shop-web`` for ``shop-web-01``, ``office-small`` for the project ``Office``. What is found that
way is a suggestion and says by what it was found.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from sms_tools.operations.hardware import DiskInfo
from sms_tools.operations.templates import Template
from sms_tools.text import one_line
from sms_tools.wording import size

_GIB: Final = 1024**3
_WORD: Final = re.compile(r"[^\W_]+")

By = Literal["server name", "project name", "only template"]


@dataclass(frozen=True, slots=True)
class Match:
    """A template that may be meant, and by what it was found."""

    template: Template
    by: By

    @property
    def name(self) -> str:
        """Its name, cleaned."""
        return one_line(self.template.name or self.template.id or "", 80)


def meant_for(
    templates: Sequence[Template], server_name: str, project_name: str | None
) -> Match | None:
    """The template whose name goes with the server's, else with its project's; None if unclear."""
    reusable = [each for each in templates if each.is_template is not False and each.id]
    asked: Sequence[tuple[By, str]] = (
        ("server name", server_name),
        ("project name", project_name or ""),
    )
    for by, name in asked:
        close = [(_shared(each.name or "", name, by), each) for each in reusable]
        best = max((score for score, _ in close), default=0)
        found = [each for score, each in close if score == best]
        if best and len(found) == 1:
            return Match(found[0], by)
    return Match(reusable[0], "only template") if len(reusable) == 1 else None


def _shared(template: str, name: str, by: By) -> int:
    """How many words the two begin with together; a server has to begin with the whole name."""
    one, other = _words(template), _words(name)
    count = 0
    for mine, theirs in zip(one, other, strict=False):
        if mine != theirs:
            break
        count += 1
    whole = len(one) if by == "server name" else min(len(one), len(other))
    return count if count and count == whole else 0


def _words(name: str) -> Sequence[str]:
    return _WORD.findall(name.casefold())


def too_small(template: Template, disks: Sequence[DiskInfo]) -> Sequence[str]:
    """What of *template*'s disks does not hold the source's; nothing where it names no disks.

    A template without disks has them made like the source's. Sizes of a template are GB, which
    the service counts as GiB.
    """
    made = sorted(template.disk or (), key=lambda disk: disk.index or 0)
    if not made:
        return []
    found = [
        f"disk {position} has {size((mine.size or 0) * _GIB)}, the source's {size(disk.size)}"
        for position, (mine, disk) in enumerate(zip(made, disks, strict=False))
        if mine.size is not None and disk.size is not None and mine.size * _GIB < disk.size
    ]
    if len(made) < len(disks):
        found.append(f"it has {len(made)} disks, the source {len(disks)}")
    return found


def disks_unclear(template: Template, disks: Sequence[DiskInfo]) -> bool:
    """Whether the two cannot be compared: a size is missing on one side."""
    made = template.disk or ()
    sizes = [disk.size for disk in (*made, *disks)]
    return bool(made) and any(each is None for each in sizes)


def shape_of(disks: Sequence[DiskInfo], cpus: int | None, memory: int | None) -> dict[str, object]:
    """What a target has to have at least: whole GB per disk, processors, memory in bytes."""
    rounded = [-(-(disk.size or 0) // _GIB) or None for disk in disks]
    shape: dict[str, object] = {"disks_gb": rounded}
    if cpus:
        shape["cpus"] = cpus
    if memory:
        shape["memory_bytes"] = memory
    return shape
