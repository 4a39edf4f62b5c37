"""Which action is legal in which state, and why not.

The service checks too, but late and in its own words. Here the answer comes before anybody is
asked, says why for a person, and is `unknown` where a fact is missing: an unknown is never legal.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias

from sms_tools.knowledge.states import LEGAL_STATES, is_known_task_state, normalize_state

Verdict: TypeAlias = Literal["legal", "illegal", "unknown"]


@dataclass(frozen=True, slots=True)
class Legality:
    """Whether an action may be tried now. `guard_code` is what the service would answer."""

    verdict: Verdict
    reason: str
    guard_code: str | None = None


@dataclass(frozen=True, slots=True)
class _Facts:
    source: str
    stage: str
    task: str
    connected: bool | None
    tasks: int | None
    servers: int | None
    is_default: bool | None
    collecting_logs: bool | None


_STARTABLE = frozenset({"READY", "ABORT", "MIGRATE_FAIL"})
_STARTABLE_SOURCE = frozenset({"waiting", "stopped", "error"})
_NOT_STARTABLE = frozenset({"RUNNING", "SYNCING", "MIGRATE_SUCCESS", "ABORTING", "DELETING"})
_RUNNING_TASK = frozenset({"RUNNING", "SYNCING"})
_RUNNING_SOURCE = frozenset({"initialize", "replicate", "syncing", "cloning", "cutovering"})
_STILL_SOURCE = frozenset({"stopped", "error"})
_STILL_TASK = frozenset({"ABORT", "MIGRATE_FAIL", "SYNC_FAIL"})
_TASK_IN_SYNC = frozenset({"READY", "RUNNING", "SYNCING", "SYNC_SUCCESS"})
"""What a task may read while its server is in continuous sync: it follows late, or not at all."""
_DELETABLE_SOURCE = frozenset({"unavailable", "waiting", "finished", "error", "stopped"})
_UNDELETABLE_SOURCE = _RUNNING_SOURCE | {
    "stopping",
    "deleting",
    "skipping",
    "clearing",
    "premiging",
}

_SAYING = {
    "unavailable": "failed its environment check",
    "waiting": "waits to be started",
    "initialize": "is being prepared for the full copy",
    "replicate": "is replicating",
    "syncing": "is in continuous sync",
    "stopping": "is being paused",
    "stopped": "is paused",
    "deleting": "is being deleted",
    "error": "has failed",
    "cloning": "is being cloned",
    "cutovering": "is being launched",
    "finished": "has been launched",
    "READY": "has not been started",
    "RUNNING": "is running",
    "SYNCING": "is synchronising",
    "MIGRATE_SUCCESS": "is finished",
    "MIGRATE_FAIL": "has failed",
    "ABORTING": "is being paused",
    "ABORT": "is paused",
    "DELETING": "is being deleted",
}


def _server(state: str) -> str:
    return f"this server {_SAYING.get(state, f'is in the state {state[:40]!r}')}"


def _task(state: str) -> str:
    return f"this task {_SAYING.get(state, f'is in the state {state[:40]!r}')}"


def _legal(reason: str) -> Legality:
    return Legality("legal", reason)


def _illegal(reason: str, code: str | None = None) -> Legality:
    return Legality("illegal", reason, code)


def _unknown(reason: str, code: str | None = None) -> Legality:
    return Legality("unknown", reason, code)


def _contradiction(facts: _Facts, code: str) -> Legality:
    return _unknown(
        f"The readings do not fit together: {_task(facts.task)}, but {_server(facts.source)}. "
        "Read both again.",
        code,
    )


def _needs_agent(facts: _Facts, verdict: Legality) -> Legality:
    """A legal action that the Agent carries out is legal only while the Agent is connected."""
    if verdict.verdict != "legal":
        return verdict
    if facts.connected is None:
        return _unknown("It is not known whether the Agent on the source is connected.", "SMS.6603")
    if not facts.connected:
        return _illegal(
            "The Agent on the source is not connected, and it has to carry this out.", "SMS.6603"
        )
    return verdict


def _start(facts: _Facts) -> Legality:
    code = "SMS.7713"
    if facts.task in _NOT_STARTABLE:
        return _illegal(
            f"Starting needs a task that is ready, paused or failed; {_task(facts.task)}.", code
        )
    if facts.task not in _STARTABLE:
        return _unknown("Starting depends on the task's state, which is not known.", code)
    if not facts.source:
        return _unknown("The source server's state is not known.", code)
    if facts.source == "deleting":
        return _illegal("The server or its task is being deleted.", code)
    if facts.source not in _STARTABLE_SOURCE:
        return _contradiction(facts, code)
    return _needs_agent(facts, _legal("The task is ready, paused or failed, so it can be started."))


def _stop(facts: _Facts) -> Legality:
    code = "SMS.7714"
    if not facts.task or not facts.source:
        return _unknown("Pausing depends on the states of task and server; one is missing.", code)
    if facts.task in _RUNNING_TASK and facts.source in _RUNNING_SOURCE:
        return _needs_agent(facts, _legal("The migration is running and can be paused."))
    if facts.source in _RUNNING_SOURCE:
        return _contradiction(facts, code)
    if facts.source in _SAYING:
        return _illegal(f"Only a running migration can be paused; {_server(facts.source)}.", code)
    return _unknown(f"Whether pausing works here is unknown: {_server(facts.source)}.", code)


def _restart(facts: _Facts) -> Legality:
    code = "SMS.7722"
    if not facts.task or not facts.source:
        return _unknown("A restart depends on whether the target was launched; unknown here.", code)
    if facts.source == "finished" and facts.task == "MIGRATE_SUCCESS":
        return _needs_agent(
            facts,
            _legal(
                "The target was launched; a restart synchronises later changes of the source onto "
                "it, and overwrites what the target has written since."
            ),
        )
    if facts.source == "finished" or facts.task == "MIGRATE_SUCCESS":
        return _unknown("Server and task do not agree on whether the target was launched.", code)
    if facts.source in _SAYING:
        return _illegal(
            f"A restart needs a target that was launched successfully; {_server(facts.source)}.",
            code,
        )
    return _unknown(f"Whether a restart works here is unknown: {_server(facts.source)}.", code)


def _sync(facts: _Facts) -> Legality:
    code = "SMS.7715"
    if facts.source == "finished" or (facts.source, facts.stage) == ("syncing", "syncing"):
        return _needs_agent(facts, _legal("Finished or in continuous sync: it can synchronise."))
    if not facts.source or not facts.stage or facts.source not in _SAYING:
        return _unknown("Synchronising depends on the server's stage, which is not known.", code)
    return _illegal(
        "Synchronising needs a finished migration or the continuous-sync stage; "
        f"{_server(facts.source)}.",
        code,
    )


def _in_continuous_sync(facts: _Facts, doing: str, legal: str) -> Legality:
    code = "SMS.7721"
    if facts.source and facts.source != "syncing":
        if facts.source not in _SAYING:
            return _unknown(f"{doing} depends on the state, and {_server(facts.source)}.", code)
        return _illegal(f"{doing} needs the continuous-sync stage; {_server(facts.source)}.", code)
    if facts.stage and facts.stage not in LEGAL_STATES:
        return _unknown(
            f"{doing} depends on the stage, and {facts.stage[:40]!r} is not a known one.", code
        )
    if facts.stage and facts.stage != "syncing":
        return _illegal(
            f"{doing} needs the continuous-sync stage; its stage is {facts.stage[:40]!r}.",
            code,
        )
    if not (facts.source and facts.stage and facts.task):
        return _unknown(f"{doing} depends on stage and states, and one of them is missing.", code)
    if facts.task not in _TASK_IN_SYNC:
        return _contradiction(facts, code)
    return _needs_agent(facts, _legal(legal))


def _test(facts: _Facts) -> Legality:
    return _in_continuous_sync(
        facts, "Launching", "The server is in continuous sync: the target can be launched."
    )


def _clone_test(facts: _Facts) -> Legality:
    return _in_continuous_sync(
        facts,
        "Cloning",
        "The server is in continuous sync: the target can be cloned, if the ECS quota allows.",
    )


def _rollback(facts: _Facts) -> Legality:
    code = "SMS.7718"
    if facts.task == "SYNC_FAIL":
        return _needs_agent(facts, _legal("The synchronisation failed and can be rolled back."))
    if not facts.task:
        return _unknown("Rolling back depends on the task's state, which is not known.", code)
    return _illegal(f"Only a failed synchronisation can be rolled back; {_task(facts.task)}.", code)


def _network_check(facts: _Facts) -> Legality:
    if facts.source in _RUNNING_SOURCE:
        return _illegal(
            "The network is measured while a migration is paused or has failed; "
            f"{_server(facts.source)}."
        )
    if facts.source in _STILL_SOURCE and facts.task in _STILL_TASK:
        return _needs_agent(
            facts, _legal("The migration stands still, so the network can be measured.")
        )
    return _unknown("It is documented only for a paused or failed copy, sync or configuration.")


def _delete_task(facts: _Facts) -> Legality:
    code = "SMS.7719"
    if facts.task == "DELETING" or facts.source == "deleting":
        return _illegal("The task is being deleted already.", code)
    if facts.source in _DELETABLE_SOURCE:
        return _legal(f"The task can be deleted: {_server(facts.source)}.")
    if facts.connected is False:
        return _legal("The Agent is disconnected, so the task can be deleted.")
    if facts.source in _UNDELETABLE_SOURCE and facts.connected:
        return _illegal(
            "A task can be deleted when it is ready, paused, failed or finished, or the Agent is "
            f"disconnected; {_server(facts.source)}. Pause it first.",
            code,
        )
    return _unknown("Whether the task can be deleted depends on a state that is not known.", code)


def _delete_source(facts: _Facts) -> Legality:
    code = "SMS.7601"
    if facts.tasks or (facts.tasks is None and facts.task):
        return _illegal("This source server still has a migration task.", code)
    if facts.tasks is None:
        return _unknown("Whether this source server has a task is unknown.", code)
    return _legal("This source server has no migration task.")


def _delete_template(facts: _Facts) -> Legality:
    code = "SMS.7111"
    if facts.tasks is None:
        return _unknown("It is not known how many tasks use this template.", code)
    if facts.tasks:
        return _illegal(f"Tasks still use this template: {facts.tasks}.", code)
    return _legal("No task uses this template.")


def _delete_project(facts: _Facts) -> Legality:
    if facts.is_default:
        return _illegal("The default project cannot be deleted.", "SMS.7303")
    if facts.servers:
        return _illegal(f"Source servers still belong to it: {facts.servers}.", "SMS.7311")
    if facts.is_default is None or facts.servers is None:
        return _unknown("It is not known whether the project is the default, or empty.", "SMS.7311")
    return _legal("The project is empty and not the default.")


def _collect_log(facts: _Facts) -> Legality:
    if facts.task == "READY":
        return _illegal("Logs exist only once the task has been started.", "SMS.7717")
    if facts.collecting_logs:
        return _illegal("The previous collection of logs is not over yet.", "SMS.7716")
    if not is_known_task_state(facts.task) or facts.collecting_logs is None:
        return _unknown(
            "It is not known whether the task was started, or whether logs are being collected.",
            "SMS.7717",
        )
    return _needs_agent(facts, _legal("The task was started and no collection is running."))


def _target_password(facts: _Facts) -> Legality:
    code = "SMS.9905"
    if facts.source in ("replicate", "syncing"):
        return _legal("The password can be asked for while replicating or syncing.")
    if facts.source not in _SAYING:
        return _unknown("It depends on the server's state, which is not known.", code)
    return _illegal(
        f"The password is given only while replicating or syncing; {_server(facts.source)}.",
        code,
    )


def _unlock(facts: _Facts) -> Legality:
    if facts.source in _RUNNING_SOURCE | {"stopping"}:
        return _illegal(
            "The lock protects the target's disks while the migration works on them; "
            f"{_server(facts.source)}."
        )
    if facts.source in ("stopped", "error"):
        return _legal(
            "The target can be unlocked, but it cannot be locked again: changes to its disks would "
            "break the migration when it is started again."
        )
    if facts.source == "finished":
        return _legal("The migration is finished; the target can be unlocked.")
    return _unknown("It is not known whether the migration still works on the target.")


_RULES: Mapping[str, Callable[[_Facts], Legality]] = MappingProxyType(
    {
        "start": _start,
        "stop": _stop,
        "restart": _restart,
        "sync": _sync,
        "test": _test,
        "clone_test": _clone_test,
        "sync_failed_rollback": _rollback,
        "network_check": _network_check,
        "delete_task": _delete_task,
        "delete_source": _delete_source,
        "delete_template": _delete_template,
        "delete_project": _delete_project,
        "collect_log": _collect_log,
        "target_password": _target_password,
        "unlock": _unlock,
    }
)

ACTIONS: tuple[str, ...] = tuple(_RULES)
"""The actions that `legality` knows: the service's own words, then ours for the other guards."""

_ALIASES = {
    "cutover": "test",
    "launch": "test",
    "launch_target": "test",
    "clone": "clone_test",
    "clone_rehearsal": "clone_test",
    "pause": "stop",
    "delete_migration_task": "delete_task",
    "delete_migration_tasks": "delete_task",
    "delete_source_server": "delete_source",
    "delete_source_servers": "delete_source",
    "delete_templates": "delete_template",
    "delete_migration_project": "delete_project",
    "upload_migration_task_logs": "collect_log",
    "get_template_target_password": "target_password",
    "unlock_target_server": "unlock",
}


def legality(
    action: str,
    *,
    source_state: str | None = None,
    migration_cycle: str | None = None,
    task_state: str | None = None,
    connected: bool | None = None,
    tasks: int | None = None,
    servers: int | None = None,
    is_default: bool | None = None,
    collecting_logs: bool | None = None,
) -> Legality:
    """May `action` be tried now?

    `action` is one of `ACTIONS`, or the name of the tool that does it. `connected` is the Agent's
    connection; `tasks` how many tasks hang on the source or template; `servers` how many servers
    are in the project. A fact that the rule needs and that is None makes the verdict `unknown`.
    """
    rule = _RULES.get(_ALIASES.get(action, action))
    if rule is None:
        return _unknown(f"No rule is known for the action {action[:40]!r}.")
    return rule(
        _Facts(
            source=normalize_state(source_state),
            stage=(migration_cycle or "").strip().lower(),
            task=(task_state or "").strip().upper(),
            connected=connected,
            tasks=tasks,
            servers=servers,
            is_default=is_default,
            collecting_logs=collecting_logs,
        )
    )
