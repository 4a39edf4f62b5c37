"""Which account of the service is meant: part of every preview, approval, plan and audit line.

What a person agreed to on one account must never serve on another, so an account is compared by
:attr:`Account.key` and named by ``str(account)`` in the first line that a person reads.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Final
from urllib.parse import urlsplit

from sms_tools.canonical import digest

_SHOWN: Final = 12


@dataclass(frozen=True, slots=True)
class Account:
    """One account as this server reaches it: where, and as whom. Holds no secret."""

    region: str
    endpoint: str
    project: str | None = None
    """The project's id, where one is configured."""
    domain: str | None = None
    """The account's (domain's) id or name, where one is configured."""
    user: str | None = None
    """A digest of the access key id or the user's name: who, without saying it."""
    name: str | None = None
    """What the file of accounts calls it, where there are several."""
    sandbox: str | None = None
    """For the embedded service: its scenario, number of servers and seed. None for a real one."""

    @property
    def key(self) -> str:
        """What tells this account from every other; the same in every process."""
        if self.sandbox is not None:
            return digest(["sandbox", self.sandbox])
        whole = [self.region, self.endpoint, self.project, self.domain, self.user, self.name]
        return digest(["account", *whole])

    def __str__(self) -> str:
        """The account in a person's words: ``sandbox (mixed, seed 1)``, or region and project."""
        if self.sandbox is not None:
            return f"sandbox ({self.sandbox})"
        parts = [self.name, self.region, urlsplit(self.endpoint).netloc or self.endpoint]
        if self.project:
            parts.append(f"project {self.project}")
        elif self.domain:
            parts.append(f"account {self.domain}")
        elif self.user:
            parts.append(f"key {self.user}")
        return ", ".join(part for part in parts if part)


def is_of(name: str, account: str) -> bool:
    """Whether *account*, in a person's words, is the one that the file of accounts calls *name*."""
    return account.startswith(f"{name}, ")


def fingerprint_of(who: str) -> str:
    """A short digest of a user's name or an access key id, to tell users apart."""
    return sha256(who.encode()).hexdigest()[:_SHOWN]
