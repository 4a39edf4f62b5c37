"""Whether a source server is fit to be migrated, as far as its records tell.

Each rule is a row of a table: a test on the record of 5.3.8 (or of the list, where that could not
be read), what it weighs, who acts and how. The rules are the reference's and the FAQ's; where the
two contradict, both are named and nothing is decided. What is not in a record is never taken as
good: an unread part weighs ``unknown``.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from sms_tools.fleet.server import Server
from sms_tools.knowledge import explain
from sms_tools.knowledge.errors import Actor
from sms_tools.knowledge.facts import (
    AGENT_SILENT_DAYS,
    MAX_DISKS_PER_SOURCE,
    MAX_LINUX_DISK_TB,
    MAX_SYSTEM_DISK_GB,
)
from sms_tools.operations.hardware import DiskInfo
from sms_tools.operations.source_servers import EnvironmentCheck, SourceServerDetail
from sms_tools.operations.source_servers.records import RecommendedTarget
from sms_tools.text import one_line
from sms_tools.wording import count_of, listed, size, span

Verdict = Literal["other_method", "repair_first", "unknown", "go"]
Weight = Literal["other_method", "repair_first", "unknown", "note"]

VERDICTS: Final[Sequence[Verdict]] = ("other_method", "repair_first", "unknown", "go")
"""The worst first."""

_GIB: Final = 1024**3
_MIB: Final = 1024**2
_LINUX_FILE_SYSTEMS: Final = frozenset({"ext2", "ext3", "ext4", "xfs", "vfat", "btrfs"})
_WINDOWS_FILE_SYSTEMS: Final = frozenset({"ntfs"})
_NO_FILE_SYSTEM: Final = frozenset({"", "swap", "linux-swap", "lvm2_member", "raw", "none"})
_FIRMWARE: Final = frozenset({"BIOS", "UEFI"})
_NO_NAME: Final = frozenset({"", "raw", "none"})
"""What stands for a file system that the Agent did not recognise."""
_BOOT_FILE_SYSTEMS: Final = frozenset({"vfat", "fat32", "fat", "fat16"})
_SYSTEMS: Final = (
    *("CENTOS", "REDHAT", "RHEL", "ORACLE", "ROCKY", "ALMA", "FEDORA", "AMAZON"),
    *("UBUNTU", "DEBIAN", "SUSE", "OPENSUSE", "SLES", "WINDOWS"),
    *("EULEROS", "OPENEULER", "HCE", "KYLIN", "NEOKYLIN", "UOS", "ANOLIS"),
)
"""How the names of known systems begin; whether a version is supported its checks say."""
_NO_BLOCK_LEVEL: Final = frozenset({"SMS.6616", "SMS.6617"})
_OTHER_METHOD_CODES: Final = frozenset({"SMS.6504"})

NOT_CHECKED: Final = (
    "RAID arrays, nested or thin LVM, raw devices, encrypted disks (BitLocker), multi-boot",
    "whether it is a domain controller, a node of a cluster or of a database over several nodes",
    "CPU and memory load of the source (at most 80 % CPU, more than 256 MB free)",
    "antivirus and security software, licences bound to hardware",
    "whether the path to the target is open: check_network_paths",
)
"""What no record carries before there is a task."""


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing that was found: what it is, what it weighs, who acts and how."""

    kind: str
    weight: Weight
    says: str
    actor: Actor
    how: str
    code: str | None = None

    def as_data(self) -> dict[str, Any]:
        """The remark as it stands in an answer."""
        row: dict[str, Any] = {
            "finding": self.says,
            "kind": self.kind,
            "weighs": self.weight,
            "actor": self.actor,
            "how": self.how,
        }
        return {**row, "code": self.code} if self.code else row


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
        return any(check.error_code in _NO_BLOCK_LEVEL for check in self.checks)


@dataclass(frozen=True, slots=True)
class _Part:
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
        if self.size is None or self.used is None:
            return None
        return self.size - self.used


def parts_of(facts: SourceFacts) -> Iterator[_Part]:
    """The partitions and logical volumes of a server's detail."""
    for position, disk in enumerate(facts.disks):
        for each in disk.physical_volumes or ():
            use = (each.device_use or "").upper()
            yield _Part(
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
            yield _Part(
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


def assess(facts: SourceFacts) -> Sequence[Remark]:
    """All remarks on one server, the gravest first."""
    found = [remark for rule in _RULES for remark in rule(facts)]
    order = ["other_method", "repair_first", "unknown", "note"]
    return sorted(found, key=lambda each: order.index(each.weight))


def verdict_of(remarks: Iterable[Remark]) -> Verdict:
    """The gravest weight; ``go`` only where nothing but notes is left."""
    weights = {remark.weight for remark in remarks}
    return next((verdict for verdict in VERDICTS if verdict in weights), "go")


def _unread(facts: SourceFacts) -> Iterator[Remark]:
    if facts.detail is None:
        yield Remark(
            "not_read",
            "unknown",
            "Its record could not be read: firmware, disks and partitions are not known.",
            "api",
            "Ask again; get_source_server says what keeps it from being read.",
        )
    elif not facts.detail.disks:
        yield Remark(
            "no_disks",
            "unknown",
            "Its record names no disks.",
            "source",
            "Restart the Agent, which reports them, and assess it again.",
        )
    elif unsized := [d for d in facts.detail.disks if not d.size or not d.physical_volumes]:
        yield Remark(
            "disks_incomplete",
            "unknown",
            f"Of {count_of(len(unsized), 'disk')} the record has no size or no partitions.",
            "source",
            "Check these disks on the source: raw, empty and unmounted ones come over empty.",
        )
    firmware = facts.detail.firmware if facts.detail else None
    if facts.detail is not None and (firmware or "").strip().upper() not in _FIRMWARE:
        shown = f" ({one_line(firmware, 20)})" if firmware and firmware.strip() else ""
        yield Remark(
            "firmware_unknown",
            "unknown",
            f"Its record does not say whether it boots with BIOS or UEFI{shown}.",
            "source",
            "Check on the source: a target needs the same firmware.",
        )


def _checks(facts: SourceFacts) -> Iterator[Remark]:
    if not facts.checks:
        yield Remark(
            "no_checks",
            "unknown",
            "The service has no results of environment checks for it.",
            "source",
            "Restart the Agent: it checks the server when it starts.",
        )
    for check in facts.checks:
        result = (check.result or "").upper()
        if result == "OK" or check.error_code in _NO_BLOCK_LEVEL:
            continue
        yield _failed(check, result)


def _failed(check: EnvironmentCheck, result: str) -> Remark:
    name = one_line(check.name or "a check", 40)
    params = [check.error_params] if check.error_params else list(check.params or ())
    known = explain(check.error_code, params) if check.error_code else None
    code = known.code if known else None
    if result not in ("ERROR", "WARN"):
        says = f"Check {name} has an undocumented result."
        return Remark("check_unclear", "unknown", says, "support", "Look at it on the console.")
    kind = "failed_check" if result == "ERROR" else "check_warning"
    weight: Weight = "note" if result == "WARN" else "repair_first"
    if code in _OTHER_METHOD_CODES:
        kind, weight = "system_unsupported", "other_method"
    elif code == "SMS.6509":
        kind = "file_system_unsupported"
    if known is None or not known.known:
        says = f"Check {name}: {result}" + (f" ({code})." if code else ", without a code.")
        return Remark(kind, weight, says, "source", "Look at this check on the console.", code)
    says = f"Check {name}: {known.cause}"
    return Remark(kind, weight, says, known.actor, known.first_step, code)


def _state(facts: SourceFacts) -> Iterator[Remark]:
    server = facts.server
    if server.state == "unavailable" and not server.failed_checks:
        yield Remark(
            "unavailable",
            "repair_first",
            "The service calls it unavailable without naming a check that failed.",
            "source",
            "Look at its checks on the console, then restart the Agent.",
        )
    if server.phase == "unknown":
        yield Remark(
            "phase_unknown",
            "unknown",
            "What it is doing is not known: its state is missing, new, or contradicts another.",
            "api",
            "Read it again: get_source_server.",
        )
    if server.connected is None:
        yield Remark(
            "connection_unknown",
            "unknown",
            "Nothing says whether its Agent is connected.",
            "source",
            "Check whether the Agent is running.",
        )
    if not server.offline:
        return
    since = server.connection_since
    ago = facts.now - since if since else None
    if ago and ago >= timedelta(days=AGENT_SILENT_DAYS):
        yield Remark(
            "stale_record",
            "repair_first",
            f"Its Agent has been disconnected for {span(ago)}: the record is as old, and the Agent "
            f"gives up after {AGENT_SILENT_DAYS} days without work.",
            "source",
            "Start the Agent on the source again, then assess it again.",
        )
        return
    yield Remark(
        "offline",
        "repair_first",
        "Its Agent is disconnected" + (f" for {span(ago)}." if ago else "; since when is unknown."),
        "source",
        "Check that the source and its Agent are running, its clock is right, and port 443 is open "
        "outwards.",
    )


def _system(facts: SourceFacts) -> Iterator[Remark]:
    if not (facts.linux or facts.windows) or not facts.os_version.startswith(_SYSTEMS):
        shown = one_line(facts.os_version, 60) or "no name"
        yield Remark(
            "system_unknown",
            "unknown",
            f"Its operating system ({shown}) is not recognised.",
            "source",
            "Compare the system with the vendor's list; without a match it goes another way.",
        )
    if facts.windows:
        yield Remark(
            "windows_by_template",
            "note",
            "Whether a Windows target is made from a template is doubtful: FAQ 2.18 says that one "
            "is never made, the API reference (5.4.1) does not say so.",
            "console",
            "Prepare an ECS of the same firmware with at least 2 GB of memory, and name its vm_id.",
        )


def _firmware(facts: SourceFacts) -> Iterator[Remark]:
    if facts.detail and (facts.detail.firmware or "").strip().upper() == "UEFI":
        yield Remark(
            "uefi",
            "repair_first",
            "It boots with UEFI: no target is made from a template.",
            "console",
            "Make an ECS from an image with boot mode UEFI, and migrate to it (vm_id).",
            "SMS.6535",
        )


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


def _needed(facts: SourceFacts, part: _Part) -> int | None:
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


def _types(facts: SourceFacts) -> Iterator[Remark]:
    if facts.no_block_level:
        yield Remark(
            "no_block_level",
            "note" if facts.linux else "unknown",
            "It cannot be migrated block by block.",
            "api",
            "Take MIGRATE_FILE."
            if facts.linux
            else "Windows is copied by blocks only: ask the vendor what is possible.",
            "SMS.6617",
        )
    record = facts.detail or facts.server.source
    if facts.linux and record is not None and record.has_tc is False:
        yield Remark(
            "no_traffic_control",
            "note",
            "It has no tc: a rate limit does not work and pauses the task (SMS.9007).",
            "source",
            "Install tc (with sch_cbq and route) first if its rate is to be limited.",
            "SMS.9007",
        )


def _name(facts: SourceFacts) -> Iterator[Remark]:
    if facts.namesakes:
        yield Remark(
            "name_twice",
            "note",
            f"{count_of(facts.namesakes, 'other server')} of the same name: names do not tell "
            "them apart.",
            "api",
            "Use ids, or rename one (update_source_server).",
        )


_RULES: Final[Sequence[Callable[[SourceFacts], Iterator[Remark]]]] = (
    _unread,
    _checks,
    _state,
    _system,
    _firmware,
    _disk_count,
    _disk_sizes,
    _file_systems,
    _space,
    _space_unknown,
    _types,
    _name,
)
