"""The client and the desk of one server, made when a call first needs them.

A client that starts the server waits for its list of tools; what only a call needs (the HTTP
client, the catalogue, the questions, the sandbox) is loaded after that.
"""

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

from sms_tools.moment import Clock
from sms_tools.operation import Operation
from sms_tools.settings import Settings
from sms_tools.state import State

if TYPE_CHECKING:
    import httpx

    from sms_tools.api import Api, Exchange
    from sms_tools.fleet.desk import Desk, Journal

Transport: TypeAlias = "httpx.AsyncBaseTransport | Callable[[], httpx.AsyncBaseTransport] | None"
"""What replaces the network, or what makes it; None for the network itself."""


class Parts:
    """Makes each part once."""

    def __init__(
        self,
        settings: Settings,
        state: State,
        transport: Transport,
        seen_at: Clock,
        refuses: Callable[[Operation[Any]], str | None],
        journal: "Callable[[], Journal] | None" = None,
        hides: Callable[[], tuple[str, ...]] | None = None,
    ) -> None:
        """*seen_at* is the service's time; *refuses* says why a read must not be made;
        *journal* makes what tells of calls made before; *hides* gives the secrets of all accounts.
        """
        self._settings = settings
        self._state = state
        self._transport = transport
        self._seen_at = seen_at
        self._refuses = refuses
        self._journal = journal
        self._hides = hides
        self.on_request: Callable[[Exchange], None] | None = None
        """Told of every request to the service; to be set before the first."""

    @property
    def settings(self) -> Settings:
        """Which account, and how it is reached."""
        return self._settings

    @cached_property
    def api(self) -> "Api":
        """The client of the service."""
        from sms_tools.api import Api

        transport = self._transport() if callable(self._transport) else self._transport
        return Api(
            self._settings,
            transport=transport,
            clock=self._seen_at,
            on_request=self.on_request,
            refuses=self._refuses,
            hides=self._hides,
        )

    @cached_property
    def desk(self) -> "Desk":
        """What questions are answered from."""
        from sms_tools.fleet.desk import Desk

        journal = self._journal() if self._journal else None
        return Desk(self.api, self._state, self._seen_at, journal=journal)

    async def close(self) -> None:
        """Close the connections, if any were opened."""
        if "api" in vars(self):
            await self.api.aclose()
