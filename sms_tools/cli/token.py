"""``sms-tools token``: a new bearer token, shown once, and its line for the file of tokens."""

import argparse
import secrets
import sys

from sms_tools.canonical import text_digest
from sms_tools.guard.people import Role


def configure(command: argparse.ArgumentParser) -> None:
    """Declare the options of this command."""
    command.add_argument("name", metavar="NAME", help="whose it is, as the audit will name them")
    command.add_argument(
        "--role",
        action="append",
        choices=[str(role) for role in Role],
        help="viewer (default), operator, approver; may be given again",
    )


def run(options: argparse.Namespace) -> int:
    """Print the lines on standard output, and the token itself on standard error.

    Raises:
        SettingsError: the name is none that the file can have.
    """
    from sms_tools.login.tokens import checked_name

    checked_name(options.name)
    token = secrets.token_urlsafe(32)
    roles = ", ".join(f'"{role}"' for role in options.role or [str(Role.VIEWER)])
    print(f'[tokens."{options.name}"]\nsha256 = "{text_digest(token)}"\nroles = [{roles}]')
    print(f"The token of {options.name}, shown this once: {token}", file=sys.stderr)
    return 0
