"""What is billed while a migration goes on, without prices: no read from here gives any.

SMS itself costs nothing. Its targets, their disks, public addresses, temporary disks, snapshots and
rehearsal clones do. What no record carries is inferred from the tasks, and said to be.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from sms_tools.fleet.server import Server
from sms_tools.knowledge.facts import TEMPORARY_DISK_GB

Item = Literal["made_target", "temporary_disk", "public_address", "snapshot", "clone"]

_SAYS: Final[Mapping[Item, str]] = {
    "made_target": "target ECSs with their disks, made from a template: until somebody deletes "
    "them",
    "temporary_disk": f"temporary pay-per-use disks of {TEMPORARY_DISK_GB} GB at the targets: "
    "until the migration ends",
    "public_address": "elastic IPs of these targets: until somebody releases them",
    "snapshot": "snapshots of target disks, made before a launch, a synchronisation of blocks or "
    "a clone: until somebody deletes them",
    "clone": "clones of rehearsals, each an ECS with disks: until somebody deletes them",
}
NOT_SEEN: Final = (
    "Counts are inferred from the tasks; prices, snapshots and public addresses are in no record "
    "of this service."
)


@dataclass(frozen=True, slots=True)
class Bill:
    """How many things of each kind are billed, or will be."""

    counts: Mapping[Item, int]

    @property
    def brief(self) -> dict[str, int]:
        """The counts alone, by kind; kinds of which there is none are left out."""
        return {item: self.counts[item] for item in _SAYS if self.counts.get(item)}

    def as_data(self) -> list[dict[str, Any]]:
        """One row a kind, in a fixed order; kinds of which there is none are left out."""
        return [
            {"what": item, "count": self.counts[item], "says": says}
            for item, says in _SAYS.items()
            if self.counts.get(item)
        ]


def billed_now(servers: Sequence[Server], with_address: Iterable[str] = ()) -> Bill:
    """What the tasks of *servers* have billed now; *with_address* are templates with an EIP."""
    addressed = set(with_address)
    made = [s for s in servers if s.target_id and s.template_id and not s.has_existing_target]
    open_tasks = [s for s in servers if s.sub_tasks and not s.was_launched and s.task_id]
    blocks = [
        s
        for s in servers
        if s.task_id and (s.was_launched or (s.phase == "syncing" and s.task_type != _FILES))
    ]
    return Bill(
        {
            "made_target": len(made),
            "temporary_disk": len(open_tasks),
            "public_address": sum(s.template_id in addressed for s in made),
            "snapshot": len(blocks),
            "clone": sum(bool(s.clone_id) for s in servers),
        }
    )


_FILES: Final = "MIGRATE_FILE"


@dataclass(frozen=True, slots=True)
class Planned:
    """One call of a plan, as far as its costs go."""

    tool: str
    operation: str = ""
    makes_target: bool = False
    with_address: bool = False


def billed_by(calls: Iterable[Planned]) -> Bill:
    """What the calls of a plan will have billed once they are done, or their tasks started."""
    counts: dict[Item, int] = dict.fromkeys(_SAYS, 0)
    for call in calls:
        if call.tool == "create_migration_task":
            counts["temporary_disk"] += 1
            counts["made_target"] += call.makes_target
            counts["public_address"] += call.with_address
        elif call.operation == "clone_test":
            counts["clone"] += 1
            counts["snapshot"] += 1
        elif call.operation == "test":
            counts["snapshot"] += 1
    return Bill(counts)
