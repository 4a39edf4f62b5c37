"""What ``status``, ``failures`` and ``readiness`` share: ask a question, show it, say how it went.

The same answers as an assistant gets, for a person without one. The exit status is for scripts: 0
nothing is wrong, 3 something needs a person or could not be read in part, 1 nothing was read.
"""

import argparse
import functools
import json
from collections.abc import Callable
from typing import Any, Final

import anyio

from sms_tools.cli.opening import runtime_of
from sms_tools.cli.options import add_account_options, add_sandbox_options
from sms_tools.cli.screen import Screen, standard_output
from sms_tools.diagnosis.question import Question

FINE: Final = 0
NEEDS_A_PERSON: Final = 3
_BAR: Final = 24

Answer = dict[str, Any]
Show = Callable[[Screen, Answer], None]


def configure_question(command: argparse.ArgumentParser) -> None:
    """The options of every question at a terminal."""
    command.add_argument("--json", action="store_true", help="the whole answer as JSON")
    command.add_argument("--project", metavar="P", help="one migration project, by name or id")
    command.add_argument("--sandbox", action="store_true", help="on the embedded service")
    add_sandbox_options(command)
    add_account_options(command)
    # What `runtime_of` reads of a server's options: a question changes nothing.
    command.set_defaults(read_only=True, no_destructive=False, policy=None, tools="all")


def ask_and_show(
    options: argparse.Namespace, question: Question, show: Show, wrong: Callable[[Answer], bool]
) -> int:
    """Answer *question*, print it, and give the exit status.

    Raises:
        SmsToolsError: nothing could be read.
    """
    answer = anyio.run(functools.partial(_answered, options, question))
    if options.json:
        print(json.dumps(answer, ensure_ascii=False, indent=2))
    else:
        screen = standard_output()
        screen.say(answer["summary"], "bold")
        show(screen, answer)
        for note in answer.get("incomplete") or ():
            screen.say(f"Not read: {note}", "yellow")
        screen.say(f"Read at {answer['observed_at']}.", "dim")
    return NEEDS_A_PERSON if wrong(answer) or answer.get("incomplete") else FINE


async def _answered(options: argparse.Namespace, question: Question) -> Answer:
    async with runtime_of(options, reached_by="command", page=False) as runtime:
        return runtime.exit.cleaned(await question.answer(runtime.desk))


def bar(screen: Screen, done: int | None, total: int | None) -> str:
    """A bar of what is done; dots where nobody knows, never an empty bar."""
    if done is None or not total or done > total:
        return "·" * _BAR
    filled = max(done * _BAR // total, 1 if done else 0)
    return screen.paint("█" * filled, "green") + "░" * (_BAR - filled)
