"""What can be asked of migration tasks, and when the service refuses."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sms_tools.operation import JSON
from sms_tools.sandbox import lifecycle, rows
from sms_tools.sandbox.core import Core
from sms_tools.sandbox.hardware import copy_size
from sms_tools.sandbox.limits import daily_limits
from sms_tools.sandbox.model import (
    DirectoryCheck,
    Failure,
    Group,
    Mode,
    Record,
    Source,
    Task,
    Template,
    Trouble,
)
from sms_tools.sandbox.pace import MINUTE
from sms_tools.sandbox.refusal import Refusal
from sms_tools.sandbox.task_rules import check_new_task
from sms_tools.sandbox.work import bank, rebase

_STARTABLE = (Mode.READY, Mode.PAUSED, Mode.FAILED)
_STOPPABLE = (Mode.RUNNING, Mode.IDLE)
_DELETABLE_SOURCE = ("unavailable", "waiting", "finished", "error", "stopped")
_REPEATED = (
    "region_id",
    "region_name",
    "project_id",
    "project_name",
    "migration_ip",
    "vm_template_id",
    "use_public_ip",
    "use_ipv6",
    "start_target_server",
    "enterprise_project",
)
_LOG_DELAY = 60_000
_NETWORK_CHECK = 4 * MINUTE + MINUTE // 2
"""How long a measurement of the network takes."""


class Tasks(Core):
    """Migration tasks: create, list, read, change, act on, delete."""

    def create_task(self, body: Mapping[str, JSON]) -> str:
        """Create a task, and start it where the body says so; gives its id."""
        source_id = str((body.get("source_server") or {}).get("id") or "")
        with self.change("create_migration_task", source_id, **body) as at:
            source = self.source(source_id)
            if source.task_id or not source.ready:
                raise Refusal("SMS.6520")
            template_id = body.get("vm_template_id")
            template = self.template(template_id) if template_id else None
            check_new_task(source, body, template.fields if template else None)
            target = body.get("target_server") or {}
            if target.get("vm_id") and any(
                t.target_vm == target["vm_id"] for t in self.tasks.values()
            ):
                raise Refusal("SMS.7605")
            task = self._new_task(source, body, target, at)
            if template:
                self._meet_closed_ports(task, template, at)
            for trouble in source.troubles:
                if "recreate" in trouble.cause.fixed_by and trouble.cause.active(at):
                    trouble.cause.fixed_at = at
            self.attach(task, at)
            if body.get("start_network_check"):
                _measure(task, at)
            if body.get("auto_start"):
                lifecycle.start(task, at)
                self.watch(task)
            return task.id

    def _meet_closed_ports(self, task: Task, template: Template, at: int) -> None:
        """Let a task into a network that is closed fail as soon as it reaches for its target."""
        networks = [str(nic.get("id")) for nic in template.fields.get("nics") or ()]
        for cause in (self.closed_networks.get(network) for network in networks):
            if cause is not None and cause.active(at):
                code = "SMS.3802" if task.source.spec.linux else "SMS.2802"
                task.source.troubles.append(Trouble("SSL_CONFIG", 0, code, (), cause))

    def _new_task(
        self, source: Source, body: Mapping[str, JSON], target: Mapping[str, JSON], at: int
    ) -> Task:
        task_type = str(body.get("type") or "MIGRATE_FILE")
        check = bool(body.get("is_need_consistency_check"))
        root = "/" if source.spec.linux else "C:\\"
        task = Task(
            id=self.new_id(),
            name=str(body.get("name") or "MigrationTask"),
            source=source,
            type=task_type,
            created=at,
            fields={key: body[key] for key in _REPEATED if body.get(key) is not None},
            syncing=bool(body.get("syncing")),
            rate=125.0 * self._random.randint(80, 320),
            total=copy_size(source, task_type),
            target_id=self.new_id(),
            target_vm=str(target.get("vm_id") or ""),
            target_name=str(target.get("name") or source.name),
            priority=int(body.get("priority") or 1),
            speed_limit=int(body.get("speed_limit") or 0),
            exist_server=bool(target.get("vm_id")),
            check_consistency=check,
            verdict=[DirectoryCheck(root, 48_000)] if check else None,
        )
        if target.get("disks"):
            task.reported["disks"] = target["disks"]
        return task

    def list_tasks(
        self, filters: Mapping[str, JSON], *, limit: int = 100, offset: int = 0
    ) -> tuple[int, list[Record]]:
        """How many tasks match, and one page of them, oldest first."""
        now = self.now()
        wanted = {key: value for key, value in filters.items() if value not in (None, "")}
        found = [task for task in self.tasks.values() if not wanted or _matches(task, wanted)]
        return len(found), [rows.task_row(t, now) for t in found[offset : offset + limit]]

    def show_task(self, task_id: str) -> Record:
        """One task in full."""
        now = self.now()
        return rows.task_detail(self.task(task_id), now)

    def update_task(self, task_id: str, body: Mapping[str, JSON]) -> None:
        """Change the settings of a task; `state` forces what the wire shows."""
        with self.change("update_migration_task", task_id, **body) as at:
            task = self.task(task_id)
            rebase(task, at)
            task.name = str(body.get("name") or task.name)
            task.priority = int(body.get("priority", task.priority))
            task.speed_limit = int(body.get("speed_limit", task.speed_limit))
            task.shown_state = body.get("state", task.shown_state)
            task.fields |= {key: body[key] for key in _REPEATED if body.get(key) is not None}
            lifecycle.replan(task, at)
            self.watch(task)

    def delete_task(self, task_id: str) -> None:
        """Delete a task, if its state or its Agent's absence allows."""
        with self.change("delete_migration_task", task_id) as at:
            task = self.task(task_id)
            self._check_deletable(task, at)
            self._delete_task(task, at)

    def delete_tasks(self, task_ids: Sequence[str]) -> None:
        """Delete several tasks; if one of them may not be deleted, none is."""
        with self.change("delete_migration_tasks", ",".join(task_ids), ids=list(task_ids)) as at:
            tasks = [self.task(task_id) for task_id in dict.fromkeys(task_ids)]
            for task in tasks:
                self._check_deletable(task, at)
            for task in tasks:
                self._delete_task(task, at)

    def _check_deletable(self, task: Task, at: int) -> None:
        if task.mode is Mode.DELETING:
            raise Refusal("SMS.7719")
        if task.source.connected(at) and task.source.state not in _DELETABLE_SOURCE:
            raise Refusal("SMS.7719")

    def _delete_task(self, task: Task, at: int) -> None:
        if not task.source.connected(at):
            bank(task, at)
            self.forget_task(task, at)
            self.watch(task)  # its part of a shared line is free for the others
            return
        task.source.commands.append({"command_name": "DELETE", "task": task.id})
        lifecycle.delete(task, at)
        self.watch(task)

    # Acting on a task

    def manage(self, task_id: str, operation: str, **params: JSON) -> None:
        """Do what `operation` says, as POST /v3/tasks/{task_id}/action does."""
        arguments = {"operation": operation, **params}
        with self.change("manage_migration_task", task_id, **arguments) as at:
            task = self.task(task_id)
            action = _ACTIONS.get(operation)
            if action is None:
                raise Refusal("SMS.9001", operation)
            action(self, task, at, params)
            self.watch(task)

    def _reach_agent(self, task: Task, at: int) -> None:
        if not task.source.connected(at):
            raise Refusal("SMS.6603")

    def _start(self, task: Task, at: int, _: Mapping[str, JSON]) -> None:
        if task.mode not in _STARTABLE:
            raise Refusal("SMS.7713")
        self._reach_agent(task, at)
        task.source.commands.append({"command_name": "START", "task": task.id})
        lifecycle.start(task, at)

    def _stop(self, task: Task, at: int, _: Mapping[str, JSON]) -> None:
        if task.mode not in _STOPPABLE:
            raise Refusal("SMS.7714")
        self._reach_agent(task, at)
        task.source.commands.append({"command_name": "STOP", "task": task.id})
        lifecycle.stop(task, at)

    def _restart(self, task: Task, at: int, _: Mapping[str, JSON]) -> None:
        if task.mode is not Mode.FINISHED:
            raise Refusal("SMS.7722")
        self._reach_agent(task, at)
        task.source.commands.append({"command_name": "SYNC", "task": task.id})
        task.locked, task.finished_at = True, None
        lifecycle.run(task, Group.RESYNC, at)

    def _launch(self, task: Task, at: int, _: Mapping[str, JSON]) -> None:
        self._leave_sync(task, at)
        lifecycle.run(task, Group.CUTOVER, at)

    def _clone(self, task: Task, at: int, params: Mapping[str, JSON]) -> None:
        template_id = params.get("template_id")
        if not template_id:
            raise Refusal("SMS.9001", "template_id")
        self.template(str(template_id))
        if self.clone_quota == 0:
            raise Refusal("SMS.6526")
        self._leave_sync(task, at)
        if self.clone_quota is not None:
            self.clone_quota -= 1
        task.clone = None
        lifecycle.run(task, Group.CLONE, at)

    def _leave_sync(self, task: Task, at: int) -> None:
        """End a round of continuous sync that is under way, as far as it has come."""
        rounds = (Group.DELTA, Group.RESYNC)
        if task.mode is not Mode.IDLE and not (task.mode is Mode.RUNNING and task.group in rounds):
            raise Refusal("SMS.7721")
        self._reach_agent(task, at)
        bank(task, at)
        while task.todo:
            lifecycle.end_step(task, at)

    def _network_check(self, task: Task, at: int, _: Mapping[str, JSON]) -> None:
        if task.mode not in _STARTABLE:
            raise Refusal(
                "SMS.9001",
                "operation",
                message="The network is measured only while the task is paused or has failed.",
            )
        self._reach_agent(task, at)
        _measure(task, at)

    def _roll_back(self, *_: object) -> None:
        raise Refusal("SMS.7718")

    def _clear(self, task: Task, *_: object) -> None:
        if task.mode is not Mode.FINISHED:
            raise Refusal("SMS.7722")
        task.snapshot_id = None

    def _brake(self, task: Task, at: int, _: Mapping[str, JSON]) -> None:
        if task.mode not in _STOPPABLE:
            raise Refusal("SMS.7714")
        task.failure = task.source.failure = Failure("SMS.9007", (), at)
        lifecycle.stop(task, at)

    # Rates, options, logs, locks

    def rate_limits(self, task_id: str) -> list[Record]:
        """The limits by time of day; some valid tasks refuse to say."""
        self.now()
        task = self.task(task_id)
        if not task.limits_readable:
            raise Refusal("SMS.9001", "task_id")
        return list(task.fields.get("speed_segments") or [])

    def set_rate_limits(self, task_id: str, segments: Sequence[Mapping[str, JSON]]) -> None:
        """Replace all limits; the rate bends from now on."""
        sent = [dict(segment) for segment in segments]
        with self.change("set_migration_rate_limits", task_id, speed_limit=sent) as at:
            task = self.task(task_id)
            limits = daily_limits(sent)
            rebase(task, at)
            task.limits, task.fields["speed_segments"] = limits, sent
            for trouble in task.source.troubles:
                if "limit" in trouble.cause.fixed_by and trouble.cause.active(at):
                    trouble.cause.fixed_at = at
            lifecycle.replan(task, at)
            self.watch(task)

    def unlock_target(self, task_id: str) -> None:
        """Take the lock off the target server, for good."""
        with self.change("unlock_target_server", task_id) as at:
            task = self.task(task_id)
            task.locked = False
            for trouble in task.source.troubles:
                if "unlock" in trouble.cause.fixed_by and trouble.cause.active(at):
                    trouble.cause.fixed_at = at

    def options(self, task_id: str, key: str | None = None) -> Record:
        """The advanced migration options of a task."""
        self.now()
        task = self.task(task_id)
        chosen = [dict(o) for o in task.options if key in (None, o["config_key"])]
        return {"task_id": task.id, "migrate_type": task.type, "configurations": chosen}

    def set_options(self, task_id: str, options: Sequence[Mapping[str, JSON]]) -> None:
        """Set options by their key; others stay."""
        sent = [dict(option) for option in options]
        with self.change("configure_migration_options", task_id, configurations=sent):
            task = self.task(task_id)
            merged = {str(option["config_key"]): option for option in [*task.options, *sent]}
            task.options = [
                {**o, "config_value": str(o.get("config_value", ""))} for o in merged.values()
            ]

    def upload_logs(self, task_id: str, bucket: str, expire: int) -> None:
        """Let the Agent collect its logs into a bucket, which takes a minute."""
        arguments = {"log_bucket": bucket, "log_expire": expire}
        with self.change("upload_migration_task_logs", task_id, **arguments) as at:
            task = self.task(task_id)
            if task.started is None:
                raise Refusal("SMS.7717")
            if at < task.log_until:
                raise Refusal("SMS.7716")
            self._reach_agent(task, at)
            task.log_until = at + _LOG_DELAY
            task.log = {
                **arguments,
                "log_upload_time": task.log_until,
                "log_share_url": f"https://{bucket}.obs.example.com/sms/{task.id}?sign=EXAMPLE",
            }
            task.source.commands.append(
                {"command_name": "UPLOAD_LOG", "task": task.id, "bucket": bucket}
            )

    def consistency_results(self, task_id: str) -> Record:
        """What the verifications of a task found."""
        now = self.now()
        task = self.task(task_id)
        done = [rows.verification_row(v) for v in task.verifications if v.finished <= now]
        return {"result_list": done, "task_id": task.id}


def _matches(task: Task, filters: Mapping[str, JSON]) -> bool:
    state, name = filters.get("state"), filters.get("name")
    return (
        (not state or (task.shown_state or lifecycle.shown(task)[0]) == state)
        and (not name or str(name).lower() in task.name.lower())
        and filters.get("id", task.id) == task.id
        and filters.get("source_server_id", task.source.id) == task.source.id
    )


def _measure(task: Task, at: int) -> None:
    """Begin a measurement of the network; what it finds is read once it has ended."""
    blocked = any(
        trouble.code in _NETWORK_CODES and trouble.cause.active(at)
        for trouble in task.source.troubles
    )
    line = task.source.line
    task.network = rows.network_of(task, at)
    task.network_due = at + _NETWORK_CHECK
    task.network_next = {
        "domain_connectivity": True,
        "destination_connectivity": not blocked,
        "network_delay": 0.0 if blocked else line.delay,
        "network_jitter": 0.0 if blocked else line.jitter,
        "migration_speed": 0.0 if blocked else round(task.rate / 125, 2),
        "loss_percentage": 100.0 if blocked else line.loss,
        "cpu_usage": 12.0,
        "mem_usage": 41.0,
        "evaluation_result": "abnormal" if blocked or line.loss > 1 else "normal",
    }


_NETWORK_CODES = ("SMS.1807", "SMS.2802", "SMS.3802", "SMS.3805", "SMS.3806", "SMS.3808")
_ACTIONS: Mapping[str, Callable[[Any, Task, int, Mapping[str, JSON]], None]] = {
    "start": Tasks._start,
    "stop": Tasks._stop,
    "restart": Tasks._restart,
    "test": Tasks._launch,
    "cutover": Tasks._launch,
    "clone_test": Tasks._clone,
    "network_check": Tasks._network_check,
    "sync_failed_rollback": Tasks._roll_back,
    "clear": Tasks._clear,
    "error_for_overspeed": Tasks._brake,
}
