"""The official SDK's credentials file: keys that stand in no client's configuration.

An ini file with a section ``[global]`` (or ``[basic]``) that holds ``ak``, ``sk`` and, where they
are temporary, ``security_token``. It is read from where ``HUAWEICLOUD_SDK_CREDENTIALS_FILE`` says
and from nowhere else: a key that nobody named is not used.
"""

import os
from configparser import ConfigParser
from configparser import Error as IniError
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

VARIABLE: Final = "HUAWEICLOUD_SDK_CREDENTIALS_FILE"
_SECTIONS: Final = ("global", "basic")


@dataclass(frozen=True, slots=True)
class FromFile:
    """What the file holds; ``fault`` and ``remedy`` where it is of no use."""

    access_key: str = field(default="", repr=False)
    secret_key: str = field(default="", repr=False)
    security_token: str | None = field(default=None, repr=False)
    fault: str = ""
    remedy: str = ""
    warning: str = ""


def default_credentials_file() -> Path:
    """Where the official SDK looks if nothing is said.

    Raises:
        RuntimeError: this user has no home folder.
    """
    return Path.home() / ".huaweicloud" / "credentials"


def read_credentials_file(path: Path) -> FromFile:
    """The keys in *path*. Neither a fault nor a warning repeats a word of the file."""
    if not path.is_absolute():
        return FromFile(fault="is a relative path", remedy="Set an absolute one.")
    parser = ConfigParser(interpolation=None)
    try:
        parser.read_string(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        what = error.strerror or "it cannot be read"
        return FromFile(fault=f"names a file that cannot be read: {what}", remedy=_WANTED)
    except (IniError, UnicodeDecodeError):
        return FromFile(fault="names a file that is not an ini file", remedy=_WANTED)
    for name in _SECTIONS:
        if not parser.has_section(name):
            continue
        section = parser[name]
        access_key, secret_key = section.get("ak", "").strip(), section.get("sk", "").strip()
        if access_key and secret_key:
            token = section.get("security_token", "").strip() or None
            return FromFile(access_key, secret_key, token, warning=_too_open(path))
    return FromFile(fault="names a file without a key pair", remedy=_WANTED)


_WANTED: Final = "It wants a section [global] with ak and sk."


def _too_open(path: Path) -> str:
    # On Windows the bits say the same of every file.
    if os.name != "nt" and path.stat().st_mode & 0o077:
        return f"{VARIABLE} names a file that other users may read: chmod 600 it."
    return ""
