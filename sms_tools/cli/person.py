"""The person in front of the demo: reads at their own pace and answers the client's dialog.

Where there is no terminal nobody can be asked; then the demo answers in the person's place, and
says so.
"""

import contextlib
import sys
from dataclasses import dataclass
from typing import Final

import anyio
from mcp.client import ClientRequestContext
from mcp_types import ElicitRequestParams, ElicitResult

from sms_tools.cli.screen import Screen

LONGEST_THOUGHT: Final = 600.0
"""Seconds that a person has for the dialog; after that it is closed unanswered."""
_READING: Final = 4.0
"""Seconds between two scenes at a terminal; Enter goes on sooner."""
_ASKS: Final = "To agree, type: "
"""What stands before the text to type, in the words of the dialog."""
_NO: Final = frozenset({"", "n", "no"})


@dataclass
class Person:
    """Whoever is asked: the one at the terminal, or the demo in their place."""

    screen: Screen
    at_terminal: bool
    asked: int = 0
    """How many dialogs were shown."""

    async def read(self) -> None:
        """Leave a person the time to read; without a terminal, none."""
        if self.at_terminal:
            with anyio.move_on_after(_READING):
                await _typed_line()

    async def answer(
        self, context: ClientRequestContext, params: ElicitRequestParams
    ) -> ElicitResult:
        """The client's dialog: show what the server asks, and bring back what was answered."""
        del context
        self.asked += 1
        typed = await self._typed(params.message)
        if typed is None:
            return ElicitResult(action="cancel")
        if typed.lower() in _NO:
            return ElicitResult(action="decline")
        return ElicitResult(action="accept", content={"confirmation": typed})

    async def _typed(self, message: str) -> str | None:
        """What was typed; None if the dialog was closed."""
        screen = self.screen
        self._show(message)
        if not self.at_terminal:
            text = message.rpartition(_ASKS)[2].partition("\n")[0].strip()
            screen.say(
                "There is no terminal here, so there is nobody to ask: the demo answers this "
                f"confirmation itself. It types: {text}",
                "yellow",
                indent=3,
            )
            return text
        screen.say("Type the text to agree. Enter alone says no, Ctrl-D closes.", "dim", indent=3)
        _forget_what_was_typed()
        screen.prompt("   > ")
        line = None
        with anyio.move_on_after(LONGEST_THOUGHT):
            line = await _typed_line()
        if not line:
            screen.line()
            return None
        return line.strip()

    def _show(self, message: str) -> None:
        """The dialog, set apart from the conversation."""
        screen = self.screen
        screen.line()
        screen.line(
            screen.paint("   ┌─ The client asks you ", "yellow") + screen.rule(25, "yellow")
        )
        screen.quote(message, "   │ ", "yellow")
        screen.line(screen.paint("   └", "yellow") + screen.rule(4, "yellow"))


async def _typed_line() -> str:
    """A line from the terminal with its end; empty at the end of input."""
    # Waiting for the terminal can be given up; reading a line could not.
    with contextlib.suppress(OSError, NotImplementedError):
        await anyio.wait_readable(sys.stdin)
    return sys.stdin.readline()


def _forget_what_was_typed() -> None:
    """Drop what was typed before the question was shown: it cannot be an answer to it."""
    try:
        import termios
    except ImportError:  # no such terminal on this system
        return
    with contextlib.suppress(termios.error, OSError):
        termios.tcflush(sys.stdin, termios.TCIFLUSH)
