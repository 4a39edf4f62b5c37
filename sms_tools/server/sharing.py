"""What several replicas of one server share beside what is kept: that something has changed."""

import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio
import anyio.from_thread
import anyio.to_thread
from mcp.server.subscriptions import InMemorySubscriptionBus, ResourceUpdated, ServerEvent

from sms_tools.postgres import PostgresState
from sms_tools.state import StateError


class SharedChanges:
    """The SDK's bus of changes, over the shared state: what one server tells, all clients hear."""

    def __init__(self, state: PostgresState) -> None:
        """Tell and hear by *state*."""
        self._state = state
        self._here = InMemorySubscriptionBus()

    async def publish(self, event: ServerEvent) -> None:
        """Tell *event* to the clients of every server; to those of this one alone if need be."""
        if isinstance(event, ResourceUpdated):
            try:
                await self._state.tell(event.uri)
            except StateError:
                await self._here.publish(event)
        else:
            await self._here.publish(event)

    def subscribe(self, listener: Callable[[ServerEvent], None]) -> Callable[[], None]:
        """As the SDK wants it."""
        return self._here.subscribe(listener)

    @asynccontextmanager
    async def heard(self) -> AsyncIterator[None]:
        """Meanwhile, hear what the other servers tell."""
        stop = threading.Event()

        def listen() -> None:
            for uri in self._state.changes(stop):
                anyio.from_thread.run(self._here.publish, ResourceUpdated(uri))

        async with anyio.create_task_group() as group:
            group.start_soon(anyio.to_thread.run_sync, listen)
            try:
                yield
            finally:
                stop.set()
