"""What ``--auth`` asks for: ``tokens:FILE``, ``oidc:ISSUER`` or ``oidc:FILE``."""

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from mcp.server.auth.provider import TokenVerifier

from sms_tools.errors import SettingsError
from sms_tools.login.oidc import Keys, OidcVerifier, Provider, checked_issuer
from sms_tools.login.tokens import TokensFile
from sms_tools.tomlfile import Part, parse, text_of

CLIENT_SECRET: Final = "SMS_TOOLS_OIDC_CLIENT_SECRET"  # noqa: S105 (the name of a variable)


class _Oidc(Part):
    issuer: str
    audience: str | None = None
    roles_claim: str | None = None
    subject_claim: str | None = None
    client_id: str | None = None


class _OidcFile(Part):
    oidc: _Oidc


@dataclass(frozen=True, slots=True)
class Entry:
    """Who is let in, and how people log in on the page."""

    verifier: TokenVerifier
    provider: Provider | None = None
    """The identity provider; None for a file of tokens."""
    keys: Keys | None = None

    @property
    def has_page(self) -> bool:
        """Whether people log in on an approval page."""
        return self.provider is not None and self.provider.client_id is not None


def entry_of(options: argparse.Namespace, environ: Mapping[str, str] = os.environ) -> Entry:
    """What the options ask for.

    Raises:
        SettingsError: it is not understood, or lacks something.
    """
    kind, _, what = options.auth.partition(":")
    if kind == "tokens" and what:
        return Entry(TokensFile(Path(what)))
    if kind != "oidc" or not what:
        raise SettingsError(
            f"--auth {options.auth}: it is not understood.",
            advice="Give tokens:FILE, oidc:ISSUER, or oidc:FILE with [oidc] in it.",
        )
    said = _said(what)
    audience = options.audience or said.audience
    if not audience:
        raise SettingsError(
            "--audience is missing: a token for another service must not count here.",
            advice="Give what the provider puts into `aud` of tokens for this server.",
        )
    provider = Provider(
        issuer=checked_issuer(said.issuer),
        audience=audience,
        roles_claim=options.roles_claim or said.roles_claim or "roles",
        client_id=options.client_id or said.client_id,
        client_secret=environ.get(CLIENT_SECRET) or None,
        subject_claim=said.subject_claim or "sub",
    )
    keys = Keys(provider.issuer)
    return Entry(OidcVerifier(provider, keys), provider, keys)


def _said(what: str) -> _Oidc:
    if urlsplit(what).scheme in ("http", "https"):
        return _Oidc(issuer=what)
    try:
        return parse(text_of(Path(what)), _OidcFile).oidc
    except SettingsError as error:
        raise SettingsError(f"The file {what} of --auth: {error}") from error.__cause__


def checked_public_url(text: str) -> str:
    """*text*, if clients can reach a server under it.

    Raises:
        SettingsError: it is no bare address, or plain HTTP beyond this machine.
    """
    from sms_tools.settings import endpoint_fault

    if fault := endpoint_fault(text):
        raise SettingsError(
            f"--public-url {fault}.",
            advice="Give the address that the proxy serves, such as https://sms-tools.example.com.",
        )
    return text.rstrip("/")
