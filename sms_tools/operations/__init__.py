"""The catalogue: every documented operation of the Server Migration Service.

One module per area of the reference's chapter 5; an operation is listed here by being defined
there. The order is the reference's.
"""

import re
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from sms_tools.operation import Operation
from sms_tools.operations import (
    agent,
    commands,
    keys,
    network,
    options,
    privacy,
    projects,
    source_servers,
    tasks,
    templates,
    versions,
)

AnyOperation = Operation[Any]

_MODULES: Final = (
    versions,
    agent,
    source_servers,
    tasks,
    commands,
    templates,
    keys,
    projects,
    network,
    options,
    privacy,
)


def area_of(operation: type[AnyOperation]) -> str:
    """The area that *operation* belongs to: the module or package of this package that it is in."""
    return operation.__module__.removeprefix(f"{__name__}.").partition(".")[0]


def _defined_in(module: Any) -> list[type[AnyOperation]]:
    return [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, Operation)
        and area_of(value) == module.__name__.rpartition(".")[2]
        and "__spec__" in vars(value)
    ]


def _section(operation: type[AnyOperation]) -> tuple[int, ...]:
    return tuple(int(part) for part in operation.__spec__.section.split("."))


CATALOGUE: Final[Mapping[str, type[AnyOperation]]] = MappingProxyType(
    {
        operation.__spec__.name: operation
        for module in _MODULES
        for operation in sorted(_defined_in(module), key=_section)
    }
)
"""Every operation by the name of its tool, in the reference's order."""

AREAS: Final = tuple(module.__name__.rpartition(".")[2] for module in _MODULES)
"""The areas of the reference, in its order."""


@cache
def _routes() -> list[tuple[str, re.Pattern[str], type[AnyOperation]]]:
    """Method, path pattern and operation; a literal path stands before a template."""
    ordered = sorted(CATALOGUE.values(), key=lambda o: o.__spec__.path.count("{"))
    return [
        (
            operation.__spec__.method,
            re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", operation.__spec__.path)),
            operation,
        )
        for operation in ordered
    ]


def route(method: str, path: str) -> tuple[type[AnyOperation], dict[str, str]] | None:
    """The operation that answers *method* on the raw (still quoted) *path*, with its path parts."""
    for its_method, pattern, operation in _routes():
        if its_method == method and (match := pattern.fullmatch(path)):
            return operation, match.groupdict()
    return None
