"""One possible call of every dangerous tool: on something that is there, in a state that allows it.

Beside it a second call of the same tool, which an approval of the first must not let through, and
what may happen in between that makes the approval void.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sms_tools.sandbox.cloud import Cloud

_WIRE = Path(__file__).parents[1] / "wire"

Arguments = dict[str, Any]
Make = Callable[[Cloud], Arguments]


@dataclass(frozen=True)
class Dangerous:
    """A call that needs a person."""

    tool: str
    arguments: Make
    others: Make | None = None
    """Other arguments of the same tool; None where it has none."""
    moves: Callable[[Cloud], None] | None = None
    """What changes meanwhile; None where the call hangs on nothing that can change."""
    variant: str = ""

    def __str__(self) -> str:
        return f"{self.tool} {self.variant}".strip()


def source(cloud: Cloud, name: str) -> str:
    return cloud.by_name(name).id


def task(cloud: Cloud, name: str) -> str:
    found = cloud.by_name(name).task_id
    assert found, f"{name} has no task"
    return found


def template(cloud: Cloud, name: str) -> str:
    return next(t.id for t in cloud.templates.values() if t.fields["name"] == name)


def project(cloud: Cloud, name: str) -> str:
    return next(p.id for p in cloud.projects.values() if p.fields["name"] == name)


def sample(tool: str, **changed: Any) -> Arguments:
    """The reference's own sample of a call, with *changed* arguments."""
    read = json.loads((_WIRE / f"{tool}.json").read_text(encoding="utf-8"))
    arguments: Arguments = {**read["requests"][0]["arguments"], **changed}
    return {key: value for key, value in arguments.items() if value is not None}


def renames(name: str) -> Callable[[Cloud], None]:
    def rename(cloud: Cloud) -> None:
        cloud.by_name(name).name = f"{name}-renamed"

    return rename


def loses_its_agent(name: str) -> Callable[[Cloud], None]:
    return lambda cloud: cloud.disconnect(source(cloud, name))


def _renames_template(cloud: Cloud) -> None:
    cloud.templates[template(cloud, "spare-1")].fields["name"] = "renamed"


def _renames_project(cloud: Cloud) -> None:
    cloud.projects[project(cloud, "spare-1")].fields["name"] = "renamed"


def _signs(cloud: Cloud) -> None:
    cloud.privacy_signed = True


def _on_task(tool: str, server: str = "web-03", other: str = "web-05", **fixed: Any) -> Dangerous:
    """A call whose arguments are the sample's, aimed at a task."""
    return Dangerous(
        tool,
        lambda cloud: sample(tool, task_id=task(cloud, server), **fixed),
        lambda cloud: sample(tool, task_id=task(cloud, other), **fixed),
        renames(server),
    )


def _on_source(tool: str, key: str = "source_id", **fixed: Any) -> Dangerous:
    """A call whose arguments are the sample's, aimed at a source server."""
    return Dangerous(
        tool,
        lambda cloud: sample(tool, **{key: source(cloud, "web-03")}, **fixed),
        lambda cloud: sample(tool, **{key: source(cloud, "web-05")}, **fixed),
        renames("web-03"),
    )


def _managed(operation: str, server: str, other: str, **more: Callable[[Cloud], str]) -> Dangerous:
    """One action of manage_migration_task."""

    def on(name: str) -> Make:
        return lambda cloud: {
            "task_id": task(cloud, name),
            "operation": operation,
            **{key: make(cloud) for key, make in more.items()},
        }

    moves = loses_its_agent(server)
    return Dangerous("manage_migration_task", on(server), on(other), moves, operation)


def _created(cloud: Cloud, name: str) -> Arguments:
    return sample("create_migration_task", source_server={"id": source(cloud, name)})


_DISKS = [{"id": "1", "adjust_size": 0, "need_migration": False}]

CALLS: tuple[Dangerous, ...] = (
    Dangerous(
        "delete_source_server",
        lambda cloud: {"source_id": source(cloud, "new-01")},
        lambda cloud: {"source_id": source(cloud, "new-02")},
        renames("new-01"),
    ),
    Dangerous(
        "delete_source_servers",
        lambda cloud: {"ids": [source(cloud, "new-01"), source(cloud, "new-02")]},
        lambda cloud: {"ids": [source(cloud, name) for name in ("new-01", "new-02", "new-03")]},
        renames("new-01"),
    ),
    _on_source("update_source_server", disks=_DISKS),
    Dangerous(
        "create_migration_task",
        lambda cloud: _created(cloud, "new-01"),
        lambda cloud: {**_created(cloud, "new-01"), "auto_start": True},
        renames("new-01"),
    ),
    _on_task("delete_migration_task", "db-ora-01", "db-ora-02"),
    Dangerous(
        "delete_migration_tasks",
        lambda cloud: {"ids": [task(cloud, "db-ora-01"), task(cloud, "db-ora-02")]},
        lambda cloud: {"ids": [task(cloud, name) for name in ("db-ora-01", "erp-01")]},
        renames("db-ora-01"),
    ),
    Dangerous(
        "update_migration_task",
        lambda cloud: {"task_id": task(cloud, "web-03"), "state": "MIGRATE_SUCCESS"},
        lambda cloud: {"task_id": task(cloud, "web-03"), "state": "MIGRATE_FAIL"},
        renames("web-03"),
    ),
    _managed("start", "db-redis-01", "db-log-01"),
    _managed("test", "web-03", "web-05"),
    _managed("cutover", "web-03", "web-05"),
    _managed(
        "clone_test", "web-03", "web-05", template_id=lambda cloud: template(cloud, "spare-1")
    ),
    _managed("restart", "web-01", "web-02"),
    _on_task("unlock_target_server", "web-01", "web-02"),
    _on_task("configure_migration_options"),
    Dangerous(
        "delete_template",
        lambda cloud: {"template_id": template(cloud, "spare-1")},
        lambda cloud: {"template_id": template(cloud, "spare-2")},
        _renames_template,
    ),
    Dangerous(
        "delete_templates",
        lambda cloud: {"ids": [template(cloud, "spare-1")]},
        lambda cloud: {"ids": [template(cloud, name) for name in ("spare-1", "spare-2")]},
        _renames_template,
    ),
    Dangerous(
        "delete_migration_project",
        lambda cloud: {"mig_project_id": project(cloud, "spare-1")},
        lambda cloud: {"mig_project_id": project(cloud, "spare-2")},
        _renames_project,
    ),
    Dangerous("sign_privacy_agreement", lambda _cloud: {}, None, _signs),
    _on_task("get_certificate_passphrase"),
    _on_task("get_certificate_and_private_key"),
    Dangerous(
        "get_template_target_password",
        lambda cloud: {"template_id": template(cloud, "spare-1")},
        lambda cloud: {"template_id": template(cloud, "spare-2")},
        _renames_template,
    ),
    Dangerous(
        "calculate_sha256",
        lambda _cloud: {"key": "00000000-0000-4000-8000-000000000001"},
        lambda _cloud: {"key": "00000000-0000-4000-8000-000000000002"},
    ),
    Dangerous(
        "register_source_server",
        lambda _cloud: sample("register_source_server"),
        lambda _cloud: sample("register_source_server", name="another"),
    ),
    Dangerous(
        "update_source_server_state",
        lambda cloud: {
            "source_id": source(cloud, "web-03"),
            "copystate": "ERROR",
            "migrationcycle": "syncing",
        },
        lambda cloud: {
            "source_id": source(cloud, "web-05"),
            "copystate": "ERROR",
            "migrationcycle": "syncing",
        },
        renames("web-03"),
    ),
    _on_source("update_source_server_disks"),
    _on_task("report_migration_progress"),
    _on_task("upload_consistency_results"),
    _on_source("get_agent_command", "server_id"),
    _on_source("report_agent_command_result", "server_id"),
    _on_task("report_network_measurement"),
)
