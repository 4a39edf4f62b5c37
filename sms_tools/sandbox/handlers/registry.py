"""Where handlers are put down, by the class of the operation that they answer."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

from sms_tools.operation import JSON
from sms_tools.operations import AnyOperation
from sms_tools.sandbox.cloud import Cloud

Op = TypeVar("Op", bound=AnyOperation)

HANDLERS: Final[dict[type[AnyOperation], Callable[[Cloud, Any], JSON]]] = {}
"""Every handler by the class of its operation."""


def answers(
    operation: type[Op],
) -> Callable[[Callable[[Cloud, Op], JSON]], Callable[[Cloud, Op], JSON]]:
    """Put the decorated function down as the handler of *operation*."""

    def put_down(handler: Callable[[Cloud, Op], JSON]) -> Callable[[Cloud, Op], JSON]:
        HANDLERS[operation] = handler
        return handler

    return put_down


def sent(op: AnyOperation) -> dict[str, JSON]:
    """What the client sent beside the path, under the wire's names."""
    fields = op.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude_none=True)
    return {key: value for key, value in fields.items() if key not in op.__spec__.path_fields}


def page_of(limit: int | None, offset: int | None, usual: int) -> dict[str, int]:
    """Which part of a list is asked for; a limit of 0 is no limit of the client's: the *usual*."""
    return {"limit": limit or usual, "offset": offset or 0}
