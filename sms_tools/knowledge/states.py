"""States, stages and sub-tasks of a migration, and the phase a server is in.

The service describes one migration in three places that move at different moments: the source
server's `state`, its `migration_cycle` (the stage), and the task's `state`. `error` and `stopped`
say nothing about where it happened; the stage does. A task may read RUNNING or READY while its
server has long been in continuous sync, so the phase comes from the server first.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias

Phase: TypeAlias = Literal[
    "unavailable",
    "waiting",
    "initializing",
    "replicating",
    "syncing",
    "paused",
    "cutting_over",
    "cloning",
    "finished",
    "failed",
    "deleting",
    "unknown",
]


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a word of the service says, and what usually comes next."""

    meaning: str
    next: str


PHASES: Mapping[str, Meaning] = MappingProxyType(
    {
        "unavailable": Meaning(
            "The environment check of the source failed; nothing has been migrated.",
            "Repair on the source what the check names, then restart the Agent.",
        ),
        "waiting": Meaning(
            "The source is checked and waits for a task to be created or started.",
            "Create the migration task, or start it.",
        ),
        "initializing": Meaning(
            "The migration is being prepared: certificates, temporary disk, formatting.",
            "The full copy follows automatically.",
        ),
        "replicating": Meaning(
            "The full copy is running.",
            "Continuous sync, or an automatic launch where the task was created without it.",
        ),
        "syncing": Meaning(
            "The full copy is done and changes are copied continuously, until a person launches.",
            "Rehearse with a clone, or launch the target. An idle wait here is by design.",
        ),
        "paused": Meaning(
            "The task is paused, or pausing.",
            "Start resumes it; the copy made so far stays.",
        ),
        "cutting_over": Meaning(
            "The target is being launched; continuous sync has ended.",
            "Finished, or failed.",
        ),
        "cloning": Meaning(
            "A billed clone of the target is being made for a rehearsal.",
            "Continuous sync goes on afterwards.",
        ),
        "finished": Meaning(
            "The target was launched. That does not prove that it boots or can be reached.",
            "Check the target, then clean up. Synchronising again (restart) would overwrite what "
            "the target has written since.",
        ),
        "failed": Meaning(
            "The migration stopped with an error; the stage shows how far it got.",
            "Explain the error code and take its first step.",
        ),
        "deleting": Meaning("The task or the record is being deleted.", "It disappears."),
        "unknown": Meaning(
            "What was read gives no phase: a value is missing, new, or contradicts another.",
            "Read the source server and the task again.",
        ),
    }
)

_ANYWHERE = frozenset({"deleting", "stopping", "error", "stopped"})

LEGAL_STATES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "checking": frozenset({"unavailable", "waiting"}),
        "setting": frozenset({"waiting"}),
        "replicating": frozenset({"initialize", "replicate"}) | _ANYWHERE,
        "syncing": frozenset({"syncing", "cloning"}) | _ANYWHERE,
        "cutovering": frozenset({"cutovering"}) | _ANYWHERE,
        "cutovered": frozenset({"finished"}) | _ANYWHERE,
    }
)
"""The source states that are legal in each stage (SMS.7728)."""

_ALIASES = {"init": "initialize", "testing": "cutovering", "available": "waiting"}

_PHASE_OF_STATE: Mapping[str, Phase] = MappingProxyType(
    {
        "unavailable": "unavailable",
        "waiting": "waiting",
        "initialize": "initializing",
        "replicate": "replicating",
        "syncing": "syncing",
        "stopping": "paused",
        "stopped": "paused",
        "deleting": "deleting",
        "error": "failed",
        "cloning": "cloning",
        "cutovering": "cutting_over",
        "finished": "finished",
        "cleared": "finished",
    }
)
_PHASE_OF_STAGE: Mapping[str, Phase] = MappingProxyType(
    {
        "replicating": "replicating",
        "syncing": "syncing",
        "cutovering": "cutting_over",
    }
)
_PHASE_OF_TASK: Mapping[str, Phase] = MappingProxyType(
    {
        "READY": "waiting",
        "SYNCING": "syncing",
        "SYNC_SUCCESS": "syncing",
        "MIGRATE_SUCCESS": "finished",
        "MIGRATE_FAIL": "failed",
        "SYNC_FAIL": "failed",
        "SYNC_F_ROLLBACKING": "failed",
        "SYNC_F_ROLLBACK_SUCCESS": "failed",
        "ABORTING": "paused",
        "ABORT": "paused",
        "DELETING": "deleting",
    }
)


def normalize_state(state: str | None) -> str:
    """A source state in today's spelling: lower case, `INIT` and `testing` translated."""
    lowered = (state or "").strip().lower()
    return _ALIASES.get(lowered, lowered)


def is_known_state(state: str) -> bool:
    """Whether *state*, as :func:`normalize_state` spells it, is one of the service's."""
    return state in _PHASE_OF_STATE


def is_known_task_state(state: str) -> bool:
    """Whether *state*, in capitals, is one of the service's for a task."""
    return state == "RUNNING" or state in _PHASE_OF_TASK


_STATES_WITH_A_STAGE: frozenset[str] = frozenset().union(*LEGAL_STATES.values())


def is_legal_pair(migration_cycle: str | None, source_state: str | None) -> bool | None:
    """Can this stage and this state stand together? None where one of them is not known."""
    stage, state = (migration_cycle or "").strip().lower(), normalize_state(source_state)
    if stage not in LEGAL_STATES or state not in _STATES_WITH_A_STAGE:
        return None
    return state in LEGAL_STATES[stage]


def phase_of(
    *, migration_cycle: str | None, source_state: str | None, task_state: str | None
) -> Phase:
    """The phase of one server, from its stage and state first and its task second.

    None, unknown and contradicting values are safe: what they do not settle is `unknown`.
    """
    stage = (migration_cycle or "").strip().lower()
    state = normalize_state(source_state)
    by_task = _PHASE_OF_TASK.get((task_state or "").strip().upper())
    if not state:
        return _without_state(stage, task_state, by_task)
    phase = _PHASE_OF_STATE.get(state)
    if phase is None:
        return "unknown"
    if state not in _ANYWHERE and (
        is_legal_pair(stage, state) is False or (stage and stage not in LEGAL_STATES)
    ):
        return "unknown"  # two readings that contradict each other, or a stage that is new
    if by_task == "failed" and phase in ("waiting", "finished"):
        return "failed"
    if by_task == "deleting":
        return "deleting"
    return phase


def _without_state(stage: str, task_state: str | None, by_task: Phase | None) -> Phase:
    """A reply without the server's state: the task decides, the stage says what RUNNING does."""
    task = (task_state or "").strip().upper()
    if task == "RUNNING":
        return _PHASE_OF_STAGE.get(stage, "unknown")
    if task == "READY" and stage not in ("", "setting"):
        return "unknown"
    return by_task or "unknown"


SubTaskKind: TypeAlias = Literal[
    "create",
    "secure",
    "attach",
    "format",
    "copy",
    "sync",
    "configure",
    "detach",
    "clone",
    "unknown",
]

SUB_TASKS: Mapping[str, SubTaskKind] = MappingProxyType(
    {
        "CREATE_CLOUD_SERVER": "create",
        "SSL_CONFIG": "secure",
        "ATTACH_AGENT_IMAGE": "attach",
        "DETTACH_AGENT_IMAGE": "detach",
        "DETACH_AGENT_IMAGE": "detach",
        "FORMAT_DISK_LINUX": "format",
        "FORMAT_DISK_LINUX_FILE": "format",
        "FORMAT_DISK_LINUX_BLOCK": "format",
        "FORMAT_DISK_WINDOWS": "format",
        "MIGRATE_LINUX_FILE": "copy",
        "MIGRATE_LINUX_BLOCK": "copy",
        "MIGRATE_WINDOWS_BLOCK": "copy",
        "CLONE_VM": "clone",
        "SYNC_LINUX_FILE": "sync",
        "SYNC_LINUX_BLOCK": "sync",
        "SYNC_WINDOWS_BLOCK": "sync",
        "CONFIGURE_LINUX": "configure",
        "CONFIGURE_LINUX_BLOCK": "configure",
        "CONFIGURE_LINUX_FILE": "configure",
        "CONFIGURE_WINDOWS": "configure",
    }
)
"""Every documented sub-task and what it does. `DETTACH` is the service's own spelling."""


def sub_task_kind(name: str | None) -> SubTaskKind:
    """What a sub-task does; a suffix with its percentage (`ATTACH_AGENT_IMAGE-90`) is ignored."""
    return SUB_TASKS.get((name or "").strip().upper().split("-")[0], "unknown")


def describe_phase(phase: str) -> Meaning:
    """A phase's meaning and what comes next; a word that is no phase reads as `unknown`."""
    return PHASES.get(phase, PHASES["unknown"])
