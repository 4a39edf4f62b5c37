"""A machine's parts: what is refused in a request, and what is understood in a reply."""

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from sms_tools.operations.hardware import (
    BtrfsFileSystem,
    BtrfsInfo,
    BtrfsSubvolume,
    BtrfsSubvolumeInfo,
    DiskInfo,
    LogicalVolume,
    Partition,
    ServerDisk,
    VolumeGroup,
)

DISK: dict[str, Any] = {
    "name": "/dev/vda",
    "device_use": "BOOT",
    "size": 42949672960,
    "used_size": 42948624384,
    "physical_volumes": [],
}
LOGICAL_VOLUME: dict[str, Any] = {
    "name": "/dev/mapper/vg1-lv1",
    "size": 10,
    "used_size": 4,
    "free_size": 6,
    "file_system": "ext4",
    "mount_point": "/mnt/lv1",
    "inode_size": 256,
}
SUBVOLUME: dict[str, Any] = {
    "uuid": "u",
    "is_snapshot": "false",
    "subvol_id": "257",
    "parent_id": "5",
    "subvol_name": "@",
}


@pytest.mark.parametrize(
    ("model", "valid", "change"),
    [
        (ServerDisk, DISK, {"size": -1}),
        (ServerDisk, DISK, {"size": 2**63}),
        (ServerDisk, DISK, {"partition_style": "LVM"}),
        (ServerDisk, DISK, {"device_use": "SWAP"}),
        (ServerDisk, DISK, {"inode_size": 2**31}),
        (ServerDisk, DISK, {"volumes": []}),
        (Partition, {}, {"name": "x" * 256}),
        (Partition, {}, {"size_per_cluster": 2**31}),
        (LogicalVolume, LOGICAL_VOLUME, {"block_size": 1_048_577}),
        (LogicalVolume, LOGICAL_VOLUME, {"mount_point": "/" * 257}),
        (LogicalVolume, LOGICAL_VOLUME, {"name": "x" * 1025}),
        (VolumeGroup, {}, {"logical_volumes": [LOGICAL_VOLUME] * 256}),
        (BtrfsSubvolume, SUBVOLUME, {"subvol_id": "x" * 256}),
    ],
)
def test_what_the_reference_does_not_admit_is_refused(
    model: type[BaseModel], valid: dict[str, Any], change: dict[str, Any]
) -> None:
    model.model_validate(valid)
    with pytest.raises(ValidationError):
        model.model_validate({**valid, **change})


@pytest.mark.parametrize("name", sorted(DISK.keys() - {"used_size"}))
def test_a_disk_without_a_mandatory_field_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match=name):
        ServerDisk.model_validate({key: DISK[key] for key in DISK if key != name})


def test_the_longest_names_of_logical_volumes_pass() -> None:
    LogicalVolume.model_validate({**LOGICAL_VOLUME, "name": "x" * 1024, "mount_point": "/" * 256})


def test_btrfs_carries_the_wire_s_odd_names() -> None:
    names = set(BtrfsFileSystem.model_fields)

    assert {"subvolumn", "default_subvolid", "global_reserve1"} <= names
    assert not {"subvolume", "default_subvol_id"} & names


def test_flags_and_numbers_become_the_text_that_the_wire_carries() -> None:
    sent = BtrfsSubvolume.model_validate({**SUBVOLUME, "is_snapshot": True, "subvol_id": 282})

    assert (sent.is_snapshot, sent.subvol_id) == ("true", "282")


def test_subvolumes_are_read_under_either_name() -> None:
    one = {"subvol_id": "257", "is_snapshot": False}

    for name in ("subvolumn", "subvolume"):
        (read,) = BtrfsInfo.read({name: [one]}).subvolumes
        assert read == BtrfsSubvolumeInfo(subvol_id="257", is_snapshot="false")
    assert BtrfsInfo.read({}).subvolumes == []


@pytest.mark.parametrize("size", [3543348019, "3.30GiB", None])
def test_a_btrfs_size_is_a_number_or_text(size: object) -> None:
    assert BtrfsInfo.read({"size": size}).size == size


def test_a_disk_with_an_unreadable_size_keeps_everything_else() -> None:
    disk = DiskInfo.read({"name": "sda", "size": "n/a", "device_use": "BOOT|OS", "new": 1})

    assert (disk.name, disk.size, disk.device_use) == ("sda", None, "BOOT|OS")
    assert disk.model_extra == {"new": 1}
