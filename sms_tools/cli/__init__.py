"""The command line: the only code that prints.

Each command has a module of its own, imported when it is chosen, so that ``serve`` starts without
paying for the others.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from sms_tools import __version__

COMMANDS = {
    "serve": "the MCP server, on stdio or HTTP",
    "demo": "watch a troubleshooting conversation on the sandbox",
    "sandbox": "the embedded service alone, over HTTP on loopback",
    "call": "one tool call, through the same path and the same guard",
    "tools": "every tool with its kind, area, size and what the policy does with it",
    "approvals": "calls that wait for a person: list, approve, deny, show",
    "audit": "what was changed or refused, by whom and how; --verify checks the chain",
    "check": "can this installation do its work, and what to do if not",
}


def _parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sms-tools",
        description="Huawei Cloud Server Migration Service for AI assistants, over MCP.",
    )
    parser.add_argument("--version", action="version", version=f"sms-tools {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    chosen = next((word for word in argv if not word.startswith("-")), None)
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=summary)
        if name == chosen:
            import_module(f"sms_tools.cli.{name}").configure(command)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status: 0 done, 1 failed, 2 called wrongly."""
    argv = sys.argv[1:] if argv is None else argv
    options = _parser(argv).parse_args(argv)
    from sms_tools.errors import SmsToolsError

    try:
        status = import_module(f"sms_tools.cli.{options.command}").run(options)
    except SmsToolsError as error:
        print(f"sms-tools {options.command}: {error}", file=sys.stderr)
        if error.advice:
            print(error.advice, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of our output has seen enough
        sys.stderr.close()
        return 0
    return int(status or 0)
