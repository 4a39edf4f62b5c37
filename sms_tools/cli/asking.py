"""``sms-tools setup`` without a client: asks, tries what was given, and says what to do next."""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from sms_tools.cli.clients import CLIENTS
from sms_tools.regions import is_region_name
from sms_tools.settings import Settings

CREDENTIALS_FILE: Final = "HUAWEICLOUD_SDK_CREDENTIALS_FILE"


def ask_all(options: argparse.Namespace) -> tuple[str, Mapping[str, str]]:
    """Walk through the questions and put the answers into *options*; the client, the environment.

    Nothing is written before the last one is answered.
    """
    environ = dict(os.environ)
    options.sandbox = (
        options.sandbox
        or _choose("Try it on the sandbox, or use your account?", ("sandbox", "account"), "sandbox")
        == "sandbox"
    )
    if not options.sandbox:
        environ["SMS_TOOLS_REGION"] = _region(environ.get("SMS_TOOLS_REGION") or Settings().region)
        environ[CREDENTIALS_FILE] = str(credentials_file(environ))
        options.read_only = (
            options.read_only
            or _choose("Allow reading only, or changes too?", ("read", "changes"), "read") == "read"
        )
    options.client = _choose("Which client?", tuple(CLIENTS), "claude-desktop")
    if not options.sandbox:
        _check(environ)
    kind = CLIENTS[options.client]
    options.write = (
        options.write
        or _choose(f"Write it into {options.file or kind.file()}?", ("yes", "no"), "yes") == "yes"
    )
    return str(options.client), environ


def _check(environ: dict[str, str]) -> None:
    """What was given, tried on the service: the same lines as ``sms-tools check``."""
    from sms_tools.cli.check import show, verdicts

    show(verdicts(environ), to=sys.stderr)


def _region(default: str) -> str:
    while True:
        region = _ask(f"Which region? [{default}]") or default
        if is_region_name(region):
            return region
        say(f"{region} is not the name of a region.")


def _choose(question: str, choices: Sequence[str], default: str) -> str:
    """One of *choices*; its beginning is enough."""
    while True:
        said = _ask(f"{question} ({', '.join(choices)}) [{default}]").lower()
        found = [choice for choice in choices if choice == said] or [
            choice for choice in choices if said and choice.startswith(said)
        ]
        if not said or len(found) == 1:
            return found[0] if said else default
        say("Please answer with one of them.")


def _ask(question: str) -> str:
    # Not input(): its prompt would go to standard output, which carries the configuration.
    print(question, end=" ", file=sys.stderr, flush=True)
    line = sys.stdin.readline()
    if not line:  # the terminal is gone
        raise KeyboardInterrupt
    return line.strip()


def credentials_file(environ: Mapping[str, str]) -> Path:
    """Where the server will look for the keys, as an absolute path."""
    named = environ.get(CREDENTIALS_FILE)
    return (
        Path(named).expanduser().absolute()
        if named
        else Path.home() / ".huaweicloud" / "credentials"
    )


def say(text: str) -> None:
    """To the person, not into the configuration."""
    print(text, file=sys.stderr)
