"""Who makes a call: what an approval is bound to, beside the call itself."""

from dataclasses import dataclass
from typing import Final

from sms_tools.canonical import digest
from sms_tools.guard.people import Person, Role
from sms_tools.text import one_line

_SHOWN: Final = 80


@dataclass(frozen=True, slots=True)
class Caller:
    """One caller. An approval that one was given serves no other.

    What a client says of itself is a claim: it tells honest clients apart, and names them to the
    person. Only *subject* was proved to this server.
    """

    client: str
    """The name that the client gives itself."""
    version: str
    transport: str
    """How it reaches this server: ``stdio``, ``http`` or ``command``."""
    subject: str | None = None
    """Whose token came with the call; None where none was asked for."""
    session: str | None = None
    """The session, where the protocol has one: on HTTP, before 2026-07-28."""
    roles: frozenset[Role] | None = None
    """What the subject may do, where callers log in; no part of who they are."""

    @property
    def key(self) -> str:
        """What tells this caller from every other, of one length whatever a client says."""
        return digest([self.transport, self.subject, self.client, self.version, self.session])

    @property
    def person(self) -> Person | None:
        """The person behind it, where they logged in."""
        if self.subject is None or self.roles is None:
            return None
        return Person(self.subject, self.roles)

    def __str__(self) -> str:
        """The caller in a person's words, clean and bounded: ``stdio: example-client 1.0``."""
        client = " ".join(
            part
            for part in (one_line(self.client, _SHOWN), one_line(self.version, _SHOWN // 2))
            if part
        )
        whose = f" with the token of {one_line(self.subject, _SHOWN)}" if self.subject else ""
        return f"{one_line(self.transport, _SHOWN)}: {client or 'unnamed'}{whose}"
