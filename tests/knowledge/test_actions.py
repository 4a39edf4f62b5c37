"""Which action is legal in which state."""

from itertools import product
from typing import Any

import pytest

from sms_tools.knowledge import ACTIONS, legality

from .words import SOURCE_STATES, STAGES, TASK_STATES

RUNNING = ["initialize", "replicate", "syncing", "cloning", "cutovering"]


def verdict(action: str, **facts: Any) -> str:
    return legality(action, **facts).verdict


@pytest.mark.parametrize("action", ACTIONS)
def test_without_facts_nothing_is_legal(action: str) -> None:
    answer = legality(action)
    assert answer.verdict == "unknown"
    assert answer.reason.endswith(".")


def test_an_action_that_nobody_knows_is_unknown() -> None:
    assert verdict("explode", task_state="READY") == "unknown"


def test_every_answer_is_a_verdict_with_a_reason_for_a_person() -> None:
    facts = product(ACTIONS, [None, *SOURCE_STATES, "new"], [None, *TASK_STATES], [None, True])
    for action, state, task, connected in facts:
        answer = legality(action, source_state=state, task_state=task, connected=connected)
        assert answer.verdict in ("legal", "illegal", "unknown")
        assert answer.reason[0].isupper()
        assert answer.reason.endswith(".")


@pytest.mark.parametrize(
    ("task", "state"), [("READY", "waiting"), ("ABORT", "stopped"), ("MIGRATE_FAIL", "error")]
)
def test_start_is_legal_when_ready_paused_or_failed(task: str, state: str) -> None:
    assert verdict("start", task_state=task, source_state=state, connected=True) == "legal"


@pytest.mark.parametrize("task", ["RUNNING", "SYNCING", "MIGRATE_SUCCESS", "ABORTING", "DELETING"])
def test_start_is_refused_in_every_other_state(task: str) -> None:
    answer = legality("start", task_state=task, source_state="waiting", connected=True)
    assert answer.verdict == "illegal"
    assert answer.guard_code == "SMS.7713"


@pytest.mark.parametrize("state", RUNNING)
def test_start_is_unknown_when_the_server_runs_although_its_task_does_not(state: str) -> None:
    assert verdict("start", task_state="READY", source_state=state, connected=True) == "unknown"


@pytest.mark.parametrize("task", ["SYNC_SUCCESS", "RESETING", "NEW", None])
def test_start_is_unknown_for_a_task_state_that_nobody_documents(task: str | None) -> None:
    assert verdict("start", task_state=task, source_state="stopped", connected=True) == "unknown"


@pytest.mark.parametrize("state", RUNNING)
@pytest.mark.parametrize("task", ["RUNNING", "SYNCING"])
def test_stop_is_legal_while_running(state: str, task: str) -> None:
    assert verdict("stop", task_state=task, source_state=state, connected=True) == "legal"


@pytest.mark.parametrize("state", ["waiting", "stopped", "stopping", "error", "finished"])
def test_stop_is_refused_when_nothing_runs(state: str) -> None:
    answer = legality("stop", task_state="ABORT", source_state=state, connected=True)
    assert answer.verdict == "illegal"
    assert answer.guard_code == "SMS.7714"


def test_restart_needs_a_launched_target() -> None:
    launched = {"task_state": "MIGRATE_SUCCESS", "source_state": "finished", "connected": True}
    assert verdict("restart", **launched) == "legal"
    failed = legality("restart", task_state="MIGRATE_FAIL", source_state="error", connected=True)
    assert failed.verdict == "illegal"
    assert failed.guard_code == "SMS.7722"
    assert verdict("restart", task_state="MIGRATE_FAIL", source_state="finished") == "unknown"


@pytest.mark.parametrize("action", ["test", "clone_test", "cutover", "launch_target"])
def test_launch_and_clone_are_legal_only_in_continuous_sync(action: str) -> None:
    syncing = {"source_state": "syncing", "migration_cycle": "syncing", "task_state": "SYNCING"}
    assert verdict(action, **syncing, connected=True) == "legal"
    for state in set(SOURCE_STATES) - {"syncing", "skipping", "clearing", "cleared", "premiging"}:
        answer = legality(
            action,
            source_state=state,
            migration_cycle="syncing",
            task_state="RUNNING",
            connected=True,
        )
        assert answer.verdict == "illegal", state
        assert answer.guard_code == "SMS.7721"
    for stage in set(STAGES) - {"syncing"}:
        facts = syncing | {"migration_cycle": stage}
        assert verdict(action, **facts, connected=True) == "illegal"


def test_the_reason_says_what_is_needed_and_what_is() -> None:
    answer = legality("test", source_state="replicate", migration_cycle="replicating")
    assert answer.reason == "Launching needs the continuous-sync stage; this server is replicating."


@pytest.mark.parametrize("missing", ["source_state", "migration_cycle", "task_state", "connected"])
def test_one_missing_fact_makes_a_launch_unknown(missing: str) -> None:
    facts: dict[str, Any] = {
        "source_state": "syncing",
        "migration_cycle": "syncing",
        "task_state": "RUNNING",
        "connected": True,
    }
    assert verdict("test", **(facts | {missing: None})) == "unknown"


@pytest.mark.parametrize("task", ["MIGRATE_FAIL", "ABORT", "DELETING"])
def test_a_launch_is_unknown_when_task_and_server_contradict_each_other(task: str) -> None:
    facts = {"source_state": "syncing", "migration_cycle": "syncing", "task_state": task}
    assert verdict("test", **facts, connected=True) == "unknown"


@pytest.mark.parametrize(
    ("action", "facts"),
    [
        ("start", {"task_state": "READY", "source_state": "waiting"}),
        ("stop", {"task_state": "RUNNING", "source_state": "replicate"}),
        ("restart", {"task_state": "MIGRATE_SUCCESS", "source_state": "finished"}),
        (
            "test",
            {"task_state": "RUNNING", "source_state": "syncing", "migration_cycle": "syncing"},
        ),
        ("network_check", {"task_state": "ABORT", "source_state": "stopped"}),
        ("collect_log", {"task_state": "ABORT", "collecting_logs": False}),
    ],
)
def test_what_the_agent_must_carry_out_needs_the_agent(action: str, facts: dict[str, Any]) -> None:
    assert verdict(action, **facts, connected=True) == "legal"
    assert verdict(action, **facts, connected=None) == "unknown"
    offline = legality(action, **facts, connected=False)
    assert offline.verdict == "illegal"
    assert offline.guard_code == "SMS.6603"


def test_synchronising_needs_a_finished_or_syncing_server() -> None:
    assert verdict("sync", source_state="finished", connected=True) == "legal"
    syncing = {"source_state": "syncing", "migration_cycle": "syncing"}
    assert verdict("sync", **syncing, connected=True) == "legal"
    early = legality("sync", source_state="replicate", migration_cycle="replicating")
    assert early.guard_code == "SMS.7715"
    assert early.verdict == "illegal"


def test_only_a_failed_synchronisation_can_be_rolled_back() -> None:
    assert verdict("sync_failed_rollback", task_state="SYNC_FAIL", connected=True) == "legal"
    assert legality("sync_failed_rollback", task_state="RUNNING").guard_code == "SMS.7718"


def test_the_network_is_measured_while_the_migration_stands_still() -> None:
    facts = {"task_state": "MIGRATE_FAIL", "source_state": "error", "connected": True}
    assert verdict("network_check", **facts) == "legal"
    assert verdict("network_check", task_state="RUNNING", source_state="replicate") == "illegal"
    assert verdict("network_check", task_state="READY", source_state="waiting") == "unknown"


@pytest.mark.parametrize("state", ["unavailable", "waiting", "finished", "error", "stopped"])
@pytest.mark.parametrize("connected", [True, False, None])
def test_a_task_at_rest_can_be_deleted(state: str, connected: bool | None) -> None:
    assert verdict("delete_task", source_state=state, connected=connected) == "legal"


@pytest.mark.parametrize("state", [*RUNNING, "stopping", "skipping", "clearing", "premiging"])
def test_a_task_at_work_can_be_deleted_only_when_the_agent_is_gone(state: str) -> None:
    connected = legality("delete_task", source_state=state, connected=True)
    assert connected.verdict == "illegal"
    assert connected.guard_code == "SMS.7719"
    assert verdict("delete_task", source_state=state, connected=None) == "unknown"
    assert verdict("delete_task", source_state=state, connected=False) == "legal"


def test_the_name_of_a_tool_serves_as_the_name_of_its_action() -> None:
    assert verdict("delete_migration_task", source_state="stopped") == "legal"
    assert verdict("delete_source_server", tasks=0) == "legal"
    assert verdict("unlock_target_server", source_state="finished") == "legal"


def test_a_source_record_can_be_deleted_when_no_task_hangs_on_it() -> None:
    assert verdict("delete_source", tasks=0) == "legal"
    assert legality("delete_source", tasks=1).guard_code == "SMS.7601"
    assert verdict("delete_source", task_state="READY") == "illegal"
    assert verdict("delete_source", source_state="finished") == "unknown"


def test_a_template_can_be_deleted_when_no_task_uses_it() -> None:
    assert verdict("delete_template", tasks=0) == "legal"
    assert legality("delete_template", tasks=2).guard_code == "SMS.7111"
    assert verdict("delete_template", tasks=None) == "unknown"


def test_a_project_can_be_deleted_when_it_is_empty_and_not_the_default() -> None:
    assert verdict("delete_project", servers=0, is_default=False) == "legal"
    assert legality("delete_project", servers=0, is_default=True).guard_code == "SMS.7303"
    assert legality("delete_project", servers=3, is_default=False).guard_code == "SMS.7311"
    assert verdict("delete_project", servers=0) == "unknown"
    assert verdict("delete_project", is_default=False) == "unknown"


def test_logs_can_be_collected_once_started_and_one_at_a_time() -> None:
    ready = legality("collect_log", task_state="READY", collecting_logs=False, connected=True)
    assert ready.guard_code == "SMS.7717"
    busy = legality("collect_log", task_state="RUNNING", collecting_logs=True, connected=True)
    assert busy.guard_code == "SMS.7716"
    assert verdict("collect_log", task_state="RUNNING", connected=True) == "unknown"


@pytest.mark.parametrize("state", [*SOURCE_STATES, None])
def test_a_password_is_given_only_while_replicating_or_syncing(state: str | None) -> None:
    answer = verdict("target_password", source_state=state)
    assert (answer == "legal") == (state in ("replicate", "syncing"))


@pytest.mark.parametrize("state", [*RUNNING, "stopping"])
def test_a_target_is_not_unlocked_while_the_migration_works_on_it(state: str) -> None:
    assert verdict("unlock", source_state=state) == "illegal"


@pytest.mark.parametrize("state", ["finished", "stopped", "error"])
def test_a_target_at_rest_can_be_unlocked(state: str) -> None:
    assert verdict("unlock", source_state=state) == "legal"


def test_a_strangers_state_is_quoted_and_shortened() -> None:
    answer = legality("test", source_state="x" * 500)
    assert len(answer.reason) < 200
