"""What all tools of one server share: the client, the guard, the state, the exit."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mcp_types import CallToolResult, InputRequiredResult

from sms_tools.guard import Approvals, Ask, Audit, Caller, Command, Go, Guard, Held, Policy, Subject
from sms_tools.guard.answers import Answers
from sms_tools.guard.freezing import Freezes
from sms_tools.guard.page_desk import PageDesk, PublicDesk
from sms_tools.guard.pairing import Pairings
from sms_tools.guard.people import Person, Role, roles_in
from sms_tools.guard.policy import refused_read
from sms_tools.moment import Clock, utc_now
from sms_tools.operation import JSON, Kind
from sms_tools.server.dialog import LONGEST_WAIT, AnyContext, Dialogs, ask, can_show_a_form
from sms_tools.server.output import Exit
from sms_tools.server.parts import Parts, Transport
from sms_tools.settings import Settings
from sms_tools.state import State
from sms_tools.stores import open_state

if TYPE_CHECKING:
    from sms_tools.api import Api
    from sms_tools.fleet.desk import Desk
    from sms_tools.guard.journal import Journal
    from sms_tools.guard.vault import Vault


ROLES: Final = "sms-tools/roles"
"""Where a verifier leaves the roles among a token's claims."""


@dataclass(frozen=True)
class Runtime:
    """Opened once per process; every tool call goes through it."""

    settings: Settings
    parts: Parts
    state: State
    guard: Guard
    page: PageDesk | PublicDesk | None
    exit: Exit
    transport: str
    """How clients reach this server; part of a caller's identity."""
    longest_wait: float = LONGEST_WAIT
    """Seconds that a dialog may stay open."""
    dialogs: Dialogs = field(default_factory=Dialogs)
    secrets: Callable[[], tuple[str, ...]] = tuple
    """The secrets of every account of this process, which must not leave it."""

    @property
    def api(self) -> "Api":
        """The client of the service."""
        return self.parts.api

    @property
    def desk(self) -> "Desk":
        """What questions are answered from."""
        return self.parts.desk

    @property
    def audited(self) -> str | None:
        """Whose lines of the audit are this account's, where it is one of several."""
        return str(self.settings.account) if self.settings.name else None

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
        unrecorded: list[str] = []
        try:
            outcome = await self.guard.perform(go, act, unrecorded.append)
        finally:
            if go.subject.kind is not Kind.READ:
                self.desk.forget()
        if isinstance(outcome, Held):
            return self.exit.result(outcome.result)
        return self.exit.noted(self.exit.result(await finish(outcome)), unrecorded)

    async def _put(self, question: Ask, context: AnyContext) -> Go | Held | InputRequiredResult:
        said = None
        if question.dialog and can_show_a_form(context):
            said = await ask(context, question.question, self.longest_wait, self.dialogs)
        if isinstance(said, InputRequiredResult):
            return said
        if said is None:
            why = "This server is being stopped, so its dialog was closed. "
            return await self.guard.hold(question, why if self.dialogs.are_closed else "")
        return await self.guard.answer(question, action=said.action, typed=said.typed)


def caller_of(context: AnyContext, transport: str) -> Caller:
    """Who calls: how, whose token came with it, and what the client says of itself.

    A session is part of it only where the protocol has one. On stdio there is none: some clients
    start a process for each call, and an approval serves the same client's next process.
    """
    params = context.session.client_params
    request = getattr(context.request_context, "request", None)
    token = token_in(request)
    return Caller(
        client=params.client_info.name if params else "",
        version=params.client_info.version if params else "",
        transport=transport,
        subject=name_in(token) if token else None,
        roles=roles_of(token),
        session=(context.headers or {}).get("mcp-session-id"),
    )


def token_in(request: Any) -> Any:
    """The access token that came with *request*; None where there is neither."""
    user = request.scope.get("user") if request is not None else None
    return getattr(user, "access_token", None)


def roles_of(token: Any) -> frozenset[Role] | None:
    """The roles that a login gave; None where there are none, as on a person's own machine."""
    given = (token.claims or {}).get(ROLES) if token else None
    return None if given is None else roles_in(given)


def person_of(token: Any) -> Person | None:
    """Whose *token* is, where the verifier that knew it gives roles."""
    roles = roles_of(token)
    return None if roles is None else Person(name_in(token), roles)


def name_in(token: Any) -> str:
    """Whose *token* is: who is behind it, or the client alone where a provider names nobody."""
    return str(token.subject or token.client_id)


@dataclass(frozen=True, slots=True)
class Opening:
    """How a server's runtimes are opened; what they share."""

    clock: Clock = utc_now
    """The time of approvals and the audit."""
    reached_by: str = "stdio"
    page: bool = True
    """Without it a person answers with the *command* alone: for a process that ends before anybody
    could open a link."""
    links: bool = True
    """Without them no result leads to the page."""
    public_url: str | None = None
    """Where a team's server has its page, behind a login; None for the page on this machine."""
    command: Command | None = None
    pairings: Path | None = None
    """The state folder of the browsers that may say yes on the page, where it is not this server's
    own: the sandbox shares the account's."""
    longest_wait: float = LONGEST_WAIT


@asynccontextmanager
async def open_runtime(
    settings: Settings,
    policy: Policy,
    *,
    transport: Transport = None,
    service_clock: Clock | None = None,
    **opening: Any,
) -> AsyncIterator[Runtime]:
    """Open what a server of one account needs; *opening* has the fields of :class:`Opening`.

    *transport* replaces the network, as the sandbox does; *service_clock* is the service's time
    where it is not ours.
    """
    async with AsyncExitStack() as stack:
        state = open_state(settings.state_dir, settings.state_url)
        house = _House(stack, state, Opening(**opening))
        yield house.runtime(settings, policy, transport, service_clock)


class Reached(NamedTuple):
    """One account: how it is reached, and what may be done there."""

    settings: Settings
    policy: Policy
    transport: Transport = None


@asynccontextmanager
async def open_runtimes(
    accounts: Mapping[str, Reached], **opening: Any
) -> AsyncIterator[Mapping[str, Runtime]]:
    """Open what a server of several accounts needs: one runtime each, over one state and page."""
    async with AsyncExitStack() as stack:
        first = next(iter(accounts.values())).settings
        state = open_state(first.state_dir, first.state_url)
        house = _House(stack, state, Opening(**opening))
        yield {name: house.runtime(*account) for name, account in accounts.items()}


class _House:
    """What the runtimes of one process share: the state, the approvals, the audit, the page."""

    def __init__(self, stack: AsyncExitStack, state: State, opening: Opening) -> None:
        self._stack, self._opening = stack, opening
        self._parts: list[Parts] = []
        self._state = state
        stack.callback(self._state.close)
        self._audit = Audit(self._state, opening.clock, self._secrets)
        self._approvals = Approvals(self._state, opening.clock, self._audit)
        self._freezes = Freezes(self._state, opening.clock)
        self._page = self._open_page(opening) if opening.page else None

    def runtime(
        self,
        settings: Settings,
        policy: Policy,
        transport: Transport = None,
        service_clock: Clock | None = None,
    ) -> Runtime:
        """The runtime of one account."""
        opening = self._opening
        parts = Parts(
            settings,
            self._state,
            transport,
            service_clock or opening.clock,
            refuses=lambda operation: refused_read(operation, policy),
            journal=lambda: self._journal(settings),
            hides=self._secrets,
        )
        self._parts.append(parts)
        self._stack.push_async_callback(parts.close)
        return Runtime(
            settings=settings,
            parts=parts,
            state=self._state,
            guard=Guard(
                policy,
                self._approvals,
                self._audit,
                self._page,
                opening.command,
                links=opening.links,
                freezes=self._freezes,
            ),
            page=self._page,
            exit=Exit(self._secrets),
            transport=opening.reached_by,
            longest_wait=opening.longest_wait,
            secrets=self._secrets,
        )

    def _secrets(self) -> tuple[str, ...]:
        """The secrets of every account: what one of them answers may name another's."""
        return tuple(secret for parts in self._parts for secret in parts.api.own_secret_values())

    def _journal(self, settings: Settings) -> "Journal":
        from sms_tools.guard.journal import Journal  # with the questions, not at start

        return Journal(self._audit, self._approvals, str(settings.account), self._opening.clock)

    def _shared_vault(self) -> "Vault | None":
        """Where secrets wait that any of several servers may show."""
        if not self._state.shared:
            return None
        from sms_tools.guard.sealed_vault import SealedVault  # a team's alone

        return SealedVault(self._state, self._opening.clock, self._configured)

    def _configured(self) -> tuple[str, ...]:
        """The secrets that this process was started with: those that do not change meanwhile."""
        return tuple(each for parts in self._parts for each in parts.settings.secret_values())

    def _open_page(self, opening: Opening) -> PageDesk | PublicDesk:
        if opening.public_url:
            answers = Answers(self._approvals, self._audit)
            return PublicDesk(answers, opening.public_url, self._shared_vault())
        browsers = self._state
        if opening.pairings and opening.pairings != self._state.folder:
            browsers = State(opening.pairings)
            self._stack.callback(browsers.close)
        answers = Answers(self._approvals, self._audit)
        pairings = Pairings(browsers, opening.clock, self._audit)
        desk = PageDesk(answers, pairings, opening.command)
        self._stack.callback(desk.close)
        return desk
