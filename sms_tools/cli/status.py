"""``sms-tools status``: how the migration is going, for a person at a terminal."""

import argparse
import sys
import time
from typing import Any, Final

from sms_tools.cli.questions import ask_and_show, bar, configure_question
from sms_tools.cli.screen import Screen
from sms_tools.diagnosis.overview import MigrationOverview
from sms_tools.drawing.look import PHASES
from sms_tools.wording import percent, size

_EVERY: Final = 30
"""Seconds between two looks with ``--watch``."""
_WRONG: Final = ("failed", "unavailable", "unknown")
_COLOUR: Final = {"failed": "red", "unavailable": "red", "unknown": "yellow", "finished": "green"}


def configure(command: argparse.ArgumentParser) -> None:
    """Declare the options of this command."""
    configure_question(command)
    command.add_argument("--watch", action="store_true", help=f"look again every {_EVERY} seconds")


def run(options: argparse.Namespace) -> int:
    """Print the phases with bars; 3 if something needs a person."""
    question = MigrationOverview(project=options.project)
    while True:
        status = ask_and_show(options, question, show, needs_a_person)
        if not options.watch:
            return status
        sys.stdout.flush()
        time.sleep(_EVERY)


def needs_a_person(answer: dict[str, Any]) -> bool:
    """Whether a server has failed, is offline, or nobody can say what it does."""
    phases = answer["phases"]
    return bool(answer.get("offline")) or any(phases.get(phase) for phase in _WRONG)


def show(screen: Screen, answer: dict[str, Any]) -> None:
    """The phases, the bytes, and what is wrong."""
    total = answer["server_count"]
    screen.line()
    for phase, look in PHASES.items():
        if count := answer["phases"].get(phase):
            label = f"{look.mark} {look.words:18}"
            name = screen.paint(label, *filter(None, [_COLOUR.get(phase, "")]))
            screen.line(f"  {name} {count:6,}  {bar(screen, count, total)}")
    copied = answer.get("bytes") or {}
    if copied.get("total_bytes"):
        done, whole = copied["done_bytes"], copied["total_bytes"]
        says = f"{size(done)} of {size(whole)} ({percent(done, whole)} %)"
        screen.line(f"  {'  copied':20} {'':6}  {bar(screen, done, whole)}  {says}")
    screen.line()
    rows = [
        [
            ", ".join(each.get("codes") or [each["problem"]]),
            str(each["count"]),
            each["says"],
            ", ".join(server["name"] for server in each["servers"][:3]),
        ]
        for each in answer.get("problems") or ()
    ]
    if rows:
        screen.table(["problem", "servers", "what it is", "such as"], rows, numbers=["servers"])
