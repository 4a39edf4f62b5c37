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
from sms_tools.schema import AGENT

ReportedState = Literal[
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
]
# The last four are newer than the reference.
SourceState = Literal[ReportedState, "skipping", "clearing", "cleared", "premiging"]
Stage = Literal["checking", "setting", "replicating", "syncing", "cutovering", "cutovered"]
Platform = Literal["hw", "ali", "aws", "azure", "gcp", "tencent", "vmware", "hyperv", "other"]


class Machine(Fields):
    """What a report about a source server and one about a target server have in common."""

    id: Annotated[Text | None, Field(description="Id.")] = None
    ip: Annotated[Text | None, Field(description="IP address.")] = None
    name: Annotated[Text | None, Field(description="Displayed name.")] = None
    hostname: Annotated[Text | None, Field(description="Host name.")] = None
    os_type: Annotated[OsType | None, Field(description="OS.")] = None
    os_version: Annotated[Text | None, Field(description="E.g. CENTOS_7_6_64BIT.")] = None
    firmware: Annotated[Literal["BIOS", "UEFI"] | None, Field(description="Boot mode.")] = None
    cpu_quantity: Annotated[int | None, Field(ge=0, le=65_535, description="vCPUs.")] = None
    memory: Annotated[
        # "MB" in the table; the reference's samples are plainly bytes.
        Long | None, Field(description="Bytes.")
    ] = None
    btrfs_list: Annotated[
        list[BtrfsFileSystem] | None,
        Field(max_length=65_535, description="Linux: [] if none.", json_schema_extra=AGENT),
    ] = None
    networks: Annotated[
        list[NetworkInterface] | None,
        Field(max_length=65_535, description="Its NICs.", json_schema_extra=AGENT),
    ] = None
    domain_id: Annotated[Text | None, Field(description="Account id.")] = None
    has_rsync: Annotated[bool | None, Field(description="Linux: has rsync.")] = None
    paravirtualization: Annotated[bool | None, Field(description="Linux.")] = None
    raw_devices: Annotated[Text | None, Field(description="Linux.")] = None
    driver_files: Annotated[bool | None, Field(description="Drivers missing.")] = None
    system_services: Annotated[bool | None, Field(description="Services broken.")] = None
    account_rights: Annotated[bool | None, Field(description="Rights suffice.")] = None
    boot_loader: Annotated[Literal["GRUB", "LILO"] | None, Field(description="Linux.")] = None
    system_dir: Annotated[Text | None, Field(description="Windows.")] = None
    volume_groups: Annotated[
        list[VolumeGroup] | None,
        Field(
            max_length=65_535,
            description="Linux: [] if none.",
            json_schema_extra=AGENT,
        ),
    ] = None


class SourceMachine(Machine):
    """A source server as its Agent reports it."""

    ipv6: Annotated[Text | None, Field(description="IPv6 address.")] = None
    virtualization_type: Annotated[Text | None, Field(description="E.g. HVM.")] = None
    linux_block_check: Annotated[Text | None, Field(description="JSON.")] = None
    disks: Annotated[
        list[ServerDisk] | None,
        Field(max_length=65_535, description="Its disks.", json_schema_extra=AGENT),
    ] = None
    agent_version: Annotated[Text | None, Field(description="Version.")] = None
    kernel_version: Annotated[Text | None, Field(description="Version.")] = None
    migration_cycle: Annotated[Stage | None, Field(description="Stage.")] = None
    state: Annotated[ReportedState | None, Field(description="State.")] = None
    oem_system: Annotated[bool | None, Field(description="Windows: OEM.")] = None
    start_type: Annotated[Literal["MANUAL", "MGC", ""] | None, Field(description="Start mode.")] = (
        None
    )
    io_read_wait: Annotated[float | None, Field(ge=0, le=10_000, description="Milliseconds.")] = (
        None
    )
    has_tc: Annotated[bool | None, Field(description="Linux: has tc.")] = None
    platform: Annotated[Platform | None, Field(description="Where it runs.")] = None
