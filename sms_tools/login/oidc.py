"""Access tokens of an OpenID Connect provider, checked here: signature, issuer, audience, time.

PyJWT checks the token; its keys come from the provider's JWKS, kept for a while, and read again
when a token names a key that is not among them (providers rotate theirs).
"""

import json
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import anyio
import httpx
import jwt
from mcp.server.auth.provider import AccessToken, TokenVerifier

from sms_tools.errors import RequestRefused, SettingsError, SmsToolsError
from sms_tools.guard.people import Person, Role, roles_in
from sms_tools.loopback import is_loopback
from sms_tools.server.runtime import ROLES
from sms_tools.text import one_line
from sms_tools.wire import ACCEPTED, Bounded, Network

ALGORITHMS: Final = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"
)  # fmt: skip
"""Signatures with a key that the provider alone has. Never `none`, never a shared secret."""
SKEW: Final = 60
"""Seconds by which the provider's clock and ours may differ."""
_KEYS_LAST: Final = 600.0
_AGAIN_AFTER: Final = 30.0
"""Seconds after which a key that is not there is looked for again: strangers name any."""
_LONGEST: Final = 10.0
"""Seconds for a whole reply of the provider, however slowly it trickles."""
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
    subject_claim: str = "sub"
    """What names a person alike in every token. A provider may give one person another `sub` for
    each client, and whoever asked would then be somebody else on the page."""

    def name_of(self, claims: Mapping[str, Any]) -> str:
        """Whom *claims* are about.

        Raises:
            jwt.InvalidTokenError: they do not say it.
        """
        name = claims.get(self.subject_claim)
        if not isinstance(name, str) or not name:
            raise jwt.InvalidTokenError(f"it says nobody in {self.subject_claim}")
        return name

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
    fault = _address_fault(text)
    if fault is None and ("?" in text or "#" in text):
        fault = "has a query or a fragment"
    if fault:
        raise SettingsError(
            f"--auth: the issuer {one_line(text)!r} {fault}.",
            advice="Give the provider's address, with https://: oidc:https://…",
        )
    return text


def _address_fault(text: str) -> str | None:
    """Why nothing that lets people in may come from *text*; None where it may."""
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError:
        return "is not an address"
    if parts.scheme not in ("https", "http") or not host:
        return "is not an address"
    if parts.scheme == "http" and not is_loopback(host):
        return (
            "uses http:// for a host other than this machine, so whoever is in between could let "
            "anybody in"
        )
    return None


class Keys:
    """The provider itself: what it says of itself, its keys, and how it is asked."""

    def __init__(
        self,
        issuer: str,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        environ: Mapping[str, str] | None = None,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        """Read nothing before it is needed.

        The way to the provider is that to the service: through the proxy that *environ* names (or
        this process's environment) and with the certificates that it trusts. *transport* replaces
        the network.
        """
        self._issuer = issuer
        self._transport = transport
        self._environ = environ
        self._elapsed = elapsed
        self._lock = anyio.Lock()
        self._document: Mapping[str, Any] | None = None
        self._keys: Mapping[str, _Key] = {}
        self._read_at: float | None = None

    async def names_alike(self) -> bool:
        """Whether the provider gives a person one `sub` in the tokens of all clients.

        Raises:
            ProviderFailed: it cannot be asked.
        """
        types = (await self.document()).get("subject_types_supported")
        return not isinstance(types, list) or "public" in types or not types

    async def document(self) -> Mapping[str, Any]:
        """The provider's own description (OpenID Connect Discovery 1.0).

        Raises:
            ProviderFailed: it cannot be read, or speaks of another issuer.
        """
        if self._document is None:
            url = f"{self._issuer.rstrip('/')}/.well-known/openid-configuration"
            found = await self.ask(url)
            if found.get("issuer") != self._issuer:
                raise ProviderFailed(
                    f"{url} speaks of another issuer: {one_line(str(found.get('issuer')))!r}."
                )
            self._document = found
        return self._document

    async def endpoint(self, name: str) -> str:
        """The address that the provider's description gives as *name*.

        Raises:
            ProviderFailed: it gives none, or one that cannot be trusted.
        """
        url = (await self.document()).get(name)
        if not isinstance(url, str):
            raise ProviderFailed(f"{self._issuer} does not say its {name}.")
        if fault := _address_fault(url):
            raise ProviderFailed(
                f"{self._issuer} gives a {name} that {fault}: {one_line(url)!r}.",
                advice="Correct the provider's configuration: its addresses begin with https://.",
            )
        return url

    async def key(self, kid: str) -> "_Key | None":
        """The key that the provider calls *kid*; None if it has none such.

        Raises:
            ProviderFailed: the keys cannot be read, and none are known that still hold.
        """
        if not self._is_due(kid):  # nobody waits while a stranger's key is looked for
            return self._keys.get(kid)
        async with self._lock:
            if self._is_due(kid):
                await self._read(known=kid in self._keys)
        return self._keys.get(kid)

    def _is_due(self, kid: str) -> bool:
        if self._read_at is None:
            return True
        age = self._elapsed() - self._read_at
        return age > (_KEYS_LAST if kid in self._keys else _AGAIN_AFTER)

    async def _read(self, *, known: bool) -> None:
        try:
            self._keys = _keys_in(await self.ask(await self.endpoint("jwks_uri")))
            self._read_at = self._elapsed()
        except ProviderFailed as error:
            self._document = None  # its addresses may be others by now
            self._read_at = self._elapsed()
            if not known:
                raise ProviderFailed(
                    f"The provider's keys cannot be read: {error}", advice=error.advice
                ) from error
            _LOG.warning("the provider's keys cannot be read again: %s", error)

    async def ask(
        self, url: str, form: Mapping[str, str] | None = None, auth: httpx.Auth | None = None
    ) -> Mapping[str, Any]:
        """The JSON object at *url*; where there is a *form*, what is answered to it.

        Raises:
            ProviderFailed: it did not answer in time, with a success, or with such an object.
        """
        inner = self._transport or Network(1, self._environ)
        headers = {"Accept": "application/json", "Accept-Encoding": ACCEPTED}
        try:
            async with httpx.AsyncClient(
                transport=Bounded(inner, _LARGEST),
                headers=headers,
                trust_env=False,
                timeout=_LONGEST,
            ) as client:
                with anyio.fail_after(_LONGEST):
                    reply = await client.request(
                        "GET" if form is None else "POST", url, data=form, auth=auth
                    )
        except (SettingsError, RequestRefused) as error:
            raise ProviderFailed(f"{url} was not asked: {error}", advice=error.advice) from error
        except TimeoutError as error:
            raise ProviderFailed(f"{url} did not answer within {_LONGEST:.0f} seconds.") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ProviderFailed(
                f"{url} gave no answer ({type(error).__name__}: {one_line(str(error))})."
            ) from error
        found = _object_in(reply.content)
        if not reply.is_success:
            said = "" if found is None else f" ({one_line(str(found.get('error')), 80)})"
            raise ProviderFailed(f"{url} answered HTTP {reply.status_code}{said}.")
        if found is None:
            raise ProviderFailed(f"{url} answered with something that is no JSON object.")
        return found


@dataclass(frozen=True, slots=True)
class _Key:
    """A key of the provider, and the signatures that it is for."""

    key: Any
    algorithms: Sequence[str]


def _keys_in(found: Mapping[str, Any]) -> Mapping[str, _Key]:
    """The keys for signatures in a JWKS; what is none is left out.

    Raises:
        ProviderFailed: there are none.
    """
    listed = found.get("keys")
    keys: dict[str, _Key] = {}
    for each in listed if isinstance(listed, list) else ():
        if not isinstance(each, dict) or (each.get("use") or "sig") != "sig":
            continue
        try:
            key = jwt.PyJWK(each)
        except (jwt.PyJWTError, ValueError, TypeError, AttributeError, KeyError):
            continue
        # Where the key does not say its algorithm, its kind alone decides which can count.
        said = [key.algorithm_name] if each.get("alg") else ALGORITHMS
        keys[str(each.get("kid", ""))] = _Key(key.key, [a for a in said if a in ALGORITHMS])
    if not keys:
        raise ProviderFailed("there is no key for signatures among them.")
    return keys


def _object_in(content: bytes) -> Mapping[str, Any] | None:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


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
            subject = self.provider.name_of(claims)
        except jwt.PyJWTError as error:
            _LOG.info("a token was refused: %s", error)
            return None
        except ProviderFailed as error:
            _LOG.warning("nobody new is let in: %s %s", error, error.advice)
            return None
        roles = sorted(self.provider.roles_of(claims))
        return AccessToken(
            token=token,
            client_id=str(claims.get("client_id") or claims.get("azp") or subject),
            subject=subject,
            scopes=roles,
            expires_at=int(claims["exp"]) + SKEW,  # the SDK compares it with our clock
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
        key = await self.keys.key(str(header.get("kid", "")))
        if key is None:
            raise jwt.InvalidKeyError("the provider has no such key")
        claims: Mapping[str, Any] = jwt.decode(
            token,
            key.key,
            algorithms=key.algorithms,
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
