"""What only the Agent on a source server has to say: its registration, its disks, its state."""

from typing import Annotated, Literal

from pydantic import Field

from sms_tools.operation import Empty, Kind, Operation
from sms_tools.operations.common import Created, SourceId
from sms_tools.operations.hardware import BtrfsFileSystem, ServerDisk, VolumeGroup
from sms_tools.operations.machines import SourceMachine, Stage
from sms_tools.schema import AGENT


class RegisterSourceServer(
    Operation[Created],
    SourceMachine,
    method="POST",
    path="/v3/sources",
    kind=Kind.AGENT,
    section="5.3.2",
):
    """Agent only: register a new source server in the Agent's name. To enrol (add, connect,
    onboard) a machine or host, a person installs the Agent on it and enters an AK/SK there
    (新机器接入, 注册): it shows up when the Agent starts; restart it to bring a server back. Sent
    by anyone else, this makes a record with no Agent, which cannot be migrated. Returns the source
    server's id. To rename a server or to move it to a project use update_source_server.
    """


class UpdateSourceServerState(
    Operation[Empty],
    method="PUT",
    path="/v3/sources/{source_id}/changestate",
    kind=Kind.AGENT,
    section="5.3.6",
):
    """Agent only: force the state and stage that the server migration service has on record for a
    source server, in the Agent's name. Nothing is started or stopped by it, the record merely stops
    telling the truth; combinations that the service does not allow are refused. To start, pause or
    launch use manage_migration_task; to read the state use get_source_server.
    """

    source_id: SourceId
    copystate: Annotated[
        Literal[
            "UNAVAILABLE",
            "WAITING",
            "INIT",
            "REPLICATE",
            "SYNCING",
            "STOPPING",
            "STOPPED",
            "DELETING",
            "ERROR",
            "CLONING",
            "CUTOVERING",
            "FINISHED",
        ]
        | None,
        Field(description="State; upper case here, and INIT for initialize."),
    ] = None
    migrationcycle: Annotated[Stage | None, Field(description="Stage.")] = None


class UpdateSourceServerDisks(
    Operation[Empty],
    method="PUT",
    path="/v3/sources/{source_id}/diskinfo",
    kind=Kind.AGENT,
    section="5.3.10",
):
    """Agent only: replace the disk, volume and Btrfs information of a source server, in the Agent's
    name. The former information is deleted and cannot be brought back from here, and a migration
    task that no longer fits it fails. To choose which disks are migrated use update_source_server;
    to read them use get_source_server.
    """

    source_id: SourceId
    # The same report as register_source_server's, whose schema lists the fields.
    disks: Annotated[
        list[ServerDisk] | None,
        Field(
            max_length=65_535,
            description="All disks, as disks of register_source_server.",
            json_schema_extra=AGENT,
        ),
    ] = None
    volumegroups: Annotated[
        list[VolumeGroup] | None,
        Field(
            max_length=65_535,
            description="All volume groups, as volume_groups of register_source_server.",
            json_schema_extra=AGENT,
        ),
    ] = None
    btrfs_list: Annotated[
        list[BtrfsFileSystem] | None,
        Field(
            max_length=65_535,
            description="All Btrfs file systems, as btrfs_list of register_source_server.",
            json_schema_extra=AGENT,
        ),
    ] = None
