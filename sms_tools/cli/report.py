"""``sms-tools report``: a report as a file, or on standard output."""

import argparse
import functools
import sys
from pathlib import Path
from typing import Any, get_args

import anyio

from sms_tools.cli.opening import runtime_of
from sms_tools.cli.options import add_account_options, add_sandbox_options
from sms_tools.remediation.report import ExportReport, Kind
from sms_tools.remediation.report_forms import Format


def configure(command: argparse.ArgumentParser) -> None:
    """Declare the options of this command."""
    command.add_argument(
        "kind", metavar="KIND", choices=get_args(Kind), help=", ".join(get_args(Kind))
    )
    command.add_argument(
        "--format", choices=get_args(Format), help="default: by FILE's ending, else md"
    )
    command.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="write it there; an existing file is never replaced",
    )
    command.add_argument("--project", metavar="P", help="one migration project, by name or id")
    command.add_argument("--sandbox", action="store_true", help="on the embedded service")
    add_sandbox_options(command)
    add_account_options(command)
    # What `runtime_of` reads of a server's options: a report changes nothing.
    command.set_defaults(read_only=True, no_destructive=False, policy=None, tools="all")


def run(options: argparse.Namespace) -> int:
    """Write the report; 3 where part of it could not be read.

    Raises:
        SmsToolsError: nothing could be read.
        OSError: the file exists, or cannot be written.
    """
    if options.out and options.out.exists():
        print(f"sms-tools report: {options.out} exists and is not replaced.", file=sys.stderr)
        return 1
    answer = anyio.run(functools.partial(_written, options))
    text = Path(answer["file"]).read_text(encoding="utf-8")
    if options.out:
        with options.out.open("x", encoding="utf-8", newline="") as file:
            file.write(text)
        print(f"{answer['summary']} Written to {options.out}.", file=sys.stderr)
    else:
        print(text)
    return 3 if answer.get("incomplete") else 0


async def _written(options: argparse.Namespace) -> dict[str, Any]:
    ending = options.out.suffix.removeprefix(".").lower() if options.out else ""
    form = options.format or (ending if ending in get_args(Format) else "md")
    question = ExportReport(kind=options.kind, format=form, project=options.project)
    async with runtime_of(options, reached_by="command", page=False) as runtime:
        return await question.answer(runtime.desk)
