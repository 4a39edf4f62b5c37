"""Opens what a command works with, as its options ask."""

import argparse
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from sms_tools.cli.options import opened, policy_of
from sms_tools.errors import SettingsError
from sms_tools.guard.command import Command
from sms_tools.guard.policy import Policy, both
from sms_tools.moment import utc_now
from sms_tools.server import Runtime, ToolServer, build_server, open_runtime, open_runtimes
from sms_tools.server.parts import Transport
from sms_tools.server.runtime import Reached
from sms_tools.settings import Settings, own_secrets_of, state_dir_of, state_url_of
from sms_tools.state import State, StateError
from sms_tools.stores import open_state

if TYPE_CHECKING:
    from sms_tools.account_file import Entry


@asynccontextmanager
async def runtime_of(
    options: argparse.Namespace,
    *,
    reached_by: str = "stdio",
    page: bool = True,
    links: bool = True,
    public_url: str | None = None,
    secrets: Sequence[str] = (),
) -> AsyncIterator[Runtime]:
    """The runtime that the options ask for, on the real service or on the sandbox.

    *secrets* are the server's own besides those of the environment, such as its HTTP token.

    Raises:
        SettingsError: the settings are not right, or of several accounts none is chosen.
    """
    transport = None
    service_clock = utc_now
    policy = policy_of(options)
    if options.accounts:
        entry = _the_one(options)
        settings, policy = entry.settings, _policy_of(entry, policy)
    elif not options.sandbox:
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
        policy,
        transport=transport,
        service_clock=service_clock,
        reached_by=reached_by,
        page=page,
        links=links,
        public_url=public_url,
        command=command(),
        pairings=state_dir_of(os.environ),
    ) as runtime:
        yield runtime


@asynccontextmanager
async def server_of(
    options: argparse.Namespace, **how: Any
) -> AsyncIterator[tuple[ToolServer, Mapping[str | None, Runtime]]]:
    """The MCP server that the options ask for, and its runtimes by account.

    With one account there is one runtime, whose account has no name. *how* is as `runtime_of`
    takes it.

    Raises:
        SettingsError: the settings are not right.
    """
    if not options.accounts:
        async with runtime_of(options, **how) as runtime, _shared(runtime.state) as shared:
            yield build_server(runtime, options.tools, **shared), {None: runtime}
        return
    from sms_tools.server.accounts import Accounts
    from sms_tools.server.several import build_server_of_accounts

    entries, policy = entries_of(options), policy_of(options)
    own = (*own_secrets_of(os.environ), *how.pop("secrets", ()))
    opened = {
        name: Reached(replace(e.settings, own_secrets=own), _policy_of(e, policy))
        for name, e in entries.items()
    }
    async with (
        open_runtimes(opened, command=command(), **how) as runtimes,
        _shared(next(iter(runtimes.values())).state) as shared,
    ):
        server = build_server_of_accounts(Accounts(entries, runtimes), options.tools, **shared)
        yield server, {name: runtime for name, runtime in runtimes.items()}  # noqa: C416 (names widen)


@asynccontextmanager
async def _shared(state: State) -> AsyncIterator[dict[str, Any]]:
    """What replicas of one server have in common: the key of dialogs under way, what they tell."""
    if not state.shared:
        yield {}
        return
    from mcp.server.request_state import RequestStateSecurity

    from sms_tools.guard.keys import kept_key
    from sms_tools.postgres import PostgresState
    from sms_tools.server.sharing import SharedChanges

    assert isinstance(state, PostgresState)  # noqa: S101 (the one kind that is shared)
    changes = SharedChanges(state)
    shared: dict[str, Any] = {"subscriptions": changes}
    try:
        key = await kept_key(state, "dialogs")
        shared["request_state_security"] = RequestStateSecurity(keys=[key])
    except StateError as error:
        # A server that starts before its database reads, and says what it cannot do.
        print(f"sms-tools: {error} {error.advice}", file=sys.stderr, flush=True)
    async with changes.heard():
        yield shared


def entries_of(options: argparse.Namespace) -> "Mapping[str, Entry]":
    """The accounts in the file that the options name.

    Raises:
        SettingsError: the file is not right, has no account that is asked for, or is given
            together with the sandbox.
    """
    from sms_tools.account_file import read_accounts

    if getattr(options, "sandbox", False):
        raise SettingsError(
            "--sandbox and --accounts contradict each other.",
            advice="Leave one of them out; an account of the file may be at a sandbox's address.",
        )
    entries = read_accounts(options.accounts, os.environ)
    account = getattr(options, "account", None)
    if account and account not in entries:
        raise SettingsError(
            f"there is no account {account!r} in {options.accounts}.",
            advice=f"It has {', '.join(entries)}.",
        )
    return entries


def _the_one(options: argparse.Namespace) -> "Entry":
    entries = entries_of(options)
    if options.account:
        return entries[options.account]
    if len(entries) > 1:
        raise SettingsError(
            f"--account is missing: {options.accounts} has {', '.join(entries)}.",
            advice="Say which one is meant.",
        )
    return next(iter(entries.values()))


def _policy_of(entry: "Entry", base: Policy) -> Policy:
    """The policy of one account: the server's and its own."""
    if entry.policy is None:
        return base
    from sms_tools.guard.policy_file import load_policy  # only a policy file needs the catalogue

    return both(base, load_policy(entry.policy))


def state_of(environ: Mapping[str, str], *, sandbox: bool = False) -> State:
    """The state of an account's servers, or the sandbox's.

    Raises:
        SettingsError: the environment names none.
    """
    folder = state_dir_of(environ, sandbox=sandbox)
    return open_state(folder, state_url_of(environ, sandbox=sandbox))


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
