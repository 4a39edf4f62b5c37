"""The kinds of machines that the scenarios' servers are."""

from sms_tools.sandbox.model import DiskSpec, MachineSpec

_GIB = 1024**3
_EXT4, _XFS, _NTFS = "ext4", "xfs", "NTFS"

WEB = MachineSpec("LINUX", "CENTOS_7_9_64BIT", 4, 8 * _GIB, (DiskSpec(40, 14, _EXT4, "/"),))
API = MachineSpec("LINUX", "UBUNTU_22_4_64BIT", 8, 16 * _GIB, (DiskSpec(60, 21, _EXT4, "/"),))
APP = MachineSpec(
    "LINUX",
    "CENTOS_7_6_64BIT",
    8,
    32 * _GIB,
    (DiskSpec(80, 26, _XFS, "/"), DiskSpec(200, 120, _XFS, "/opt/app")),
    lvm=True,
)
ORACLE = MachineSpec(
    "LINUX",
    "REDHAT_7_9_64BIT",
    16,
    128 * _GIB,
    (
        DiskSpec(100, 38, _XFS, "/"),
        DiskSpec(800, 610, _XFS, "/u01"),
        DiskSpec(1_000, 720, _XFS, "/u02"),
    ),
    lvm=True,
)
MYSQL = MachineSpec(
    "LINUX",
    "UBUNTU_20_4_64BIT",
    16,
    64 * _GIB,
    (DiskSpec(60, 18, _EXT4, "/"), DiskSpec(1_000, 640, _EXT4, "/var/lib/mysql")),
)
BACKUP = MachineSpec(
    "LINUX",
    "SUSE_15_3_64BIT",
    8,
    32 * _GIB,
    (DiskSpec(80, 22, "btrfs", "/"), DiskSpec(500, 300, "btrfs", "/backup")),
    firmware="UEFI",
    btrfs=True,
)
WINDOWS = MachineSpec(
    "WINDOWS",
    "WINDOWS2019_64BIT",
    8,
    32 * _GIB,
    (DiskSpec(120, 62, _NTFS, "C:\\"), DiskSpec(500, 340, _NTFS, "D:\\")),
)
WINDOWS_SMALL = MachineSpec(
    "WINDOWS", "WINDOWS2016_64BIT", 4, 8 * _GIB, (DiskSpec(80, 45, _NTFS, "C:\\"),)
)
LEGACY = MachineSpec("LINUX", "CENTOS_5_8_64BIT", 2, 4 * _GIB, (DiskSpec(40, 11, "ext3", "/"),))
WINDOWS_2003 = MachineSpec(
    "WINDOWS", "WINDOWS2003_64BIT", 2, 4 * _GIB, (DiskSpec(40, 17, _NTFS, "C:\\"),)
)
