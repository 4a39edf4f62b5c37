"""``sms-tools readiness``: which servers can be launched, and what holds the others back."""

import argparse
from typing import Any, Final

from sms_tools.cli.questions import ask_and_show, configure_question
from sms_tools.cli.screen import Screen
from sms_tools.diagnosis.readiness import CheckCutoverReadiness
from sms_tools.drawing.look import GATES, VERDICTS

_COLOUR: Final = {"ready": "green", "not_ready": "red", "not_confirmed": "yellow"}


def configure(command: argparse.ArgumentParser) -> None:
    """Declare the options of this command."""
    configure_question(command)


def run(options: argparse.Namespace) -> int:
    """Print each server's verdict and its open gates; 3 unless all are ready."""
    question = CheckCutoverReadiness(project=options.project, limit=1000, detail="full")
    return ask_and_show(options, question, show, lambda answer: answer["verdict"] != "ready")


def show(screen: Screen, answer: dict[str, Any]) -> None:
    """The servers with their gates that do not pass; unknown is said as unknown."""
    screen.line()
    for server in answer["servers"]:
        verdict = server["verdict"]
        mark = screen.paint(f"{verdict:13}", _COLOUR[verdict])
        screen.line(f"{mark} {server['name']}")
        for name, finding in (server.get("findings") or {}).items():
            if finding["verdict"] != "pass":
                gate = GATES.get(name, name)
                first = f"  {VERDICTS[finding['verdict']].mark} {gate:18} "
                screen.say(finding["says"], first=first)
    screen.line()
    screen.say(f"Nobody can see from here: {'; '.join(answer['not_checked'])}.", "dim")
