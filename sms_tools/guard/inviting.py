"""Pairing a browser: a one-time address, served for five minutes, that a button's POST uses up.

The command serves it, at a terminal, so that the address is in no conversation. The browser's
cookie is the approval page's too: a cookie does not know ports.
"""

import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

import anyio
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from sms_tools.guard import html
from sms_tools.guard.audit import Audit
from sms_tools.guard.pairing import LASTS, PATH, Pairings
from sms_tools.guard.sealed import (
    CONNECTIONS,
    Seals,
    application,
    keep_cookie,
    nothing_here,
    page,
    refused,
)
from sms_tools.listening import server_of
from sms_tools.loopback import address_of, listen

SECONDS: Final = 300.0
"""How long the address serves."""
_LINGER: Final = 2.0
"""How long the last page may take to load its style."""


class Invitation:
    """One address for one browser."""

    def __init__(self, pairings: Pairings, audit: Audit) -> None:
        self._pairings = pairings
        self._audit = audit
        self._seals = Seals()
        self._open = True
        self._token = secrets.token_urlsafe(32)
        self.path = f"{PATH}/pair/{self._token}"
        """Where it is served: whoever knows it can pair."""
        self.used = anyio.Event()
        self.shown = anyio.Event()
        """The last page was loaded with its style."""

    def app(self) -> ASGIApp:
        """The address as an ASGI application."""
        pages = application(
            Route(f"{PATH}/pair/{{token}}", self._offer, methods=["GET"]),
            Route(f"{PATH}/pair/{{token}}", self._pair, methods=["POST"]),
        )

        async def served(scope: Scope, receive: Receive, send: Send) -> None:
            await pages(scope, receive, send)
            if self.used.is_set() and str(scope.get("path", "")).endswith(".css"):
                self.shown.set()

        return served

    async def _offer(self, request: Request) -> Response:
        if not self._is_meant(request):
            return await nothing_here(request, None)
        form = html.button_form(
            self.path,
            self._seals.seal("pair"),
            f"This browser may then say yes on the approval page, for {LASTS.days} days after "
            "each use.",
            "Pair this browser",
        )
        told = (
            "You started this at a terminal. If you did not, close this page. Pair only a browser "
            "that you use yourself, and none that an assistant drives."
        )
        return page(html.notice("Pair this browser?", told, "plain", form, kind="Pairing"))

    async def _pair(self, request: Request) -> Response:
        if not self._is_meant(request):
            return await nothing_here(request, None)
        _, problem = await self._seals.form(request, "pair")
        if problem:
            return refused(problem)
        self._open = False  # before anything is awaited: of two that press, one pairs
        await self._audit.record("pairing", outcome="paired", how="command")
        value = await self._pairings.pair()
        told = "It may now say yes on the approval page. Go back to the request and load it again."
        answer = page(html.notice("This browser is paired", told, "go", kind="Pairing"))
        keep_cookie(answer, value)
        self.used.set()
        return answer

    def _is_meant(self, request: Request) -> bool:
        given = str(request.path_params["token"])
        return self._open and secrets.compare_digest(given.encode(), self._token.encode())


async def invite(
    invitation: Invitation, tell: Callable[[str], None], seconds: float = SECONDS
) -> bool:
    """Serve *invitation* and *tell* its address; True once a browser has paired, False after
    *seconds*.

    Raises:
        OSError: no port of this machine can be used.
    """
    listener = listen()
    server = server_of(
        invitation.app(),
        connections=CONNECTIONS,
        log_config=None,
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(server.serve, [listener])
        tell(f"{address_of(listener)}{invitation.path}")
        with anyio.move_on_after(seconds):
            await invitation.used.wait()
        if invitation.used.is_set():
            with anyio.move_on_after(_LINGER):
                await invitation.shown.wait()
        server.should_exit = True
    return invitation.used.is_set()


def leading_file(folder: Path, address: str) -> Path:
    """A file for this user alone that leads a browser to *address*.

    A browser is told what to open on its command line, which every user of the machine can read.

    Raises:
        OSError: it cannot be written.
    """
    path = folder / "pair.html"
    path.unlink(missing_ok=True)
    refresh = html.tag("meta", content=f"0; url={address}")
    refresh.set("http-equiv", "refresh")
    whole = html.tag("html", html.tag("head", html.tag("meta", charset="utf-8"), refresh))
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY
    with os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8") as file:
        file.write(f"<!doctype html>{ET.tostring(whole, encoding='unicode', method='html')}")
    return path
