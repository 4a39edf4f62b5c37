"""`new-fleet`: forty servers fresh from their Agents, none with a task, each kind of trouble once.

Three networks, each with its template: one whose template has small disks, one whose security
group lets nothing in. What is planted stands in `TROUBLES`, by server: whoever assesses the fleet
must find all of it, and must call every other server fit.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final, TypeAlias

from sms_tools.sandbox import hardware
from sms_tools.sandbox.cloud import Cloud
from sms_tools.sandbox.model import (
    CheckResult,
    DiskSpec,
    MachineSpec,
    Project,
    Record,
    Source,
)
from sms_tools.sandbox.pace import DAY, HOUR, MINUTE
from sms_tools.sandbox.scenarios import machines
from sms_tools.sandbox.scenarios.story import Story

_GIB: Final = 1024**3
_MIB: Final = 1024**2
CLOSED_NETWORK: Final = "subnet-branch"
"""The subnet whose security group lets no migration in."""
SMALL_TEMPLATE: Final = "office-small"
"""The template whose disks are smaller than those of `crm-big-01`."""
TEMPLATE_OF: Final[Mapping[str, str]] = MappingProxyType(
    {"DataCentre": "datacentre", "Office": SMALL_TEMPLATE, "Branch": "branch"}
)
"""By migration project: the template that is meant for its servers."""
_ADDRESSES: Final = {"DataCentre": "10.8", "Office": "172.16", "Branch": "192.168"}


@dataclass(frozen=True, slots=True)
class Planted:
    """One trouble: what it is, what may be said of its server, and by which code it is known.

    `verdicts` are the ones of `go`, `repair_first`, `other_method` and `unknown` that are right.
    `code` is with what the service refuses, or what a check reports; None: nothing says it.
    """

    kind: str
    verdicts: frozenset[str]
    code: str | None = None


_REPAIR: Final = frozenset({"repair_first"})
_OTHER: Final = frozenset({"other_method"})
_OPEN: Final = frozenset({"unknown", "repair_first"})
_NOT_FIT: Final = frozenset({"repair_first", "other_method", "unknown"})
_BESIDE: Final = frozenset({"go", "repair_first", "unknown"})
"""Nothing that forbids a migration: it has to be said, with whichever verdict."""

_DOUBT: Final = Planted("windows_by_template", _BESIDE)

TROUBLES: Final[Mapping[str, Sequence[Planted]]] = MappingProxyType(
    {
        "store-01": (Planted("too_many_disks", _OTHER | _REPAIR, "SMS.1311"),),
        "dwh-01": (Planted("system_disk_over_limit", _NOT_FIT, "SMS.6537"),),
        "lake-01": (Planted("linux_disk_over_limit", _OTHER | _REPAIR),),
        "kvm-uefi-01": (Planted("uefi", _REPAIR, "SMS.6535"),),
        "win-file-01": (_DOUBT,),
        "backup-01": (Planted("btrfs", frozenset({"go"}) | _NOT_FIT),),
        "legacy-fs-01": (Planted("file_system_unsupported", _OTHER | _REPAIR, "SMS.6509"),),
        "scan-01": (Planted("file_system_unsupported", _NOT_FIT),),
        "tiny-root-01": (Planted("little_space_for_agent", _REPAIR),),
        "win-vss-01": (Planted("little_space_for_vss", _REPAIR), _DOUBT),
        "appliance-01": (Planted("system_unknown", frozenset({"unknown"})),),
        "centos5-01": (Planted("system_unsupported", _OTHER | _REPAIR, "SMS.6504"),),
        "crm-big-01": (Planted("template_disks_too_small", _REPAIR, "SMS.6614"),),
        "no-rsync-01": (Planted("failed_check", _REPAIR, "SMS.6517"),),
        "win-oem-01": (Planted("failed_check", _NOT_FIT, "SMS.6510"), _DOUBT),
        "kernel-01": (Planted("no_block_level", _BESIDE, "SMS.6617"),),
        "no-tc-01": (Planted("no_traffic_control", _BESIDE, "SMS.9007"),),
        "stale-01": (Planted("stale_record", _OPEN),),
        "moved-01": (Planted("offline", _OPEN),),
        "silent-01": (Planted("no_checks", frozenset({"unknown"})),),
        "twin-01": (Planted("name_twice", _BESIDE),),
    }
)
"""All that is planted, by the server's name; a server that is not here is fit.

Those of the network `CLOSED_NETWORK` (project `Branch`) are fit as servers all the same: it is
their way to the target that is closed.
"""

_EXT4, _XFS, _NTFS = "ext4", "xfs", "NTFS"
_KINDS: Final = (machines.WEB, machines.API, machines.APP, machines.MYSQL)
_Make: TypeAlias = Callable[[Source, int], None]


def _linux(*disks: DiskSpec, version: str = "UBUNTU_22_4_64BIT", **more: bool) -> MachineSpec:
    return MachineSpec("LINUX", version, 8, 16 * _GIB, disks, **more)  # type: ignore[arg-type]


_ROOT: Final = DiskSpec(40, 12, _EXT4, "/")
_SPECS: Final[Mapping[str, MachineSpec]] = MappingProxyType(
    {
        "store-01": _linux(
            _ROOT, *(DiskSpec(100, 60, _XFS, f"/store/{number:02d}") for number in range(23))
        ),
        "dwh-01": _linux(DiskSpec(2_000, 340, _XFS, "/")),
        "lake-01": _linux(_ROOT, DiskSpec(17 * 1024, 9_000, _XFS, "/lake")),
        "kvm-uefi-01": replace(machines.API, firmware="UEFI"),
        "win-file-01": machines.WINDOWS,
        "backup-01": replace(machines.BACKUP, firmware="BIOS"),
        "legacy-fs-01": _linux(_ROOT, DiskSpec(60, 20, "reiserfs", "/data")),
        "scan-01": _linux(_ROOT, DiskSpec(80, 31, "jfs", "/scans")),
        "tiny-root-01": machines.WEB,
        "win-vss-01": machines.WINDOWS,
        "appliance-01": _linux(_ROOT, version="OTHER_LINUX_64BIT"),
        "centos5-01": machines.LEGACY,
        "crm-big-01": machines.APP,
        "no-rsync-01": machines.WEB,
        "win-oem-01": machines.WINDOWS_SMALL,
    }
)
"""The machines of those whose trouble is in the machine; the others are ordinary ones."""

_FINDINGS: Final[Mapping[str, CheckResult]] = MappingProxyType(
    {
        "legacy-fs-01": CheckResult("FILE_SYSTEM", "ERROR", "SMS.6509", "reiserfs"),
        "centos5-01": CheckResult("OS_VERSION", "ERROR", "SMS.6504"),
        "no-rsync-01": CheckResult("RSYNC", "ERROR", "SMS.6517"),
        "win-oem-01": CheckResult("OEM_SYSTEM", "ERROR", "SMS.6510"),
        "kernel-01": CheckResult("LINUX_BLOCK_SUPPORT", "WARN", "SMS.6617"),
    }
)


def new_fleet(cloud: Cloud, servers: int, seed: int) -> None:
    """The fleet on the morning after its Agents were installed; more than forty are fit ones."""
    story = Story(cloud, seed)
    waves = [story.wave(name) for name in TEMPLATE_OF]
    story.template("datacentre", "subnet-datacentre", flavor="m6.2xlarge.8")
    small = story.template(SMALL_TEMPLATE, "subnet-office")
    small.fields["disk"] = [
        _template_disk(0, 60, "system"),
        _template_disk(1, 120, "data"),
    ]
    branch = story.template("branch", CLOSED_NETWORK)
    cause = story.cause(f"security group of {CLOSED_NETWORK}")
    cloud.closed_networks[branch.fields["nics"][0]["id"]] = cause
    for name in TROUBLES:
        _plant(story, name, waves[1] if name == "crm-big-01" else waves[0])
    _fit(story, "twin-01", machines.WEB, waves[2])
    for number in range(len(cloud.sources), max(servers, len(cloud.sources))):
        kind, wave = _KINDS[number % len(_KINDS)], waves[number % len(waves)]
        kind = machines.WEB if wave is waves[1] else kind
        _fit(story, f"{wave.fields['name'].lower()}-{number + 1:03d}", kind, wave)


def _template_disk(index: int, size: int, name: str) -> Record:
    use = "NORMAL" if index else "BOOT"
    return {
        "id": index,
        "index": index,
        "name": name,
        "disktype": "SSD",
        "size": size,
        "device_use": use,
    }


def _fit(story: Story, name: str, kind: MachineSpec, wave: Project) -> Source:
    days = 0.5 + story.random.random()
    network = _ADDRESSES[str(wave.fields["name"])]
    source = story.server(name, kind, wave, days=days, network=network)
    story.truth(source, "waiting")
    return source


def _plant(story: Story, name: str, wave: Project) -> None:
    finding = _FINDINGS.get(name)
    source = story.server(
        name,
        _SPECS.get(name, machines.API),
        wave,
        days=45 if name == "stale-01" else 0.5 + story.random.random(),
        findings=[finding] if finding else (),
        network=_ADDRESSES[str(wave.fields["name"])],
    )
    if make := _MAKES.get(name):
        make(source, story.present)
    failed = finding is not None and not source.ready
    phase = "unavailable" if failed else "waiting"
    story.truth(source, phase, failure=finding.code if finding and failed else None)


def _full(volume: int, left: int) -> _Make:
    """Leave so many MiB free on one partition of the first disk."""

    def make(source: Source, _: int) -> None:
        reported = hardware.disks(source)
        partition = reported[0]["physical_volumes"][volume]
        partition["used_size"] = partition["size"] - left * _MIB
        source.overrides["disks"] = reported

    return make


def _without_tc(source: Source, _: int) -> None:
    source.has_tc = False


def _away(ago: int) -> _Make:
    def make(source: Source, present: int) -> None:
        source.offline.append((present - ago, None))

    return make


def _unchecked(source: Source, _: int) -> None:
    source.unchecked = True


_MAKES: Final[Mapping[str, _Make]] = MappingProxyType(
    {
        "tiny-root-01": _full(1, 120),
        "win-vss-01": _full(1, 200),
        "no-tc-01": _without_tc,
        "stale-01": _away(44 * DAY),
        "moved-01": _away(3 * HOUR + 5 * MINUTE),
        "silent-01": _unchecked,
    }
)
