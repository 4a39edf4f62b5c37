"""``sms-tools sandbox``: the embedded service alone, over HTTP on loopback, for any client.

With a key pair in the environment it verifies signatures against it, as the gateway would;
without one it accepts any that is well-formed.
"""

import argparse
import os
from functools import partial

import anyio

from sms_tools.cli.options import add_sandbox_options, opened, port
from sms_tools.errors import SettingsError
from sms_tools.settings import read_settings
from sms_tools.signing import KeyPair


def configure(command: argparse.ArgumentParser) -> None:
    """Declare the options of this command."""
    add_sandbox_options(command)
    command.add_argument("--port", type=port, default=0, help="default: a free one")
    command.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="SPEC",
        help="what goes wrong, e.g. 503,operation=list_migration_tasks,times=2 or latency=0.2",
    )


def run(options: argparse.Namespace) -> int:
    """Serve until the process is stopped."""
    from sms_tools.sandbox import serve
    from sms_tools.sandbox.faults import Fault

    credentials = read_settings(os.environ)[0].credentials
    key_pair = credentials if isinstance(credentials, KeyPair) else None
    sandbox = opened(options, speed=options.speed, key_pair=key_pair)
    try:
        for spec in options.fault:
            sandbox.faults.add(Fault.parse(spec))
    except ValueError as error:
        raise SettingsError(f"--fault {spec}: {error}.", advice="See --help.") from error
    if key_pair:
        print("signatures are verified against the key pair in the environment", flush=True)
    try:
        anyio.run(partial(serve, sandbox, port=options.port, ready=_say_address))
    except OSError as error:
        raise SettingsError(
            f"port {options.port} cannot be used: {error.strerror or error}.",
            advice="Choose another with --port, or leave it out for a free one.",
        ) from error
    return 0


def _say_address(address: str) -> None:
    print(f"sandbox ready at {address}", flush=True)
    print("set SMS_TOOLS_ENDPOINT and SMS_TOOLS_IAM_ENDPOINT to it", flush=True)
