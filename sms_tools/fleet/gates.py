"""The gates before a launch: each passes, fails, or cannot be told from what was read.

Pure: one server, its consistency and the time go in. One mandatory gate that is unknown makes
"not confirmed", never "ready".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final, Literal

from sms_tools.fleet.finding import Evidence, Finding
from sms_tools.fleet.reading import Server
from sms_tools.fleet.verification import CLOCK_TOLERANCE, Consistency
from sms_tools.fleet.verification import Verdict as ConsistencyVerdict
from sms_tools.knowledge import legality, sub_task_kind
from sms_tools.knowledge.states import LEGAL_STATES, is_known_state, normalize_state
from sms_tools.moment import from_milliseconds
from sms_tools.operations.options import MigrationOption
from sms_tools.operations.tasks import SubTask
from sms_tools.text import one_line
from sms_tools.wording import span

GateVerdict = Literal["pass", "fail", "unknown"]
Readiness = Literal["ready", "not_ready", "not_confirmed"]

SYNC_RECENT: Final = timedelta(hours=24)
"""A last synchronisation older than this is never recent, whatever the server's interval (ours)."""
SYNC_LEAST: Final = timedelta(minutes=30)
"""A last synchronisation younger than this is always recent (ours)."""
_INTERVALS: Final = 12
"""So many of the last intervals count."""
_SOURCES: Final = "list_source_servers"
_TASKS: Final = "list_migration_tasks"
_RESULTS: Final = "get_consistency_results"

_CONSISTENCY: Final[Mapping[ConsistencyVerdict, GateVerdict]] = {
    "clean": "pass",
    "inconsistent": "fail",
    "stale": "fail",
    "warning": "unknown",
    "partial": "unknown",
    "never": "unknown",
    "unreadable": "unknown",
}


@dataclass(frozen=True, slots=True)
class Gates:
    """All gates of one server, and what they make of it."""

    findings: Mapping[str, Finding]
    advice: Sequence[str] = ()
    """What does not decide, but should be known before a launch."""

    @property
    def verdict(self) -> Readiness:
        """Ready only if every gate passes."""
        verdicts = {finding.verdict for finding in self.findings.values()}
        if "fail" in verdicts:
            return "not_ready"
        return "ready" if verdicts == {"pass"} else "not_confirmed"

    @property
    def open(self) -> Mapping[str, Finding]:
        """The gates that do not pass, failures first."""
        closed = [item for item in self.findings.items() if item[1].verdict != "pass"]
        return dict(sorted(closed, key=lambda item: item[1].verdict != "fail"))


def gates_of(
    server: Server,
    consistency: Consistency | None,
    now: datetime,
    *,
    options: Sequence[MigrationOption] | None = None,
) -> Gates:
    """Every gate of *server*; *consistency* None means that nobody looked.

    *options* are the task's advanced options where they were read by themselves; lists of tasks
    carry them too.
    """
    return Gates(
        findings={
            "stage_syncing": _stage(server, now),
            "state_syncing": _state(server, now),
            "agent_connected": _connected(server, now),
            "no_error": _no_error(server, now),
            "launch_allowed": _launch_allowed(server, now),
            "full_copy_done": _full_copy(server, now),
            "last_sync_done": _last_sync(server, now),
            "no_clone_in_progress": _no_clone(server, now),
            "consistency_clean": _consistency(consistency),
            "nothing_left_out": _nothing_left_out(server, options, now),
            "no_failed_rehearsal": _no_failed_rehearsal(server, now),
            "environment_checks": _checks(server, now),
        },
        advice=_advice(server),
    )


def _gate(verdict: GateVerdict, says: str, *evidence: Evidence) -> Finding:
    return Finding(verdict, says, evidence)


def _stage(server: Server, now: datetime) -> Finding:
    if not server.stage:
        return _gate("unknown", "The stage was not read.")
    seen = Evidence("migration_cycle", one_line(server.stage, 40), _SOURCES, now)
    stage = server.stage.strip().lower()
    if stage == "syncing":
        return _gate("pass", "The stage is continuous sync.")
    if stage not in LEGAL_STATES:
        return _gate("unknown", "The stage is not a known one.", seen)
    return _gate("fail", "The stage is not continuous sync.", seen)


def _state(server: Server, now: datetime) -> Finding:
    if not server.state:
        return _gate("unknown", "The state was not read.")
    state = normalize_state(server.state)
    if state == "syncing":
        return _gate("pass", "The state is syncing.")
    seen = Evidence("state", one_line(server.state, 40), _SOURCES, server.state_since or now)
    if not is_known_state(state):
        return _gate("unknown", "The state is not a known one.", seen)
    return _gate("fail", "The state is not syncing.", seen)


def _connected(server: Server, now: datetime) -> Finding:
    if server.connected is None:
        return _gate("unknown", "Whether the Agent is connected is unknown.")
    if server.connected:
        return _gate("pass", "The Agent is connected.")
    seen = Evidence("connected", False, _SOURCES, server.connection_since or now)
    return _gate("fail", "The Agent is disconnected.", seen)


def _no_error(server: Server, now: datetime) -> Finding:
    if server.error:
        shown = server.error.code or one_line(server.error.raw, 80)
        seen = Evidence("error_json", shown, _TASKS, now)
        return _gate("fail", "The task reports an error.", seen)
    if server.task is None or server.task.error_json is None:
        return _gate("unknown", "Whether the task reports an error was not read.")
    return _gate("pass", "The task reports no error.")


def _launch_allowed(server: Server, now: datetime) -> Finding:
    """Whether states of server and task together let the service launch it."""
    found = legality(
        "test",
        source_state=server.state,
        migration_cycle=server.stage,
        task_state=server.task_state,
        connected=True,  # has a gate of its own
    )
    if found.verdict == "legal":
        return _gate("pass", "The service would accept a launch.")
    verdict: GateVerdict = "fail" if found.verdict == "illegal" else "unknown"
    return _gate(verdict, found.reason, Evidence("state", server.task_state, _TASKS, now))


def _full_copy(server: Server, now: datetime) -> Finding:
    if not server.rounds:
        return _gate("unknown", "The task's sub-tasks were not read.")
    first = server.rounds[0]
    copies = [step for step in first if sub_task_kind(step.name) == "copy"]
    if not copies:
        return _gate("unknown", "The sub-tasks name no full copy.")
    if unfinished := [step for step in first if _part_of_copy(step) and _is_whole(step) is False]:
        step = unfinished[0]
        return _gate("fail", "The full copy is not done.", _step(step, now))
    if odd := [s for s in first if _is_whole(s) is None or sub_task_kind(s.name) == "unknown"]:
        says = "The full copy has an unknown step, or one without a percentage."
        return _gate("unknown", says, _step(odd[0], now))
    return _gate("pass", "Every step of the full copy is at 100 %.")


def _part_of_copy(step: SubTask) -> bool:
    """Whether *step* belongs to the replication; a launch may stand in the same round."""
    return sub_task_kind(step.name) not in ("configure", "detach")


def _step(step: SubTask, at: datetime) -> Evidence:
    return Evidence(f"sub_tasks {one_line(step.name or '', 40)}", step.progress, _TASKS, at)


def _is_whole(step: SubTask) -> bool | None:
    """Whether it is done; None where it ended and gives no percentage, or one that is none."""
    if step.progress is not None and 0 <= step.progress <= 100:
        return step.progress == 100
    return None if step.end_date else False


def _last_sync(server: Server, now: datetime) -> Finding:
    """The latest round that synchronises: whole, and recent. A task without one has no gap here."""
    syncs = [r for r in server.rounds[1:] if any(sub_task_kind(s.name) == "sync" for s in r)]
    if not server.rounds:
        return _gate("unknown", "The task's sub-tasks were not read.")
    if odd := [s for r in server.rounds[1:] for s in r if sub_task_kind(s.name) == "unknown"]:
        says = "The sub-tasks have an unknown step: what it moved is unknown too."
        return _gate("unknown", says, _step(odd[0], now))
    if odd := [s for s in server.rounds[0] if sub_task_kind(s.name) == "sync" and s.progress]:
        says = "A synchronisation has a percentage but no times: when it ran is unknown."
        return _gate("unknown", says, _step(odd[0], now))
    if not syncs:
        return _gate("pass", "There was no synchronisation after the full copy.")
    if unfinished := [step for step in syncs[-1] if _is_whole(step) is False]:
        step = unfinished[0]
        return _gate("fail", "The latest synchronisation is not done.", _step(step, now))
    if unclear := [step for step in syncs[-1] if _is_whole(step) is None]:
        says = "The latest synchronisation ended with a percentage that cannot be right."
        return _gate("unknown", says, _step(unclear[0], now))
    ended = from_milliseconds(max((step.end_date or 0 for step in syncs[-1]), default=0))
    if ended is None:
        return _gate("unknown", "When the latest synchronisation ended is not known.")
    if ended > now + CLOCK_TOLERANCE:
        says = "The latest synchronisation ends in the future: the clock of the source is ahead."
        return _gate("unknown", says, _step(syncs[-1][-1], ended))
    bound, own = _recent(syncs, now)
    says = f"The latest synchronisation ended {span(now - ended)} ago"
    if now - ended > bound:
        says += f"; {own}, so it should not be older than {span(bound)}."
        return _gate("unknown", says, _step(syncs[-1][-1], ended))
    return _gate("pass", f"{says}.")


def _recent(syncs: Sequence[Sequence[SubTask]], now: datetime) -> tuple[timedelta, str]:
    """How old the latest synchronisation may be: three of the server's own intervals."""
    ends = [from_milliseconds(max((s.end_date or 0 for s in each), default=0)) for each in syncs]
    known = sorted(end for end in ends if end and end <= now + CLOCK_TOLERANCE)
    gaps = [later - earlier for earlier, later in pairwise(known)]
    if not gaps:
        return SYNC_RECENT, "it synchronised only once"
    usual = sorted(gaps[-_INTERVALS:])[len(gaps[-_INTERVALS:]) // 2]
    bound = min(max(3 * usual, SYNC_LEAST), SYNC_RECENT)
    return bound, f"it synchronises about every {span(usual)}"


def _no_clone(server: Server, now: datetime) -> Finding:
    if not server.state or server.task is None or server.task.sub_tasks is None:
        return _gate("unknown", "The state or the task's sub-tasks were not read.")
    cloning = [s for s in server.sub_tasks if sub_task_kind(s.name) == "clone" and not s.end_date]
    if server.phase == "cloning" or any(step.start_date for step in cloning):
        seen = Evidence("state", server.state, _SOURCES, now)
        return _gate("fail", "A clone is being made.", seen)
    if server.phase == "unknown":
        return _gate("unknown", "What it is doing is not known; a clone may be being made.")
    return _gate("pass", "No clone is being made.")


def _consistency(found: Consistency | None) -> Finding:
    if found is None:
        return _gate("unknown", "Not read, because another gate rules a launch out.")
    verdict = _CONSISTENCY[found.verdict]
    says = f"Consistency, {found.verdict}: {found.why}"
    seen = Evidence("consistency_result", found.verdict, _RESULTS, found.verified_at)
    return _gate(verdict, says, seen)


_LEAVES_NOTHING_OUT: Final = frozenset(
    {"CONSISTENCY_DIR", "CONSISTENCY_MODE", "LINUX_CPU_LIMIT", "LINUX_MEM_LIMIT", "LINUX_IO_LIMIT"}
)
"""Options known to keep no path out of the copy; of any other with a value that is not known."""
_LEAVES_OUT: Final = ("EXCLUDE", "ONLY")
"""Words in the names of options that keep paths out of the copy."""


def _nothing_left_out(
    server: Server, read: Sequence[MigrationOption] | None, now: datetime
) -> Finding:
    """Whether everything is copied: what an option leaves out is missing after the launch."""
    listed = server.task.special_config if server.task else None
    if read is None and listed is None:
        return _gate("unknown", "Which paths the task leaves out was not read.")
    found = {
        (each.config_key or "", each.config_value or ""): each
        for each in (*(read or ()), *(listed or ()))
        if (each.config_value or "").strip()
        and (each.config_key or "").strip().upper() not in _LEAVES_NOTHING_OUT
    }
    if not found:
        return _gate("pass", "No option keeps a path out of the copy.")
    paths = [f"{one_line(key, 60)}={one_line(value, 300)}" for key, value in found]
    seen = Evidence("configurations", paths, "get_migration_options", now)
    # The sentence names the paths: whoever decides must not have to open the evidence.
    known = all(any(word in key.upper() for word in _LEAVES_OUT) for key, _ in found)
    may = "Left out of the copy by" if known else "May be left out of the copy by"
    says = f"{may} the task's options: {'; '.join(paths)}."
    return _gate("unknown", says, seen)


def _no_failed_rehearsal(server: Server, now: datetime) -> Finding:
    brief = server.source.current_task if server.source else None
    told = brief is not None or (server.task is not None and server.task.clone_server is not None)
    # Lists of tasks leave the clone out: their silence says nothing.
    if not server.clone_error and not told:
        return _gate("unknown", "Whether a rehearsal failed was not read.")
    if not server.clone_error:
        return _gate("pass", "No rehearsal is known to have failed.")
    code = one_line(server.clone_error, 40)
    seen = Evidence("clone_error", code, _SOURCES, now)
    return _gate("unknown", f"The rehearsal failed with {code}: explain_error_code.", seen)


_PASSING_CHECKS: Final = frozenset({"OK", "WARN"})


def _checks(server: Server, now: datetime) -> Finding:
    """Passes only for results known to be good: a new word is unknown, not a pass."""
    if server.source is None or not server.source.checks:
        return _gate("unknown", "No environment checks were read.")
    if failed := server.failed_checks:
        names = [one_line(check.name or "", 40) for check in failed[:4]]
        seen = Evidence("checks", names, _SOURCES, now)
        return _gate("fail", f"Environment checks failed: {', '.join(names)}.", seen)
    odd = [c for c in server.source.checks if (c.result or "").upper() not in _PASSING_CHECKS]
    if odd:
        names = [one_line(f"{c.name}: {c.result}", 60) for c in odd[:4]]
        seen = Evidence("checks", names, _SOURCES, now)
        return _gate("unknown", "An environment check has an unknown result.", seen)
    return _gate("pass", "No environment check failed.")


def _advice(server: Server) -> Sequence[str]:
    advice = [] if server.clone_error else [_rehearsal(server)]
    last = server.last_sync
    begun = from_milliseconds(last.start_date) if last else None
    ended = from_milliseconds(last.end_date) if last else None
    if last and sub_task_kind(last.name) == "sync" and begun and ended:
        took = span(max(ended - begun, timedelta()))
        advice.append(f"The last synchronisation took {took}: the final one may take as long.")
    if server.task and server.task.start_target_server is False:
        advice.append("The target is not started by the launch: start_target_server is false.")
    if server.task and server.task.speed_limit:
        advice.append(f"A rate limit of {server.task.speed_limit} Mbit/s slows the final sync.")
    return advice


def _rehearsal(server: Server) -> str:
    if server.clone_id:
        return "It was rehearsed: there is a clone, billed until it is deleted on the ECS console."
    return "It was never rehearsed with a clone."
