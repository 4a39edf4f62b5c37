"""The command line: the only code that prints.

Each command has a module of its own, imported when it is chosen, so that ``serve`` starts without
paying for the others. What goes wrong ends here in a line that says so, never in a traceback.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from io import TextIOWrapper

COMMANDS = {
    "serve": "the MCP server, on stdio or HTTP",
    "demo": "watch a migration conversation on the sandbox",
    "setup": "a client's configuration for this machine; without a client, asks for what it needs",
    "sandbox": "the embedded service alone, over HTTP on loopback",
    "call": "one tool call, through the same path and the same guard",
    "status": "how the migration is going, as a table with bars; --watch looks again",
    "failures": "which servers failed, why, and what to do first",
    "readiness": "which servers can be launched, and what holds the others back",
    "report": "a report for a change board, as a file or on standard output",
    "watch": "watches the migration and reports what changed, to a webhook too",
    "tools": "every tool with its kind, area, size and what the policy does with it",
    "approvals": "calls that wait for a person: list, show, approve, deny; pair, unpair a browser",
    "freeze": "stops every launch for a time, whoever asks; --end ends the freeze",
    "token": "a new bearer token for a team's server, and its line for the tokens file",
    "audit": "what was changed or refused, by whom and how; --verify checks the chain",
    "check": "whether this installation works, and how to fix what does not",
    "completion": "completes commands and options in a shell: bash, zsh or fish",
}

DEBUG = "SMS_TOOLS_DEBUG"
"""Set to anything, a defect of ours ends in its traceback instead of one line."""


def parser_for(*chosen: str) -> argparse.ArgumentParser:
    """The command line, with the options of the *chosen* commands; the others cost an import."""
    parser = argparse.ArgumentParser(
        prog="sms-tools",
        description="Huawei Cloud Server Migration Service for AI assistants, over MCP.",
    )
    parser.add_argument(
        "--version", action="store_true", help="this version; with --json, what it runs on too"
    )
    parser.add_argument("--json", action="store_true", help=argparse.SUPPRESS)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=summary)
        if name in chosen:
            import_module(f"sms_tools.cli.{name}").configure(command)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status: 0 done, 1 failed, 2 called wrongly."""
    argv = sys.argv[1:] if argv is None else argv
    _print_whatever_it_is()
    parser = parser_for(*(word for word in argv if not word.startswith("-")))
    options = parser.parse_args(argv)
    if options.version:
        from sms_tools.cli.version import say_version

        return say_version(as_json=options.json)
    if options.command is None:
        parser.error("a command is missing")
    from sms_tools.errors import SmsToolsError

    try:
        status = import_module(f"sms_tools.cli.{options.command}").run(options)
    except SmsToolsError as error:
        return _failed(options.command, str(error), error.advice)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of our output has seen enough
        sys.stderr.close()
        return 0
    except Exception as error:  # noqa: BLE001 (the last line of defence against a traceback)
        return _unexpected(options.command, error)
    return int(status or 0)


def _print_whatever_it_is() -> None:
    """A console that cannot show a character shows its escape; no output is lost for it.

    The protocol on stdio is not touched by this: it has a UTF-8 stream of its own.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _failed(command: str, what: str, advice: str | None) -> int:
    from sms_tools.redaction import redact

    what, advice = redact([what, advice])  # a stranger's words may be among them
    print(f"sms-tools {command}: {what}", file=sys.stderr)
    if advice:
        print(advice, file=sys.stderr)
    return 1


def _unexpected(command: str, error: BaseException) -> int:
    """One line about what nobody foresaw; a task group says nothing, its first cause does."""
    import os

    if os.environ.get(DEBUG):
        raise error
    from sms_tools.errors import SmsToolsError

    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, SmsToolsError):
        return _failed(command, str(error), error.advice)
    what = f"{error.strerror or error}" if isinstance(error, OSError) else f"{error}"
    if isinstance(error, OSError) and error.filename:
        what += f": {error.filename}"
    kind = "" if isinstance(error, OSError) else f"{type(error).__name__}: "
    return _failed(
        command,
        f"{kind}{what}",
        "`sms-tools check` says what this installation lacks;"
        f" with {DEBUG}=1 in the environment the full traceback is shown.",
    )
