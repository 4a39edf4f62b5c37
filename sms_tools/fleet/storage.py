"""Whether what a source server stores can be migrated: its disks, file systems and free space."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from sms_tools.fleet.machine import Part, SourceFacts, parts_of
from sms_tools.fleet.remark import Remark
from sms_tools.knowledge.facts import (
    MAX_DISKS_PER_SOURCE,
    MAX_LINUX_DISK_TB,
    MAX_SYSTEM_DISK_GB,
)
from sms_tools.text import one_line
from sms_tools.wording import listed, size

_GIB: Final = 1024**3
_MIB: Final = 1024**2
_LINUX_FILE_SYSTEMS: Final = frozenset({"ext2", "ext3", "ext4", "xfs", "vfat", "btrfs"})
_WINDOWS_FILE_SYSTEMS: Final = frozenset({"ntfs"})
_NO_FILE_SYSTEM: Final = frozenset({"", "swap", "linux-swap", "lvm2_member", "raw", "none"})
_NO_NAME: Final = frozenset({"", "raw", "none"})
"""What stands for a file system that the Agent did not recognise."""
_BOOT_FILE_SYSTEMS: Final = frozenset({"vfat", "fat32", "fat", "fat16"})


def _disk_count(facts: SourceFacts) -> Iterator[Remark]:
    if len(facts.disks) > MAX_DISKS_PER_SOURCE:
        yield Remark(
            "too_many_disks",
            "repair_first",
            f"It has {len(facts.disks)} disks; a target takes {MAX_DISKS_PER_SOURCE}.",
            "source",
            "Detach or merge disks and restart the Agent; what must stay has to be migrated by "
            "another method.",
            "SMS.1311",
        )


def _disk_sizes(facts: SourceFacts) -> Iterator[Remark]:
    for position, disk in enumerate(facts.disks):
        limit = _largest(facts, position)
        if not disk.size or limit is None or disk.size <= limit:
            continue
        kind = "system_disk_over_limit" if position == 0 else "linux_disk_over_limit"
        used = [part.used_size for part in disk.physical_volumes or ()]
        held = sum(each or 0 for each in used) if used and None not in used else None
        what = "system disk" if position == 0 else f"disk {one_line(disk.name or '', 40)}"
        says = f"Its {what} has {size(disk.size)}; a target's ends at {size(limit)}"
        code = "SMS.6537" if position == 0 else None
        if held is not None and held + _GIB > limit:
            says += f", and {size(held)} of it are in use."
            how = "It does not fit: move data away, or take another method, such as rsync."
            yield Remark(kind, "other_method", says, "source", how, code)
            continue
        how = (
            "Shrink it on the source, or as a Linux file-level migration give smaller partitions "
            "in the task (console, or target_server.disks): used space and 1 GB more."
        )
        yield Remark(kind, "repair_first", f"{says}.", "source", how, code)


def _largest(facts: SourceFacts, position: int) -> int | None:
    if position == 0:
        return MAX_SYSTEM_DISK_GB * _GIB
    return MAX_LINUX_DISK_TB * 1024 * _GIB if facts.linux else None


def _file_systems(facts: SourceFacts) -> Iterator[Remark]:
    known = _WINDOWS_FILE_SYSTEMS if facts.windows else _LINUX_FILE_SYSTEMS
    odd = [
        part
        for part in parts_of(facts)
        if part.file_system not in known | _NO_FILE_SYSTEM
        and not (part.boot and part.file_system in _BOOT_FILE_SYSTEMS)
    ]
    if odd:
        shown = listed([f"{p.mount or p.name} ({one_line(p.file_system, 20)})" for p in odd[:4]])
        whole = any(part.system for part in odd)
        yield Remark(
            "file_system_unsupported",
            "other_method" if whole else "repair_first",
            f"File systems that are not migrated: {shown}.",
            "source",
            "The system is on one: take another method."
            if whole
            else "Move the data to Ext2/3/4, XFS or NTFS and restart the Agent, or leave that disk "
            "out knowingly and copy it another way.",
            "SMS.6509",
        )
    if nameless := [p for p in parts_of(facts) if p.mount and p.file_system in _NO_NAME]:
        yield Remark(
            "file_system_unknown",
            "unknown",
            f"The file system of {listed([p.mount for p in nameless[:4]])} is not known.",
            "source",
            "Check on the source: Ext2/3/4, XFS and NTFS are migrated.",
        )
    btrfs = bool(facts.detail and facts.detail.btrfs_list)
    if btrfs or any(part.file_system == "btrfs" for part in parts_of(facts)):
        yield Remark(
            "btrfs",
            "unknown",
            "It has Btrfs: FAQ 4.1 says that it is not migrated, the API (5.4.1, btrfs_list) "
            "carries it; its consistency cannot be verified (FAQ 10.2).",
            "source",
            "Let the vendor confirm it, or move the data to Ext4 or XFS; plan a check of your own.",
        )


def _space(facts: SourceFacts) -> Iterator[Remark]:
    for part in parts_of(facts):
        free = part.free
        if free is None or not part.size:
            continue
        least = _needed(facts, part)
        if least is None or free >= least:
            continue
        kind = "little_space_for_agent" if facts.linux else "little_space_for_vss"
        use = "the Agent" if facts.linux else "the shadow copy (VSS)"
        yield Remark(
            kind,
            "repair_first",
            f"{part.mount or part.name} has {size(max(free, 0))} free; {use} needs {size(least)}.",
            "source",
            "Make room there; the record follows within two hours, or at once after an Agent "
            "restart.",
        )


def _needed(facts: SourceFacts, part: Part) -> int | None:
    if facts.linux:
        return {"/": 200 * _MIB, "/tmp": 100 * _MIB}.get(part.mount)  # noqa: S108
    if part.file_system != "ntfs" or part.size is None:
        return None
    return 320 * _MIB if part.size >= 600 * _MIB else 40 * _MIB


def _space_unknown(facts: SourceFacts) -> Iterator[Remark]:
    if facts.detail is None or not facts.detail.disks:
        return
    parts = list(parts_of(facts))
    roots = [p for p in parts if (p.mount == "/" if facts.linux else p.file_system == "ntfs")]
    if not roots or any(part.free is None for part in roots):
        where = "/" if facts.linux else "its NTFS volumes"
        yield Remark(
            "space_unknown",
            "unknown",
            f"Its record does not say how much is free on {where}.",
            "source",
            "Check on the source: Linux needs 200 MB on /, Windows 320 MB on each volume.",
        )


STORAGE_RULES: Final[Sequence[Callable[[SourceFacts], Iterator[Remark]]]] = (
    _disk_count,
    _disk_sizes,
    _file_systems,
    _space,
    _space_unknown,
)
