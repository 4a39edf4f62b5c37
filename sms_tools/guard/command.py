"""The command with which a person answers, complete: it works in any terminal of this user.

Clients start this server with an environment of their own, often without a ``PATH``, so the
command names the program by its whole path and the state folder where that is not the usual one.
"""

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Command:
    """How ``sms-tools approvals`` is run for one server's state."""

    program: Sequence[str] = ("sms-tools",)
    state_dir: Path | None = None
    """Named in the command; None where the command finds it by itself."""

    def __call__(self, action: str, approval_id: str = "", *, sandbox: bool = False) -> str:
        """The whole line for *action*, such as ``approve`` with an id."""
        words = [*self.program, "approvals", action, *([approval_id] if approval_id else [])]
        if sandbox:
            words.append("--sandbox")
        return self._in_powershell(words) if os.name == "nt" else self._in_a_shell(words)

    def _in_a_shell(self, words: Sequence[str]) -> str:
        line = shlex.join(words)
        if self.state_dir is None:
            return line
        return f"SMS_TOOLS_STATE_DIR={shlex.quote(str(self.state_dir))} {line}"

    def _in_powershell(self, words: Sequence[str]) -> str:
        line = "& " + " ".join("'" + word.replace("'", "''") + "'" for word in words)
        if self.state_dir is None:
            return line
        folder = str(self.state_dir).replace("'", "''")
        return f"$env:SMS_TOOLS_STATE_DIR='{folder}'; {line}"
