"""What all tools of one server share: the client, the guard, the state, the exit."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcp_types import CallToolResult, InputRequiredResult

from sms_tools.guard import Approvals, Ask, Audit, Caller, Command, Go, Guard, Held, Policy, Subject
from sms_tools.guard.answers import Answers
from sms_tools.guard.desk import PageDesk
from sms_tools.guard.pairing import Pairings
from sms_tools.guard.policy import refused_read
from sms_tools.moment import Clock, utc_now
from sms_tools.operation import JSON, Kind
from sms_tools.server.asking import LONGEST_WAIT, AnyContext, ask, can_show_a_form
from sms_tools.server.output import Exit
from sms_tools.server.parts import Parts, Transport
from sms_tools.settings import Settings
from sms_tools.state import State

if TYPE_CHECKING:
    from sms_tools.api import Api
    from sms_tools.fleet.desk import Desk
    from sms_tools.guard.journal import Journal


@dataclass(frozen=True)
class Runtime:
    """Opened once per process; every tool call goes through it."""

    settings: Settings
    parts: Parts
    state: State
    guard: Guard
    page: PageDesk | None
    exit: Exit
    transport: str
    """How clients reach this server; part of a caller's identity."""
    longest_wait: float = LONGEST_WAIT
    """Seconds that a dialog may stay open."""

    @property
    def api(self) -> "Api":
        """The client of the service."""
        return self.parts.api

    @property
    def desk(self) -> "Desk":
        """What questions are answered from."""
        return self.parts.desk

    async def decide(
        self, subject: Subject, context: AnyContext
    ) -> Go | CallToolResult | InputRequiredResult:
        """Whether *subject* may be done: by policy, or because a person agrees in the dialog.

        The older protocol era asks in the middle of this call. Since 2026-07-28 the question is
        the result, and the same call arrives again with the answer.
        """
        decision = await self.guard.begin(subject, caller_of(context, self.transport))
        if isinstance(decision, Ask):
            answered = await self._put(decision, context)
            if isinstance(answered, InputRequiredResult):
                return answered
            decision = answered
        return self.exit.result(decision.result) if isinstance(decision, Held) else decision

    async def perform(
        self,
        go: Go,
        act: Callable[[], Awaitable[Any]],
        finish: Callable[[Any], Awaitable[Mapping[str, JSON]]],
    ) -> CallToolResult:
        """Do *act* once, and *finish* what it gave into a result."""
        try:
            outcome = await self.guard.perform(go, act)
        finally:
            if go.subject.kind is not Kind.READ:
                self.desk.forget()
        if isinstance(outcome, Held):
            return self.exit.result(outcome.result)
        return self.exit.result(await finish(outcome))

    async def _put(self, question: Ask, context: AnyContext) -> Go | Held | InputRequiredResult:
        said = None
        if question.dialog and can_show_a_form(context):
            said = await ask(context, question.question, self.longest_wait)
        if isinstance(said, InputRequiredResult):
            return said
        if said is None:
            return await self.guard.hold(question)
        return await self.guard.answer(question, action=said.action, typed=said.typed)


def caller_of(context: AnyContext, transport: str) -> Caller:
    """Who calls: how, whose token came with it, and what the client says of itself.

    A session is part of it only where the protocol has one. On stdio there is none: some clients
    start a process for each call, and an approval serves the same client's next process.
    """
    params = context.session.client_params
    request = getattr(context.request_context, "request", None)
    user = request.scope.get("user") if request is not None else None
    token = getattr(user, "access_token", None)
    return Caller(
        client=params.client_info.name if params else "",
        version=params.client_info.version if params else "",
        transport=transport,
        subject=(token.subject or token.client_id) if token else None,
        session=(context.headers or {}).get("mcp-session-id"),
    )


@asynccontextmanager
async def open_runtime(
    settings: Settings,
    policy: Policy,
    *,
    transport: Transport = None,
    clock: Clock = utc_now,
    service_clock: Clock | None = None,
    reached_by: str = "stdio",
    page: bool = True,
    links: bool = True,
    command: Command | None = None,
    pairings: Path | None = None,
    longest_wait: float = LONGEST_WAIT,
) -> AsyncIterator[Runtime]:
    """Open what a server needs.

    *transport* replaces the network, as the sandbox does; *service_clock* is the service's time
    where it is not ours, while approvals and the audit follow *clock*. Without *page*, a person
    answers with the *command* alone: for a process that ends before anybody could open a link.
    Without *links* no result leads to the page. *pairings* is the state folder of the browsers
    that may say yes on it, where it is not this server's own: the sandbox shares the account's.
    """
    async with AsyncExitStack() as stack:
        state = State(settings.state_dir)
        stack.callback(state.close)
        audit = Audit(state, clock, lambda: parts.api.secret_values())
        approvals = Approvals(state, clock, audit)

        def journal() -> "Journal":
            from sms_tools.guard.journal import Journal  # with the questions, not at start

            return Journal(audit, approvals, str(settings.account), clock)

        parts = Parts(
            settings,
            state,
            transport,
            service_clock or clock,
            refuses=lambda operation: refused_read(operation, policy),
            journal=journal,
        )
        stack.push_async_callback(parts.close)
        browsers = state
        if pairings and pairings != settings.state_dir:
            browsers = State(pairings)
            stack.callback(browsers.close)
        desk = (
            PageDesk(Answers(approvals, audit), Pairings(browsers, clock, audit), command)
            if page
            else None
        )
        if desk:
            stack.callback(desk.close)
        yield Runtime(
            settings=settings,
            parts=parts,
            state=state,
            guard=Guard(policy, approvals, audit, desk, command, links=links),
            page=desk,
            exit=Exit(lambda: parts.api.secret_values()),
            transport=reached_by,
            longest_wait=longest_wait,
        )
