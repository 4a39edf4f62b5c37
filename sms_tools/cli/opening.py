"""Opens what a command works with, as its options ask."""

import argparse
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from secrets import token_hex

from sms_tools.cli.options import opened, policy_of
from sms_tools.guard.command import Command
from sms_tools.moment import utc_now
from sms_tools.server import Runtime, open_runtime
from sms_tools.server.parts import Transport
from sms_tools.settings import Settings, own_secrets_of, state_dir_of


@asynccontextmanager
async def runtime_of(
    options: argparse.Namespace,
    *,
    reached_by: str = "stdio",
    page: bool = True,
    links: bool = True,
    secrets: Sequence[str] = (),
) -> AsyncIterator[Runtime]:
    """The runtime that the options ask for, on the real service or on the sandbox.

    *secrets* are the server's own besides those of the environment, such as its HTTP token.
    """
    transport = None
    service_clock = utc_now
    if not options.sandbox:
        settings = Settings.from_env(os.environ)
    else:
        from sms_tools.sandbox import AcceleratedClock
        from sms_tools.sandbox.identity import identity_of

        # One clock for client and service, so that what is seen when, and what the service says
        # of that moment, agree.
        clock = AcceleratedClock(time.time, options.speed)
        transport = _embedded(options, clock)
        service_clock = partial(_moment, clock)
        # Nothing of the environment matters here but where the state is kept. Every run is an
        # account of its own, or samples of the last run would be taken for this one's past.
        settings = replace(
            Settings.for_sandbox(
                state_dir=state_dir_of(os.environ, sandbox=True),
                identity=identity_of(options.scenario, options.servers, options.seed),
            ),
            domain_id=f"sandbox-{token_hex(6)}",
        )
    own = (*own_secrets_of(os.environ), *secrets)
    async with open_runtime(
        replace(settings, own_secrets=own),
        policy_of(options),
        transport=transport,
        service_clock=service_clock,
        reached_by=reached_by,
        page=page,
        links=links,
        command=command(),
        pairings=state_dir_of(os.environ),
    ) as runtime:
        yield runtime


def command() -> Command:
    """How a person runs ``sms-tools approvals`` for the state that this process uses."""
    called = Path(sys.argv[0])
    program = [str(called.resolve())]
    if called.suffix == ".py" or not (called.is_file() and os.access(called, os.X_OK)):
        program = [sys.executable, "-m", "sms_tools"]
    folder = os.environ.get("SMS_TOOLS_STATE_DIR")
    return Command(program, state_dir_of(os.environ) if folder else None)


def _embedded(options: argparse.Namespace, clock: Callable[[], float]) -> Transport:
    """The way to the embedded service; the default account is made when it is first asked.

    Raises:
        SettingsError: no such scenario, or a number out of range.
    """
    make = partial(opened, options, speed=1, clock=clock)
    if (options.scenario, options.servers) == ("mixed", None):
        return lambda: make().transport()
    return make().transport()


def _moment(clock: Callable[[], float]) -> datetime:
    return datetime.fromtimestamp(clock(), UTC)
