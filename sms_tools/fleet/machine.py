"""A source server as a machine, as its records describe it: system, disks, partitions, bytes.

The record is that of 5.3.8, or the row of the list where that could not be read.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sms_tools.fleet.server import Server
from sms_tools.operations.hardware import DiskInfo
from sms_tools.operations.source_servers import EnvironmentCheck, SourceServerDetail
from sms_tools.operations.source_servers.records import RecommendedTarget
from sms_tools.text import one_line

NO_BLOCK_LEVEL: Final = frozenset({"SMS.6616", "SMS.6617"})
"""What a check says of a server that cannot be copied block by block."""


@dataclass(frozen=True)
class SourceFacts:
    """One server and what was read of it."""

    server: Server
    now: datetime
    detail: SourceServerDetail | None
    """Its record of 5.3.8; None where that could not be read."""
    namesakes: int = 0
    """How many other servers have its name."""

    @property
    def disks(self) -> Sequence[DiskInfo]:
        """Its disks, the system disk first; the recommended target's where it has no detail."""
        if self.detail and self.detail.disks:
            return self.detail.disks
        source = self.server.source
        target = RecommendedTarget.read(source.init_target_server if source else None)
        return target.disks or ()

    @property
    def checks(self) -> Sequence[EnvironmentCheck]:
        """Its environment checks."""
        record = self.detail or self.server.source
        return (record.checks if record else None) or ()

    @property
    def linux(self) -> bool:
        """Whether it is a Linux server."""
        return self.server.os_type == "LINUX"

    @property
    def windows(self) -> bool:
        """Whether it is a Windows server."""
        return self.server.os_type == "WINDOWS"

    @property
    def os_version(self) -> str:
        """Its system as the service calls it."""
        record = self.detail or self.server.source
        return ((record.os_version if record else None) or "").strip().upper()

    @property
    def no_block_level(self) -> bool:
        """Whether a check says that it cannot be copied block by block."""
        return any(check.error_code in NO_BLOCK_LEVEL for check in self.checks)


@dataclass(frozen=True, slots=True)
class Part:
    """A partition or logical volume with what rules need."""

    name: str
    mount: str
    file_system: str
    size: int | None
    used: int | None
    boot: bool
    system: bool

    @property
    def free(self) -> int | None:
        """Its free bytes; None where either number is missing."""
        if self.size is None or self.used is None:
            return None
        return self.size - self.used


def parts_of(facts: SourceFacts) -> Iterator[Part]:
    """The partitions and logical volumes of a server's detail."""
    for position, disk in enumerate(facts.disks):
        for each in disk.physical_volumes or ():
            use = (each.device_use or "").upper()
            yield Part(
                one_line(each.name or "", 40) or f"partition of disk {position}",
                each.mount_point or "",
                (each.file_system or "").lower(),
                each.size,
                each.used_size,
                boot="BOOT" in use,
                system="OS" in use or each.mount_point == "/",
            )
    for group in (facts.detail.volume_groups if facts.detail else None) or ():
        for volume in group.logical_volumes or ():
            yield Part(
                one_line(volume.name or "", 60),
                volume.mount_point or "",
                (volume.file_system or "").lower(),
                volume.size,
                volume.used_size,
                boot=False,
                system=volume.mount_point == "/",
            )


def expected_bytes(facts: SourceFacts, task_type: str) -> int | None:
    """What a full copy will move: used space, but whole partitions for Linux blocks; or None.

    What belongs to a volume group counts by its logical volumes.
    """
    whole = facts.linux and task_type == "MIGRATE_BLOCK"
    groups = (facts.detail.volume_groups if facts.detail else None) or ()
    pieces = [] if whole else [v.used_size for g in groups for v in g.logical_volumes or ()]
    members = " ".join(group.components or "" for group in groups) if pieces else ""
    for disk in (facts.detail.disks if facts.detail else None) or ():
        volumes = disk.physical_volumes or ()
        if whole and not volumes:
            pieces.append(disk.size)
        counted = [
            v for v in volumes if not (v.name and v.name in members.replace(",", " ").split())
        ]
        pieces += [v.size if whole else v.used_size for v in counted]
    known = [piece for piece in pieces if piece is not None and piece >= 0]
    return sum(known) if known and len(known) == len(pieces) else None


def suggested_type(facts: SourceFacts) -> str | None:
    """File level for Linux, since it can be resumed and copies used space only; else block."""
    if facts.windows:
        return "MIGRATE_BLOCK"
    return "MIGRATE_FILE" if facts.linux else None
