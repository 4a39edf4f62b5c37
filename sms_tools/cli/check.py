"""``sms-tools check``: can this installation do its work, and what to do about it if not."""

import argparse
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal, TextIO

import anyio

from sms_tools.account_file import Entry
from sms_tools.api import Answer, Api
from sms_tools.cli.opening import entries_of
from sms_tools.cli.options import add_account_options, add_tool_options, policy_of
from sms_tools.errors import SettingsError, SmsToolsError
from sms_tools.guard import Audit
from sms_tools.moment import utc_now
from sms_tools.operations.source_servers import ListSourceServers
from sms_tools.settings import IamUser, Settings, read_settings
from sms_tools.stores import open_state
from sms_tools.wire import way_to

_MOST_SKEW: Final = timedelta(minutes=15)
"""The gateway refuses a signature whose time is further off."""


@dataclass(frozen=True)
class Line:
    """One thing that was checked."""

    verdict: Literal["ok", "note", "FAIL"]
    what: str
    remedy: str = ""


def configure(command: argparse.ArgumentParser) -> None:
    """Declare the options of this command."""
    add_account_options(command)
    add_tool_options(command)


def run(options: argparse.Namespace) -> int:
    """Print what was checked; 1 if something must be mended first."""
    if options.accounts:
        lines = [line for each in _chosen(options) for line in _of_account(each)]
    else:
        lines = verdicts(os.environ)
    lines += _policy(options)
    show(lines)
    return int(any(line.verdict == "FAIL" for line in lines))


def verdicts(environ: Mapping[str, str]) -> list[Line]:
    """What *environ* makes of this installation; asks the service where there is a way to."""
    settings, problems = read_settings(environ)
    lines = [Line("FAIL", f"{p.variable} {p.what}", p.remedy) for p in problems]
    return lines + _of_settings(settings, sound=not problems)


def _of_settings(settings: Settings, *, sound: bool = True) -> list[Line]:
    lines = [Line("note", warning) for warning in settings.warnings]
    lines += [*_credentials(settings), *_way(settings), *anyio.run(_state, settings)]
    if sound and settings.credentials and not any(line.verdict == "FAIL" for line in lines):
        lines += anyio.run(_service, settings)
    return lines


def _chosen(options: argparse.Namespace) -> Iterable[Entry]:
    """The accounts of the file, or the one that is meant.

    Raises:
        SettingsError: the file is not right, or has no such account.
    """
    entries = entries_of(options)
    return [entries[options.account]] if options.account else entries.values()


def _of_account(entry: Entry) -> list[Line]:
    """What is checked of one account, each line with its name."""
    lines = _of_settings(entry.settings)
    if entry.policy:
        from sms_tools.guard.policy_file import (
            load_policy,  # only a policy file needs the catalogue
        )

        load_policy(entry.policy)  # raises with a readable error
        lines.append(Line("ok", f"the policy file {entry.policy} is understood"))
    return [Line(line.verdict, f"{entry.name}: {line.what}", line.remedy) for line in lines]


def show(lines: Sequence[Line], to: TextIO | None = None) -> None:
    """Print the lines with their remedies, on standard output if nothing else is said."""
    for line in lines:
        print(f"{line.verdict:4}  {line.what}", file=to)
        if line.remedy:
            print(f"      → {line.remedy}", file=to)


def _credentials(settings: Settings) -> Iterator[Line]:
    if settings.credentials is None:
        yield Line(
            "FAIL",
            "no credentials are set",
            "Set HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK, or name the SDK's file in "
            "HUAWEICLOUD_SDK_CREDENTIALS_FILE; `sms-tools demo` needs none.",
        )
    else:
        kind = type(settings.credentials).__name__
        names = {
            "KeyPair": "an access key pair",
            "AuthToken": "a token",
            "IamUser": "an IAM user",
            "CommandKeys": "a command that prints them",
        }
        yield Line("ok", f"credentials: {names[kind]}, region {settings.region}")


def _way(settings: Settings) -> Iterator[Line]:
    addresses = [settings.endpoint]
    if isinstance(settings.credentials, IamUser):
        addresses.append(settings.iam_endpoint)
    for address in addresses:
        try:
            yield Line("ok", f"{address} is reached {way_to(address, os.environ)}")
        except SettingsError as error:
            yield Line("FAIL", str(error), error.advice)


async def _state(settings: Settings) -> list[Line]:
    with closing(open_state(settings.state_dir, settings.state_url)) as state:
        if fault := await state.fault():
            return [Line("FAIL", str(fault), fault.advice)]
        kept = Line("ok", f"the state folder {settings.state_dir} is private and can be written")
        try:
            audit = await Audit(state, utc_now).verify()
        except SmsToolsError as error:
            return [kept, Line("FAIL", str(error), error.advice)]
    if audit.problems:
        remedy = "See `sms-tools audit --verify`."
        return [kept, Line("FAIL", f"the audit: {audit.problems[0]}", remedy)]
    return [kept, Line("ok", f"the audit is intact ({audit.lines} lines)")]


def _policy(options: argparse.Namespace) -> Iterator[Line]:
    policy_of(options)  # raises with a readable error
    if options.policy:
        yield Line("ok", f"the policy file {options.policy} is understood")


async def _service(settings: Settings) -> list[Line]:
    async with Api(settings) as api:
        try:
            answer = await api.send(ListSourceServers(limit=1))
        except SmsToolsError as error:
            return [Line("FAIL", str(error), error.advice)]
    return [
        Line("ok", f"{settings.endpoint} answers, and lets this account list source servers"),
        *_clock(answer),
    ]


def _clock(answer: Answer) -> Iterator[Line]:
    if answer.server_time is None:
        yield Line("note", "the service did not tell its time; the clock could not be compared")
        return
    skew = abs(answer.observed_at - answer.server_time)
    seconds = f"{skew.total_seconds():.0f} s"
    if skew > _MOST_SKEW:
        yield Line("FAIL", f"this clock is {seconds} off", "Set it by NTP.")
    else:
        yield Line("ok", f"this clock agrees with the service's (within {seconds})")
