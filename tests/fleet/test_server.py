"""What a server's two records say together: the step it is at, and what stays unsaid."""

from datetime import UTC, datetime
from typing import Any

import pytest

from sms_tools.fleet.gates import gates_of
from sms_tools.fleet.server import Server
from sms_tools.operations.source_servers import SourceServer
from sms_tools.operations.tasks import MigrationTask


def server(task: dict[str, Any] | None, brief: dict[str, Any] | None = None) -> Server:
    source = SourceServer.read({"id": "s", "name": "db", "current_task": brief})
    return Server(source, None if task is None else MigrationTask.read({"id": "t", **task}))


RUNNING = {"name": "MIGRATE_LINUX_FILE", "start_date": 1, "progress": 40}
DONE = {"name": "SSL_CONFIG", "start_date": 1, "end_date": 2, "progress": 100}
TO_COME = {"name": "ATTACH_AGENT_IMAGE"}


@pytest.mark.parametrize(
    ("task", "brief", "step"),
    [
        ({"sub_tasks": [DONE, RUNNING]}, None, "MIGRATE_LINUX_FILE"),
        ({"sub_tasks": [DONE, TO_COME]}, None, "ATTACH_AGENT_IMAGE"),
        ({"sub_tasks": [DONE]}, None, None),
        ({"sub_tasks": []}, {"id": "t", "subtask_info": "SSL_CONFIG-40"}, "SSL_CONFIG"),
        ({}, {"id": "t", "subtask_info": "SSL_CONFIG"}, "SSL_CONFIG"),
        ({"subtask_info": "CLONE_VM-7"}, {"id": "t", "subtask_info": "SSL_CONFIG-1"}, "CLONE_VM"),
        (None, {"id": "t", "subtask_info": "CLONE_VM-7"}, "CLONE_VM"),
        ({}, {"id": "t"}, None),
        (None, None, None),
    ],
    ids=str,
)
def test_the_step_is_what_runs_else_what_comes_else_what_a_record_says(
    task: Any, brief: Any, step: str | None
) -> None:
    assert server(task, brief).step_name == step


@pytest.mark.parametrize(
    ("brief", "tells"),
    [(None, "unknown"), ({"id": "t"}, "pass"), ({"id": "t", "clone_server": {}}, "pass")],
)
def test_only_a_record_that_has_clones_tells_of_a_failed_one(brief: Any, tells: str) -> None:
    gates = gates_of(server({}, brief), None, datetime(2026, 1, 1, tzinfo=UTC))
    assert gates.findings["no_failed_rehearsal"].verdict == tells
