"""``sms-tools failures``: which servers failed, why, and what to do first."""

import argparse
from typing import Any

from sms_tools.cli.questions import ask_and_show, configure_question
from sms_tools.cli.screen import Screen
from sms_tools.diagnosis.failures import SummarizeFailedServers


def configure(command: argparse.ArgumentParser) -> None:
    """Declare the options of this command."""
    configure_question(command)


def run(options: argparse.Namespace) -> int:
    """Print the failures by cause; 3 if there are any."""
    question = SummarizeFailedServers(project=options.project, limit=100, detail="full")
    return ask_and_show(options, question, show, lambda answer: bool(answer["failed_servers"]))


def show(screen: Screen, answer: dict[str, Any]) -> None:
    """Each cause with its servers, its first step and who acts."""
    for group in answer["groups"]:
        names = ", ".join(server["name"] for server in group["servers"])
        screen.line()
        codes = ", ".join(group.get("codes") or [group["code"] or "no code"])
        screen.say(f"{codes} ({group['count']})", "red", "bold")
        for title, text in (
            ("servers", names),
            ("cause", group["cause"] or "unknown"),
            ("first step", group["first_step"] or "unknown"),
            ("who acts", group["actor"] or "unknown"),
        ):
            screen.say(text, indent=13, first=f"  {title}")
        if group.get("full_copy_again"):
            screen.say("Everything is copied again.", "yellow", indent=2)
    screen.line()
