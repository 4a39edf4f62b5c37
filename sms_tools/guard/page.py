"""The approval page: where a person reads what would happen, and says yes or no.

Served on loopback. A request's link is unguessable; a GET only shows; a POST counts only from the
page itself (its seal, its origin, the browser's own word on where the request comes from). There
is no script and nothing is loaded from elsewhere.
"""

import hashlib
import hmac
import secrets
import threading
from collections.abc import Mapping
from datetime import datetime
from importlib.resources import files
from typing import Final
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from sms_tools.guard import html
from sms_tools.guard.answers import Answers
from sms_tools.guard.approvals import LIFETIME, Approval, Delivery, Status, Verdict
from sms_tools.guard.audit import AuditError
from sms_tools.operation import JSON, Kind

COMMAND_HEADER: Final = "x-sms-tools-command"
"""Sent by `sms-tools approvals show`; a web page cannot send it across origins unasked."""

_HOSTS: Final = ("127.0.0.1", "localhost", "[::1]")
_LONGEST_FORM: Final = 8_192
_HEADERS: Final = {
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


class Vault:
    """Secrets that wait for a person: in memory, handed out once, gone after ten minutes."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[datetime, Mapping[str, JSON]]] = {}
        self._lock = threading.Lock()

    def keep(self, delivery_id: str, secret: Mapping[str, JSON], now: datetime) -> None:
        """Hold *secret* under *delivery_id*."""
        with self._lock:
            self._drop_old(now)
            self._held[delivery_id] = (now + LIFETIME, dict(secret))

    def take(self, delivery_id: str, now: datetime) -> Mapping[str, JSON] | None:
        """The secret, for the first who asks in time."""
        with self._lock:
            self._drop_old(now)
            held = self._held.pop(delivery_id, None)
        return held[1] if held else None

    def has(self, delivery_id: str, now: datetime) -> bool:
        """Whether a secret waits under *delivery_id*."""
        with self._lock:
            self._drop_old(now)
            return delivery_id in self._held

    def _drop_old(self, now: datetime) -> None:
        self._held = {key: held for key, held in self._held.items() if held[0] > now}


class Page:
    """The page's handlers over one store of approvals."""

    def __init__(self, answers: Answers, vault: Vault) -> None:
        """*answers* takes what a person says; *vault* holds what only a person may see."""
        self._answers = answers
        self._approvals = answers.approvals
        self._vault = vault
        self._key = secrets.token_bytes(32)

    def app(self) -> Starlette:
        """The page as an ASGI application."""
        return Starlette(
            routes=[
                Route("/style.css", self._style, methods=["GET"]),
                Route("/approve/{token}", self._show, methods=["GET"]),
                Route("/approve/{token}", self._decide, methods=["POST"]),
                Route("/secret/{token}", self._offer, methods=["GET"]),
                Route("/secret/{token}", self._reveal, methods=["POST"]),
            ],
            exception_handlers={404: _nothing_here, 405: _nothing_here},
        )

    async def _style(self, request: Request) -> Response:
        if not _is_local(request):
            return _refused("This page answers on this computer only.")
        css = files("sms_tools.guard").joinpath("style.css").read_text(encoding="utf-8")
        return Response(css, media_type="text/css", headers=_HEADERS)

    async def _show(self, request: Request) -> Response:
        if not _is_local(request):
            return _refused("This page answers on this computer only.")
        approval = await self._approvals.by_token(request.path_params["token"])
        return await self._render(approval) if approval else await _nothing_here(request, None)

    async def _decide(self, request: Request) -> Response:
        token = request.path_params["token"]
        form, problem = await self._form(request, f"approve:{token}")
        approval = await self._approvals.by_token(token)
        if problem or approval is None:
            return _refused(problem or "There is no such request.")
        try:
            if form.get("answer") == "deny":
                await self._answers.deny(approval, "page")
            elif form.get("answer") == "approve":
                verdict = await self._answers.approve(approval, form.get("typed"), "page")
                if verdict is Verdict.WRONG_TEXT and self._is_open(approval):
                    return await self._render(approval, wrong=True)
        except AuditError:
            return _refused("The audit cannot be written, so nothing was approved.")
        return RedirectResponse(f"/approve/{token}", status_code=303, headers=_HEADERS)

    async def _offer(self, request: Request) -> Response:
        delivery = await self._delivery(request)
        if not _is_local(request) or delivery is None:
            return await _nothing_here(request, None)
        form = html.reveal_form(delivery.token, self._seal(f"secret:{delivery.token}"))
        return _page(html.notice(delivery.tool, "What you approved has been read.", after=form))

    async def _reveal(self, request: Request) -> Response:
        token = request.path_params["token"]
        by_command = _is_local(request) and COMMAND_HEADER in request.headers
        problem = ""
        if not by_command:
            _, problem = await self._form(request, f"secret:{token}")
        delivery = await self._delivery(request)
        if problem or delivery is None:
            return _refused(problem or "There is nothing here.")
        fields = self._vault.take(delivery.id, self._approvals.now())
        if fields is None:
            return _refused("It was shown already, or its time is over.")
        if by_command:
            return JSONResponse(dict(fields), headers=_HEADERS)
        return _page(html.secret(delivery.tool, fields))

    async def _render(self, approval: Approval, *, wrong: bool = False) -> Response:
        if self._is_open(approval):
            left = (approval.expires_at - self._approvals.now()).total_seconds()
            seal = self._seal(f"approve:{approval.token}")
            markup = html.question(approval, seal, int(left // 60), wrong=wrong)
            return _page(markup, status=422 if wrong else 200)
        return _page(await self._outcome(approval))

    async def _outcome(self, approval: Approval) -> str:
        headline = approval.preview.headline
        delivery = await self._approvals.delivery(delivery_id=approval.id)
        if delivery and self._vault.has(approval.id, self._approvals.now()):
            form = html.reveal_form(delivery.token, self._seal(f"secret:{delivery.token}"))
            return html.notice(headline, "Approved and read.", "go", after=form)
        if approval.status is Status.USED:
            return html.notice(headline, "Approved, and used. It cannot be reused.", "go")
        if approval.status is Status.DENIED:
            return html.notice(headline, "Refused. Nothing was done.", kind="Refused")
        if self._approvals.is_over(approval) or approval.status is Status.CLOSED:
            text = "This request is over. Nothing was done; the assistant can ask again."
            return html.notice(headline, text, kind="Over")
        text = (
            f"The assistant may now make this call once, until {approval.expires_at:%H:%M} UTC, "
            "if nothing has changed since. Tell it to go on."
        )
        if approval.kind is Kind.SECRET:
            text += " Then load this page again: what was read is shown here, not to it."
        return html.notice(headline, text, "go", kind="Approved")

    def _is_open(self, approval: Approval) -> bool:
        return approval.status is Status.PENDING and not self._approvals.is_over(approval)

    async def _delivery(self, request: Request) -> Delivery | None:
        delivery = await self._approvals.delivery(token=request.path_params["token"])
        if delivery and self._vault.has(delivery.id, self._approvals.now()):
            return delivery
        return None

    def _seal(self, purpose: str) -> str:
        """What a form of ours carries, so that it was this page that was seen before the POST."""
        return hmac.new(self._key, purpose.encode(), hashlib.sha256).hexdigest()

    async def _form(self, request: Request, purpose: str) -> tuple[dict[str, str], str]:
        """The form's fields, or why the post does not count."""
        if not _is_local(request):
            return {}, "This page answers on this computer only."
        if request.headers.get("origin") != f"http://{request.headers['host']}":
            return {}, "The answer did not come from this page."
        if request.headers.get("sec-fetch-site") != "same-origin":
            return {}, "The answer did not come from a browser that shows this page."
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > _LONGEST_FORM:
                return {}, "The answer is too long."
        fields = {
            key: values[-1]
            for key, values in parse_qs(body.decode("utf-8", "replace"), max_num_fields=10).items()
        }
        if not hmac.compare_digest(fields.get("seal", "").encode(), self._seal(purpose).encode()):
            return {}, "The page is out of date. Load it again."
        return fields, ""


def _is_local(request: Request) -> bool:
    """Whether the request names this machine: a stranger's name for it is DNS rebinding."""
    host = request.headers.get("host", "")
    name, _, port = host.rpartition(":")
    return (name if port.isdigit() and name else host) in _HOSTS


def _page(markup: str, status: int = 200) -> Response:
    return HTMLResponse(markup, status_code=status, headers=_HEADERS)


def _refused(text: str) -> Response:
    return _page(html.notice("Nothing was done", text), status=403)


async def _nothing_here(request: Request, error: Exception | None) -> Response:  # noqa: ARG001
    text = "There is no such request, or it is long over."
    return _page(html.notice("Nothing here", text), status=404)
