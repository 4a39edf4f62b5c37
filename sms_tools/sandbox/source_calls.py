"""What can be asked of source servers, and when the service refuses."""

from collections.abc import Callable, Mapping, Sequence

from sms_tools.operation import JSON
from sms_tools.sandbox import rows
from sms_tools.sandbox.core import Core
from sms_tools.sandbox.model import Cause, MachineSpec, Mode, Record, Source, Task, Trouble
from sms_tools.sandbox.refusal import Refusal

LEGAL_STATES: Mapping[str, frozenset[str]] = {
    "checking": frozenset({"unavailable", "waiting"}),
    "setting": frozenset({"waiting"}),
    "replicating": frozenset(
        {"initialize", "replicate", "deleting", "stopping", "error", "stopped"}
    ),
    "syncing": frozenset({"syncing", "cloning", "deleting", "stopping", "error", "stopped"}),
    "cutovering": frozenset({"cutovering", "deleting", "stopping", "error", "stopped"}),
    "cutovered": frozenset({"finished", "deleting", "stopping", "error", "stopped"}),
}
"""Which states go with which migration stage (SMS.7728)."""

OVERVIEW = (
    "waiting",
    "replicate",
    "syncing",
    "stopped",
    "deleting",
    "cutovering",
    "unavailable",
    "stopping",
    "skipping",
    "finished",
    "initialize",
    "error",
    "cloning",
    "unconfigured",
)
_REPORTED = ("disks", "volume_groups", "btrfs_list", "networks")


class Sources(Core):
    """Source servers: register, list, read, change, delete; and the list of errors."""

    def list_sources(
        self, filters: Mapping[str, JSON], *, limit: int = 200, offset: int = 0
    ) -> tuple[int, list[Record]]:
        """How many source servers match, and one page of them, oldest first.

        A `limit` of 0 means 200. `connected` keeps servers whose connection is as it says.
        """
        now = self.now()
        found = list(self.sources.values())
        for key, wanted in filters.items():
            if wanted not in (None, "") and key in _FILTERS:
                found = [s for s in found if _FILTERS[key](self, s, wanted, now)]
        page = found[offset : offset + (limit or 200)]
        return len(found), [rows.source_row(s, self.task_of(s), now) for s in page]

    def show_source(self, source_id: str) -> Record:
        """One source server in full."""
        now = self.now()
        source = self.source(source_id)
        return rows.source_detail(source, self.task_of(source), now)

    def overview(self) -> dict[str, int]:
        """How many servers there are by state; those without a task are `unconfigured`."""
        self.now()
        counts = dict.fromkeys(OVERVIEW, 0)
        for source in self.sources.values():
            state = source.state
            if state == "waiting" and not source.task_id:
                state = "unconfigured"
            counts[state] = counts.get(state, 0) + 1
        return counts

    def list_errors(self, *, limit: int = 50, offset: int = 0) -> tuple[int, list[Record]]:
        """How many servers have an error on record, and one page of them."""
        self.now()
        failed = [s for s in self.sources.values() if s.failure]
        page = failed[offset : offset + limit]
        return len(failed), [rows.error_row(s, self.task_of(s)) for s in page]

    def register_source(self, body: Mapping[str, JSON]) -> str:
        """Take in what an Agent reports of its server; gives the server's id."""
        name = str(body.get("name") or body.get("hostname") or "")
        with self.change("register_source_server", name, **body) as at:
            known = self.sources.get(str(body.get("id") or ""))
            if known is None and len(self.sources) >= self.quota:
                raise Refusal("SMS.6501")
            source = Source(
                id=str(body.get("id") or self.new_id()),
                name=name,
                ip=str(body.get("ip") or ""),
                spec=_spec(body),
                added=known.added if known else at,
                project_id=known.project_id if known else self.default_project,
                hostname=str(body.get("hostname") or ""),
                agent_version=str(body.get("agent_version") or ""),
                has_tc=body.get("has_tc"),
                task_id=known.task_id if known else None,
                overrides={key: body[key] for key in _REPORTED if body.get(key) is not None},
            )
            if known and known.task_id:
                known.spec, known.overrides = source.spec, source.overrides
            else:
                self.adopt(source, at)
            return source.id

    def update_source(self, source_id: str, body: Mapping[str, JSON]) -> None:
        """Rename a server, move it to a project, or change which disks migrate."""
        with self.change("update_source_server", source_id, **body):
            source = self.source(source_id)
            if project_id := body.get("migprojectid"):
                source.project_id = self.project(str(project_id)).id
            source.name = str(body.get("name") or source.name)
            for key in ("disks", "volume_groups"):
                if body.get(key) is not None:
                    source.overrides[f"migrate_{key}"] = body[key]

    def update_source_state(self, source_id: str, copystate: str, migrationcycle: str) -> None:
        """Force a server's state and stage, where the pair is legal."""
        arguments = {"copystate": copystate, "migrationcycle": migrationcycle}
        with self.change("update_source_server_state", source_id, **arguments) as at:
            source = self.source(source_id)
            state = {"INIT": "initialize"}.get(copystate.upper(), copystate.lower())
            cycle = migrationcycle.lower()
            if state != "unconnected" and state not in LEGAL_STATES.get(cycle, ()):
                raise Refusal("SMS.7728")
            source.state, source.state_at = state, at
            source.cycle, source.stage_at = cycle, at

    def update_disks(self, source_id: str, body: Mapping[str, JSON]) -> None:
        """Replace what is known of a server's disks.

        While a task runs, its change tracking no longer fits: it fails with SMS.0515.
        """
        with self.change("update_source_server_disks", source_id, **body) as at:
            source = self.source(source_id)
            kept = {"disks": "disks", "volumegroups": "volume_groups", "btrfs_list": "btrfs_list"}
            for key, field in kept.items():
                if body.get(key) is not None:
                    source.overrides[field] = body[key]
            task = self.task_of(source)
            if task is None or task.started is None or task.mode is Mode.FINISHED:
                return
            cause = Cause(f"disks of {source.id}", fixed_by=frozenset({"recreate"}))
            self._disturb(source, at)
            source.troubles += [
                Trouble(step.name, 0, "SMS.0515", (), cause)
                for step in task.steps
                if step.moves_data
            ]
            self._settle_down(source, at)

    def delete_source(self, source_id: str) -> None:
        """Delete the record of a server without a task; its Agent registers it anew."""
        with self.change("delete_source_server", source_id):
            self._check_free(self.source(source_id))
            del self.sources[source_id]

    def delete_sources(self, source_ids: Sequence[str]) -> None:
        """Delete several records; if one has a task, none is deleted."""
        ids = list(dict.fromkeys(source_ids))
        with self.change("delete_source_servers", ",".join(ids), ids=ids):
            for source_id in ids:
                self._check_free(self.source(source_id))
            for source_id in ids:
                del self.sources[source_id]

    def _check_free(self, source: Source) -> None:
        if source.task_id:
            raise Refusal("SMS.7601")


def _verified(task: Task | None, now: int) -> bool:
    return task is not None and any(v.finished <= now for v in task.verifications)


def _target(cloud: Core, source: Source) -> str:
    task = cloud.task_of(source)
    return task.target_vm if task else ""


_FILTERS: Mapping[str, Callable[[Core, Source, JSON, int], bool]] = {
    "state": lambda _, source, wanted, __: source.state == wanted,
    "migration_cycle": lambda _, source, wanted, __: source.cycle == wanted,
    "id": lambda _, source, wanted, __: source.id == wanted,
    "ip": lambda _, source, wanted, __: source.ip == wanted,
    "name": lambda _, source, wanted, __: str(wanted).lower() in source.name.lower(),
    "migproject": lambda _, source, wanted, __: source.project_id == wanted,
    "connected": lambda _, source, wanted, now: source.connected(now) == wanted,
    "vm_id": lambda cloud, source, wanted, _: _target(cloud, source) == wanted,
    "is_consistency_result_exist": lambda cloud, source, wanted, now: (
        _verified(cloud.task_of(source), now) == wanted
    ),
}
"""How a source server is chosen by each filter; filters that are not here choose all."""


def _spec(body: Mapping[str, JSON]) -> MachineSpec:
    return MachineSpec(
        os_type=str(body.get("os_type") or "LINUX").upper(),
        os_version=str(body.get("os_version") or ""),
        cpu=int(body.get("cpu_quantity") or 1),
        memory=int(body.get("memory") or 0),
        disks=(),
        firmware=str(body.get("firmware") or "BIOS"),
    )
