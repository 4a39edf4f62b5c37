"""Failures, and which of them have one cause: pure, from what was read to groups.

A failure is one server and one thing that went wrong with it. Failures belong together when code,
failing sub-task, stage and the kind of the first parameter are the same. Network errors are apart
by the target's network, and together whatever their code when they came and went within a quarter
of an hour: then they are one event.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal

from sms_tools.fleet.reading import Fleet, Server
from sms_tools.knowledge import ErrorKnowledge, explain, normalize_code
from sms_tools.knowledge.facts import NETWORK_EVENT_CODES, ONE_EVENT_MINUTES
from sms_tools.operations.error_json import TaskError
from sms_tools.operations.source_servers import FailedServer, SourceServer
from sms_tools.text import one_line

RUNS_AGAIN: Final = frozenset(
    {"initializing", "replicating", "syncing", "cutting_over", "cloning", "finished"}
)
"""The phases in which an error that is still listed has been overcome."""
ENOUGH_FOR_ONE_CAUSE: Final = 3
"""So many servers that share something make one cause likely; fewer may be chance."""

Said = Literal["source_state", "task_state", "task_error", "error_list", "clone", "check"]

_OPERATION: Final[Mapping[Said, str]] = {
    "source_state": "list_source_servers",
    "task_state": "list_migration_tasks",
    "task_error": "list_migration_tasks",
    "error_list": "list_failed_source_servers",
    "clone": "list_source_servers",
    "check": "list_source_servers",
}


@dataclass(frozen=True)
class Failure:
    """One thing that went wrong with one server, or that has been overcome (`recovered`)."""

    server: Server
    code: str | None
    params: Sequence[str] = ()
    sub_task: str | None = None
    stage: str | None = None
    since: datetime | None = None
    said_by: Sequence[Said] = ()
    recovered: bool = False
    whole: bool = True
    """False where the error's text was cut off or damaged."""
    network: str | None = None
    """Where the target stands: the subnet of its template, else the template or address range."""

    @property
    def operations(self) -> Sequence[str]:
        """What it was read with."""
        return sorted({_OPERATION[said] for said in self.said_by})


@dataclass(frozen=True)
class Group:
    """Failures that belong together, with what their servers share."""

    failures: Sequence[Failure]
    is_network_event: bool = False
    shared: Mapping[str, str] = field(default_factory=dict)

    @property
    def codes(self) -> Sequence[str]:
        """The codes of this group, the commonest first; empty where none was read."""
        counts = Counter(failure.code for failure in self.failures if failure.code)
        return [code for code, _ in sorted(counts.items(), key=lambda each: (-each[1], each[0]))]

    @property
    def servers(self) -> Sequence[Server]:
        """The servers, each once."""
        return list({id(failure.server): failure.server for failure in self.failures}.values())

    @property
    def began(self) -> tuple[datetime, datetime] | None:
        """When the first and the last of them failed, where that is known."""
        times = [failure.since for failure in self.failures if failure.since]
        return (min(times), max(times)) if times else None

    @property
    def likely_one_cause(self) -> bool:
        """Whether enough servers share something that can have caused it."""
        enough = len(self.servers) >= ENOUGH_FOR_ONE_CAUSE
        return self.is_network_event or (enough and bool(self.shared))

    def knowledge(self) -> ErrorKnowledge | None:
        """What is known of the commonest code, filled with the first failure's parameters."""
        if not self.codes:
            return None
        first = next(failure for failure in self.failures if failure.code == self.codes[0])
        return explain(self.codes[0], first.params)


def failures_of(fleet: Fleet, listed: Sequence[FailedServer]) -> Sequence[Failure]:
    """Every failure that source states, tasks, the list of errors, clones and checks tell of.

    *listed* are the entries of the service's list of failed servers; those of servers outside of
    a narrowed *fleet* are left out.
    """
    by_id = {entry.source_id: entry for entry in listed if entry.source_id}
    found: list[Failure] = []
    for server in fleet.servers:
        found += _of_server(server, by_id.pop(server.id, None))
    if not fleet.narrowed:
        found += [_of_absent(entry) for entry in by_id.values()]
    return found


def _of_server(server: Server, entry: FailedServer | None) -> Sequence[Failure]:
    found = []
    migration = _of_migration(server, entry)
    if migration:
        found.append(migration)
    if server.clone_error:
        found.append(
            Failure(
                server,
                _code(server.clone_error),
                server.clone_params,
                sub_task="CLONE_VM",
                stage=server.stage,
                said_by=["clone"],
            )
        )
    if server.phase == "unavailable":
        found += _of_checks(server)
    return found


def _of_migration(server: Server, entry: FailedServer | None) -> Failure | None:
    """What stopped the migration itself, by whichever record says so."""
    said: list[Said] = []
    if server.phase == "failed":
        own = (server.state or "").strip().lower() == "error"
        said.append("source_state" if own else "task_state")
    if server.error:
        said.append("task_error")
    if entry:
        said.append("error_list")
    if not said or (said == ["error_list"] and server.phase == "unavailable"):
        return None
    error = _best(server.error, entry.error if entry else None)
    return Failure(
        server,
        _code(error.code) if error else None,
        error.params if error else (),
        server.step_name if server.phase not in RUNS_AGAIN else None,
        server.stage,
        server.state_since,
        said,
        recovered=server.phase in RUNS_AGAIN,
        whole=error.complete if error else True,
    )


def _best(task: TaskError | None, listed: TaskError | None) -> TaskError | None:
    """The task's own error before the list's, which may be cut off or older; a code before none."""
    known = [error for error in (task, listed) if error and error.code]
    return known[0] if known else task or listed


def _of_checks(server: Server) -> Sequence[Failure]:
    """The environment checks that failed; an unfit server without one is told all the same."""
    found = [
        Failure(
            server,
            _code(check.error_code) if check.error_code else None,
            [text for text in (check.params or [check.error_params or ""]) if text],
            one_line(check.name or "", 60) or None,
            "checking",
            server.state_since,
            ["check"],
        )
        for check in server.failed_checks
    ]
    return found or [
        Failure(server, None, (), None, "checking", server.state_since, ["source_state"])
    ]


def _of_absent(entry: FailedServer) -> Failure:
    """An entry of the list of errors whose server is not among the source servers."""
    record = SourceServer(id=entry.source_id, name=entry.name, ip=entry.source_ip)
    error = entry.error
    return Failure(
        Server(record),
        _code(error.code) if error.code else None,
        error.params,
        said_by=["error_list"],
        whole=error.complete,
    )


def _code(code: str | None) -> str | None:
    return normalize_code(code) if code else None


# Grouping


def group(
    failures: Sequence[Failure], networks: Mapping[str, str] | None = None
) -> Sequence[Group]:
    """The failures that have not been overcome, in groups, the largest first.

    *networks* names the target network of each template id.
    """
    by_key: dict[tuple[object, ...], list[Failure]] = {}
    for failure in failures:
        if not failure.recovered:
            placed = _placed(failure, networks or {})
            by_key.setdefault(_key(placed), []).append(placed)
    groups = [
        Group(each, _is_one_event(each), shared_by(each)) for each in _merged([*by_key.values()])
    ]
    return sorted(groups, key=lambda each: (-len(each.servers), "".join(each.codes[:1])))


def _placed(failure: Failure, networks: Mapping[str, str]) -> Failure:
    template = failure.server.template_id
    address = failure.server.task.migration_ip if failure.server.task else None
    network = networks.get(template or "") or (template and f"template {template}")
    if not network and address and "." in address:
        network = f"{address.rpartition('.')[0]}.0/24"
    return Failure(**{**vars(failure), "network": network or None})


def _key(failure: Failure) -> tuple[object, ...]:
    stage = (failure.stage or "").lower()
    kind = kind_of_param(failure.params[0]) if failure.params else ""
    network = failure.network if failure.code in NETWORK_EVENT_CODES else None
    return failure.code, failure.sub_task, stage, kind, network


def _merged(groups: Sequence[list[Failure]]) -> Sequence[list[Failure]]:
    """*groups*, with those put together that are one network event under several codes."""
    merged: list[list[Failure]] = []
    for found in groups:
        partner = next((each for each in merged if _are_one_event(each, found)), None)
        if partner is None:
            merged.append(found)
        else:
            partner += found
    return merged


def _are_one_event(one: Sequence[Failure], other: Sequence[Failure]) -> bool:
    return _could_be_event([*one, *other]) and all(
        abs((mine - theirs).total_seconds()) < ONE_EVENT_MINUTES * 60
        for mine, theirs in zip(_range(one), _range(other), strict=True)
    )


def _is_one_event(failures: Sequence[Failure]) -> bool:
    """Whether several servers met network errors in one network at almost the same time."""
    if len({failure.server.id for failure in failures}) < 2 or not _could_be_event(failures):
        return False
    first, last = _range(failures)
    return last - first < timedelta(minutes=ONE_EVENT_MINUTES)


def _could_be_event(failures: Sequence[Failure]) -> bool:
    networks = {failure.network for failure in failures}
    return len(networks) == 1 and all(
        failure.code in NETWORK_EVENT_CODES and failure.network and failure.since
        for failure in failures
    )


def _range(failures: Sequence[Failure]) -> tuple[datetime, datetime]:
    times = [failure.since for failure in failures if failure.since]
    return min(times), max(times)


_SHARED: Final[Mapping[str, Callable[[Failure], str | None]]] = {
    "target_network": lambda failure: failure.network,
    "os_type": lambda failure: failure.server.os_type or None,
    "os_version": lambda failure: _of_source(failure, "os_version"),
    "migration_type": lambda failure: failure.server.task_type,
}


def _of_source(failure: Failure, name: str) -> str | None:
    return getattr(failure.server.source, name, None) if failure.server.source else None


def shared_by(failures: Sequence[Failure]) -> Mapping[str, str]:
    """What all servers of *failures* have in common; nothing for a single one."""
    if len({failure.server.id for failure in failures}) < 2:
        return {}
    found = {}
    for name, read in _SHARED.items():
        values = {read(failure) for failure in failures}
        if len(values) == 1 and (value := values.pop()):
            found[name] = one_line(value, 60)
    return found


_KINDS: Final = (
    (re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE), "<id>"),
    (re.compile(r"\d+(?:\.\d+){3}(?::\d+)?"), "<address>"),
    (re.compile(r"(?:/|[A-Za-z]:\\).*", re.DOTALL), "<path>"),
    (re.compile(r"[\d.,%]+"), "<number>"),
)


def kind_of_param(param: str) -> str:
    """What kind of thing an error's parameter is; words stand for themselves, without numbers."""
    text = one_line(param, 200)
    for pattern, kind in _KINDS:
        if pattern.fullmatch(text):
            return kind
    return re.sub(r"\d+", "#", text).lower()
