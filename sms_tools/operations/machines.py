"""Servers as a report describes them: a source server that an Agent registers, and what a source
and a target server in the record of a task have in common with it.
"""

from typing import Annotated, Literal

from pydantic import Field

from sms_tools.operation import Fields
from sms_tools.operations.common import Long, OsType, Text
from sms_tools.operations.hardware import (
    BtrfsFileSystem,
    NetworkInterface,
    ServerDisk,
    VolumeGroup,
)

SourceState = Literal[
    "unavailable",
    "waiting",
    "initialize",
    "replicate",
    "syncing",
    "stopping",
    "stopped",
    "deleting",
    "error",
    "cloning",
    "cutovering",
    "finished",
    # Newer than the reference:
    "skipping",
    "clearing",
    "cleared",
    "premiging",
]
Stage = Literal["checking", "setting", "replicating", "syncing", "cutovering", "cutovered"]
Platform = Literal["hw", "ali", "aws", "azure", "gcp", "tencent", "vmware", "hyperv", "other"]


class Machine(Fields):
    """What a report about a source server and one about a target server have in common."""

    id: Annotated[Text | None, Field(description="Its id at the service.")] = None
    ip: Annotated[Text | None, Field(description="Its IP address.")] = None
    name: Annotated[Text | None, Field(description="Name shown for it.")] = None
    hostname: Annotated[Text | None, Field(description="Host name.")] = None
    os_type: Annotated[OsType | None, Field(description="Operating system.")] = None
    os_version: Annotated[Text | None, Field(description="E.g. CENTOS_7_6_64BIT.")] = None
    firmware: Annotated[Literal["BIOS", "UEFI"] | None, Field(description="Boot mode.")] = None
    cpu_quantity: Annotated[int | None, Field(ge=0, le=65_535, description="vCPUs.")] = None
    memory: Annotated[
        # "MB" in the table; the reference's samples are plainly bytes.
        Long | None, Field(description="Bytes.")
    ] = None
    btrfs_list: Annotated[
        list[BtrfsFileSystem] | None,
        Field(max_length=65_535, description="Btrfs; Linux: [] if none."),
    ] = None
    networks: Annotated[
        list[NetworkInterface] | None, Field(max_length=65_535, description="Its NICs.")
    ] = None
    domain_id: Annotated[Text | None, Field(description="Account (domain) id.")] = None
    has_rsync: Annotated[bool | None, Field(description="Linux: rsync is there.")] = None
    paravirtualization: Annotated[bool | None, Field(description="Linux.")] = None
    raw_devices: Annotated[Text | None, Field(description="Linux: raw devices.")] = None
    driver_files: Annotated[bool | None, Field(description="Windows: drivers missing.")] = None
    system_services: Annotated[bool | None, Field(description="Windows: services broken.")] = None
    account_rights: Annotated[bool | None, Field(description="Windows: rights suffice.")] = None
    boot_loader: Annotated[
        Literal["GRUB", "LILO"] | None, Field(description="Linux boot loader.")
    ] = None
    system_dir: Annotated[Text | None, Field(description="Windows: system folder.")] = None
    volume_groups: Annotated[
        list[VolumeGroup] | None, Field(max_length=65_535, description="LVM; Linux: [] if none.")
    ] = None


class SourceMachine(Machine):
    """A source server as its Agent reports it."""

    ipv6: Annotated[Text | None, Field(description="IPv6 address; newer regions.")] = None
    virtualization_type: Annotated[Text | None, Field(description="E.g. HVM.")] = None
    linux_block_check: Annotated[Text | None, Field(description="Linux block check, JSON.")] = None
    disks: Annotated[
        list[ServerDisk] | None, Field(max_length=65_535, description="Its disks.")
    ] = None
    agent_version: Annotated[Text | None, Field(description="Agent version.")] = None
    kernel_version: Annotated[Text | None, Field(description="Kernel version.")] = None
    migration_cycle: Annotated[Stage | None, Field(description="Stage.")] = None
    state: Annotated[SourceState | None, Field(description="State.")] = None
    oem_system: Annotated[bool | None, Field(description="Windows: OEM version.")] = None
    start_type: Annotated[
        Literal["MANUAL", "MGC", ""] | None, Field(description="How it is started.")
    ] = None
    io_read_wait: Annotated[
        float | None, Field(ge=0, le=10_000, description="Disk read latency in ms.")
    ] = None
    has_tc: Annotated[bool | None, Field(description="Linux: tc is there, to limit rates.")] = None
    platform: Annotated[Platform | None, Field(description="Where it runs; hw: Huawei.")] = None
