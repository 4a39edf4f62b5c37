"""The credentials file of the vendor's SDK: an ini file with ``[global]`` or ``[basic]`` keys.

It is read only where a setting names it; nothing looks for one in a home folder. The service takes
keys of the whole account, so ``[global]`` comes first, as in the SDK's client for it.
"""

import configparser
import os
import re
import stat
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from sms_tools.errors import SettingsError
from sms_tools.signing import KeyPair

_SECTIONS: Final = ("global", "basic")
_LARGEST: Final = 64 * 1024
_VALUE: Final = re.compile(r"[\x21-\x7e]+")
_SHAPE: Final = "Its shape: a line [global], then ak = … and sk = … on lines of their own."


@dataclass(frozen=True, slots=True)
class Profile:
    """What one credentials file says."""

    key: KeyPair = field(repr=False)
    section: str
    project_id: str | None = None
    domain_id: str | None = None
    open_to_others: bool = False
    """Whether other users of this machine may read the file, as far as its mode tells."""


def read_profile(path: Path) -> Profile:
    """The keys in the file at *path*.

    Raises:
        SettingsError: it cannot be read or holds no pair of keys; no line of it is repeated.
    """
    text, mode = _text_of(path)
    open_to_others = os.name == "posix" and bool(mode & (stat.S_IRWXG | stat.S_IRWXO))
    return replace(parse_profile(text), open_to_others=open_to_others)


def parse_profile(text: str) -> Profile:
    """The keys in *text*, the content of such a file.

    Raises:
        SettingsError: it holds no pair of keys; no line of it is repeated.
    """
    parser = configparser.ConfigParser()
    try:
        parser.read_string(text)
        section = next((name for name in _SECTIONS if parser.has_section(name)), None)
        if section is None:
            raise SettingsError("holds neither [global] nor [basic]", advice=_SHAPE)
        given = {name: value.strip() for name, value in parser.items(section) if value.strip()}
    except configparser.Error:
        # The parser's own words repeat lines of the file, which may be keys.
        raise SettingsError("is not an ini file that the SDK can read", advice=_SHAPE) from None
    access, secret = given.get("ak"), given.get("sk")
    if not access or not secret:
        if "idp_id" in given:
            raise SettingsError(
                f"has an identity provider in [{section}], which is not supported here",
                advice="Use ak and sk, or a ready token in SMS_TOOLS_AUTH_TOKEN.",
            )
        missing = "ak" if not access else "sk"
        raise SettingsError(f"has no {missing} in [{section}]", advice=_SHAPE)
    for name in ("ak", "sk", "security_token", "project_id", "domain_id"):
        if name in given and not _VALUE.fullmatch(given[name]):
            raise SettingsError(
                f"holds spaces or other characters in {name} of [{section}]",
                advice="Copy the complete value again.",
            )
        if name in given and given[name][0] in "\"'":
            raise SettingsError(
                f"has {name} of [{section}] in quotation marks",
                advice="Remove them: an ini file has none.",
            )
    return Profile(
        key=KeyPair(access, secret, given.get("security_token")),
        section=section,
        project_id=given.get("project_id"),
        domain_id=given.get("domain_id"),
    )


def _text_of(path: Path) -> tuple[str, int]:
    """What stands in the file, and its mode; never waits, whatever is at *path*."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise SettingsError("is no file", advice="Name the file itself.")
        if status.st_size > _LARGEST:
            raise SettingsError("is far too large for a credentials file", advice=_SHAPE)
        return path.read_text(encoding="utf-8-sig"), status.st_mode
    except FileNotFoundError:
        fault = "does not exist"
    except PermissionError:
        fault = "may not be read by this user"
    except UnicodeDecodeError:
        fault = "is not written in UTF-8"
    except (OSError, ValueError):
        fault = "cannot be read"
    raise SettingsError(fault, advice="Correct the path, or remove the variable.")
