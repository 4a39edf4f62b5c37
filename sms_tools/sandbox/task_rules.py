"""What the service refuses when a task is to be created, by the reference's codes.

The sandbox keeps rules of its own, apart from those that the tools check before they ask: so a
test can hold one against the other.
"""

from collections.abc import Mapping, Sequence

from sms_tools.operation import JSON
from sms_tools.sandbox import hardware
from sms_tools.sandbox.model import Record, Source
from sms_tools.sandbox.refusal import Refusal

_MOST_DISKS = 23
_LARGEST_SYSTEM_DISK = 1_024 * hardware.GIB


def check_new_task(source: Source, body: Mapping[str, JSON], template: Record | None) -> None:
    """Refuse a task that its source's system, firmware or disks rule out.

    *template* holds the settings of the template that the body names.
    """
    target: Mapping[str, JSON] = body.get("target_server") or {}
    system = str(body.get("os_type") or source.spec.os_type).upper()
    if system != source.spec.os_type:
        raise Refusal("SMS.6610")
    if template is None and not target.get("vm_id"):
        raise Refusal("SMS.6032")
    if source.spec.firmware == "UEFI" and not target.get("vm_id"):
        raise Refusal("SMS.6535")
    if body.get("type") == "MIGRATE_BLOCK" and any(
        finding.name == "LINUX_BLOCK_SUPPORT" for finding in source.findings
    ):
        raise Refusal("SMS.6616")
    _check_disks(source, body, [*(target.get("disks") or ())], template)


def _check_disks(
    source: Source, body: Mapping[str, JSON], wanted: Sequence[Record], template: Record | None
) -> None:
    theirs = hardware.migrated_disks(source)
    if len(theirs) > _MOST_DISKS:
        raise Refusal("SMS.1311")
    system = wanted[:1] or theirs[:1]
    if system and _bytes(system[0]) > _LARGEST_SYSTEM_DISK:
        raise Refusal("SMS.6537")
    if wanted and len(wanted) < len(theirs):
        raise Refusal("SMS.1311")
    shrinks = source.spec.linux and body.get("type") != "MIGRATE_BLOCK"
    for disk, original in zip(wanted, theirs, strict=False):
        partitions = sum(_bytes(volume) for volume in disk.get("physical_volumes") or ())
        least = partitions if partitions and shrinks else max(partitions, _bytes(original))
        if _bytes(disk) < least:
            raise Refusal("SMS.6614")
    made = sorted((template or {}).get("disk") or (), key=lambda disk: int(disk.get("index") or 0))
    for disk, needed in zip(made, wanted or theirs, strict=False):
        if _bytes(disk) * hardware.GIB < _bytes(needed):
            raise Refusal("SMS.6614")


def _bytes(record: Mapping[str, JSON]) -> int:
    return int(record.get("size") or 0)
