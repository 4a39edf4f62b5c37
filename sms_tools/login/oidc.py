"""Access tokens of an OpenID Connect provider, checked here: signature, issuer, audience, time.

PyJWT checks the token; its keys come from the provider's JWKS, kept for a while, and read again
when a token names a key that is not among them (providers rotate theirs).
"""

import json
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import anyio
import httpx
import jwt
from mcp.server.auth.provider import AccessToken, TokenVerifier

from sms_tools.errors import SettingsError, SmsToolsError
from sms_tools.guard.people import Person, Role, roles_in
from sms_tools.loopback import is_loopback
from sms_tools.server.runtime import ROLES

ALGORITHMS: Final = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"
)  # fmt: skip
"""Signatures with a key that the provider alone has. Never `none`, never a shared secret."""
SKEW: Final = 60
"""Seconds by which the provider's clock and ours may differ."""
_KEYS_LAST: Final = 600.0
_AGAIN_AFTER: Final = 30.0
"""Seconds after which a key that is not there is looked for again: strangers name any."""
_TIMEOUT: Final = 10.0
_LARGEST: Final = 512 * 1024
_TYPES: Final = ("at+jwt", "application/at+jwt", "jwt")
_LOG: Final = logging.getLogger(__name__)


class ProviderFailed(SmsToolsError):  # noqa: N818 (says what happened)
    """The identity provider cannot be reached or says something that cannot be used."""

    advice = "Check the issuer's address, and that this server reaches it."


@dataclass(frozen=True, slots=True)
class Provider:
    """What is configured of an identity provider."""

    issuer: str
    audience: str
    roles_claim: str = "roles"
    """Where a token has its roles; dots lead into objects (``realm_access.roles``)."""
    client_id: str | None = None
    """As which the approval page logs people in; without it there is no page."""
    client_secret: str | None = field(default=None, repr=False)

    def roles_of(self, claims: Mapping[str, Any]) -> frozenset[Role]:
        """The roles that *claims* give."""
        found: Any = claims
        for part in self.roles_claim.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
        if isinstance(found, str):
            found = found.split()
        return roles_in(found) if isinstance(found, Iterable) else frozenset()


def checked_issuer(text: str) -> str:
    """*text*, if it can be an issuer.

    Raises:
        SettingsError: it is no address, or plain HTTP beyond this machine.
    """
    parts = urlsplit(text)
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.query or parts.fragment:
        raise SettingsError(
            f"--auth: {text!r} is not an issuer.", advice="Give its address: oidc:https://…"
        )
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise SettingsError(
            "--auth: the issuer's address is http:// for a host other than this machine.",
            advice="Whoever is in between could let anybody in: use https://.",
        )
    return text


class Keys:
    """The provider's documents: where it logs people in, and its keys."""

    def __init__(
        self,
        issuer: str,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        """Read nothing before it is needed."""
        self._issuer = issuer
        self._transport = transport
        self._elapsed = elapsed
        self._lock = anyio.Lock()
        self._document: Mapping[str, Any] | None = None
        self._keys: Mapping[str, jwt.PyJWK] = {}
        self._read_at: float | None = None

    async def document(self) -> Mapping[str, Any]:
        """The provider's own description (OpenID Connect Discovery 1.0).

        Raises:
            ProviderFailed: it cannot be read, or speaks of another issuer.
        """
        if self._document is None:
            url = f"{self._issuer.rstrip('/')}/.well-known/openid-configuration"
            found = await self._fetch(url)
            if found.get("issuer") != self._issuer:
                raise ProviderFailed(
                    f"{url} speaks of another issuer: {str(found.get('issuer'))[:200]!r}."
                )
            self._document = found
        return self._document

    async def key(self, token: str) -> jwt.PyJWK | None:
        """The key with which *token* says that it is signed; None if the provider has none such.

        Raises:
            ProviderFailed: the keys cannot be read, and none are known that still hold.
        """
        header = jwt.get_unverified_header(token)
        kid = str(header.get("kid", ""))
        async with self._lock:
            age = None if self._read_at is None else self._elapsed() - self._read_at
            if age is None or age > _KEYS_LAST or (kid not in self._keys and age > _AGAIN_AFTER):
                await self._read(known=kid in self._keys)
        return self._keys.get(kid)

    async def _read(self, *, known: bool) -> None:
        try:
            document = await self.document()
            found = await self._fetch(str(document.get("jwks_uri")))
            keys = jwt.PyJWKSet.from_dict(dict(found)).keys
        except (ProviderFailed, jwt.PyJWTError) as error:
            if not known:
                raise ProviderFailed(f"The provider's keys cannot be read: {error}") from error
            _LOG.warning("the provider's keys cannot be read again: %s", error)
        else:
            self._keys = {str(key.key_id or ""): key for key in keys}
        self._read_at = self._elapsed()

    async def _fetch(self, url: str) -> Mapping[str, Any]:
        checked_issuer(url)
        direct = is_loopback(urlsplit(url).hostname or "")
        try:
            async with httpx.AsyncClient(
                timeout=_TIMEOUT, transport=self._transport, trust_env=not direct
            ) as client:
                reply = await client.get(url, headers={"Accept": "application/json"})
            if not reply.is_success:
                raise ProviderFailed(f"{url} answered HTTP {reply.status_code}.")
            found = json.loads(reply.content[:_LARGEST])
        except httpx.HTTPError as error:
            raise ProviderFailed(f"{url} did not answer ({type(error).__name__}).") from error
        except (ValueError, RecursionError) as error:
            raise ProviderFailed(f"{url} answered with something that is not JSON.") from error
        if not isinstance(found, dict):
            raise ProviderFailed(f"{url} answered with something that is not an object.")
        return found


class OidcVerifier(TokenVerifier):
    """Knows the access tokens of a provider that are meant for this server."""

    def __init__(self, provider: Provider, keys: Keys) -> None:
        """Check tokens of *provider* with its *keys*."""
        self.provider = provider
        self.keys = keys

    async def verify_token(self, token: str) -> AccessToken | None:
        """Whose *token* is, with their roles; None for one that does not count."""
        try:
            claims = await self.claims(token, self.provider.audience)
        except (jwt.PyJWTError, ProviderFailed) as error:
            _LOG.info("a token was refused: %s", error)
            return None
        subject = str(claims["sub"])
        roles = sorted(self.provider.roles_of(claims))
        return AccessToken(
            token=token,
            client_id=str(claims.get("client_id") or claims.get("azp") or subject),
            subject=subject,
            scopes=roles,
            expires_at=int(claims["exp"]),
            claims={"iss": claims["iss"], ROLES: roles},
        )

    async def claims(self, token: str, audience: str) -> Mapping[str, Any]:
        """What *token* says, once it is known to be the provider's and meant for *audience*.

        Raises:
            jwt.PyJWTError: it does not count.
            ProviderFailed: the provider's keys cannot be read.
        """
        header = jwt.get_unverified_header(token)
        if header.get("alg") not in ALGORITHMS:
            raise jwt.InvalidAlgorithmError("its algorithm is not one that counts")
        if str(header.get("typ", "jwt")).lower() not in _TYPES:
            raise jwt.InvalidTokenError("it is of another type")
        key = await self.keys.key(token)
        if key is None:
            raise jwt.InvalidKeyError("the provider has no such key")
        claims: Mapping[str, Any] = jwt.decode(
            token,
            key,
            algorithms=list(ALGORITHMS),
            audience=audience,
            issuer=self.provider.issuer,
            leeway=SKEW,
            options={"require": ["exp", "iss", "aud", "sub"]},
        )
        return claims

    async def person(self, token: str) -> Person | None:
        """Whose *token* is."""
        found = await self.verify_token(token)
        if found is None or found.subject is None:
            return None
        return Person(found.subject, roles_in((found.claims or {}).get(ROLES, ())))
