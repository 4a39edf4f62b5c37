"""The approval page as a running server: started when first needed, on loopback, in a thread."""

import logging
import socket
import threading
from collections.abc import Mapping, Sequence
from typing import Final

import anyio
import uvicorn

from sms_tools.guard.answers import Answers
from sms_tools.guard.command import Command
from sms_tools.guard.page import PairedPage
from sms_tools.guard.pairing import Pairings
from sms_tools.guard.sealed import CONNECTIONS
from sms_tools.guard.vault import InMemory, Vault
from sms_tools.listening import server_of
from sms_tools.loopback import address_of, listen
from sms_tools.operation import JSON

log = logging.getLogger(__name__)

_START_SECONDS: Final = 5.0


class PageDesk:
    """The desk of a :class:`~sms_tools.guard.gate.Guard`: a page and a vault.

    The page has a thread and an event loop of its own, so it answers while a tool works, and
    nothing of it depends on how the server itself is run.
    """

    def __init__(
        self,
        answers: Answers,
        pairings: Pairings,
        command: Command | None = None,
        *,
        port: int = 0,
    ) -> None:
        """*port* 0 takes any free one. Nothing is opened before :meth:`origin` is called."""
        self.vault: Vault = InMemory()
        self.login: str | None = None
        self._answers = answers
        self._pairings = pairings
        self._command = command
        self._port = port
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._origin: str | None = None
        self._lock = threading.Lock()

    async def origin(self) -> str | None:
        """Where the page is, started if need be; None if it cannot be."""
        return await anyio.to_thread.run_sync(self.start)

    def start(self) -> str | None:
        """Start the page, once; blocks for the few milliseconds until it listens."""
        with self._lock:
            if self._origin is None:
                try:
                    self._origin = self._serve()
                except OSError as error:
                    log.warning("the approval page cannot be served: %s", error)
            return self._origin

    async def keep(self, delivery_id: str, secret: Mapping[str, JSON]) -> str:
        """Hold *secret* in memory for the page and the command; says how long that is."""
        return await self.vault.keep(delivery_id, secret, self._answers.approvals.now())

    def close(self) -> None:
        """Stop the page."""
        with self._lock:
            if self._server and self._thread:
                self._server.should_exit = True
                self._thread.join(timeout=_START_SECONDS)
            self._server = self._thread = self._origin = None

    def _serve(self) -> str:
        listener = listen(port=self._port)
        listeners = [listener, *_same_port_of_ipv6(listener)]
        self._server = server_of(
            PairedPage(self._answers, self.vault, self._pairings, self._command).app(),
            connections=CONNECTIONS,
            log_config=None,  # standard output belongs to the protocol
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
        self._thread = threading.Thread(
            target=self._server.run,
            kwargs={"sockets": listeners},
            name="approval-page",
            daemon=True,
        )
        self._thread.start()
        return address_of(listener)


class PublicDesk:
    """The desk of a team's server: the page is where clients reach the server, behind a login."""

    def __init__(self, answers: Answers, origin: str, vault: Vault | None = None) -> None:
        """*origin* is the server's public address; *vault* that of all servers behind it."""
        self.vault: Vault = vault or InMemory()
        self.login: str | None = "after logging in there as an approver"
        self._answers = answers
        self._origin = origin

    async def origin(self) -> str | None:
        """The public address."""
        return self._origin

    async def keep(self, delivery_id: str, secret: Mapping[str, JSON]) -> str:
        """Hold *secret* for the page; says how long that is."""
        return await self.vault.keep(delivery_id, secret, self._answers.approvals.now())

    def close(self) -> None:
        """Nothing: the page ends with the server."""


def _same_port_of_ipv6(listener: socket.socket) -> Sequence[socket.socket]:
    """``[::1]`` with the same port, where it is to be had: it only leads to 127.0.0.1."""
    try:
        return [listen("::1", listener.getsockname()[1])]
    except OSError:
        return []
