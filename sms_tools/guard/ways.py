"""How a person is reached: the approval page's address, and the command for a terminal."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from sms_tools.guard.approvals import Approval
from sms_tools.guard.command import Command
from sms_tools.guard.pairing import PATH
from sms_tools.guard.subject import Subject
from sms_tools.operation import JSON


class PersonDesk(Protocol):
    """Where a person finds the approval page, and where secrets wait for one."""

    login: str | None
    """How a person logs in there, in words that follow an address; None where a browser is paired
    instead."""

    async def origin(self) -> str | None:
        """The address of the running page (``http://127.0.0.1:PORT``); None if it cannot run."""

    async def keep(self, delivery_id: str, secret: Mapping[str, JSON]) -> str:
        """Hold *secret* until a person takes it, or its time is over; says how long that is."""


@dataclass(frozen=True, slots=True)
class Ways:
    """The ways to a person that one server has."""

    desk: PersonDesk | None = None
    """None where there is no page; the command remains."""
    command: Command = field(default_factory=Command)
    links: bool = True
    """Whether results may lead to the page. Over a network whoever can ask could follow it."""

    @property
    def entrance(self) -> str:
        """How a person comes to be one who may say yes on the page."""
        login = self.desk.login if self.desk else None
        return login or f"in a browser paired once with `{self.command('pair')}`"

    @property
    def lifetime(self) -> str:
        """How long a link is good, where that is not for as long as its request."""
        login = self.desk.login if self.desk else None
        return "" if login else "(a link that lives as long as this server runs) "

    def line(self, action: str, request_id: str, subject: Subject) -> str:
        """What a person runs in a terminal about a request."""
        return self.command(action, request_id, sandbox=bool(subject.account.sandbox))

    async def origin(self) -> str | None:
        """The address of the page; None where there is none."""
        return await self.desk.origin() if self.desk else None

    async def link(self, approval: Approval) -> str | None:
        """Where the page shows *approval*; None where no result may lead there."""
        origin = await self.origin() if self.links else None
        return f"{origin}{PATH}/approve/{approval.token}" if origin else None

    def link_to_secret(self, origin: str, token: str) -> str | None:
        """Where the page shows a secret; None where no result may lead there."""
        return f"{origin}{PATH}/secret/{token}" if self.links else None
