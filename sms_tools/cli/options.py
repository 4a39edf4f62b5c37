"""Options that several commands share, and what follows from them."""

import argparse
import contextlib
import re
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sms_tools.errors import SettingsError
from sms_tools.guard.policy import Policy
from sms_tools.moment import utc_now

if TYPE_CHECKING:
    from sms_tools.sandbox import Sandbox


def add_sandbox_options(command: argparse.ArgumentParser) -> None:
    """Which embedded service, and how fast its time runs."""
    command.add_argument(
        "--scenario",
        default="mixed",
        help="healthy, mixed (default), cutover-night, large, new-fleet, whole-wave or uneven",
    )
    command.add_argument(
        "--servers", type=int, help="how many servers; what makes a scenario stays"
    )
    command.add_argument("--seed", type=int, default=1, help="same seed, same fleet (default 1)")
    command.add_argument("--speed", type=_speed, default=60.0, help="clock speed-up factor")


def _speed(text: str) -> float:
    """A positive, finite number."""
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return value


def port(text: str) -> int:
    """A TCP port; 0 takes a free one."""
    value = int(text)
    if not 0 <= value <= 65_535:
        raise argparse.ArgumentTypeError(f"{text} is not a port: give one from 0 to 65535")
    return value


_SPAN: Final = re.compile(r"(\d+)([smh])")
_UNTIL: Final = re.compile(r"(\d{1,2}):(\d{2})(Z|[+-]\d{2}:\d{2})")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600}
_LONGEST: Final = 24 * 3600


def span(text: str) -> int:
    """The seconds that *text* such as ``5m`` says."""
    found = _SPAN.fullmatch(text.strip())
    seconds = int(found[1]) * _SECONDS[found[2]] if found else 0
    if not 1 <= seconds <= _LONGEST:
        raise argparse.ArgumentTypeError(f"{text} is not a span from 1s to 24h, such as 30s or 5m")
    return seconds


def moment(text: str) -> datetime:
    """A time with its zone: the next one of that clock, or a date and time."""
    if found := _UNTIL.fullmatch(text.strip()):
        hours, minutes, zone = int(found[1]), int(found[2]), _zone(found[3])
        if hours > 23 or minutes > 59:
            raise argparse.ArgumentTypeError(f"{text} is not a time of day")
        now = utc_now().astimezone(zone)
        at = now.replace(hour=hours, minute=minutes, second=0, microsecond=0)
        return at if at > now else at + timedelta(days=1)
    with contextlib.suppress(ValueError):
        given = datetime.fromisoformat(text.strip())
        if given.tzinfo is not None:
            return given
    raise argparse.ArgumentTypeError(f"{text} is not a time with a zone, such as 06:00+08:00")


def _zone(text: str) -> tzinfo:
    zone = UTC if text == "Z" else datetime.fromisoformat(f"2000-01-01T00:00{text}").tzinfo
    return zone or UTC


def add_server_options(command: argparse.ArgumentParser) -> None:
    """What the server offers and what it may do."""
    command.add_argument(
        "--sandbox", action="store_true", help="use the embedded service; no account needed"
    )
    add_sandbox_options(command)
    add_account_options(command, one=False)
    add_tool_options(command)


def add_account_options(command: argparse.ArgumentParser, *, one: bool = True) -> None:
    """Which accounts there are and, for a command on *one* of them, which is meant."""
    command.add_argument(
        "--accounts", type=Path, metavar="FILE", help="several accounts and regions, in TOML"
    )
    if one:
        command.add_argument("--account", metavar="NAME", help="one of those in the file")


def add_auth_options(command: argparse.ArgumentParser) -> None:
    """How callers, or whoever approves, prove who they are."""
    command.add_argument(
        "--auth",
        metavar="oidc:ISSUER|tokens:FILE",
        help="a team's: access tokens of an identity provider, or named tokens in a file",
    )
    command.add_argument("--audience", metavar="NAME", help="oidc: `aud` of tokens for this server")
    command.add_argument(
        "--roles-claim", metavar="NAME", help="oidc: where a token has its roles (default roles)"
    )
    command.add_argument(
        "--client-id", metavar="ID", help="oidc: as which people log in on the approval page"
    )


def add_tool_options(command: argparse.ArgumentParser) -> None:
    """Which tools there are and what the policy does with them."""
    command.add_argument(
        "--tools", default="all", metavar="all|guided|AREA,…", help="which tools to offer"
    )
    command.add_argument(
        "--read-only", action="store_true", help="allow nothing that changes something"
    )
    command.add_argument(
        "--no-destructive", action="store_true", help="block destructive, secret and agent calls"
    )
    command.add_argument("--policy", type=Path, metavar="FILE", help="a policy in TOML")


def policy_of(options: argparse.Namespace) -> Policy:
    """The policy that the options ask for.

    Raises:
        PolicyError: the policy file cannot be read or understood.
    """
    base = Policy(read_only=options.read_only, no_destructive=options.no_destructive)
    if options.policy is None:
        return base
    from sms_tools.guard.policy_file import load_policy  # only a policy file needs the catalogue

    return load_policy(options.policy, base)


def opened(options: argparse.Namespace, **more: Any) -> "Sandbox":
    """The embedded service that the options ask for.

    Raises:
        SettingsError: no such scenario, or a number out of range.
    """
    from sms_tools.sandbox import open_sandbox

    try:
        return open_sandbox(options.scenario, servers=options.servers, seed=options.seed, **more)
    except ValueError as error:
        raise SettingsError(f"the sandbox cannot be opened: {error}.") from error
