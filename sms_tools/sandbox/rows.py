"""The sandbox's records as the wire shows them, with the wire's own oddities.

A list's task has sub-tasks without `user_op`; its rate is in MB/s while a sub-task's is in Mbit/s;
the estimate is called `estimate_complete_time`; an error is JSON inside of JSON and is cut at 255
characters in the list of errors.
"""

import json

from sms_tools.sandbox import hardware
from sms_tools.sandbox.lifecycle import shown
from sms_tools.sandbox.model import (
    Failure,
    Mode,
    Project,
    Record,
    Source,
    Step,
    Task,
    Template,
    Verification,
)
from sms_tools.sandbox.work import COMPARING, copied, progress, rate, work_at

LINUX_CHECKS = (
    "OS_VERSION",
    "CPU",
    "MEMORY",
    "PARAVIRTUALIZATION",
    "FIRMWARE",
    "BOOT_LOADER",
    "RSYNC",
    "RAW_DEVICES",
    "DISK_INFO",
    "PARTITION_STYLE",
    "FILE_SYSTEM",
    "LINUX_BLOCK_SUPPORT",
    "FREE_SPACE",
    "TAR",
)
WINDOWS_CHECKS = (
    "OS_VERSION",
    "FIRMWARE",
    "CPU",
    "MEMORY",
    "SYSTEM_ROOT",
    "PARTITION_STYLE",
    "FILE_SYSTEM",
    "FREE_SPACE",
    "OEM_SYSTEM",
    "DRIVER_FILE",
    "SERVICE",
    "ACCOUNT_RIGHTS",
    "DISK_INFO",
    "VSS",
)
IDLE_SECONDS = 60_000
"""What the service answers for the time left when nothing is left to copy."""


def source_row(source: Source, task: Task | None, now: int) -> Record:
    """A source server as in GET /v3/sources."""
    done, total = copied(task, now) if task else (0, 0)
    runs = [v for v in task.verifications if v.finished <= now] if task else []
    return {
        **_identity(source),
        "enterprise_project_id": "0",
        "add_date": source.added,
        "oem_system": False,
        "state": source.state,
        "connected": source.connected(now),
        "cpu_quantity": source.spec.cpu,
        "memory": source.spec.memory,
        "current_task": _current_task(task, now, brief=False) if task else None,
        "checks": checks(source),
        "init_target_server": hardware.init_target(source, full=False),
        "replicatesize": done,
        "stage_action_time": source.stage_at,
        "totalsize": total,
        "last_visit_time": source.last_visit(now),
        "migration_cycle": source.cycle,
        "state_action_time": source.state_at,
        "is_consistency_result_exist": bool(runs),
        "has_tc": source.has_tc,
    }


def source_detail(source: Source, task: Task | None, now: int) -> Record:
    """A source server as in GET /v3/sources/{source_id}."""
    row = source_row(source, task, now)
    del row["is_consistency_result_exist"]
    return {
        **row,
        "hostname": source.hostname or source.name,
        "firmware": source.spec.firmware,
        "current_task": _current_task(task, now, brief=True) if task else None,
        "disks": hardware.disks(source),
        "volume_groups": hardware.volume_groups(source),
        "btrfs_list": hardware.btrfs_list(source),
        "networks": hardware.networks(source),
        "init_target_server": hardware.init_target(source, full=True),
        "agent_version": source.agent_version,
    }


def _identity(source: Source) -> Record:
    return {
        "id": source.id,
        "ip": source.ip,
        "name": source.name,
        "os_type": source.spec.os_type,
        "os_version": source.spec.os_version,
    }


def checks(source: Source) -> list[Record]:
    """The environment checks of the source, fourteen for each system."""
    if source.unchecked:
        return []
    found = {finding.name: finding for finding in source.findings}
    names = LINUX_CHECKS if source.spec.linux else WINDOWS_CHECKS
    first = 500_000 + int(source.id[:4], 16)
    rows = []
    for number, name in enumerate(names):
        finding = found.get(name)
        rows.append(
            {
                "id": first + number,
                "params": [finding.params if finding else ""],
                "name": name,
                "result": finding.result if finding else "OK",
                "error_code": finding.code if finding else None,
                "error_or_warn": None,
                "error_params": finding.params if finding else "",
            }
        )
    return rows


def _current_task(task: Task, now: int, *, brief: bool) -> Record:
    row = {
        "id": task.id,
        "name": task.name,
        "type": task.type,
        "state": task.shown_state or shown(task)[0],
        "start_date": task.started,
        "speed_limit": task.speed_limit,
        "migrate_speed": megabytes_per_second(task, now),
        "start_target_server": task.fields.get("start_target_server", True),
        "vm_template_id": task.fields.get("vm_template_id"),
        "region_id": task.fields.get("region_id"),
        "project_name": task.fields.get("project_name"),
        "project_id": task.fields.get("project_id"),
        "target_server": {"vm_id": task.target_vm, "name": task.target_name},
        "log_collect_status": log_status(task, now),
        "exist_server": task.exist_server,
        "use_public_ip": task.fields.get("use_public_ip", True),
        "clone_server": _clone(task),
    }
    if brief:
        return row
    left = remain_seconds(task, now)
    return {
        **row,
        "estimate_complete_time": now + left * 1000 if left is not None else None,
        "compress_rate": 0.0,
        "remain_seconds": left,
        **({} if log_status(task, now) == "INIT" else task.log),
    }


def task_row(task: Task, now: int) -> Record:
    """A task as in GET /v3/tasks."""
    left = remain_seconds(task, now)
    row = {
        "id": task.id,
        "name": task.name,
        "type": task.type,
        "os_type": task.source.spec.os_type,
        "state": task.shown_state or shown(task)[0],
        "estimate_complete_time": now + left * 1000 if left is not None else None,
        "create_date": task.created,
        "priority": task.priority,
        "speed_limit": task.speed_limit,
        "migrate_speed": megabytes_per_second(task, now),
        "compress_rate": 0.0,
        "start_target_server": task.fields.get("start_target_server", True),
        "error_json": error_json(task.failure),
        "total_time": _total_time(task, now),
        "migration_ip": _migration_ip(task),
        "source_server": None if task.orphan else _source_of(task),
        "enterprise_project_id": "0",
        "target_server": _target_brief(task),
        "log_collect_status": log_status(task, now),
        "clone_server": (
            {"vm_id": task.clone.vm_id, "name": task.clone.name} if task.clone else None
        ),
        "syncing": task.syncing,
        "network_check_info": network_of(task, now),
        "special_config": list(task.options),
        **_load(task, now),
    }
    if task.mode is not Mode.FINISHED:
        row["sub_tasks"] = [_sub_task(task, step, now, full=False) for step in task.steps]
    return row


def task_detail(task: Task, now: int) -> Record:
    """A task as in GET /v3/tasks/{task_id}."""
    row = task_row(task, now)
    for key in ("syncing", "special_config", "log_collect_status"):
        del row[key]
    left = remain_seconds(task, now)
    return {
        **row,
        "connected": task.source.connected(now),
        "start_date": task.started,
        "finish_date": task.finished_at,
        "float_ip": _migration_ip(task) or None,
        "vm_template_id": task.fields.get("vm_template_id"),
        "region_name": task.fields.get("region_name"),
        "region_id": task.fields.get("region_id"),
        "project_name": task.fields.get("project_name"),
        "project_id": task.fields.get("project_id"),
        "sub_tasks": [_sub_task(task, step, now, full=True) for step in task.steps],
        "source_server": _source_of(task),
        "target_server": {
            **_target_brief(task),
            "system_dir": None if task.source.spec.linux else "Y:\\Windows\\System32",
            "disks": hardware.target_disks(task),
            "volume_groups": hardware.volume_groups(task.source),
            "btrfs_list": [fs["name"] for fs in hardware.btrfs_list(task.source)],
            "image_disk_id": task.target_id if task.locked else None,
            "cutovered_snapshot_ids": task.snapshot_id,
        },
        "clone_server": _clone(task),
        "target_snapshot_id": task.snapshot_id,
        "remain_seconds": IDLE_SECONDS if left is None and task.mode is Mode.IDLE else left,
    }


def _source_of(task: Task) -> Record:
    return {
        **_identity(task.source),
        "oem_system": False,
        "state": task.source.state,
        "migration_cycle": task.source.cycle,
    }


def _target_brief(task: Task) -> Record:
    spec = task.source.spec
    return {
        "id": task.target_id,
        "vm_id": task.target_vm,
        "name": task.target_name if task.target_vm else "",
        "ip": None,
        "os_type": spec.os_type,
        "os_version": None if spec.linux else spec.os_version,
    }


def _migration_ip(task: Task) -> str:
    return str(task.fields.get("migration_ip") or "") if task.target_vm else ""


def _clone(task: Task) -> Record | None:
    clone = task.clone
    if clone is None:
        return None
    return {
        "vm_id": clone.vm_id,
        "name": clone.name,
        "clone_error": clone.code,
        "clone_state": clone.state,
        "error_msg": clone.message,
    }


def _sub_task(task: Task, step: Step, now: int, *, full: bool) -> Record:
    percent = progress(task, step, now)
    row = {
        "id": step.id,
        "name": step.name,
        "progress": percent,
        "start_date": step.start,
        "end_date": step.end,
        "process_trace": _trace(task, step, percent, now),
    }
    if full:
        running = step.since is not None and step.moves_data
        row |= {
            "user_op": step.op,
            "migrate_speed": round(rate(task, now) / 125, 2) if running else None,
        }
    return row


def _trace(task: Task, step: Step, percent: int, now: int) -> str | None:
    if step.start is None or not step.moves_data:
        return None
    if step.end is not None:
        return "completed"
    if step.compare and percent <= COMPARING:
        return "comparing files with the target"
    return f"{int(work_at(task, step, now))}/{int(step.work)} bytes"


def megabytes_per_second(task: Task, now: int) -> float:
    """The rate of the last five seconds as a task shows it: MB/s, unlike a sub-task's Mbit/s."""
    return round(rate(task, now) / 1_000, 2)


def remain_seconds(task: Task, now: int) -> int | None:
    """What is left divided by the rate of the last five seconds; None without a rate."""
    step, speed = task.step, rate(task, now)
    if step is None or not speed:
        return None
    return int((step.work - work_at(task, step, now)) / speed / 1_000)


def _total_time(task: Task, now: int) -> int:
    return 0 if task.started is None else max(0, (task.finished_at or now) - task.started)


def _load(task: Task, now: int) -> Record:
    moving = rate(task, now)
    memory = task.source.spec.memory / 1024**2
    return {
        "total_cpu_usage": round(9 + moving / 1_000 % 40, 1),
        "agent_cpu_usage": round(1 + moving / 2_500 % 20, 1),
        "total_mem_usage": round(memory * 0.55, 1),
        "agent_mem_usage": 180.0 if moving else 64.0,
        "total_disk_io": round(3 + moving / 900, 1),
        "agent_disk_io": round(moving / 1_000, 1),
    }


def network_of(task: Task, now: int) -> Record | None:
    """The last measurement of the network that has ended."""
    due = task.network_next is not None and task.network_due <= now
    return task.network_next if due else task.network


def log_status(task: Task, now: int) -> str:
    """Where the collection of logs stands."""
    if not task.log:
        return "INIT"
    return "WAIT_AGENT_COLLECT_ACK" if now < task.log_until else "SERVER_COLLECT_SUCCESS"


def error_json(failure: Failure | None) -> str:
    """A failure as the wire writes it: a JSON text whose parameters are a JSON text again."""
    if failure is None:
        return ""
    if failure.error_json is not None:
        return failure.error_json
    params = json.dumps(list(failure.params), ensure_ascii=False)
    return json.dumps({"error_code": failure.code, "error_param": params}, ensure_ascii=False)


def error_row(source: Source, task: Task | None) -> Record:
    """A failed server as in GET /v3/errors: no task, no time, and cut at 255 characters."""
    return {
        "source_id": source.id,
        "source_ip": source.ip,
        "target_ip": (_migration_ip(task) or None) if task else None,
        "name": source.name,
        "host_name": source.hostname or None,
        "error_json": error_json(source.failure)[:255],
    }


def template_row(template: Template) -> Record:
    """A template as the service reports it, with `is_template` as a text."""
    fields = {"is_template": False, **template.fields}
    return {
        **fields,
        "id": template.id,
        "is_template": str(fields["is_template"]).lower(),
    }


def project_row(project: Project) -> Record:
    """A migration project as the service reports it."""
    return {**project.fields, "id": project.id, "isdefault": project.default}


def verification_row(run: Verification) -> Record:
    """A consistency verification as in GET /v3/tasks/{task_id}/consistency-result."""
    return {
        "finished_time": run.finished,
        "check_result": run.result,
        "consistency_result": [
            {
                "dir_check": found.directory,
                "num_total_files": found.total,
                "num_different_files": found.different,
                "num_target_miss_files": found.missing,
                "num_target_more_files": found.more,
            }
            for found in run.directories
        ],
    }
