"""A machine's parts, as several operations send and return them: disks with their partitions,
Btrfs file systems, LVM volume groups and network interfaces.

Sizes are whole bytes throughout. The models that end in ``Info`` are what the service reports;
those for requests follow, since callers copy them out of a report. Where the reference's tables
and the wire spell a field differently (``subvolumn``, ``default_subvolid``, ``global_reserve1``),
the wire's spelling stands here.
"""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, WithJsonSchema, model_validator

from sms_tools.operation import Reply
from sms_tools.operations.common import Echoed, Int, Long, Text, note_dropped

Bytes = Annotated[Long, Field(description="Bytes.")]
Named = Annotated[Text, Field(description="Name.")]
Mount = Annotated[Text, Field(description="Path.")]
FileSystem = Annotated[Text, Field(description="E.g. xfs, NTFS.")]
# The service's own documentation says both "number" and "size" of inodes; samples carry the size.
InodeSize = Annotated[Int, Field(description="Inode size.")]
InodeCount = Annotated[Long, Field(description="Inodes.")]
Uuid = Annotated[Text, Field(description="UUID.")]
Profile = Annotated[Text, Field(description="RAID profile.")]

# The tables document BOOT and OS; the samples use the others as well.
DiskUse = Literal["BOOT", "OS", "NORMAL", "VOLUME_GROUP", "BOOT|OS"]
PartitionStyle = Annotated[Literal["MBR", "GPT"], Field(description="Partition table.")]


def _flag_as_text(value: object) -> object:
    # Documented as text; the reference's samples carry both "false" and false.
    return str(value).lower() if isinstance(value, bool) else value


class PartitionInfo(Reply):
    """A partition or volume of a disk."""

    device_use: str | None = None
    file_system: str | None = None
    index: int | None = None
    mount_point: str | None = None
    name: str | None = None
    """The device on Linux, the drive letter on Windows."""
    size: int | None = None
    used_size: int | None = None
    inode_size: int | None = None
    inode_nums: int | None = None
    uuid: str | None = None
    size_per_cluster: int | None = None


class DiskInfo(Reply):
    """A disk of a source server, or one recommended for its target."""

    name: str | None = None
    partition_style: str | None = None
    device_use: str | None = None
    """BOOT, OS, NORMAL …; also seen joined: ``BOOT|OS``."""
    size: int | None = None
    used_size: int | None = None
    physical_volumes: list[PartitionInfo] | None = None
    os_disk: bool | None = None
    relation_name: str | None = None
    """The name of its partner on a Linux target."""
    inode_size: int | None = None


class BtrfsSubvolumeInfo(Reply):
    """A subvolume of a Btrfs file system."""

    uuid: str | None = None
    is_snapshot: Annotated[str | None, BeforeValidator(_flag_as_text)] = None
    """``true`` or ``false``, as text."""
    subvol_id: str | None = None
    parent_id: str | None = None
    subvol_name: str | None = None
    subvol_mount_path: str | None = None


class BtrfsInfo(Reply):
    """A Btrfs file system."""

    name: str | None = None
    label: str | None = None
    uuid: str | None = None
    device: str | None = None
    size: int | str | None = None
    """Bytes by the table; text with a unit (``3.30GiB``) in what Agents report."""
    nodesize: int | None = None
    sectorsize: int | None = None
    data_profile: str | None = None
    system_profile: str | None = None
    metadata_profile: str | None = None
    global_reserve1: str | None = None
    g_vol_used_size: int | None = None
    default_subvolid: str | None = None
    default_subvol_name: str | None = None
    default_subvol_mountpath: str | None = None
    subvolumn: list[BtrfsSubvolumeInfo] | None = None
    """The wire's name; :attr:`subvolumes` reads either."""
    subvolume: list[BtrfsSubvolumeInfo] | None = None
    """The name in the reference's table."""

    @property
    def subvolumes(self) -> list[BtrfsSubvolumeInfo]:
        """The subvolumes, under either of the two names."""
        return self.subvolumn or self.subvolume or []


class NetworkInterfaceInfo(Reply):
    """A network interface."""

    name: str | None = None
    ip: str | None = None
    ipv6: str | None = None
    netmask: str | None = None
    gateway: str | None = None
    mtu: int | None = None
    mac: str | None = None
    """A digest of the address in the reference's samples, not the address itself."""
    id: str | None = None


class LogicalVolumeInfo(Reply):
    """A logical volume of an LVM volume group."""

    block_count: int | None = None
    block_size: int | None = None
    file_system: str | None = None
    inode_size: int | None = None
    inode_nums: int | None = None
    device_use: str | None = None
    mount_point: str | None = None
    name: str | None = None
    size: int | None = None
    used_size: int | None = None
    free_size: int | None = None


class VolumeGroupInfo(Reply):
    """An LVM volume group."""

    components: str | None = None
    """The devices that it consists of, separated by semicolons."""
    free_size: int | None = None
    logical_volumes: list[LogicalVolumeInfo] | None = None
    name: str | None = None
    size: int | None = None


class Partition(Echoed, reply=PartitionInfo, more=("id", "relation_name", "free_size")):
    """A partition or volume of a disk."""

    device_use: Annotated[Text | None, Field(description="NORMAL, OS …")] = None
    file_system: FileSystem | None = None
    index: Annotated[Int | None, Field(description="Number.")] = None
    mount_point: Mount | None = None
    name: Annotated[Text | None, Field(description="Device or drive.")] = None
    size: Bytes | None = None
    used_size: Bytes | None = None
    inode_size: InodeSize | None = None
    inode_nums: InodeCount | None = None
    uuid: Annotated[Text | None, Field(description="GUID.")] = None
    size_per_cluster: Annotated[Int | None, Field(description="Cluster size.")] = None


class ServerDisk(Echoed, reply=DiskInfo, more=("id", "disk_id", "disk_index")):
    """A disk of a source server."""

    name: Annotated[Text, Field(description="/dev/vda, Disk 0 …")]
    partition_style: PartitionStyle | None = None
    device_use: Annotated[DiskUse, Field(description="Its use.")]
    size: Bytes
    # Mandatory in the table; chapter 4.1 registers a disk without it.
    used_size: Bytes | None = None
    physical_volumes: Annotated[
        list[Partition], Field(max_length=65_535, description="Its partitions.")
    ]
    os_disk: Annotated[bool | None, Field(description="System disk.")] = None
    relation_name: Annotated[Text | None, Field(description="Target disk (Linux).")] = None
    inode_size: InodeSize | None = None


class BtrfsSubvolume(Echoed, reply=BtrfsSubvolumeInfo):
    """A subvolume of a Btrfs file system."""

    uuid: Annotated[Text, Field(description="Parent's UUID.")]
    is_snapshot: Annotated[
        Text, BeforeValidator(_flag_as_text), Field(description="true or false.")
    ]
    subvol_id: Annotated[Text, Field(description="Id.")]
    parent_id: Annotated[Text, Field(description="Parent's id.")]
    subvol_name: Named
    # Mandatory in the table; the reference's sample sends null for what is not mounted.
    subvol_mount_path: Mount | None = None


class BtrfsFileSystem(Echoed, reply=BtrfsInfo):
    """A Btrfs file system."""

    name: Named
    label: Annotated[Text, Field(description="May be empty.")]
    uuid: Uuid
    device: Annotated[Text, Field(description="Device.")]
    # A number of bytes in the table; text with a unit in the reference's samples.
    size: Annotated[
        Long | Text,
        WithJsonSchema({"type": "string"}),
        Field(description="Bytes, or e.g. 3.30GiB."),
    ]
    nodesize: Bytes
    sectorsize: Annotated[Int, Field(description="Bytes.")]
    data_profile: Profile
    system_profile: Profile
    metadata_profile: Profile
    global_reserve1: Annotated[Text, Field(description="Global reserve.")]
    g_vol_used_size: Bytes
    default_subvolid: Annotated[Text, Field(description="Id.")]
    default_subvol_name: Named
    default_subvol_mountpath: Mount
    subvolumn: Annotated[
        list[BtrfsSubvolume], Field(max_length=65_535, description="Its subvolumes.")
    ]

    @model_validator(mode="before")
    @classmethod
    def _subvolumes_under_the_wire_s_name(cls, given: Any) -> Any:
        # The reference's table calls them `subvolume`; whichever a reply had is sent back.
        if isinstance(given, dict) and "subvolume" in given and not given.get("subvolumn"):
            renamed = {key: value for key, value in given.items() if key != "subvolume"}
            return {**renamed, "subvolumn": given["subvolume"]}
        return given


def without_bare_names(given: Any, info: ValidationInfo) -> Any:
    """*given* without Btrfs file systems of which it has only the names.

    A task's target lists them so; a request wants them whole, as the source server has them.
    """
    file_systems = given.get("btrfs_list") if isinstance(given, dict) else None
    if not file_systems or not all(isinstance(each, str) for each in file_systems):
        return given
    note_dropped(info, {"btrfs_list"})
    return {key: value for key, value in given.items() if key != "btrfs_list"}


class NetworkInterface(Echoed, reply=NetworkInterfaceInfo):
    """A network interface."""

    name: Named
    ip: Annotated[Text, Field(description="IP address.")]
    ipv6: Annotated[Text | None, Field(description="IPv6 address.")] = None
    # Mandatory in the table; chapter 4.1 registers a server without these two.
    netmask: Annotated[Text | None, Field(description="Subnet mask.")] = None
    gateway: Annotated[Text | None, Field(description="Gateway.")] = None
    mtu: Annotated[Int | None, Field(description="Needed on Linux.")] = None
    mac: Annotated[Text, Field(description="MAC address.")]
    id: Annotated[Text | None, Field(description="Id.")] = None


class LogicalVolume(Echoed, reply=LogicalVolumeInfo):
    """A logical volume of an LVM volume group."""

    block_count: Annotated[Int | None, Field(description="Blocks. Default 0.")] = None
    block_size: Annotated[
        int | None, Field(ge=0, le=1_048_576, description="Bytes. Default 0.")
    ] = None
    file_system: FileSystem
    inode_size: InodeSize
    inode_nums: InodeCount | None = None
    device_use: Annotated[Text | None, Field(description="NORMAL, OS …")] = None
    mount_point: Annotated[str, Field(max_length=256, description="Path.")]
    name: Annotated[str, Field(max_length=1024, description="Name.")]
    size: Bytes
    used_size: Bytes
    free_size: Bytes


class VolumeGroup(Echoed, reply=VolumeGroupInfo):
    """An LVM volume group."""

    components: Annotated[Text | None, Field(description="Devices, split by ;.")] = None
    free_size: Bytes | None = None
    logical_volumes: Annotated[
        list[LogicalVolume] | None, Field(max_length=255, description="Its volumes.")
    ] = None
    name: Named | None = None
    size: Bytes | None = None
