"""Which phase a server is in, from what the service says in three places."""

from itertools import product
from typing import get_args

import pytest

from sms_tools.knowledge import (
    PHASES,
    describe_phase,
    is_legal_pair,
    phase_of,
    sub_task_kind,
)
from sms_tools.knowledge.states import (
    LEGAL_STATES,
    SUB_TASKS,
    Phase,
    SubTaskKind,
)

from .words import SOURCE_STATES, STAGES, TASK_STATES


@pytest.mark.parametrize(
    ("stage", "state", "task", "phase"),
    [
        ("checking", "unavailable", None, "unavailable"),
        ("checking", "waiting", None, "waiting"),
        ("setting", "waiting", "READY", "waiting"),
        ("replicating", "initialize", "RUNNING", "initializing"),
        ("replicating", "replicate", "RUNNING", "replicating"),
        ("syncing", "syncing", "SYNCING", "syncing"),
        ("syncing", "cloning", "SYNCING", "cloning"),
        ("cutovering", "cutovering", "RUNNING", "cutting_over"),
        ("cutovered", "finished", "MIGRATE_SUCCESS", "finished"),
        ("cutovered", "cleared", "MIGRATE_SUCCESS", "finished"),
        ("replicating", "deleting", "DELETING", "deleting"),
    ],
)
def test_the_ordinary_course_of_a_migration(
    stage: str, state: str, task: str | None, phase: Phase
) -> None:
    assert phase_of(migration_cycle=stage, source_state=state, task_state=task) == phase


@pytest.mark.parametrize("task", ["RUNNING", "READY", "SYNCING", None])
def test_a_server_in_continuous_sync_is_syncing_whatever_its_task_still_says(
    task: str | None,
) -> None:
    assert phase_of(migration_cycle="syncing", source_state="syncing", task_state=task) == "syncing"


@pytest.mark.parametrize("stage", [*STAGES, None, "brand-new"])
@pytest.mark.parametrize(
    ("state", "phase"), [("error", "failed"), ("stopped", "paused"), ("stopping", "paused")]
)
def test_failed_and_paused_do_not_depend_on_the_stage(
    stage: str | None, state: str, phase: Phase
) -> None:
    assert phase_of(migration_cycle=stage, source_state=state, task_state=None) == phase


@pytest.mark.parametrize(
    ("state", "phase"),
    [("replicate", "replicating"), ("syncing", "syncing"), ("cutovering", "cutting_over")],
)
def test_a_failed_task_whose_server_runs_again_is_not_failed(state: str, phase: Phase) -> None:
    assert phase_of(migration_cycle=None, source_state=state, task_state="MIGRATE_FAIL") == phase


@pytest.mark.parametrize("state", ["waiting", None, ""])
def test_a_failed_task_whose_server_does_not_run_is_failed(state: str | None) -> None:
    assert phase_of(migration_cycle=None, source_state=state, task_state="MIGRATE_FAIL") == "failed"


@pytest.mark.parametrize(
    ("task", "phase"),
    [
        ("READY", "waiting"),
        ("SYNCING", "syncing"),
        ("MIGRATE_SUCCESS", "finished"),
        ("MIGRATE_FAIL", "failed"),
        ("SYNC_FAIL", "failed"),
        ("SYNC_F_ROLLBACKING", "failed"),
        ("ABORTING", "paused"),
        ("ABORT", "paused"),
        ("DELETING", "deleting"),
        ("RUNNING", "unknown"),
        ("SKIPPING", "unknown"),
        ("RESETING", "unknown"),
        (None, "unknown"),
    ],
)
def test_a_task_without_its_server_says_what_it_can(task: str | None, phase: Phase) -> None:
    assert phase_of(migration_cycle=None, source_state=None, task_state=task) == phase


def test_the_stage_says_what_a_running_task_does() -> None:
    phase = phase_of(migration_cycle="replicating", source_state=None, task_state="RUNNING")
    assert phase == "replicating"


def test_a_ready_task_in_a_late_stage_is_not_called_waiting() -> None:
    assert phase_of(migration_cycle="syncing", source_state="", task_state="READY") == "unknown"


@pytest.mark.parametrize("state", ["premiging", "skipping", "something_new", "🦀"])
def test_a_state_that_nobody_documents_is_unknown(state: str) -> None:
    phase = phase_of(migration_cycle="syncing", source_state=state, task_state="RUNNING")
    assert phase == "unknown"


def test_a_stage_and_a_state_that_contradict_each_other_are_unknown() -> None:
    phase = phase_of(migration_cycle="cutovered", source_state="WAITING", task_state=None)
    assert phase == "unknown"


@pytest.mark.parametrize(
    ("written", "phase"),
    [("INIT", "initializing"), ("testing", "cutting_over"), ("AVAILABLE", "waiting")],
)
def test_old_spellings_are_understood(written: str, phase: Phase) -> None:
    assert phase_of(migration_cycle=None, source_state=written, task_state=None) == phase


def test_every_combination_has_a_phase() -> None:
    stages = [None, "", *STAGES, "new"]
    states = [None, "", *SOURCE_STATES, "new"]
    tasks = [None, "", *TASK_STATES, "NEW"]
    for stage, state, task in product(stages, states, tasks):
        phase = phase_of(migration_cycle=stage, source_state=state, task_state=task)
        assert phase in PHASES, (stage, state, task)


def test_every_phase_is_described() -> None:
    assert set(PHASES) == set(get_args(Phase))
    for phase in PHASES:
        assert describe_phase(phase).meaning
        assert describe_phase(phase).next
    assert describe_phase("nonsense") == PHASES["unknown"]


def test_the_legal_pairs_are_those_of_7728() -> None:
    assert is_legal_pair("checking", "unavailable") is True
    assert is_legal_pair("cutovered", "waiting") is False
    assert is_legal_pair("setting", "error") is False
    assert is_legal_pair("syncing", "cloning") is True
    assert is_legal_pair("syncing", "premiging") is None
    assert is_legal_pair(None, "waiting") is None
    assert sum(len(states) for states in LEGAL_STATES.values()) == 25


def test_a_word_that_is_no_phase_reads_as_unknown() -> None:
    assert set(PHASES) == set(get_args(Phase))
    assert describe_phase("new") == describe_phase("unknown")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("CREATE_CLOUD_SERVER", "create"),
        ("SSL_CONFIG", "secure"),
        ("ATTACH_AGENT_IMAGE-90", "attach"),
        ("FORMAT_DISK_LINUX_BLOCK", "format"),
        ("MIGRATE_LINUX_FILE", "copy"),
        ("SYNC_WINDOWS_BLOCK", "sync"),
        ("CONFIGURE_LINUX_FILE", "configure"),
        ("DETTACH_AGENT_IMAGE", "detach"),
        ("DETACH_AGENT_IMAGE", "detach"),
        ("CLONE_VM", "clone"),
        ("SOMETHING_NEW", "unknown"),
        (None, "unknown"),
    ],
)
def test_a_sub_task_has_a_kind(name: str | None, kind: str) -> None:
    assert sub_task_kind(name) == kind


def test_every_documented_sub_task_has_a_kind_of_its_own() -> None:
    assert set(SUB_TASKS.values()) | {"unknown"} == set(get_args(SubTaskKind))
    assert len(SUB_TASKS) == 20  # 19 documented, and the other spelling of DETTACH
