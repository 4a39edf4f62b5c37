"""``sms-tools demo``: a conversation on the sandbox, from assessing to the change record.

The server is the real one, started as any client starts it, and so is the client. What a model
would decide is written down here; what the server answers is not. The sandbox's time runs, so a
network team that needs half an hour opens its port while one reads.
"""

import argparse
import functools
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import anyio
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp_types import Implementation

from sms_tools import __version__
from sms_tools.cli import scenes
from sms_tools.cli.person import Person
from sms_tools.cli.screen import Screen, standard_output
from sms_tools.cli.stage import DemoError, Stage
from sms_tools.errors import SmsToolsError
from sms_tools.text import clean

_CALL: Final = 60.0
"""Seconds that one answer may take, the first included; a person's thinking does not count."""
_LAST_WORDS: Final = 800
"""Characters of the server's own error output that are shown if it fails."""


def configure(command: argparse.ArgumentParser) -> None:
    """Declare the options of this command."""
    command.add_argument(
        "--speed",
        type=float,
        default=120.0,
        help="clock speed-up factor of the sandbox (default 120)",
    )


def run(options: argparse.Namespace) -> int:
    """Walk through the conversation; 0 at its end, also if the person says no."""
    screen = standard_output()
    person = Person(screen, at_terminal=sys.stdin.isatty() and sys.stdout.isatty())
    anyio.run(functools.partial(_demo, screen, person, options.speed))
    return 0


async def _demo(screen: Screen, person: Person, speed: float) -> None:
    command = ["-m", "sms_tools", "serve", "--sandbox", "--speed", f"{speed:g}"]
    scenes.welcome(screen, " ".join(["sms-tools", *command[2:]]))
    with tempfile.TemporaryDirectory(prefix="sms-tools-demo-") as folder:
        errors = Path(folder, "server.log")
        try:
            async with _connected(command, Path(folder), errors, person) as client:
                await scenes.conversation(Stage(client, screen, person), speed)
        except Exception as error:
            raise _readable(error, errors) from error


@asynccontextmanager
async def _connected(
    command: list[str], folder: Path, errors: Path, person: Person
) -> AsyncIterator[Client]:
    """A client of a server of its own, which keeps its state in *folder* until the end."""
    server = StdioServerParameters(command=sys.executable, args=command, env=_environment(folder))
    with errors.open("w", encoding="utf-8") as log:
        client = Client(
            stdio_client(server, errlog=log),
            client_info=Implementation(name="sms-tools demo", version=__version__),
            elicitation_callback=person.answer,
            read_timeout_seconds=_CALL,
        )
        async with client:
            yield client


def _environment(folder: Path) -> dict[str, str]:
    """What the server gets: a state folder of its own, and where Python finds the package."""
    path = os.environ.get("PYTHONPATH")
    return {"SMS_TOOLS_STATE_DIR": str(folder / "state"), **({"PYTHONPATH": path} if path else {})}


def _readable(error: BaseException, errors: Path) -> Exception:
    """What went wrong, out of the groups that concurrent work wraps it in."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, (SmsToolsError, BrokenPipeError)):
        return error
    last_words = clean(errors.read_text(encoding="utf-8", errors="replace").strip())[-_LAST_WORDS:]
    what = f"{type(error).__name__}: {error}".removesuffix(": ")
    return DemoError(
        f"the server does not answer ({what}).",
        advice=f"Its last output:\n{last_words}" if last_words else "It said nothing more.",
    )
