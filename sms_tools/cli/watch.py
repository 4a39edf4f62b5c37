"""``sms-tools watch``: reads again and again, and tells what changed."""

import argparse
import contextlib
import functools
import json
import os
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final

import anyio

from sms_tools.cli.opening import runtime_of
from sms_tools.cli.options import add_sandbox_options
from sms_tools.diagnosis.progress import SummarizeProgress
from sms_tools.errors import SmsToolsError
from sms_tools.fleet.reading import Fleet, read_fleet
from sms_tools.moment import utc_now
from sms_tools.server import Runtime
from sms_tools.watching.noticing import Notice, Reading, message_of, notices, reading_of
from sms_tools.watching.telling import FORMS, NotTold, body_of, checked_address, tell

_SPAN: Final = re.compile(r"(\d+)([smh])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600}
_LONGEST: Final = 24 * 3600
_UNTIL: Final = re.compile(r"(\d{1,2}):(\d{2})(Z|[+-]\d{2}:\d{2})")
ADDRESS: Final = "SMS_TOOLS_WEBHOOK"
SECRET: Final = "SMS_TOOLS_WEBHOOK_SECRET"  # noqa: S105 (the name of a variable)


def configure(command: argparse.ArgumentParser) -> None:
    """Declare the options of this command."""
    command.add_argument(
        "--every", type=_seconds, default="5m", metavar="SPAN", help="1s to 24h (default 5m)"
    )
    command.add_argument(
        "--until", type=_moment, metavar="TIME", help="such as 06:00+08:00, or ISO 8601 with zone"
    )
    command.add_argument(
        "--webhook", metavar="URL", help=f"where messages go; better in {ADDRESS}: it is a secret"
    )
    command.add_argument("--format", choices=FORMS, default="json", help="the receiver's form")
    command.add_argument("--project", metavar="P", help="one migration project, by name or id")
    command.add_argument(
        "--deadline", type=_moment, metavar="TIME", help="tells which copies will miss it"
    )
    command.add_argument("--sandbox", action="store_true", help="on the embedded service")
    add_sandbox_options(command)
    command.set_defaults(read_only=True, no_destructive=False, policy=None, tools="all")


def _seconds(text: str) -> int:
    found = _SPAN.fullmatch(text.strip())
    seconds = int(found[1]) * _SECONDS[found[2]] if found else 0
    if not 1 <= seconds <= _LONGEST:
        raise argparse.ArgumentTypeError(f"{text} is no span from 1s to 24h, such as 30s or 5m")
    return seconds


def _moment(text: str) -> datetime:
    """A time with its zone: the next one of that clock, or a date and time."""
    if found := _UNTIL.fullmatch(text.strip()):
        hours, minutes, zone = int(found[1]), int(found[2]), _zone(found[3])
        if hours > 23 or minutes > 59:
            raise argparse.ArgumentTypeError(f"{text} is no time of a clock")
        now = utc_now().astimezone(zone)
        at = now.replace(hour=hours, minute=minutes, second=0, microsecond=0)
        return at if at > now else at + timedelta(days=1)
    with contextlib.suppress(ValueError):
        given = datetime.fromisoformat(text.strip())
        if given.tzinfo is not None:
            return given
    raise argparse.ArgumentTypeError(f"{text} is no time with a zone, such as 06:00+08:00")


def _zone(text: str) -> tzinfo:
    zone = UTC if text == "Z" else datetime.fromisoformat(f"2000-01-01T00:00{text}").tzinfo
    return zone or UTC


def run(options: argparse.Namespace) -> int:
    """Watch until the time given, or Ctrl-C; 0 then."""
    address = options.webhook or os.environ.get(ADDRESS, "")
    options.webhook = checked_address(address) if address else ""
    if options.webhook and not os.environ.get(SECRET):
        print(f"sms-tools watch: {SECRET} is not set, so messages are not signed.", file=sys.stderr)
    return anyio.run(functools.partial(_watch, options))


async def _watch(options: argparse.Namespace) -> int:
    before: Reading | None = None
    async with runtime_of(options, reached_by="command", page=False) as runtime:
        while options.until is None or utc_now() < options.until:
            before = await _look(options, runtime, before)
            await anyio.sleep(options.every)
    return 0


async def _look(
    options: argparse.Namespace, runtime: Runtime, before: Reading | None
) -> Reading | None:
    """Read once and tell what changed; what cannot be read is told and ends nothing."""
    try:
        fleet, rows = await _read(options, runtime)
    except SmsToolsError as error:
        await _tell(options, runtime, [], [f"nothing could be read: {error}"])
        return before
    now = reading_of(fleet, rows)
    whole = fleet.sources_read and not fleet.problems
    found: Sequence[Notice] = notices(before, now, whole=whole) if before is not None else []
    if before is None:
        print(f"Watching {len(now)} servers on {runtime.settings.account}.", flush=True)
    if found or fleet.incomplete:
        await _tell(options, runtime, found, fleet.incomplete)
    # A partial reading must not make those that it lacks look new the next time.
    return now if whole or before is None else {**before, **now}


async def _read(
    options: argparse.Namespace, runtime: Runtime
) -> tuple[Fleet, Sequence[dict[str, Any]]]:
    desk = runtime.desk
    fleet = await read_fleet(desk, project=options.project, fresh=True)
    question = SummarizeProgress.model_validate(
        {"project": options.project, "limit": 1000, "detail": "full", "deadline": options.deadline}
    )
    answer = await question.answer(desk)
    return fleet, answer["servers"]


async def _tell(
    options: argparse.Namespace,
    runtime: Runtime,
    found: Sequence[Notice],
    incomplete: Sequence[str],
) -> None:
    message = runtime.exit.cleaned(
        message_of(found, runtime.desk.now(), str(runtime.settings.account), incomplete)
    )
    print(json.dumps(message, ensure_ascii=False), flush=True)
    if not options.webhook:
        return
    body = body_of(message, options.format)
    try:
        await tell(options.webhook, body, os.environ.get(SECRET, ""), sleep=anyio.sleep)
    except NotTold as error:
        print(f"sms-tools watch: {error} {error.advice}", file=sys.stderr)
