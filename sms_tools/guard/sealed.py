"""What the approval page and the pairing of a browser have in common: whose posts count.

Pages on loopback. A GET only shows; a POST counts only from the page itself: its seal, its origin,
the browser's own word on where the request comes from. Nothing is loaded from elsewhere.
"""

import hashlib
import hmac
import secrets
from importlib.resources import files
from typing import Final
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from sms_tools.errors import SmsToolsError
from sms_tools.guard import html
from sms_tools.guard.pairing import COOKIE, LASTS, PATH
from sms_tools.listening import BoundedBody
from sms_tools.loopback import LOOPBACK

CONNECTIONS: Final = 32
"""How many a page holds open at a time: one person's."""

_HOSTS: Final = (LOOPBACK, "localhost", "[::1]")
_LONGEST_FORM: Final = 8_192
_MOST_FIELDS: Final = 10
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Not no-referrer: with that, browsers send `Origin: null` and a form cannot prove its origin.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Seals:
    """What the forms of one process carry, so that its page was seen before the POST.

    A server that is reached under a public address posts from that *origin*, and several replicas
    of it seal with one *key*.
    """

    def __init__(self, origin: str | None = None, key: bytes | None = None) -> None:
        self._origin = origin
        self._key = key or secrets.token_bytes(32)

    def seal(self, purpose: str) -> str:
        """The seal of the form for *purpose*."""
        return hmac.new(self._key, purpose.encode(), hashlib.sha256).hexdigest()

    async def form(self, request: Request, purpose: str) -> tuple[dict[str, str], str]:
        """The form's fields, or why the post does not count."""
        own = self._origin or f"http://{request.headers['host']}"
        if request.headers.get("origin") != own:
            return {}, "The answer did not come from this page."
        if request.headers.get("sec-fetch-site") != "same-origin":
            return {}, "The answer did not come from a browser that shows this page."
        text = (await request.body()).decode("utf-8", "replace")
        try:
            found = parse_qs(text, max_num_fields=_MOST_FIELDS)
        except ValueError:
            return {}, f"The form has too many fields: at most {_MOST_FIELDS} are read."
        fields = {key: values[-1] for key, values in found.items()}
        if not hmac.compare_digest(fields.get("seal", "").encode(), self.seal(purpose).encode()):
            return {}, "The page is out of date. Load it again."
        return fields, ""


def application(*routes: Route) -> ASGIApp:
    """An application of *routes* that answers as this machine alone, in bounded time and space."""
    return _OneHost(pages(*routes))


def pages(*routes: Route) -> ASGIApp:
    """An application of *routes*, in bounded time and space."""
    app = Starlette(
        routes=[Route(f"{PATH}/style.css", _style, methods=["GET"]), *routes],
        exception_handlers={404: nothing_here, 405: nothing_here, SmsToolsError: _in_words},
    )
    return BoundedBody(app, _LONGEST_FORM, _too_much)


class _OneHost:
    """Serves 127.0.0.1; its other names lead there, so that one cookie serves; strangers stop."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        host = request.headers.get("host", "")
        name, _, port = host.rpartition(":")
        name, port = (name, port) if port.isdigit() and name else (host, "")
        # A stranger's name for this machine is DNS rebinding.
        if name not in _HOSTS:
            answer: ASGIApp = refused("This page works on this computer only.")
        elif name == LOOPBACK:
            answer = self._app
        elif request.method in ("GET", "HEAD"):
            there = f"http://{LOOPBACK}{f':{port}' if port else ''}{request.url.path}"
            answer = RedirectResponse(there, status_code=307, headers=HEADERS)
        else:
            answer = refused(f"Open this page at {LOOPBACK}, and answer there.")
        await answer(scope, receive, send)


def page(markup: str, status: int = 200) -> Response:
    """A page as a response."""
    return HTMLResponse(markup, status_code=status, headers=HEADERS)


def refused(text: str, status: int = 403) -> Response:
    """A page that says why nothing was done."""
    return page(html.notice("Nothing was done", text), status=status)


def keep_cookie(response: Response, value: str) -> None:
    """Have the browser keep *value*: sent by pages of this path alone, and out of reach of script.

    The port is none of a cookie's business, so one pairing serves every page of this machine.
    """
    response.set_cookie(
        COOKIE,
        value,
        max_age=int(LASTS.total_seconds()),
        path=PATH,
        httponly=True,
        samesite="strict",
    )


async def nothing_here(request: Request, error: Exception | None) -> Response:  # noqa: ARG001
    """The page for whatever is not there."""
    text = "There is no such request, or it is long over."
    return page(html.notice("Nothing here", text), status=404)


async def _in_words(request: Request, error: Exception) -> Response:  # noqa: ARG001
    advice = getattr(error, "advice", None)
    return refused(f"{error} {advice or ''}".strip(), status=503)


async def _style(request: Request) -> Response:  # noqa: ARG001
    css = files("sms_tools.guard").joinpath("style.css").read_text(encoding="utf-8")
    return Response(css, media_type="text/css", headers=HEADERS)


def _too_much(status: int, words: str) -> Response:
    return refused(words, status)
