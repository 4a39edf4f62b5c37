"""``sms-tools sandbox``: the embedded service alone, over HTTP on loopback, for any client."""

import argparse
from functools import partial

import anyio

from sms_tools.cli.common import add_sandbox_options, sandbox_of


def configure(command: argparse.ArgumentParser) -> None:
    """Declare the options of this command."""
    add_sandbox_options(command)
    command.add_argument("--port", type=int, default=0, help="default: a free one")


def run(options: argparse.Namespace) -> int:
    """Serve until the process is stopped."""
    from sms_tools.sandbox import serve

    anyio.run(partial(serve, sandbox_of(options), port=options.port, ready=_say_address))
    return 0


def _say_address(address: str) -> None:
    print(f"sandbox ready at {address}", flush=True)
    print("set SMS_TOOLS_ENDPOINT and SMS_TOOLS_IAM_ENDPOINT to it; any key pair signs", flush=True)
