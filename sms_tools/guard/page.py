"""The approval page: where a person reads what would happen, and says yes or no.

Served on loopback. Its link stands in the conversation, so whoever reads that can see the page and
say no. A yes, and the showing of a secret, need a browser that the person has paired.
"""

import hmac
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from sms_tools.guard import html
from sms_tools.guard.answers import Answers
from sms_tools.guard.approvals import Approval, Delivery, Status, Verdict
from sms_tools.guard.audit import AuditError
from sms_tools.guard.command import Command
from sms_tools.guard.pairing import COOKIE, PATH, Pairings, Standing
from sms_tools.guard.people import Person
from sms_tools.guard.sealed import (
    HEADERS,
    Seals,
    application,
    keep_cookie,
    nothing_here,
    page,
    refused,
)
from sms_tools.guard.vault import Vault
from sms_tools.operation import Kind

log = logging.getLogger(__name__)

COMMAND_HEADER: Final = "x-sms-tools-command"
"""Carries the delivery's proof out of the state; sent by `sms-tools approvals show` alone."""

_REPLAYED: Final = (
    "This browser showed a proof that was used up before: somebody may have copied it. All "
    "pairings were ended, and nothing was approved. If you did not copy the browser's profile "
    "yourself, look at which programs run on this computer before you pair again."
)


@dataclass(frozen=True, slots=True)
class Admitted:
    """Somebody at the page whose yes may count."""

    by: Person | None = None
    """Who it is, where they proved it."""
    renewed: str | None = None
    """What their browser's cookie holds from now on, where it changes with each use."""


class Page:
    """The page's handlers over one store of approvals.

    Who may say yes is a subclass's to say: a paired browser on a person's own machine, somebody
    who logged in on a team's server.
    """

    def __init__(self, answers: Answers, vault: Vault, seals: Seals | None = None) -> None:
        """*answers* takes what a person says; *vault* holds what only a person may see."""
        self._answers = answers
        self._approvals = answers.approvals
        self._vault = vault
        self._seals = seals or Seals()

    def routes(self) -> Sequence[Route]:
        """Where the page is."""
        return [
            Route(f"{PATH}/approve/{{token}}", self._show, methods=["GET"]),
            Route(f"{PATH}/approve/{{token}}", self._decide, methods=["POST"]),
            Route(f"{PATH}/secret/{{token}}", self._offer, methods=["GET"]),
            Route(f"{PATH}/secret/{{token}}", self._reveal, methods=["POST"]),
        ]

    async def _barrier(self, request: Request) -> Response | None:
        """What stands before the page for whoever sends *request*; None where nothing does."""
        raise NotImplementedError

    async def _admit(self, request: Request, approval: Approval | None) -> Admitted | Response:
        """Who says yes to *approval*, or wants to see a secret; else why it does not count."""
        raise NotImplementedError

    async def _naysayer(self, request: Request) -> Person | None:
        """Who says no, where they proved it."""
        raise NotImplementedError

    async def _entrance(self, request: Request) -> html.Part:
        """What the form says of who may say yes."""
        raise NotImplementedError

    def _parting(self) -> html.Part:
        """How whoever is at the page leaves it; None where there is nothing to leave."""
        return None

    async def _show(self, request: Request) -> Response:
        if (barrier := await self._barrier(request)) is not None:
            return barrier
        approval = await self._approvals.by_token(request.path_params["token"])
        if approval is None:
            return await nothing_here(request, None)
        return await self._render(request, approval)

    async def _decide(self, request: Request) -> Response:
        if (barrier := await self._barrier(request)) is not None:
            return barrier
        token = request.path_params["token"]
        form, problem = await self._seals.form(request, f"approve:{token}")
        approval = await self._approvals.by_token(token)
        if problem or approval is None:
            return refused(problem or "There is no such request.")
        there = RedirectResponse(f"{PATH}/approve/{token}", status_code=303, headers=HEADERS)
        try:
            if form.get("answer") == "deny":
                await self._answers.deny(approval, "page", await self._naysayer(request))
            elif form.get("answer") == "approve" and self._is_open(approval):
                return await self._approve(request, approval, form.get("typed"), there)
        except AuditError as error:
            return refused(f"The audit cannot be written, so nothing was approved: {error}")
        return there

    async def _approve(
        self, request: Request, approval: Approval, typed: str | None, there: Response
    ) -> Response:
        """Take a yes from whoever may say it."""
        admitted = await self._admit(request, approval)
        if isinstance(admitted, Response):
            return admitted
        verdict = await self._answers.approve(approval, typed, "page", admitted.by)
        answer = there
        if verdict is Verdict.WRONG_TEXT:
            answer = await self._render(request, approval, _WRONG, 422)
        elif verdict is Verdict.NOT_ALLOWED:
            why = f"{approval.terms.fault(admitted.by)} Nothing was approved."
            answer = await self._render(request, approval, why, 403)
        return _renewed(answer, admitted)

    async def _offer(self, request: Request) -> Response:
        if (barrier := await self._barrier(request)) is not None:
            return barrier
        delivery = await self._delivery(request)
        if delivery is None:
            return await nothing_here(request, None)
        told = "What you approved has been read."
        return page(html.notice(delivery.tool, told, "plain", self._reveal_form(delivery)))

    async def _reveal(self, request: Request) -> Response:
        token = request.path_params["token"]
        delivery = await self._delivery(request)
        proof = request.headers.get(COMMAND_HEADER)
        if proof is not None:
            return await self._hand_over(delivery, proof)
        _, problem = await self._seals.form(request, f"secret:{token}")
        if problem or delivery is None:
            return refused(problem or "There is nothing here.")
        admitted = await self._admit(request, None)
        if isinstance(admitted, Response):
            return admitted
        fields = await self._vault.take(delivery.id, self._approvals.now())
        if fields is None:
            return _renewed(refused("It was shown already, or its time is over."), admitted)
        return _renewed(page(html.secret(delivery.tool, fields)), admitted)

    async def _hand_over(self, delivery: Delivery | None, proof: str) -> Response:
        """Give a secret to the command, which has read the proof from the state."""
        if delivery is None or not hmac.compare_digest(proof.encode(), delivery.proof.encode()):
            return refused("There is nothing here.")
        fields = await self._vault.take(delivery.id, self._approvals.now())
        if fields is None:
            return refused("It was shown already, or its time is over.")
        return JSONResponse(dict(fields), headers=HEADERS)

    async def _render(
        self, request: Request, approval: Approval, warning: str = "", status: int = 200
    ) -> Response:
        if self._is_open(approval):
            left = (approval.expires_at - self._approvals.now()).total_seconds()
            seal = self._seals.seal(f"approve:{approval.token}")
            entrance = await self._entrance(request)
            markup = html.question(
                approval,
                seal,
                int(left // 60),
                entrance,
                warning=warning,
                parting=self._parting(),
            )
            return page(markup, status=status)
        return page(await self._outcome(approval))

    async def _outcome(self, approval: Approval) -> str:
        headline = approval.preview.headline

        def told(text: str, tone: str = "plain", *more: html.Part, kind: str = "") -> str:
            return html.notice(headline, text, tone, *more, self._parting(), kind=kind)

        delivery = await self._approvals.delivery(delivery_id=approval.id)
        if delivery and await self._vault.has(approval.id, self._approvals.now()):
            form = self._reveal_form(delivery)
            return told("Approved and read.", "go", form)
        if approval.status is Status.USED:
            return told("Approved, and used. It cannot be reused.", "go")
        if approval.status is Status.DENIED:
            return told("Refused. Nothing was done.", kind="Refused")
        if self._approvals.is_over(approval) or approval.status is Status.CLOSED:
            text = "This request is over. Nothing was done; the assistant can ask again."
            return told(text, kind="Over")
        text = (
            f"The assistant may now make this call once, until {approval.expires_at:%H:%M} UTC, "
            "if nothing has changed since. Tell it to go on."
        )
        if approval.kind is Kind.SECRET:
            text += " Then load this page again: what was read is shown here, not to it."
        return told(text, "go", kind="Approved")

    def _is_open(self, approval: Approval) -> bool:
        """Whether a person can still say yes. Their own no does not bind them."""
        asked = approval.status in (Status.PENDING, Status.DENIED)
        return asked and not self._approvals.is_over(approval)

    async def _delivery(self, request: Request) -> Delivery | None:
        delivery = await self._approvals.delivery(token=request.path_params["token"])
        if delivery and await self._vault.has(delivery.id, self._approvals.now()):
            return delivery
        return None

    def _reveal_form(self, delivery: Delivery) -> html.Part:
        """The button that shows a waiting secret, once, to a paired browser."""
        return html.button_form(
            f"{PATH}/secret/{delivery.token}",
            self._seals.seal(f"secret:{delivery.token}"),
            "The secret is waiting. It is shown once and then forgotten.",
            "Show it",
        )


class PairedPage(Page):
    """The page on a person's own machine: a yes needs a browser that was paired once."""

    def __init__(
        self, answers: Answers, vault: Vault, pairings: Pairings, command: Command | None = None
    ) -> None:
        """*command* is how that person pairs one."""
        super().__init__(answers, vault)
        self._pairings = pairings
        self._pair = (command or Command())("pair")

    def app(self) -> ASGIApp:
        """The page as an ASGI application."""
        return application(*self.routes())

    async def _barrier(self, request: Request) -> Response | None:  # noqa: ARG002 (is alike for all)
        """Nothing: whoever has the link sees the request, and a no needs no pairing."""
        return None

    async def _naysayer(self, request: Request) -> Person | None:  # noqa: ARG002
        return None

    async def _entrance(self, request: Request) -> html.Part:  # noqa: ARG002
        return html.pairing_note(self._pair)

    async def _admit(self, request: Request, approval: Approval | None) -> Admitted | Response:
        """Only a POST of our own page asks whose browser this is: to a link from elsewhere a
        browser sends no such cookie."""
        judged = await self._pairings.judge(request.cookies.get(COOKIE))
        if judged.standing is Standing.PAIRED:
            return Admitted(renewed=judged.renewed)
        if judged.standing is Standing.JUST_USED:
            return refused("This browser has just answered. Load the page again.", 409)
        if judged.standing is Standing.REPLAYED:
            log.warning("A used-up proof of a paired browser came back; all pairings were ended.")
            await self._answers.audit.record("pairing", outcome="replayed, all ended", how="page")
            return page(html.notice("Nothing was done", _REPLAYED, kind="Not paired any more"), 403)
        if approval is not None:
            return await self._render(request, approval, _UNPAIRED, 403)
        told = "This browser is not paired, so nothing was shown."
        pairing = html.how_to_pair(self._pair)
        return page(html.notice("Nothing was done", told, "plain", pairing), 403)


_WRONG: Final = "The text does not match. Nothing was approved."
_UNPAIRED: Final = (
    "This browser is not paired, so nothing was approved. Pair it with the command below, and "
    "answer again."
)


def _renewed(answer: Response, admitted: Admitted) -> Response:
    if admitted.renewed is not None:
        keep_cookie(answer, admitted.renewed)
    return answer
