"""A machine's parts as the wire shows them: disks, volume groups, Btrfs, network cards.

They are derived from a server's `MachineSpec` when somebody looks, so that ten thousand servers
cost no more than their names. What an Agent reported itself goes before what is derived.
"""

from hashlib import sha256
from uuid import NAMESPACE_OID, uuid5

from sms_tools.operation import JSON
from sms_tools.sandbox.model import DiskSpec, MachineSpec, Record, Source, Task

GIB = 1024**3
_RESERVED = 500 * 1024**2


def disks(source: Source) -> list[Record]:
    """The source's disks with their partitions."""
    if "disks" in source.overrides:
        return list(source.overrides["disks"])
    return [_disk(source, index, disk) for index, disk in enumerate(source.spec.disks)]


def _disk(source: Source, index: int, disk: DiskSpec) -> Record:
    spec = source.spec
    return {
        "name": _disk_name(spec, index, "sd"),
        "relation_name": _disk_name(spec, index, "vd") if spec.linux else None,
        "partition_style": "GPT" if spec.firmware == "UEFI" or disk.size > 2048 else "MBR",
        "size": disk.size * GIB,
        "used_size": disk.size * GIB - 2 * 1024**2,
        "device_use": "BOOT" if index == 0 else "NORMAL",
        "os_disk": index == 0,
        "physical_volumes": _volumes(source, index, disk),
        "inode_size": 256 if spec.linux else None,
    }


def _disk_name(spec: MachineSpec, index: int, prefix: str) -> str:
    return f"/dev/{prefix}{chr(ord('a') + index)}" if spec.linux else f"Disk {index}"


def _volumes(source: Source, index: int, disk: DiskSpec) -> list[Record]:
    spec = source.spec
    size, used = disk.size * GIB - _RESERVED, disk.used * GIB
    main = {
        "uuid": _volume_uuid(source, f"{index}.2"),
        "index": 2 if index == 0 else 1,
        "name": f"{_disk_name(spec, index, 'sd')}{2 if index == 0 else 1}",
        "device_use": "OS" if index == 0 else "NORMAL",
        "file_system": disk.file_system,
        "mount_point": disk.mount if spec.linux else None,
        "size": size,
        "used_size": used,
        "inode_size": 256 if spec.linux else None,
        "inode_nums": size // 16_384 if spec.linux else None,
        "size_per_cluster": None if spec.linux else 4_096,
    }
    if not spec.linux:
        main["name"] = disk.mount
    if index:
        return [main]
    boot = {
        **main,
        "uuid": _volume_uuid(source, f"{index}.1"),
        "index": 1,
        "name": f"{_disk_name(spec, 0, 'sd')}1" if spec.linux else "(Reserved)",
        "device_use": "BOOT",
        "file_system": "vfat" if spec.linux and spec.firmware == "UEFI" else disk.file_system,
        "mount_point": "/boot" if spec.linux else None,
        "size": _RESERVED,
        "used_size": _RESERVED // 3,
        "inode_nums": 32_000 if spec.linux else None,
    }
    return [boot, main]


def _volume_uuid(source: Source, part: str) -> str:
    uuid = str(uuid5(NAMESPACE_OID, f"{source.id}/{part}"))
    return uuid if source.spec.linux else f"\\\\?\\Volume{{{uuid}}}\\"


def volume_groups(source: Source) -> list[Record]:
    """The source's LVM volume groups."""
    if "volume_groups" in source.overrides:
        return list(source.overrides["volume_groups"])
    if not source.spec.lvm:
        return []
    last = len(source.spec.disks) - 1
    disk = source.spec.disks[last]
    size, used = disk.size * GIB - _RESERVED, disk.used * GIB
    logical = {
        "name": "/dev/vgdata/lvdata",
        "device_use": "NORMAL",
        "file_system": disk.file_system,
        "mount_point": disk.mount,
        "size": size * 9 // 10,
        "used_size": used,
        "free_size": size * 9 // 10 - used,
        "inode_size": 256,
        "inode_nums": size // 16_384,
        "block_count": 0,
        "block_size": 4_096,
    }
    return [
        {
            "name": "vgdata",
            "components": f"{_disk_name(source.spec, last, 'sd')}1",
            "size": size,
            "free_size": size - size * 9 // 10,
            "logical_volumes": [logical],
        }
    ]


def btrfs_list(source: Source) -> list[Record]:
    """The source's Btrfs file systems."""
    if "btrfs_list" in source.overrides:
        return list(source.overrides["btrfs_list"] or [])
    if not source.spec.btrfs:
        return []
    last = len(source.spec.disks) - 1
    disk, uuid = source.spec.disks[last], _volume_uuid(source, "btrfs")
    subvolume = {
        "uuid": _volume_uuid(source, "subvolume"),
        "is_snapshot": "false",
        "subvol_id": "256",
        "parent_id": "5",
        "subvol_name": "@data",
        "subvol_mount_path": disk.mount,
    }
    return [
        {
            "name": uuid,
            "label": "",
            "uuid": uuid,
            "device": f"{_disk_name(source.spec, last, 'sd')}1",
            "size": disk.size * GIB - _RESERVED,
            "nodesize": 16_384,
            "sectorsize": 4_096,
            "data_profile": "single",
            "system_profile": "DUP",
            "metadata_profile": "DUP",
            "global_reserve1": "single",
            "g_vol_used_size": disk.used * GIB,
            "default_subvolid": "5",
            "default_subvol_name": "(FS_TREE)",
            "default_subvol_mountpath": disk.mount,
            "subvolumn": [subvolume],
        }
    ]


def networks(source: Source) -> list[Record]:
    """The source's network cards; the MAC address is shown as a digest, as the service does."""
    if "networks" in source.overrides:
        return list(source.overrides["networks"])
    prefix = source.ip.rsplit(".", 1)[0]
    return [
        {
            "name": "eth0" if source.spec.linux else "Ethernet",
            "ip": source.ip,
            "ipv6": None,
            "netmask": "255.255.255.0",
            "gateway": f"{prefix}.1",
            "mtu": 1500,
            "mac": sha256(source.id.encode()).hexdigest(),
            "id": None,
        }
    ]


def init_target(source: Source, *, full: bool) -> Record:
    """The recommended target: names and sizes in a list's row, partitions in the detail."""
    if not full and "disks" not in source.overrides:
        return {"disks": [_brief(source.spec, n, d) for n, d in enumerate(source.spec.disks)]}
    rows = []
    for disk in disks(source):
        row = {
            "name": str(disk.get("name")).replace("/dev/sd", "/dev/vd"),
            "size": disk.get("size"),
            "device_use": _target_use(disk, source),
        }
        if full:
            row |= {
                "used_size": disk.get("used_size"),
                "physical_volumes": disk.get("physical_volumes") or [],
            }
        rows.append(row)
    return {"disks": rows, "volume_groups": volume_groups(source)} if full else {"disks": rows}


def _brief(spec: MachineSpec, index: int, disk: DiskSpec) -> Record:
    boot = "BOOT" if spec.linux else "OS"
    return {
        "name": _disk_name(spec, index, "vd"),
        "size": disk.size * GIB,
        "device_use": "NORMAL" if index else boot,
    }


def _target_use(disk: Record, source: Source) -> JSON:
    boot = disk.get("device_use") == "BOOT" or disk.get("os_disk")
    return ("BOOT" if source.spec.linux else "OS") if boot else "NORMAL"


def target_disks(task: Task) -> list[Record]:
    """The target's disks, one for each of the source's."""
    if "disks" in task.reported:
        return list(task.reported["disks"])
    rows = []
    for index, disk in enumerate(disks(task.source)):
        volumes = [
            {
                "id": 130_000 + 10 * index + n,
                "uuid": volume.get("uuid"),
                "index": volume.get("index"),
                "name": volume.get("name"),
                "relation_name": str(volume.get("name")).replace("/dev/sd", "/dev/vd")
                if task.source.spec.linux
                else None,
                "device_use": volume.get("device_use"),
                "file_system": volume.get("file_system"),
                "mount_point": volume.get("mount_point"),
                "size": volume.get("size"),
                "used_size": volume.get("used_size"),
                "free_size": (volume.get("size") or 0) - (volume.get("used_size") or 0),
            }
            for n, volume in enumerate(disk.get("physical_volumes") or [])
        ]
        rows.append(
            {
                "id": 86_000 + index,
                "name": disk.get("name"),
                "relation_name": disk.get("relation_name"),
                "disk_id": str(uuid5(NAMESPACE_OID, f"{task.id}/disk/{index}")),
                "partition_style": disk.get("partition_style"),
                "size": disk.get("size"),
                "used_size": disk.get("used_size"),
                "device_use": disk.get("device_use"),
                "os_disk": index == 0,
                "physical_volumes": volumes,
                "disk_index": str(index),
            }
        )
    return rows


def copy_size(source: Source, task_type: str) -> int:
    """Bytes that a full copy moves: used space, but whole disks for Linux blocks.

    A disk with `need_migration: false` stays behind; it goes by its name.
    """
    whole = source.spec.linux and task_type == "MIGRATE_BLOCK"
    if not source.overrides:
        return sum(disk.size if whole else disk.used for disk in source.spec.disks) * GIB
    return sum(
        int(disk.get("size") or 0) if whole else _used(disk) for disk in migrated_disks(source)
    )


def migrated_disks(source: Source) -> list[Record]:
    """The source's disks without those that are set not to migrate."""
    chosen = source.overrides.get("migrate_disks") or []
    left = {disk.get("id") for disk in chosen if disk.get("need_migration") is False}
    return [disk for disk in disks(source) if disk.get("name") not in left]


def _used(disk: Record) -> int:
    volumes = disk.get("physical_volumes") or []
    return sum(int(v.get("used_size") or 0) for v in volumes) or int(disk.get("used_size") or 0)
