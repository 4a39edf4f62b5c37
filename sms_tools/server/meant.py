"""What a caller meant who gave a name where an id is wanted, or the id of something else.

A read takes what was meant. What changes something is refused with the id, so that a person is
only ever asked about what the caller has seen.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sms_tools.errors import RequestRefused, ServiceUnreachable, SmsToolsError
from sms_tools.operation import JSON, Operation
from sms_tools.server.runtime import Runtime
from sms_tools.text import one_line

_AN_ID: Final = re.compile(r"^[0-9a-fA-F][0-9a-fA-F-]{18,}[0-9a-zA-Z]*$")
_SERVERS: Final = ("source_id", "server_id", "source_server_id")
_PROJECTS: Final = ("mig_project_id", "migproject", "migprojectid")
_LISTS: Final[Mapping[str, str]] = {
    "delete_migration_tasks": "task",
    "delete_source_servers": "server",
}
"""Whose ``ids`` the operations take that have several."""
_KINDS: Final[Mapping[str, str]] = {
    "task_id": "task",
    **dict.fromkeys(_SERVERS, "server"),
    **dict.fromkeys(_PROJECTS, "migration project"),
}


class MeantAnother(RequestRefused):
    """A change was asked for by a name, or by the id of something else; ``arguments`` are right."""

    def __init__(self, said: str, tool: str, arguments: Mapping[str, JSON]) -> None:
        super().__init__(said, advice=f"Call {tool} again with the id, as in corrected_call.")
        self.arguments = dict(arguments)


@dataclass(frozen=True, slots=True)
class Found:
    """What a value names, and the id that was wanted."""

    id: str
    said: str


async def with_ids(
    arguments: Mapping[str, JSON],
    operation: type[Operation[Any]],
    runtime: Runtime,
    *,
    reads: bool,
    every: bool = False,
) -> tuple[dict[str, JSON], list[str]]:
    """*arguments* with ids for names, and what was taken for what.

    Values that look like ids are left alone unless *every*: the service did not know one.

    Raises:
        MeantAnother: the call changes something, and what was meant is known.
        AmbiguousName: a name fits several.
        UnknownName: a filter's name fits nothing, and an empty list would say that there is none.
    """
    meant, notes = dict(arguments), []
    spec = operation.__spec__
    for name, value in arguments.items():
        kind = _LISTS.get(spec.name) if name == "ids" else _KINDS.get(name)
        if kind is None or name not in operation.model_fields:
            continue
        strict = reads and name not in spec.path_fields and not every
        ids: list[JSON] = []
        for each in value if isinstance(value, list) else [value]:
            known = not isinstance(each, str) or (_AN_ID.match(each.strip()) and not every)
            found = None if known else await _find(kind, each, runtime, strict=strict, like=every)
            ids.append(found.id if found else each)
            if found and found.id != each:
                notes.append(f"{found.said}, which was taken as {name}.")
        meant[name] = ids if isinstance(value, list) else ids[0]
    if notes and not reads:
        raise MeantAnother(
            " ".join(note.partition(", which was taken")[0] + "." for note in notes),
            spec.name,
            meant,
        )
    return meant, notes


async def _find(
    kind: str, value: str, runtime: Runtime, *, strict: bool, like: bool = False
) -> Found | None:
    """What *value* names; None if nothing, or if what there is cannot be read.

    Raises:
        AmbiguousName: it fits several.
        UnknownName: it fits nothing, if *strict*, or if *like* and something is called alike.
    """
    from sms_tools.fleet.reading import find_project, read_fleet  # loaded when first needed
    from sms_tools.fleet.selection import UnknownName, chosen

    shown = one_line(value, 80)
    try:
        if kind == "migration project":
            project = await find_project(runtime.desk, value)
            return (
                Found(
                    project.id or "",
                    f"{shown} is a migration project's name; its id is {project.id}",
                )
                if project
                else None
            )
        fleet = await read_fleet(runtime.desk)
    except UnknownName as error:
        if strict or (like and error.candidates):
            raise
        return None
    except (RequestRefused, ServiceUnreachable):
        raise  # a name that fits several; a service that would keep the call itself waiting too
    except SmsToolsError:
        return None
    of_task = next((each for each in fleet.servers if each.task_id == value), None)
    try:
        server = of_task or chosen(fleet.servers, [value])[0]
    except UnknownName as error:
        if strict or (like and error.candidates):
            raise
        return None
    if kind == "server":
        what = "a task, of the server" if of_task else "a server; its id is"
        return Found(server.id, f"{shown} is {what} {server.id}")
    if not server.task_id:
        raise RequestRefused(
            f"{shown} is a server that has no migration task.",
            advice=f'diagnose_server {{"server": "{server.id}"}} shows its state; '
            "create_migration_task sets one up.",
        )
    return Found(server.task_id, f"{shown} is a server; its task is {server.task_id}")
