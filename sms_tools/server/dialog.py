"""Asking the person in front of the client, in both protocol eras.

Since 2026-07-28 a question travels inside the result and the client calls again with the answer;
before, it is a request of the server's own in the middle of the call. The SDK's resolvers hide the
difference, so a question is put as a resolver made for one call. Anything that goes wrong on the
way means that there is no dialog: never that somebody agreed.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import anyio
from mcp.server.elicitation import AcceptedElicitation, DeclinedElicitation
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.resolve import (
    Elicit,
    ElicitationResult,
    Resolve,
    build_resolver_plans,
    resolve_arguments,
)
from mcp_types import InputRequiredResult
from mcp_types.version import is_version_at_least
from pydantic import BaseModel, Field

AnyContext = Context[Any, Any]

LONGEST_WAIT = 300.0
"""Seconds that a dialog of the older era may stay open; some clients never answer."""

logger = logging.getLogger(__name__)


class Typed(BaseModel):
    """The dialog's only field."""

    confirmation: Annotated[
        str, Field(title="Type to confirm", description="Exactly as the text above asks.")
    ]


@dataclass(frozen=True, slots=True)
class Said:
    """What the person did with the dialog."""

    action: Literal["accept", "decline", "cancel"]
    typed: str | None = None


def can_show_a_form(context: AnyContext) -> bool:
    """Whether the client says that it can put a form before a person."""
    try:
        capabilities = context.client_capabilities
        if capabilities is None or (asked := capabilities.elicitation) is None:
            return False
        if asked.form is None and asked.url is not None:
            return False
        version = context.protocol_version or ""
        return is_version_at_least(version, "2026-07-28") or context.session.can_send_request
    except Exception:  # noqa: BLE001 (whatever a client does wrong, it shows no form)
        return False


class Dialogs:
    """The dialogs of the older era that are open. A server that ends closes them.

    Whoever waited in one learns how the request can be answered later.
    """

    def __init__(self) -> None:
        self.are_closed = False
        self._open: set[anyio.CancelScope] = set()

    @contextmanager
    def holding(self, scope: anyio.CancelScope) -> Iterator[None]:
        """In here somebody waits in a dialog, for as long as *scope* lets him."""
        self._open.add(scope)
        try:
            yield
        finally:
            self._open.discard(scope)

    def close(self) -> None:
        """Nobody waits in a dialog any longer."""
        self.are_closed = True
        for scope in list(self._open):
            scope.cancel()


async def ask(
    context: AnyContext, question: str, wait: float, dialogs: Dialogs
) -> Said | InputRequiredResult | None:
    """Ask *question*; None where no dialog is to be had or none was answered within *wait* seconds.

    An ``InputRequiredResult`` must be returned to the client as it is: it will call again.
    """

    async def confirmation() -> Elicit[Typed]:
        return Elicit(question, Typed)

    wanted = {"said": (Resolve(confirmation), True)}
    outcome: dict[str, Any] | InputRequiredResult | None = None
    try:
        with anyio.move_on_after(wait) as scope, dialogs.holding(scope):
            plans = build_resolver_plans(wanted, set())
            outcome = await resolve_arguments(wanted, plans, {}, context)
    except Exception as error:  # noqa: BLE001 (see the module: no dialog, and nothing is done)
        logger.info("The client's dialog failed: %s", type(error).__name__)
        return None
    if outcome is None or isinstance(outcome, InputRequiredResult):
        return outcome
    return _said(outcome["said"])


def _said(outcome: ElicitationResult[Typed]) -> Said:
    if isinstance(outcome, AcceptedElicitation):
        return Said("accept", outcome.data.confirmation)
    return Said("decline" if isinstance(outcome, DeclinedElicitation) else "cancel")
