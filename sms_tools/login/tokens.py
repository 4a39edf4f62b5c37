"""Named static bearer tokens: a TOML file of digests and roles, read again when it changes.

The file holds digests, so who reads it cannot call. A file that is damaged while the server runs
lets nobody in until it is right again: who was removed from it must not stay.
"""

import hmac
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

from mcp.server.auth.provider import AccessToken, TokenVerifier
from pydantic import AfterValidator, Field

from sms_tools.canonical import text_digest
from sms_tools.errors import SettingsError
from sms_tools.guard.people import Person, roles_in
from sms_tools.server.runtime import ROLES
from sms_tools.tomlfile import Part, parse, text_of

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_LOG: Final = logging.getLogger(__name__)


def _digest(text: str) -> str:
    if not _DIGEST.fullmatch(text):
        raise ValueError("it is not a SHA-256 digest: 64 hexadecimal digits, in lower case")
    return text


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError("it is not a name: letters, digits, `.`, `_`, `@` and `-`, 64 at most")
    return text


def checked_name(text: str) -> str:
    """*text*, if somebody can be called that in the file.

    Raises:
        SettingsError: it is no such name.
    """
    try:
        return _name(text)
    except ValueError as error:
        raise SettingsError(f"{text!r}: {error}.", advice="Choose another name.") from error


class _Token(Part):
    sha256: Annotated[str, AfterValidator(_digest)]
    roles: list[Literal["viewer", "operator", "approver"]] = Field(min_length=1)


class _File(Part):
    tokens: dict[Annotated[str, AfterValidator(_name)], _Token] = Field(min_length=1)


def read_tokens(path: Path) -> Mapping[str, Person]:
    """Who has which token, by its digest.

    Raises:
        SettingsError: the file cannot be read, says something that means nothing here, or gives
            two names one token.
    """
    try:
        said = parse(text_of(path), _File)
    except SettingsError as error:
        raise SettingsError(f"The file of tokens {path}: {error}") from error.__cause__
    found: dict[str, Person] = {}
    for name, token in said.tokens.items():
        if token.sha256 in found:
            raise SettingsError(
                f"The file of tokens {path}: {found[token.sha256].name} and {name} have one token.",
                advice="Make each of them one of their own with `sms-tools token NAME`.",
            )
        found[token.sha256] = Person(name, roles_in(token.roles))
    return found


@dataclass(frozen=True, slots=True)
class _Seen:
    """A file as it was read: by its stamp nobody needs to read it twice."""

    stamp: tuple[int, int, int]
    people: Mapping[str, Person]


class TokensFile(TokenVerifier):
    """Knows the tokens of a file, and compares in a time that tells nothing of them."""

    def __init__(self, path: Path) -> None:
        """Read *path*.

        Raises:
            SettingsError: the file is not right.
        """
        self._path = path
        self._seen = _Seen(_stamp(path), read_tokens(path))

    async def verify_token(self, token: str) -> AccessToken | None:
        """Whose *token* is, with their roles."""
        person = self.person(token)
        if person is None:
            return None
        return AccessToken(
            token=token,
            client_id=person.name,
            subject=person.name,
            scopes=sorted(person.roles),
            claims={ROLES: sorted(person.roles)},
        )

    def person(self, token: str) -> Person | None:
        """Whose *token* is."""
        given = text_digest(token)
        found = None
        for digest, person in self._people().items():
            if hmac.compare_digest(digest, given):
                found = person
        return found

    def _people(self) -> Mapping[str, Person]:
        stamp = _stamp(self._path)
        if stamp != self._seen.stamp:
            try:
                people = read_tokens(self._path)
            except SettingsError as error:
                _LOG.error("%s Nobody is let in until it is right again.", error)
                people = {}
            self._seen = _Seen(stamp, people)
        return self._seen.people


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        status = path.stat()
    except OSError:
        return (0, 0, 0)
    return (status.st_mtime_ns, status.st_size, status.st_ino)
