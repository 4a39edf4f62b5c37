"""A command that prints a key pair: run when one is needed, and again before it ends.

What it prints is the official SDK's ini file, or JSON: ``{"ak": …, "sk": …, "security_token": …,
"expires_at": …}``, or a temporary key as IAM gives it (``{"credential": {"access": …, "secret": …,
"securitytoken": …, "expires_at": …}}``).
"""

import json
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import anyio

from sms_tools.errors import RequestRefused, SettingsError
from sms_tools.moment import Clock
from sms_tools.profile import parse_profile
from sms_tools.settings import CommandKeys
from sms_tools.signing import KeyPair

_PATIENCE: Final = 15
"""Seconds that the command may take."""
_BEFORE_END: Final = timedelta(minutes=5)
_ANEW: Final = timedelta(minutes=15)
"""A key pair whose end is not said is asked for again after this time."""
_LARGEST: Final = 64 * 1024
_VALUE: Final = re.compile(r"[\x21-\x7e]+")
_NAMES: Final = {
    "ak": ("ak", "access"),
    "sk": ("sk", "secret"),
    "token": ("security_token", "securitytoken"),
}
_ADVICE: Final = (
    "Run the command of this account at a terminal: it has to print the SDK's ini file, or JSON "
    "with ak, sk and, where there are, security_token and expires_at."
)


@dataclass(frozen=True, slots=True)
class Printed:
    """A key pair that the command printed."""

    key: KeyPair = field(repr=False)
    until: datetime
    """When it is asked for again."""


class PrintedKeys:
    """The one key pair of a command, shared by all callers."""

    def __init__(self, command: CommandKeys, clock: Clock) -> None:
        """Run nothing before a key is needed."""
        self._command = command.command
        self._clock = clock
        self._lock = anyio.Lock()
        self._printed: Printed | None = None

    @property
    def values(self) -> tuple[str, ...]:
        """The secrets of the moment, for whoever takes secrets out of what leaves."""
        if self._printed is None:
            return ()
        key = self._printed.key
        return tuple(part for part in (key.access_key, key.secret_key, key.security_token) if part)

    async def current(self) -> KeyPair:
        """A key pair that holds for a while yet.

        Raises:
            RequestRefused: the command printed none; nothing was sent to the service.
        """
        async with self._lock:
            if self._printed is None or self._clock() >= self._printed.until:
                self._printed = parsed(await self._run(), self._clock())
            return self._printed.key

    async def instead_of(self, refused: KeyPair) -> KeyPair | None:
        """Another key pair after the service refused one; None where there is no other."""
        async with self._lock:
            if self._printed is not None and self._printed.key == refused:
                self._printed = parsed(await self._run(), self._clock())
        key = await self.current()
        return None if key == refused else key

    async def _run(self) -> str:
        try:
            with anyio.fail_after(_PATIENCE):
                done = await anyio.run_process(
                    list(self._command), stdin=subprocess.DEVNULL, check=False
                )
        except TimeoutError:
            raise _no_key(f"did not end within {_PATIENCE} seconds") from None
        except OSError as error:
            raise _no_key(f"cannot be run: {error.strerror}") from None
        if done.returncode:
            # What it said is not repeated: it may hold what it was to keep.
            raise _no_key(f"ended with status {done.returncode}")
        if len(done.stdout) > _LARGEST:
            raise _no_key("printed far more than a key pair")
        return done.stdout.decode("utf-8", "replace").strip()


def parsed(text: str, now: datetime) -> Printed:
    """The key pair in what a command printed.

    Raises:
        RequestRefused: there is none; nothing of the text is repeated.
    """
    if not text.startswith("{"):
        try:
            return Printed(parse_profile(text).key, now + _ANEW)
        except SettingsError as error:
            raise _no_key(f"printed what {error}") from None
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        raise _no_key("printed JSON that cannot be read") from None
    inner = said.get("credential")
    given: Mapping[str, Any] = inner if isinstance(inner, dict) else said
    found = {part: _first(given, names) for part, names in _NAMES.items()}
    if not found["ak"] or not found["sk"]:
        raise _no_key("printed JSON without ak and sk")
    return Printed(KeyPair(found["ak"], found["sk"], found["token"]), _until(given, now))


def _first(given: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    for name in names:
        value = given.get(name)
        if isinstance(value, str) and _VALUE.fullmatch(value):
            return value
    return None


def _until(given: Mapping[str, Any], now: datetime) -> datetime:
    try:
        end = datetime.fromisoformat(given["expires_at"])
    except (KeyError, TypeError, ValueError):
        return now + _ANEW
    return (end if end.tzinfo else end.replace(tzinfo=UTC)) - _BEFORE_END


def _no_key(why: str) -> RequestRefused:
    return RequestRefused(f"No keys: the account's command {why}.", advice=_ADVICE)
