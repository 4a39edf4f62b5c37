"""Who a person is to the guard: a name that was proved, and the roles that go with it.

Where callers log in, roles tighten what the policy allows; where nobody does, there are none.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """What somebody may do."""

    VIEWER = "viewer"
    """Read."""
    OPERATOR = "operator"
    """Ask for what is guarded."""
    APPROVER = "approver"
    """Say yes to what somebody asks for."""


_WORDS: Final = {str(role): role for role in Role}


def roles_in(words: Iterable[object]) -> frozenset[Role]:
    """The roles among *words*; words that are none count for nothing."""
    return frozenset(_WORDS[word] for word in words if isinstance(word, str) and word in _WORDS)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whose login or token was checked."""

    name: str
    roles: frozenset[Role]


@dataclass(frozen=True, slots=True)
class Terms:
    """Whose yes an approval needs."""

    named: bool = False
    """Somebody who proved to be an approver; else whoever is at the page or the terminal."""
    four_eyes: bool = False
    """Somebody other than whoever asked."""
    asker: str | None = None
    """Who asked, where that was proved."""

    def fault(self, by: Person | None) -> str | None:
        """Why a yes of *by* does not count; None if it does."""
        if not (self.named or self.four_eyes):
            return None
        if by is None:
            return "It needs a yes of somebody who proves to be an approver."
        if Role.APPROVER not in by.roles:
            return f"{by.name} does not have the role approver."
        if self.four_eyes and by.name == self.asker:
            return f"{by.name} asked for it, and whoever asked cannot approve it (four eyes)."
        return None
