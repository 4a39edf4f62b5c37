"""What the guard's matrix counts."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from mcp_types import CallToolResult

from .world import everything_in

SECRETS = (
    "EXAMPLE-passphrase",
    "EXAMPLE-password",
    "PRIVATE KEY",
    "BEGIN CERTIFICATE",
    "example-secret-key",
    "?sign=EXAMPLE",
    # The SHA-256 of the text that the matrix has hashed.
    "11e594f481958c10e3015d0bf0447a22",
)
"""What the sandbox's secrets are made of, and the configured one."""


@dataclass
class Tally:
    """Attempts without consent, by transport, and what came of them."""

    attempts: Counter[str] = field(default_factory=Counter)
    reached: list[str] = field(default_factory=list)
    leaked: list[str] = field(default_factory=list)
    accepted: Counter[str] = field(default_factory=Counter)
    """Accepted calls, by the way in which a person agreed."""

    def attempt(
        self, where: str, result: CallToolResult | None, arrived: Sequence[str], read: Sequence[str]
    ) -> None:
        """One attempt: its *result*, what *arrived* at the service, what a dialog had to *read*."""
        self.attempts[where] += 1
        self.reached += arrived
        self.leaks_of(result, read)

    def leaks_of(self, result: CallToolResult | None, read: Sequence[str] = ()) -> None:
        """Look for secrets in a *result* and in what a dialog had to *read*."""
        said = "\n".join([everything_in(result), *read])
        self.leaked += [secret for secret in SECRETS if secret in said]

    def lines(self) -> Sequence[str]:
        """The numbers, as sentences."""
        if not self.attempts:
            return ()
        total = sum(self.attempts.values())
        by_place = ", ".join(f"{count:,} {where}" for where, count in self.attempts.items())
        accepted = ", ".join(f"{count:,} by {how}" for how, count in self.accepted.items())
        return (
            f"{len(self.reached)} of {total:,} calls without consent reached the service"
            f" ({by_place}).",
            f"{len(self.leaked)} of {total:,} results and dialogs carried a secret.",
            f"{sum(self.accepted.values()):,} accepted calls, each sent exactly once ({accepted}).",
        )
