"""``sms-tools setup CLIENT``: a client's configuration for this machine.

Standard output carries the configuration and nothing else, so that it can be piped into a file;
what a person should know goes to standard error. Without a client it asks, at a terminal.
"""

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from sms_tools.cli.asking import CREDENTIALS_FILE, ask_all, credentials_file, say
from sms_tools.cli.clients import CLIENTS, HTTP_TOKEN, ClientKind, Wish, text_of
from sms_tools.cli.merging import merge, write
from sms_tools.errors import SettingsError
from sms_tools.settings import TOKEN_FILE, state_dir_of

_CARRIED: Final = (
    "SMS_TOOLS_REGION",
    "SMS_TOOLS_ENDPOINT",
    "SMS_TOOLS_IAM_ENDPOINT",
    "SMS_TOOLS_STATE_DIR",
    "HUAWEICLOUD_SDK_PROJECT_ID",
    "HUAWEICLOUD_SDK_DOMAIN_ID",
)
"""Settings of this shell that a client started elsewhere must have too; none is a secret."""

_URL: Final = "http://127.0.0.1:8000/mcp"


def configure(command: argparse.ArgumentParser) -> None:
    """Declare the options of this command."""
    command.add_argument(
        "client", nargs="?", choices=[*CLIENTS], metavar="CLIENT", help=", ".join(CLIENTS)
    )
    command.add_argument(
        "--write", action="store_true", help="merge it into the client's file, after a copy"
    )
    command.add_argument(
        "--file", type=Path, metavar="FILE", help="with --write: this file, not the client's usual"
    )
    command.add_argument("--sandbox", action="store_true", help="the embedded service, no account")
    command.add_argument("--read-only", action="store_true", help="nothing that changes something")
    command.add_argument("--guided", action="store_true", help="the short list of tools")
    command.add_argument(
        "--http", action="store_true", help=f"connect to a server that runs at {_URL}"
    )


def run(options: argparse.Namespace) -> int:
    """Print it, and write it where asked to."""
    if options.client is None:
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            say("sms-tools setup: without a terminal, name the client: " + ", ".join(CLIENTS))
            return 2
        client, environ = ask_all(options)
        status = set_up(options, environ)
        say(f"Then ask in {CLIENTS[client].title}: How is my migration going?")
        return status
    return set_up(options, os.environ)


def set_up(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """One client: print, and write where asked to."""
    kind = CLIENTS[options.client]
    try:
        configuration = kind.shape(wish_of(options, environ, kind))
    except NotImplementedError:
        raise SettingsError(
            f"{kind.title}'s file starts programs only; it cannot connect to an address.",
            advice="Leave out --http: it then starts the server itself.",
        ) from None
    text = text_of(kind, configuration)
    merged = merge(kind, configuration, options.file or kind.file()) if options.write else None
    print(text, end="", flush=True)
    if merged is None:
        say(f"{kind.title} reads this from {kind.file()}; --write puts it there.")
    else:
        path = options.file or kind.file()
        say(merged.difference or f"{path} has it already, word for word.")
        if merged.difference:
            kept = write(path, merged.text)
            say(f"{path} written" + (f"; what was there is in {kept}" if kept else ""))
            for note in merged.notes if kept else ():
                say(note)
    _advise(kind, options, environ)
    return 0


def wish_of(options: argparse.Namespace, environ: Mapping[str, str], kind: ClientKind) -> Wish:
    """How the client starts the server: absolute paths, for it is not started in this shell."""
    command, *before = program()
    args = [*before, "serve"]
    args += ["--sandbox"] if options.sandbox else []
    args += ["--read-only"] if options.read_only else []
    args += ["--tools", "guided"] if options.guided else []
    env: dict[str, str] = {}
    if not options.sandbox:
        env = {name: environ[name] for name in _CARRIED if environ.get(name)}
        if not kind.asks_for_keys:
            env[CREDENTIALS_FILE] = str(credentials_file(environ))
    return Wish(
        command=command,
        args=args,
        env=env,
        sandbox=options.sandbox,
        url=_URL if options.http else None,
    )


def program() -> tuple[str, ...]:
    """The command that starts this installation from anywhere."""
    script = Path(sys.executable).with_name("sms-tools.exe" if os.name == "nt" else "sms-tools")
    if script.exists():
        return (str(script.absolute()),)
    return (sys.executable, "-m", "sms_tools")


def _advise(kind: ClientKind, options: argparse.Namespace, environ: Mapping[str, str]) -> None:
    if any(part in ("archive-v0", "environments-v2") for part in Path(sys.prefix).parts):
        say("This installation is a temporary one: `uv tool install` it, then run setup again.")
    if options.http:
        start = "sms-tools serve --http" + (" --sandbox" if options.sandbox else "")
        folder = state_dir_of(environ, sandbox=options.sandbox)
        say(
            f"Start the server with `{start}`. From then on its token is in the file "
            f"{folder / TOKEN_FILE}, for you alone; what the client asks for, or reads from "
            f"{HTTP_TOKEN}, is that token."
        )
    elif not options.sandbox:
        _advise_on_keys(kind, credentials_file(environ))
    if kind.name == "cursor" and not options.guided:
        say("Cursor offers about 40 tools to a model: --guided keeps below that.")
    if kind.after:
        say(kind.after)


def _advise_on_keys(kind: ClientKind, path: Path) -> None:
    if kind.asks_for_keys:
        say(f"{kind.title} asks for the keys once and keeps them in its own store.")
    elif not path.exists():
        say(
            f"The keys are read from {path}, which does not exist yet. It needs three lines,"
            " `[global]`, `ak = ...` and `sk = ...`, and rights for you alone (chmod 600)."
        )
